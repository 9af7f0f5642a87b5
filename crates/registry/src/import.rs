//! Bringing many resources in at once, from files.
//!
//! Every form of file goes the same way: read, map, validate, plan, apply. A reader of `isopolity-exchange` turns bytes into
//! rows on a thread of its own; batches of rows are planned and written, each in one transaction with its records, feed
//! entries and what goes into quarantine. A row is never split: all its resources are written or none. Names are derived
//! from the rows' own keys, so that the same file again changes nothing, and an interrupted import is resumed by importing
//! the file again. Memory holds a batch, not the file.
//!
//! | module | what it does |
//! | --- | --- |
//! | `reader` | the file as it arrives |
//! | `form` | which reader a file gets |
//! | `run` | batches, progress and news |
//! | `plan` | what becomes of each row |
//! | `change` | what a resource becomes when a file speaks of it |
//! | `seen` | what a dry run would have written |
//! | `apply` | writing what was planned |
//! | `familiar` | which new records may be known already |
//! | `pace` | rate and time left |
//! | `quarantine` | rows that were not taken over: list, correct, discard |

mod apply;
mod change;
mod familiar;
mod form;
mod pace;
mod plan;
mod quarantine;
mod reader;
pub(crate) mod run;
mod seen;
mod takeover;

use std::io;

use bytes::Bytes;
use isopolity_domain::{Kind, Name, Violation, question::check_page_size, text::fold};
use isopolity_proto::{
    error::Reason,
    registry::{
        City, GuessMappingRequest, ImportFormat, ImportProgress, ImportStart, ListImportsRequest, ListImportsResponse,
        RowReport,
    },
};
use tokio::sync::mpsc;
use tracing::info;

use crate::{Caller, Error, Registry, Right, author::Resource};
use form::Form;
use run::Run;

/// Rows, or resources, that are written in one transaction.
const BATCH: usize = 200;
/// Rows that wait between the reader and the writer. Few, because one may be several megabytes large.
const ROWS_WAITING: usize = 16;
/// The most imports or rows in quarantine on a page.
const PAGE_MAX: i32 = 1_000;
/// As many of them where the caller names no size.
const PAGE_DEFAULT: i32 = 50;
/// The largest beginning of a text from which a mapping is guessed.
const HEAD_MAX: usize = 1 << 20;
/// The largest workbook from which a mapping is guessed.
const WORKBOOK_HEAD_MAX: usize = 3 << 20;

/// News of an import.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// What became of a row.
    Row(RowReport),
    /// The rows so far are durable (or, in a dry run, checked).
    Progress(ImportProgress),
}

