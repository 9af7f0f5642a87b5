//! A trust bundle, as somebody sends it who wants to be a city: first its file, then its content in an envelope that is signed.
#![no_main]

use isopolity_domain::envelope::{self, SigningKey};
use isopolity_federation::Bundle;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let key = SigningKey::from_bytes(&[7; 32]);
    let signed = envelope::seal(envelope::BUNDLE, bytes.to_vec().into(), &key);
    for file in [bytes.to_vec(), envelope::to_file(&signed).into_bytes()] {
        if let Ok(bundle) = Bundle::parse(&file) {
            assert!(bundle.sequence > 0 && !bundle.authorities.is_empty() && !bundle.keys.is_empty());
            assert_eq!(bundle.succeeds(&bundle), Ok(()));
        }
    }
});
