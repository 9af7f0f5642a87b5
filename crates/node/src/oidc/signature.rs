//! Checking signatures, by *ring*, which is what TLS uses here too. `jsonwebtoken` brings other implementations along, of which none is
//! built: one of them can't be told from the outside, and two more would be two more to keep.

use isopolity_domain::bearer;
use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature::{Error as SignatureError, Verifier},
};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

static BY_RING: CryptoProvider = CryptoProvider {
    signer_factory: nothing_is_signed,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Lets `jsonwebtoken` check by *ring*, in this whole process.
pub(super) fn install() {
    // The second time it is there already; nobody else installs one.
    let _ = BY_RING.install_default();
}

/// How it is called there.
pub(super) fn algorithm(algorithm: bearer::Algorithm) -> Algorithm {
    match algorithm {
        bearer::Algorithm::Rs256 => Algorithm::RS256,
        bearer::Algorithm::Es256 => Algorithm::ES256,
        bearer::Algorithm::EdDsa => Algorithm::EdDSA,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is that of jsonwebtoken")]
fn nothing_is_signed(_algorithm: &Algorithm, _key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is that of jsonwebtoken")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    match algorithm {
        Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA => {
            Ok(Box::new(ByRing { algorithm: *algorithm, key: key.clone() }))
        }
        _ => Err(ErrorKind::UnsupportedAlgorithm.into()),
    }
}

struct ByRing {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for ByRing {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        if self.key.family() != self.algorithm.family() {
            return Err(SignatureError::new());
        }
        let verified = match (self.algorithm, self.key.kind()) {
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Algorithm::ES256, DecodingKeyKind::SecretOrDer(key)) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature)
            }
            (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(key)) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
            _ => return Err(SignatureError::new()),
        };
        verified.map_err(|_unspecified: ring::error::Unspecified| SignatureError::new())
    }
}

impl JwtVerifier for ByRing {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
