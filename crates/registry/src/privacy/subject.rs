//! All that is kept about an organisation or a person, as one file.
//!
//! Read in pages, so that what is in memory does not grow with the registry.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut as _, Bytes, BytesMut};
use isopolity_domain::{
    Kind, Name, Violation,
    clock::to_timestamp,
    subject::{self, Needle},
};
use isopolity_proto::{
    admin::{AuditAction, SubjectCount, export_subject_request},
    json,
    registry::QuarantinedRow,
    to_dynamic,
};
use isopolity_store::AuditFilter;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tracing::info;

use crate::{
    Caller, Error, Registry, Right,
    audit::stored,
    author::Resource,
    export::{PIECE_MAX, PIECE_WAITS},
    import::run::decode,
};

/// Documents, versions and rows that are read at once.
pub(super) const AT_ONCE: u64 = 100;
/// How many characters a person's words have.
const PERSON_MIN: usize = 3;
const PERSON_MAX: usize = 200;

/// About whom to export, checked.
#[derive(Clone, Debug)]
pub struct Subject {
    /// An organisation, or what is to be erased. Otherwise a person is looked for.
    pub(super) resource: Option<Name>,
    pub(super) needles: Vec<Needle>,
}

/// A piece of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectPiece {
    /// The next bytes, at most 256 KiB.
    pub chunk: Bytes,
    /// With the last piece: how many lines there are of each source.
    pub counts: Vec<SubjectCount>,
}

impl Registry {
    /// Checks about whom is asked.
    ///
    /// # Errors
    /// [`Error::TokenMissing`] or [`Error::RightMissing`]; [`Error::Invalid`]; [`Error::NotFound`] for an organisation that never
    /// was here.
    pub async fn check_subject(
        &self,
        caller: &Caller,
        asked: Option<&export_subject_request::Subject>,
    ) -> Result<Subject, Error> {
        caller.must(Right::Administer)?;
        match asked {
            None => Err(Violation::required("subject").into()),
            Some(export_subject_request::Subject::Person(words)) => {
                let needle = Needle::person(words);
                if needle.is_empty() || !(PERSON_MIN..=PERSON_MAX).contains(&words.trim().chars().count()) {
                    let description = format!("must be words or a mailbox, {PERSON_MIN} to {PERSON_MAX} characters");
                    return Err(Violation::invalid("person", description).into());
                }
                Ok(Subject { resource: None, needles: vec![needle] })
            }
            Some(export_subject_request::Subject::Organization(name)) => {
                let name = Name::parse_as(Kind::Organization, name)
                    .map_err(|error| Violation::invalid("organization", error.to_string()))?;
                self.must_be_ours(&name, "organization")?;
                let needles = self.needles_of(&name).await?;
                if needles.is_empty() {
                    return Err(Error::NotFound(name.to_string()));
                }
                Ok(Subject { resource: Some(name), needles })
            }
        }
    }

    /// What a resource is found by: what tells of it in any of its versions. Empty if it never was here.
    pub(super) async fn needles_of(&self, name: &Name) -> Result<Vec<Needle>, Error> {
        let mut told = BTreeSet::new();
        for version in self.store().revisions(name, None, u64::MAX).await? {
            told.extend(subject::telling(&Resource::decode(name.kind(), version.body)?.0));
        }
        Ok(told.iter().map(|value| Needle::whole(value)).collect())
    }

