//! The index's fields.

use isopolity_domain::{CityId, facet};
use isopolity_proto::options::{Audience, Facet};
use tantivy::{
    Term,
    schema::{FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions},
};

/// What is indexed and how. To be raised with any change of it, also of how words are cut or facets are written: an
/// index of another version is built anew.
pub(crate) const VERSION: u32 = 2;

/// The clearances that somebody can have who is no peer.
pub(crate) const CLEARANCES: [Audience; 3] = [Audience::Public, Audience::Federation, Audience::Internal];

/// The column of resource names in [`order_of`], by which ties are broken.
pub(crate) const NAME_ORDER: &str = "name_order";
/// The column of folded titles. Records without a title have none.
pub(crate) const TITLE_ORDER: &str = "title_order";
/// The column of update times in nanoseconds since 1970.
pub(crate) const UPDATE_TIME: &str = "update_time";
/// The column of the first days, since 1970; [`isopolity_domain::answer::NO_START`] where there is none.
pub(crate) const START_DAY: &str = "start_day";
/// The column of the last days, since 1970; [`NO_END`] where there is none.
pub(crate) const END_DAY: &str = "end_day";
/// The column of degrees north of the record's points.
pub(crate) const LATITUDE: &str = "latitude";
/// The column of degrees east, in the same order.
pub(crate) const LONGITUDE: &str = "longitude";
/// The column of sequences in the feed.
pub(crate) const SEQUENCE: &str = "sequence";
/// What cuts the text fields into words.
pub(crate) const WORDS: &str = "isopolity_words";

/// The end of a record that says nothing of it.
pub(crate) const NO_END: i32 = i32::MAX;

/// The index's fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    /// The resource name.
    pub(crate) name: Field,
    pub(crate) name_order: Field,
    /// Each clearance for which this is the record to be seen; and each city that sees it though its clearance does not, or does
    /// not see it though its clearance does: [`also_for`] and [`not_for`].
    pub(crate) clearance: Field,
    /// Words that name the record.
    pub(crate) title: Field,
    /// All other words.
    pub(crate) body: Field,
    /// What a question can ask for: [`condition`] and [`has`].
    pub(crate) condition: Field,
    /// The public values of each of [`facet::ALL`], to be counted.
    facets: [Field; facet::ALL.len()],
    pub(crate) title_order: Field,
    pub(crate) update_time: Field,
    pub(crate) start_day: Field,
    pub(crate) end_day: Field,
    pub(crate) latitude: Field,
    pub(crate) longitude: Field,
    pub(crate) sequence: Field,
    /// The envelope's bytes as they were published.
    pub(crate) envelope: Field,
}

impl Fields {
    pub(crate) fn build() -> (Schema, Self) {
        let mut schema = Schema::builder();
        // Positions are kept for phrases.
        let words = TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer(WORDS)
                .set_index_option(IndexRecordOption::WithFreqsAndPositions),
        );
        let fields = Self {
            name: schema.add_text_field("name", STRING),
            name_order: schema.add_text_field(NAME_ORDER, FAST),
            clearance: schema.add_text_field("clearance", STRING),
            title: schema.add_text_field("title", words.clone()),
            body: schema.add_text_field("body", words),
            condition: schema.add_text_field("condition", STRING),
            facets: facet::ALL.map(|facet| schema.add_text_field(&facet_column(facet), STRING | FAST)),
            title_order: schema.add_text_field(TITLE_ORDER, FAST),
            update_time: schema.add_i64_field(UPDATE_TIME, FAST),
            start_day: schema.add_i64_field(START_DAY, FAST),
            end_day: schema.add_i64_field(END_DAY, FAST),
            latitude: schema.add_f64_field(LATITUDE, FAST),
            longitude: schema.add_f64_field(LONGITUDE, FAST),
            sequence: schema.add_i64_field(SEQUENCE, FAST),
            envelope: schema.add_bytes_field("envelope", STORED),
        };
        (schema.build(), fields)
    }

    /// What every record carries that this clearance sees.
    pub(crate) fn seen_by(&self, clearance: Audience) -> Term {
        Term::from_field_text(self.clearance, clearance.as_str_name())
    }

    /// What every record carries that this city sees and others of its clearance do not.
    pub(crate) fn also_seen_by(&self, city: &CityId) -> Term {
        Term::from_field_text(self.clearance, &also_for(city))
    }

    /// What every record carries that this city does not see and others of its clearance do.
    pub(crate) fn not_seen_by(&self, city: &CityId) -> Term {
        Term::from_field_text(self.clearance, &not_for(city))
    }

    /// The field of a facet's values. `None` if it is no facet.
    pub(crate) fn facet(&self, facet: Facet) -> Option<Field> {
        let place = facet::ALL.iter().position(|one| *one == facet)?;
        self.facets.get(place).copied()
    }
}

/// Says in [`Fields::clearance`] that a city sees the record beyond its clearance. No clearance begins so.
pub(crate) fn also_for(city: &CityId) -> String {
    format!("+{city}")
}

/// Says that a city sees another record of the resource.
pub(crate) fn not_for(city: &CityId) -> String {
    format!("-{city}")
}

/// What every record carries that a question for this term of a facet finds.
pub(crate) fn condition(facet: Facet, term: &str) -> String {
    format!("{}/{term}", facet as i32)
}

/// What every record carries that has any value of this facet.
pub(crate) fn has(facet: Facet) -> String {
    (facet as i32).to_string()
}

/// The name of the column of a facet's values.
pub(crate) fn facet_column(facet: Facet) -> String {
    facet.as_str_name().to_ascii_lowercase()
}

/// A resource name in a form whose byte order is that of its parts: by city, then by the rest. A city's id may hold
/// characters that come before a slash.
pub(crate) fn order_of(name: &str) -> String {
    name.replace('/', "\0")
}

/// The name that was given to [`order_of`].
pub(crate) fn name_of(order: &str) -> String {
    order.replace('\0', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_part_by_part() {
        let mut names = ["cities/a.b.c/x", "cities/a.b/x", "cities/a.b", "cities/a.b-c.d/x", "cities/a.b/x/y"];
        names.sort_by_key(|name| order_of(name));
        assert_eq!(names, ["cities/a.b", "cities/a.b/x", "cities/a.b/x/y", "cities/a.b-c.d/x", "cities/a.b.c/x"]);
        assert!(names.iter().all(|name| name_of(&order_of(name)) == *name));
    }

    #[test]
    fn every_facet_has_a_field_of_its_own() {
        let (schema, fields) = Fields::build();
        for number in 1..100 {
            let Ok(facet) = Facet::try_from(number) else { continue };
            let field = fields.facet(facet).unwrap();
            assert_eq!(schema.get_field_name(field), facet_column(facet));
        }
        assert_eq!(fields.facet(Facet::Unspecified), None);
        assert_ne!(condition(Facet::Sdg, ""), has(Facet::Sdg));
    }
}
