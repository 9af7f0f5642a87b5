//! What a resource becomes when a file speaks of it.

use isopolity_domain::{Kind, Name, clock::to_timestamp, stage};
use isopolity_proto::{
    options::Audience,
    registry::{Partnership, PartnershipStage},
    to_dynamic,
};
use prost_reflect::{DynamicMessage, FieldDescriptor, ReflectMessage as _, Value};
use prost_types::Timestamp;
use time::OffsetDateTime;

use super::form::{Form, Way};
use crate::{
    Caller, Error,
    author::{Resource, hooks},
};

/// What the node sets by itself: a file that holds it was exported, and says nothing by it.
const SET_BY_NODE: [&str; 7] = ["name", "etag", "create_time", "update_time", "delete_time", "stale", "stale_reasons"];
/// Where a partnership stands. Its own calls change it, not a file.
const STANDING: [&str; 5] = ["stage", "stage_date", "suspension", "ending", "status"];

/// What a resource became.
#[derive(Clone, Debug)]
pub(super) struct Became {
    pub(super) resource: Resource,
    /// The top-level fields that differ from what stood there. Empty for a new resource, and where nothing differs.
    pub(super) changed_fields: Vec<String>,
    /// What is written along with it.
    pub(super) along: Vec<(Name, Resource)>,
}

/// Puts together what stands in the registry and what a file says.
pub(super) fn combine(
    form: &Form,
    caller: &Caller,
    name: &Name,
    before: Option<&Resource>,
    stated: &DynamicMessage,
    now: OffsetDateTime,
) -> Result<Became, Error> {
    let mut stated = Resource(stated.clone());
    for field in SET_BY_NODE {
        stated.0.clear_field_by_name(field);
    }
    stated.set_name(name);
    let by_default =
        stated.0.get_field_by_name("provenance").as_deref() == Some(&Value::Message(to_dynamic(form.provenance())));
    let Some(before) = before else {
        if !stated.0.has_field_by_name("audience") {
            let audience = form.audience().max(hooks::widest(&stated)?);
            set_audience(&mut stated, audience, form);
        }
        set_retrieve_time(&mut stated, now);
        hooks::before_store(&mut stated, None, caller, now)?;
        // A file of our own form may hold the events themselves, further down.
        let along = if form.way(name.kind()) == Way::Replace {
            Vec::new()
        } else {
            named(hooks::also_created(name.city(), &stated, now)?)
        };
        return Ok(Became { resource: stated, changed_fields: Vec::new(), along });
    };

    let way = form.way(name.kind());
    let mut after = match way {
        Way::Replace => stated.clone(),
        Way::Merge | Way::Complete => merged(before, &stated, way),
    };
    if !stated.0.has_field_by_name("audience") {
        // A record that somebody narrowed is not opened again by a default.
        let audience = before.audience().max(form.audience()).max(hooks::widest(&after)?);
        if audience == Audience::Shared && !after.0.has_field_by_name("shared_with") {
            // Nor shared with nobody because the file does not say with whom.
            copy(before, &mut after, "shared_with");
        }
        set_audience(&mut after, audience, form);
    }
    if way == Way::Complete {
        set_audience(&mut after, before.audience(), form);
    }
    if by_default || way == Way::Complete {
        // Where it came from is no news by itself.
        copy(before, &mut after, "provenance");
    } else {
        keep_retrieve_time(before, &mut after);
    }
    let along = if name.kind() == Kind::Partnership {
        restated(form, name, before, &stated, &mut after, now)?
    } else {
        Vec::new()
    };
    hooks::before_store(&mut after, Some(before), caller, now)?;
    let changed_fields = differing(before, &after);
    if !changed_fields.is_empty() && way != Way::Complete {
        if stated.0.has_field_by_name("provenance") {
            copy(&stated, &mut after, "provenance");
        }
        set_retrieve_time(&mut after, now);
    }
    Ok(Became { resource: after, changed_fields, along })
}

fn named(messages: Vec<(Name, DynamicMessage)>) -> Vec<(Name, Resource)> {
    messages.into_iter().map(|(name, message)| (name, Resource(message))).collect()
}

