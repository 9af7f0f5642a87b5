use isopolity_domain::answer::SortKey;
use isopolity_proto::{
    federation::{Question, SearchOrder},
    options::Audience,
};

use super::support::{Desk, asking, changed_at, ids, score, titled};

#[test]
fn the_latest_change_comes_first_and_ties_are_in_the_order_of_names() {
    let mut desk = Desk::new();
    // The ties lie in different commits and not in the order of names.
    for (id, seconds, nanos) in
        [("m", 5, 0), ("z", 5, 1_000), ("b", 5, 0), ("old", 4, 999_999_000), ("a", 5, 0), ("new", 6, 0)]
    {
        desk.publish_open(&format!("partnerships/{id}"), changed_at(seconds, nanos));
    }
    let by_time = Question { order: SearchOrder::UpdateTime.into(), ..Question::default() };
    assert_eq!(desk.ids(&by_time), ["new", "z", "a", "b", "m", "old"]);
    assert_eq!(desk.ids(&Question::default()), ["new", "z", "a", "b", "m", "old"]);
    let keys: Vec<_> = desk.search(&by_time).hits.iter().filter_map(|hit| hit.key.clone()).collect();
    assert_eq!(keys[1], SortKey::UpdateTime(5_000_001_000));
    assert_eq!(keys[5], SortKey::UpdateTime(4_999_999_000));
}

#[test]
fn a_cut_through_ties_leaves_the_first_names() {
    let mut desk = Desk::new();
    for id in ["d", "a", "e", "c", "b"] {
        desk.publish_open(&format!("partnerships/{id}"), changed_at(7, 0));
    }
    let many: Vec<_> = (0..40).map(|number| (format!("partnerships/f{number:02}"), changed_at(7, 0))).collect();
    let borrowed: Vec<_> =
        many.iter().rev().map(|(name, one)| (name.as_str(), Audience::Public, one.clone())).collect();
    desk.publish(&borrowed);
    let first = |limit| {
        let found = desk.search_as(&Question::default(), Audience::Public, limit);
        assert_eq!((found.total, found.records), (45, 45));
        ids(&found)
    };
    assert_eq!(first(3), ["a", "b", "c"]);
    assert_eq!(first(7), ["a", "b", "c", "d", "e", "f00", "f01"]);
    assert!(first(0).is_empty());
    assert_eq!(first(usize::MAX).len(), 45);
}

#[test]
fn the_best_match_comes_first_and_equal_ones_are_in_the_order_of_names() {
    let mut desk = Desk::new();
    for (id, title) in [
        ("c", "cork and bakery from the hills"),
        ("z", "bakery cork"),
        ("b", "cork and bakery from the hills"),
        ("a", "cork and bakery from the hills"),
        ("y", "bakery"),
    ] {
        desk.publish_open(&format!("partnerships/{id}"), titled(title));
    }
    for text in ["bakery cork", "cork bakery", "hills from bakery cork"] {
        let found = desk.search(&asking(text));
        let equal: Vec<_> =
            found.hits.iter().filter(|hit| !hit.name.ends_with('z')).map(|hit| score(hit.key.clone())).collect();
        assert!(equal.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits()), "{text}: {equal:?}");
    }
    assert_eq!(desk.ids_of("bakery cork"), ["z", "a", "b", "c"]);
    assert_eq!(desk.ids_of("bakery")[0], "y");
    let by_time = Question { order: SearchOrder::UpdateTime.into(), ..asking("bakery cork") };
    assert_eq!(desk.ids(&by_time), ["a", "b", "c", "z"]);
}
