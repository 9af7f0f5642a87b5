//! The canonical protobuf JSON form of any message.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, SerializeOptions};
use serde_json::Value;

/// JSON that is not the form of the message that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON, or a value does not fit its field.
    #[error("{source}")]
    Malformed {
        /// What the parser found, with line and column.
        #[from]
        source: serde_json::Error,
    },
    /// The `@type` is missing or names no message of Isopolity.
    #[error("\"@type\" must name a message, for example \"type.googleapis.com/isopolity.registry.v1.Partnership\"")]
    UnknownType,
}

/// The message as JSON. With `defaults`, fields that are not set are written with their default value, as tables and
/// programs that read optional keys like it.
#[must_use]
pub fn to_value<M: prost::Name>(message: &M, defaults: bool) -> Value {
    dynamic_to_value(&crate::to_dynamic(message), defaults)
}

/// A dynamic message as JSON.
#[must_use]
pub fn dynamic_to_value(message: &DynamicMessage, defaults: bool) -> Value {
    let options = SerializeOptions::new().skip_default_fields(!defaults).stringify_64_bit_integers(true);
    match message.serialize_with_options(serde_json::value::Serializer, &options) {
        Ok(value) => value,
        // Only an `Any` of a type that is not in the pool has no JSON form.
        Err(_) => Value::Null,
    }
}

/// Reads a message of a known type. Unknown fields are refused.
///
/// # Errors
/// [`JsonError::Malformed`] with line and column in `text`.
pub fn from_str<M: prost::Name + Default>(text: &str) -> Result<M, JsonError> {
    let dynamic = dynamic_from_str(crate::descriptor::<M>(), text)?;
    match M::decode(Bytes::from(dynamic.encode_to_vec())) {
        Ok(message) => Ok(message),
        Err(error) => unreachable!("a dynamic message encodes to what its type decodes: {error}"),
    }
}

/// Reads a message whose type its `@type` names.
///
/// # Errors
/// [`JsonError`] if the text is not JSON, names no known type, or does not fit it.
pub fn tagged_from_str(text: &str) -> Result<DynamicMessage, JsonError> {
    let mut value: Value = serde_json::from_str(text)?;
    let descriptor = value
        .as_object_mut()
        .and_then(|object| object.remove("@type"))
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|url| url.rsplit_once('/'))
        .and_then(|(_, name)| crate::pool().get_message_by_name(name))
        .ok_or(JsonError::UnknownType)?;
    Ok(DynamicMessage::deserialize_with_options(descriptor, value, &strict())?)
}

fn dynamic_from_str(descriptor: prost_reflect::MessageDescriptor, text: &str) -> Result<DynamicMessage, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize_with_options(descriptor, &mut deserializer, &strict())?;
    deserializer.end()?;
    Ok(message)
}

fn strict() -> DeserializeOptions {
    DeserializeOptions::new().deny_unknown_fields(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_reflect::ReflectMessage as _;

    use crate::types::{LocalizedText, Place};

    #[test]
    fn json_names_are_camel_case_and_unknown_ones_are_refused() {
        let place = Place {
            names: vec![LocalizedText { text: "Kénitra".into(), language: "fr".into(), ..Default::default() }],
            geonames_id: 7,
            ..Default::default()
        };
        let value = to_value(&place, false);
        assert_eq!(value["geonamesId"], "7");
        assert_eq!(from_str::<Place>(&value.to_string()).unwrap(), place);
        let error = from_str::<Place>(r#"{"naems":[]}"#).unwrap_err().to_string();
        assert!(error.contains("naems"), "{error}");
    }

    #[test]
    fn a_tag_chooses_the_type() {
        let message = tagged_from_str(r#"{"@type":"type.googleapis.com/isopolity.type.v1.Place","country":"MA"}"#);
        assert_eq!(message.unwrap().descriptor().full_name(), "isopolity.type.v1.Place");
        assert!(matches!(tagged_from_str("{}"), Err(JsonError::UnknownType)));
    }
}
