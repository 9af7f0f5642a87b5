use isopolity_domain::{Kind, Name};
use isopolity_proto::options::Audience;

use super::bed::{Bed, document, name, on_both_databases};
use crate::{Document, StoreError};

on_both_databases!(
    a_document_comes_back_as_it_was_committed,
    a_dropped_transaction_leaves_nothing,
    a_transaction_sees_what_it_wrote_and_others_do_not,
    a_name_is_taken_once,
    a_document_changes_only_from_the_revision_that_was_read,
    a_document_is_deleted_only_at_the_revision_that_was_read,
    references_are_replaced_and_lead_back,
    a_deleted_document_refers_to_nothing,
    a_list_goes_by_the_bytes_of_the_name,
    a_list_holds_one_kind_and_what_the_clearance_allows,
    many_documents_are_written_and_read_at_once,
);

fn names(documents: &[Document]) -> Vec<Name> {
    documents.iter().map(|one| one.name.clone()).collect()
}

async fn a_document_comes_back_as_it_was_committed(bed: Bed) {
    let store = bed.store().await;
    let (kept, missing) = (document(&name("kept")), name("missing"));
    store.add(std::slice::from_ref(&kept)).await;
    assert_eq!(store.document(&kept.name).await.unwrap(), Some(kept.clone()));
    assert_eq!(store.document(&missing).await.unwrap(), None);
    let asked = [missing, kept.name.clone(), kept.name.clone()];
    assert_eq!(store.documents(&asked).await.unwrap(), [kept]);
    assert!(store.documents(&[]).await.unwrap().is_empty());
}

async fn a_dropped_transaction_leaves_nothing(bed: Bed) {
    let store = bed.store().await;
    for _ in 0..10 {
        let mut tx = store.begin("test").await.unwrap();
        tx.insert_documents(&[document(&name("dropped"))]).await.unwrap();
        assert_eq!(tx.next_positions(1).await.unwrap().sequence, 1);
        drop(tx);
        assert_eq!(store.document(&name("dropped")).await.unwrap(), None);
    }
    store.add(&[document(&name("dropped"))]).await;
    assert!(store.document(&name("dropped")).await.unwrap().is_some());
}

async fn a_transaction_sees_what_it_wrote_and_others_do_not(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    tx.insert_documents(&[document(&name("new"))]).await.unwrap();
    assert!(tx.document(&name("new")).await.unwrap().is_some());
    assert_eq!(tx.documents(&[name("new")]).await.unwrap().len(), 1);
    assert_eq!(tx.existing(&[name("new"), name("missing")]).await.unwrap(), [name("new")].into());
    assert_eq!(store.document(&name("new")).await.unwrap(), None);
    tx.commit().await.unwrap();
    assert!(store.document(&name("new")).await.unwrap().is_some());
}

