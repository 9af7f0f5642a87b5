use isopolity_domain::{Kind, Name, filter::Order};
use isopolity_proto::options::Audience;
use time::Duration;

use super::bed::{Bed, document, name, on_both_databases};
use crate::{Document, ListPoint, Listing, Store};

on_both_databases!(
    a_list_goes_by_the_bytes_of_the_name,
    a_list_holds_one_kind_and_what_the_clearance_allows,
    a_list_goes_by_what_was_asked_for_page_by_page,
    deleted_documents_are_listed_where_they_are_asked_for,
    a_kind_is_read_in_pieces,
);

fn names(documents: &[Document]) -> Vec<Name> {
    documents.iter().map(|one| one.name.clone()).collect()
}

fn all(order: &Order) -> Listing<'_> {
    Listing { kind: Kind::Partnership, clearance: Audience::Internal, show_deleted: false, order }
}

/// All pages of so many documents. Each point goes through its text.
async fn pages(store: &Store, listing: &Listing<'_>, limit: u64) -> Vec<Name> {
    let (mut seen, mut after): (Vec<Name>, Option<ListPoint>) = (Vec::new(), None);
    loop {
        let page = store.list(listing, after.as_ref(), limit).await.unwrap();
        assert!(page.len() <= usize::try_from(limit).unwrap());
        let Some(last) = page.last() else { return seen };
        let point = ListPoint::from(last);
        after = Some(point.to_string().parse().unwrap());
        assert_eq!(after.as_ref(), Some(&point));
        seen.extend(names(&page));
    }
}

async fn a_list_goes_by_the_bytes_of_the_name(bed: Bed) {
    let store = bed.store().await;
    let ordered: Vec<Name> =
        ["0", "a", "a--z", "a-1", "a-b", "a0", "a1", "a10", "a9", "aa", "ab", "b-a", "ba"].map(name).into();
    let documents: Vec<Document> = ordered.iter().rev().map(document).collect();
    store.add(&documents).await;
    let order = Order::default();
    assert_eq!(pages(&store, &all(&order), 3).await, ordered);
    assert_eq!(names(&store.list(&all(&order), None, u64::MAX).await.unwrap()), ordered);
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
    let order = Order::default();
    for (clearance, seen) in [
        (Audience::Unspecified, vec![]),
        (Audience::Public, vec!["public"]),
        (Audience::Federation, vec!["federation", "public"]),
        (Audience::Internal, vec!["federation", "internal", "public"]),
    ] {
        let listed = store.list(&Listing { clearance, ..all(&order) }, None, 10).await.unwrap();
        assert_eq!(names(&listed), seen.into_iter().map(name).collect::<Vec<_>>(), "{clearance:?}");
    }
    let cities = Listing { kind: Kind::City, clearance: Audience::Public, ..all(&order) };
    assert_eq!(store.list(&cities, None, 10).await.unwrap().len(), 1);
}

async fn a_list_goes_by_what_was_asked_for_page_by_page(bed: Bed) {
    let store = bed.store().await;
    // Every combination of two times, so that each key decides somewhere.
    let mut documents = Vec::new();
    for (created, changed) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for id in ["a", "b"] {
            let one = document(&name(&format!("{id}{created}{changed}")));
            let (create_time, update_time) =
                (one.create_time + Duration::days(created), one.update_time - Duration::microseconds(changed));
            documents.push(Document { create_time, update_time, ..one });
        }
    }
    store.add(&documents).await;
    for (text, expected) in [
        ("", ["a00", "a01", "a10", "a11", "b00", "b01", "b10", "b11"]),
        ("name desc", ["b11", "b10", "b01", "b00", "a11", "a10", "a01", "a00"]),
        ("create_time", ["a00", "a01", "b00", "b01", "a10", "a11", "b10", "b11"]),
        ("create_time desc", ["a10", "a11", "b10", "b11", "a00", "a01", "b00", "b01"]),
        ("update_time, name desc", ["b11", "b01", "a11", "a01", "b10", "b00", "a10", "a00"]),
        ("create_time desc, update_time", ["a11", "b11", "a10", "b10", "a01", "b01", "a00", "b00"]),
        ("update_time desc, create_time desc, name desc", ["b10", "a10", "b00", "a00", "b11", "a11", "b01", "a01"]),
        ("name, update_time desc", ["a00", "a01", "a10", "a11", "b00", "b01", "b10", "b11"]),
    ] {
        let order = Order::parse(text).unwrap();
        for limit in [1, 3, 8, 100] {
            let listed = pages(&store, &all(&order), limit).await;
            assert_eq!(listed, expected.map(name), "{text:?} in pages of {limit}");
        }
    }
}

async fn deleted_documents_are_listed_where_they_are_asked_for(bed: Bed) {
    let store = bed.store().await;
    let deleted = Document { delete_time: Some(document(&name("b")).update_time), ..document(&name("b")) };
    store.add(&[document(&name("a")), deleted, document(&name("c"))]).await;
    let order = Order::default();
    assert_eq!(pages(&store, &all(&order), 1).await, [name("a"), name("c")]);
    let shown = Listing { show_deleted: true, ..all(&order) };
    assert_eq!(pages(&store, &shown, 1).await, [name("a"), name("b"), name("c")]);
}

async fn a_kind_is_read_in_pieces(bed: Bed) {
    let store = bed.store().await;
    let deleted = Document { delete_time: Some(document(&name("c")).update_time), ..document(&name("c")) };
    let internal = Document { audience: Audience::Internal, ..document(&name("d")) };
    store.add(&[document(&name("a")), document(&name("b")), deleted, internal, document(&name("e"))]).await;
    let read = async |clearance, after: Option<Name>, limit| {
        names(&store.documents_of_kind(Kind::Partnership, clearance, after.as_ref(), limit).await.unwrap())
    };
    assert_eq!(read(Audience::Public, None, 2).await, [name("a"), name("b")]);
    assert_eq!(read(Audience::Public, Some(name("b")), 2).await, [name("e")]);
    assert_eq!(read(Audience::Internal, Some(name("b")), 10).await, [name("d"), name("e")]);
}

#[test]
fn what_is_no_place_in_a_list_is_refused() {
    for bad in ["", "1 2", "1 2 ", "x 2 cities/a.b", "1 y cities/a.b", "1 2 cities", "1 2 cities/a.b c"] {
        assert!(bad.parse::<ListPoint>().is_err(), "{bad:?}");
    }
}
