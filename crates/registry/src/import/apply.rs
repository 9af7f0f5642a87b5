//! Writing what was planned.

use std::collections::BTreeSet;

use isopolity_domain::Name;
use isopolity_store::Tx;
use prost_reflect::DynamicMessage;

use super::plan::Write;
use crate::{Caller, Error, Registry, author::Change};

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
                    Change::updated(document)
                }
            });
        }
        tx.insert_documents(&fresh).await?;
        for (document, revision) in replaced {
            if !tx.update_document(&document, revision).await? {
                return Err(Error::EtagMismatch(document.name));
            }
        }
        self.settle(tx, caller.id(), changes, false).await
    }

    /// Records that may be of the same organisation or place as each of these new ones, the likeliest first.
    pub(super) async fn possible_matches(&self, unmatched: &[(Name, DynamicMessage)]) -> Result<Vec<Name>, Error> {
        let mut found: Vec<Name> = Vec::new();
        let own: BTreeSet<&Name> = unmatched.iter().map(|(name, _)| name).collect();
        for (name, resource) in unmatched {
            found.extend(self.matches_of(name, resource).await?);
        }
        found.retain(|name| !own.contains(name));
        found.truncate(MATCHES_MAX);
        Ok(found)
    }

    /// The same for one. None are looked for yet.
    #[expect(clippy::unused_async, reason = "looking for them needs the index of names")]
    async fn matches_of(&self, _name: &Name, _resource: &DynamicMessage) -> Result<Vec<Name>, Error> {
        Ok(Vec::new())
    }
}
