//! Which reader a file gets, and what the reader has to know.

use std::{
    io::{BufRead, BufReader, Cursor},
    ops::ControlFlow,
    sync::Arc,
};

use bytes::Bytes;
use isopolity_domain::{CityId, Kind, Violation, Violations};
use isopolity_exchange::{Context, Flaw, Mapping, Outcome, Row, iati, read};
use isopolity_proto::{
    options::Audience,
    registry::{ImportFormat, ImportStart},
    types::{Provenance, ProvenanceMethod},
};

use super::reader::{Chunks, spool};

/// The longest text about a source.
const SOURCE_MAX: usize = 500;
/// The largest mapping.
const MAPPING_MAX: usize = 256 << 10;
/// The largest workbook: it is put on disk, because it can't be read as it arrives.
const WORKBOOK_MAX: u64 = 256 << 20;

/// What a reader calls with each row.
pub(super) type Sink<'a> = &'a mut dyn FnMut(Row) -> ControlFlow<()>;

/// How a file is read. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Form {
    format: ImportFormat,
    mapping: Option<Arc<Mapping>>,
    context: Arc<Context>,
    /// The audience of records for which the file states none.
    audience: Audience,
    /// The cities that see what is SHARED, where the file names none.
    shared_with: Vec<String>,
    accept_doubts: bool,
}

/// How what a file says and what stands in the registry become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The file says all: what it does not say is not so.
    Replace,
    /// The file can't say all: what it does not say stays.
    Merge,
    /// The file mentions it only: what stands there holds, what it lacks is filled in.
    Complete,
}

