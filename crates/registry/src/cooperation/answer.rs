//! What becomes of a step that the host was asked to put in its place.

use std::time::Duration;

use isopolity_domain::{
    CityId,
    cooperation::{CooperationName, open_receipt},
};
use isopolity_proto::{
    cooperation::{DeliveryStanding, NoticeKind, PendingState, PendingStep, WatchInboxResponse},
    error::Reason,
    federation::{DeliveryOutcome, DeliveryResult, Envelope, FetchEventsRequest},
};
use isopolity_store::{DeliveryRow, EventRow};
use prost::Message as _;
use tracing::warn;

use super::{
    outbox::Parcel,
    unit::{decoded, pending},
};
use crate::{Error, Registry};

/// How long the host may take to show what is missing here.
const FETCHING: Duration = Duration::from_secs(20);
/// So many times it is asked for more in one go.
const FETCHES_MAX: usize = 25;

impl Registry {
    /// Takes in what the host said of a step of this city. KEPT, OVERTAKEN, REFUSED, FORKED and EARLY are dealt with here; the delivery is
    /// as it must be then. LATER is left to whoever delivers.
    ///
    /// # Errors
    /// [`Error::HomeUnreachable`] if the answer does not hold what it must, or the host does not show what is missing: the delivery
    /// is as it was and is to be tried again later.
    pub(crate) async fn submission_answered(&self, row: &DeliveryRow, result: DeliveryResult) -> Result<(), Error> {
        let name: CooperationName = row.cooperation.parse().map_err(Error::internal)?;
        let host = name.host().clone();
        match result.outcome() {
            DeliveryOutcome::Kept => {
                let event =
                    result.event.ok_or_else(|| wrong(&host, "it says that it has kept a step, without the event"))?;
                let opened = self.opened(&event).await?.map_err(|error| wrong(&host, &error.to_string()))?;
                if !opened.ordered || opened.verified.hash != row.event_hash {
                    return Err(wrong(&host, "it says that it has kept a step, and shows another event"));
                }
                let taken = self.receive_event(&host, &name, &event).await?;
                match taken.outcome() {
                    // A fork is dealt with: the step is lost with everything else.
                    DeliveryOutcome::Kept | DeliveryOutcome::Forked => {}
                    DeliveryOutcome::Early => self.fetch_missing(&name).await?,
                    _ => {
                        return Err(wrong(
                            &host,
                            &format!("it has kept a step that this city can't take: {}", taken.description),
                        ));
                    }
                }
                self.keep_receipt(row, result.receipt).await
            }
            DeliveryOutcome::Overtaken => {
                self.fetch_missing(&name).await?;
                let here = self.store().cooperation(&row.cooperation).await?;
                if here.is_none_or(|here| here.sequence < row.sequence) {
                    return Err(wrong(&host, "it says that another event came first, and does not show it"));
                }
                Ok(())
            }
            DeliveryOutcome::Early => self.bring_back(row, &host, result.next_sequence).await,
            DeliveryOutcome::Forked => {
                let other =
                    result.event.ok_or_else(|| wrong(&host, "it says that the history is forked, without proof"))?;
                self.receive_event(&host, &name, &other).await.map(drop)
            }
            DeliveryOutcome::Refused => self.submission_refused(row, &result).await,
            DeliveryOutcome::Later | DeliveryOutcome::Unspecified => Err(wrong(&host, &result.description)),
        }
    }

    /// Fetches from the host what is missing here. What of this city's own steps is overtaken by it is dealt with on the way.
    pub(super) async fn fetch_missing(&self, name: &CooperationName) -> Result<(), Error> {
        let host = name.host();
        for _ in 0..FETCHES_MAX {
            let row = self.store().cooperation(&name.to_string()).await?;
            let after_sequence = row.map_or(0, |row| row.sequence);
            let request = FetchEventsRequest { cooperation: name.to_string(), after_sequence };
            let fetched = self.federation().fetch_events(host, request, FETCHING).await;
            let fetched = fetched
                .map_err(|error| Error::HomeUnreachable { city: host.clone(), description: error.description })?;
            if fetched.events.is_empty() {
                return Ok(());
            }
            for event in &fetched.events {
                let result = self.receive_event(host, name, event).await?;
                if result.outcome() != DeliveryOutcome::Kept {
                    return Err(wrong(host, &format!("it shows an event that can't be taken: {}", result.description)));
                }
            }
        }
        Ok(())
    }

