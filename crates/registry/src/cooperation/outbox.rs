//! What is to be delivered to other cities: putting it there, listing it, trying it anew.

use isopolity_domain::{
    CityId, Violation,
    clock::to_timestamp,
    cooperation::{Hash, Verified},
    page_token::{self, PageTokenError},
    question::check_page_size,
};
use isopolity_proto::{
    admin::AuditAction,
    cooperation::{
        Cooperation, Delivery, DeliveryStanding, ListDeliveriesRequest, ListDeliveriesResponse,
        RedriveDeliveriesRequest,
    },
};
use isopolity_store::{DeliveryFilter, DeliveryRow, Redrive, Tx};
use uuid::Uuid;

use super::inbox;
use crate::{Caller, Error, Registry, Right};

/// For what an event goes to another city.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parcel {
    /// It is part of the history, and this city is the host.
    Ordered,
    /// It is part of the history, and came from the host: so that a fork is found, and a host that is gone does not take it along.
    Relay,
    /// It is this city's step on its way to the host.
    Submission,
}

impl Registry {
    /// Puts an event into the outbox, to all these cities.
    pub(super) async fn enqueue(
        &self,
        tx: &mut Tx,
        cities: impl Iterator<Item = CityId>,
        event: &Verified,
        envelope: &bytes::Bytes,
        parcel: Parcel,
    ) -> Result<(), Error> {
        let rows: Vec<_> = cities.map(|city| self.parcel(city, event, envelope, parcel)).collect();
        if !rows.is_empty() {
            tx.enqueue_deliveries(&rows).await?;
        }
        Ok(())
    }

    /// An event as it is to go to a city from now on.
    pub(super) fn parcel(
        &self,
        city: CityId,
        event: &Verified,
        envelope: &bytes::Bytes,
        parcel: Parcel,
    ) -> DeliveryRow {
        let Verified { event, hash } = event;
        self.parcel_of(city, (&event.cooperation, event.sequence, *hash), envelope.clone(), parcel)
    }

    /// The event in a place of a cooperation, as it is to go to a city from now on.
    pub(super) fn parcel_of(
        &self,
        city: CityId,
        (cooperation, sequence, event_hash): (&str, i64, Hash),
        envelope: bytes::Bytes,
        parcel: Parcel,
    ) -> DeliveryRow {
        let now = self.now();
        DeliveryRow {
            id: Uuid::now_v7().to_string(),
            city,
            cooperation: cooperation.to_owned(),
            sequence,
            event_hash,
            submission: parcel == Parcel::Submission,
            relay: parcel == Parcel::Relay,
            envelope,
            standing: DeliveryStanding::Waiting.into(),
            create_time: now,
            attempts: 0,
            next_time: now,
            problem: String::new(),
            receipt: None,
        }
    }

    /// Takes a step that was on its way to the host out of the outbox: it goes no more.
    pub(super) async fn recall(&self, tx: &mut Tx, host: &CityId, hash: &Hash) -> Result<(), Error> {
        if let Some(row) = tx.delivery_of(host, hash).await?.filter(|row| row.submission) {
            tx.delete_delivery(&row.id).await?;
        }
        Ok(())
    }

    /// Notes that a step that was on its way to the host has arrived, as the history shows.
    pub(super) async fn arrived(&self, tx: &mut Tx, host: &CityId, hash: &Hash) -> Result<(), Error> {
        if let Some(mut row) = tx.delivery_of(host, hash).await?.filter(|row| row.submission) {
            row.standing = DeliveryStanding::Delivered.into();
            row.problem.clear();
            tx.update_delivery(&row).await?;
        }
        Ok(())
    }

    /// Lists what is to be delivered, the oldest first.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], or what the store says.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        request: &ListDeliveriesRequest,
    ) -> Result<ListDeliveriesResponse, Error> {
        caller.must(Right::Read)?;
        let size = check_page_size(request.page_size, "page_size", inbox::PAGE_DEFAULT, inbox::PAGE_MAX)?;
        let city = optional_city(&request.city)?;
        let mut standings = request.standings.clone();
        if standings.is_empty() {
            standings = vec![DeliveryStanding::Waiting.into(), DeliveryStanding::Dead.into()];
        }
        let purpose = format!("deliveries {standings:?} {}", request.city);
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(
                page_token::decode(&self.inner.page_key, &purpose, token)
                    .map_err(|error: PageTokenError| error.at("page_token"))?,
            ),
        };
        let filter = DeliveryFilter { standings, city };
        let mut rows = self.store().deliveries(&filter, (size + 1) as u64, after.as_deref()).await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let next_page_token = match rows.last() {
            Some(last) if more => page_token::encode(&self.inner.page_key, &purpose, &last.id),
            _ => String::new(),
        };
        Ok(ListDeliveriesResponse { deliveries: rows.into_iter().map(shown).collect(), next_page_token })
    }

    /// Tries deliveries anew at once, those that were given up too. Says how many.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::NotFound`] for a delivery that does not exist, or what the store says.
    pub async fn redrive_deliveries(&self, caller: &Caller, request: &RedriveDeliveriesRequest) -> Result<i32, Error> {
        caller.must(Right::Coordinate)?;
        let city = optional_city(&request.city)?;
        let mut tx = self.store().begin("redrive deliveries").await?;
        let which = match (request.delivery_id.as_str(), &city) {
            ("", None) => Redrive::All,
            ("", Some(city)) => Redrive::City(city),
            (id, _) => {
                if tx.delivery(id).await?.is_none() {
                    return Err(Error::NotFound(format!("delivery {id}")));
                }
                Redrive::Delivery(id)
            }
        };
        let count = tx.redrive(which, self.now()).await?;
        if count > 0 {
            let what = if request.delivery_id.is_empty() { &request.city } else { &request.delivery_id };
            let event = self.event(caller, AuditAction::DeliveriesRedriven).saying(what);
            tx.audit(event.times(i64::try_from(count).unwrap_or(i64::MAX)));
            tx.commit().await?;
            self.outbox_news().notify_one();
        }
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// The other cities that take part, as far as their ids are any.
pub(super) fn others(cooperation: &Cooperation, but: &[&CityId]) -> Vec<CityId> {
    let cities = cooperation.participations.iter().filter_map(|one| one.city.parse::<CityId>().ok());
    cities.filter(|city| !but.contains(&city)).collect()
}

pub(super) fn optional_city(city: &str) -> Result<Option<CityId>, Violation> {
    if city.is_empty() {
        return Ok(None);
    }
    city.parse()
        .map(Some)
        .map_err(|error: isopolity_domain::city_id::CityIdError| Violation::invalid("city", error.to_string()))
}

fn shown(row: DeliveryRow) -> Delivery {
    let waits = row.standing == i32::from(DeliveryStanding::Waiting);
    Delivery {
        delivery_id: row.id,
        city: row.city.to_string(),
        cooperation: row.cooperation,
        sequence: row.sequence,
        event_hash: row.event_hash.to_vec().into(),
        standing: row.standing,
        create_time: Some(to_timestamp(row.create_time)),
        attempts: row.attempts,
        next_attempt_time: waits.then(|| to_timestamp(row.next_time)),
        problem: row.problem,
        receipt: row.receipt.unwrap_or_default(),
        submission: row.submission,
    }
}
