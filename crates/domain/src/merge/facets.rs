//! Counts of facets, summed over cities.

use std::collections::HashMap;

use isopolity_proto::{
    catalog::FacetRequest,
    federation::{FacetCounts, FacetValue},
};

/// How many values of a facet are shown where the caller names no number.
const VALUES_DEFAULT: usize = 20;

/// Sums the counts of all answers, each of which holds the facets in the order in which they were asked for.
///
/// `values_left_off` is exact if no city left values off itself; otherwise at least as many were. A count that a city suppresses
/// makes the sum one that is known at least.
pub(super) fn sum(asked: &[FacetRequest], answers: &[Vec<FacetCounts>]) -> Vec<FacetCounts> {
    let each = asked.iter().enumerate();
    each.map(|(at, asked)| one(*asked, answers.iter().filter_map(|facets| facets.get(at)))).collect()
}

fn one<'a>(asked: FacetRequest, answers: impl Iterator<Item = &'a FacetCounts>) -> FacetCounts {
    let mut counts: HashMap<&str, (i64, bool)> = HashMap::new();
    // Where a city left values off it has at least as many as it sent and left off, whether or not others have them too.
    let mut least = 0;
    let mut withheld = false;
    for answer in answers {
        withheld |= answer.withheld;
        least = least.max(answer.values.len() + usize::try_from(answer.values_left_off).unwrap_or_default());
        for FacetValue { value, count, suppressed } in &answer.values {
            let (sum, any_suppressed) = counts.entry(value).or_default();
            *sum = sum.saturating_add(*count);
            *any_suppressed |= suppressed;
        }
    }
    let most = match usize::try_from(asked.limit) {
        Ok(0) | Err(_) => VALUES_DEFAULT,
        Ok(most) => most,
    };
    let mut values: Vec<(&str, (i64, bool))> = counts.into_iter().collect();
    let all = values.len().max(least);
    values.sort_unstable_by(|(one, (one_count, _)), (other, (other_count, _))| {
        other_count.cmp(one_count).then(one.cmp(other))
    });
    values.truncate(most);
    let value = |(value, (count, suppressed)): (&str, _)| FacetValue { value: value.to_owned(), count, suppressed };
    FacetCounts {
        facet: asked.facet,
        values_left_off: i32::try_from(all - values.len()).unwrap_or(i32::MAX),
        values: values.into_iter().map(value).collect(),
        withheld,
    }
}

#[cfg(test)]
mod tests {
    use isopolity_proto::options::Facet;

    use super::*;

    fn counts(values: &[(&str, i64)], values_left_off: i32) -> Vec<FacetCounts> {
        let values =
            values.iter().map(|(value, count)| FacetValue { value: (*value).into(), count: *count, suppressed: false });
        let values = values.collect();
        vec![FacetCounts { facet: Facet::Stage.into(), values, values_left_off, withheld: false }]
    }

    #[test]
    fn counts_of_all_cities_are_added_the_greatest_first_and_what_is_left_off_is_counted() {
        let asked = |limit| [FacetRequest { facet: Facet::Stage.into(), limit }];
        let feira = counts(&[("LAUNCH", 3), ("DESIGN", 2), ("SCREENING", 1)], 0);
        let turin = counts(&[("DESIGN", 1), ("AGREEMENT", 1), ("SCREENING", 1)], 0);
        let answers = [feira, turin];
        for (limit, shown, left_off) in [(0, 4, 0), (4, 4, 0), (3, 3, 1), (1, 1, 3)] {
            let sum = sum(&asked(limit), &answers).pop().unwrap();
            let all = [("DESIGN", 3), ("LAUNCH", 3), ("SCREENING", 2), ("AGREEMENT", 1)];
            let values: Vec<_> = sum.values.iter().map(|value| (value.value.as_str(), value.count)).collect();
            assert_eq!((values.as_slice(), sum.values_left_off), (&all[..shown], left_off), "limit {limit}");
        }
        assert_eq!(
            sum(&asked(9), &[]).pop().unwrap(),
            FacetCounts { facet: Facet::Stage.into(), ..Default::default() }
        );
    }

    #[test]
    fn where_a_city_leaves_values_off_at_least_as_many_are_said_to_be_missing() {
        let asked = [FacetRequest { facet: Facet::Stage.into(), limit: 2 }];
        let answers = [counts(&[("LAUNCH", 3), ("DESIGN", 2)], 7), counts(&[("SCREENING", 1)], 0)];
        assert_eq!(sum(&asked, &answers).pop().unwrap().values_left_off, 7);
    }
}
