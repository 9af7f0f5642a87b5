//! The tests play the attacker: from everything that is shown they enumerate every registry that fits.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const RULE: Rule = Rule::COUNTS;

fn one(counts: &[i64]) -> Cells<'_> {
    Cells { counts, values: Values::One, left_off: false }
}

fn several(counts: &[i64]) -> Cells<'_> {
    Cells { counts, values: Values::Several, left_off: false }
}

/// Suppresses one facet and writes what is shown: `?` for a suppressed count, `-` for a facet that is withheld.
fn shown(total: i64, cells: Cells<'_>) -> String {
    let found = suppress(total, &[cells], RULE);
    let write = |count: &Count| count.exact().map_or_else(|| "?".to_owned(), |count| count.to_string());
    let facet = match &found.facets[0] {
        Facet::Withheld => "-".to_owned(),
        Facet::Shown(counts) => counts.iter().map(write).collect::<Vec<_>>().join(" "),
    };
    format!("{}: {facet}", write(&found.total))
}

#[test]
fn what_is_large_enough_is_shown_and_so_is_nothing() {
    assert_eq!(shown(31, one(&[20, 6, 0, 5])), "31: 20 6 0 5");
    assert_eq!(shown(0, one(&[0, 0])), "0: 0 0");
}

#[test]
fn a_small_total_is_suppressed_with_all_its_facets_and_their_values() {
    assert_eq!(shown(4, one(&[4])), "?: -");
    assert_eq!(shown(1, several(&[1, 1])), "?: -");
}

#[test]
fn a_single_small_count_takes_another_with_it() {
    assert_eq!(shown(43, one(&[30, 10, 3])), "43: 30 ? ?");
}

#[test]
fn another_count_is_taken_only_if_it_is_large_enough_to_hide_behind() {
    // Behind a 5, a 3 could not be a 4: then the other were below 5 and not large.
    assert_eq!(shown(46, one(&[30, 13, 3])), "46: 30 ? ?");
    assert_eq!(shown(51, one(&[30, 13, 5, 3])), "51: 30 ? 5 ?");
}

#[test]
fn small_counts_that_hide_each_other_cost_no_large_one() {
    assert_eq!(shown(35, one(&[30, 2, 3])), "35: 30 ? ?");
    // Known to be small, both could only be 4, so that a large one must go, too.
    assert_eq!(shown(58, one(&[30, 20, 4, 4])), "58: 30 ? ? ?");
    assert_eq!(shown(52, one(&[30, 20, 1, 1])), "52: 30 ? ? ?");
}

#[test]
fn a_facet_that_cannot_be_protected_beside_its_total_is_withheld() {
    assert_eq!(shown(8, one(&[6, 2])), "8: -");
    assert_eq!(shown(5, one(&[1, 1, 1, 1, 1])), "5: -");
}

#[test]
fn what_was_left_off_a_list_is_a_count_like_the_others() {
    // 43 - 40 = 3 can be computed, though nobody shows it.
    assert_eq!(shown(43, one(&[30, 10])), "43: 30 ?");
    // What was left off hides a small one for nothing.
    assert_eq!(shown(60, one(&[30, 3])), "60: 30 ?");
}

#[test]
fn of_values_that_overlap_a_small_one_stands_alone_unless_the_total_counts_on_it() {
    assert_eq!(shown(20, several(&[20, 3])), "20: 20 ?");
    // Each record has a value: at least 3 of the 20 are not among the 17.
    assert_eq!(shown(20, several(&[17, 3])), "20: ? ?");
    assert_eq!(shown(20, Cells { left_off: true, ..several(&[17, 3]) }), "20: 17 ?");
}

#[test]
fn counts_that_do_not_fit_their_total_are_withheld() {
    assert_eq!(shown(20, one(&[15, 6])), "20: -");
    assert_eq!(shown(20, several(&[21])), "20: -");
    assert_eq!(shown(20, one(&[-1, 10])), "20: -");
    assert_eq!(suppress(-3, &[], RULE).total, Count::Suppressed);
}

#[test]
fn people_need_more_company_than_records() {
    assert!(Rule::COUNTS.shows(5) && !Rule::COUNTS.shows(4));
    assert!(Rule::PEOPLE.shows(10) && !Rule::PEOPLE.shows(9));
}

#[test]
fn money_is_shown_of_five_enterprises_of_which_none_dominates() {
    let amount = |contributors, largest| Amount { sum: 100, contributors, largest };
    assert!(amount(5, 70).may_be_shown(RULE));
    assert!(!amount(4, 30).may_be_shown(RULE));
    assert!(!amount(9, 71).may_be_shown(RULE));
    assert!(!Amount { sum: 10_000_000_000, contributors: 9, largest: 7_000_000_001 }.may_be_shown(RULE));
    assert!(!RULE.shows_money(50, None), "nobody said how large the largest is");
}

