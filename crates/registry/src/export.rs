//! Taking many resources out, as one file.
//!
//! What leaves is what an audience may see: each document is projected before any writer gets it, and one for a narrower
//! circle is not read at all. Documents are read in pages, kind by kind, what others refer to before what refers to it, and
//! in order of name within a kind, so that an import of the file meets references before referrers. The file is handed on
//! in pieces as it grows; a workbook, which has its table of contents at its end, by way of a temporary file.

mod activities;
mod catalogue;
mod file;
mod pages;

use std::time::Duration;

use bytes::Bytes;
use isopolity_domain::{
    Kind, Name, Violation,
    audit::Subject,
    filter::{self, Checked},
};
use isopolity_proto::{
    error::Reason,
    options::Audience,
    registry::{ExportFormat, ExportRequest},
};
use tokio::sync::mpsc;
use tracing::info;

use crate::{Caller, Error, Registry, Right};

use file::File;
use pages::Pages;

/// The largest piece of a file.
pub(crate) const PIECE_MAX: usize = 256 << 10;
/// How long the one who takes the file may let a piece wait.
pub(crate) const PIECE_WAITS: Duration = Duration::from_mins(1);

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The next bytes, at most 256 KiB.
    pub chunk: Bytes,
    /// Records that are in the file so far.
    pub records: i64,
    /// Records that the form can't hold and that were left out so far.
    pub left_out: i64,
}

/// An export that was asked for and makes sense.
#[derive(Clone, Debug)]
pub struct Export {
    pub(crate) format: ExportFormat,
    pub(crate) audience: Audience,
    /// In the order of [`Kind::ALL`], each once.
    pub(crate) kinds: Vec<Kind>,
    filter: Option<Checked>,
    /// Who asked.
    pub(crate) by: Subject,
}

impl Registry {
    /// Checks what is asked for.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::TokenMissing`] or [`Error::RightMissing`] if the audience may see more than the caller.
    pub fn check_export(&self, caller: &Caller, request: &ExportRequest) -> Result<Export, Error> {
        let expected = Name::of_city(self.city().clone()).to_string();
        if request.parent.is_empty() {
            return Err(Violation::required("parent").into());
        }
        if request.parent != expected {
            let description = format!("must be {expected}, this node's city, not {:?}", request.parent);
            return Err(Violation::invalid("parent", description).into());
        }
        let format = match ExportFormat::try_from(request.format) {
            Ok(ExportFormat::Unspecified) => return Err(Violation::required("format").into()),
            Ok(format) => format,
            Err(_) => return Err(Violation::invalid("format", "is not a form that this version knows").into()),
        };
        let audience = match Audience::try_from(request.audience) {
            Ok(Audience::Unspecified) => Audience::Public,
            Ok(Audience::Shared) => {
                let all =
                    "must be PUBLIC, FEDERATION or INTERNAL: what is SHARED is for the cities that each record names";
                return Err(Violation::invalid("audience", all).into());
            }
            Ok(audience) => audience,
            Err(_) => return Err(Violation::invalid("audience", "is not an audience that this version knows").into()),
        };
        if audience > caller.clearance() {
            caller.must(Right::Read)?;
        }
        let kinds = kinds(format, &request.kinds)?;
        let filter = match (request.filter.as_str(), kinds.as_slice()) {
            ("", _) => None,
            (text, [kind]) => {
                let checked = filter::parse(text).and_then(|filter| filter.checked(&kind.descriptor(), audience));
                Some(checked.map_err(|error| Violation {
                    field: "filter".to_owned(),
                    reason: Reason::FilterInvalid,
                    description: error.to_string(),
                })?)
            }
            (_, _) => return Err(Violation::invalid("filter", "needs exactly one kind in \"kinds\"").into()),
        };
        Ok(Export { format, audience, kinds, filter, by: caller.into() })
    }

    /// Writes the file and hands it on piece by piece, the last one with all counts. Returns whether all of it was taken:
    /// it ends early when nobody takes the pieces any more or one waits for longer than a minute. `endpoint` is where the
    /// API is reached, for the description of the registry.
    ///
    /// # Errors
    /// What the store says; [`Error::Internal`] if a temporary file can't be written; [`Error::NotFound`] if there is nothing
    /// for a file that can't be empty (IATI).
    pub async fn export(&self, export: Export, endpoint: &str, pieces: mpsc::Sender<Piece>) -> Result<bool, Error> {
        let mut logged = self.exporting(&export)?;
        let mut taker = Taker { pieces, records: 0, left_out: 0 };
        let whole = match export.format {
            ExportFormat::IatiActivity => self.export_activities(&export, &mut taker).await,
            ExportFormat::Dcat => self.export_description(&export, endpoint, &taker).await,
            _ => self.export_records(&export, &mut taker).await,
        };
        logged.counted(taker.records);
        let whole = logged.ended(whole)?;
        info!(
            export.format = export.format.as_str_name(),
            export.audience = export.audience.as_str_name(),
            export.records = taker.records,
            export.left_out = taker.left_out,
            export.whole = whole,
            "exported"
        );
        Ok(whole)
    }

