//! What counts and sums of money may be shown to those who may not see the records: statistical disclosure control.
//!
//! A count that is small would reveal somebody, so it is suppressed; and so are as many others as it takes that nobody can compute it
//! from what is shown (secondary suppression). The promise, for whoever sees an answer and knows the rule: of a suppressed
//! count he learns no more than what the rule itself says, that it lies between one and the minimum. It holds even for somebody who was
//! told which of the suppressed counts are the small ones.
//!
//! Not promised: that two questions which differ by little reveal nothing together (limit and log the questions); that nobody
//! learns that a group is empty, for a zero is shown; and that a count is safe beside one of another facet which means the same.

use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

mod money;
mod table;

pub use money::{Amount, Money, money};
pub use table::{Table, table};

/// The fewest records behind a count, where nothing else is said.
pub const COUNT_MIN: i64 = 5;
/// The fewest people behind a public number about people.
pub const PEOPLE_MIN: i64 = 10;
/// The fewest enterprises behind a public number about money.
pub const ENTERPRISES_MIN: i64 = 5;
/// The largest share in percent that one enterprise may have in a public number about money.
pub const LARGEST_SHARE_MAX: u8 = 70;

/// From which size on a number may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The smallest count other than zero that is shown; for money, the fewest contributors. Below 2 it suppresses nothing.
    pub minimum: i64,
    /// The largest share in percent that one contributor may have in a sum of money.
    pub dominance_percent: u8,
}

impl Rule {
    /// For counts of records and of enterprises, and for sums of money of enterprises.
    pub const COUNTS: Self = Self { minimum: COUNT_MIN, dominance_percent: LARGEST_SHARE_MAX };
    /// For numbers about people.
    pub const PEOPLE: Self = Self { minimum: PEOPLE_MIN, dominance_percent: LARGEST_SHARE_MAX };

    /// Whether a count may be shown for itself, whatever stands beside it. A negative one is never shown.
    #[must_use]
    pub fn shows(&self, count: i64) -> bool {
        count == 0 || count >= self.minimum.max(1)
    }

    /// Whether a sum of money may be shown for itself: enough stand behind it, and none of them dominates. A share that
    /// nobody stated may be any share.
    #[must_use]
    pub fn shows_money(&self, contributors: i64, largest_share_millionths: Option<i128>) -> bool {
        let most = i128::from(self.dominance_percent) * 1_000_000;
        contributors >= self.minimum && largest_share_millionths.is_some_and(|share| share <= most)
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::COUNTS
    }
}

/// A number as it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// It is shown as it is.
    Exact(i64),
    /// It is not shown: it is small, or would let a small one be computed.
    Suppressed,
}

impl Count {
    /// The number, where it is shown.
    #[must_use]
    pub fn exact(self) -> Option<i64> {
        match self {
            Self::Exact(count) => Some(count),
            Self::Suppressed => None,
        }
    }
}

/// How many values a record has in a facet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// At most one. The counts and what was left off add up to the total.
    One,
    /// Any number. Counts overlap and their sum bounds nothing from above; but each record may have a value, so that a total
    /// says how many the suppressed ones must at least hold.
    Several,
}

/// The counts of one facet of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    /// One count for each value that is listed.
    pub counts: &'a [i64],
    /// How many values a record has.
    pub values: Values,
    /// There are values that are not listed. Where records have at most one value, what is missing to the total says it, too.
    pub left_off: bool,
}

/// What may be shown of a facet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facet {
    /// One count for each value, in the order in which they were handed in.
    Shown(Vec<Count>),
    /// Nothing, not even which values there are: however many counts were suppressed, the total would give small ones away.
    Withheld,
}

/// What may be shown of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosed {
    /// How many records there are.
    pub total: Count,
    /// The facets, in the order in which they were handed in.
    pub facets: Vec<Facet>,
}

