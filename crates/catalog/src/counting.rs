//! How many documents have which value of a facet.

use std::{cmp::Reverse, collections::BTreeMap};

use isopolity_proto::{
    federation::{FacetCounts, FacetValue},
    options::Facet,
};
use tantivy::{
    TantivyError,
    columnar::StrColumn,
    schema::{Field, IndexRecordOption},
};

use crate::{documents::Documents, schema::Fields, segment::Segment, snapshot::signed};

/// The most values of a facet in an answer.
const VALUES_MAX: usize = 10_000;
/// To look up the values of a document takes as long as to read so many values in the lists of the documents that have
/// them.
const LOOKUP: u64 = 12;

/// The values of a facet, and how many records have them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// Counts the values of these documents, of which there are so many.
    pub(crate) fn add(
        &mut self,
        facet: Facet,
        fields: &Fields,
        segment: &Segment,
        matches: &Documents,
        matching: u64,
    ) -> Result<(), TantivyError> {
        let (Some(field), Some(column)) = (fields.facet(facet), segment.facet(facet)?) else { return Ok(()) };
        let values = u64::from(column.ords().values.num_vals());
        if matching == 0 {
            Ok(())
        } else if values > matching.saturating_mul(LOOKUP) {
            self.by_document(&column, matches)
        } else {
            self.by_value(field, segment, matches, matching)
        }
    }

    /// Looks up the values of each document.
    fn by_document(&mut self, column: &StrColumn, matches: &Documents) -> Result<(), TantivyError> {
        let mut counts = vec![0_u64; column.num_terms()];
        for doc in matches.iter() {
            for number in column.term_ords(doc) {
                if let Some(count) = usize::try_from(number).ok().and_then(|number| counts.get_mut(number)) {
                    *count += 1;
                }
            }
        }
        let mut value = String::new();
        for (number, count) in (0..).zip(counts).filter(|(_, count)| *count > 0) {
            if column.ord_to_str(number, &mut value)? {
                self.more(&value, count);
            }
        }
        Ok(())
    }

    /// Goes through the documents that have each value.
    fn by_value(
        &mut self,
        field: Field,
        segment: &Segment,
        matches: &Documents,
        matching: u64,
    ) -> Result<(), TantivyError> {
        let index = segment.reader.inverted_index(field)?;
        let everything = matching == u64::from(segment.reader.max_doc());
        let mut terms = index.terms().stream()?;
        while terms.advance() {
            let mut count = 0;
            if everything {
                count = terms.value().doc_freq.into();
            } else {
                let mut list = index.read_block_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
                while !list.docs().is_empty() {
                    for &doc in list.docs() {
                        count += u64::from(matches.contains(doc));
                    }
                    list.advance();
                }
            }
            if count > 0
                && let Ok(value) = str::from_utf8(terms.key())
            {
                self.more(value, count);
            }
        }
        Ok(())
    }

    /// Adds the counts of another part of the index.
    pub(crate) fn join(&mut self, other: &Self) {
        for (value, count) in &other.0 {
            self.more(value, *count);
        }
    }

    fn more(&mut self, value: &str, count: u64) {
        match self.0.get_mut(value) {
            Some(sum) => *sum += count,
            None => {
                self.0.insert(value.to_owned(), count);
            }
        }
    }

    /// The greatest counts first, then by value in byte order.
    pub(crate) fn into_counts(self, facet: Facet) -> FacetCounts {
        let mut values: Vec<_> = self.0.into_iter().collect();
        // Equal counts stay in the order of values.
        values.sort_by_key(|(_, count)| Reverse(*count));
        let left_off = values.len().saturating_sub(VALUES_MAX);
        values.truncate(VALUES_MAX);
        FacetCounts {
            facet: facet.into(),
            values: values
                .into_iter()
                .map(|(value, count)| FacetValue { value, count: signed(count), ..FacetValue::default() })
                .collect(),
            values_left_off: i32::try_from(left_off).unwrap_or(i32::MAX),
            ..FacetCounts::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_values_come_first_and_what_is_left_off_is_said() {
        let mut counts = Counts::default();
        for (value, count) in [("b", 2), ("a", 2), ("c", 9)] {
            counts.more(value, count);
        }
        let mut other = Counts::default();
        other.more("a", 1);
        counts.join(&other);
        let found = counts.clone().into_counts(Facet::Country);
        let values: Vec<_> = found.values.iter().map(|one| (one.value.as_str(), one.count)).collect();
        assert_eq!(values, [("c", 9), ("a", 3), ("b", 2)]);
        assert_eq!((found.facet(), found.values_left_off), (Facet::Country, 0));
        for number in 0..VALUES_MAX {
            counts.more(&number.to_string(), 1);
        }
        let found = counts.into_counts(Facet::Country);
        assert_eq!((found.values.len(), found.values_left_off), (VALUES_MAX, 3));
    }
}
