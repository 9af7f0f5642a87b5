//! Listing, checking and exporting the log.

use std::ops::ControlFlow;

use bytes::Bytes;
use isopolity_domain::{
    Violation, Violations,
    audit::{Chain, Checker, Entry, file::Writer, head},
    clock::{from_timestamp, to_timestamp},
    page_token::{self, PageTokenError},
    question::check_page_size,
};
use isopolity_federation::Bundle;
use isopolity_proto::{
    admin::{
        AuditAction, AuditDetail, AuditEntry, AuditWitness, ExportAuditLogResponse, GetAuditLogResponse,
        ListAuditEntriesRequest, StoredAuditEntry, VerifyAuditLogResponse,
    },
    federation::{AuditHead, AuditReceipt, Envelope},
};
use isopolity_store::{AuditFilter, AuditRow, Witness};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::{Caller, Error, Registry, Right};

/// Entries on a page where the caller names no size, and at most.
const PAGE: (i32, i32) = (50, 500);
/// As much as a page holds, except that it holds at least one entry: callers take messages of 4 MiB.
const PAGE_BYTES: usize = 2 << 20;
/// Actions in one request.
const ACTIONS_MAX: usize = 20;
/// Entries that are read at once.
pub(super) const BATCH: u64 = 500;
/// As many findings are told.
const FINDINGS_MAX: usize = 100;
/// The size of a piece of a file.
const PIECE: usize = 64 << 10;

/// A page of entries.
#[derive(Debug)]
pub struct Entries {
    /// They, in the order that was asked for.
    pub entries: Vec<StoredAuditEntry>,
    /// The token of the next page. Empty: there is none.
    pub next_page_token: String,
}

impl Registry {
    /// Lists entries.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`] for a time, an action, a size or a token that makes no sense.
    pub async fn audit_entries(&self, caller: &Caller, request: &ListAuditEntriesRequest) -> Result<Entries, Error> {
        caller.must(Right::Audit)?;
        let size = check_page_size(request.page_size, "page_size", PAGE.0, PAGE.1)?;
        let filter = filter(request)?;
        let asked = ListAuditEntriesRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let purpose = format!("audit {:x?}", Sha256::digest(asked.encode_to_vec()).as_slice());
        let mut beyond = match request.page_token.as_str() {
            "" => None,
            token => {
                let text = page_token::decode(&self.inner.page_key, &purpose, token).ok();
                Some(text.and_then(|text| text.parse().ok()).ok_or_else(|| PageTokenError.at("page_token"))?)
            }
        };
        self.flush_audit().await?;
        let rows = self.store().audit_entries(&filter, request.oldest_first, beyond, (size + 1) as u64).await?;
        let (mut entries, mut held) = (Vec::new(), 0);
        let mut next_page_token = String::new();
        for row in rows {
            let sequence = row.sequence;
            let entry = stored(row)?;
            held += entry.encoded_len();
            if entries.len() == size || (held > PAGE_BYTES && !entries.is_empty()) {
                let last: i64 = beyond.unwrap_or_default();
                next_page_token = page_token::encode(&self.inner.page_key, &purpose, &last.to_string());
                break;
            }
            beyond = Some(sequence);
            entries.push(entry);
        }
        Ok(Entries { entries, next_page_token })
    }

    /// How far the log goes, and who witnessed it.
    ///
    /// # Errors
    /// [`Error::RightMissing`], or what the store says.
    pub async fn audit_log(&self, caller: &Caller) -> Result<GetAuditLogResponse, Error> {
        caller.must(Right::Audit)?;
        self.flush_audit().await?;
        let chain = self.store().audit_chain().await?;
        let signed = self.sign_audit_head(chain.head);
        Ok(GetAuditLogResponse {
            head: Some(AuditHead::decode(signed.payload.clone()).map_err(Error::internal)?),
            signed_head: Some(signed),
            first_sequence: chain.moved.sequence + 1,
            witnesses: self.audit_witnesses().await?,
        })
    }

    /// Signs a point of the log, now.
    pub(super) fn sign_audit_head(&self, chain: Chain) -> Envelope {
        head::sign_head(self.city(), chain, self.now(), &self.identity().record_key())
    }

    /// What each peer witnessed, and what was seen of its log.
    pub(crate) async fn audit_witnesses(&self) -> Result<Vec<AuditWitness>, Error> {
        let mut known = std::collections::BTreeMap::new();
        for witness in self.store().witnesses().await? {
            known.insert(witness.city.clone(), witness);
        }
        for peer in self.federation().all() {
            known.entry(peer.city.clone()).or_insert_with(|| Witness::of(peer.city));
        }
        let mut witnesses = Vec::with_capacity(known.len());
        for witness in known.into_values() {
            let seen = self.store().seen_head(&witness.city, i64::MAX).await?;
            let receipt = envelope(witness.receipt.as_ref())?;
            let said = receipt.as_ref().and_then(|one| AuditReceipt::decode(one.payload.clone()).ok());
            witnesses.push(AuditWitness {
                city: witness.city.to_string(),
                witnessed_sequence: witness.receipt_sequence,
                witness_time: said.and_then(|said| said.time),
                receipt,
                seen_sequence: seen.as_ref().map_or(0, |seen| seen.chain.sequence),
                seen_head: envelope(seen.as_ref().map(|seen| &seen.envelope))?,
                contradiction: witness.contradiction,
                contradiction_time: witness.contradiction_time.map(to_timestamp),
            });
        }
        Ok(witnesses)
    }

