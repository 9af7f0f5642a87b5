//! What a reader makes of a part of a file.

use bytes::Bytes;
use isopolity_domain::{CityId, Name};
use isopolity_proto::{options::Audience, types::Provenance};
use prost_reflect::DynamicMessage;

/// What a reader has to know besides the file.
#[derive(Clone, Debug)]
pub struct Context {
    /// Whose registry the resources are for.
    pub city: CityId,
    /// The spellings under which this city stands in a file of several cities, folded with `domain::text::fold`.
    pub city_names: Vec<String>,
    /// Where the file comes from. Each resource carries it unless the file says better.
    pub provenance: Provenance,
    /// The audience of resources for which the file states none.
    pub audience: Audience,
}

/// A row of a table, a line of JSON or an activity of IATI: the part of a file that is kept or rejected as a whole.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it begins, counted from 1: the line of a text, the row of a spreadsheet.
    pub line: i64,
    /// How much of the file is read with it, in bytes from the file's beginning.
    pub bytes: i64,
    /// The row alone as a whole file of the same format (a table: with its header), so that a person can correct it and
    /// read it again. Empty if it can't be told apart from the rest of the file.
    pub source: Bytes,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a row became.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Resources that belong together: all of them are written, in this order, or none. At least one. `doubts` are things
    /// that are possible but unlikely (a place that does not lie in its country): a person has to look at the row, unless
    /// whoever imports accepts all doubts.
    Resources {
        /// The resources.
        entries: Vec<Entry>,
        /// What is unlikely about them.
        doubts: Vec<Flaw>,
    },
    /// It can't become a resource, for these reasons; at least one.
    Rejected(Vec<Flaw>),
    /// It is not for this city.
    Skipped,
}

/// A resource and what it is called. The name is derived from the row's own key, so that the same row always gives the
/// same name.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The resource name.
    pub name: Name,
    /// The resource, of the kind that the name says. The node has still to validate it.
    pub resource: DynamicMessage,
}

/// Something that is wrong with a row, or unlikely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The column: a header name of a table, a field path of JSON, an element path of XML. Empty: the whole row.
    pub column: String,
    /// Which character in the line, from 1; 0 if it is about the column as a whole.
    pub character: i64,
    /// What is wrong and what would be right. Begins in lower case, without a full stop.
    pub description: String,
}

impl Flaw {
    /// A flaw of a column as a whole.
    #[must_use]
    pub fn of(column: impl Into<String>, description: impl Into<String>) -> Self {
        Self { column: column.into(), character: 0, description: description.into() }
    }
}
