//! The index's fields.

use isopolity_proto::options::Audience;
use tantivy::{
    Term,
    schema::{FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions},
};

/// What is indexed and how. To be raised with any change of it, also of how words are cut or facets are written: an
/// index of another version is built anew.
pub(crate) const VERSION: u32 = 1;

/// The clearances that somebody can have.
pub(crate) const CLEARANCES: [Audience; 3] = [Audience::Public, Audience::Federation, Audience::Internal];

/// The field whose values break ties.
pub(crate) const NAME: &str = "name";
/// The field by which results are ordered.
pub(crate) const UPDATE_TIME: &str = "update_time";
/// What cuts the text fields into words.
pub(crate) const WORDS: &str = "isopolity_words";

/// The index's fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    /// The resource name; its column gives the order of ties.
    pub(crate) name: Field,
    /// The kind of resource.
    pub(crate) kind: Field,
    /// Each clearance for which this is the record to be seen.
    pub(crate) clearance: Field,
    /// Words that name the record.
    pub(crate) title: Field,
    /// All other words.
    pub(crate) body: Field,
    /// See [`crate::facet`].
    pub(crate) origin_country: Field,
    /// See [`crate::facet`].
    pub(crate) sector: Field,
    /// See [`crate::facet`].
    pub(crate) stage: Field,
    /// See [`crate::facet`].
    pub(crate) language: Field,
    /// Nanoseconds since 1970.
    pub(crate) update_time: Field,
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
            name: schema.add_text_field(NAME, STRING | FAST),
            kind: schema.add_text_field("kind", STRING),
            clearance: schema.add_text_field("clearance", STRING),
            title: schema.add_text_field("title", words.clone()),
            body: schema.add_text_field("body", words),
            origin_country: schema.add_text_field("origin_country", STRING),
            sector: schema.add_text_field("sector", STRING),
            stage: schema.add_text_field("stage", STRING),
            language: schema.add_text_field("language", STRING),
            update_time: schema.add_i64_field(UPDATE_TIME, FAST),
            envelope: schema.add_bytes_field("envelope", STORED),
        };
        (schema.build(), fields)
    }

    /// What every record carries that this clearance sees.
    pub(crate) fn seen_by(&self, clearance: Audience) -> Term {
        Term::from_field_text(self.clearance, clearance.as_str_name())
    }
}
