//! An import on its way: batches of rows, what was done with them, and the news about it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::ControlFlow,
};

use bytes::{Bytes, BytesMut};
use isopolity_domain::{audit::Event, clock::to_timestamp, matching::Subject};
use isopolity_exchange::{Outcome, Row};
use isopolity_proto::{
    admin::AuditAction,
    registry::{self, ImportProgress, ImportStart, RowOutcome, RowReport},
};
use isopolity_store::{ImportRun, Quarantined};
use prost::Message as _;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    BATCH, News,
    apply::possible_matches,
    familiar::Familiar,
    form::Form,
    pace,
    plan::{Judged, Plan},
    quarantine,
    reader::{BrokenOff, Chunks},
    seen::Seen,
    takeover::Taken,
};
use crate::{Caller, Error, Registry, matching::KnownSubjects};

/// As much of a file as its rows in a batch may hold.
const BATCH_BYTES: usize = 8 << 20;

/// A row as it comes from the reader.
#[derive(Debug)]
pub(super) struct Read {
    row: Row,
    /// It says only that the file broke off. Nobody can correct that.
    is_cut: bool,
}

impl Read {
    fn resources(&self) -> usize {
        match &self.row.outcome {
            Outcome::Resources { entries, .. } => entries.len(),
            Outcome::Rejected(_) | Outcome::Skipped => 0,
        }
    }
}

