//! Classifications of economic activities.

use std::{collections::BTreeMap, sync::LazyLock};

use isopolity_proto::types::SectorScheme;

use super::{embedded, nearest::Index};

/// An activity in a classification.
pub(super) struct Entry {
    /// The code above; empty for a section.
    pub(super) parent: String,
    /// Its English title.
    pub(super) label: Option<String>,
}

/// A classification in one version.
pub(super) struct List {
    /// Its activities by code.
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) nearest: Index,
}

impl List {
    fn of(entries: BTreeMap<String, Entry>) -> Self {
        Self { nearest: Index::of(entries.keys()), entries }
    }
}

const NACE_2_FILE: &str = include_str!("../../data/nace/nace-2.csv");

static NACE_2: LazyLock<List> = LazyLock::new(|| nace(NACE_2_FILE));
static NACE_2_1: LazyLock<List> = LazyLock::new(|| nace(include_str!("../../data/nace/nace-2.1.csv")));
static ISIC_4: LazyLock<List> = LazyLock::new(isic);

pub(super) fn list(scheme: SectorScheme, version: &str) -> Option<&'static List> {
    match (scheme, version) {
        (SectorScheme::Nace, "2") => Some(&NACE_2),
        (SectorScheme::Nace, "2.1") => Some(&NACE_2_1),
        (SectorScheme::Isic, "4") => Some(&ISIC_4),
        _ => None,
    }
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

fn nace(file: &'static str) -> List {
    let entry = |row: csv::StringRecord| {
        let cell = |column| embedded::cell(&row, column);
        (cell(0), Entry { parent: cell(1), label: Some(cell(2)) })
    };
    List::of(embedded::rows(file).map(entry).collect())
}

/// ISIC 4 shares sections and divisions with NACE 2. Each of its groups and classes corresponds to at least one of NACE 2,
/// so the column of correspondences holds them all.
fn isic() -> List {
    let mut entries = BTreeMap::new();
    for row in embedded::rows(NACE_2_FILE) {
        let code = embedded::cell(&row, 3);
        let entry = if code.len() <= 2 {
            Entry { parent: embedded::cell(&row, 1), label: Some(embedded::cell(&row, 2)) }
        } else {
            Entry { parent: code.chars().take(code.len() - 1).collect(), label: None }
        };
        entries.insert(code, entry);
    }
    List::of(entries)
}
