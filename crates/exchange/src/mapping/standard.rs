//! The mapping by which our own tables are read back.

use std::fmt::Write as _;

use isopolity_domain::Kind;

use super::{Mapping, MappingError};
use crate::write::flat::{EXACT_COLUMN, columns};

/// The mapping for tables of a kind as [`crate::write`] writes them.
///
/// # Errors
/// None in practice: the mapping is made from the same descriptor that it is checked against.
pub fn mapping_for(kind: Kind) -> Result<Mapping, MappingError> {
    Mapping::parse(&mapping_text_for(kind))
}

/// The same as the text of a mapping file, as a beginning for one's own.
#[must_use]
pub fn mapping_text_for(kind: Kind) -> String {
    let mut text = format!(
        "# Reads back a table of the kind {kind} as Isopolity writes it.\nkind = \"{kind}\"\nname_column = \"name\"\nexact_column = \"{EXACT_COLUMN}\"\nallow_missing_columns = true\n"
    );
    for column in columns(kind).iter().filter(|column| !column.path.is_output_only()) {
        let name = &column.name;
        let split = if column.path.is_whole_list() { "split = \";\"\n" } else { "" };
        // Writing to a text can't go wrong.
        let _ = write!(text, "\n[[field]]\nto = \"{}\"\ncolumn = \"{name}\"\n{split}", column.path);
    }
    text
}
