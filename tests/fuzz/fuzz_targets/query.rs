//! The text of a question, as anybody may write it.
#![no_main]

use isopolity_domain::{
    highlight::highlight,
    query,
    text::{words, words_with_places},
};
use isopolity_proto::{
    registry::Partnership,
    to_dynamic,
    types::LocalizedText,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let query = query::parse(text);
    // What was understood, read again, is the same.
    assert_eq!(query::parse(&query.understood()), query);
    let placed: Vec<String> = words_with_places(text).into_iter().map(|(word, _)| word).collect();
    assert_eq!(placed, words(text));
    let title = LocalizedText { text: text.to_owned(), ..Default::default() };
    let partnership = Partnership { titles: vec![title], ..Default::default() };
    for found in highlight(&to_dynamic(&partnership), &query, 5) {
        assert!(text.contains(&found.fragment));
        let letters = found.fragment.chars().count() as i32;
        assert!(found.ranges.iter().all(|range| 0 <= range.start && range.start < range.end && range.end <= letters));
    }
});
