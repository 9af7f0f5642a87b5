//! Signed payloads: DSSE envelopes (github.com/secure-systems-lab/dsse, protocol 1.0.2) with Ed25519 (RFC 8032).

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use ed25519_dalek::{Signature as Ed25519Signature, Signer as _};
use isopolity_proto::{
    federation::{Envelope, Signature},
    json,
};
use sha2::{Digest as _, Sha256};

pub use ed25519_dalek::{SigningKey, VerifyingKey};

/// The payload type of a signed record.
pub const RECORD: &str = "application/vnd.isopolity.record.v1+protobuf";
/// The payload type of a signed trust bundle.
pub const BUNDLE: &str = "application/vnd.isopolity.bundle.v1+json";

/// Everything that a city signs with its record key, by payload type. The type is part of what is signed, so a signature made
/// for one of them is none for another.
pub const CONTEXTS: [&str; 4] = [RECORD, BUNDLE, crate::cooperation::EVENT, crate::cooperation::RECEIPT];

/// An envelope that is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The payload is of another type than was expected.
    #[error("the payload is of type {found:?}, not {expected:?}")]
    PayloadType {
        /// The type in the envelope.
        found: String,
        /// The type that was expected.
        expected: &'static str,
    },
    /// There is no signature, or more than one.
    #[error("the envelope carries {0} signatures, not one")]
    SignatureCount(usize),
    /// The signing key is not among the city's keys.
    #[error("signed with key {0:?}, which is not in the city's bundle")]
    UnknownKey(String),
    /// The signature does not fit the payload.
    #[error("the signature does not fit: the content was changed, or another key signed it")]
    BadSignature,
    /// The file is not an envelope in the form in which records are exported.
    #[error("not an exported record: {0}")]
    File(String),
    /// The payload is not what its type says.
    #[error("the payload can't be read: {0}")]
    Payload(String),
}

/// Public keys by their `kid`.
pub type Keys = BTreeMap<String, VerifyingKey>;

/// The `kid` of a key: its JWK thumbprint (RFC 7638, RFC 8037), SHA-256 in base64url.
#[must_use]
pub fn key_id(key: &VerifyingKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes()))
}

/// Signs a payload.
#[must_use]
pub fn seal(payload_type: &str, payload: Bytes, key: &SigningKey) -> Envelope {
    let signature = key.sign(&pre_authentication_encoding(payload_type, &payload));
    Envelope {
        payload,
        payload_type: payload_type.to_owned(),
        signatures: vec![Signature {
            sig: Bytes::copy_from_slice(&signature.to_bytes()),
            keyid: key_id(&key.verifying_key()),
        }],
    }
}

/// Checks an envelope's type and signature and returns its payload.
///
/// # Errors
/// [`EnvelopeError`] if it is of another type, or not signed, once, by one of `keys`.
pub fn open(envelope: &Envelope, expected: &'static str, keys: &Keys) -> Result<Bytes, EnvelopeError> {
    if envelope.payload_type != expected {
        return Err(EnvelopeError::PayloadType { found: envelope.payload_type.clone(), expected });
    }
    let [signature] = envelope.signatures.as_slice() else {
        return Err(EnvelopeError::SignatureCount(envelope.signatures.len()));
    };
    let key = keys.get(&signature.keyid).ok_or_else(|| EnvelopeError::UnknownKey(signature.keyid.clone()))?;
    let sig = Ed25519Signature::from_slice(&signature.sig)
        .map_err(|_error: ed25519_dalek::SignatureError| EnvelopeError::BadSignature)?;
    key.verify_strict(&pre_authentication_encoding(expected, &envelope.payload), &sig)
        .map_err(|_error: ed25519_dalek::SignatureError| EnvelopeError::BadSignature)?;
    Ok(envelope.payload.clone())
}

/// The envelope as a file: DSSE's JSON form on one line.
#[must_use]
pub fn to_file(envelope: &Envelope) -> String {
    let mut file = json::to_value(envelope, false).to_string();
    file.push('\n');
    file
}

/// Reads an envelope from a file that [`to_file`] wrote. Any other spelling of the same content is refused, so that not a
/// single byte of an exported record can be changed unnoticed.
///
/// # Errors
/// [`EnvelopeError::File`].
pub fn from_file(file: &[u8]) -> Result<Envelope, EnvelopeError> {
    let text = str::from_utf8(file).map_err(|error| EnvelopeError::File(error.to_string()))?;
    let envelope: Envelope = json::from_str(text).map_err(|error| EnvelopeError::File(error.to_string()))?;
    if to_file(&envelope) == text {
        Ok(envelope)
    } else {
        Err(EnvelopeError::File("it is not spelt as this program spells it; a byte was changed".to_owned()))
    }
}

/// What is signed: `"DSSEv1" SP len(type) SP type SP len(payload) SP payload`.
pub(crate) fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoding = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoding.extend_from_slice(payload);
    encoding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn keys() -> Keys {
        let public = key().verifying_key();
        Keys::from([(key_id(&public), public)])
    }

    #[test]
    fn the_encoding_is_that_of_the_dsse_specification() {
        // The example in DSSE's protocol.md.
        let encoding = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoding, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn the_key_id_is_that_of_rfc_8037() {
        // RFC 8037, appendix A.3.
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = VerifyingKey::from_bytes(&x.try_into().unwrap()).unwrap();
        assert_eq!(key_id(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn what_was_sealed_opens_and_only_as_what_it_is() {
        let envelope = seal(RECORD, Bytes::from_static(b"content"), &key());
        assert_eq!(open(&envelope, RECORD, &keys()).unwrap(), "content");
        assert!(matches!(open(&envelope, BUNDLE, &keys()), Err(EnvelopeError::PayloadType { .. })));
        assert!(matches!(open(&envelope, RECORD, &Keys::new()), Err(EnvelopeError::UnknownKey(_))));
        let unsigned = Envelope { signatures: Vec::new(), ..envelope };
        assert_eq!(open(&unsigned, RECORD, &keys()), Err(EnvelopeError::SignatureCount(0)));
    }

    #[test]
    fn t7_a_signature_made_for_one_context_is_refused_in_every_other() {
        let payload = Bytes::from_static(b"the same bytes everywhere");
        for made_for in CONTEXTS {
            let sealed = seal(made_for, payload.clone(), &key());
            for expected in CONTEXTS {
                assert_eq!(open(&sealed, expected, &keys()).is_ok(), made_for == expected, "{made_for} as {expected}");
                // Whoever only writes another type over it has no signature for it.
                let relabelled = Envelope { payload_type: expected.to_owned(), ..sealed.clone() };
                let opened = open(&relabelled, expected, &keys());
                if made_for == expected {
                    assert!(opened.is_ok(), "{made_for}");
                } else {
                    assert_eq!(opened, Err(EnvelopeError::BadSignature), "{made_for} relabelled as {expected}");
                }
            }
        }
        assert_eq!(std::collections::BTreeSet::from(CONTEXTS).len(), CONTEXTS.len(), "each is named once");
    }

    #[test]
    fn a_file_with_any_byte_changed_is_rejected() {
        let file = to_file(&seal(RECORD, Bytes::from_static(b"what a city published"), &key()));
        let check = |file: &[u8]| from_file(file).and_then(|envelope| open(&envelope, RECORD, &keys()));
        assert!(check(file.as_bytes()).is_ok());
        for position in 0..file.len() {
            for flip in [0x01_u8, 0x20, 0x80] {
                let mut changed = file.clone().into_bytes();
                changed[position] ^= flip;
                assert!(check(&changed).is_err(), "byte {position} may become {}", changed[position]);
            }
        }
    }
}