async fn a_name_is_taken_once(bed: Bed) {
    let store = bed.store().await;
    store.add(&[document(&name("taken"))]).await;
    let mut tx = store.begin("test").await.unwrap();
    for again in [vec![document(&name("free")), document(&name("taken"))], vec![document(&name("twice")); 2]] {
        let taken = again[1].name.to_string();
        let error = tx.insert_documents(&again).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{taken} exists already"));
        assert!(matches!(error, StoreError::Exists { name } if name == taken));
    }
    // Nothing was added, and the transaction can go on.
    assert!(tx.existing(&[name("free"), name("twice")]).await.unwrap().is_empty());
    tx.insert_documents(&[document(&name("free"))]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(store.document(&name("free")).await.unwrap().is_some());
}

async fn a_document_changes_only_from_the_revision_that_was_read(bed: Bed) {
    let store = bed.store().await;
    let first = document(&name("one"));
    store.add(std::slice::from_ref(&first)).await;
    let second = Document {
        revision: 2,
        audience: Audience::Internal,
        update_time: first.update_time + time::Duration::HOUR,
        body: "changed".into(),
        ..first.clone()
    };
    let mut tx = store.begin("test").await.unwrap();
    assert!(tx.update_document(&second, 1).await.unwrap());
    assert!(!tx.update_document(&second, 1).await.unwrap());
    assert!(!tx.update_document(&document(&name("missing")), 1).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store.document(&first.name).await.unwrap(), Some(second));
}

async fn a_document_is_deleted_only_at_the_revision_that_was_read(bed: Bed) {
    let store = bed.store().await;
    store.add(&[document(&name("one"))]).await;
    let mut tx = store.begin("test").await.unwrap();
    assert!(!tx.delete_document(&name("one"), 2).await.unwrap());
    assert!(tx.delete_document(&name("one"), 1).await.unwrap());
    assert!(!tx.delete_document(&name("one"), 1).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store.document(&name("one")).await.unwrap(), None);
}

async fn references_are_replaced_and_lead_back(bed: Bed) {
    let store = bed.store().await;
    store.add(&[document(&name("a")), document(&name("b"))]).await;
    let elsewhere: Name = "cities/kenitra.example/partnerships/x".parse().unwrap();
    let mut tx = store.begin("test").await.unwrap();
    tx.set_references(&name("b"), &[elsewhere.clone(), name("a"), elsewhere.clone()]).await.unwrap();
    tx.set_references(&name("a"), std::slice::from_ref(&elsewhere)).await.unwrap();
    assert_eq!(tx.referrers(&elsewhere, 10).await.unwrap(), [name("a"), name("b")]);
    assert_eq!(tx.referrers(&elsewhere, 1).await.unwrap(), [name("a")]);
    assert_eq!(tx.referrers(&name("a"), 10).await.unwrap(), [name("b")]);
    tx.set_references(&name("b"), &[]).await.unwrap();
    assert_eq!(tx.referrers(&elsewhere, 10).await.unwrap(), [name("a")]);
    assert!(tx.referrers(&name("a"), 10).await.unwrap().is_empty());
    tx.commit().await.unwrap();
}

async fn a_deleted_document_refers_to_nothing(bed: Bed) {
    let store = bed.store().await;
    store.add(&[document(&name("a")), document(&name("b"))]).await;
    let mut tx = store.begin("test").await.unwrap();
    tx.set_references(&name("b"), &[name("a")]).await.unwrap();
    assert!(tx.delete_document(&name("b"), 1).await.unwrap());
    assert!(tx.referrers(&name("a"), 1).await.unwrap().is_empty());
    tx.commit().await.unwrap();
}

async fn a_list_goes_by_the_bytes_of_the_name(bed: Bed) {
    let store = bed.store().await;
    let ordered: Vec<Name> =
        ["0", "a", "a--z", "a-1", "a-b", "a0", "a1", "a10", "a9", "aa", "ab", "b-a", "ba"].map(name).into();
    let documents: Vec<Document> = ordered.iter().rev().map(document).collect();
    store.add(&documents).await;
    let (mut seen, mut after): (Vec<Name>, Option<Name>) = (Vec::new(), None);
    loop {
        let page = store.list(Kind::Partnership, Audience::Public, after.as_ref(), 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        seen.extend(names(&page));
    }
    assert_eq!(seen, ordered);
    let all = store.list(Kind::Partnership, Audience::Public, None, u64::MAX).await.unwrap();
    assert_eq!(names(&all), ordered);
}

async fn a_list_holds_one_kind_and_what_the_clearance_allows(bed: Bed) {
    let store = bed.store().await;
    let with = |id: &str, audience| Document { audience, ..document(&name(id)) };
    store
        .add(&[
            document(&"cities/feira.example".parse().unwrap()),
            document(&"cities/feira.example/agreements/x".parse().unwrap()),
            with("federation", Audience::Federation),
            with("internal", Audience::Internal),
            with("nobody", Audience::Unspecified),
            with("public", Audience::Public),
        ])
        .await;
    for (clearance, seen) in [
        (Audience::Unspecified, vec![]),
        (Audience::Public, vec!["public"]),
        (Audience::Federation, vec!["federation", "public"]),
        (Audience::Internal, vec!["federation", "internal", "public"]),
    ] {
        let listed = store.list(Kind::Partnership, clearance, None, 10).await.unwrap();
        assert_eq!(names(&listed), seen.into_iter().map(name).collect::<Vec<_>>(), "{clearance:?}");
    }
    assert_eq!(store.list(Kind::City, Audience::Public, None, 10).await.unwrap().len(), 1);
}

async fn many_documents_are_written_and_read_at_once(bed: Bed) {
    let store = bed.store().await;
    let names: Vec<Name> = (0..1_201).map(|number| name(&format!("n{number:04}"))).collect();
    store.add(&names.iter().map(document).collect::<Vec<_>>()).await;
    assert_eq!(store.documents(&names).await.unwrap().len(), names.len());
    let mut tx = store.begin("test").await.unwrap();
    assert_eq!(tx.existing(&names).await.unwrap().len(), names.len());
    tx.set_references(&names[0], &names).await.unwrap();
    assert_eq!(tx.referrers(&names[1_200], 10).await.unwrap(), names[..1]);
}