    /// Writes all that is kept about it, piece by piece, the last one with all counts. Returns whether all of it was taken.
    ///
    /// # Errors
    /// What the store says.
    pub async fn export_subject(
        &self,
        caller: &Caller,
        subject: &Subject,
        pieces: mpsc::Sender<SubjectPiece>,
    ) -> Result<bool, Error> {
        let mut out = Lines { pieces, buffer: BytesMut::new(), counts: BTreeMap::new(), taken: true };
        self.records_about(subject, &mut out).await?;
        self.revisions_about(subject, &mut out).await?;
        self.rows_about(subject, &mut out).await?;
        self.imports_about(subject, &mut out).await?;
        self.cooperations_about(subject, &mut out).await?;
        self.tombstones_about(subject, &mut out).await?;
        self.audit_about(subject, &mut out).await?;
        let lines: i64 = out.counts.values().sum();
        let whole = out.finish().await;
        // Not about whom: the log would be one more place where that stands.
        let about = if subject.resource.is_some() { "organization" } else { "person" };
        let mut tx = self.store().begin("log export of a subject").await?;
        let exported = self.event(caller, AuditAction::SubjectExported).about(format!("subjects/{about}"));
        tx.audit(exported.times(lines));
        tx.commit().await?;
        info!(
            author = caller.id(),
            export.about = about,
            export.lines = lines,
            export.whole = whole,
            "exported a subject"
        );
        Ok(whole)
    }

    async fn records_about(&self, subject: &Subject, out: &mut Lines) -> Result<(), Error> {
        let mut after: Option<Name> = None;
        while out.taken {
            let page = self.store().all_documents(after.as_ref(), AT_ONCE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            for document in page {
                let message = Resource::decode(document.name.kind(), document.body)?.0;
                if let Some(reasons) = subject.reasons(&document.name, &message) {
                    let content = json::dynamic_to_value(&message, false);
                    out.write("record", &document.name.to_string(), &reasons, content).await;
                }
            }
        }
        Ok(())
    }

    async fn revisions_about(&self, subject: &Subject, out: &mut Lines) -> Result<(), Error> {
        let mut after: Option<(Name, i64)> = None;
        while out.taken {
            let point = after.as_ref().map(|(name, revision)| (name, *revision));
            let page = self.store().all_revisions(point, AT_ONCE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.name.clone(), last.revision));
            for version in page {
                let message = Resource::decode(version.name.kind(), version.body)?.0;
                let Some(reasons) = subject.reasons(&version.name, &message) else { continue };
                let content = json!({
                    "revision": version.revision,
                    "time": at(version.time),
                    "author": version.author,
                    "change": version.change.as_str_name(),
                    "resource": json::dynamic_to_value(&message, false),
                });
                out.write("revision", &version.name.to_string(), &reasons, content).await;
            }
        }
        Ok(())
    }

    async fn rows_about(&self, subject: &Subject, out: &mut Lines) -> Result<(), Error> {
        let mut after: Option<String> = None;
        while out.taken {
            let page = self.store().quarantined_rows(None, after.as_deref(), AT_ONCE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for row in page {
                let said = QuarantinedRow::decode(row.body).map_err(Error::internal)?;
                let text = String::from_utf8_lossy(&said.content).into_owned();
                let flaws = said.flaws.iter().map(|flaw| flaw.description.as_str());
                if flaws.chain([text.as_str()]).any(|text| subject.needles.iter().any(|needle| needle.is_in(text))) {
                    let content = json!({
                        "import": row.import_id,
                        "line": row.line,
                        "time": at(row.create_time),
                        "row": text,
                        "flaws": said.flaws.iter().map(|flaw| flaw.description.clone()).collect::<Vec<_>>(),
                    });
                    out.write("quarantined_row", &row.id, &["content".to_owned()], content).await;
                }
            }
        }
        Ok(())
    }

    async fn imports_about(&self, subject: &Subject, out: &mut Lines) -> Result<(), Error> {
        let mut before: Option<String> = None;
        while out.taken {
            let page = self.store().imports(before.as_deref(), AT_ONCE).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id.clone());
            for run in page {
                let (reported, start) = decode(run.state)?;
                let (reported, start) = (to_dynamic(&reported), to_dynamic(&start));
                let mut reasons = subject::mentions(&reported, &subject.needles);
                reasons.extend(subject::mentions(&start, &subject.needles));
                if !reasons.is_empty() {
                    let content = json!({
                        "import": json::dynamic_to_value(&reported, false),
                        "start": json::dynamic_to_value(&start, false),
                    });
                    out.write("import", &run.id, &reasons, content).await;
                }
            }
        }
        Ok(())
    }

