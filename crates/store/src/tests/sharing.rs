use isopolity_domain::{CityId, clock::to_timestamp, sharing::by_default};
use isopolity_proto::{
    admin::{PeerState, SharingAgreement},
    options::Audience,
};
use sea_orm::ConnectionTrait as _;
use time::macros::datetime;

use super::bed::{Bed, on_both_databases};
use crate::Peer;

on_both_databases!(
    an_agreement_takes_the_place_of_the_former_one_which_is_kept,
    who_was_approved_before_there_were_agreements_has_the_one_that_comes_with_approval,
);

fn city(id: &str) -> CityId {
    format!("{id}.example").parse().unwrap()
}

async fn an_agreement_takes_the_place_of_the_former_one_which_is_kept(bed: Bed) {
    let store = bed.store().await;
    let (first, second) = (datetime!(2026-03-16 09:00 UTC), datetime!(2026-03-17 09:00:00.000001 UTC));
    let mut tx = store.begin("test").await.unwrap();
    assert_eq!(tx.sharing_agreement(&city("praia")).await.unwrap(), None);
    let public = by_default(&city("praia"), Audience::Public);
    let kept = tx.set_sharing_agreement(&city("praia"), &public, "somebody", first).await.unwrap();
    assert_eq!(
        (kept.etag.as_str(), kept.author.as_str(), kept.update_time),
        ("1", "somebody", Some(to_timestamp(first)))
    );
    let wider = SharingAgreement { note: "as of today".into(), ..by_default(&city("praia"), Audience::Federation) };
    // What the store says itself is not taken from who sets it.
    let claimed = SharingAgreement { author: "nobody".into(), etag: "77".into(), ..wider.clone() };
    tx.set_sharing_agreement(&city("praia"), &claimed, "another", second).await.unwrap();
    tx.set_sharing_agreement(&city("dakar"), &by_default(&city("dakar"), Audience::Public), "x", first).await.unwrap();
    let now = tx.sharing_agreement(&city("praia")).await.unwrap().unwrap();
    tx.commit().await.unwrap();

    let expected = SharingAgreement {
        etag: "2".into(),
        author: "another".into(),
        update_time: Some(to_timestamp(second)),
        ..wider
    };
    assert_eq!(now, expected);
    assert_eq!(store.sharing_revisions(&city("praia"), 9).await.unwrap(), [expected.clone(), kept]);
    assert_eq!(store.sharing_revisions(&city("praia"), 1).await.unwrap(), std::slice::from_ref(&expected));
    let present = store.sharing_agreements().await.unwrap();
    let cities: Vec<_> = present.iter().map(|one| (one.city.as_str(), one.etag.as_str())).collect();
    assert_eq!(cities, [("dakar.example", "1"), ("praia.example", "2")]);
    assert!(store.sharing_revisions(&city("nowhere"), 9).await.unwrap().is_empty());
}

async fn who_was_approved_before_there_were_agreements_has_the_one_that_comes_with_approval(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    for (id, state, audience) in [
        ("active", PeerState::Active, Audience::Federation),
        ("invited", PeerState::Invited, Audience::Federation),
        ("left", PeerState::Left, Audience::Federation),
        ("suspended", PeerState::Suspended, Audience::Public),
    ] {
        let approve_time = Some(datetime!(2026-03-16 09:00 UTC));
        let peer = Peer { city: city(id), state, audience, approve_time, ..super::access::peer("x.example") };
        tx.put_peer(&peer).await.unwrap();
    }
    tx.commit().await.unwrap();
    store.close().await;
    // As the version before left it.
    let other = bed.other_program().await;
    for change in [
        "drop table sharing_agreement",
        "alter table record drop column cities",
        "delete from seaql_migrations where version = 'm20261126_000007_sharing'",
    ] {
        other.execute_unprepared(change).await.unwrap();
    }
    let store = bed.store().await;
    let present = store.sharing_agreements().await.unwrap();
    let told: Vec<_> = present.iter().map(|one| (one.city.as_str(), one.audience(), one.live_query)).collect();
    assert_eq!(told, [("active.example", Audience::Federation, true), ("suspended.example", Audience::Public, true)]);
    assert_eq!((present[0].author.as_str(), present[0].etag.as_str(), present[0].replication), ("node", "1", false));
}
