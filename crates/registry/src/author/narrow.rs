//! What happened with a partnership is shown to nobody who may not see the partnership.
//!
//! Stage events are never changed, but their partnership may be narrowed later: then they are published anew, for no more than it
//! is for. What is stored of them stays.

use std::collections::{BTreeMap, BTreeSet};

use isopolity_domain::{CityId, Kind, Name, record};
use isopolity_proto::{options::Audience, registry::RevisionChange};
use isopolity_store::{Document, Tx};
use prost_reflect::Value;

use super::{Change, Resource};
use crate::{Error, Registry};

/// More events than a partnership has.
const EVENTS_MAX: u64 = 10_000;

/// For whom partnerships are: audience and, where it is SHARED, cities.
pub(crate) type Circles = BTreeMap<Name, (Audience, Vec<CityId>)>;

/// For whom a document is published, and as what: a stage event for no more than its partnership.
pub(crate) fn shown_to(document: &Document, mut message: Resource, circles: &Circles) -> (Audience, Resource) {
    let partnership = partnership_of(document, &message);
    let Some((audience, cities)) = partnership.and_then(|partnership| circles.get(&partnership)) else {
        return (document.audience, message);
    };
    let narrower = document.audience.max(*audience);
    message.0.set_field_by_name("audience", Value::EnumNumber(narrower.into()));
    if *audience == Audience::Shared {
        let cities = cities.iter().map(|city| Value::String(city.to_string())).collect();
        message.0.set_field_by_name("shared_with", Value::List(cities));
    }
    (narrower, message)
}

fn partnership_of(document: &Document, message: &Resource) -> Option<Name> {
    if document.name.kind() != Kind::StageEvent {
        return None;
    }
    let name = Name::parse_as(Kind::Partnership, &message.text("partnership")).ok()?;
    (name.city() == document.name.city()).then_some(name)
}

impl Registry {
    /// For whom the partnerships are of which these documents tell.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn circles_of<'a>(
        &self,
        tx: &mut Tx,
        documents: impl Iterator<Item = &'a Document> + Send,
    ) -> Result<Circles, Error> {
        let mut names = BTreeSet::new();
        for document in documents.filter(|document| document.name.kind() == Kind::StageEvent) {
            let message = Resource::decode(Kind::StageEvent, document.body.clone())?;
            names.extend(partnership_of(document, &message));
        }
        let mut circles = Circles::new();
        for partnership in tx.documents(&names.into_iter().collect::<Vec<_>>()).await? {
            let message = Resource::decode(Kind::Partnership, partnership.body)?;
            circles.insert(partnership.name, circle(partnership.audience, record::shared_with(&message.0)));
        }
        Ok(circles)
    }

    /// The stage events that are to be published anew, because these changes show their partnerships to others than before.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn events_shown_to_others(&self, tx: &mut Tx, changes: &[Change]) -> Result<Vec<Document>, Error> {
        let mut events = Vec::new();
        for Change { document, kind, .. } in changes {
            if document.name.kind() != Kind::Partnership || *kind != RevisionChange::Updated {
                continue;
            }
            let Some(before) = tx.publication(&document.name).await? else { continue };
            let Some(widest) = before.records.first() else { continue };
            let message = Resource::decode(Kind::Partnership, document.body.clone())?;
            let after = circle(document.audience, record::shared_with(&message.0));
            if circle(widest.audience, widest.cities.clone()) == after {
                continue;
            }
            let names = tx.referrers_of_kind(&document.name, Kind::StageEvent, None, EVENTS_MAX).await?;
            let found = tx.documents(&names).await?;
            events.extend(found.into_iter().filter(|event| {
                event.delete_time.is_none() && changes.iter().all(|change| change.document.name != event.name)
            }));
        }
        Ok(events)
    }
}

/// Who sees something at all.
fn circle(audience: Audience, cities: Vec<CityId>) -> (Audience, Vec<CityId>) {
    (audience, if audience == Audience::Shared { cities } else { Vec::new() })
}
