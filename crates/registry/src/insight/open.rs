//! Which cooperations of this city are under way.

use isopolity_domain::CityId;

use crate::{Error, Registry};

/// A cooperation that is under way.
pub(super) struct Open {
    /// Its resource name.
    pub(super) name: String,
    /// The host and the participants.
    pub(super) cities: Vec<CityId>,
    /// The records that it is about.
    pub(super) subjects: Vec<String>,
}

impl Registry {
    /// The cooperations that are under way, by name: all, or those with one city. A draft is with nobody yet.
    ///
    /// # Errors
    /// What the store says.
    pub(super) async fn under_way(&self, with: Option<&CityId>) -> Result<Vec<Open>, Error> {
        let rows = self.store().open_cooperations().await?.into_iter().filter(|row| row.sequence > 0);
        let open = rows.map(|row| Open {
            name: row.name,
            cities: std::iter::once(row.host).chain(row.participants).collect(),
            subjects: row.subjects,
        });
        Ok(open.filter(|one| with.is_none_or(|city| one.cities.contains(city))).collect())
    }
}
