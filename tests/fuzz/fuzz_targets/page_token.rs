//! A page token, as a caller sends it: nothing that he makes up is taken, and nothing that is changed.
#![no_main]

use isopolity_domain::page_token;
use libfuzzer_sys::fuzz_target;

const KEY: [u8; 32] = [7; 32];

fuzz_target!(|input: (&str, &[u8])| {
    let (token, state) = input;
    let made = page_token::encode_bytes(&KEY, "a question", state);
    assert_eq!(page_token::decode_bytes(&KEY, "a question", &made, made.len()).as_deref(), Ok(state));
    assert!(page_token::decode_bytes(&KEY, "another", &made, made.len()).is_err());
    for token in [token, &made[..made.len() - 1]] {
        assert!(page_token::decode_bytes(&[8; 32], "a question", token, 1 << 20).is_err());
        let _ = page_token::decode(&KEY, "a question", token);
    }
});
