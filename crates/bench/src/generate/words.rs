//! What search finds in a record, for those who index it otherwise: read from the field options, as our own index does.

use std::{collections::HashMap, sync::LazyLock};

use isopolity_domain::text;
use isopolity_proto::{
    field::{self, Search},
    options::Facet,
};
use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};

/// The words and facets of a record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Indexed {
    /// Folded words of what names the record, value by value.
    pub(crate) title: Vec<Vec<String>>,
    /// Folded words of all else, value by value.
    pub(crate) body: Vec<Vec<String>>,
    /// Countries of origin.
    pub(crate) origin_countries: Vec<String>,
    /// Languages.
    pub(crate) languages: Vec<String>,
    /// Stages, by number.
    pub(crate) stages: Vec<i32>,
}

/// The fields to look into, by the message's full name.
static PLANS: LazyLock<HashMap<String, Vec<(u32, Search)>>> = LazyLock::new(|| {
    isopolity_proto::pool()
        .all_messages()
        .filter(|message| message.package_name().starts_with("isopolity."))
        .map(|message| {
            let plan = message.fields().filter_map(|one| {
                let search = field::search(&one);
                let enter = matches!(one.kind(), Kind::Message(_));
                (enter || search != Search::default()).then_some((one.number(), search))
            });
            (message.full_name().to_owned(), plan.collect())
        })
        .collect()
});

/// Reads a resource.
pub(crate) fn indexed(resource: &DynamicMessage) -> Indexed {
    let mut found = Indexed::default();
    found.enter(resource, false);
    for values in [&mut found.origin_countries, &mut found.languages] {
        values.sort_unstable();
        values.dedup();
    }
    found.stages.sort_unstable();
    found.stages.dedup();
    found
}

impl Indexed {
    fn enter(&mut self, message: &DynamicMessage, below_title: bool) {
        let Some(plan) = PLANS.get(message.descriptor().full_name()) else { return };
        for (number, search) in plan.iter().filter(|(number, _)| message.has_field_by_number(*number)) {
            if let Some(value) = message.get_field_by_number(*number) {
                self.look(&value, *search, below_title);
            }
        }
    }

    fn look(&mut self, value: &Value, search: Search, below_title: bool) {
        match (value, search.facet) {
            (Value::List(values), _) => values.iter().for_each(|value| self.look(value, search, below_title)),
            (Value::Map(entries), _) => entries.values().for_each(|value| self.look(value, search, below_title)),
            (Value::Message(message), _) => self.enter(message, below_title || search.title),
            (Value::EnumNumber(stage), Some(Facet::Stage)) => self.stages.push(*stage),
            (Value::String(code), Some(Facet::OriginCountry)) => self.origin_countries.push(code.to_ascii_uppercase()),
            (Value::String(tag), Some(Facet::Language)) => self.languages.push(tag.to_ascii_lowercase()),
            (Value::String(written), _) if search.title || (search.text && below_title) => {
                self.title.push(text::words(written));
            }
            (Value::String(written), _) if search.text => self.body.push(text::words(written)),
            _ => {}
        }
    }
}