impl Form {
    /// Checks what a caller says about a file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn new(start: &ImportStart, city: CityId, city_names: Vec<String>) -> Result<Self, Violations> {
        let mut violations = Vec::new();
        for (field, text) in [("start.source", &start.source), ("start.licence", &start.licence)] {
            if text.chars().count() > SOURCE_MAX {
                violations.push(Violation::invalid(field, format!("is longer than {SOURCE_MAX} characters")));
            }
        }
        if start.size < 0 {
            violations
                .push(Violation::invalid("start.size", format!("{} bytes are no file: leave it out", start.size)));
        }
        let format = start.format();
        if format == ImportFormat::Unspecified {
            violations.push(Violation::required("start.format"));
        }
        let audience = match Audience::try_from(start.audience) {
            Ok(Audience::Unspecified) => Audience::Public,
            Ok(audience) => audience,
            Err(_) => {
                violations.push(Violation::invalid("start.audience", "is not an audience that this node knows"));
                Audience::Internal
            }
        };
        // Each id is checked with each record.
        match (audience, start.shared_with.is_empty()) {
            (Audience::Shared, true) => violations.push(Violation::required("start.shared_with")),
            (Audience::Shared, false) | (_, true) => {}
            _ => violations.push(Violation::invalid("start.shared_with", "is only for the audience SHARED")),
        }
        let mapping = mapping(format, &start.mapping).unwrap_or_else(|violation| {
            violations.push(violation);
            None
        });
        Violations::check(violations)?;
        let provenance = Provenance {
            source: start.source.clone(),
            licence: start.licence.clone(),
            method: ProvenanceMethod::Imported.into(),
            ..Default::default()
        };
        // Which audience a file states, and not which one it gets, decides whether that of a stored record changes.
        let context = Context { city, city_names, provenance, audience: Audience::Unspecified };
        let accept_doubts = start.accept_doubts;
        let shared_with = start.shared_with.clone();
        Ok(Self {
            format,
            mapping: mapping.map(Arc::new),
            context: Arc::new(context),
            audience,
            shared_with,
            accept_doubts,
        })
    }

    /// The audience of records for which the file states none.
    pub(super) fn audience(&self) -> Audience {
        self.audience
    }

    /// The cities that see what is SHARED, where the file names none.
    pub(super) fn shared_with(&self) -> &[String] {
        &self.shared_with
    }

    /// What resources carry whose row says nothing better.
    pub(super) fn provenance(&self) -> &Provenance {
        &self.context.provenance
    }

    /// Whether rows are taken over although something about them is unlikely.
    pub(super) fn accepts_doubts(&self) -> bool {
        self.accept_doubts
    }

    /// The same for a row that somebody has looked at.
    pub(super) fn accepting(mut self, doubts: bool) -> Self {
        self.accept_doubts = doubts;
        self
    }

    /// The form of a row alone. A workbook's rows are kept as tables.
    pub(super) fn of_row(&self) -> ImportFormat {
        if self.format == ImportFormat::Workbook { ImportFormat::Table } else { self.format }
    }

    /// How a resource of this kind becomes one with what stands in the registry.
    pub(super) fn way(&self, kind: Kind) -> Way {
        match (self.format, kind) {
            (ImportFormat::JsonLines, _) => Way::Replace,
            // Many activities mention one organisation, each in its own way. None of them is its record.
            (ImportFormat::IatiActivity, Kind::Organization | Kind::Place) => Way::Complete,
            _ => Way::Merge,
        }
    }

    /// Reads a file until its end, or until the sink has enough.
    pub(super) fn read(&self, chunks: Chunks, sink: Sink<'_>) {
        match (self.format, &self.mapping) {
            (ImportFormat::Workbook, Some(mapping)) => match spool(chunks, WORKBOOK_MAX) {
                Ok(file) => {
                    read::workbook(BufReader::new(file), mapping, &self.context, sink);
                }
                Err(error) => unreadable(&format!("the workbook can't be read: {error}"), sink),
            },
            _ => self.read_text(chunks, sink),
        }
    }

    /// Reads a row alone, as it is kept in quarantine. Returns at most two rows, to tell one from several.
    pub(super) fn read_row(&self, content: &[u8]) -> Vec<Row> {
        let mut rows = Vec::new();
        let sink: Sink<'_> = &mut |row| {
            rows.push(row);
            if rows.len() < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        match (self.format, &self.mapping) {
            // Its reader knows such rows, which are texts.
            (ImportFormat::Workbook, Some(mapping)) => {
                read::workbook(Cursor::new(content), mapping, &self.context, sink);
            }
            _ => self.read_text(content, sink),
        }
        rows
    }

    fn read_text(&self, reader: impl BufRead, sink: Sink<'_>) {
        let context = &self.context;
        match (self.format, &self.mapping) {
            (ImportFormat::JsonLines, _) => {
                read::json_lines(reader, context, sink);
            }
            (ImportFormat::TwinTownsCsv, _) => {
                read::twin_towns(reader, context, sink);
            }
            (ImportFormat::TwinTownsRaw, _) => {
                read::twin_towns_raw(reader, context, sink);
            }
            (ImportFormat::IatiActivity, _) => iati::read(reader, context, sink),
            (ImportFormat::Table, Some(mapping)) => {
                read::table(reader, mapping, context, sink);
            }
            // Refused before any file is read.
            (ImportFormat::Table, None) | (ImportFormat::Workbook | ImportFormat::Unspecified, _) => {
                unreadable("the form of the file is not known", sink);
            }
        }
    }
}

fn mapping(format: ImportFormat, text: &str) -> Result<Option<Mapping>, Violation> {
    let field = "start.mapping";
    let needed = matches!(format, ImportFormat::Table | ImportFormat::Workbook);
    match (needed, text.is_empty()) {
        (false, true) => Ok(None),
        (false, false) => Err(Violation::invalid(field, "only a table or a workbook has a mapping: leave it empty")),
        (true, true) => Err(Violation::required(field)),
        (true, false) if text.len() > MAPPING_MAX => {
            Err(Violation::invalid(field, format!("is larger than {MAPPING_MAX} bytes")))
        }
        (true, false) => Mapping::parse(text).map(Some).map_err(|error| Violation::invalid(field, error.to_string())),
    }
}

/// A file of which nothing can be read.
fn unreadable(why: &str, sink: Sink<'_>) {
    let outcome = Outcome::Rejected(vec![Flaw::of("", why)]);
    let _: ControlFlow<()> = sink(Row { line: 1, bytes: 0, source: Bytes::new(), outcome });
}
