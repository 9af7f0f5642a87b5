//! A digest, as a hostile peer may send it.
#![no_main]

use isopolity_domain::{digest::CheckedDigest, query};
use isopolity_proto::federation::{Digest, Question};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

fuzz_target!(|input: (&[u8], &str)| {
    let (bytes, text) = input;
    let Ok(digest) = Digest::decode(bytes) else { return };
    let city = "a.example".parse().expect("a city");
    if let Ok(checked) = CheckedDigest::check(digest, &city) {
        let question = Question { text: text.to_owned(), ..Default::default() };
        let _ = checked.rules_out(&question, &query::parse(text));
    }
});
