//! Bringing many resources in at once, from files.
//!
//! Bytes come in, rows come out of a parser on a thread of its own, and batches of them are written, each in one
//! transaction with its records and feed entries. Names are derived from the rows' own keys, so that the same file again
//! changes nothing, and an interrupted import is resumed by importing the file again. Memory holds a batch, not the file.

mod json_lines;
mod reader;
mod twin_towns;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use bytes::Bytes;
use isopolity_domain::{Kind, Name, Violation, text::fold, validate};
use isopolity_proto::registry::{City, ImportFormat, ImportProgress, ImportStart, RowFlaw, RowOutcome, RowReport};
use isopolity_store::Document;
use prost_reflect::DynamicMessage;
use tokio::sync::mpsc;
use tracing::info;

use crate::{
    Caller, Error, Registry, Right,
    author::{Change, Resource},
};

/// Rows that are written in one transaction.
const BATCH: usize = 200;
/// The longest line of a file.
const LINE_MAX: usize = 1 << 20;
/// The longest text about a source.
const SOURCE_MAX: usize = 500;

/// News of an import.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// What became of a row.
    Row(RowReport),
    /// The rows so far are durable (or, in a dry run, checked).
    Progress(ImportProgress),
}

/// A row that was rejected.
#[derive(Clone, Debug)]
pub(crate) struct RejectedRow {
    line: i64,
    column: String,
    character: i64,
    description: String,
}

/// What a parser makes of a row.
#[derive(Debug)]
enum Row {
    /// A resource. The node has still to validate it.
    Resource { line: i64, name: Name, resource: DynamicMessage },
    /// A row that can't become one.
    Rejected(RejectedRow),
    /// A row of another city.
    Skipped,
}

/// A row and how much of the file is read with it.
#[derive(Debug)]
struct Parsed {
    row: Row,
    bytes: i64,
}

impl Registry {
    /// Imports a file, chunk by chunk, and tells what becomes of it. Returns when everything is committed. An error among
    /// the chunks ends the file: what stands before it is imported, the row that it cuts is not.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`] for a start that makes no sense, and what the store says: the rows that
    /// progress counted are durable then, the others untouched.
    pub async fn import(
        &self,
        caller: &Caller,
        start: ImportStart,
        chunks: mpsc::Receiver<io::Result<Bytes>>,
        news: mpsc::Sender<News>,
    ) -> Result<ImportProgress, Error> {
        caller.must(Right::Edit)?;
        for (field, text) in [("start.source", &start.source), ("start.licence", &start.licence)] {
            if text.chars().count() > SOURCE_MAX {
                return Err(Violation::invalid(field, format!("is longer than {SOURCE_MAX} characters")).into());
            }
        }
        let (rows, parsed) = mpsc::channel(BATCH);
        let reader = reader::Chunks::new(chunks);
        let city = self.city().clone();
        let dry_run = start.dry_run;
        let parser = match start.format() {
            ImportFormat::TwinTownsCsv => {
                let source_cities = self.source_cities(&start).await?;
                let mapping = twin_towns::Mapping::new(city, source_cities, &start);
                tokio::task::spawn_blocking(move || twin_towns::parse(reader, &mapping, &rows))
            }
            ImportFormat::JsonLines => tokio::task::spawn_blocking(move || json_lines::parse(reader, &city, &rows)),
            _ => return Err(Violation::required("start.format").into()),
        };
        let mut run = Run {
            registry: self,
            author: caller.id().to_owned(),
            write: !dry_run,
            news,
            progress: ImportProgress::default(),
            batch: Vec::new(),
            names: BTreeSet::new(),
            seen: BTreeSet::new(),
        };
        run.all(parsed).await?;
        parser.await.map_err(Error::internal)?;
        run.progress.done = true;
        run.report().await;
        info!(
            import.rows = run.progress.rows,
            import.created = run.progress.created,
            import.updated = run.progress.updated,
            import.unchanged = run.progress.unchanged,
            import.rejected = run.progress.rejected,
            import.dry_run = dry_run,
            caller.id = caller.id(),
            "import done"
        );
        Ok(run.progress)
    }

    /// The spellings under which this city stands in a file of several cities.
    async fn source_cities(&self, start: &ImportStart) -> Result<Vec<String>, Error> {
        if !start.source_city.is_empty() {
            return Ok(vec![fold(&start.source_city)]);
        }
        let name = Name::of_city(self.city().clone());
        let Some(document) = self.store().document(&name).await? else { return Ok(Vec::new()) };
        let profile: City = Resource::decode(Kind::City, document.body)?.0.transcode_to().map_err(Error::internal)?;
        Ok(profile.display_names.iter().map(|one| fold(&one.text)).collect())
    }
}

/// An import on its way.
struct Run<'a> {
    registry: &'a Registry,
    author: String,
    /// False in a dry run.
    write: bool,
    news: mpsc::Sender<News>,
    progress: ImportProgress,
    batch: Vec<(i64, Name, Resource)>,
    /// The names in the batch.
    names: BTreeSet<Name>,
    /// In a dry run, what the rows before would have written: later rows may refer to it.
    seen: BTreeSet<Name>,
}

