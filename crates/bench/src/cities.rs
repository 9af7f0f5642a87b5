//! The real twin-town pairs, each city of them into a registry of its own.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    time::{Duration, Instant},
};

use isopolity_domain::Kind;
use isopolity_proto::{
    json::dynamic_to_value,
    options::Audience,
    registry::{ImportFormat, ImportStart},
};
use isopolity_registry::Registry;
use prost_reflect::DynamicMessage;

use crate::{
    import::{import, open, runtime},
    measure::{Failure, Measured, Part, Stopwatch},
};

/// How many pairs there are, each of which becomes an agreement.
const PAIRS_COUNT: u64 = 24_428;
const PAIRS: &str = include_str!("../../../tests/data/twin-towns/twin_pairs_eu25.csv");

/// Imports every city's rows into its own registry, one city after the other. What they wrote is kept in a file, for the
/// floors; that is not measured.
pub(crate) fn all(most: Option<usize>, keep: Option<&Path>) -> Result<Measured, Failure> {
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
    let is_whole = most.is_none();
    let most = most.unwrap_or(cities.len());
    let mut kept = keep.map(File::create).transpose()?.map(BufWriter::new);
    runtime()?.block_on(async {
        let watch = Stopwatch::start();
        let (mut count, mut done, mut aside) = (0, 0_u64, Duration::ZERO);
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
            // A pair that the source states twice is one agreement.
            count += u64::try_from(progress.created + progress.updated + progress.unchanged)?;
            done += 1;
            if let Some(kept) = &mut kept {
                let begun = Instant::now();
                put(&registry, kept).await?;
                aside += begun.elapsed();
            }
            registry.store().clone().close().await;
        }
        let mut measured = watch.stop(Part::Cities, &format!("pairs into the registries of {done} cities"), count);
        measured.seconds -= aside.as_secs_f64();
        if let Some(mut kept) = kept {
            kept.flush()?;
        }
        if is_whole && count != PAIRS_COUNT {
            return Err(format!("{count} pairs were imported, but the file has {PAIRS_COUNT}").into());
        }
        Ok(measured)
    })
}

/// Adds the agreements of a registry to a file of JSON Lines.
async fn put(registry: &Registry, out: &mut impl Write) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let documents =
            registry.store().documents_of_kind(Kind::Agreement, Audience::Internal, after.as_ref(), 1_000).await?;
        let Some(last) = documents.last() else { return Ok(()) };
        after = Some(last.name.clone());
        for document in documents {
            let descriptor = Kind::Agreement.descriptor();
            let tag = format!("type.googleapis.com/{}", descriptor.full_name());
            let mut value = dynamic_to_value(&DynamicMessage::decode(descriptor, document.body)?, false);
            value["@type"] = tag.into();
            writeln!(out, "{value}")?;
        }
    }
}
