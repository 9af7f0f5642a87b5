//! A resource of any kind, through its descriptor: the fields that every kind has, and what the node sets.

use bytes::Bytes;
use isopolity_domain::{Kind, Name, Violation, Violations, clock::to_timestamp, project::project};
use isopolity_proto::{options::Audience, types::RecordState};
use isopolity_store::Document;
use prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use prost_types::Timestamp;
use time::OffsetDateTime;

use super::hooks;
use crate::Error;

/// What the node sets and no caller changes.
pub(crate) const SET_BY_NODE: [&str; 7] =
    ["name", "etag", "create_time", "update_time", "delete_time", "stale", "stale_reasons"];

#[derive(Clone, Debug)]
pub(crate) struct Resource(pub(crate) DynamicMessage);

impl Resource {
    pub(crate) fn decode(kind: Kind, body: Bytes) -> Result<Self, Error> {
        DynamicMessage::decode(kind.descriptor(), body).map(Self).map_err(Error::internal)
    }

    pub(crate) fn text(&self, field: &str) -> String {
        match self.0.get_field_by_name(field).as_deref() {
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        }
    }

    pub(crate) fn set_name(&mut self, name: &Name) {
        self.set("name", Value::String(name.to_string()));
    }

    pub(crate) fn audience(&self) -> Audience {
        match self.0.get_field_by_name("audience").as_deref() {
            Some(Value::EnumNumber(number)) => Audience::try_from(*number).unwrap_or(Audience::Internal),
            _ => Audience::Internal,
        }
    }

    pub(crate) fn set_state(&mut self, state: RecordState) {
        self.set("state", Value::EnumNumber(state.into()));
    }

    /// Refuses a state that only deletion sets.
    pub(crate) fn must_not_be_withdrawn(&self, kind: Kind) -> Result<(), Violation> {
        let withdrawn = i32::from(RecordState::Withdrawn);
        match self.0.get_field_by_name("state").as_deref() {
            Some(Value::EnumNumber(number)) if *number == withdrawn => {
                Err(Violation::invalid(format!("{kind}.state"), "WITHDRAWN is set by deletion: delete the resource"))
            }
            _ => Ok(()),
        }
    }

    /// The resource as somebody who may see everything reads it at this time.
    pub(crate) fn read_at(mut self, now: OffsetDateTime) -> DynamicMessage {
        hooks::on_read(&mut self.0, now);
        self.0
    }

    /// The resource without what the node sets: two that are equal here say the same.
    pub(crate) fn content(&self) -> Vec<u8> {
        let mut content = self.0.clone();
        for field in SET_BY_NODE {
            content.clear_field_by_name(field);
        }
        content.encode_to_vec()
    }

    /// Takes over the fields of `change` that `mask` names, or all that the node does not set.
    pub(crate) fn merge(&mut self, change: &Self, mask: &[String], kind: Kind) -> Result<(), Violations> {
        let descriptor = self.0.descriptor();
        let mut violations = Vec::new();
        let mut fields = Vec::new();
        if mask.is_empty() || mask.iter().any(|path| path == "*") {
            fields.extend(descriptor.fields().filter(|field| !SET_BY_NODE.contains(&field.name())));
        } else {
            for path in mask {
                match descriptor.get_field_by_name(path) {
                    // Naming what the node sets changes nothing; AIP-203 wants it passed over.
                    Some(field) if SET_BY_NODE.contains(&field.name()) => {}
                    Some(field) => fields.push(field),
                    None => violations.push(Violation::invalid(
                        "update_mask",
                        format!("{path:?} is not a field of a {kind}; only top-level fields can be named"),
                    )),
                }
            }
        }
        Violations::check(violations)?;
        for field in fields {
            if change.0.has_field(&field) {
                self.0.set_field(&field, change.0.get_field(&field).into_owned());
            } else {
                self.0.clear_field(&field);
            }
        }
        Ok(())
    }

    /// Sets what the node sets besides the name, and makes the document of it.
    pub(crate) fn document(
        &mut self,
        name: Name,
        revision: i64,
        create_time: OffsetDateTime,
        update_time: OffsetDateTime,
        delete_time: Option<OffsetDateTime>,
    ) -> Document {
        for field in SET_BY_NODE.into_iter().filter(|field| *field != "name") {
            self.0.clear_field_by_name(field);
        }
        self.set("etag", Value::String(revision.to_string()));
        self.set("create_time", timestamp(to_timestamp(create_time)));
        self.set("update_time", timestamp(to_timestamp(update_time)));
        if let Some(time) = delete_time {
            self.set("delete_time", timestamp(to_timestamp(time)));
        }
        let body = Bytes::from(self.0.encode_to_vec());
        Document { name, revision, audience: self.audience(), create_time, update_time, delete_time, body }
    }

    fn set(&mut self, field: &str, value: Value) {
        // Every kind has these fields, of these types: a test of the proto sees to it.
        self.0.set_field_by_name(field, value);
    }
}

/// A stored resource as somebody with this clearance reads it at this time.
pub(crate) fn seen_by(
    body: Bytes,
    kind: Kind,
    clearance: Audience,
    now: OffsetDateTime,
) -> Result<DynamicMessage, Error> {
    let mut resource = Resource::decode(kind, body)?.read_at(now);
    if clearance < Audience::Internal {
        project(&mut resource, clearance);
    }
    Ok(resource)
}

fn timestamp(timestamp: Timestamp) -> Value {
    let mut message = DynamicMessage::new(timestamp.descriptor());
    message.set_field_by_name("seconds", Value::I64(timestamp.seconds));
    message.set_field_by_name("nanos", Value::I32(timestamp.nanos));
    Value::Message(message)
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{registry::Partnership, to_dynamic};

    use super::*;

    #[test]
    fn every_kind_has_the_fields_that_the_node_sets() {
        for kind in Kind::ALL {
            for field in SET_BY_NODE.into_iter().chain(["audience", "provenance", "last_verified_date", "state"]) {
                assert!(kind.descriptor().get_field_by_name(field).is_some(), "{kind} has no {field}");
            }
        }
    }

    #[test]
    fn a_mask_changes_what_it_names_and_nothing_else() {
        let before =
            Partnership { internal_notes: "kept".into(), origin_countries: vec!["MA".into()], ..Default::default() };
        let change = Partnership { origin_countries: vec!["TN".into()], etag: "9".into(), ..Default::default() };
        let mut resource = Resource(to_dynamic(&before));
        resource
            .merge(&Resource(to_dynamic(&change)), &["origin_countries".into(), "etag".into()], Kind::Partnership)
            .unwrap();
        let after: Partnership = resource.0.transcode_to().unwrap();
        assert_eq!(
            (after.internal_notes.as_str(), after.origin_countries[0].as_str(), after.etag.as_str()),
            ("kept", "TN", "")
        );

        let error = resource.merge(&Resource(to_dynamic(&change)), &["orgin".into()], Kind::Partnership).unwrap_err();
        assert_eq!(error.0[0].field, "update_mask");
        resource.merge(&Resource(to_dynamic(&change)), &[], Kind::Partnership).unwrap();
        assert_eq!(resource.text("internal_notes"), "");
    }
}
