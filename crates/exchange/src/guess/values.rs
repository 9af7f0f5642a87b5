//! What the values of a column look like.

use isopolity_domain::codes;
use isopolity_proto::types::SectorScheme;

use super::words::Meaning;
use crate::country;

/// The values of a column that say something.
pub(super) fn said(rows: &[Vec<String>], column: usize) -> Vec<&str> {
    rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect()
}

/// Whether nearly all values (nine of ten) are so; false if there is none.
pub(super) fn nearly_all(values: &[&str], test: impl Fn(&str) -> bool) -> bool {
    let fitting = values.iter().filter(|value| test(value)).count();
    !values.is_empty() && fitting * 10 >= values.len() * 9
}

pub(super) fn is_mailbox(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !text.contains(' '))
}

pub(super) fn is_address(text: &str) -> bool {
    (text.starts_with("https://") || text.starts_with("http://")) && !text.contains(' ')
}

pub(super) fn is_lei(text: &str) -> bool {
    text.len() == 20
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && text.bytes().rev().take(2).all(|byte| byte.is_ascii_digit())
        && mod_97(text) == 1
}

/// The remainder by ISO 7064 MOD 97-10, with letters as 10 to 35.
fn mod_97(text: &str) -> u32 {
    let digits = text.chars().filter_map(|letter| letter.to_digit(36));
    digits.fold(0, |rest, digit| (rest * if digit < 10 { 10 } else { 100 } + digit) % 97)
}

pub(super) fn is_wikidata(text: &str) -> bool {
    text.strip_prefix('Q').is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(super) fn is_country_code(text: &str) -> bool {
    codes::check("iso3166-1", text).is_ok()
}

pub(super) fn is_country(text: &str) -> bool {
    country::code_of(text).is_ok()
}

/// The version of NACE in which all codes exist: the newer one only if the older one lacks some.
pub(super) fn nace_version(values: &[&str]) -> Option<&'static str> {
    let known = |version| {
        nearly_all(values, |code| code.len() > 1 && codes::check_sector(SectorScheme::Nace, version, code).is_ok())
    };
    ["2", "2.1"].into_iter().find(|version| known(version))
}

/// A number with the decimal mark with which it is written.
pub(super) fn decimal_mark(values: &[&str]) -> Option<char> {
    let number = |text: &str, mark: char| {
        let text = text.strip_prefix('-').unwrap_or(text);
        !text.is_empty()
            && text.chars().all(|letter| letter.is_ascii_digit() || letter == mark)
            && text.matches(mark).count() <= 1
    };
    ['.', ','].into_iter().find(|mark| nearly_all(values, |text| number(text, *mark)))
}

/// How dates are written: empty for ISO 8601. The second: whether it could be otherwise.
pub(super) fn date_format(values: &[&str]) -> Option<(String, bool)> {
    let shape =
        |text: &str| text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect::<String>();
    if nearly_all(values, |text| matches!(shape(text).as_str(), "0000-00-00" | "0000-00" | "0000")) {
        return Some((String::new(), !nearly_all(values, |text| text.len() > 4)));
    }
    for mark in ['.', '/', '-'] {
        let parts = |text: &str| -> Option<(u32, u32)> {
            let mut parts = text.split(mark);
            let (first, second, year) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
            (parts.next().is_none() && year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()))
                .then_some((first, second))
        };
        if nearly_all(values, |text| parts(text).is_some()) {
            let found: Vec<(u32, u32)> = values.iter().filter_map(|text| parts(text)).collect();
            let day_first = found.iter().any(|(first, _)| *first > 12);
            let month_first = found.iter().any(|(_, second)| *second > 12);
            let format = if month_first && !day_first {
                format!("mm{mark}dd{mark}yyyy")
            } else {
                format!("dd{mark}mm{mark}yyyy")
            };
            // With points the day comes first everywhere.
            return Some((format, mark != '.' && day_first == month_first));
        }
    }
    None
}

/// Whether a text may be a value of some sort.
type Test = fn(&str) -> bool;

/// What a column means by its values alone.
pub(super) fn meaning(values: &[&str]) -> Option<Meaning> {
    let tests: [(Meaning, Test); 5] = [
        (Meaning::Mailbox, is_mailbox),
        (Meaning::Website, is_address),
        (Meaning::Lei, is_lei),
        (Meaning::Wikidata, is_wikidata),
        (Meaning::Country, is_country),
    ];
    let found = tests.into_iter().find(|(_, test)| nearly_all(values, test)).map(|(meaning, _)| meaning);
    found.or_else(|| {
        nearly_all(values, |text| text.contains('.')).then(|| nace_version(values)).flatten().map(|_| Meaning::Sector)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_tell_what_they_are() {
        assert!(is_lei("529900T8BM49AURSDO55") && !is_lei("529900T8BM49AURSDO56"));
        assert_eq!(meaning(&["PT", "MA", "FR"]), Some(Meaning::Country));
        assert_eq!(meaning(&["10.71", "46.17"]), Some(Meaning::Sector));
        assert_eq!(meaning(&["info@feira.example"]), Some(Meaning::Mailbox));
        assert_eq!(meaning(&["blue", "red"]), None);
        assert_eq!(meaning(&[]), None);
    }

    #[test]
    fn dates_say_how_they_are_written() {
        assert_eq!(date_format(&["2013-03-15"]), Some((String::new(), false)));
        assert_eq!(date_format(&["15.03.2013"]), Some(("dd.mm.yyyy".into(), false)));
        assert_eq!(date_format(&["3/15/2013", "3/4/2013"]), Some(("mm/dd/yyyy".into(), false)));
        assert_eq!(date_format(&["3/4/2013"]), Some(("dd/mm/yyyy".into(), true)));
        assert_eq!(date_format(&["soon"]), None);
    }
}