#[test]
fn a_sum_that_one_enterprise_dominates_takes_another_with_it() {
    let fine = |sum| Amount { sum, contributors: 8, largest: sum / 4 };
    let dominated = Amount { sum: 100, contributors: 6, largest: 90 };
    let found = money(&[fine(500), dominated, fine(300)], RULE);
    assert_eq!(found.total, Count::Exact(900));
    assert_eq!(found.sums, [Count::Exact(500), Count::Suppressed, Count::Suppressed]);
    // Together with the other it still dominates: so nobody may know the sum of both.
    let giant = Amount { sum: 100_000, contributors: 6, largest: 90_000 };
    let found = money(&[giant, fine(300)], RULE);
    assert_eq!((found.total, found.sums), (Count::Suppressed, vec![Count::Suppressed, Count::Exact(300)]));
}

#[test]
fn a_small_cell_of_a_table_hides_its_row_and_another() {
    let found = table(&[vec![24, 30], vec![3, 40], vec![25, 25]], RULE);
    assert_eq!(found.cells, [Some(vec![24, 30]), None, None]);
    assert_eq!(found.total, Count::Exact(147));
    assert!(matches!(found.columns, Facet::Shown(_)));
}

#[test]
fn a_table_whose_sums_pin_a_small_cell_keeps_one_direction_only() {
    // The second row cannot hold more than 9 of the first column's 12: at least 3 are left for the first row.
    let found = table(&[vec![3, 20], vec![9, 0]], RULE);
    assert_eq!((found.cells, found.columns), (vec![None, None], Facet::Withheld));
}

