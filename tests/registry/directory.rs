//! The signed list of members: what a node takes in place of what, and who becomes and stays a peer by it.

use std::collections::BTreeSet;

use isopolity_domain::{
    Clock as _,
    directory::{self, Directory, Member, Operators, parse_public_keys, public_key_text},
    envelope::{self, SigningKey},
};
use isopolity_federation::{Bundle, Identity};
use isopolity_proto::{
    admin::{self, PeerOrigin, PeerState},
    error::Reason,
    options::Audience,
};
use isopolity_registry::Error;
use isopolity_tests::{
    Resident, Town,
    impostor::new_identity,
    sample::{asking, partnership, partnerships},
    town::{administrator, grant},
};
use time::Duration;

const FEIRA: &str = "feira.example";
const GENEVE: &str = "geneve.example";
const KENITRA: &str = "kenitra.example";
const NAME: &str = "cities.example";

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// Two of three operators.
fn operators() -> Operators {
    let texts: Vec<String> = [1, 2, 3].map(|number| public_key_text(&key(number).verifying_key())).to_vec();
    let keys = parse_public_keys(texts.iter().map(String::as_str)).unwrap();
    Operators { federation: NAME.into(), keys, threshold: 2 }
}

async fn bundle(of: &Resident) -> Vec<u8> {
    of.registry.own_bundle(&administrator()).await.unwrap().0.to_vec()
}

fn content(at: &Resident, version: i64, bundles: &[Vec<u8>]) -> Directory {
    let mut members: Vec<Member> = bundles
        .iter()
        .map(|file| {
            let bundle = Bundle::parse(file).unwrap();
            Member { city: bundle.city, endpoint: bundle.endpoint, bundle: bundle.file }
        })
        .collect();
    members.sort_by(|one, other| one.city.cmp(&other.city));
    let issued = at.clock.now();
    Directory { federation: NAME.into(), version, issued, expires: issued + Duration::days(30), members }
}

fn signed(directory: &Directory, by: &[u8]) -> Vec<u8> {
    let mut sealed = directory.unsigned();
    for &number in by {
        directory::sign(&mut sealed, &key(number)).unwrap();
    }
    envelope::to_file(&sealed).into_bytes()
}

async fn settle(town: &Town, city: &str) -> Resident {
    let resident = town.settle(city).await;
    resident.registry.follow_directory(operators()).await.unwrap();
    resident
}

async fn offer(at: &Resident, file: &[u8]) -> Result<i64, Reason> {
    let taken = at.registry.offer_directory(&administrator(), file).await;
    taken.map(|status| status.version).map_err(|error: Error| error.reason())
}

async fn status(at: &Resident) -> admin::DirectoryStatus {
    at.registry.directory(&administrator()).await.unwrap().0
}

async fn peer(at: &Resident, city: &str) -> admin::Peer {
    let peers = at.registry.list_peers(&administrator(), true, false).await.unwrap();
    peers.into_iter().find(|peer| peer.city == city).unwrap()
}

#[tokio::test]
async fn whom_the_directory_names_is_a_peer_and_whom_it_names_no_more_has_left() {
    let town = Town::default();
    let [feira, geneve, kenitra] =
        [settle(&town, FEIRA).await, settle(&town, GENEVE).await, settle(&town, KENITRA).await];
    let all = [bundle(&feira).await, bundle(&geneve).await, bundle(&kenitra).await];
    geneve.create("one", partnership("One", "MA")).await;
    let first = signed(&content(&feira, 1, &all), &[1, 2]);
    for at in [&feira, &geneve, &kenitra] {
        assert_eq!(offer(at, &first).await, Ok(1));
    }
    let found = feira.registry.search(&administrator(), &asking(partnerships()), None).await.unwrap();
    assert_eq!((found.total, found.outcomes.len()), (1, 3), "no handshake in pairs was needed");
    let of_geneve = peer(&feira, GENEVE).await;
    assert_eq!((of_geneve.state(), of_geneve.origin()), (PeerState::Active, PeerOrigin::Directory));
    assert_eq!(of_geneve.audience(), Audience::Public);
    assert_eq!(status(&feira).await.members, 3);

    let second = signed(&content(&feira, 2, &all[..2]), &[1, 3]);
    assert_eq!(offer(&feira, &second).await, Ok(2));
    let gone = peer(&feira, KENITRA).await;
    assert_eq!(gone.state(), PeerState::Left);
    assert_eq!(gone.state_reason, "not in the directory of cities.example any more since version 2");
    // Who comes back with it is a peer again; who was left by an administrator is not.
    feira.registry.leave_peer(&administrator(), GENEVE, "a quarrel").await.unwrap();
    let third = signed(&content(&feira, 3, &all), &[2, 3]);
    assert_eq!(offer(&feira, &third).await, Ok(3));
    assert_eq!(peer(&feira, KENITRA).await.state(), PeerState::Active);
    assert_eq!(
        (peer(&feira, GENEVE).await.state(), peer(&feira, GENEVE).await.state_reason.as_str()),
        (PeerState::Left, "a quarrel")
    );
}