/// What may be shown of a total and of its facets. The total is shown unless it is small itself; then no facet is shown either. What
/// a facet would reveal beside the total is suppressed in the facet, so that facets do not depend on each other.
#[must_use]
pub fn suppress(total: i64, facets: &[Cells<'_>], rule: Rule) -> Disclosed {
    if !rule.shows(total) {
        return Disclosed { total: Count::Suppressed, facets: facets.iter().map(|_| Facet::Withheld).collect() };
    }
    Disclosed { total: Count::Exact(total), facets: facets.iter().map(|cells| facet(total, cells, rule)).collect() }
}

fn facet(total: i64, cells: &Cells<'_>, rule: Rule) -> Facet {
    let listed = cells.counts.iter().fold(0_i64, |sum, count| sum.saturating_add(*count));
    let is_sound = cells.counts.iter().all(|count| (0..=total).contains(count));
    if !is_sound || cells.values == Values::One && listed > total {
        // Counts of another moment than the total's: nothing is known of what they say together.
        return Facet::Withheld;
    }
    let margin = Margin { total, cells, rest: total - listed, rule };
    let mut hidden: BTreeSet<usize> =
        (0..cells.counts.len()).filter(|at| cells.counts.get(*at).is_some_and(|count| !rule.shows(*count))).collect();
    let mut candidates: Vec<(i64, usize)> = cells
        .counts
        .iter()
        .enumerate()
        .filter(|(at, count)| **count > 0 && !hidden.contains(at))
        .map(|(at, count)| (*count, at))
        .collect();
    candidates.sort_unstable();
    while !margin.is_protected(&hidden) {
        // The smallest that suffices alone, so that little is lost; else the smallest of all, and on.
        let found = candidates.iter().position(|(_, at)| {
            let mut tried = hidden.clone();
            tried.insert(*at);
            margin.is_protected(&tried)
        });
        if candidates.is_empty() {
            return Facet::Withheld;
        }
        hidden.insert(candidates.remove(found.unwrap_or(0)).1);
    }
    Facet::Shown(
        cells
            .counts
            .iter()
            .enumerate()
            .map(|(at, count)| if hidden.contains(&at) { Count::Suppressed } else { Count::Exact(*count) })
            .collect(),
    )
}

/// A facet beside the total that is shown with it.
struct Margin<'a> {
    total: i64,
    cells: &'a Cells<'a>,
    /// What is missing from the listed counts to the total.
    rest: i64,
    rule: Rule,
}

impl Margin<'_> {
    /// Whether each small count may still be anything from 1 to the minimum, for somebody who knows which counts are small.
    fn is_protected(&self, hidden: &BTreeSet<usize>) -> bool {
        let (mut small, mut large) = (Group::default(), Group::default());
        for count in hidden.iter().filter_map(|at| self.cells.counts.get(*at)) {
            if self.rule.shows(*count) { large.add(*count) } else { small.add(*count) }
        }
        match self.cells.values {
            Values::One => {
                // What was left off is a count like the others, which nobody shows: it can be computed, or it hides others.
                if self.rest > 0 {
                    if self.rule.shows(self.rest) { large.add(self.rest) } else { small.add(self.rest) }
                }
                self.hides(small, large)
            }
            Values::Several => {
                let shown: i64 = self
                    .cells
                    .counts
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| !hidden.contains(at))
                    .fold(0, |sum, (_, count)| sum.saturating_add(*count));
                let others = (small.members - 1).saturating_mul(self.rule.minimum - 1);
                small.members == 0
                    || large.members > 0
                    || self.cells.left_off
                    || self.total.saturating_sub(shown).saturating_sub(others) <= 1
            }
        }
    }

    /// Whether the sum of what is hidden, which anyone can compute, leaves each small count its whole range.
    fn hides(&self, small: Group, large: Group) -> bool {
        let (minimum, sum) = (self.rule.minimum, small.sum.saturating_add(large.sum));
        if small.members == 0 {
            return true;
        }
        let others = small.members - 1;
        let highest = sum.saturating_sub(others).saturating_sub(large.members.saturating_mul(minimum));
        let lowest = sum.saturating_sub(others.saturating_mul(minimum - 1));
        highest >= minimum - 1 && (large.members > 0 || lowest <= 1)
    }
}

/// Hidden counts of one kind: how many, and their sum.
#[derive(Clone, Copy, Default)]
struct Group {
    members: i64,
    sum: i64,
}

impl Group {
    fn add(&mut self, count: i64) {
        self.members += 1;
        self.sum = self.sum.saturating_add(count);
    }
}
