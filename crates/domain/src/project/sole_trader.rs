//! What others may know of an organisation that is one natural person.

use std::collections::BTreeSet;

use isopolity_proto::types::{Sector, SectorScheme};
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};

use crate::codes;

/// The fields of an organisation that stay. What it is and where it belongs, and what every record needs to be handled.
const STAY: [&str; 10] = [
    "name",
    "create_time",
    "update_time",
    "audience",
    "provenance",
    "kind",
    "country",
    "sectors",
    "sole_trader",
    "state",
];
/// What stays of its provenance: neither the source nor its address, which would lead to the person.
const PROVENANCE_STAYS: [&str; 4] = ["licence", "method", "retrieve_time", "illustrative"];

/// Reduces an organisation that is a sole trader; everything else stays as it is. Once the flag itself has been removed,
/// with the other fields for own staff, nothing is left to reduce.
pub(super) fn reduce(message: &mut DynamicMessage) {
    let is_one = message.descriptor().full_name() == "isopolity.registry.v1.Organization"
        && matches!(message.get_field_by_name("sole_trader").as_deref(), Some(Value::Bool(true)));
    if !is_one {
        return;
    }
    keep(message, &STAY);
    if let Some(Value::Message(provenance)) = message.get_field_by_name_mut("provenance") {
        keep(provenance, &PROVENANCE_STAYS);
    }
    let mut seen = BTreeSet::new();
    let mut empty = false;
    if let Some(Value::List(sectors)) = message.get_field_by_name_mut("sectors") {
        sectors.retain_mut(|value| match value {
            Value::Message(sector) => cut(sector).is_some_and(|division| seen.insert(division)),
            _ => false,
        });
        empty = sectors.is_empty();
    }
    if empty {
        message.clear_field_by_name("sectors");
    }
}

fn keep(message: &mut DynamicMessage, stay: &[&str]) {
    let gone: Vec<u32> =
        message.fields().filter(|(field, _)| !stay.contains(&field.name())).map(|(field, _)| field.number()).collect();
    for number in gone {
        message.clear_field_by_number(number);
    }
}

/// Cuts a sector to its division, `16` for `16.29`; a section stays. `None` for what belongs to no section: a code of
/// another scheme may say more than a division does.
fn cut(sector: &mut DynamicMessage) -> Option<(i32, String, String)> {
    let read = sector.transcode_to::<Sector>().ok()?;
    let scheme = SectorScheme::try_from(read.scheme).ok()?;
    if !matches!(scheme, SectorScheme::Nace | SectorScheme::Isic) {
        return None;
    }
    let division =
        codes::sector_ancestors(scheme, &read.version, &read.code).into_iter().find(|code| code.len() <= 2)?;
    let only =
        Sector { scheme: read.scheme, version: read.version.clone(), code: division.clone(), ..Default::default() };
    sector.transcode_from(&only).ok()?;
    keep(sector, &["scheme", "version", "code"]);
    Some((read.scheme, read.version, division))
}
