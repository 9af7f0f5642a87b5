//! Sums of money: enough must stand behind a sum, and none of them may dominate it.

use std::collections::BTreeSet;

use super::{Count, Rule};

/// A sum of money, and who stands behind it. Each contributor stands behind one sum of a list only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// The sum, in the smallest unit of the currency. Never negative: one that is, is not shown.
    pub sum: i64,
    /// How many contributed.
    pub contributors: i64,
    /// What the largest of them contributed, in the same unit.
    pub largest: i64,
}

impl Amount {
    /// Whether it may be shown for itself.
    #[must_use]
    pub fn may_be_shown(&self, rule: Rule) -> bool {
        if self.sum == 0 && self.contributors == 0 {
            return true;
        }
        // Rounded up: a share just above the limit is above it.
        let share = (self.sum > 0).then(|| {
            let sum = i128::from(self.sum);
            (i128::from(self.largest) * 100_000_000 + sum - 1) / sum
        });
        rule.shows_money(self.contributors, share)
    }

    fn and(self, other: Self) -> Self {
        Self {
            sum: self.sum.saturating_add(other.sum),
            contributors: self.contributors.saturating_add(other.contributors),
            largest: self.largest.max(other.largest),
        }
    }
}

/// What may be shown of a list of sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// All sums together.
    pub total: Count,
    /// The sums, in the order in which they were handed in.
    pub sums: Vec<Count>,
}

/// What may be shown of sums and of their total. What is hidden is, taken together, what anyone can compute from the rest: so it must be such
/// that it could be shown. Where that cannot be reached, the total is hidden.
#[must_use]
pub fn money(amounts: &[Amount], rule: Rule) -> Money {
    let all = amounts.iter().fold(Amount::default(), |sum, one| sum.and(*one));
    let mut hidden: BTreeSet<usize> =
        amounts.iter().enumerate().filter(|(_, one)| !one.may_be_shown(rule)).map(|(at, _)| at).collect();
    let shown = |hidden: &BTreeSet<usize>| {
        let count =
            |(at, one): (usize, &Amount)| if hidden.contains(&at) { Count::Suppressed } else { Count::Exact(one.sum) };
        amounts.iter().enumerate().map(count).collect()
    };
    if !all.may_be_shown(rule) {
        return Money { total: Count::Suppressed, sums: shown(&hidden) };
    }
    let alone = hidden.clone();
    let mut candidates: Vec<(i64, usize)> = amounts
        .iter()
        .enumerate()
        .filter(|(at, one)| !hidden.contains(at) && one.sum > 0)
        .map(|(at, one)| (one.sum, at))
        .collect();
    candidates.sort_unstable();
    let mut candidates = candidates.into_iter();
    while !hidden.is_empty() {
        let together =
            hidden.iter().filter_map(|at| amounts.get(*at)).fold(Amount::default(), |sum, one| sum.and(*one));
        if hidden.len() > 1 && together.may_be_shown(rule) {
            break;
        }
        match candidates.next() {
            Some((_, at)) => hidden.insert(at),
            None => return Money { total: Count::Suppressed, sums: shown(&alone) },
        };
    }
    Money { total: Count::Exact(all.sum), sums: shown(&hidden) }
}