#[tokio::test]
async fn the_directory_does_not_win_against_a_bundle_that_was_taken_by_hand() {
    let town = Town::default();
    let [feira, geneve] = [settle(&town, FEIRA).await, settle(&town, GENEVE).await];
    let by_hand = bundle(&geneve).await;
    feira.registry.add_peer(&administrator(), &by_hand).await.unwrap();
    grant(&feira, &geneve, Audience::Federation).await;
    let usurper: Identity = new_identity(GENEVE);
    for sequence in [1, 9] {
        let other = usurper.sign_bundle("https://127.0.0.1:1", sequence, feira.clock.now()).to_vec();
        let version = sequence;
        let named = signed(&content(&feira, version, &[bundle(&feira).await, other]), &[1, 2]);
        assert_eq!(offer(&feira, &named).await, Ok(version));
        let held = peer(&feira, GENEVE).await;
        assert_eq!(held.bundle_fingerprint, Bundle::parse(&by_hand).unwrap().fingerprint());
        assert_eq!(
            (held.state(), held.audience(), held.origin()),
            (PeerState::Active, Audience::Federation, PeerOrigin::Exchange)
        );
        assert!(
            held.directory_trouble.contains("another trust bundle than the one that was taken by hand"),
            "{held:?}"
        );
    }
    // Nor does it make a peer leave that it did not make one.
    let named = signed(&content(&feira, 10, &[bundle(&feira).await]), &[1, 2]);
    assert_eq!(offer(&feira, &named).await, Ok(10));
    let held = peer(&feira, GENEVE).await;
    assert_eq!((held.state(), held.directory_trouble.as_str()), (PeerState::Active, ""));
}

#[tokio::test]
async fn t4_rollback_of_the_directory_is_refused_also_after_a_restart() {
    let town = Town::default();
    let feira = settle(&town, FEIRA).await;
    let own = [bundle(&feira).await];
    let (older, newer) = (signed(&content(&feira, 4, &own), &[1, 2]), signed(&content(&feira, 5, &own), &[1, 2]));
    assert_eq!(offer(&feira, &newer).await, Ok(5));
    assert_eq!(offer(&feira, &older).await, Err(Reason::DirectoryRollback));
    feira.registry.found_directory("the file", Ok(older.clone())).await;
    let said = status(&feira).await;
    assert_eq!((said.version, said.trouble_reason()), (5, Reason::DirectoryRollback));
    assert!(said.trouble.contains("version 4, but 5 was seen before"), "{}", said.trouble);
    let closed = town.close(feira);
    let feira = town.open(closed).await;
    feira.registry.follow_directory(operators()).await.unwrap();
    assert_eq!(offer(&feira, &older).await, Err(Reason::DirectoryRollback));
    assert_eq!(status(&feira).await.version, 5);
    feira.registry.found_directory("the file", Ok(newer)).await;
    assert_eq!(status(&feira).await.trouble, "", "what is in order again is no trouble");
}

#[tokio::test]
async fn t4_freeze_of_the_directory_is_named_and_a_peer_that_has_a_later_one_ends_it() {
    let town = Town::default();
    let [feira, geneve] = [settle(&town, FEIRA).await, settle(&town, GENEVE).await];
    let all = [bundle(&feira).await, bundle(&geneve).await];
    let first = signed(&content(&feira, 1, &all), &[1, 2]);
    for at in [&feira, &geneve] {
        assert_eq!(offer(at, &first).await, Ok(1));
    }
    assert_eq!(status(&feira).await.trouble, "");
    for at in [&feira, &geneve] {
        at.clock.advance(Duration::days(30));
    }
    let said = status(&feira).await;
    assert_eq!((said.version, said.trouble_reason()), (1, Reason::DirectoryExpired));
    assert!(said.trouble.contains("expired at") && said.trouble.contains("stays in force"), "{}", said.trouble);
    assert_eq!(peer(&feira, GENEVE).await.state(), PeerState::Active, "nobody loses service by it");
    // Whoever serves the old one for ever is found out: the others have a later one.
    feira.registry.found_directory("the file", Ok(first)).await;
    assert_eq!(status(&feira).await.trouble_reason(), Reason::DirectoryExpired);
    assert_eq!(offer(&geneve, &signed(&content(&geneve, 2, &all), &[2, 3])).await, Ok(2));
    feira.registry.tend_peers().await;
    assert_eq!(status(&feira).await.version, 2, "fetched from a peer");
    let old = signed(&content(&feira, 3, &all), &[1, 2]);
    feira.clock.advance(Duration::days(31));
    assert_eq!(offer(&feira, &old).await, Err(Reason::DirectoryExpired));
    assert_eq!(status(&feira).await.version, 2);
}