    /// Whether the file was taken to its end.
    async fn export_records(&self, export: &Export, taker: &mut Taker) -> Result<bool, Error> {
        let mut pages = Pages::of(self, export);
        let mut file = File::begin(export)?;
        let buffer = file.buffer();
        while let Some((kind, resource)) = pages.next().await? {
            if file.write(kind, &resource)? {
                taker.records += 1;
            } else {
                taker.left_out += 1;
            }
            if !taker.take(&buffer, PIECE_MAX).await {
                return Ok(false);
            }
        }
        file.finish(taker).await
    }
}

/// Whoever takes the file.
struct Taker {
    pieces: mpsc::Sender<Piece>,
    records: i64,
    left_out: i64,
}

impl Taker {
    /// Hands on what is there as long as it is at least `enough`. `false`: nobody takes it.
    async fn take(&self, buffer: &file::Buffer, enough: usize) -> bool {
        while let Some(chunk) = buffer.take(enough) {
            if !self.hand_on(chunk).await {
                return false;
            }
        }
        true
    }

    /// Hands on the end of the file, with all counts. There is at least one piece, be it empty.
    async fn finish(&self, buffer: &file::Buffer) -> bool {
        self.take(buffer, PIECE_MAX).await && self.hand_on(buffer.take(0).unwrap_or_default()).await
    }

    async fn hand_on(&self, chunk: Bytes) -> bool {
        let piece = Piece { chunk, records: self.records, left_out: self.left_out };
        matches!(tokio::time::timeout(PIECE_WAITS, self.pieces.send(piece)).await, Ok(Ok(())))
    }
}

/// The kinds that are asked for, as far as the form can hold them.
fn kinds(format: ExportFormat, words: &[String]) -> Result<Vec<Kind>, Violation> {
    let mut wanted = Vec::with_capacity(words.len());
    for word in words {
        let Some(kind) = Kind::parse(word) else {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            let description = format!("{word:?} is not a kind; there is {}", known.join(", "));
            return Err(Violation::invalid("kinds", description));
        };
        wanted.push(kind);
    }
    let wanted: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| wanted.is_empty() || wanted.contains(kind)).collect();
    match format {
        ExportFormat::Csv if wanted.len() != 1 => {
            Err(Violation::invalid("kinds", "must name exactly one kind: a CSV file holds one"))
        }
        ExportFormat::IatiActivity if !wanted.contains(&Kind::Partnership) || wanted.len() > 1 && !words.is_empty() => {
            Err(Violation::invalid("kinds", "must be empty or \"partnership\": IATI Activity holds partnerships"))
        }
        ExportFormat::IatiActivity => Ok(vec![Kind::Partnership]),
        _ => Ok(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.into()).collect()
    }

    #[test]
    fn kinds_come_once_and_references_before_referrers() {
        let asked = words(&["partnership", "organization", "partnership"]);
        assert_eq!(kinds(ExportFormat::JsonLines, &asked).unwrap(), [Kind::Organization, Kind::Partnership]);
        assert_eq!(kinds(ExportFormat::Xlsx, &[]).unwrap(), Kind::ALL);
        assert_eq!(kinds(ExportFormat::IatiActivity, &[]).unwrap(), [Kind::Partnership]);
        for (format, wrong) in [
            (ExportFormat::Csv, words(&[])),
            (ExportFormat::Csv, asked),
            (ExportFormat::IatiActivity, words(&["place"])),
            (ExportFormat::JsonLines, words(&["places"])),
        ] {
            assert_eq!(kinds(format, &wrong).unwrap_err().field, "kinds", "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_file_is_cut_into_pieces_and_has_at_least_one() {
        let (pieces, mut received) = mpsc::channel(10);
        let taker = Taker { pieces, records: 3, left_out: 1 };
        let mut buffer = file::Buffer::default();
        std::io::Write::write_all(&mut buffer, &vec![7; 2 * PIECE_MAX + 5]).unwrap();
        assert!(taker.finish(&buffer).await);
        assert!(taker.finish(&buffer).await);
        drop(taker);
        let mut sizes = Vec::new();
        while let Some(piece) = received.recv().await {
            assert_eq!((piece.records, piece.left_out), (3, 1));
            sizes.push(piece.chunk.len());
        }
        assert_eq!(sizes, [PIECE_MAX, PIECE_MAX, 5, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_takes_nothing_does_not_hold_the_work_up_for_ever() {
        let (pieces, received) = mpsc::channel(1);
        let taker = Taker { pieces, records: 0, left_out: 0 };
        let buffer = file::Buffer::default();
        assert!(taker.finish(&buffer).await);
        assert!(!taker.finish(&buffer).await, "the piece before is still there");
        drop(received);
        assert!(!taker.finish(&buffer).await);
    }
}
