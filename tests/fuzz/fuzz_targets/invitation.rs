//! An invitation code, as somebody may type or mangle it.
#![no_main]

use isopolity_domain::invitation::Invitation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for code in [text.to_owned(), format!("ISOPOLITY-INVITATION-1-{text}")] {
        if let Ok(read) = Invitation::parse(&code) {
            assert_eq!(Invitation::parse(&read.to_code()).expect("what was read is written"), read);
        }
    }
});
