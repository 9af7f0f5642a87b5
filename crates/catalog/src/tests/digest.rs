use isopolity_domain::{
    CityId,
    digest::{CheckedDigest, contains},
    query,
    sight::Sight,
};
use isopolity_proto::{
    federation::{Digest, Question, WordFilter},
    options::{Audience, Facet},
    registry::{Partnership, PartnershipStage},
};
use prost_types::Timestamp;

use super::{
    oracle::{Dice, expected, seen},
    support::{Desk, asking, at, sector, texts, titled},
};

/// Those that peers can have.
const CLEARANCES: [Audience; 2] = [Audience::Public, Audience::Federation];

fn city() -> CityId {
    "feira.example".parse().unwrap()
}

fn digest(desk: &Desk, clearance: Audience) -> Digest {
    desk.catalog.digest(&city(), Sight::of(clearance), Timestamp { seconds: 7, nanos: 0 }).unwrap()
}

fn words(digest: &Digest) -> &WordFilter {
    digest.words.as_ref().unwrap()
}

#[test]
fn a_digest_holds_what_its_audience_sees_and_nothing_else() {
    let mut desk = Desk::new();
    let layered = Partnership {
        lessons: texts("permit", "en"),
        stage: PartnershipStage::Launch.into(),
        sectors: vec![sector(isopolity_proto::types::SectorScheme::Nace, "2", "10.71")],
        ..titled("bakery")
    };
    desk.publish_open("partnerships/layered", layered);
    desk.publish(&[("partnerships/inside", Audience::Internal, titled("secret"))]);
    desk.publish_open("partnerships/gone", titled("vanished"));
    desk.withdraw("partnerships/gone");
    for (clearance, records, permit, secret) in [
        (Audience::Public, 1, false, false),
        (Audience::Federation, 1, true, false),
        (Audience::Internal, 2, true, true),
    ] {
        let digest = digest(&desk, clearance);
        let holds = |word| contains(words(&digest), word, false);
        assert_eq!([holds("permit"), holds("secret"), holds("vanished")], [permit, secret, false], "{clearance:?}");
        assert!(contains(words(&digest), "bakery", true) && !contains(words(&digest), "permit", true));
        assert_eq!(digest.statistics.as_ref().unwrap().records, records);
        assert_eq!((digest.city.as_str(), digest.epoch.as_str(), digest.sequence), ("feira.example", "e1", 4));
        assert_eq!((digest.audience(), digest.create_time.unwrap().seconds), (clearance, 7));
        let values = |facet: Facet| -> Vec<String> {
            let counts = digest.facets.iter().find(|counts| counts.facet() == facet).unwrap();
            counts.values.iter().map(|one| one.value.clone()).collect()
        };
        assert_eq!(values(Facet::Stage), if permit { vec!["LAUNCH"] } else { vec![] });
        assert_eq!(values(Facet::Sector), ["NACE/2/10", "NACE/2/10.7", "NACE/2/10.71", "NACE/2/C"]);
        assert_eq!(values(Facet::Kind), ["partnership"]);
        assert!(digest.facets.iter().all(|counts| counts.facet() != Facet::City));
        if clearance != Audience::Internal {
            CheckedDigest::check(digest, &city()).unwrap();
        }
    }
}

#[test]
fn a_digest_is_kept_until_something_is_published() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/one", titled("bakery"));
    let first = digest(&desk, Audience::Public);
    let later = Timestamp { seconds: 8, nanos: 0 };
    assert_eq!(desk.catalog.digest(&city(), Sight::of(Audience::Public), later).unwrap(), first);
    desk.publish_open("partnerships/two", titled("cork"));
    let second = desk.catalog.digest(&city(), Sight::of(Audience::Public), later).unwrap();
    assert_eq!((second.sequence, second.create_time), (2, Some(later)));
    assert_ne!(words(&second).salt, words(&first).salt);
}

#[test]
fn an_empty_catalogue_has_a_digest_that_rules_it_out() {
    let desk = Desk::new();
    desk.catalog.apply(&[], at(3)).unwrap();
    let digest = CheckedDigest::check(digest(&desk, Audience::Public), &city()).unwrap();
    assert!(digest.rules_out(&Question::default(), &query::parse("")).is_some());
}

#[test]
fn a_digest_never_rules_out_a_question_that_finds_something() {
    let (mut desk, mut dice) = (Desk::new(), Dice(91));
    let (all, _) = dice.fill(&mut desk, 300);
    let digests = CLEARANCES.map(|clearance| CheckedDigest::check(digest(&desk, clearance), &city()).unwrap());
    let views = CLEARANCES.map(|clearance| seen(&all, clearance));
    let (mut found, mut ruled_out) = (0, 0);
    for _ in 0..600 {
        let (question, who) = (dice.question(), dice.below(2));
        let reason = digests[who].rules_out(&question, &query::parse(&question.text));
        let finds = !expected(&views[who], &question).is_empty();
        assert!(!(finds && reason.is_some()), "{question:?} {reason:?}");
        found += usize::from(finds);
        ruled_out += usize::from(reason.is_some());
    }
    assert!(found > 100 && ruled_out > 50, "{found} {ruled_out}");
    let unheard = asking("unheard");
    assert!(digests[0].rules_out(&unheard, &query::parse("unheard")).is_some());
}
