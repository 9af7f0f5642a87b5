//! What a caller shows before anything is known of them: a token, a session, or a token of an identity provider.
#![no_main]

use isopolity_domain::{
    bearer::{Bearer, SIGNED_MAX, SignedHeader},
    login::{check_password, network_of, user_name},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(shown) = Bearer::of_header(text) {
        assert!(text.split_once(' ').is_some_and(|(_, rest)| Bearer::parse(rest.trim()) == Some(shown)));
    }
    match Bearer::parse(text) {
        Some(Bearer::Token(id) | Bearer::Session(id)) => {
            assert!(!id.is_empty() && id.len() < text.len() && text.len() <= 100);
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        Some(Bearer::Signed(signed)) => {
            assert!(signed.len() <= SIGNED_MAX && signed.matches('.').count() == 2);
            if let Some(header) = SignedHeader::of(signed) {
                assert!(header.key_id.is_none_or(|id| (1..=256).contains(&id.len())));
            }
        }
        None => {}
    }
    // A header that nobody looked at before.
    let _ = SignedHeader::of(text);
    // Whoever signs in types something too.
    if let Some(name) = user_name(text) {
        assert_eq!(user_name(&name).as_ref(), Some(&name));
        assert!(check_password(&name, &name).is_err());
    }
    let (name, password) = text.split_once('\n').unwrap_or(("", text));
    let _ = check_password(password, name);
    if let Some(address) = bytes.first_chunk::<16>() {
        let network = network_of((*address).into());
        assert!(!network.is_empty());
    }
});
