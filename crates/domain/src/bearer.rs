//! What a caller shows: `authorization: Bearer …`.
//!
//! Read before anything is known of the caller, so everything has a limit. Nothing is believed here: whether a token is good is
//! found out by whoever keeps its hash, or has the key of who signed it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// What a token of this node begins with.
pub const TOKEN: &str = "iso_";
/// What a session of this node begins with.
pub const SESSION: &str = "isos_";
/// The longest token or session, in bytes.
const OWN_MAX: usize = 100;
/// The longest token of an identity provider, in bytes.
pub const SIGNED_MAX: usize = 8 << 10;
/// The longest header of one, in bytes.
const HEADER_MAX: usize = 1 << 10;
/// The longest id of a key, in bytes.
const KEY_ID_MAX: usize = 256;

/// What a caller shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer<'a> {
    /// A token that this node made, with this public id.
    Token(&'a str),
    /// A session that this node began, with this public id.
    Session(&'a str),
    /// What may be a signed token of an identity provider (a JWT).
    Signed(&'a str),
}

/// How a signed token is signed. Others are not taken: `none` is no signature, and `HS…` would take a public key for a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA with PKCS #1 v1.5 and SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// What the header of a signed token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeader {
    /// How it is signed.
    pub algorithm: Algorithm,
    /// With which key. `None`: not said.
    pub key_id: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// What must be understood. Nothing of it is.
    crit: Option<serde_json::Value>,
}

impl<'a> Bearer<'a> {
    /// Reads what stands in the header `authorization`. `None`: nothing of this kind.
    #[must_use]
    pub fn of_header(header: &'a str) -> Option<Self> {
        let (scheme, shown) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        Self::parse(shown.trim())
    }

    /// Reads a token. `None`: it is none.
    #[must_use]
    pub fn parse(shown: &'a str) -> Option<Self> {
        if let Some(rest) = shown.strip_prefix(TOKEN) {
            return own(shown, rest).map(Self::Token);
        }
        if let Some(rest) = shown.strip_prefix(SESSION) {
            return own(shown, rest).map(Self::Session);
        }
        let mut parts = shown.split('.');
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_base64);
        let fits = shown.len() <= SIGNED_MAX && parts.clone().count() == 3 && parts.all(is_part);
        fits.then_some(Self::Signed(shown))
    }
}

impl SignedHeader {
    /// Reads the header of a signed token. `None`: it can't be read, or asks for what is not taken.
    #[must_use]
    pub fn of(signed: &str) -> Option<Self> {
        let (header, _) = signed.split_once('.')?;
        if header.len() > HEADER_MAX {
            return None;
        }
        let json = URL_SAFE_NO_PAD.decode(header).ok()?;
        let header: Header = serde_json::from_slice(&json).ok()?;
        let algorithm = match header.alg.as_str() {
            "RS256" => Algorithm::Rs256,
            "ES256" => Algorithm::Es256,
            "EdDSA" => Algorithm::EdDsa,
            _ => return None,
        };
        let fits = header.crit.is_none() && header.kid.as_ref().is_none_or(|kid| (1..=KEY_ID_MAX).contains(&kid.len()));
        fits.then_some(Self { algorithm, key_id: header.kid })
    }
}

/// The public id of what this node made.
fn own<'a>(shown: &str, rest: &'a str) -> Option<&'a str> {
    let (id, secret) = rest.split_once('_')?;
    let fits = shown.len() <= OWN_MAX
        && !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !secret.is_empty()
        && secret.bytes().all(is_base64);
    fits.then_some(id)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(header: &str) -> String {
        format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn what_this_node_made_is_told_from_what_others_signed() {
        assert_eq!(Bearer::of_header("Bearer iso_0a1b_c2-_x"), Some(Bearer::Token("0a1b")));
        assert_eq!(Bearer::of_header("bearer  isos_0a1b_c2"), Some(Bearer::Session("0a1b")));
        assert_eq!(Bearer::of_header("BEARER a.b.c"), Some(Bearer::Signed("a.b.c")));
        let long = format!("iso_{}_x", "a".repeat(100));
        let longer = format!("a.{}.c", "a".repeat(SIGNED_MAX));
        for wrong in [
            "",
            "iso_",
            "iso_a",
            "iso_a_",
            "iso__a",
            "iso_a_b c",
            "iso_a\0_b",
            "a.b",
            "a.b.c.d",
            "a..c",
            "a.b.",
            "a.b.c=",
            "ä.b.c",
        ] {
            assert_eq!(Bearer::parse(wrong), None, "{wrong:?}");
        }
        assert_eq!((Bearer::parse(&long), Bearer::parse(&longer)), (None, None));
        for wrong in ["", "Bearer", "Basic iso_a_b", "iso_a_b", "Bearer: iso_a_b"] {
            assert_eq!(Bearer::of_header(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn only_signatures_that_prove_something_are_taken() {
        let read = |header: &str| SignedHeader::of(&signed(header));
        let good = SignedHeader { algorithm: Algorithm::Es256, key_id: Some("k1".into()) };
        assert_eq!(read(r#"{"alg":"ES256","kid":"k1","typ":"JWT","jku":"https://evil.example"}"#), Some(good));
        assert_eq!(read(r#"{"alg":"EdDSA"}"#).unwrap().algorithm, Algorithm::EdDsa);
        assert_eq!(read(r#"{"alg":"RS256"}"#).unwrap().algorithm, Algorithm::Rs256);
        let long_key = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(257));
        let long = format!(r#"{{"alg":"ES256","x":"{}"}}"#, "k".repeat(1_024));
        for wrong in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"RS512"}"#,
            r#"{"alg":"es256"}"#,
            r#"{"alg":["ES256"]}"#,
            r#"{"kid":"k1"}"#,
            r#"{"alg":"ES256","crit":["exp"]}"#,
            r#"{"alg":"ES256","kid":""}"#,
            r#"{"alg":"ES256","kid":7}"#,
            "[]",
            "",
            &long_key,
            &long,
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(SignedHeader::of("====.a.b"), None);
        assert_eq!(SignedHeader::of("nothing"), None);
    }
}
