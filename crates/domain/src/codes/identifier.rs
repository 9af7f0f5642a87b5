//! Identifiers that others gave: which registers there are, and what their numbers look like.
//!
//! A register is a code of org-id.guide (`org-id`). A number is checked where a public rule says what it looks like; of
//! most registers none is known, and any number is taken. Numbers of persons are refused: a registry of partnerships holds
//! none.

use super::{CodeError, lists};

/// What is wrong with an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// There is no such register, or it was withdrawn.
    #[error(transparent)]
    Scheme(#[from] CodeError),
    /// The number is not one of this register.
    #[error("{value:?} is no number of {scheme}: {expected}")]
    Value {
        /// The register.
        scheme: &'static str,
        /// The number as it was given, cut to 100 characters.
        value: String,
        /// What a number of this register looks like.
        expected: &'static str,
    },
}

/// A register whose numbers are known.
struct Rule {
    scheme: &'static str,
    expected: &'static str,
    good: fn(&str) -> bool,
}

/// Sorted by scheme.
static RULES: [Rule; 12] = [
    Rule { scheme: "AT-UID", expected: "U and 8 digits, for example U12345678", good: austrian_vat },
    Rule {
        scheme: "BE-BCE_KBO",
        expected: "10 digits, of which the last two check the others, for example 0521.749.439",
        good: belgian_enterprise,
    },
    Rule {
        scheme: "CH-FDJP",
        expected: "CHE and 9 digits, of which the last checks the others, for example CHE-250.363.279, or the 11 digits of before 2014",
        good: swiss_enterprise,
    },
    Rule {
        scheme: "ES-NIF",
        expected: "a letter that an organisation can have, 7 digits and a check character, for example G85960730",
        good: spanish_tax,
    },
    Rule {
        scheme: "FR-RCS",
        expected: "9 digits, of which the last checks the others, or 14 that begin with them, for example 799 640 131",
        good: french_enterprise,
    },
    Rule {
        scheme: "IT-CF",
        expected: "11 digits, of which the last checks the others, for example 80078410588 (16 characters name a person)",
        good: |value| digits(value).is_some_and(|digits| digits.len() == 11 && luhn(&digits)),
    },
    Rule {
        scheme: "NL-KVK",
        expected: "8 digits, for example 41202535",
        good: |value| digits(value).is_some_and(|digits| digits.len() == 8),
    },
    Rule {
        scheme: "PT-NIPPC",
        expected: "9 digits, of which the last checks the others, for example 502854227",
        good: portuguese_tax,
    },
    Rule {
        scheme: "XI-EORI",
        expected: "a country and 1 to 15 letters or digits, for example NL810656371",
        good: eori,
    },
    Rule {
        scheme: "XI-LEI",
        expected: "20 capital letters or digits, of which the last two check the others (ISO 17442)",
        good: lei,
    },
    Rule { scheme: "XI-ROR", expected: "0, 6 letters or digits and 2 digits, for example 05asf4e91", good: ror },
    Rule { scheme: "XI-WIKIDATA", expected: "Q and a number, for example Q193", good: wikidata },
];

/// Checks that the register exists and is not withdrawn, and that the number looks like one of it. An empty number is left
/// to whoever requires one.
///
/// # Errors
/// [`IdentifierError::Scheme`] with what was probably meant or what to use instead, [`IdentifierError::Value`] with what a
/// number looks like.
pub fn check_identifier(scheme: &str, value: &str) -> Result<(), IdentifierError> {
    super::check(LIST, scheme)?;
    let list = lists::find(LIST);
    if let Some((list, row)) = list.and_then(|list| Some((list, list.row(scheme)?)))
        && list.table().is_withdrawn(row)
    {
        let instead = list.table().note(row, "instead").map(str::to_owned);
        return Err(CodeError::Withdrawn { list: LIST, code: scheme.to_owned(), instead }.into());
    }
    let rule = RULES.binary_search_by(|rule| rule.scheme.cmp(scheme)).ok().and_then(|at| RULES.get(at));
    let Some(rule) = rule.filter(|_| !value.is_empty()) else { return Ok(()) };
    if value.len() <= 100 && (rule.good)(value) {
        Ok(())
    } else {
        let value = value.chars().take(100).collect();
        Err(IdentifierError::Value { scheme: rule.scheme, value, expected: rule.expected })
    }
}

