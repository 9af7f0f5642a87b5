//! Takes publications.

use std::sync::{Arc, PoisonError};

use isopolity_domain::{
    answer::NO_START,
    feed::{Position, Publication, PublishedRecord},
    record,
};
use isopolity_proto::{
    federation::Envelope,
    options::{Audience, Facet},
};
use prost::Message as _;
use prost_reflect::Value;
use tantivy::{IndexWriter, TantivyDocument, TantivyError, Term, indexer::IndexWriterOptions, query::AllQuery};
use tracing::warn;

use crate::{
    CatalogError, Inner, folder,
    schema::{CLEARANCES, Fields, NO_END, also_for, condition, has, not_for, order_of},
    snapshot::Snapshot,
    walk::{Facets, Findings, walk},
};

/// What may be gathered in memory before it is written out; the library takes no less. Freed with the commit.
const MEMORY_BYTES: usize = 15_000_000;

impl Inner {
    pub(crate) fn apply(&self, publications: &[Publication], to: Position) -> Result<(), CatalogError> {
        let mut kept = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.snapshot.borrow().position.clone();
        let begins = now.epoch != to.epoch;
        if !begins && to.sequence <= now.sequence {
            return Ok(());
        }
        // On any fault the writer is dropped, and with it what was not committed.
        let mut writer = match kept.take() {
            Some(writer) => writer,
            None => self.new_writer()?,
        };
        if begins {
            writer.delete_query(Box::new(AllQuery))?;
        }
        for publication in publications.iter().filter(|one| begins || one.sequence > now.sequence) {
            if let Err(error) = add(&writer, self.fields, publication) {
                // It only says that the indexing thread is gone; the thread's own error says why.
                return Err(writer.prepare_commit().err().unwrap_or(error).into());
            }
        }
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&folder::payload(&to)?);
        commit.commit()?;
        self.reader.reload()?;
        *kept = Some(writer);
        let before = self.snapshot.borrow().clone();
        let now = Snapshot::new(self.reader.searcher(), self.fields, to, Some(&before));
        self.snapshot.send_replace(Arc::new(now));
        Ok(())
    }

    pub(crate) fn new_writer(&self) -> Result<IndexWriter, TantivyError> {
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(MEMORY_BYTES)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        self.index.writer_with_options(options)
    }
}

/// Replaces all that is indexed under the publication's name.
fn add(writer: &IndexWriter, fields: Fields, publication: &Publication) -> Result<(), TantivyError> {
    writer.delete_term(Term::from_field_text(fields.name, &publication.name));
    for published in &publication.records {
        let sees = |clearance: &Audience| {
            publication.record_for(*clearance).is_some_and(|record| std::ptr::eq(record, published))
        };
        let mut seen_by: Vec<String> =
            CLEARANCES.into_iter().filter(sees).map(|clearance| clearance.as_str_name().to_owned()).collect();
        // The cities that see what is shared see that in place of what all peers see.
        seen_by.extend(published.cities.iter().map(also_for));
        if sees(&Audience::Federation) {
            let shared = publication.records.iter().flat_map(|record| &record.cities);
            seen_by.extend(shared.map(not_for));
        }
        let Some(mut findings) = find(&publication.name, published) else { continue };
        findings.facet(Facet::Kind, &Value::String(publication.kind.clone()));
        let city = publication.name.split('/').nth(1).unwrap_or_default();
        findings.facet(Facet::City, &Value::String(city.to_owned()));
        let document = document(fields, publication, published, &seen_by, &findings);
        writer.add_document(document)?;
    }
    Ok(())
}

fn document(
    fields: Fields,
    publication: &Publication,
    published: &PublishedRecord,
    seen_by: &[String],
    findings: &Findings,
) -> TantivyDocument {
    let mut document = TantivyDocument::default();
    document.add_text(fields.name, &publication.name);
    document.add_text(fields.name_order, order_of(&publication.name));
    document.add_bytes(fields.envelope, &published.envelope);
    document.add_i64(fields.sequence, publication.sequence);
    document.add_i64(fields.update_time, findings.update_time.unwrap_or_default());
    for one in seen_by {
        document.add_text(fields.clearance, one);
    }
    for (field, texts) in [(fields.title, &findings.title), (fields.body, &findings.body)] {
        for text in texts {
            document.add_text(field, text);
        }
    }
    for (facet, Facets { counted, found_by }) in &findings.facets {
        let Some(field) = fields.facet(*facet) else { continue };
        if !counted.is_empty() {
            document.add_text(fields.condition, has(*facet));
        }
        for term in found_by {
            document.add_text(fields.condition, condition(*facet, term));
        }
        for value in counted {
            document.add_text(field, value);
        }
    }
    let days = findings.days();
    document.add_i64(fields.start_day, days.start.unwrap_or(NO_START).into());
    document.add_i64(fields.end_day, days.end.unwrap_or(NO_END).into());
    for (latitude, longitude) in &findings.points {
        document.add_f64(fields.latitude, *latitude);
        document.add_f64(fields.longitude, *longitude);
    }
    let title = findings.title_order();
    if !title.is_empty() {
        document.add_text(fields.title_order, title);
    }
    document
}

/// What is to be indexed of a record. A resource of a type that this version does not know is found by its kind alone;
/// bytes that are no record are left out, so that one of them does not hold up all that come after.
fn find(name: &str, published: &PublishedRecord) -> Option<Findings> {
    let envelope = Envelope::decode(published.envelope.clone()).map_err(|error| error.to_string());
    match envelope.and_then(|envelope| record::read(&envelope).map_err(|error| error.to_string())) {
        Ok(record) => Some(record::resource(&record).as_ref().map(walk).unwrap_or_default()),
        Err(reason) => {
            warn!(resource.name = name, reason, "a published record can't be read and is not in the search index");
            None
        }
    }
}
