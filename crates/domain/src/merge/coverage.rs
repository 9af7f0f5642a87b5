//! How much of the federation an answer covers.

use isopolity_proto::catalog::{Coverage, Outcome};

use super::in_full;

/// Counts the members' outcomes and the records that each is known to hold.
pub(super) fn of(members: impl Iterator<Item = (Outcome, i64)>) -> Coverage {
    let mut coverage = Coverage::default();
    // Even an empty registry holds its city's profile, so no records means that nobody has said yet.
    let mut unknown = false;
    for (outcome, records) in members {
        coverage.cities += 1;
        coverage.records_known = coverage.records_known.saturating_add(records);
        if !matches!(outcome, Outcome::NotAsked | Outcome::Suspended) {
            coverage.cities_asked += 1;
        }
        if in_full(outcome) {
            coverage.cities_answered += 1;
            coverage.records_covered = coverage.records_covered.saturating_add(records);
        } else {
            unknown |= records == 0;
        }
    }
    coverage.summary = summary(&coverage, unknown);
    coverage
}

/// `5 of 6 cities, 97 % of known records`. Rounded down, and never 100 % while a city is missing. Without the percentage
/// where it is not known how much is missing.
fn summary(coverage: &Coverage, unknown: bool) -> String {
    let cities = format!("{} of {} cities", coverage.cities_answered, coverage.cities);
    if unknown || coverage.records_known <= 0 {
        return cities;
    }
    let most = if coverage.cities_answered == coverage.cities { 100 } else { 99 };
    let percent = i128::from(coverage.records_covered) * 100 / i128::from(coverage.records_known);
    format!("{cities}, {} % of known records", percent.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_rounds_down_and_never_hides_what_is_missing() {
        use Outcome::{Answered, AnsweredEmpty, NotAsked, Partial, Suspended, TimedOut};
        for (members, asked, summary) in [
            (vec![(Answered, 60), (AnsweredEmpty, 40)], 2, "2 of 2 cities, 100 % of known records"),
            (vec![(Answered, 999), (TimedOut, 1)], 2, "1 of 2 cities, 99 % of known records"),
            (vec![(Answered, 10), (TimedOut, 0)], 2, "1 of 2 cities"),
            (vec![(Answered, 2), (Partial, 1)], 2, "1 of 2 cities, 66 % of known records"),
            (vec![(Answered, 1), (NotAsked, 1), (Suspended, 2)], 1, "1 of 3 cities, 25 % of known records"),
            (vec![(AnsweredEmpty, 0), (TimedOut, 0)], 2, "1 of 2 cities"),
            (vec![(Answered, i64::MAX), (TimedOut, i64::MAX)], 2, "1 of 2 cities, 99 % of known records"),
        ] {
            let coverage = of(members.into_iter());
            assert_eq!((coverage.cities_asked, coverage.summary.as_str()), (asked, summary));
        }
    }
}