/// Reads a file on this thread until its end, or until nobody wants its rows any more. Tells whether the file was whole.
pub(super) fn read(form: &Form, chunks: Chunks, broken_off: &BrokenOff, rows: &mpsc::Sender<Read>) -> bool {
    form.read(chunks, &mut |mut row| {
        let is_cut = broken_off.is_set() && row.source.is_empty() && matches!(row.outcome, Outcome::Rejected(_));
        if matches!(row.outcome, Outcome::Skipped) {
            row.source = Bytes::new();
        }
        match rows.blocking_send(Read { row, is_cut }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    !broken_off.is_set()
}

/// An import on its way.
pub(super) struct Run<'a> {
    registry: &'a Registry,
    caller: &'a Caller,
    form: Form,
    start: ImportStart,
    news: mpsc::Sender<News>,
    progress: ImportProgress,
    /// In a dry run, what the rows before would have written.
    seen: Option<Seen>,
    /// What later stage events of the file depend on.
    taken: Taken,
    /// What new rows are compared with, where every row is reported.
    known: Option<KnownSubjects>,
    /// The same where rows are only counted; read when the first row brings something to compare.
    familiar: Option<Familiar>,
    begun: time::OffsetDateTime,
}

impl<'a> Run<'a> {
    pub(super) async fn begin(
        registry: &'a Registry,
        caller: &'a Caller,
        form: Form,
        start: ImportStart,
        news: mpsc::Sender<News>,
    ) -> Result<Self, Error> {
        let seen = if start.dry_run { Some(Seen::new().map_err(Error::internal)?) } else { None };
        let reports_all = start.report_all || start.dry_run;
        let known = if reports_all { Some(registry.known_subjects().await?) } else { None };
        let import_id = if start.dry_run { String::new() } else { Uuid::now_v7().to_string() };
        let progress = ImportProgress { import_id, total_bytes: start.size, ..Default::default() };
        let (taken, familiar, begun) = (Taken::default(), None, registry.now());
        let run = Self { registry, caller, form, start, news, progress, seen, taken, known, familiar, begun };
        run.put_alone().await?;
        Ok(run)
    }

    pub(super) async fn all(&mut self, mut rows: mpsc::Receiver<Read>) -> Result<(), Error> {
        let mut batch = VecDeque::new();
        let (mut resources, mut size) = (0, 0);
        while let Some(read) = rows.recv().await {
            resources += read.resources();
            size += read.row.source.len();
            batch.push_back(read);
            if batch.len() >= BATCH || resources >= BATCH || size >= BATCH_BYTES {
                self.flush(&mut batch).await?;
                (resources, size) = (0, 0);
            }
        }
        if batch.is_empty() { Ok(()) } else { self.flush(&mut batch).await }
    }

    /// Tells that nothing more comes.
    pub(super) async fn end(mut self, whole: bool) -> Result<ImportProgress, Error> {
        self.progress.done = whole;
        pace::set(&mut self.progress, self.registry.now() - self.begun);
        self.put_alone().await?;
        self.tell(News::Progress(self.progress.clone())).await;
        Ok(self.progress)
    }

    /// Writes the rows, each of them whole or not at all.
    async fn flush(&mut self, batch: &mut VecDeque<Read>) -> Result<(), Error> {
        while !batch.is_empty() {
            self.write(batch).await?;
        }
        self.tell(News::Progress(self.progress.clone())).await;
        Ok(())
    }

    /// Writes rows in one transaction, up to the first that changes what a row above writes.
    async fn write(&mut self, batch: &mut VecDeque<Read>) -> Result<(), Error> {
        let mut done = Done::new(self.progress.clone());
        if batch.iter().all(|read| matches!(read.row.outcome, Outcome::Skipped)) {
            for read in batch.drain(..) {
                done.take(&self.form, read, Judged { outcome: RowOutcome::Skipped, ..Judged::default() }, self.begun);
            }
            return self.settled(done).await;
        }
        let mut tx = self.registry.store().begin("import").await?;
        let rows = batch.iter().map(|read| &read.row);
        let (seen, taken) = (self.seen.as_mut(), &mut self.taken);
        let mut plan = Plan::prepare(self.registry, self.caller, &self.form, &mut tx, seen, taken, rows).await?;
        let now = self.registry.now();
        while let Some(read) = batch.pop_front() {
            let Some(judged) = plan.take(&mut tx, self.seen.as_mut(), &read.row.outcome).await? else {
                batch.push_front(read);
                break;
            };
            done.take(&self.form, read, judged, now);
        }
        let writes = plan.into_writes();
        pace::set(&mut done.progress, now - self.begun);
        if let Some(seen) = &mut self.seen {
            let resources: Vec<_> =
                writes.into_iter().map(|write| (write.name, write.resource.0.encode_to_vec())).collect();
            seen.put(&resources).await.map_err(Error::internal)?;
        } else {
            tx.remove_quarantined_by_key(&done.keys).await?;
            tx.put_quarantined(&done.quarantined()).await?;
            tx.put_import(&self.state(&done.progress)).await?;
            tx.audit(done.audited(self.registry, self.caller, &self.progress));
            self.registry.apply(self.caller, tx, writes).await?;
            self.taken.stored();
            if self.known.is_none() {
                self.recognise(&mut done).await?;
            }
        }
        self.settled(done).await
    }

    /// Counts the rows that brought an organisation or a place which may be known already. After they were written, so that
    /// no row waits for it inside its transaction.
    async fn recognise(&mut self, done: &mut Done) -> Result<(), Error> {
        let new: Vec<Vec<Subject>> = done.rows.iter().map(|(_, judged, _)| judged.subjects()).collect();
        let just_written: BTreeSet<&str> = new.iter().flatten().map(|subject| subject.name.as_str()).collect();
        if just_written.is_empty() {
            return Ok(());
        }
        let familiar = match &mut self.familiar {
            Some(familiar) => familiar,
            unread => unread.insert(Familiar::of(self.registry, &just_written).await?),
        };
        for row in new {
            let mut is_known = false;
            for subject in &row {
                is_known = is_known || familiar.knows(self.registry, subject).await?;
            }
            for subject in &row {
                familiar.add(subject);
            }
            done.progress.possible_matches += i64::from(is_known);
        }
        Ok(())
    }

    /// Tells what was done, now that it is durable.
    async fn settled(&mut self, done: Done) -> Result<(), Error> {
        let Done { progress, rows, .. } = done;
        self.progress = progress;
        let all = self.start.report_all || self.start.dry_run;
        for (line, judged, quarantined_row) in rows {
            if all || matches!(judged.outcome, RowOutcome::Rejected | RowOutcome::Doubtful) {
                let quarantined_row = if self.start.dry_run { String::new() } else { quarantined_row };
                let row = row_report(line, judged, quarantined_row, self.known.as_mut());
                self.progress.possible_matches += i64::from(!row.possible_matches.is_empty());
                self.tell(News::Row(row)).await;
            }
        }
        Ok(())
    }

    /// Whoever listens may go away; what was begun is finished all the same, as each batch is whole.
    async fn tell(&self, news: News) {
        if self.news.send(news).await.is_err() {
            tracing::debug!("nobody listens to the import any more");
        }
    }

    /// Keeps how far it has come, where no rows are written.
    async fn put_alone(&self) -> Result<(), Error> {
        if self.start.dry_run {
            return Ok(());
        }
        let mut tx = self.registry.store().begin("import").await?;
        tx.put_import(&self.state(&self.progress)).await?;
        Ok(tx.commit().await?)
    }

    /// What is kept of the import: what people see of it, and how its rows are to be read again.
    fn state(&self, progress: &ImportProgress) -> ImportRun {
        let reported = registry::ImportRun {
            format: self.start.format,
            source: self.start.source.clone(),
            progress: Some(progress.clone()),
            ..Default::default()
        };
        let mut state = BytesMut::new();
        // There is always room: the buffer grows.
        let _ = reported.encode_length_delimited(&mut state);
        let _ = self.start.encode_length_delimited(&mut state);
        ImportRun {
            id: progress.import_id.clone(),
            begin_time: self.begun,
            update_time: self.registry.now().max(self.begun),
            author: self.caller.id().to_owned(),
            state: state.freeze(),
        }
    }
}

/// An import as people see it.
pub(super) fn reported(run: ImportRun) -> Result<registry::ImportRun, Error> {
    let (reported, _) = decode(run.state)?;
    Ok(registry::ImportRun {
        import_id: run.id,
        begin_time: Some(to_timestamp(run.begin_time)),
        update_time: Some(to_timestamp(run.update_time)),
        author: run.author,
        ..reported
    })
}

/// How the rows of an import are read.
pub(super) fn start_of(run: ImportRun) -> Result<ImportStart, Error> {
    Ok(decode(run.state)?.1)
}

pub(crate) fn decode(mut state: Bytes) -> Result<(registry::ImportRun, ImportStart), Error> {
    let reported = registry::ImportRun::decode_length_delimited(&mut state).map_err(Error::internal)?;
    let start = ImportStart::decode_length_delimited(&mut state).map_err(Error::internal)?;
    Ok((reported, start))
}

/// What was done with rows.
struct Done {
    progress: ImportProgress,
    /// Line, what became of it, and its id in quarantine.
    rows: Vec<(i64, Judged, String)>,
    /// The keys of all rows: those that were taken over leave the quarantine, the others are put there anew.
    keys: Vec<Vec<u8>>,
    quarantined: BTreeMap<Vec<u8>, Quarantined>,
}

impl Done {
    fn new(progress: ImportProgress) -> Self {
        Self { progress, rows: Vec::new(), keys: Vec::new(), quarantined: BTreeMap::new() }
    }

    fn take(&mut self, form: &Form, read: Read, mut judged: Judged, now: time::OffsetDateTime) {
        let Read { row: Row { line, bytes, source, .. }, is_cut } = read;
        let progress = &mut self.progress;
        progress.rows += 1;
        progress.bytes = progress.bytes.max(bytes);
        let (count, is_taken) = match judged.outcome {
            RowOutcome::New => (&mut progress.created, true),
            RowOutcome::Changed => (&mut progress.updated, true),
            RowOutcome::Same => (&mut progress.unchanged, true),
            RowOutcome::Doubtful => (&mut progress.doubtful, false),
            RowOutcome::Skipped | RowOutcome::Unspecified => {
                progress.skipped += 1;
                self.rows.push((line, judged, String::new()));
                return;
            }
            RowOutcome::Rejected => (&mut progress.rejected, false),
        };
        *count += 1;
        let mut quarantined_row = String::new();
        if is_taken {
            let key = quarantine::key(form, &source);
            self.quarantined.remove(&key);
            self.keys.push(key);
        } else if !is_cut {
            let kept = quarantine::kept(form, &progress.import_id, line, &source, &mut judged, now);
            self.keys.push(kept.key.clone());
            // Of rows that are the same one is kept.
            let kept = self.quarantined.entry(kept.key.clone()).or_insert(kept);
            quarantined_row.clone_from(&kept.id);
        }
        self.rows.push((line, judged, quarantined_row));
    }

    /// What the audit log holds of the batch.
    fn audited(&self, registry: &Registry, caller: &Caller, before: &ImportProgress) -> Event {
        let now = &self.progress;
        let text = format!(
            "{} rows: {} created, {} updated, {} unchanged, {} rejected, {} doubtful, {} skipped",
            now.rows - before.rows,
            now.created - before.created,
            now.updated - before.updated,
            now.unchanged - before.unchanged,
            now.rejected - before.rejected,
            now.doubtful - before.doubtful,
            now.skipped - before.skipped
        );
        let taken = (now.created + now.updated) - (before.created + before.updated);
        let event = registry.event(caller, AuditAction::BatchImported).about(format!("imports/{}", now.import_id));
        event.counting(taken, 0).times(now.rows - before.rows).saying(&text)
    }

    /// The rows for quarantine, in their order.
    fn quarantined(&self) -> Vec<Quarantined> {
        let mut rows: Vec<Quarantined> = self.quarantined.values().cloned().collect();
        rows.sort_by(|one, other| one.id.cmp(&other.id));
        rows
    }
}

/// What is told of a row.
pub(super) fn row_report(
    line: i64,
    judged: Judged,
    quarantined_row: String,
    known: Option<&mut KnownSubjects>,
) -> RowReport {
    let Judged { outcome, names, flaws, changed_fields, unmatched } = judged;
    let possible_matches = match known {
        Some(known) if outcome == RowOutcome::New => possible_matches(known, &unmatched),
        _ => Vec::new(),
    };
    let names = names.iter().map(ToString::to_string).collect();
    let outcome = outcome.into();
    RowReport { line, outcome, names, flaws, changed_fields, quarantined_row, possible_matches }
}