#[tokio::test]
async fn t4_fast_forward_of_the_directory_is_refused_and_a_reset_is_the_way_out() {
    let town = Town::default();
    let feira = settle(&town, FEIRA).await;
    let own = [bundle(&feira).await];
    let at = |version: i64| signed(&content(&feira, version, &own), &[1, 2]);
    assert_eq!(offer(&feira, &at(5)).await, Ok(5));
    assert_eq!(offer(&feira, &at(1_006)).await, Err(Reason::DirectoryFastForward));
    assert_eq!(status(&feira).await.version, 5);
    assert_eq!(offer(&feira, &at(1_005)).await, Ok(1_005), "step by step it goes");
    // The way out: the operators begin again below, and each node is told so by its administrator.
    assert_eq!(offer(&feira, &at(6)).await, Err(Reason::DirectoryRollback));
    let reset =
        async |version| feira.registry.reset_directory(&administrator(), version).await.map_err(|error| error.reason());
    assert_eq!(reset(5).await.unwrap_err(), Reason::DirectoryRollback, "it must be confirmed");
    reset(1_005).await.unwrap();
    assert_eq!(offer(&feira, &at(6)).await, Ok(6));
    assert_eq!(offer(&feira, &at(5)).await, Err(Reason::DirectoryRollback));
}

#[tokio::test]
async fn t4_mix_and_match_of_directories_leaves_the_one_in_force() {
    let town = Town::default();
    let [feira, geneve] = [settle(&town, FEIRA).await, settle(&town, GENEVE).await];
    let (ours, theirs) = (bundle(&feira).await, bundle(&geneve).await);
    assert_eq!(offer(&feira, &signed(&content(&feira, 1, std::slice::from_ref(&ours)), &[1, 2])).await, Ok(1));
    let next = content(&feira, 2, &[ours.clone(), theirs.clone()]);
    // One signature of this one and one of another.
    let mut mixed = envelope::from_file(&signed(&next, &[1])).unwrap();
    let other = envelope::from_file(&signed(&content(&feira, 3, std::slice::from_ref(&ours)), &[2])).unwrap();
    mixed.signatures.extend(other.signatures);
    let mixed = envelope::to_file(&mixed).into_bytes();
    // A federation of the same operators.
    let foreign = signed(&Directory { federation: "harbours.example".into(), ..next.clone() }, &[1, 2]);
    // One city's bundle under another's name, and at another place.
    let mut renamed = next.clone();
    renamed.members[1].city = KENITRA.parse().unwrap();
    let mut moved = next.clone();
    moved.members[1].endpoint = "https://127.0.0.1:2".into();
    let mut broken = next.clone();
    broken.members[1].bundle = b"bundle".as_slice().into();
    for (what, file, why) in [
        ("mixed signatures", mixed, Reason::DirectorySignatures),
        ("too few", signed(&next, &[1]), Reason::DirectorySignatures),
        ("a stranger's", signed(&next, &[1, 9]), Reason::DirectorySignatures),
        ("another federation's", foreign, Reason::DirectoryInvalid),
        ("another city's bundle", signed(&renamed, &[1, 2]), Reason::DirectoryInvalid),
        ("another endpoint", signed(&moved, &[1, 2]), Reason::DirectoryInvalid),
        ("no bundle", signed(&broken, &[1, 2]), Reason::DirectoryInvalid),
        ("a bundle", theirs.clone(), Reason::DirectoryInvalid),
        ("nothing", Vec::new(), Reason::DirectoryInvalid),
    ] {
        assert_eq!(offer(&feira, &file).await, Err(why), "{what}");
        feira.registry.found_directory(GENEVE, Ok(file)).await;
        let said = status(&feira).await;
        assert_eq!((said.version, said.trouble_reason()), (1, why), "{what}: it says so");
        assert!(said.trouble.starts_with("from geneve.example: "), "{}", said.trouble);
        let known: BTreeSet<String> =
            feira.registry.store().peers().await.unwrap().iter().map(|peer| peer.city.to_string()).collect();
        assert!(known.is_empty(), "{what}: {known:?}");
    }
    assert_eq!(offer(&feira, &signed(&next, &[1, 2])).await, Ok(2));
}

#[tokio::test]
async fn a_node_without_operators_has_no_directory_and_passes_none_on() {
    let town = Town::default();
    let [feira, geneve] = town.of([FEIRA, GENEVE]).await;
    let file = signed(&content(&feira, 1, &[bundle(&feira).await]), &[1, 2]);
    assert_eq!(offer(&feira, &file).await, Err(Reason::DirectoryMissing));
    let refused = geneve.registry.directory_for_peer(&FEIRA.parse().unwrap(), 0).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::DirectoryMissing);
    let stranger = geneve.registry.directory_for_peer(&KENITRA.parse().unwrap(), 0).await.unwrap_err();
    assert_eq!(stranger.reason(), Reason::PeerUnknown);
}
