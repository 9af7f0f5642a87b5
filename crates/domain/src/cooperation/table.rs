//! Every legal and illegal message in every standing.

/// The generated table.
#[must_use]
pub fn document() -> String {
    String::new()
}
