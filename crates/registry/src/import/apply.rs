//! Writing what was planned.

use std::collections::BTreeSet;

use isopolity_domain::{
    Name,
    matching::{self, Subject},
};
use isopolity_store::Tx;
use prost_reflect::DynamicMessage;

use super::plan::Write;
use crate::{Caller, Error, Registry, author::Change, matching::KnownSubjects};

/// The most records that are named as perhaps the same.
const MATCHES_MAX: usize = 5;

impl Registry {
    /// Writes resources and what the transaction holds besides, all of it or nothing.
    pub(super) async fn apply(&self, caller: &Caller, mut tx: Tx, mut writes: Vec<Write>) -> Result<(), Error> {
        let along: Vec<Name> = writes.iter().filter(|write| write.is_along).map(|write| write.name.clone()).collect();
        if !along.is_empty() {
            // A file may bring it itself, and may have done so before.
            let there: BTreeSet<Name> = tx.documents(&along).await?.into_iter().map(|one| one.name).collect();
            writes.retain(|write| !write.is_along || !there.contains(&write.name));
        }
        if writes.is_empty() {
            return Ok(tx.commit().await?);
        }
        let (mut fresh, mut replaced) = (Vec::new(), Vec::new());
        let mut changes = Vec::with_capacity(writes.len());
        for Write { name, mut resource, before, .. } in writes {
            changes.push(match before {
                None => {
                    let document = self.first_version(&name, &mut resource);
                    fresh.push(document.clone());
                    Change::created(document)
                }
                Some(before) => {
                    let document = self.next_version(&before, &mut resource);
                    replaced.push((document.clone(), before.revision));
                    Change::updated(document).after(&before)
                }
            });
        }
        tx.insert_documents(&fresh).await?;
        for (document, revision) in replaced {
            if !tx.update_document(&document, revision).await? {
                return Err(Error::EtagMismatch(document.name));
            }
        }
        self.settle(tx, caller, changes, false).await
    }
}

/// Names of records that may be of the same organisation or place as these new ones, the likeliest first; afterwards these
/// are known, too.
pub(super) fn possible_matches(known: &mut KnownSubjects, unmatched: &[(Name, DynamicMessage)]) -> Vec<String> {
    let subjects: Vec<Subject> =
        unmatched.iter().filter_map(|(name, resource)| matching::subject(name, resource)).collect();
    let mut found: Vec<String> = subjects.iter().flat_map(|subject| known.possible_matches(subject)).collect();
    found.retain(|name| subjects.iter().all(|subject| subject.name != *name));
    found.truncate(MATCHES_MAX);
    for subject in subjects {
        known.extend(subject);
    }
    found
}
