//! Classifications of economic activities.

use isopolity_proto::types::SectorScheme;

use super::{list::List, lists};

/// A classification in one version.
pub(super) fn list(scheme: SectorScheme, version: &str) -> Option<&'static List> {
    lists::find(match (scheme, version) {
        (SectorScheme::Nace, "2") => "nace-2",
        (SectorScheme::Nace, "2.1") => "nace-2.1",
        (SectorScheme::Isic, "4") => "isic-4",
        (SectorScheme::Dac, "5") => "iati-sector",
        (SectorScheme::Dac, "3") => "iati-sector-category",
        _ => return None,
    })
}

/// What people call the list.
pub(super) fn name(scheme: SectorScheme, version: &str) -> String {
    let scheme = match scheme {
        SectorScheme::Nace => "NACE",
        SectorScheme::Isic => "ISIC",
        SectorScheme::Dac => "DAC",
        SectorScheme::Other => "(another scheme)",
        SectorScheme::Unspecified => "(no scheme)",
    };
    format!("{scheme} {}", version.chars().take(20).collect::<String>())
}

/// A code and everything that it belongs to, from below. Empty if the list doesn't hold it.
pub(super) fn ancestors(list: &'static List, code: &str) -> Vec<String> {
    let above = |row: &super::table::Row| list.table().parent(*row).and_then(|parent| list.row(parent));
    std::iter::successors(list.row(code), above).map(|row| row.code.to_owned()).collect()
}
