//! `[cooperation]`: how the city works together with others.

use isopolity_registry::cooperation::Rules;
use serde::Deserialize;

/// `[cooperation]`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cooperation {
    /// What binds the city waits for a second person's approval.
    pub second_person: bool,
}

impl Cooperation {
    pub(crate) fn rules(self) -> Rules {
        Rules { second_person: self.second_person }
    }
}
