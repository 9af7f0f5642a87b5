//! What each city contributes, side by side, so that one sees whether it is balanced.

use std::collections::BTreeMap;

use isopolity_proto::{
    cooperation::{Cooperation, Terms},
    types::{Commitment, CommitmentKind, Money},
};

use crate::{
    commands::cooperation::words::{amount, commitment_word, said},
    output,
};

/// More cities than this do not fit beside one another on a terminal.
const BESIDE: usize = 4;

/// A column for each city, a row for each kind of contribution, and the sums; a row for each contribution where there are many
/// cities. Empty if nobody contributes anything.
pub(super) fn table(now: &Cooperation, terms: &Terms) -> String {
    if terms.commitments.is_empty() {
        return String::new();
    }
    let cities = cities(now, terms);
    let sums = cities.iter().map(|city| sum(of(terms, city)));
    if cities.len() > BESIDE {
        let mut rows = output::table(&["City", "Kind", "What"]);
        for (city, sum) in cities.iter().zip(sums) {
            for one in of(terms, city) {
                rows.add_row([city.clone(), commitment_word(one.kind()), said_of(one)]);
            }
            rows.add_row([city.clone(), "in all".to_owned(), sum]);
        }
        return rows.to_string();
    }
    let headings: Vec<&str> = std::iter::once("").chain(cities.iter().map(String::as_str)).collect();
    let mut rows = output::table(&headings);
    for kind in (1..32).filter_map(|number| CommitmentKind::try_from(number).ok()) {
        let cells: Vec<String> = cities
            .iter()
            .map(|city| of(terms, city).filter(|one| one.kind() == kind).map(said_of).collect::<Vec<_>>().join("\n"))
            .collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.add_row(std::iter::once(commitment_word(kind)).chain(cells));
        }
    }
    rows.add_row(std::iter::once("in all".to_owned()).chain(sums));
    rows.to_string()
}

/// The cities that take part, and whoever else is said to contribute.
fn cities(now: &Cooperation, terms: &Terms) -> Vec<String> {
    let mut cities: Vec<String> = now.participations.iter().map(|one| one.city.clone()).collect();
    if let Some(draft) = &now.draft {
        let host = now.name.split('/').nth(1).map(str::to_owned);
        cities = host.into_iter().chain(draft.participants.iter().cloned()).collect();
    }
    for one in &terms.commitments {
        let city = bare(&one.city);
        if !cities.iter().any(|known| known == city) {
            cities.push(city.to_owned());
        }
    }
    cities
}

fn bare(city: &str) -> &str {
    city.strip_prefix("cities/").unwrap_or(city)
}

fn of<'a>(terms: &'a Terms, city: &'a str) -> impl Iterator<Item = &'a Commitment> {
    terms.commitments.iter().filter(move |one| bare(&one.city) == city)
}

fn said_of(one: &Commitment) -> String {
    let value = one.value.as_ref().map(amount);
    let days = (!one.staff_days.is_empty()).then(|| format!("{} days", one.staff_days));
    let due = (!one.due_date.is_empty()).then(|| format!("by {}", one.due_date));
    let numbers = [value, days, due].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let said = said(&one.descriptions);
    if numbers.is_empty() { said } else { format!("{said}\n({numbers})") }
}

/// Money by currency, days, and how many contributions.
fn sum<'a>(commitments: impl Iterator<Item = &'a Commitment>) -> String {
    let mut money: BTreeMap<&str, i128> = BTreeMap::new();
    let (mut days, mut count) = (0, 0);
    for one in commitments {
        count += 1;
        if let Some(value) = &one.value {
            *money.entry(&value.currency_code).or_default() += millionths(&value.amount);
        }
        days += millionths(&one.staff_days);
    }
    let currencies = money
        .iter()
        .map(|(currency, sum)| amount(&Money { currency_code: (*currency).to_owned(), amount: decimal(*sum) }));
    let days = (days > 0).then(|| format!("{} days", decimal(days)));
    let counted = if count == 1 { "1 contribution".to_owned() } else { format!("{count} contributions") };
    let parts: Vec<String> = std::iter::once(counted).chain(currencies).chain(days).collect();
    parts.join(", ")
}

/// A decimal number exactly; what is none counts nothing.
fn millionths(number: &str) -> i128 {
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let digits: String = rest.chars().chain(std::iter::repeat('0')).take(6).collect();
    format!("{whole}{digits}").parse().unwrap_or_default()
}

fn decimal(millionths: i128) -> String {
    let (whole, rest) = (millionths / 1_000_000, millionths % 1_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:06}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use isopolity_proto::types::LocalizedText;

    use super::*;

    fn commitment(city: &str, kind: CommitmentKind, amount: &str, days: &str) -> Commitment {
        let value = Money { currency_code: "EUR".into(), amount: amount.into() };
        let said = LocalizedText { text: "a stand at the fair".into(), language: "en".into(), ..Default::default() };
        Commitment {
            city: format!("cities/{city}"),
            kind: kind.into(),
            descriptions: vec![said],
            value: (!amount.is_empty()).then_some(value),
            staff_days: days.into(),
            ..Commitment::default()
        }
    }

    #[test]
    fn sides_stand_beside_one_another_with_their_sums() {
        let commitments = vec![
            commitment("feira.example", CommitmentKind::Funding, "5000", ""),
            commitment("feira.example", CommitmentKind::Funding, "0.10", ""),
            commitment("kenitra.example", CommitmentKind::StaffTime, "", "12.5"),
        ];
        let terms = Terms { commitments, ..Terms::default() };
        let text = table(&Cooperation::default(), &terms);
        assert!(text.contains("feira.example") && text.contains("kenitra.example"), "{text}");
        assert!(text.contains("2 contributions, 5\u{a0}000.1 EUR"), "{text}");
        assert!(text.contains("1 contribution, 12.5 days"), "{text}");
        assert_eq!(table(&Cooperation::default(), &Terms::default()), "");
    }

    #[test]
    fn many_cities_stand_below_one_another() {
        let city = |number: usize| commitment(&format!("city{number}.example"), CommitmentKind::Premises, "", "");
        let terms = Terms { commitments: (0..6).map(city).collect(), ..Terms::default() };
        let text = table(&Cooperation::default(), &terms);
        assert!(text.contains("city5.example") && text.lines().all(|line| line.chars().count() <= 160), "{text}");
    }

    #[test]
    fn decimals_are_added_exactly() {
        assert_eq!(decimal(millionths("0.1") + millionths("0.2")), "0.3");
        assert_eq!((millionths(""), millionths("x"), decimal(0)), (0, 0, "0".to_owned()));
    }
}
