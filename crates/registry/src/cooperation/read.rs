//! Reading cooperations and their histories.

use bytes::Bytes;
use futures::{StreamExt as _, stream, stream::BoxStream};
use isopolity_domain::{
    clock::to_timestamp,
    cooperation::{self, CooperationName, file::Writer},
    page_token::{self, PageTokenError},
    question::check_page_size,
};
use isopolity_proto::{
    admin::AuditAction,
    cooperation::{
        Cooperation, CooperationEvent, DeliveryState, Fork, KeptEvent, ListCooperationEventsRequest,
        ListCooperationEventsResponse, ListCooperationsRequest, ListCooperationsResponse, PendingStep,
    },
    federation::Envelope,
};
use isopolity_store::CooperationFilter;
use prost::Message as _;
use time::OffsetDateTime;

use super::{
    inbox::{PAGE_DEFAULT, PAGE_MAX},
    named,
    outbox::optional_city,
    unit::{decoded, pending},
};
use crate::{
    Caller, Error, Registry, Right,
    author::{PAGE_DEFAULT as LIST_DEFAULT, PAGE_MAX as LIST_MAX},
};

/// The most bytes of events in one answer.
const BYTES_MAX: usize = 3 << 20;
/// The most bytes of cooperations in one answer.
const LIST_BYTES_MAX: usize = 3 << 20;
/// The events in a piece of an export. With the most that each may have, it is less than a message may be.
const PIECE: u64 = 32;

impl Registry {
    /// Returns a cooperation, with all that is known of it here.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::NotFound`], or what the store says.
    pub async fn cooperation(&self, caller: &Caller, name: &str) -> Result<Cooperation, Error> {
        caller.must(Right::Read)?;
        let name = named(name)?;
        let row = self.store().cooperation(&name.to_string()).await?;
        self.described(decoded(&row.ok_or_else(|| Error::NotFound(name.to_string()))?)?).await
    }

    /// Lists cooperations, those that changed last first, without how far the participants are.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], or what the store says.
    pub async fn cooperations(
        &self,
        caller: &Caller,
        request: &ListCooperationsRequest,
    ) -> Result<ListCooperationsResponse, Error> {
        caller.must(Right::Read)?;
        let ListCooperationsRequest { page_size, page_token, states, kinds, city, subject } = request;
        let size = check_page_size(*page_size, "page_size", LIST_DEFAULT, LIST_MAX)?;
        let purpose = format!("cooperations {states:?} {kinds:?} {city} {subject}");
        let after = match page_token.as_str() {
            "" => None,
            token => {
                let point = page_token::decode(&self.inner.page_key, &purpose, token).ok();
                Some(point.and_then(|point| read_point(&point)).ok_or_else(|| PageTokenError.at("page_token"))?)
            }
        };
        let filter = CooperationFilter {
            states: states.clone(),
            kinds: kinds.clone(),
            city: optional_city(city)?,
            subject: (!subject.is_empty()).then(|| subject.clone()),
            after,
            limit: (size + 1) as u64,
        };
        let rows = self.store().cooperations(&filter).await?;
        let steps = self.all_pending().await?;
        let (mut cooperations, mut last, mut room) = (Vec::with_capacity(rows.len().min(size)), None, LIST_BYTES_MAX);
        let mut next_page_token = String::new();
        for row in rows {
            if cooperations.len() == size || (row.body.len() > room && last.is_some()) {
                next_page_token = last
                    .map(|point: String| page_token::encode(&self.inner.page_key, &purpose, &point))
                    .unwrap_or_default();
                break;
            }
            room = room.saturating_sub(row.body.len());
            last = Some(format!("{}\n{}", row.update_time.unix_timestamp_nanos() / 1_000, row.name));
            let own = steps.iter().filter(|(name, _)| *name == row.name).map(|(_, step)| step.clone()).collect();
            cooperations.push(self.with_waitings(decoded(&row)?, own));
        }
        Ok(ListCooperationsResponse { cooperations, next_page_token })
    }

    /// Lists the events of a cooperation in their order.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::NotFound`], or what the store says.
    pub async fn cooperation_events(
        &self,
        caller: &Caller,
        request: &ListCooperationEventsRequest,
    ) -> Result<ListCooperationEventsResponse, Error> {
        caller.must(Right::Read)?;
        let name = named(&request.name)?.to_string();
        let size = check_page_size(request.page_size, "page_size", PAGE_DEFAULT, PAGE_MAX)?;
        let row = self.store().cooperation(&name).await?.ok_or_else(|| Error::NotFound(name.clone()))?;
        let rows = self.store().cooperation_events(&name, request.after_sequence.max(0), size as u64).await?;
        let (mut events, mut room) = (Vec::with_capacity(rows.len()), BYTES_MAX);
        for row in rows {
            // The event is in there twice: as it was signed, and as it is read.
            let bytes = row.envelope.len() * 2;
            if bytes > room && !events.is_empty() {
                break;
            }
            room = room.saturating_sub(bytes);
            let envelope = Envelope::decode(row.envelope.clone()).map_err(Error::internal)?;
            events.push(KeptEvent {
                event: Some(CooperationEvent::decode(envelope.payload).map_err(Error::internal)?),
                hash: Bytes::copy_from_slice(&row.hash),
                envelope: row.envelope,
                keep_time: Some(to_timestamp(row.keep_time)),
            });
        }
        Ok(ListCooperationEventsResponse { events, last_sequence: row.sequence })
    }

