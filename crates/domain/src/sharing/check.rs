//! Whether a sharing agreement may be kept.

use std::collections::BTreeSet;

use isopolity_proto::{
    admin::{Granularity, LegalBasis, SharingAgreement, SharingPurpose, TransferTool},
    options::Audience,
};
use prost_types::Timestamp;

use crate::{CityId, Kind, Violation, Violations, clock::from_timestamp};

/// The longest note, in characters.
const NOTE_MAX: usize = 2_000;
/// The most questions a minute, and records a day.
const RATES_MAX: (i32, i64) = (100_000, 100_000_000);

/// Checks what an administrator wants to grant, with the paths of the fields below `sharing_agreement`.
///
/// # Errors
/// All that is wrong.
pub fn check(agreement: &SharingAgreement) -> Result<(), Violations> {
    let mut found = Vec::new();
    let mut wrong = |field: String, description: String| {
        found.push(Violation::invalid(format!("sharing_agreement.{field}"), description));
    };
    if let Err(error) = agreement.city.parse::<CityId>() {
        wrong("city".into(), error.to_string());
    }
    let mut kinds = BTreeSet::new();
    for (at, kind) in agreement.kinds.iter().enumerate().take(50) {
        match Kind::parse(kind) {
            None => {
                let all: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
                wrong(format!("kinds[{at}]"), format!("{kind:?} is no kind: {}", all.join(", ")));
            }
            Some(kind) if !kinds.insert(kind) => wrong(format!("kinds[{at}]"), format!("names {kind} twice")),
            Some(_) => {}
        }
    }
    if agreement.kinds.len() > 50 {
        wrong("kinds".into(), format!("has {} values; at most 50 are allowed", agreement.kinds.len()));
    }
    if !matches!(Audience::try_from(agreement.audience), Ok(Audience::Public | Audience::Federation)) {
        wrong(
            "audience".into(),
            "must be AUDIENCE_PUBLIC or AUDIENCE_FEDERATION; what is SHARED names its cities".into(),
        );
    }
    if Granularity::try_from(agreement.granularity).is_err() {
        wrong("granularity".into(), "is none that this version knows".into());
    }
    let mut purposes = BTreeSet::new();
    for (at, number) in agreement.purposes.iter().enumerate() {
        match SharingPurpose::try_from(*number) {
            Err(_) | Ok(SharingPurpose::Unspecified) => {
                wrong(format!("purposes[{at}]"), "is no purpose that this version knows".into());
            }
            Ok(_) if !purposes.insert(*number) => wrong(format!("purposes[{at}]"), "stands there twice".into()),
            Ok(_) => {}
        }
    }
    if LegalBasis::try_from(agreement.legal_basis).is_err() {
        wrong("legal_basis".into(), "is none that this version knows".into());
    }
    if TransferTool::try_from(agreement.transfer_tool).is_err() {
        wrong("transfer_tool".into(), "is none that this version knows".into());
    }
    if agreement.note.chars().nth(NOTE_MAX).is_some() {
        wrong("note".into(), format!("is longer than {NOTE_MAX} characters"));
    }
    if let Some(rates) = &agreement.rates {
        if !(0..=RATES_MAX.0).contains(&rates.questions_per_minute) {
            wrong("rates.questions_per_minute".into(), format!("must be from 0 to {}", RATES_MAX.0));
        }
        if !(0..=RATES_MAX.1).contains(&rates.records_per_day) {
            wrong("rates.records_per_day".into(), format!("must be from 0 to {}", RATES_MAX.1));
        }
    }
    let mut time = |field: &str, time: Option<&Timestamp>| {
        let read = time.map(from_timestamp);
        if read == Some(None) {
            wrong(field.into(), "is no time in the years 1 to 9999".into());
        }
        read.flatten()
    };
    let from = time("valid_from_time", agreement.valid_from_time.as_ref());
    let until = time("valid_until_time", agreement.valid_until_time.as_ref());
    if from.zip(until).is_some_and(|(from, until)| until <= from) {
        wrong("valid_until_time".into(), "is not after valid_from_time".into());
    }
    Violations::check(found)
}