    /// Sends the host events of its own that it does not have, as after a restored backup: they go before the step.
    async fn bring_back(&self, row: &DeliveryRow, host: &CityId, next_sequence: i64) -> Result<(), Error> {
        let mut unit = self.begin_unit("bring events back").await?;
        let events = unit.tx.cooperation_events(&row.cooperation, next_sequence.max(1) - 1, u32::MAX.into()).await?;
        if events.is_empty() {
            return Err(wrong(host, "it waits for an event that is not known here"));
        }
        let parcel = |event: EventRow| {
            let place = (event.cooperation.as_str(), event.sequence, event.hash);
            self.parcel_of(host.clone(), place, event.envelope, Parcel::Relay)
        };
        let rows: Vec<_> = events.into_iter().map(parcel).collect();
        // Those that it had before its disk was lost are to be delivered once more.
        for row in &rows {
            if let Some(delivered) = unit.tx.delivery_of(host, &row.event_hash).await?.filter(|row| !row.submission) {
                unit.tx.delete_delivery(&delivered.id).await?;
            }
        }
        unit.tx.enqueue_deliveries(&rows).await?;
        self.finish(unit).await
    }

    /// Notes that the host has kept a step, with its receipt.
    async fn keep_receipt(&self, row: &DeliveryRow, receipt: Option<Envelope>) -> Result<(), Error> {
        let receipt = self.good_receipt(row, receipt).await?;
        let mut tx = self.store().begin("step is kept").await?;
        let present = tx.delivery(&row.id).await?.filter(|present| present.event_hash == row.event_hash);
        let Some(mut row) = present else { return Ok(()) };
        row.standing = DeliveryStanding::Delivered.into();
        row.problem.clear();
        row.receipt = receipt.or(row.receipt);
        tx.update_delivery(&row).await?;
        Ok(tx.commit().await?)
    }

    /// A receipt as it is kept, if it is one for this delivery.
    async fn good_receipt(&self, row: &DeliveryRow, receipt: Option<Envelope>) -> Result<Option<bytes::Bytes>, Error> {
        let (Some(envelope), Some(keys)) = (receipt, self.keys_of(&row.city).await?) else { return Ok(None) };
        let is_for_it = open_receipt(&envelope, &keys).is_ok_and(|receipt| {
            receipt.event_hash == row.event_hash.as_slice()
                && receipt.receiver == row.city.as_str()
                && receipt.sender == self.city().as_str()
        });
        if !is_for_it {
            // The event with the host's signature is proof enough.
            warn!(peer.city = %row.city, cooperation.name = row.cooperation, "a receipt is not for what was sent");
        }
        Ok(is_for_it.then(|| envelope.encode_to_vec().into()))
    }

    async fn submission_refused(&self, row: &DeliveryRow, result: &DeliveryResult) -> Result<(), Error> {
        let mut unit = self.begin_unit("step is refused").await?;
        let present = unit.tx.delivery(&row.id).await?.filter(|present| present.event_hash == row.event_hash);
        let Some(mut delivery) = present else { return Ok(()) };
        let reason = Reason::try_from(result.reason).unwrap_or_default().as_str_name();
        delivery.standing = DeliveryStanding::Dead.into();
        delivery.attempts = delivery.attempts.saturating_add(1);
        delivery.problem = format!("{} ({})", result.description, reason.trim_start_matches("REASON_"));
        unit.tx.update_delivery(&delivery).await?;
        if let Some(stored) = unit.tx.cooperation(&row.cooperation).await? {
            let cooperation = decoded(&stored)?;
            let steps = unit.tx.pending_steps(&row.cooperation).await?;
            if let Some(step) = steps.into_iter().find(|step| step.event_hash == Some(row.event_hash)) {
                let refused = PendingStep {
                    state: PendingState::Refused.into(),
                    reason: result.description.clone(),
                    ..pending(&step)?
                };
                self.lost(&mut unit, step, &refused, &cooperation).await?;
            }
            unit.notices.push(WatchInboxResponse {
                kind: NoticeKind::DeliveryDead.into(),
                cooperation: cooperation.name.clone(),
                sequence: cooperation.sequence,
                ..Default::default()
            });
        }
        self.finish(unit).await
    }
}

fn wrong(host: &CityId, what: &str) -> Error {
    Error::HomeUnreachable { city: host.clone(), description: what.to_owned() }
}
