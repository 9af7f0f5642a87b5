//! What the field options say about a field.
//!
//! Options are read from the descriptor, which decodes them each time: callers that walk many messages keep the result.

use prost_reflect::{ExtensionDescriptor, FieldDescriptor, Value};

use crate::options::{Audience, DateRole, Facet};

/// How the search index treats a field: `isopolity.options.v1.Search`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "it is the message of the same name")]
pub struct Search {
    /// Its words are found by full text search.
    pub text: bool,
    /// Text below it names the record.
    pub title: bool,
    /// Its values narrow a search.
    pub facet: Option<Facet>,
    /// Results can be ordered by it.
    pub date: bool,
    /// What its days say of when the record's time is.
    pub date_role: Option<DateRole>,
    /// Records are found by their distance to it.
    pub point: bool,
}

/// The widest audience that may see the field. Without the option: [`Audience::Federation`].
#[must_use]
pub fn audience(field: &FieldDescriptor) -> Audience {
    match option(field, "audience") {
        Some(Value::EnumNumber(number)) => match Audience::try_from(number) {
            Ok(Audience::Unspecified) => Audience::Federation,
            Ok(audience) => audience,
            // A newer value than this software knows: the safe reading is the narrowest.
            Err(_) => Audience::Internal,
        },
        _ => Audience::Federation,
    }
}

/// How the field is found.
#[must_use]
pub fn search(field: &FieldDescriptor) -> Search {
    let Some(Value::Message(search)) = option(field, "search") else {
        return Search::default();
    };
    let flag = |name: &str| matches!(search.get_field_by_name(name).as_deref(), Some(Value::Bool(true)));
    let number = |name: &str| match search.get_field_by_name(name).as_deref() {
        Some(Value::EnumNumber(number)) if *number != 0 => Some(*number),
        _ => None,
    };
    Search {
        text: flag("text"),
        title: flag("title"),
        facet: number("facet").and_then(|number| Facet::try_from(number).ok()),
        date: flag("date"),
        date_role: number("date_role").and_then(|number| DateRole::try_from(number).ok()),
        point: flag("point"),
    }
}

/// The code list that the field's values come from.
#[must_use]
pub fn codes(field: &FieldDescriptor) -> Option<String> {
    match option(field, "codes") {
        Some(Value::String(list)) if !list.is_empty() => Some(list),
        _ => None,
    }
}

fn option(field: &FieldDescriptor, name: &str) -> Option<Value> {
    let extension: ExtensionDescriptor =
        field.parent_pool().get_extension_by_name(&format!("isopolity.options.v1.{name}"))?;
    let options = field.options();
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        descriptor,
        registry::{Opportunity, Partnership},
        types::{ContactPoint, Place},
    };

    #[test]
    fn options_are_read_from_the_descriptor() {
        let partnership = descriptor::<Partnership>();
        let field = |name: &str| partnership.get_field_by_name(name).unwrap();
        assert_eq!(audience(&field("lessons")), Audience::Federation);
        assert_eq!(audience(&field("titles")), Audience::Public);
        assert!(search(&field("titles")).title);
        assert_eq!(search(&field("stage")).facet, Some(Facet::Stage));
        assert!(search(&field("update_time")).date);
        assert_eq!(search(&field("open_conditions")).facet, Some(Facet::OpenCondition));
        assert_eq!(search(&field("actual_period")).date_role, Some(DateRole::Period));
        assert_eq!(search(&field("planned_period")).date_role, Some(DateRole::PlannedPeriod));
        assert_eq!(search(&field("internal_notes")), Search::default());
        let expires = search(&descriptor::<Opportunity>().get_field_by_name("expire_date").unwrap());
        assert_eq!((expires.date_role, expires.date), (Some(DateRole::End), false));
        assert!(search(&descriptor::<Place>().get_field_by_name("point").unwrap()).point);
        assert_eq!(codes(&field("origin_countries")).as_deref(), Some("iso3166-1"));
    }

    #[test]
    fn a_field_without_the_option_is_never_public() {
        for message in crate::pool().all_messages() {
            for field in message.fields() {
                if !field.options().extensions().any(|(extension, _)| extension.name() == "audience") {
                    assert_eq!(audience(&field), Audience::Federation, "{}", field.full_name());
                }
            }
        }
    }

    #[test]
    fn persons_stay_inside() {
        let contact = descriptor::<ContactPoint>();
        assert_eq!(audience(&contact.get_field_by_name("person_name").unwrap()), Audience::Internal);
    }
}
