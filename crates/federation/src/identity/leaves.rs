//! Which certificates the node issued to itself, so that all of them can be withdrawn, also those of before a restart.

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{IdentityError, files};

const FILE: &str = "leaves.json";
/// As many are remembered: a node renews twice a week, and issues one at each start.
const MOST: usize = 500;

/// A certificate that the node issued to itself for the federation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedLeaf {
    /// Its serial number, in hexadecimal.
    pub serial: String,
    /// The CA that issued it.
    pub authority: String,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub issued: OffsetDateTime,
    /// Until when it is valid.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
}

pub(super) fn read(folder: &Path) -> Result<Vec<IssuedLeaf>, IdentityError> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = files::read(&path)?;
    serde_json::from_str(&text).map_err(|error| IdentityError::file(&path, format!("is damaged: {error}")))
}

/// Remembers one more, and forgets those that have ended.
pub(super) fn add(folder: &Path, leaf: IssuedLeaf) -> Result<(), IdentityError> {
    let mut leaves = read(folder)?;
    leaves.retain(|one| one.not_after > leaf.issued && one.serial != leaf.serial);
    leaves.push(leaf);
    let surplus = leaves.len().saturating_sub(MOST);
    leaves.drain(..surplus);
    let path = folder.join(FILE);
    let text = serde_json::to_string_pretty(&leaves).map_err(|error| IdentityError::file(&path, error))?;
    files::replace(&path, format!("{text}\n").as_bytes())
}
