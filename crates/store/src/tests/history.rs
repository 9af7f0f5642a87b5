use isopolity_proto::registry::RevisionChange;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::bed::{Bed, name, on_both_databases};
use crate::{Request, Revision};

on_both_databases!(
    versions_are_listed_from_the_latest,
    a_version_is_kept_once,
    a_request_is_found_by_who_made_it_until_it_is_forgotten,
);

const THEN: OffsetDateTime = datetime!(2026-03-15 12:00:00.5 UTC);

fn revision(id: &str, revision: i64) -> Revision {
    let change = if revision == 1 { RevisionChange::Created } else { RevisionChange::Updated };
    let body = format!("version {revision} of {id}").into();
    Revision { name: name(id), revision, time: THEN + Duration::minutes(revision), author: "abc".into(), change, body }
}

async fn versions_are_listed_from_the_latest(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    let mut all: Vec<_> = (1..=450).map(|number| revision("a", number)).collect();
    all.push(revision("b", 1));
    tx.add_revisions(&all).await.unwrap();
    assert_eq!(tx.revision(&name("a"), 2).await.unwrap(), Some(revision("a", 2)));
    tx.commit().await.unwrap();
    assert_eq!(store.revisions(&name("a"), None, 2).await.unwrap(), [revision("a", 450), revision("a", 449)]);
    assert_eq!(store.revisions(&name("a"), Some(3), 10).await.unwrap(), [revision("a", 2), revision("a", 1)]);
    assert_eq!(store.revisions(&name("b"), None, 10).await.unwrap(), [revision("b", 1)]);
    assert!(store.revisions(&name("c"), None, 10).await.unwrap().is_empty());
    assert_eq!(store.revision(&name("b"), 2).await.unwrap(), None);
}

async fn a_version_is_kept_once(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    tx.add_revisions(&[revision("a", 1)]).await.unwrap();
    assert!(tx.add_revisions(&[revision("a", 1)]).await.is_err());
    assert!(tx.commit().await.is_err());
    assert!(store.revisions(&name("a"), None, 10).await.unwrap().is_empty());
}

async fn a_request_is_found_by_who_made_it_until_it_is_forgotten(bed: Bed) {
    let store = bed.store().await;
    let request = |author: &str, time| Request {
        author: author.into(),
        request_id: "8c5d".into(),
        digest: vec![7; 32],
        name: name("a"),
        revision: 3,
        time,
    };
    let (early, late) = (request("early", THEN), request("late", THEN + Duration::HOUR));
    let mut tx = store.begin("test").await.unwrap();
    tx.add_request(&early).await.unwrap();
    tx.add_request(&late).await.unwrap();
    assert_eq!(tx.request("early", "8c5d").await.unwrap(), Some(early));
    assert_eq!(tx.request("other", "8c5d").await.unwrap(), None);
    assert_eq!(tx.forget_requests(THEN + Duration::HOUR).await.unwrap(), 1);
    assert_eq!(tx.request("early", "8c5d").await.unwrap(), None);
    assert_eq!(tx.request("late", "8c5d").await.unwrap(), Some(late));
    tx.commit().await.unwrap();
}
