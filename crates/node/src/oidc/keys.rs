//! The provider's keys (a JWKS, RFC 7517), of which only those are kept with which a token may be signed.

use isopolity_domain::bearer::{Algorithm, SignedHeader};
use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;

/// The most keys that are kept.
const KEYS_MAX: usize = 100;

/// The keys that may have signed.
#[derive(Debug, Default)]
pub(super) struct Keys(Vec<Key>);

/// A key, for one algorithm.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    public: DecodingKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    /// Reads a set. A key that can't be used here is passed over: a provider may have others, for others.
    pub(super) fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        let set: Set = serde_json::from_slice(json)?;
        let keys = set.keys.into_iter().take(KEYS_MAX).filter_map(|key| Key::of(&serde_json::from_value(key).ok()?));
        Ok(Self(keys.collect()))
    }

    /// The key that a header names. Where it names none, the only one there is for the algorithm.
    pub(super) fn find(&self, header: &SignedHeader) -> Option<DecodingKey> {
        let mut fitting = self
            .0
            .iter()
            .filter(|key| key.algorithm == header.algorithm && (header.key_id.is_none() || header.key_id == key.id));
        let found = fitting.next()?;
        (header.key_id.is_some() || fitting.next().is_none()).then(|| found.public.clone())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Key {
    fn of(jwk: &Jwk) -> Option<Self> {
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::Rs256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::Es256,
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDsa,
            _ => return None,
        };
        // One that is said to be for another algorithm is not used for this one.
        let is_for_it = matches!(
            (algorithm, jwk.common.key_algorithm),
            (_, None)
                | (Algorithm::Rs256, Some(KeyAlgorithm::RS256))
                | (Algorithm::Es256, Some(KeyAlgorithm::ES256))
                | (Algorithm::EdDsa, Some(KeyAlgorithm::EdDSA))
        );
        if !is_for_it {
            return None;
        }
        let public = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { id: jwk.common.key_id.clone(), algorithm, public })
    }
}
