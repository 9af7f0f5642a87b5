//! Records and what is done with them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The resource name, for example cities/feira.example/partnerships/feira-kenitra
    pub(crate) name: String,
    /// Print the signed record, byte for byte as its city published it, for `verify`
    #[arg(long)]
    pub(crate) record: bool,
    /// As whom to read it [default: as much as you may see; with --record: the widest audience that may see it]
    #[arg(long, value_enum)]
    pub(crate) audience: Option<RecordAudience>,
    /// Why you read it; its city logs it
    #[arg(long, default_value = "")]
    pub(crate) purpose: String,
}

/// Whose view of a record to read.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RecordAudience {
    /// Everyone's
    Public,
    /// That of partner cities
    Federation,
    /// That of the cities that are named by `shared_with`
    Shared,
    /// That of the city's own staff
    Internal,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Record {
    /// Show a record
    Get {
        /// The resource name, for example cities/feira.example/supportServices/desk
        name: String,
    },
    /// List the records of a kind
    List(ListRecords),
    /// Create a record, or change the one of the same name
    Put(PutRecord),
    /// Delete a record; it can be restored
    Delete {
        /// The resource name
        name: String,
        /// Only if it has not changed since it had this etag
        #[arg(long, default_value = "")]
        etag: String,
        /// Check, but write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Restore a deleted record
    Restore {
        /// The resource name
        name: String,
        /// Only if it has not changed since it had this etag
        #[arg(long, default_value = "")]
        etag: String,
        /// Check, but write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the versions of a record, the latest first
    History {
        /// The resource name
        name: String,
        /// Print the record as it was in this version
        #[arg(long, value_name = "VERSION")]
        revision: Option<i64>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListRecords {
    /// The kind, for example organization, opportunity, support-service
    pub(crate) kind: String,
    /// Only what fits, for example `stage = LAUNCH AND origin_countries:MA`
    #[arg(long, default_value = "")]
    pub(crate) filter: String,
    /// `name`, `create_time` or `update_time`, with desc for the reverse
    #[arg(long, default_value = "")]
    pub(crate) order_by: String,
    /// Also what was deleted
    #[arg(long)]
    pub(crate) deleted: bool,
    /// How many at most
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct PutRecord {
    /// A file with the record as protobuf JSON; - for standard input
    pub(crate) file: PathBuf,
    /// The kind, if the file says neither @type nor name
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Refuse if there is one of that name
    #[arg(long)]
    pub(crate) new: bool,
    /// Check everything, but write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Codes {
    /// The list, for example iso3166-1 or nace-2.1 [default: the lists themselves]
    pub(crate) list: Option<String>,
    /// Words of the label, in any language of the list, or the code
    pub(crate) words: Vec<String>,
    /// Only codes directly below this one
    #[arg(long, default_value = "", value_name = "CODE")]
    pub(crate) parent: String,
    /// Also codes that were withdrawn
    #[arg(long)]
    pub(crate) withdrawn: bool,
    /// The language of the labels, where the list has it
    #[arg(long, default_value = "en", value_name = "TAG")]
    pub(crate) language: String,
    /// Say what this code is in the list that --to names
    #[arg(long, value_name = "CODE", requires = "to")]
    pub(crate) convert: Option<String>,
    /// The list to convert to
    #[arg(long, value_name = "LIST", requires = "convert")]
    pub(crate) to: Option<String>,
    /// How many at most, 1 to 1,000
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: i32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Matching {
    /// Find pairs about which nobody has decided, the most alike first
    Find {
        /// organization or place [default: both]
        #[arg(long, default_value = "")]
        kind: String,
        /// Only pairs with this record
        #[arg(long, default_value = "", value_name = "NAME")]
        name: String,
        /// Only pairs that are at least this much alike, 0 to 1
        #[arg(long, default_value_t = 0.0)]
        min_score: f64,
        /// Also pairs about which somebody has decided
        #[arg(long)]
        decided: bool,
        /// How many at most, 1 to 1,000
        #[arg(long, default_value_t = 50)]
        limit: i32,
    },
    /// Note what was decided about a pair; nothing is merged
    Decide {
        /// One record, by resource name
        left: String,
        /// The other
        right: String,
        /// What was decided
        #[arg(value_enum)]
        verdict: Verdict,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// List the decisions
    List {
        /// How many at most, 1 to 1,000
        #[arg(long, default_value_t = 50)]
        limit: i32,
    },
    /// Revoke a decision
    Revoke {
        /// Its resource name
        name: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Verdict {
    /// Both are the same
    Same,
    /// They are not
    Different,
    /// They may be
    Possible,
}

#[derive(Debug, Args)]
pub(crate) struct Readiness {
    /// The partnership, by resource name
    pub(crate) name: String,
    /// The stage to enter, for example feasibility [default: the next]
    #[arg(long, value_name = "STAGE")]
    pub(crate) to: Option<String>,
    /// Show all conditions, not only those that block
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Stage {
    /// Enter the next stage, or, with a reason, another
    Advance {
        /// The partnership, by resource name
        name: String,
        /// The stage to enter, for example market-research
        to: String,
        /// What it rests on: an address, or a reference such as a file number
        #[arg(long)]
        evidence: Vec<String>,
        /// A condition to set aside, as CONDITION=REASON
        #[arg(long, value_name = "CONDITION=REASON")]
        waive: Vec<String>,
        #[command(flatten)]
        step: Step,
    },
    /// Suspend a partnership; its stage stays
    Suspend {
        /// The partnership, by resource name
        name: String,
        /// The day on which it is looked at again, YYYY-MM-DD
        #[arg(long, value_name = "DATE")]
        review: String,
        #[command(flatten)]
        step: Step,
    },
    /// Resume a suspended partnership
    Resume {
        /// The partnership, by resource name
        name: String,
        #[command(flatten)]
        step: Step,
    },
    /// End a partnership for good
    End {
        /// The partnership, by resource name
        name: String,
        /// How it ends
        #[arg(value_enum)]
        kind: EndKind,
        #[command(flatten)]
        step: Step,
    },
    /// Set right what an earlier step said wrongly
    Correct {
        /// The stage event, by resource name
        name: String,
        /// The stage that should have stood there
        #[arg(long, value_name = "STAGE")]
        to: Option<String>,
        #[command(flatten)]
        step: Step,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Step {
    /// The office that decided
    #[arg(long, value_name = "OFFICE")]
    pub(crate) by: String,
    /// When, YYYY-MM-DD, YYYY-MM or YYYY [default: today]
    #[arg(long, default_value = "", value_name = "DATE")]
    pub(crate) date: String,
    /// Why
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// Check, but write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EndKind {
    /// It did what it was for
    Completed,
    /// It was given up after its launch
    Discontinued,
    /// It was given up before its launch
    Cancelled,
}
