//! A signed envelope, as a file or from a peer: of a record, of a bundle, of whatever it claims to be.
#![no_main]

use isopolity_domain::{
    envelope::{self, Keys, SigningKey},
    record,
};
use isopolity_proto::federation::Envelope;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

fuzz_target!(|bytes: &[u8]| {
    let city = "a.example".parse().expect("a city");
    let key = SigningKey::from_bytes(&[7; 32]);
    let keys = Keys::from([(envelope::key_id(&key.verifying_key()), key.verifying_key())]);
    let sent = Envelope::decode(bytes).ok();
    let filed = envelope::from_file(bytes).ok();
    for envelope in sent.into_iter().chain(filed) {
        // Whoever does not have the key signs nothing.
        assert!(record::verify(&envelope, &city, &keys).is_err());
        if let Ok(record) = record::read(&envelope) {
            let _ = record::resource(&record);
        }
        let again = envelope::from_file(envelope::to_file(&envelope).as_bytes());
        assert!(again.is_err() || again == Ok(envelope), "what is written as a file is read as it was");
    }
});