impl Registry {
    /// Imports a file, chunk by chunk, and tells what becomes of it. Returns when everything is committed. An error among
    /// the chunks ends the file: what stands before it is imported, the row that it cuts is not, and the progress is not
    /// `done`.
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
        let form = self.form(&start).await?;
        let (chunks, broken_off) = reader::Chunks::new(chunks);
        let (sender, rows) = mpsc::channel(ROWS_WAITING);
        let reading = form.clone();
        let reader = tokio::task::spawn_blocking(move || run::read(&reading, chunks, &broken_off, &sender));
        let dry_run = start.dry_run;
        let mut run = Run::begin(self, caller, form, start, news).await?;
        run.all(rows).await?;
        let whole = reader.await.map_err(Error::internal)?;
        let progress = run.end(whole).await?;
        info!(
            import.id = progress.import_id,
            import.rows = progress.rows,
            import.created = progress.created,
            import.updated = progress.updated,
            import.unchanged = progress.unchanged,
            import.rejected = progress.rejected,
            import.doubtful = progress.doubtful,
            import.possible_matches = progress.possible_matches,
            import.dry_run = dry_run,
            import.whole = whole,
            caller.id = caller.id(),
            "import done"
        );
        Ok(progress)
    }

    /// Proposes a mapping for a table from its header and first rows.
    ///
    /// # Errors
    /// [`Error::RightMissing`], and [`Error::Invalid`] for what is no table.
    pub async fn guess_mapping(&self, caller: &Caller, request: GuessMappingRequest) -> Result<String, Error> {
        caller.must(Right::Edit)?;
        let (workbook, largest) = match request.format() {
            ImportFormat::Table => (false, HEAD_MAX),
            ImportFormat::Workbook => (true, WORKBOOK_HEAD_MAX),
            ImportFormat::Unspecified => return Err(Violation::required("format").into()),
            _ => return Err(Violation::invalid("format", "only a table or a workbook needs a mapping").into()),
        };
        let GuessMappingRequest { head, kind, .. } = request;
        if head.len() > largest {
            let description = format!("is {} bytes large; send at most {largest}", head.len());
            return Err(Violation::invalid("head", description).into());
        }
        let kind = match kind.as_str() {
            "" => None,
            word => Some(Kind::parse(word).ok_or_else(|| {
                let kinds = Kind::ALL.map(Kind::as_str).join(", ");
                Violation::invalid("kind", format!("{word:?} is not a kind of resource; there are {kinds}"))
            })?),
        };
        let guessed = tokio::task::spawn_blocking(move || isopolity_exchange::guess::guess(&head, workbook, kind))
            .await
            .map_err(Error::internal)?;
        Ok(guessed.map_err(|error| Violation::invalid("head", error.to_string()))?)
    }

    /// Lists the imports, the latest first.
    ///
    /// # Errors
    /// [`Error::RightMissing`], and [`Error::Invalid`] for a parent that is not this city, a page size out of range or a
    /// foreign page token.
    pub async fn list_imports(
        &self,
        caller: &Caller,
        request: &ListImportsRequest,
    ) -> Result<ListImportsResponse, Error> {
        caller.must(Right::Read)?;
        self.must_be_this_city(&request.parent)?;
        let size = check_page_size(request.page_size, "page_size", PAGE_DEFAULT, PAGE_MAX)?;
        let before = self.page_after("imports", &request.page_token)?;
        let limit = u64::try_from(size).unwrap_or(u64::MAX).saturating_add(1);
        let mut runs = self.store().imports(before.as_deref(), limit).await?;
        let more = runs.len() > size;
        runs.truncate(size);
        let next_page_token = match runs.last() {
            Some(last) if more => self.page_token("imports", &last.id),
            _ => String::new(),
        };
        let imports = runs.into_iter().map(run::reported).collect::<Result<_, Error>>()?;
        Ok(ListImportsResponse { imports, next_page_token })
    }

    /// How the file of an import is to be read.
    async fn form(&self, start: &ImportStart) -> Result<Form, Error> {
        let names = self.source_cities(start).await?;
        Ok(Form::new(start, self.city().clone(), names)?)
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

    fn must_be_this_city(&self, parent: &str) -> Result<(), Violation> {
        let expected = Name::of_city(self.city().clone()).to_string();
        match parent {
            "" => Err(Violation::required("parent")),
            _ if parent == expected => Ok(()),
            _ => Err(Violation::invalid("parent", format!("must be {expected}, this node's city, not {parent:?}"))),
        }
    }

    fn page_token(&self, purpose: &str, after: &str) -> String {
        isopolity_domain::page_token::encode(&self.inner.page_key, purpose, after)
    }

    fn page_after(&self, purpose: &str, token: &str) -> Result<Option<String>, Violation> {
        if token.is_empty() {
            return Ok(None);
        }
        let after = isopolity_domain::page_token::decode(&self.inner.page_key, purpose, token);
        after.map(Some).map_err(|error| error.at("page_token"))
    }
}

/// Something that is too large to be kept.
fn too_large(field: &str, size: usize, largest: usize) -> Violation {
    Violation {
        field: field.to_owned(),
        reason: Reason::MessageTooLarge,
        description: format!("is {size} bytes large; at most {largest} are kept"),
    }
}
