//! From a question to a query.

use bytes::Bytes;
use isopolity_domain::answer::AnswerHit;
use isopolity_proto::{
    federation::{Envelope, Question, SearchOrder},
    options::Audience,
};
use prost::Message as _;
use tantivy::{
    DocAddress, TantivyDocument, TantivyError, Term,
    error::DataCorruption,
    query::{BooleanQuery, Query},
    schema::{Field, Value as _},
};

use crate::{
    Found, facet,
    rank::{self, Best, Ranking},
    snapshot::{Snapshot, signed, term},
    words::words,
};

pub(crate) fn search(
    snapshot: &Snapshot,
    question: &Question,
    clearance: Audience,
    limit: usize,
) -> Result<Found, TantivyError> {
    let words = distinct_words(&question.text);
    let mut found = Found {
        records: signed(snapshot.records(clearance)?),
        position: snapshot.position.clone(),
        ..Found::default()
    };
    let ranking = match question.order() {
        SearchOrder::UpdateTime => Some(Ranking::UpdateTime),
        SearchOrder::Unspecified if words.is_empty() => Some(Ranking::UpdateTime),
        // None: a word occurs nowhere, so nothing holds all of them.
        SearchOrder::Relevance | SearchOrder::Unspecified => Ranking::relevance(snapshot, &words, clearance)?,
    };
    if let Some(ranking) = ranking {
        let Best { total, hits } =
            rank::best(snapshot, &query(snapshot, question, &words, clearance), &ranking, limit)?;
        found.total = signed(total);
        for hit in hits {
            let envelope = envelope(snapshot, hit.address)?;
            found.hits.push(AnswerHit { key: Some(hit.key), name: hit.name, envelope });
        }
    }
    Ok(found)
}

/// All that is given must hold; within one list one value is enough.
fn query(snapshot: &Snapshot, question: &Question, words: &[String], clearance: Audience) -> BooleanQuery {
    let fields = snapshot.fields;
    let mut all: Vec<Box<dyn Query>> = vec![term(fields.seen_by(clearance))];
    for word in words {
        let anywhere = [fields.title, fields.body].map(|field| Term::from_field_text(field, word));
        all.extend(any(anywhere.into_iter()));
    }
    let one_of = |field: Field, values: Vec<String>| {
        any(values.into_iter().map(move |value| Term::from_field_text(field, &value)))
    };
    all.extend(one_of(fields.kind, question.kinds.clone()));
    all.extend(one_of(
        fields.origin_country,
        question.origin_countries.iter().map(|code| facet::country(code)).collect(),
    ));
    all.extend(one_of(fields.sector, question.sectors.iter().map(facet::sector_prefix).collect()));
    all.extend(one_of(fields.stage, question.stages.iter().map(ToString::to_string).collect()));
    all.extend(one_of(fields.language, question.languages.iter().map(|tag| facet::language(tag)).collect()));
    BooleanQuery::intersection(all)
}

/// Matches what holds one of the terms. No terms, no condition.
fn any(terms: impl Iterator<Item = Term>) -> Option<Box<dyn Query>> {
    let mut terms: Vec<_> = terms.collect();
    terms.sort_unstable();
    terms.dedup();
    match terms.len() {
        0 => None,
        1 => terms.pop().map(term),
        _ => Some(Box::new(BooleanQuery::union(terms.into_iter().map(term).collect()))),
    }
}

fn distinct_words(text: &str) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for word in words(text) {
        if !distinct.contains(&word) {
            distinct.push(word);
        }
    }
    distinct
}

fn envelope(snapshot: &Snapshot, address: DocAddress) -> Result<Envelope, TantivyError> {
    let document: TantivyDocument = snapshot.searcher.doc(address)?;
    let bytes = document.get_first(snapshot.fields.envelope).and_then(|value| value.as_bytes()).unwrap_or_default();
    Envelope::decode(Bytes::copy_from_slice(bytes))
        .map_err(|error| DataCorruption::comment_only(format!("a stored envelope can't be read: {error}")).into())
}
