//! Which stage events a file may bring: the history of a partnership that it brings itself, or what is missing of one.

use std::collections::{BTreeMap, HashSet};

use isopolity_domain::{Kind, Name, Violation, clock::to_timestamp, stage};
use isopolity_proto::registry::{Partnership, StageEvent};
use isopolity_store::Tx;
use time::OffsetDateTime;

use super::seen::{self, Key};
use crate::{Error, author::Resource};

/// The most events of one partnership that are looked at. Far more than any has.
const EVENTS_MAX: u64 = 10_000;

/// What a run has taken over so far, as far as later events depend on it.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// New partnerships whose events the file holds further down. About 20 bytes for each.
    brought: HashSet<Key>,
    /// Events for other partnerships that the store doesn't hold yet.
    events: BTreeMap<Name, Vec<StageEvent>>,
}

impl Taken {
    /// The file brought this partnership as new, without events.
    pub(super) fn bring(&mut self, partnership: &Name) {
        self.brought.insert(seen::key(partnership));
    }

    /// The event goes to a partnership. `now` is when.
    pub(super) fn take(&mut self, name: &Name, event: &Resource, now: OffsetDateTime) -> Result<(), Error> {
        let mut event: StageEvent = event.typed()?;
        let Ok(partnership) = Name::parse_as(Kind::Partnership, &event.partnership) else { return Ok(()) };
        if !self.brought.contains(&seen::key(&partnership)) {
            event.name = name.to_string();
            event.create_time = Some(to_timestamp(now));
            self.events.entry(partnership).or_default().push(event);
        }
        Ok(())
    }

    /// What was taken is in the store by now.
    pub(super) fn stored(&mut self) {
        self.events.clear();
    }

    /// Whether the file may bring a new event of this partnership.
    ///
    /// # Errors
    /// What the store says.
    pub(super) async fn judge(
        &self,
        tx: &mut Tx,
        partnership: &Partnership,
        name: &Name,
        event: &StageEvent,
    ) -> Result<Result<(), Violation>, Error> {
        if self.brought.contains(&seen::key(name)) {
            return Ok(stage::ends_as_stated(partnership, event));
        }
        let names = tx.referrers_of_kind(name, Kind::StageEvent, None, EVENTS_MAX).await?;
        let mut events = Vec::with_capacity(names.len());
        for document in tx.documents(&names).await? {
            events.push(Resource::decode(Kind::StageEvent, document.body)?.typed()?);
        }
        events.extend(self.events.get(name).into_iter().flatten().cloned());
        Ok(stage::fits(partnership, &events, event))
    }
}