    async fn tombstones_about(&self, subject: &Subject, out: &mut Lines) -> Result<(), Error> {
        let mut after: Option<(OffsetDateTime, Name)> = None;
        while out.taken {
            let point = after.as_ref().map(|(time, name)| (*time, name));
            let page = self.store().tombstones(point, AT_ONCE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.time, last.name.clone()));
            for tombstone in page {
                let message = to_dynamic(&super::shown(tombstone.clone()));
                let reasons = subject::mentions(&message, &subject.needles);
                if !reasons.is_empty() {
                    let content = json::dynamic_to_value(&message, false);
                    out.write("tombstone", &tombstone.name.to_string(), &reasons, content).await;
                }
            }
        }
        Ok(())
    }

    /// What the audit log says: of the organisation itself, or with the words in a detail.
    async fn audit_about(&self, subject: &Subject, out: &mut Lines) -> Result<(), Error> {
        self.flush_audit().await?;
        let mut after = None;
        while out.taken {
            let page = self.store().audit_entries(&AuditFilter::default(), true, after, AT_ONCE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.sequence);
            for row in page {
                let is_its = subject.resource.as_ref().is_some_and(|name| row.resource == name.to_string());
                let name = format!("auditEntries/{}", row.sequence);
                let message = to_dynamic(&stored(row)?);
                let mut reasons = subject::mentions(&message, &subject.needles);
                if is_its {
                    reasons.insert(0, "resource".to_owned());
                }
                if !reasons.is_empty() {
                    out.write("audit_entry", &name, &reasons, json::dynamic_to_value(&message, false)).await;
                }
            }
        }
        Ok(())
    }
}

impl Subject {
    /// Why a document is about it, if it is.
    fn reasons(&self, name: &Name, message: &DynamicMessage) -> Option<Vec<String>> {
        let mut reasons = subject::mentions(message, &self.needles);
        if let Some(organization) = &self.resource {
            if name == organization {
                return Some(vec!["subject".to_owned()]);
            }
            if subject::states(message, &organization.to_string()) {
                reasons.insert(0, "reference".to_owned());
            }
        }
        (!reasons.is_empty()).then_some(reasons)
    }
}

pub(super) fn at(time: OffsetDateTime) -> Value {
    json::to_value(&to_timestamp(time), false)
}

/// The file as it grows.
pub(super) struct Lines {
    pieces: mpsc::Sender<SubjectPiece>,
    buffer: BytesMut,
    counts: BTreeMap<&'static str, i64>,
    /// Somebody still takes it.
    pub(super) taken: bool,
}

impl Lines {
    pub(super) async fn write(&mut self, source: &'static str, name: &str, reasons: &[String], content: Value) {
        let line = json!({"source": source, "name": name, "reasons": reasons, "content": content});
        self.buffer.put(format!("{line}\n").as_bytes());
        *self.counts.entry(source).or_default() += 1;
        while self.taken && self.buffer.len() >= PIECE_MAX {
            let chunk = self.buffer.split_to(PIECE_MAX).freeze();
            self.hand_on(chunk, Vec::new()).await;
        }
    }

    async fn finish(mut self) -> bool {
        let counts = self.counts.iter().map(|(source, count)| SubjectCount { source: (*source).into(), count: *count });
        let counts = counts.collect();
        let chunk = self.buffer.split().freeze();
        if self.taken {
            self.hand_on(chunk, counts).await;
        }
        self.taken
    }

    async fn hand_on(&mut self, chunk: Bytes, counts: Vec<SubjectCount>) {
        let sent = tokio::time::timeout(PIECE_WAITS, self.pieces.send(SubjectPiece { chunk, counts })).await;
        self.taken = matches!(sent, Ok(Ok(())));
    }
}
