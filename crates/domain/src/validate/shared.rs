//! What holds for the shared messages of `isopolity.type.v1`, wherever they are.

use isopolity_proto::types::{
    ContactPoint, Identifier, LocalizedText, Money, Period, Place, Point, Provenance, Sector, SectorScheme,
};
use prost_reflect::{DynamicMessage, ReflectMessage as _};

use super::{
    findings::{Findings, below},
    value,
};
use crate::codes::{
    self, CodeError,
    identifier::{IdentifierError, check_identifier},
};

/// Checks a message by its own type; what lies below it is not looked at.
pub(super) fn check(message: &DynamicMessage, path: &str, found: &mut Findings) {
    match message.descriptor().full_name() {
        "isopolity.type.v1.LocalizedText" => read(message, path, found, localized_text),
        "isopolity.type.v1.Money" => read(message, path, found, money),
        "isopolity.type.v1.Period" => read(message, path, found, period),
        "isopolity.type.v1.Point" => read(message, path, found, point),
        "isopolity.type.v1.Place" => read(message, path, found, place),
        "isopolity.type.v1.Sector" => read(message, path, found, sector),
        "isopolity.type.v1.Identifier" => read(message, path, found, identifier),
        "isopolity.type.v1.ContactPoint" => read(message, path, found, contact_point),
        "isopolity.type.v1.Provenance" => read(message, path, found, provenance),
        _ => {}
    }
}

fn read<M>(message: &DynamicMessage, path: &str, found: &mut Findings, check: fn(&M, &str, &mut Findings))
where
    M: prost::Message + Default,
{
    match message.transcode_to::<M>() {
        Ok(message) => check(&message, path, found),
        Err(error) => found.invalid(path, format!("can't be read: {error}")),
    }
}

fn localized_text(text: &LocalizedText, path: &str, found: &mut Findings) {
    found.must_have(&text.text, &below(path, "text"));
    found.must_have(&text.language, &below(path, "language"));
}

fn money(money: &Money, path: &str, found: &mut Findings) {
    found.must_have(&money.currency_code, &below(path, "currency_code"));
    let amount = below(path, "amount");
    found.must_have(&money.amount, &amount);
    if !money.amount.is_empty() {
        decimal(&money.amount, &amount, found);
    }
}

/// Requires a decimal number, which may be negative.
pub(super) fn signed_decimal(text: &str, path: &str, found: &mut Findings) {
    if value::millionths(text).is_none() {
        let form =
            "is not a decimal number of at most 18 digits before the point and 6 after it, for example \"-12.5\"";
        found.invalid(path, form);
    }
}

/// Requires a decimal number that is not negative.
pub(super) fn decimal(text: &str, path: &str, found: &mut Findings) {
    if value::decimal(text).is_none() {
        let form =
            "is not a decimal number of at most 18 digits before the point and 6 after it, for example \"12500.50\"";
        found.invalid(path, form);
    }
}

fn period(period: &Period, path: &str, found: &mut Findings) {
    if let (Some((first, _)), Some((_, last))) =
        (value::partial_date(&period.start_date), value::partial_date(&period.end_date))
        && first > last
    {
        found.invalid(
            &below(path, "end_date"),
            format!("{} is before start_date {}", period.end_date, period.start_date),
        );
    }
}

fn point(point: &Point, path: &str, found: &mut Findings) {
    for (degrees, most, field) in [(point.latitude, 90.0, "latitude"), (point.longitude, 180.0, "longitude")] {
        // Not a number is in no range.
        if !(-most..=most).contains(&degrees) {
            found.invalid(&below(path, field), format!("{degrees} is not within -{most} to {most}"));
        }
    }
}

fn place(place: &Place, path: &str, found: &mut Findings) {
    found.must_hold(1, place.names.len(), &below(path, "names"));
    subdivision(&place.country, &place.subdivision, &below(path, "subdivision"), found);
}

/// A subdivision lies in its country.
pub(super) fn subdivision(country: &str, subdivision: &str, path: &str, found: &mut Findings) {
    if let Some((of, _)) = subdivision.split_once('-')
        && !country.is_empty()
        && of != country
    {
        found.invalid(path, format!("{subdivision} lies in {of}, not in {country}"));
    }
}

fn sector(sector: &Sector, path: &str, found: &mut Findings) {
    found.must_be_stated(sector.scheme, &below(path, "scheme"));
    found.must_have(&sector.code, &below(path, "code"));
    let other = sector.scheme == i32::from(SectorScheme::Other);
    if !other && (!sector.vocabulary_uri.is_empty() || !sector.labels.is_empty()) {
        let field = if sector.vocabulary_uri.is_empty() { "labels" } else { "vocabulary_uri" };
        found.invalid(&below(path, field), "is only for SECTOR_SCHEME_OTHER: other labels come from the code list");
    }
    let Ok(scheme) = SectorScheme::try_from(sector.scheme) else { return };
    if scheme == SectorScheme::Other {
        // Its codes are the source's own.
        return;
    }
    found.must_have(&sector.version, &below(path, "version"));
    if scheme == SectorScheme::Unspecified || sector.version.is_empty() || sector.code.is_empty() {
        return;
    }
    match codes::check_sector(scheme, &sector.version, &sector.code) {
        Ok(()) => {}
        Err(error @ CodeError::UnknownList(_)) => found.unknown_code(&below(path, "version"), &error),
        Err(error) => found.unknown_code(&below(path, "code"), &error),
    }
}

fn identifier(identifier: &Identifier, path: &str, found: &mut Findings) {
    found.must_have(&identifier.scheme, &below(path, "scheme"));
    found.must_have(&identifier.value, &below(path, "value"));
    at_most(200, &identifier.scheme, &below(path, "scheme"), found);
    at_most(200, &identifier.value, &below(path, "value"), found);
    if identifier.scheme.trim().is_empty() {
        return;
    }
    match check_identifier(&identifier.scheme, &identifier.value) {
        Ok(()) => {}
        Err(IdentifierError::Scheme(error)) => found.unknown_code(&below(path, "scheme"), &error),
        Err(error) => found.invalid(&below(path, "value"), error.to_string()),
    }
}

fn contact_point(contact: &ContactPoint, path: &str, found: &mut Findings) {
    found.must_have(&contact.function, &below(path, "function"));
    at_most(200, &contact.function, &below(path, "function"), found);
}

fn provenance(provenance: &Provenance, path: &str, found: &mut Findings) {
    at_most(500, &provenance.source, &below(path, "source"), found);
}

fn at_most(most: usize, text: &str, path: &str, found: &mut Findings) {
    if text.chars().nth(most).is_some() {
        found.invalid(path, format!("is longer than {most} characters"));
    }
}
