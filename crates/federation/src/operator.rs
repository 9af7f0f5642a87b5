//! Keys of those who sign a directory, as files. They are no keys of a city.

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, spki::der::pem::LineEnding};
use isopolity_domain::envelope::SigningKey;
use zeroize::Zeroizing;

/// A new Ed25519 key (PKCS#8, PEM), for its owner alone.
///
/// # Errors
/// A line that says what is wrong with the machine.
pub fn new_key() -> Result<Zeroizing<String>, String> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|error| error.to_string())?;
    SigningKey::from_bytes(&seed).to_pkcs8_pem(LineEnding::LF).map_err(|error| error.to_string())
}

/// Reads a key that [`new_key`] or another program made.
///
/// # Errors
/// A line that says what such a key looks like.
pub fn read_key(pem: &str) -> Result<SigningKey, String> {
    SigningKey::from_pkcs8_pem(pem).map_err(|error| format!("holds no Ed25519 key (PKCS#8, PEM): {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let pem = new_key().unwrap();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_ne!(read_key(&pem).unwrap(), read_key(&new_key().unwrap()).unwrap());
        assert!(read_key("nothing").unwrap_err().contains("Ed25519"));
    }
}