impl Run<'_> {
    async fn all(&mut self, mut parsed: mpsc::Receiver<Parsed>) -> Result<(), Error> {
        while let Some(Parsed { row, bytes }) = parsed.recv().await {
            match row {
                Row::Skipped => self.progress.skipped += 1,
                Row::Rejected(rejected) => self.reject(rejected).await,
                Row::Resource { line, name, resource } => {
                    if self.batch.len() >= BATCH || self.names.contains(&name) {
                        self.flush().await?;
                    }
                    self.take(line, name, resource).await;
                }
            }
            self.progress.rows += 1;
            self.progress.bytes = bytes;
            if self.progress.rows % i64::try_from(BATCH).unwrap_or(i64::MAX) == 0 {
                self.flush().await?;
            }
        }
        self.flush().await
    }

    /// Validates a row and puts it into the batch.
    async fn take(&mut self, line: i64, name: Name, resource: DynamicMessage) {
        let mut resource = Resource(resource);
        resource.set_name(&name);
        if let Err(violation) = self.registry.must_be_ours(&name, "name") {
            return self.reject_violations(line, vec![violation]).await;
        }
        match validate::validate(name.kind(), &resource.0) {
            Ok(()) => {
                self.names.insert(name.clone());
                self.batch.push((line, name, resource));
            }
            Err(violations) => self.reject_violations(line, violations.0).await,
        }
    }

    /// Writes the batch, all of it or nothing.
    async fn flush(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        self.names.clear();
        if !batch.is_empty() {
            self.write(batch).await?;
        }
        self.report().await;
        Ok(())
    }

    async fn write(&mut self, batch: Vec<(i64, Name, Resource)>) -> Result<(), Error> {
        let mut tx = self.registry.store().begin("import").await?;
        let names: Vec<Name> = batch.iter().map(|(_, name, _)| name.clone()).collect();
        let mut current: BTreeMap<Name, Document> =
            tx.documents(&names).await?.into_iter().map(|one| (one.name.clone(), one)).collect();
        let known = self.known_references(&mut tx, &batch).await?;

        let (mut fresh, mut changed, mut unchanged) = (Vec::new(), Vec::new(), 0);
        let mut rejected = Vec::new();
        // Within a file a row may refer to the rows above it, and to those of them only that were not rejected.
        let mut accepted: BTreeSet<Name> = BTreeSet::new();
        for (line, name, mut resource) in batch {
            let missing: Vec<Violation> = validate::references(name.kind(), &resource.0)
                .into_iter()
                .filter(|(_, to)| to.city() == self.registry.city())
                .filter(|(_, to)| !known.contains(to) && !accepted.contains(to) && !self.seen.contains(to))
                .map(|(field, to)| crate::author::dangling(&field, &to))
                .collect();
            if !missing.is_empty() {
                rejected.push((line, missing));
                continue;
            }
            accepted.insert(name.clone());
            match current.remove(&name) {
                None => fresh.push(self.registry.first_version(&name, &mut resource)),
                Some(before) => {
                    let same = Resource::decode(name.kind(), before.body.clone())?.content() == resource.content();
                    if same {
                        unchanged += 1;
                    } else {
                        changed.push((self.registry.next_version(&before, &mut resource), before.revision));
                    }
                }
            }
        }
        tx.insert_documents(&fresh).await?;
        for (document, revision) in &changed {
            if !tx.update_document(document, *revision).await? {
                return Err(Error::EtagMismatch(document.name.clone()));
            }
        }
        let (created, updated) = (fresh.len(), changed.len());
        let settled = fresh
            .into_iter()
            .map(Change::created)
            .chain(changed.into_iter().map(|(document, _)| Change::updated(document)))
            .collect();
        self.registry.settle(tx, &self.author, settled, !self.write).await?;

        if !self.write {
            self.seen.append(&mut accepted);
        }
        self.progress.created += i64::try_from(created).unwrap_or_default();
        self.progress.updated += i64::try_from(updated).unwrap_or_default();
        self.progress.unchanged += unchanged;
        for (line, violations) in rejected {
            self.reject_violations(line, violations).await;
        }
        Ok(())
    }

    /// Which of the resources that a batch refers to exist in the store.
    async fn known_references(
        &self,
        tx: &mut isopolity_store::Tx,
        batch: &[(i64, Name, Resource)],
    ) -> Result<BTreeSet<Name>, Error> {
        let wanted: BTreeSet<Name> = batch
            .iter()
            .flat_map(|(_, name, resource)| validate::references(name.kind(), &resource.0))
            .map(|(_, to)| to)
            .filter(|to| to.city() == self.registry.city())
            .collect();
        if wanted.is_empty() {
            return Ok(BTreeSet::new());
        }
        Ok(tx.existing(&wanted.into_iter().collect::<Vec<_>>()).await?)
    }

    async fn reject_violations(&mut self, line: i64, violations: Vec<Violation>) {
        let column = violations.first().map(|first| first.field.clone()).unwrap_or_default();
        let description: Vec<String> = violations
            .iter()
            .enumerate()
            .map(
                |(at, one)| {
                    if at == 0 { one.description.clone() } else { format!("{}: {}", one.field, one.description) }
                },
            )
            .collect();
        self.reject(RejectedRow { line, column, character: 0, description: description.join("; ") }).await;
    }

    async fn reject(&mut self, rejected: RejectedRow) {
        self.progress.rejected += 1;
        let RejectedRow { line, column, character, description } = rejected;
        let flaws = vec![RowFlaw { column, character, description }];
        self.tell(News::Row(RowReport { line, outcome: RowOutcome::Rejected.into(), flaws, ..Default::default() }))
            .await;
    }

    async fn report(&mut self) {
        let progress = self.progress.clone();
        self.tell(News::Progress(progress)).await;
    }

    /// Whoever listens may go away; what was begun is finished all the same, as each batch is whole.
    async fn tell(&mut self, news: News) {
        if self.news.send(news).await.is_err() {
            tracing::debug!("nobody listens to the import any more");
        }
    }
}

/// A row that is rejected as a whole or because of one column.
fn rejected(line: i64, column: &str, character: i64, description: impl Into<String>) -> Row {
    Row::Rejected(RejectedRow { line, column: column.to_owned(), character, description: description.into() })
}