/// Whether a register has organisations of this country (ISO 3166-1 alpha-2). `None` if there is no such register, or if it
/// is not of certain countries.
#[must_use]
pub fn fits_country(scheme: &str, country: &str) -> Option<bool> {
    let list = lists::find(LIST)?;
    // `XI` is how org-id.guide says that a register is international.
    let coverage = list.table().note(list.row(scheme)?, "coverage").filter(|coverage| *coverage != "XI")?;
    Some(coverage.split('|').any(|covered| covered == country))
}

const LIST: &str = "org-id";

/// The digits of a number that people write with points, spaces and dashes; `None` if there is anything else.
fn digits(value: &str) -> Option<Vec<u32>> {
    value.chars().filter(|letter| !matches!(letter, '.' | ' ' | '-')).map(|letter| letter.to_digit(10)).collect()
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// From the right, every second digit is doubled; the sum of all digits is a multiple of 10 (ISO/IEC 7812-1, annex B).
fn luhn(digits: &[u32]) -> bool {
    let sum: u32 =
        digits.iter().rev().zip([1, 2].into_iter().cycle()).map(|(digit, weight)| cross_sum(digit * weight)).sum();
    sum.is_multiple_of(10)
}

fn cross_sum(number: u32) -> u32 {
    number / 10 + number % 10
}

fn austrian_vat(value: &str) -> bool {
    let number = value.strip_prefix("AT").unwrap_or(value);
    number.strip_prefix('U').and_then(digits).is_some_and(|digits| digits.len() == 8)
}

/// The last two digits are 97 less the others modulo 97.
fn belgian_enterprise(value: &str) -> bool {
    let number = |digits: &[u32]| digits.iter().fold(0_u32, |number, digit| number * 10 + digit);
    digits(value).filter(|digits| digits.len() == 10).is_some_and(|digits| match digits.split_at_checked(8) {
        Some((body, check)) => body.first().is_some_and(|first| *first <= 1) && number(check) == 97 - number(body) % 97,
        None => false,
    })
}

/// The UID: weights 5 4 3 2 7 6 5 4, modulo 11 (Federal Statistical Office, eCH-0097). Many write it without `CHE`. The
/// commercial register's own number, which it took the place of, is still on records; nothing is known of its last digit.
fn swiss_enterprise(value: &str) -> bool {
    digits(value.strip_prefix("CHE").unwrap_or(value)).is_some_and(|digits| {
        let check = (11 - weighted(&digits, &[5, 4, 3, 2, 7, 6, 5, 4]) % 11) % 11;
        match digits.len() {
            9 => digits.last() == Some(&check),
            11 => !value.starts_with("CHE"),
            _ => false,
        }
    })
}

/// The NIF of a legal person (Orden EHA/451/2008): a letter for its form, 7 digits, a check digit or the letter for it.
fn spanish_tax(value: &str) -> bool {
    let value: String = value.chars().filter(|letter| !matches!(letter, '.' | ' ' | '-')).collect();
    let mut letters = value.chars();
    let (Some(form), Some(check)) = (letters.next(), letters.next_back()) else { return false };
    let Some(digits) = digits(letters.as_str()).filter(|digits| digits.len() == 7) else { return false };
    let sum: u32 = digits.iter().zip([2, 1].into_iter().cycle()).map(|(digit, weight)| cross_sum(digit * weight)).sum();
    let expected = (10 - sum % 10) % 10;
    let as_letter = "JABCDEFGHI".chars().position(|letter| letter == check).and_then(|at| u32::try_from(at).ok());
    "ABCDEFGHJNPQRSUVW".contains(form) && (check.to_digit(10) == Some(expected) || as_letter == Some(expected))
}

/// A SIREN, or a SIRET, which begins with one.
fn french_enterprise(value: &str) -> bool {
    digits(value).is_some_and(|digits| matches!(digits.len(), 9 | 14) && digits.get(..9).is_some_and(luhn))
}

/// Weights 9 to 2, modulo 11.
fn portuguese_tax(value: &str) -> bool {
    digits(value).filter(|digits| digits.len() == 9).is_some_and(|digits| {
        let rest = weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        digits.last() == Some(&(if rest < 2 { 0 } else { 11 - rest }))
    })
}

fn eori(value: &str) -> bool {
    value.split_at_checked(2).is_some_and(|(country, number)| {
        super::check("iso3166-1", country).is_ok()
            && (1..=15).contains(&number.len())
            && number.bytes().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
    })
}

/// ISO 17442: letters count as 10 to 35, and the whole number is 1 modulo 97 (ISO 7064, MOD 97-10).
fn lei(value: &str) -> bool {
    let shape = |(at, letter): (usize, u8)| letter.is_ascii_digit() || (at < 18 && letter.is_ascii_uppercase());
    let rest = value
        .chars()
        .filter_map(|letter| letter.to_digit(36))
        .fold(0, |rest, digit| (rest * (if digit < 10 { 10 } else { 100 }) + digit) % 97);
    value.len() == 20 && value.bytes().enumerate().all(shape) && rest == 1
}

/// The alphabet is Crockford's base 32, without i, l, o, u, in lower case as the register writes it, or in upper case.
fn ror(value: &str) -> bool {
    let letter = |letter: u8| letter.is_ascii_alphanumeric() && !b"ilou".contains(&letter.to_ascii_lowercase());
    value.len() == 9
        && value.starts_with('0')
        && value.bytes().enumerate().all(|(at, byte)| if at < 7 { letter(byte) } else { byte.is_ascii_digit() })
}

fn wikidata(value: &str) -> bool {
    value.strip_prefix('Q').is_some_and(|number| {
        (1..=12).contains(&number.len()) && !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{registry::Organization, types::Identifier};
    use proptest::prelude::*;

    use super::*;

    /// Examples that org-id.guide gives with its registers, or publishers of IATI use.
    const REAL: [(&str, &str); 22] = [
        ("XI-LEI", "724500PMK2A2M1SQQ228"),
        ("XI-LEI", "959800Q2SYC34EQAPG59"),
        ("XI-LEI", "549300ITS31QK8VRBQ14"),
        ("XI-ROR", "05asf4e91"),
        ("XI-ROR", "01kj2bm70"),
        ("XI-EORI", "NL810656371"),
        ("XI-WIKIDATA", "Q1377"),
        ("AT-UID", "U12345678"),
        ("BE-BCE_KBO", "0521.749.439"),
        ("BE-BCE_KBO", "0518.884.078"),
        ("CH-FDJP", "CHE250363279"),
        ("CH-FDJP", "CHE-106.009.709"),
        ("CH-FDJP", "109.458.452"),
        ("ES-NIF", "G02766913"),
        ("ES-NIF", "G85960730"),
        ("FR-RCS", "799 640 131"),
        ("FR-RCS", "512 788 308 00025"),
        ("IT-CF", "80078410588"),
        ("IT-CF", "91016940925"),
        ("NL-KVK", "41202535"),
        ("PT-NIPPC", "502854227"),
        ("PT-NIPPC", "516420666"),
    ];

    #[test]
    fn real_identifiers_are_good() {
        for (scheme, value) in REAL {
            assert_eq!(check_identifier(scheme, value), Ok(()), "{scheme}");
        }
        assert_eq!(check_identifier("CH-FDJP", "660.0.699.002-3"), Ok(()));
        assert_eq!(check_identifier("GB-COH", "whatever its register writes"), Ok(()));
    }

    #[test]
    fn a_wrong_digit_is_found() {
        for (scheme, value) in REAL {
            if matches!(scheme, "XI-EORI" | "XI-WIKIDATA" | "AT-UID" | "NL-KVK" | "XI-ROR") {
                continue;
            }
            // The SIRET's own digits are not checked, the SIREN's are.
            for (at, digit) in value.char_indices().take(9).filter(|(_, letter)| letter.is_ascii_digit()) {
                let other = char::from_digit((digit.to_digit(10).unwrap() + 1) % 10, 10).unwrap();
                let wrong = format!("{}{other}{}", &value[..at], &value[at + 1..]);
                assert!(check_identifier(scheme, &wrong).is_err(), "{scheme} {wrong}");
            }
        }
    }

    #[test]
    fn an_error_says_what_a_number_looks_like() {
        let error = check_identifier("XI-WIKIDATA", "193").unwrap_err().to_string();
        assert_eq!(error, r#""193" is no number of XI-WIKIDATA: Q and a number, for example Q193"#);
        for (scheme, wrong) in [
            ("XI-LEI", "724500pmk2a2m1sqq228"),
            ("XI-LEI", "724500PMK2A2M1SQQ2"),
            ("XI-EORI", "ZZ1"),
            ("XI-EORI", "NL"),
            ("IT-CF", "RSSMRA85T10A562S"),
            ("ES-NIF", "12345678Z"),
            ("FR-RCS", "RCS Paris 799 640 131"),
        ] {
            assert!(matches!(check_identifier(scheme, wrong), Err(IdentifierError::Value { .. })), "{scheme} {wrong}");
        }
    }

    #[test]
    fn an_unknown_register_is_refused_with_what_was_meant() {
        for (scheme, expected) in [
            ("PT-NIPC", r#""PT-NIPC" is not in org-id; did you mean "PT-NIPPC"?"#),
            ("lei", r#""lei" is not in org-id"#),
            ("xi-lei", r#""xi-lei" is not in org-id; did you mean "XI-LEI"?"#),
            ("CH-ZEFIX", r#""CH-ZEFIX" is not in org-id; did you mean "CH-FDJP"?"#),
            ("Q", r#""Q" is not in org-id"#),
        ] {
            assert_eq!(check_identifier(scheme, "1").unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_withdrawn_register_is_refused_with_the_one_that_took_its_place() {
        let error = check_identifier("IT-RI", "1").unwrap_err().to_string();
        assert_eq!(error, r#""IT-RI" was withdrawn from org-id; use "IT-CF""#);
        let error = check_identifier("FR-INSEE", "1").unwrap_err().to_string();
        assert_eq!(error, r#""FR-INSEE" was withdrawn from org-id"#);
    }

    #[test]
    fn a_register_fits_the_countries_that_it_covers() {
        assert_eq!(fits_country("PT-NIPPC", "PT"), Some(true));
        assert_eq!(fits_country("PT-NIPPC", "MA"), Some(false));
        assert_eq!(fits_country("XR-NUTS", "PT"), Some(true));
        assert_eq!(fits_country("XI-LEI", "MA"), None);
        assert_eq!(fits_country("ZZ-NONE", "MA"), None);
    }

    #[test]
    fn rules_are_in_order_and_of_known_registers() {
        assert!(RULES.is_sorted_by(|one, other| one.scheme < other.scheme));
        assert!(RULES.iter().all(|rule| crate::codes::check(LIST, rule.scheme).is_ok()));
    }

    #[test]
    fn a_record_with_a_wrong_identifier_is_not_kept() {
        let organization = |scheme: &str, value: &str| Organization {
            identifiers: vec![Identifier { scheme: scheme.into(), value: value.into(), ..Default::default() }],
            ..Organization::default()
        };
        let about = |organization: Organization| -> Vec<String> {
            let found =
                crate::validate::validate(crate::Kind::Organization, &isopolity_proto::to_dynamic(&organization));
            let found = found.unwrap_err().0;
            let found = found.into_iter().map(|one| format!("{} {}", one.field, one.description));
            found.filter(|one| one.starts_with("identifiers")).collect()
        };
        assert!(about(organization("PT-NIPPC", "502854227")).is_empty());
        assert_eq!(
            about(organization("PT-NIPC", "502854227")),
            [r#"identifiers[0].scheme "PT-NIPC" is not in org-id; did you mean "PT-NIPPC"?"#]
        );
        assert_eq!(
            about(organization("IT-CR", "502854227")),
            [r#"identifiers[0].scheme "IT-CR" was withdrawn from org-id; use "IT-CF""#]
        );
        let found = about(organization("XI-LEI", "724500PMK2A2M1SQQ229"));
        assert!(found[0].starts_with("identifiers[0].value") && found.len() == 1, "{found:?}");
    }

    proptest! {
        #[test]
        fn no_text_upsets_the_check(rule in 0..RULES.len(), value in ".{0,30}", digits in "[0-9A-Z]{0,24}") {
            for value in [value, digits] {
                let _good_or_not = check_identifier(RULES[rule].scheme, &value);
            }
        }
    }
}
