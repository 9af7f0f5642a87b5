//! A directory, as a hostile peer may send it: the envelope's file, or the payload, signed by nobody.
#![no_main]

use isopolity_domain::{
    directory::{Directory, Operators, PAYLOAD_TYPE},
    envelope,
};
use isopolity_proto::federation::{Envelope, Signature};
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;

fuzz_target!(|input: (&[u8], &[u8], String)| {
    let (bytes, sig, keyid) = input;
    let signatures = vec![Signature { sig: sig.to_vec().into(), keyid }];
    let made = Envelope { payload: bytes.to_vec().into(), payload_type: PAYLOAD_TYPE.to_owned(), signatures };
    let operators = Operators { federation: "cities.example".to_owned(), keys: envelope::Keys::new(), threshold: 1 };
    for sealed in [Some(made), envelope::from_file(bytes).ok()].into_iter().flatten() {
        assert!(operators.judge(&sealed, None, OffsetDateTime::UNIX_EPOCH).is_err(), "nobody has signed it");
        if let Ok(read) = Directory::read(&sealed) {
            assert_eq!(Directory::read(&read.unsigned()).expect("what was read is written"), read);
        }
    }
});
