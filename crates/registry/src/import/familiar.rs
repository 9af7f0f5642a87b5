//! Which of the organisations and places that an import brings may be known here already.
//!
//! An import of any size into a registry of any size: held are, of at most 200,000 records, the name and a few numbers, tens
//! of megabytes at the most. What is alike without sharing an identifier or a name in one country is not looked for;
//! `FindMatches` does.

use std::collections::BTreeSet;

use isopolity_domain::{
    Name,
    matching::{self, POSSIBLE, Subject},
};

use crate::{Error, Registry, author::Resource, matching::KINDS};

/// The most records that are known. Later ones are compared with those only.
const SUBJECTS_MAX: usize = 200_000;
/// The most records with which a new one is compared.
const COMPARED_MAX: usize = 5;

/// The organisations and places of a registry, as far as a new one is recognised by them.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    /// Marks ([`matching::marks`]), each with whose it is.
    marks: BTreeSet<(u64, u32)>,
    names: Vec<Box<str>>,
}

impl Familiar {
    /// Those of this registry, without some that were only just written.
    pub(super) async fn of(registry: &Registry, just_written: &BTreeSet<&str>) -> Result<Self, Error> {
        let mut familiar = Self::default();
        for kind in KINDS {
            let mut after = None;
            loop {
                for subject in registry.subjects(kind, &mut after).await? {
                    if !just_written.contains(subject.name.as_str()) {
                        familiar.add(&subject);
                    }
                }
                if after.is_none() || familiar.names.len() >= SUBJECTS_MAX {
                    break;
                }
            }
        }
        Ok(familiar)
    }

    /// Knows a record from now on.
    pub(super) fn add(&mut self, subject: &Subject) {
        let Some(at) = u32::try_from(self.names.len()).ok().filter(|_| self.names.len() < SUBJECTS_MAX) else { return };
        self.marks.extend(matching::marks(subject).into_iter().map(|mark| (mark, at)));
        self.names.push(subject.name.as_str().into());
    }

    /// Whether a new record may be of something that is known: it shares a mark with a record, and compared as a whole both
    /// are alike.
    pub(super) async fn knows(&self, registry: &Registry, subject: &Subject) -> Result<bool, Error> {
        for name in self.candidates(subject) {
            let document = registry.store().document(&name).await?;
            let Some(document) = document.filter(|document| document.delete_time.is_none()) else { continue };
            let record = Resource::decode(name.kind(), document.body)?.0;
            let other = matching::subject(&name, &record);
            if other.is_some_and(|other| matching::compare(subject, &other).score >= POSSIBLE) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn candidates(&self, subject: &Subject) -> Vec<Name> {
        let mut found = BTreeSet::new();
        for mark in matching::marks(subject) {
            found.extend(self.marks.range((mark, 0)..=(mark, u32::MAX)).take(COMPARED_MAX).map(|(_, at)| *at));
        }
        let names = found.into_iter().filter_map(|at| self.names.get(usize::try_from(at).ok()?));
        let others = names.filter(|name| ***name != *subject.name).filter_map(|name| name.parse().ok());
        others.take(COMPARED_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use isopolity_domain::matching::SubjectKind;

    use super::*;

    fn organization(id: &str, title: &str) -> Subject {
        let name = format!("cities/feira.example/organizations/{id}");
        Subject::named(&name, SubjectKind::Organization, &[title], "PT")
    }

    #[test]
    fn a_record_is_compared_with_few_others_and_never_with_itself() {
        let mut familiar = Familiar::default();
        for nth in 0..9 {
            let mill = organization(&nth.to_string(), "Moinho");
            assert_eq!(familiar.candidates(&mill).len(), nth.min(COMPARED_MAX));
            familiar.add(&mill);
        }
        assert_eq!(familiar.candidates(&organization("0", "Moinho")).len(), COMPARED_MAX - 1);
        assert!(familiar.candidates(&organization("x", "Padaria")).is_empty());
    }
}
