//! What is kept between two pages. A token is authenticated before it is read; this is for the day when a key is lost.
#![no_main]

use isopolity_domain::page::PageState;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(state) = PageState::decode(bytes) {
        let again = PageState::decode(&state.encode()).expect("what is written can be read");
        assert_eq!(again.encode(), state.encode());
        let _ = state.after_for(&"a.example".parse().expect("a city"));
    }
});
