//! Erasing details, and moving older entries to files.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use isopolity_domain::{
    Violation,
    audit::{
        Chain, Checker, Entry,
        file::{Reader, Writer},
    },
};
use isopolity_federation::Bundle;
use isopolity_proto::admin::AuditAction;
use isopolity_store::AuditFilter;
use tempfile::NamedTempFile;
use tracing::info;

use super::read::BATCH;
use crate::{Caller, Error, Registry, Right, author::NODE};

/// The longest reason, in characters.
const REASON_MAX: usize = 500;
/// The most entries in one file.
const FILE_MAX: i64 = 100_000;

impl Registry {
    /// Erases the details of the entries about a resource; the erasure is an entry itself. Returns how many there were.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`] without a resource or reason, or what the store says.
    pub async fn erase_audit_details(&self, caller: &Caller, resource: &str, reason: &str) -> Result<i64, Error> {
        caller.must(Right::Administer)?;
        if resource.is_empty() {
            return Err(Violation::required("resource").into());
        }
        if reason.trim().is_empty() {
            return Err(Violation::required("reason").into());
        }
        if reason.chars().count() > REASON_MAX {
            return Err(Violation::invalid("reason", format!("is longer than {REASON_MAX} characters")).into());
        }
        self.flush_audit().await?;
        let mut tx = self.store().begin("erase audit details").await?;
        let through = tx.audit_chain().await?.head.sequence;
        let erased = tx.erase_audit_details(resource, through).await?;
        let erased = i64::try_from(erased).unwrap_or(i64::MAX);
        if erased > 0 {
            let event = self.event(caller, AuditAction::DetailsErased).about(resource).saying(reason);
            tx.audit(event.times(erased).erasing_through(through));
            tx.commit().await?;
        }
        Ok(erased)
    }

    /// Moves entries that are older than this to files in a folder, without their details. Each file is checked before its
    /// entries leave the database. Returns the files.
    ///
    /// # Errors
    /// What the store says, and [`Error::Internal`] if a file can't be written or is not what was written. The entries are in the
    /// database then.
    pub async fn rotate_audit_log(&self, folder: &Path, keep: time::Duration) -> Result<Vec<PathBuf>, Error> {
        self.flush_audit().await?;
        let end = Some(self.now() - keep);
        let mut files = Vec::new();
        loop {
            let moved = self.store().audit_chain().await?.moved;
            let Some((file, last)) = self.write_older(folder, moved, end).await? else { return Ok(files) };
            let mut tx = self.store().begin("rotate audit log").await?;
            if tx.audit_chain().await?.moved != moved {
                return Err(Error::internal("somebody else moves entries of the audit log"));
            }
            let removed = tx.remove_audited_through(last).await?;
            let count = i64::try_from(removed).unwrap_or(i64::MAX);
            tx.audit(self.event(NODE, AuditAction::AuditRotated).times(count).erasing_through(last.sequence));
            tx.commit().await?;
            info!(audit.file = %file.display(), audit.entries = count, "older entries of the audit log were moved to a file");
            files.push(file);
        }
    }

    /// Writes the entries after a point that are old enough. `None`: there are none.
    async fn write_older(
        &self,
        folder: &Path,
        moved: Chain,
        end: Option<time::OffsetDateTime>,
    ) -> Result<Option<(PathBuf, Chain)>, Error> {
        let fingerprint = self.own_fingerprint().await?;
        let (mut writer, first) = Writer::begin(self.city(), moved, &fingerprint);
        let mut file: Option<NamedTempFile> = None;
        let mut checker = Checker::after(moved);
        'reading: while checker.chain().sequence - moved.sequence < FILE_MAX {
            let after = Some(checker.chain().sequence);
            let rows = self.store().audit_entries(&AuditFilter::default(), true, after, BATCH).await?;
            if rows.is_empty() {
                break;
            }
            let mut lines = String::new();
            let mut is_end = false;
            for row in rows {
                is_end = end.is_some_and(|end| row.time >= end);
                if is_end {
                    break;
                }
                let entry = Entry { kept: None, ..row.entry };
                checker
                    .check(&entry)
                    .map_err(|broken| Error::internal(format!("the audit log is broken: {broken}")))?;
                lines.push_str(&writer.entry(&entry));
            }
            if !lines.is_empty() {
                let (folder, first) = (folder.to_owned(), first.clone());
                let opened = file.take();
                file = Some(blocking(move || append(opened, &folder, &first, &lines)).await?);
            }
            if is_end {
                break 'reading;
            }
        }
        let Some(file) = file else { return Ok(None) };
        let last = checker.chain();
        let head = self.sign_audit_head(last);
        let lines = writer.end(&head, &self.receipts().await?, self.now(), &self.identity().record_key());
        let name = format!("audit-{:012}-{:012}.jsonl", moved.sequence + 1, last.sequence);
        let done = folder.join(name);
        let bundle = self.store().setting(crate::bundles::OWN_BUNDLE).await?;
        let bundle = bundle.ok_or_else(|| Error::internal("the own bundle is not stored"))?;
        let bundle = Bundle::parse(&bundle).map_err(Error::internal)?;
        let kept = done.clone();
        blocking(move || {
            let file = append(Some(file), Path::new(""), "", &lines)?;
            file.as_file().sync_all()?;
            check(file.path(), &bundle, moved, last)?;
            file.persist(&kept).map_err(|error| error.error)?;
            // So that the name outlives a power failure, too.
            kept.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
        })
        .await?;
        Ok(Some((done, last)))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?.map_err(Error::internal)
}

/// Appends lines; begins the file, for its owner only, if there is none.
fn append(file: Option<NamedTempFile>, folder: &Path, first: &str, lines: &str) -> io::Result<NamedTempFile> {
    let mut file = if let Some(file) = file {
        file
    } else {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix("audit-").suffix(".part").tempfile_in(folder)?;
        file.write_all(first.as_bytes())?;
        file
    };
    file.write_all(lines.as_bytes())?;
    Ok(file)
}

/// Reads the file again and checks it as anybody would.
fn check(path: &Path, bundle: &Bundle, before: Chain, last: Chain) -> io::Result<()> {
    let fingerprint = bundle.fingerprint();
    let mut reader = Reader::begin((&bundle.city, &bundle.keys, &fingerprint), &[], Some(before));
    let mut file = BufReader::new(std::fs::File::open(path)?);
    let mut line = String::new();
    while file.read_line(&mut line)? > 0 {
        reader.line(&line).map_err(io::Error::other)?;
        line.clear();
    }
    let checked = reader.finish().map_err(io::Error::other)?;
    if checked.end == last { Ok(()) } else { Err(io::Error::other("the file ends elsewhere")) }
}