    /// The whole history as one file, in pieces.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::NotFound`] also for a draft, which has no history, or what the store says.
    pub async fn export_cooperation(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        caller.must(Right::Read)?;
        let name: CooperationName = named(name)?;
        let row = self.store().cooperation(&name.to_string()).await?;
        let row = row.filter(|row| row.sequence > 0).ok_or_else(|| Error::NotFound(name.to_string()))?;
        let mut tx = self.store().begin("export cooperation").await?;
        tx.audit(self.event(caller, AuditAction::CooperationExported).about(&name));
        tx.commit().await?;
        let (writer, header) = Writer::begin(&name);
        // What becomes part of the history meanwhile is for the next export.
        let fork = decoded(&row)?.fork;
        let export = Export { registry: self.clone(), name: row.name, after: 0, last: row.sequence, fork, writer };
        let pieces = stream::try_unfold(Some(export), |export| async move {
            match export {
                Some(export) => export.piece().await.map(Some),
                None => Ok(None),
            }
        });
        Ok(stream::iter([Ok(Bytes::from(header))]).chain(pieces).boxed())
    }

    /// A cooperation with all that is known of it here.
    pub(super) async fn described(&self, cooperation: Cooperation) -> Result<Cooperation, Error> {
        let steps = self.store().pending_steps(Some(&cooperation.name)).await?;
        let steps = steps.iter().map(pending).collect::<Result<_, _>>()?;
        let reaches = self.store().reaches(&cooperation.name).await?;
        let deliveries = reaches.into_iter().map(|reach| DeliveryState {
            city: reach.city.to_string(),
            received_sequence: reach.received_sequence,
            waiting_count: i32::try_from(reach.waiting).unwrap_or(i32::MAX),
            oldest_time: reach.oldest.map(to_timestamp),
            dead_count: i32::try_from(reach.dead).unwrap_or(i32::MAX),
            problem: reach.problem,
        });
        Ok(self.with_waitings(Cooperation { deliveries: deliveries.collect(), ..cooperation }, steps))
    }

    /// A cooperation with what waits in it.
    pub(super) fn with_waitings(&self, cooperation: Cooperation, pending_steps: Vec<PendingStep>) -> Cooperation {
        let mut cooperation = Cooperation { pending_steps, ..cooperation };
        cooperation.waitings = cooperation::waitings(&cooperation, self.city(), self.now());
        cooperation
    }

    /// Every step that waits, with its cooperation's name.
    pub(super) async fn all_pending(&self) -> Result<Vec<(String, PendingStep)>, Error> {
        let rows = self.store().pending_steps(None).await?;
        rows.iter().map(|row| Ok((row.cooperation.clone(), pending(row)?))).collect()
    }
}

/// A file that is being written.
struct Export {
    registry: Registry,
    name: String,
    after: i64,
    last: i64,
    fork: Option<Fork>,
    writer: Writer,
}

impl Export {
    /// The next piece, and what is left.
    async fn piece(mut self) -> Result<(Bytes, Option<Self>), Error> {
        let rows = self.registry.store().cooperation_events(&self.name, self.after, PIECE).await?;
        let mut piece = String::new();
        for row in rows.into_iter().filter(|row| row.sequence <= self.last) {
            piece.push_str(&self.writer.event(&Envelope::decode(row.envelope).map_err(Error::internal)?));
            self.after = row.sequence;
        }
        if self.after < self.last && !piece.is_empty() {
            return Ok((piece.into(), Some(self)));
        }
        if let Some(fork) = &self.fork {
            let other = Envelope::decode(fork.other.clone()).map_err(Error::internal)?;
            piece.push_str(&self.writer.fork(fork.sequence, &other));
        }
        piece.push_str(&self.writer.end());
        Ok((piece.into(), None))
    }
}

/// Where a list goes on: a time in microseconds, and a name.
fn read_point(point: &str) -> Option<(OffsetDateTime, String)> {
    let (micros, name) = point.split_once('\n')?;
    let time = OffsetDateTime::from_unix_timestamp_nanos(micros.parse::<i128>().ok()?.checked_mul(1_000)?).ok()?;
    Some((time, name.to_owned()))
}
