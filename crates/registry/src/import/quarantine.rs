//! Rows that were not taken over: they wait for somebody who corrects them, drives them again, or discards them.

use bytes::Bytes;
use isopolity_domain::{Violation, clock::to_timestamp, question::check_page_size};
use isopolity_exchange::{Flaw, Outcome, Row};
use isopolity_proto::{
    admin::AuditAction,
    registry::{
        DiscardQuarantinedRowRequest, ImportFormat, ListQuarantinedRowsRequest, ListQuarantinedRowsResponse,
        QuarantinedRow, RedriveQuarantinedRowRequest, RowFlaw, RowOutcome, RowReport,
    },
};
use isopolity_store::Quarantined;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tracing::info;
use uuid::Uuid;

use super::{
    PAGE_DEFAULT, PAGE_MAX,
    form::Form,
    plan::{Judged, Plan},
    run::{row_report, start_of},
    takeover::Taken,
    too_large,
};
use crate::{Caller, Error, Registry, Right};

/// The largest row that is kept, and that is driven again.
const CONTENT_MAX: usize = 1 << 20;
/// As much as a page holds, except that it holds at least one row: callers take messages of 4 MiB.
const PAGE_BYTES: usize = 2 << 20;
/// Rows that are read from the store at once.
const ROWS_AT_ONCE: usize = 20;

impl Registry {
    /// Lists rows in quarantine, in the order in which they came. A page may hold fewer than were asked for.
    ///
    /// # Errors
    /// [`Error::RightMissing`], and [`Error::Invalid`] for a parent that is not this city, a page size out of range or a
    /// foreign page token.
    pub async fn list_quarantined_rows(
        &self,
        caller: &Caller,
        request: &ListQuarantinedRowsRequest,
    ) -> Result<ListQuarantinedRowsResponse, Error> {
        caller.must(Right::Read)?;
        self.must_be_this_city(&request.parent)?;
        let size = check_page_size(request.page_size, "page_size", PAGE_DEFAULT, PAGE_MAX)?;
        let import = Some(request.import_id.as_str()).filter(|id| !id.is_empty());
        let purpose = format!("quarantine {}", request.import_id);
        let mut after = self.page_after(&purpose, &request.page_token)?;
        let (mut rows, mut held) = (Vec::new(), 0);
        let next_page_token = 'page: loop {
            let found = self.store().quarantined_rows(import, after.as_deref(), ROWS_AT_ONCE as u64).await?;
            let is_last = found.len() < ROWS_AT_ONCE;
            for one in found {
                let row = reported(&one)?;
                held += row.encoded_len();
                if rows.len() == size || (held > PAGE_BYTES && !rows.is_empty()) {
                    break 'page after.map(|after| self.page_token(&purpose, &after)).unwrap_or_default();
                }
                after = Some(one.id);
                rows.push(row);
            }
            if is_last {
                break String::new();
            }
        };
        Ok(ListQuarantinedRowsResponse { rows, next_page_token })
    }

    /// Reads a row of the quarantine again, as it is or corrected, in the way of the import that it came with. If it can
    /// be taken over, it leaves the quarantine in the same transaction. Else it stays, as it came with this call, with the
    /// new reasons.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::NotFound`], [`Error::Invalid`] for a content that is not exactly one row, and what
    /// the store says. Nothing is written then.
    pub async fn redrive_quarantined_row(
        &self,
        caller: &Caller,
        request: RedriveQuarantinedRowRequest,
    ) -> Result<RowReport, Error> {
        caller.must(Right::Edit)?;
        let RedriveQuarantinedRowRequest { quarantined_row: id, content, accept_doubts, validate_only } = request;
        let stored = self.store().quarantined(&id).await?.ok_or_else(|| missing(&id))?;
        let run = self.store().import_run(&stored.import_id).await?;
        let start = start_of(run.ok_or_else(|| Error::internal(format!("row {id} is of no import")))?)?;
        let accept_doubts = accept_doubts || start.accept_doubts;
        let form = self.form(&start).await?.accepting(accept_doubts);
        let content = if content.is_empty() { reported(&stored)?.content } else { content };
        let row = only_row(&form, content).await?;

        let mut tx = self.store().begin("redrive").await?;
        if !tx.remove_quarantined(&id).await? {
            return Err(missing(&id));
        }
        let mut taken = Taken::default();
        let mut plan = Plan::prepare(self, caller, &form, &mut tx, None, &mut taken, std::iter::once(&row)).await?;
        let Some(mut judged) = plan.take(&mut tx, None, &row.outcome).await? else {
            return Err(Error::internal("a row that stands alone waits for another"));
        };
        let is_taken = matches!(judged.outcome, RowOutcome::New | RowOutcome::Changed | RowOutcome::Same);
        let stays = if is_taken && !validate_only { String::new() } else { id.clone() };
        if !validate_only {
            let key = key(&form, &row.source);
            tx.remove_quarantined_by_key(&[key]).await?;
            let Quarantined { import_id, line, create_time, .. } = &stored;
            if is_taken {
                self.apply(caller, tx, plan.into_writes()).await?;
            } else {
                let kept = kept(&form, import_id, *line, &row.source, &mut judged, *create_time);
                tx.put_quarantined(&[Quarantined { id: id.clone(), ..kept }]).await?;
                tx.commit().await?;
            }
            info!(row.id = id, row.taken = is_taken, caller.id = caller.id(), "row driven again");
        }
        let mut known = self.known_subjects().await?;
        Ok(row_report(stored.line, judged, stays, Some(&mut known)))
    }

    /// Removes a row from the quarantine without taking it over.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::NotFound`], or what the store says.
    pub async fn discard_quarantined_row(
        &self,
        caller: &Caller,
        request: &DiscardQuarantinedRowRequest,
    ) -> Result<(), Error> {
        caller.must(Right::Edit)?;
        let id = &request.quarantined_row;
        let mut tx = self.store().begin("discard").await?;
        if !tx.remove_quarantined(id).await? {
            return Err(missing(id));
        }
        tx.audit(self.event(caller, AuditAction::RowDiscarded).about(format!("quarantine/{id}")));
        tx.commit().await?;
        info!(row.id = id, caller.id = caller.id(), "row discarded");
        Ok(())
    }
}

