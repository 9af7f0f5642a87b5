//! Countries as people write them.

use isopolity_domain::codes::{self, CodeError};

/// Names that public data uses and that no list of codes has.
const OTHER_NAMES: [(&str, &str); 0] = [];

/// The code of a country (ISO 3166-1 alpha-2, or `XK`) by one of its codes or names.
///
/// # Errors
/// What was probably meant.
pub(crate) fn code_of(text: &str) -> Result<String, String> {
    let folded = isopolity_domain::text::words(text).join(" ");
    if let Some((_, code)) = OTHER_NAMES.iter().find(|(name, _)| *name == folded) {
        return Ok((*code).to_owned());
    }
    match codes::check("iso3166-1", text) {
        Ok(()) => Ok(text.to_owned()),
        // A longer word leads to a country only if it is its name; a shorter one may be a slip.
        Err(CodeError::Unknown { nearest: Some(code), .. }) if text.chars().count() > 3 || text.len() == 2 => Ok(code),
        Err(error) => Err(error.to_string()),
    }
}