/// What stands there with the fields that the file states.
fn merged(before: &Resource, stated: &Resource, way: Way) -> Resource {
    let mut after = before.clone();
    for field in stated.0.descriptor().fields() {
        let says = stated.0.has_field(&field) && !SET_BY_NODE.contains(&field.name());
        if says && (way == Way::Merge || !after.0.has_field(&field)) {
            after.0.set_field(&field, stated.0.get_field(&field).into_owned());
        }
    }
    after
}

/// Leaves a partnership where it stands, or moves it where the file says that it is, with the events that say so. What a
/// file is silent about stays as it is.
fn restated(
    form: &Form,
    name: &Name,
    before: &Resource,
    stated: &Resource,
    after: &mut Resource,
    now: OffsetDateTime,
) -> Result<Vec<(Name, Resource)>, Error> {
    for field in STANDING {
        copy(before, after, field);
    }
    let says: Partnership = stated.typed()?;
    let known: Partnership = before.typed()?;
    let mut next = known.clone();
    if says.stage() != PartnershipStage::Unspecified {
        next.stage = says.stage;
        next.stage_date.clone_from(&says.stage_date);
    }
    next.suspension = says.suspension.or(next.suspension);
    next.ending = says.ending.or(next.ending);
    let stated = says.provenance.filter(|one| !one.source.is_empty());
    let mut provenance = stated.unwrap_or_else(|| form.provenance().clone());
    let source = if provenance.source.is_empty() { "the imported file".to_owned() } else { provenance.source.clone() };
    provenance.retrieve_time.get_or_insert_with(|| to_timestamp(now));
    next.provenance = Some(provenance);
    let events = stage::restated(&known, &mut next, &source, now.date());
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let next = Resource(to_dynamic(&next));
    for field in STANDING {
        copy(&next, after, field);
    }
    Ok(named(hooks::events(name.city(), &events, now)?))
}

/// The top-level fields in which two versions differ, apart from what the node sets.
fn differing(before: &Resource, after: &Resource) -> Vec<String> {
    let descriptor = before.0.descriptor();
    let differ = |field: &FieldDescriptor| before.0.get_field(field) != after.0.get_field(field);
    let fields = descriptor.fields().filter(|field| !SET_BY_NODE.contains(&field.name()));
    fields.filter(differ).map(|field| field.name().to_owned()).collect()
}

fn copy(from: &Resource, to: &mut Resource, field: &str) {
    let Some(field) = from.0.descriptor().get_field_by_name(field) else { return };
    if from.0.has_field(&field) {
        to.0.set_field(&field, from.0.get_field(&field).into_owned());
    } else {
        to.0.clear_field(&field);
    }
}

/// Takes over when the stored version was retrieved, if the file does not say. Another time alone is no change.
fn keep_retrieve_time(before: &Resource, after: &mut Resource) {
    let provenance = before.0.get_field_by_name("provenance");
    let Some(provenance) = provenance.as_deref().and_then(Value::as_message) else { return };
    if provenance.has_field_by_name("retrieve_time")
        && let Some(time) = provenance.get_field_by_name("retrieve_time")
    {
        provide_retrieve_time(after, time.into_owned());
    }
}

fn set_retrieve_time(resource: &mut Resource, now: OffsetDateTime) {
    let Timestamp { seconds, nanos } = to_timestamp(now);
    let mut time = DynamicMessage::new(Timestamp::default().descriptor());
    time.set_field_by_name("seconds", Value::I64(seconds));
    time.set_field_by_name("nanos", Value::I32(nanos));
    provide_retrieve_time(resource, Value::Message(time));
}

/// Sets the time of retrieval where there is a provenance that states none.
fn provide_retrieve_time(resource: &mut Resource, time: Value) {
    if !resource.0.has_field_by_name("provenance") {
        return;
    }
    let provenance = resource.0.get_field_by_name_mut("provenance").and_then(Value::as_message_mut);
    if let Some(provenance) = provenance.filter(|provenance| !provenance.has_field_by_name("retrieve_time")) {
        provenance.set_field_by_name("retrieve_time", time);
    }
}

/// Sets the audience; where it is SHARED and no city is named, the import's.
fn set_audience(resource: &mut Resource, audience: Audience, form: &Form) {
    resource.0.set_field_by_name("audience", Value::EnumNumber(audience.into()));
    if audience == Audience::Shared && !resource.0.has_field_by_name("shared_with") {
        let cities = form.shared_with().iter().cloned().map(Value::String).collect();
        resource.0.set_field_by_name("shared_with", Value::List(cities));
    }
}