/// All values that each small count may have, for somebody who knows which of the hidden counts are small.
fn possible(hidden: &[i64], rest: Rest, fits: &dyn Fn(i64, i64) -> bool) -> Vec<BTreeSet<i64>> {
    let small: Vec<usize> = (0..hidden.len()).filter(|at| !RULE.shows(hidden[*at])).collect();
    let large = hidden.len() - small.len() + usize::from(rest == Rest::Large);
    let unlisted = usize::from(rest == Rest::Small);
    let mut found = vec![BTreeSet::new(); small.len()];
    let range = RULE.minimum - 1;
    let places = u32::try_from(small.len() + unlisted).unwrap();
    for number in 0..range.pow(places) {
        let digits: Vec<i64> = (0..places).map(|at| number / range.pow(at) % range + 1).collect();
        if fits(digits.iter().sum(), i64::try_from(large).unwrap()) {
            for (found, digit) in found.iter_mut().zip(&digits) {
                found.insert(*digit);
            }
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    Small,
    Large,
}

fn all_of_the_range() -> BTreeSet<i64> {
    (1..RULE.minimum).collect()
}

/// The hidden counts and the sum of the shown ones.
fn apart(counts: &[i64], facet: &Facet) -> Option<(Vec<i64>, i64)> {
    let Facet::Shown(shown) = facet else { return None };
    assert_eq!(shown.len(), counts.len());
    let mut hidden = Vec::new();
    for (count, shown) in counts.iter().zip(shown) {
        match shown {
            Count::Exact(exact) => assert!(exact == count && RULE.shows(*count), "{count} is shown as {exact}"),
            Count::Suppressed => hidden.push(*count),
        }
    }
    Some((hidden, shown.iter().filter_map(|count| count.exact()).sum()))
}

fn counts() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![3 => 0_i64..8, 1 => 0_i64..40], 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whoever_knows_all_that_is_shown_learns_no_more_of_a_small_count_than_that_it_is_small(
        counts in counts(), rest in prop_oneof![Just(0_i64), 1_i64..20],
    ) {
        let total = counts.iter().sum::<i64>() + rest;
        let found = suppress(total, &[one(&counts)], RULE);
        prop_assert_eq!(found.total.exact().is_some(), RULE.shows(total));
        if let Some((hidden, shown)) = apart(&counts, &found.facets[0]) {
            let kind = if rest == 0 { Rest::Nothing } else if RULE.shows(rest) { Rest::Large } else { Rest::Small };
            let left = total - shown;
            let fits = |small: i64, large: i64| if large == 0 { small == left } else { small + large * RULE.minimum <= left };
            if hidden.is_empty() {
                prop_assert!(kind != Rest::Small, "the rest can be computed: {}", rest);
            }
            for values in possible(&hidden, kind, &fits) {
                prop_assert_eq!(values, all_of_the_range());
            }
        }
    }

    #[test]
    fn whoever_knows_all_that_is_shown_of_overlapping_values_learns_no_more_than_that_a_count_is_small(
        counts in counts(), more in 0_i64..10,
    ) {
        // Each record has a value, and the attacker knows it.
        let total = (counts.iter().sum::<i64>() - more).max(counts.iter().copied().max().unwrap_or(0));
        let found = suppress(total, &[several(&counts)], RULE);
        if let Some((hidden, shown)) = apart(&counts, &found.facets[0]) {
            let fits = |small: i64, large: i64| large > 0 || small + shown >= total;
            for values in possible(&hidden, Rest::Nothing, &fits) {
                prop_assert_eq!(values, all_of_the_range());
            }
        }
    }

    #[test]
    fn of_no_sum_of_money_that_can_be_computed_an_enterprise_learns_another_s(
        amounts in prop::collection::vec((1_i64..12, 0_i64..200, 0_i64..400), 1..7),
    ) {
        let amounts: Vec<Amount> = amounts
            .into_iter()
            .map(|(contributors, largest, others)| Amount {
                sum: largest + if contributors == 1 { 0 } else { others.min(largest * (contributors - 1)) },
                contributors,
                largest,
            })
            .collect();
        let found = money(&amounts, RULE);
        let mut together = Amount::default();
        for (amount, shown) in amounts.iter().zip(&found.sums) {
            match shown {
                Count::Exact(sum) => prop_assert!(*sum == amount.sum && amount.may_be_shown(RULE)),
                Count::Suppressed => together = Amount {
                    sum: together.sum + amount.sum,
                    contributors: together.contributors + amount.contributors,
                    largest: together.largest.max(amount.largest),
                },
            }
        }
        if found.total.exact().is_some() {
            let hidden = found.sums.iter().filter(|sum| sum.exact().is_none()).count();
            prop_assert!(hidden != 1, "one hidden sum is the total less the others");
            prop_assert!(hidden == 0 || together.may_be_shown(RULE), "{together:?} can be computed");
        }
    }

    #[test]
    fn no_small_cell_of_a_table_is_pinned_by_its_sums(
        cells in prop::collection::vec(prop::collection::vec(0_i64..6, 2..=3), 2..=3),
    ) {
        let rule = Rule { minimum: 3, ..RULE };
        let width = cells.iter().map(Vec::len).max().unwrap();
        let cells: Vec<Vec<i64>> = cells.into_iter().map(|mut row| { row.resize(width, 0); row }).collect();
        let found = table(&cells, rule);
        let hidden: Vec<&Vec<i64>> = cells.iter().zip(&found.cells).filter(|(_, shown)| shown.is_none()).map(|(row, _)| row).collect();
        for (row, shown) in cells.iter().zip(&found.cells) {
            prop_assert!(shown.as_ref().is_none_or(|shown| shown == row && row.iter().all(|cell| rule.shows(*cell))));
        }
        let whole = is_shown_whole(&found.rows) && is_shown_whole(&found.columns);
        prop_assert!(whole || hidden.len() == cells.len(), "cells beside sums that are hidden");
        if whole {
            let columns: Vec<i64> = (0..width).map(|at| hidden.iter().map(|row| row[at]).sum()).collect();
            let sums: Vec<i64> = hidden.iter().map(|row| row.iter().sum()).collect();
            let mut ranges = vec![vec![(i64::MAX, i64::MIN); width]; hidden.len()];
            every(&sums, &columns, &mut Vec::new(), &mut |guess| {
                for (range, cell) in ranges.iter_mut().flatten().zip(guess.iter().flatten()) {
                    *range = (range.0.min(*cell), range.1.max(*cell));
                }
            });
            for (cell, (least, most)) in hidden.iter().flat_map(|row| row.iter()).zip(ranges.iter().flatten()) {
                prop_assert!(rule.shows(*cell) || *least <= 1 && *most >= rule.minimum - 1, "{cell} in {least}..={most}");
            }
        }
    }
}

fn is_shown_whole(facet: &Facet) -> bool {
    matches!(facet, Facet::Shown(counts) if counts.iter().all(|count| count.exact().is_some()))
}

/// Every table of counts with these sums of rows and columns.
fn every(rows: &[i64], columns: &[i64], done: &mut Vec<Vec<i64>>, seen: &mut dyn FnMut(&[Vec<i64>])) {
    let Some((row, others)) = rows.split_first() else {
        if columns.iter().all(|left| *left == 0) {
            seen(done);
        }
        return;
    };
    let mut fillings = vec![Vec::new()];
    for limit in columns {
        fillings = fillings
            .iter()
            .flat_map(|filling: &Vec<i64>| (0..=*limit).map(|cell| [filling.as_slice(), &[cell]].concat()))
            .filter(|filling| filling.iter().sum::<i64>() <= *row)
            .collect();
    }
    for filling in fillings.into_iter().filter(|filling| filling.iter().sum::<i64>() == *row) {
        let left: Vec<i64> = columns.iter().zip(&filling).map(|(limit, cell)| limit - cell).collect();
        done.push(filling);
        every(others, &left, done, seen);
        done.pop();
    }
}