/// The row that is the whole content.
async fn only_row(form: &Form, content: Bytes) -> Result<Row, Error> {
    if content.is_empty() {
        let description = "is required: this row could not be told apart from its file";
        return Err(Violation { description: description.to_owned(), ..Violation::required("content") }.into());
    }
    if content.len() > CONTENT_MAX {
        return Err(too_large("content", content.len(), CONTENT_MAX).into());
    }
    let (form, given) = (form.clone(), content.clone());
    let mut rows = tokio::task::spawn_blocking(move || form.read_row(&given)).await.map_err(Error::internal)?;
    let (Some(mut row), None) = (rows.pop(), rows.pop()) else {
        let description = "must hold exactly one row, as a whole file of the import's form";
        return Err(Violation::invalid("content", description).into());
    };
    if matches!(row.outcome, Outcome::Skipped) {
        row.outcome = Outcome::Rejected(vec![Flaw::of("", "is not for this city")]);
    }
    // What came is what stays, if it is not taken over.
    row.source = content;
    Ok(row)
}

fn missing(id: &str) -> Error {
    Error::NotFound(format!("row {id:?} in quarantine"))
}

/// A row as people see it.
fn reported(stored: &Quarantined) -> Result<QuarantinedRow, Error> {
    let row = QuarantinedRow::decode(stored.body.clone()).map_err(Error::internal)?;
    Ok(QuarantinedRow {
        quarantined_row: stored.id.clone(),
        import_id: stored.import_id.clone(),
        line: stored.line,
        create_time: Some(to_timestamp(stored.create_time)),
        ..row
    })
}

/// By what a row that comes again is known.
pub(super) fn key(form: &Form, source: &[u8]) -> Vec<u8> {
    hash(form.of_row(), &[source])
}

/// A row as the quarantine keeps it.
pub(super) fn kept(
    form: &Form,
    import_id: &str,
    line: i64,
    source: &Bytes,
    judged: &mut Judged,
    create_time: OffsetDateTime,
) -> Quarantined {
    let content = if source.len() > CONTENT_MAX {
        let description = format!("is larger than {CONTENT_MAX} bytes: it is not kept here, correct it in its file");
        judged.flaws.push(RowFlaw { description, ..RowFlaw::default() });
        Bytes::new()
    } else {
        source.clone()
    };
    let key = if source.is_empty() {
        hash(form.of_row(), &[import_id.as_bytes(), &line.to_be_bytes()])
    } else {
        key(form, source)
    };
    let row = QuarantinedRow {
        outcome: judged.outcome.into(),
        flaws: judged.flaws.clone(),
        content,
        format: form.of_row().into(),
        ..Default::default()
    };
    let id = Uuid::now_v7().to_string();
    let body = row.encode_to_vec().into();
    Quarantined { id, import_id: import_id.to_owned(), line, create_time, body, key }
}

fn hash(format: ImportFormat, parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(i32::from(format).to_be_bytes());
    hash.update([u8::try_from(parts.len()).unwrap_or(u8::MAX)]);
    for part in parts {
        hash.update(part);
    }
    hash.finalize().to_vec()
}