    /// Checks the log: the chain, what is stored beside it, and what peers witnessed of it. Tells how it goes on; the last
    /// message holds the findings.
    ///
    /// # Errors
    /// [`Error::RightMissing`], or what the store says.
    pub async fn verify_audit_log(
        &self,
        caller: &Caller,
        progress: mpsc::Sender<VerifyAuditLogResponse>,
    ) -> Result<(), Error> {
        caller.must(Right::Audit)?;
        self.flush_audit().await?;
        let chain = self.store().audit_chain().await?;
        let total = chain.head.sequence - chain.moved.sequence;
        let witnesses = self.audit_witnesses().await?;
        let mut findings = Vec::new();
        let mut checker = Checker::after(chain.moved);
        // What is written meanwhile is for another time.
        while checker.chain().sequence < chain.head.sequence {
            let after = Some(checker.chain().sequence);
            let rows = self.store().audit_entries(&AuditFilter::default(), true, after, BATCH).await?;
            let last = chain.head.sequence;
            let Some(broken) = rows_are_right(&mut checker, rows, last) else { break };
            if let ControlFlow::Break(finding) = broken {
                findings.push(finding);
                break;
            }
            let done = checker.chain().sequence - chain.moved.sequence;
            let going = VerifyAuditLogResponse { checked: done, total, ..Default::default() };
            if progress.send(going).await.is_err() {
                return Ok(());
            }
        }
        if findings.is_empty() && checker.chain() != chain.head {
            let (found, last) = (checker.chain().sequence, chain.head.sequence);
            findings.push(format!(
                "the log ends at entry {found}, but it is noted that it ends at entry {last} or with another hash: entries \
                 at its end were removed or changed"
            ));
        }
        let unexplained = checker.unexplained();
        if !unexplained.is_empty() {
            let some: Vec<String> = unexplained.iter().take(10).map(ToString::to_string).collect();
            findings.push(format!(
                "{} details are gone although no entry says that they were erased: entries {}",
                unexplained.len(),
                some.join(", ")
            ));
        }
        for witness in &witnesses {
            findings.extend(self.witness_agrees(witness).await?);
        }
        findings.truncate(FINDINGS_MAX);
        let signed = self.sign_audit_head(checker.chain());
        let end = VerifyAuditLogResponse {
            checked: checker.chain().sequence - chain.moved.sequence,
            total,
            done: true,
            findings,
            erased_details: checker.erased(),
            head: Some(AuditHead::decode(signed.payload).map_err(Error::internal)?),
            witnesses,
        };
        // Nobody may listen any more.
        let _: Result<_, _> = progress.send(end).await;
        Ok(())
    }

    /// What does not agree between this city's log and what a peer said of it, or between the peer's log and itself.
    async fn witness_agrees(&self, witness: &AuditWitness) -> Result<Option<String>, Error> {
        if !witness.contradiction.is_empty() {
            return Ok(Some(format!("{}: {}", witness.city, witness.contradiction)));
        }
        let Some(envelope) = &witness.receipt else { return Ok(None) };
        let receipt = AuditReceipt::decode(envelope.payload.clone()).map_err(Error::internal)?;
        let point = self.store().audit_point(receipt.sequence).await?;
        let agrees = point.is_some_and(|point| point.hash.as_slice() == receipt.hash.as_ref());
        let city = &witness.city;
        Ok((!agrees).then(|| {
            format!("{city} witnessed another log up to entry {}: this one was rewritten since", receipt.sequence)
        }))
    }

    /// Writes the log as one file and hands it on piece by piece. The export itself is the last entry but not in the file.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::AuditUnavailable`], or what the store says.
    pub async fn export_audit_log(
        &self,
        caller: &Caller,
        pieces: mpsc::Sender<ExportAuditLogResponse>,
    ) -> Result<(), Error> {
        caller.must(Right::Audit)?;
        let mut room = self.journal().reserve(1)?;
        self.flush_audit().await?;
        let chain = self.store().audit_chain().await?;
        let fingerprint = self.own_fingerprint().await?;
        let (mut writer, mut waiting) = Writer::begin(self.city(), chain.moved, &fingerprint);
        let (mut after, mut entries) = (chain.moved.sequence, 0);
        while after < chain.head.sequence {
            let rows = self.store().audit_entries(&AuditFilter::default(), true, Some(after), BATCH).await?;
            let Some(last) = rows.last() else { break };
            after = last.sequence;
            for row in rows.into_iter().filter(|row| row.sequence <= chain.head.sequence) {
                waiting.push_str(&writer.entry(&row.entry));
                entries += 1;
            }
            if !hand_on(&pieces, &mut waiting, PIECE, entries).await {
                return Ok(());
            }
        }
        let receipts = self.receipts().await?;
        let signed = self.sign_audit_head(chain.head);
        waiting.push_str(&writer.end(&signed, &receipts, self.now(), &self.identity().record_key()));
        hand_on(&pieces, &mut waiting, 1, entries).await;
        room.put(self.event(caller, AuditAction::AuditExported).counting(entries, 0));
        Ok(())
    }

