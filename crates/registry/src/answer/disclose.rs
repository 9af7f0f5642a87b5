//! How much a peer is told of what it may see, where that is less than records.

use std::time::Instant;

use isopolity_catalog::{Asked, Catalog, Found};
use isopolity_domain::{
    CityId,
    disclosure::{COUNT_MIN, Count},
    sharing::{Coarse, Refusal, count_of, counted_kinds, show, withheld},
    sight::Sight,
};
use isopolity_proto::{
    admin::Granularity,
    federation::{FacetCounts, QueryStart, Question},
    options::Facet,
};

use super::Checked;
use crate::Error;

/// How often it is tried to read two tables of one commit of the index.
const ATTEMPTS: usize = 10;

/// How many records a peer is told at a greeting that it may see. 0 where it is not told: with counts each comes with its table.
pub(super) fn records(records: i64, granularity: Granularity) -> i64 {
    if granularity == Granularity::Records { records } else { 0 }
}

/// Whether any record matches. Blocking.
pub(super) fn yes_or_no(catalog: &Catalog, checked: &Checked, sight: &Sight) -> Result<QueryStart, Error> {
    let begun = Instant::now();
    let Found { total, position, .. } = catalog.ask(&Asked { limit: 0, facets: &[], ..checked.asked(sight) })?;
    Ok(QueryStart {
        granularity: Granularity::YesNo.into(),
        any: total > 0,
        epoch: position.epoch,
        sequence: position.sequence,
        took: begun.elapsed().try_into().ok(),
        ..QueryStart::default()
    })
}

/// How many records match, and the facets, without small counts. Blocking.
pub(super) fn counts(catalog: &Catalog, checked: &Checked, sight: &Sight, peer: &CityId) -> Result<QueryStart, Error> {
    let begun = Instant::now();
    let coarse = Coarse::of(&checked.question, sight.kinds())
        .map_err(|what| Error::NotShared(Refusal::TooFine(peer.clone(), what)))?;
    let (all, of_kind) = tables(catalog, checked, sight, &coarse)?;
    let position = all.position;
    let kinds = show(all.total, all.facets, None);
    let (total, facets) = match (&coarse, of_kind) {
        (Coarse { kind: None, value: None }, _) => (kinds.total, kinds.facets),
        (Coarse { kind: None, value: Some(_) }, _) => (Count::Exact(0), Vec::new()),
        (Coarse { kind: Some(kind), .. }, Some(found)) => {
            // The kinds are the first table of all: what it suppresses is not told by a question for the kind either.
            let kind_total = kinds.facets.first().map_or(Count::Suppressed, |table| count_of(kind.as_str(), table));
            match (kind_total, &coarse.value) {
                (Count::Suppressed, _) => (Count::Suppressed, Vec::new()),
                (Count::Exact(_), value) => {
                    let shown = show(found.total, found.facets, Some(*kind));
                    match value {
                        None => (shown.total, shown.facets),
                        Some((_, value)) => {
                            let table = shown.facets.last();
                            (table.map_or(Count::Suppressed, |table| count_of(value, table)), Vec::new())
                        }
                    }
                }
            }
        }
        (Coarse { kind: Some(_), .. }, None) => (Count::Suppressed, Vec::new()),
    };
    let facet = |asked: &Facet| -> FacetCounts {
        let table = facets.iter().find(|table| table.facet() == *asked && coarse.shows(*asked));
        table.cloned().unwrap_or_else(|| withheld(*asked))
    };
    Ok(QueryStart {
        granularity: Granularity::Counts.into(),
        total: total.exact().unwrap_or_default(),
        total_suppressed: total == Count::Suppressed,
        records: kinds.total.exact().unwrap_or_default(),
        threshold: i32::try_from(COUNT_MIN).unwrap_or(i32::MAX),
        facets: checked.facets.iter().map(facet).collect(),
        epoch: position.epoch,
        sequence: position.sequence,
        took: begun.elapsed().try_into().ok(),
        ..QueryStart::default()
    })
}

/// The table of all kinds, with the facets that may be shown of them; and of the only kind that is asked for, the facets that are asked
/// for, that of the value last. Both of the same commit.
fn tables(
    catalog: &Catalog,
    checked: &Checked,
    sight: &Sight,
    coarse: &Coarse,
) -> Result<(Found, Option<Found>), Error> {
    let kinds = counted_kinds(sight.kinds()).iter().map(ToString::to_string).collect();
    let everything = Question { kinds, ..Question::default() };
    let of_kind = coarse.kind.map(|kind| Question { kinds: vec![kind.to_string()], ..Question::default() });
    let mut facets: Vec<Facet> = checked.facets.iter().copied().filter(|facet| coarse.shows(*facet)).collect();
    facets.extend(coarse.value.as_ref().map(|(facet, _)| *facet));
    for _ in 0..ATTEMPTS {
        let ask = |question, facets| catalog.ask(&Asked { question, facets, limit: 0, ..checked.asked(sight) });
        let all = ask(&everything, &[Facet::Kind, Facet::City])?;
        let Some(question) = &of_kind else { return Ok((all, None)) };
        let found = ask(question, &facets)?;
        if found.position == all.position {
            return Ok((all, Some(found)));
        }
    }
    Err(Error::Overloaded {
        what: "the search index changes all the time".to_owned(),
        retry_after: std::time::Duration::from_secs(1),
    })
}
