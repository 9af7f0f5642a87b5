//! How a list goes on: where the next page begins, in a form that only this node can make.
//!
//! A token is bound to its purpose (the list and what the caller may see of it) and authenticated, so it can be neither
//! changed nor carried over to another list. What it holds is not secret: it was in the page before.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use isopolity_proto::error::Reason;
use sha2::Sha256;

use crate::Violation;

/// The first byte of a token: its form.
const FORM: u8 = 1;
/// The length of an authentication code.
const CODE: usize = 32;
/// The longest token that is looked at.
const LONGEST: usize = 4_096;

/// A page token that is not one of this node, or not of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is damaged or belongs to another list: begin again without one")]
pub struct PageTokenError;

impl PageTokenError {
    /// The same as what is wrong with a field of a request.
    #[must_use]
    pub fn at(self, field: &str) -> Violation {
        Violation { field: field.to_owned(), reason: Reason::PageTokenInvalid, description: self.to_string() }
    }
}

/// The token that goes on after a point, for example a resource name.
#[must_use]
pub fn encode(key: &[u8; 32], purpose: &str, after: &str) -> String {
    encode_bytes(key, purpose, after.as_bytes())
}

/// The point after which the list goes on.
///
/// # Errors
/// [`PageTokenError`] if the token was not made with this key for this purpose, or is longer than 4 KiB.
pub fn decode(key: &[u8; 32], purpose: &str, token: &str) -> Result<String, PageTokenError> {
    let after = decode_bytes(key, purpose, token, LONGEST)?;
    String::from_utf8(after).map_err(|_error: std::string::FromUtf8Error| PageTokenError)
}

/// The token that goes on from a state, for example where a search stands in each city.
#[must_use]
pub fn encode_bytes(key: &[u8; 32], purpose: &str, state: &[u8]) -> String {
    let mut token = Vec::with_capacity(1 + CODE + state.len());
    token.push(FORM);
    token.extend_from_slice(&authenticate(key, purpose, state).finalize().into_bytes());
    token.extend_from_slice(state);
    URL_SAFE_NO_PAD.encode(token)
}

/// The state from which the list goes on. A token longer than `longest` bytes, as it is written, is not looked at.
///
/// # Errors
/// [`PageTokenError`] if the token was not made with this key for this purpose, or is too long.
pub fn decode_bytes(key: &[u8; 32], purpose: &str, token: &str, longest: usize) -> Result<Vec<u8>, PageTokenError> {
    if token.len() > longest {
        return Err(PageTokenError);
    }
    let mut token = URL_SAFE_NO_PAD.decode(token).map_err(|_error: base64::DecodeError| PageTokenError)?;
    let (code, state) = match token.split_first() {
        Some((&FORM, rest)) => rest.split_at_checked(CODE).ok_or(PageTokenError)?,
        _ => return Err(PageTokenError),
    };
    // In constant time.
    authenticate(key, purpose, state).verify_slice(code).map_err(|_error: hmac::digest::MacError| PageTokenError)?;
    Ok(token.split_off(1 + CODE))
}

fn authenticate(key: &[u8; 32], purpose: &str, state: &[u8]) -> Hmac<Sha256> {
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("HMAC takes a key of any length") };
    code.update(b"isopolity page token 1\0");
    // With its length, so that no purpose and state run into another pair.
    code.update(&(purpose.len() as u64).to_be_bytes());
    code.update(purpose.as_bytes());
    code.update(state);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn a_token_leads_back_to_its_point_for_its_purpose_only() {
        let token = encode(&KEY, "partnerships 10", "cities/a.b/partnerships/c");
        assert_eq!(decode(&KEY, "partnerships 10", &token).as_deref(), Ok("cities/a.b/partnerships/c"));
        assert_eq!(decode(&KEY, "partnerships 40", &token), Err(PageTokenError));
        assert_eq!(decode(&[8; 32], "partnerships 10", &token), Err(PageTokenError));
        assert_ne!(encode(&KEY, "ab", "c"), encode(&KEY, "a", "bc"));
    }

    #[test]
    fn a_token_with_any_byte_changed_is_refused() {
        let token = URL_SAFE_NO_PAD.decode(encode(&KEY, "list", "point")).unwrap();
        for at in 0..token.len() {
            let mut changed = token.clone();
            changed[at] ^= 1;
            assert!(decode(&KEY, "list", &URL_SAFE_NO_PAD.encode(changed)).is_err(), "byte {at}");
        }
        for end in 0..token.len() {
            assert!(decode(&KEY, "list", &URL_SAFE_NO_PAD.encode(&token[..end])).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bad in ["", "?", "next", &"A".repeat(5_000)] {
            assert_eq!(decode(&KEY, "list", bad), Err(PageTokenError));
        }
        assert_eq!(PageTokenError.at("page_token").reason, Reason::PageTokenInvalid);
    }

    #[test]
    fn a_long_state_comes_back_as_it_was_where_so_much_is_allowed() {
        let state: Vec<u8> = (0..=u8::MAX).cycle().take(150_000).collect();
        let token = encode_bytes(&KEY, "search", &state);
        assert_eq!(decode_bytes(&KEY, "search", &token, 256 * 1_024), Ok(state));
        assert_eq!(decode_bytes(&KEY, "search", &token, token.len() - 1), Err(PageTokenError));
        assert_eq!(decode_bytes(&KEY, "watch", &token, token.len()), Err(PageTokenError));
        assert_eq!(decode(&KEY, "search", &token), Err(PageTokenError));
        assert_eq!(decode_bytes(&KEY, "list", &encode_bytes(&KEY, "list", &[]), 64), Ok(Vec::new()));
        assert_eq!(decode(&KEY, "list", &encode_bytes(&KEY, "list", &[0xff])), Err(PageTokenError), "no text");
    }
}