    /// The receipts of all witnesses.
    pub(super) async fn receipts(&self) -> Result<Vec<Envelope>, Error> {
        let witnesses = self.store().witnesses().await?;
        let receipts = witnesses.iter().map(|witness| envelope(witness.receipt.as_ref()));
        Ok(receipts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// The fingerprint of this city's trust bundle; zeros where there is none yet.
    pub(super) async fn own_fingerprint(&self) -> Result<String, Error> {
        let file = self.store().setting(crate::bundles::OWN_BUNDLE).await?;
        let bundle = file.map(|file| Bundle::parse(&file)).transpose().map_err(Error::internal)?;
        Ok(bundle.map_or_else(|| "0".repeat(64), |bundle| bundle.fingerprint()))
    }
}

/// Hands on what is there in pieces, as long as there is enough. `false`: nobody takes it.
async fn hand_on(
    pieces: &mpsc::Sender<ExportAuditLogResponse>,
    waiting: &mut String,
    enough: usize,
    entries: i64,
) -> bool {
    while waiting.len() >= enough && !waiting.is_empty() {
        let rest = waiting.split_off(PIECE.min(waiting.len()));
        let chunk = Bytes::from(std::mem::replace(waiting, rest));
        if pieces.send(ExportAuditLogResponse { chunk, entries }).await.is_err() {
            return false;
        }
    }
    true
}

/// Checks rows up to a sequence. `None`: there are none any more.
fn rows_are_right(checker: &mut Checker, rows: Vec<AuditRow>, last: i64) -> Option<ControlFlow<String>> {
    let before = checker.chain();
    for row in rows {
        if checker.chain().sequence >= last {
            break;
        }
        match checker.check(&row.entry) {
            Err(broken) => return Some(ControlFlow::Break(broken.to_string())),
            Ok(entry) if !is_found_by(&row, &entry) => {
                let text = format!("entry {}: what it is found by was changed", entry.sequence);
                return Some(ControlFlow::Break(text));
            }
            Ok(_) => {}
        }
    }
    (checker.chain() != before).then_some(ControlFlow::Continue(()))
}

/// Whether the columns by which a row is found say what its entry says.
fn is_found_by(row: &AuditRow, entry: &AuditEntry) -> bool {
    row.sequence == entry.sequence
        && row.action == entry.action
        && entry.time.as_ref().and_then(from_timestamp) == Some(row.time)
        && entry.subject.as_ref().map_or("", |subject| subject.id.as_str()) == row.subject
        && entry.resource == row.resource
        && entry.peer == row.peer
}

pub(super) fn envelope(bytes: Option<&Bytes>) -> Result<Option<Envelope>, Error> {
    bytes.map(|bytes| Envelope::decode(bytes.clone())).transpose().map_err(Error::internal)
}

fn filter(request: &ListAuditEntriesRequest) -> Result<AuditFilter, Violations> {
    let mut wrong = Vec::new();
    let mut time = |field: &str, time: Option<&prost_types::Timestamp>| {
        let read = time.map(from_timestamp);
        if read == Some(None) {
            wrong.push(Violation::invalid(field, "is no time"));
        }
        read.flatten()
    };
    let start = time("start_time", request.start_time.as_ref());
    let end = time("end_time", request.end_time.as_ref());
    if request.actions.len() > ACTIONS_MAX {
        wrong.push(Violation::invalid("actions", format!("has more than {ACTIONS_MAX} values")));
    }
    for (at, action) in request.actions.iter().enumerate() {
        if AuditAction::try_from(*action).is_err() {
            wrong.push(Violation::invalid(format!("actions[{at}]"), "is not an action that this version knows"));
        }
    }
    Violations::check(wrong)?;
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Ok(AuditFilter {
        start,
        end,
        subject: given(&request.subject),
        actions: request.actions.clone(),
        resource: given(&request.resource),
        peer: given(&request.peer),
    })
}

pub(crate) fn stored(row: AuditRow) -> Result<StoredAuditEntry, Error> {
    let Entry { bytes, hash, kept } = row.entry;
    let entry = AuditEntry::decode(bytes.clone()).map_err(Error::internal)?;
    let detail = kept.map(|kept| AuditDetail::decode(kept.detail)).transpose().map_err(Error::internal)?;
    let detail_erased = detail.is_none() && !entry.detail_digest.is_empty();
    Ok(StoredAuditEntry { entry_bytes: bytes, entry: Some(entry), hash, detail, detail_erased })
}
