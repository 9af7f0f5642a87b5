//! What is sent to a city at once.

use isopolity_domain::CityId;
use isopolity_proto::{cooperation::DeliveryStanding, federation::Envelope};
use isopolity_store::DeliveryRow;
use prost::Message as _;

use crate::{Error, Registry};

/// The most events in one call.
const EVENTS_MAX: u64 = 100;
/// And their bytes.
const BYTES_MAX: usize = 512 << 10;

/// Deliveries of one cooperation to one city, in order.
pub(super) struct Batch {
    pub(super) rows: Vec<DeliveryRow>,
    envelopes: Vec<Envelope>,
}

impl Batch {
    /// The first of them. `None`: there is nothing to send.
    pub(super) fn head(&self) -> Option<&DeliveryRow> {
        self.rows.first()
    }

    pub(super) fn envelopes(&self) -> Vec<Envelope> {
        self.envelopes.clone()
    }
}

impl Registry {
    /// What is to be sent next to a city of a cooperation. A step that the host is to put in its place goes alone: what comes after it
    /// depends on where that is.
    pub(super) async fn batch(&self, city: &CityId, name: &str) -> Result<Batch, Error> {
        let now = self.now();
        let waiting = self.store().deliveries_of(city, name, EVENTS_MAX).await?;
        let mut batch = Batch { rows: Vec::new(), envelopes: Vec::new() };
        let mut bytes = 0;
        for row in waiting {
            let fits = match batch.head() {
                None => row.next_time <= now,
                Some(head) => !head.submission && !row.submission && bytes + row.envelope.len() <= BYTES_MAX,
            };
            if row.standing != DeliveryStanding::Waiting as i32 || !fits {
                break;
            }
            bytes += row.envelope.len();
            batch.envelopes.push(envelope(&row.envelope)?);
            batch.rows.push(row);
        }
        Ok(batch)
    }

    /// The events of a history from one on, up to but not including another, as many as go into one call.
    pub(super) async fn missing(&self, name: &str, from: i64, before: i64) -> Result<Vec<Envelope>, Error> {
        let kept = self.store().cooperation_events(name, from.max(1) - 1, EVENTS_MAX).await?;
        let mut bytes = 0;
        let fitting = kept.into_iter().take_while(|event| {
            let first = bytes == 0;
            bytes += event.envelope.len();
            event.sequence < before && (first || bytes <= BYTES_MAX)
        });
        fitting.map(|event| envelope(&event.envelope)).collect()
    }
}

fn envelope(bytes: &[u8]) -> Result<Envelope, Error> {
    Envelope::decode(bytes).map_err(|error| Error::internal(format!("an event that is kept can't be read: {error}")))
}
