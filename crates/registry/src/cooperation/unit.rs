//! A transaction about a cooperation, with what is to be told once it is committed.

use isopolity_domain::{CityId, cooperation::CooperationName};
use isopolity_proto::cooperation::{Cooperation, CooperationState, PendingStep, WatchInboxResponse};
use isopolity_store::{CooperationRow, Tx};
use prost::Message as _;

use super::due;
use crate::{
    Error, Registry,
    author::{Change, NODE},
};

/// A transaction that moves a cooperation on. What it wrote exists once [`Registry::finish`] has returned; dropping it undoes
/// everything.
pub(super) struct Unit {
    pub(super) tx: Tx,
    pub(super) notices: Vec<WatchInboxResponse>,
    /// What was written into this city's records.
    pub(super) changes: Vec<Change>,
}

impl Registry {
    pub(super) async fn begin_unit(&self, label: &'static str) -> Result<Unit, Error> {
        Ok(Unit { tx: self.store().begin(label).await?, notices: Vec::new(), changes: Vec::new() })
    }

    /// Commits, and tells everybody who waits for it.
    pub(super) async fn finish(&self, unit: Unit) -> Result<(), Error> {
        let Unit { mut tx, notices, changes } = unit;
        let settled = if changes.is_empty() { None } else { Some(self.settle_within(&mut tx, NODE, changes).await?) };
        tx.commit().await?;
        if let Some(settled) = settled {
            self.tell_settled(settled);
        }
        self.tell(notices);
        Ok(())
    }

    /// A cooperation as it is stored: without pending steps, waitings and deliveries.
    pub(super) async fn stored(&self, tx: &mut Tx, name: &CooperationName) -> Result<Option<Cooperation>, Error> {
        tx.cooperation(&name.to_string()).await?.map(|row| decoded(&row)).transpose()
    }

    /// Keeps a cooperation as it stands.
    pub(super) async fn put(&self, tx: &mut Tx, cooperation: &Cooperation) -> Result<(), Error> {
        Ok(tx.put_cooperation(&self.row_of(cooperation)?).await?)
    }

    /// The row of a cooperation that has changed now.
    fn row_of(&self, cooperation: &Cooperation) -> Result<CooperationRow, Error> {
        let name: CooperationName = cooperation.name.parse().map_err(Error::internal)?;
        let (now, state) = (self.now(), cooperation.state());
        let create_time = cooperation.create_time.as_ref().and_then(isopolity_domain::clock::from_timestamp);
        let stored = Cooperation {
            pending_steps: Vec::new(),
            waitings: Vec::new(),
            deliveries: Vec::new(),
            ..cooperation.clone()
        };
        // A draft may still hold anything.
        let cities = cooperation.participations.iter().filter_map(|one| one.city.parse::<CityId>().ok());
        let subjects = cooperation.subjects.iter().map(|subject| subject.name.clone());
        let is_over = isopolity_domain::cooperation::is_final(state);
        let is_ours = name.host() == self.city();
        Ok(CooperationRow {
            name: cooperation.name.clone(),
            host: name.host().clone(),
            kind: cooperation.kind,
            state: cooperation.state,
            sequence: cooperation.sequence,
            create_time: create_time.unwrap_or(now),
            update_time: now,
            // Only its host ends it when its time is over, and nothing is added to a forked history.
            due_time: if is_ours && cooperation.fork.is_none() { due::time(cooperation) } else { None },
            open: !is_over && state != CooperationState::Unspecified,
            forked: cooperation.fork.is_some(),
            participants: cities.collect(),
            subjects: subjects.filter(|name| !name.is_empty() && !name.contains(['\n', '\r'])).collect(),
            body: stored.encode_to_vec().into(),
        })
    }
}

/// A row as a message.
pub(super) fn decoded(row: &CooperationRow) -> Result<Cooperation, Error> {
    Cooperation::decode(row.body.clone()).map_err(Error::internal)
}

/// A row as a step that waits.
pub(super) fn pending(row: &isopolity_store::PendingRow) -> Result<PendingStep, Error> {
    PendingStep::decode(row.body.clone()).map_err(Error::internal)
}
