use super::bed::{Bed, on_both_databases};

on_both_databases!(of_each_key_the_last_bundle_is_kept_in_order,);

async fn of_each_key_the_last_bundle_is_kept_in_order(bed: Bed) {
    let store = bed.store().await;
    assert!(store.own_bundles().await.unwrap().is_empty());
    for (sequence, signer) in [(1, "first"), (2, "first"), (10, "second"), (3, "first"), (11, "second")] {
        let mut tx = store.begin("test").await.unwrap();
        tx.put_own_bundle(sequence, signer, format!("{signer} {sequence}").as_bytes()).await.unwrap();
        tx.commit().await.unwrap();
    }
    let kept = store.own_bundles().await.unwrap();
    assert_eq!(kept, ["first 3", "second 11"]);
    // One that is not committed is not kept.
    let mut tx = store.begin("test").await.unwrap();
    tx.put_own_bundle(12, "second", b"second 12").await.unwrap();
    drop(tx);
    assert_eq!(store.own_bundles().await.unwrap(), kept);
}
