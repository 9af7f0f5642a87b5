//! `[directory]`: the directory of a large federation.

use std::path::PathBuf;

use isopolity_domain::{
    CityId,
    directory::{Operators, parse_public_keys},
};
use serde::Deserialize;

/// `[directory]`. Without keys there is none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Directory {
    /// The federation's name, as the operators write it into the directory.
    pub federation: String,
    /// The operators' public keys, `ed25519:…`.
    pub keys: Vec<String>,
    /// How many of them must have signed.
    pub threshold: usize,
    /// Where the directory is put, relative to the configuration file. Peers pass it on too.
    pub file: Option<PathBuf>,
}

impl Directory {
    /// Whom to believe; `None` where no keys are named.
    ///
    /// # Errors
    /// The key of the configuration, and what is wrong with it.
    pub(crate) fn operators(&self) -> Result<Option<Operators>, (&'static str, String)> {
        if self.keys.is_empty() {
            let unused = !self.federation.is_empty() || self.threshold != 0 || self.file.is_some();
            let missing = || ("directory.keys", "must name the operators' public keys".to_owned());
            return if unused { Err(missing()) } else { Ok(None) };
        }
        let keys = parse_public_keys(self.keys.iter().map(String::as_str)).map_err(|what| ("directory.keys", what))?;
        if self.federation.parse::<CityId>().is_err() {
            return Err(("directory.federation", "must be the federation's name, a DNS name".to_owned()));
        }
        if !(1..=keys.len()).contains(&self.threshold) {
            return Err(("directory.threshold", format!("must be 1 to {}, the number of keys", keys.len())));
        }
        Ok(Some(Operators { federation: self.federation.clone(), keys, threshold: self.threshold }))
    }
}
