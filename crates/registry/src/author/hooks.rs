//! What the rules derive when a resource is written or read. Called from the places where each is due, and nowhere else.

use isopolity_domain::{
    CityId, Kind, Name, Violations, conditions, consent, freshness, matching,
    settle::settle,
    stage::{self, Dossier},
    validate,
};
use isopolity_proto::{
    options::Audience,
    registry::{Condition, MatchAssertion, Partnership, PartnershipStage, StageEvent},
    to_dynamic,
};
use prost_reflect::{DynamicMessage, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Resource, signed::keep_signed};
use crate::{Caller, Error};

/// The fields that steps of a partnership set. An update that does not name them leaves them as they are, also where it
/// changes everything else.
pub(crate) const SET_BY_STEPS: [&str; 4] = ["stage", "stage_date", "suspension", "ending"];

/// Sets the fields that no caller sets but that follow from others. Before validation, on creation (`before` is `None`) and
/// on every change; what it sets is part of the content.
///
/// # Errors
/// A fault of this node.
pub(crate) fn before_store(
    resource: &mut Resource,
    before: Option<&Resource>,
    caller: &Caller,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let today = now.date();
    let kind = resource.kind()?;
    keep_signed(resource, before)?;
    match kind {
        Kind::Partnership => partnership(resource, before, now)?,
        Kind::MatchAssertion => {
            let mut assertion: MatchAssertion = resource.typed()?;
            let before: Option<MatchAssertion> = before.map(Resource::typed).transpose()?;
            matching::stamp(&mut assertion, before.as_ref(), caller.id(), &today.to_string());
            resource.0 = to_dynamic(&assertion);
        }
        _ => {}
    }
    settle(kind, &mut resource.0, today);
    Ok(())
}

fn partnership(resource: &mut Resource, before: Option<&Resource>, now: OffsetDateTime) -> Result<(), Error> {
    if before.is_none() {
        let mut partnership: Partnership = resource.typed()?;
        if partnership.stage() == PartnershipStage::Unspecified {
            // None, or one that does not exist: validation says so.
            return Ok(());
        }
        let events = stage::entered(&partnership, now.date());
        stage::follow(&mut partnership, &events);
        let dossier = Dossier {
            partnership: &partnership,
            events: &events,
            assessments: &[],
            agreements: &[],
            observations: &[],
        };
        let open = conditions::open(&dossier, now.date());
        resource.0 = to_dynamic(&partnership);
        set_open_conditions(resource, &open);
    }
    if let Some(before) = before {
        // They follow from the assessments: no caller sets them, and no file.
        let open: Partnership = before.typed()?;
        set_open_conditions(resource, &open.open_conditions().collect::<Vec<_>>());
    }
    Ok(())
}

/// Sets which conditions are open before a partnership's next gate.
pub(crate) fn set_open_conditions(resource: &mut Resource, open: &[Condition]) {
    let open = open.iter().map(|condition| Value::EnumNumber((*condition).into())).collect();
    resource.0.set_field_by_name("open_conditions", Value::List(open));
}

/// Refuses an update that changes what only steps change.
///
/// # Errors
/// [`Error::Invalid`] with each such field and the method that changes it.
pub(crate) fn must_not_move(before: &Resource, after: &Resource) -> Result<(), Error> {
    if after.kind()? == Kind::Partnership {
        stage::unchanged_by_update(&before.typed()?, &after.typed()?)
            .map_err(|violations: Violations| violations.below(Kind::Partnership.as_str()))?;
    }
    Ok(())
}

/// Checks a resource as it would be kept from now on: its rules, and that consents hold on which it rests.
///
/// # Errors
/// All that is wrong, by fields of the resource.
pub(crate) fn must_be_right(kind: Kind, resource: &DynamicMessage, now: OffsetDateTime) -> Result<(), Violations> {
    validate::validate(kind, resource)?;
    Ok(consent::must_hold(kind, resource, now.date())?)
}

/// The widest audience that a resource may have where nobody says for whom it is: a number that could reveal somebody is not
/// opened by default.
///
/// # Errors
/// A fault of this node.
pub(crate) fn widest(resource: &Resource) -> Result<Audience, Error> {
    match resource.kind()? {
        Kind::IndicatorObservation => Ok(validate::widest(&resource.typed()?)),
        _ => Ok(Audience::Public),
    }
}

/// Resources that come into being together with a new one, in the same transaction: the first events of a partnership.
/// They are complete but for what the node stamps, and refer to it.
///
/// # Errors
/// A fault of this node.
pub(crate) fn also_created(
    city: &CityId,
    resource: &Resource,
    now: OffsetDateTime,
) -> Result<Vec<(Name, DynamicMessage)>, Error> {
    if resource.kind()? != Kind::Partnership {
        return Ok(Vec::new());
    }
    events(city, &stage::entered(&resource.typed()?, now.date()), now)
}

/// Stage events under names of their own, as they are stored.
///
/// # Errors
/// [`Error::Invalid`] for an event that says too little.
pub(crate) fn events(
    city: &CityId,
    events: &[StageEvent],
    now: OffsetDateTime,
) -> Result<Vec<(Name, DynamicMessage)>, Error> {
    let mut named = Vec::with_capacity(events.len());
    for event in events {
        let id = Uuid::now_v7().to_string();
        let name = Name::new(city.clone(), Kind::StageEvent, &id).map_err(Error::internal)?;
        let mut resource = Resource(to_dynamic(event));
        resource.set_name(&name);
        settle(Kind::StageEvent, &mut resource.0, now.date());
        validate::validate(Kind::StageEvent, &resource.0)?;
        named.push((name, resource.0));
    }
    Ok(named)
}

/// Sets what changes with time alone, whenever a resource is read: never stored, never signed. Before projection, so that it
/// may look at all fields.
pub(crate) fn on_read(resource: &mut DynamicMessage, now: OffsetDateTime) {
    freshness::mark(resource, now);
}
