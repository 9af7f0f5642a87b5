//! The real twin-town pairs, each city of them into a registry of its own.

use std::collections::BTreeMap;

use isopolity_proto::registry::{ImportFormat, ImportStart};

use crate::{
    import::{import, open, runtime},
    measure::{Failure, Measured, Part, Stopwatch},
};

const PAIRS: &str = include_str!("../../../tests/data/twin-towns/twin_pairs_eu25.csv");

/// Imports every city's rows into its own registry, one city after the other.
pub(crate) fn all(most: Option<usize>) -> Result<Measured, Failure> {
    let (header, rows) = PAIRS.split_once('\n').ok_or("the file has no header")?;
    let mut cities: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for line in rows.lines() {
        let mut record = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
        if let Some(row) = record.records().next() {
            let row = row?;
            let city = (row.get(1).unwrap_or_default().to_owned(), row.get(0).unwrap_or_default().to_owned());
            cities.entry(city).or_default().push(line);
        }
    }
    let most = most.unwrap_or(cities.len());
    runtime()?.block_on(async {
        let watch = Stopwatch::start();
        let (mut count, mut done) = (0, 0_u64);
        for ((_, name), lines) in cities.iter().take(most) {
            let folder = tempfile::tempdir()?;
            let registry = open(folder.path(), &format!("c{done}.example").parse()?).await?;
            let start = ImportStart {
                format: ImportFormat::TwinTownsCsv.into(),
                source_city: name.clone(),
                accept_doubts: true,
                ..Default::default()
            };
            let text: Vec<String> =
                std::iter::once(header).chain(lines.iter().copied()).map(|line| format!("{line}\n")).collect();
            let mut lines = text.into_iter();
            let progress = import(&registry, start, move || lines.next()).await?;
            count += u64::try_from(progress.created)?;
            done += 1;
            registry.store().clone().close().await;
        }
        Ok(watch.stop(Part::Cities, &format!("agreements into the registries of {done} cities"), count))
    })
}
