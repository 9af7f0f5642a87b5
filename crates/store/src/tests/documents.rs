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
    a_document_is_erased_only_at_the_revision_that_was_read,
    references_are_replaced_and_lead_back,
    an_erased_document_refers_to_nothing,
    a_deleted_document_stays_and_can_be_restored,
    a_deleted_document_does_not_count_as_there_nor_as_a_user,
    many_documents_are_written_and_read_at_once,
);

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

async fn a_document_is_erased_only_at_the_revision_that_was_read(bed: Bed) {
    let store = bed.store().await;
    store.add(&[document(&name("one"))]).await;
    let mut tx = store.begin("test").await.unwrap();
    assert!(!tx.erase_document(&name("one"), 2).await.unwrap());
    assert!(tx.erase_document(&name("one"), 1).await.unwrap());
    assert!(!tx.erase_document(&name("one"), 1).await.unwrap());
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

async fn an_erased_document_refers_to_nothing(bed: Bed) {
    let store = bed.store().await;
    store.add(&[document(&name("a")), document(&name("b"))]).await;
    let mut tx = store.begin("test").await.unwrap();
    tx.set_references(&name("b"), &[name("a")]).await.unwrap();
    assert!(tx.erase_document(&name("b"), 1).await.unwrap());
    assert!(tx.referrers(&name("a"), 1).await.unwrap().is_empty());
    tx.commit().await.unwrap();
}

async fn a_deleted_document_stays_and_can_be_restored(bed: Bed) {
    let store = bed.store().await;
    let first = document(&name("one"));
    store.add(std::slice::from_ref(&first)).await;
    let deleted =
        Document { revision: 2, delete_time: Some(first.update_time + time::Duration::MICROSECOND), ..first.clone() };
    let mut tx = store.begin("test").await.unwrap();
    assert!(tx.update_document(&deleted, 1).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store.document(&first.name).await.unwrap(), Some(deleted));
    let mut tx = store.begin("test").await.unwrap();
    let error = tx.insert_documents(std::slice::from_ref(&first)).await.unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error:?}");
    let restored = Document { revision: 3, ..first };
    assert!(tx.update_document(&restored, 2).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store.document(&restored.name).await.unwrap(), Some(restored));
}

async fn a_deleted_document_does_not_count_as_there_nor_as_a_user(bed: Bed) {
    let store = bed.store().await;
    let organization: Name = "cities/feira.example/organizations/x".parse().unwrap();
    let deleted = Document { delete_time: Some(document(&name("b")).update_time), ..document(&name("b")) };
    store.add(&[document(&name("a")), deleted.clone(), document(&name("c")), document(&organization)]).await;
    let mut tx = store.begin("test").await.unwrap();
    for from in [name("a"), name("b"), name("c"), organization.clone()] {
        tx.set_references(&from, &[name("c")]).await.unwrap();
    }
    assert_eq!(tx.existing(&[name("a"), name("b")]).await.unwrap(), [name("a")].into());
    assert_eq!(tx.referrers(&name("c"), 10).await.unwrap(), [organization.clone(), name("a"), name("c")]);
    let partnerships = tx.referrers_of_kind(&name("c"), Kind::Partnership, None, 10).await.unwrap();
    assert_eq!(partnerships, [name("a"), name("c")]);
    assert_eq!(
        tx.deleted_referrers(&name("c"), deleted.delete_time.unwrap()).await.unwrap(),
        std::slice::from_ref(&deleted)
    );
    assert!(tx.deleted_referrers(&name("c"), deleted.create_time).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    let after_a = store.referrers_of_kind(&name("c"), Kind::Partnership, Some(&name("a")), 10).await.unwrap();
    assert_eq!(after_a, [name("c")]);
    assert_eq!(store.referrers_of_kind(&name("c"), Kind::Organization, None, 1).await.unwrap(), [organization]);
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
