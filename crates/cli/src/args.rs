//! The command line.

mod question;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use question::{Asked, Order, Search, Watch};

/// Business partnerships between cities and migrants' countries of origin: one node for each city, one question for all.
#[derive(Debug, Parser)]
#[command(name = "isopolity", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the node is and who asks.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The node's folder, with isopolity.toml and trust/
    #[arg(long, global = true, env = "ISOPOLITY_DIR", default_value = ".", value_name = "FOLDER")]
    pub(crate) dir: PathBuf,
    /// The node's API, host:port [default: api.listen of the folder's isopolity.toml]
    #[arg(long, global = true, env = "ISOPOLITY_NODE", value_name = "HOST:PORT")]
    pub(crate) node: Option<String>,
    /// The certificate of the city's CA [default: trust/ca.pem in the folder]
    #[arg(long, global = true, env = "ISOPOLITY_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// A file that holds the token; or put the token into `ISOPOLITY_TOKEN`
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// How to print
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Table,
    /// For programs: the protobuf JSON of the node's response
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a federation of six cities on this machine and ask it a question
    Demo(Demo),
    /// Prepare a folder for a city: configuration, keys, database, first token
    Init(Init),
    /// Run the node of the folder
    Serve,
    /// Bring a file of records into the registry
    Import(Import),
    /// Ask this city and its peers
    Search(Search),
    /// Tell of records that match a question, as cities publish them
    Watch(Watch),
    /// Show one record of any city
    Get(Get),
    /// Work with this city's own records, of every kind
    #[command(subcommand)]
    Record(Record),
    /// Take records out, in forms that others read
    Export(Export),
    /// Work with rows that an import could not take over
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// Look up code lists and their codes
    Codes(Codes),
    /// Find records that may be of the same organisation or place, and decide
    #[command(name = "match", subcommand)]
    Matching(Matching),
    /// Show what stands between a partnership and its next stage
    Readiness(Readiness),
    /// Move a partnership through its stages
    #[command(subcommand)]
    Stage(Stage),
    /// Check an exported record offline
    Verify(Verify),
    /// Work with other cities' nodes
    #[command(subcommand)]
    Peer(Peer),
    /// Work with tokens for the API
    #[command(subcommand)]
    Token(Token),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// End after the answer
    #[arg(long)]
    pub(crate) once: bool,
    /// Stop this city's node before asking, for example lisboa.example
    #[arg(long, value_name = "CITY")]
    pub(crate) stop_city: Option<String>,
    /// What to ask [default: ties with Morocco]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The city's id: a DNS name that the city controls, for example geneve.example
    #[arg(long)]
    pub(crate) city: String,
    /// A PostgreSQL database instead of the embedded one, postgres://…
    #[arg(long, value_name = "URL")]
    pub(crate) storage: Option<String>,
    /// Where to listen for peers [default: 127.0.0.1:7443]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) federation_listen: Option<SocketAddr>,
    /// Where peers reach this node, https://host:port
    #[arg(long, value_name = "URL")]
    pub(crate) federation_endpoint: Option<String>,
    /// Where to listen for everyone else [default: 127.0.0.1:7444]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) api_listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Import {
    /// The file
    pub(crate) file: PathBuf,
    /// Its form [default: by its ending: .jsonl, .xlsx, .xml, .tsv, and .csv, which is a table if there is a mapping]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Propose a mapping for a table from its header and first rows, and end
    #[arg(long)]
    pub(crate) guess: bool,
    /// With --guess: the kind of record that the rows become, for example organization [default: guessed, too]
    #[arg(long, value_name = "KIND", requires = "guess")]
    pub(crate) kind: Option<String>,
    /// A table or workbook: how its columns become fields, as --guess proposes it
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: Option<PathBuf>,
    /// Check every row and report what would become of it, but write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Take rows over although something about them is unlikely
    #[arg(long)]
    pub(crate) accept_doubts: bool,
    /// Report every row, not only those that are not taken over
    #[arg(long)]
    pub(crate) report_all: bool,
    /// Who may see records for which the file does not say it
    #[arg(long, value_enum, default_value_t = RecordAudience::Public)]
    pub(crate) audience: RecordAudience,
    /// Twin towns: import the rows of this city [default: the city's own names]
    #[arg(long, value_name = "NAME")]
    pub(crate) source_city: Option<String>,
    /// Where the file comes from, for provenance [default: the file's name]
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: Option<String>,
    /// The file's licence, for provenance
    #[arg(long, value_name = "SPDX", default_value = "")]
    pub(crate) licence: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// The twin-town CSV: each row becomes an agreement
    TwinTowns,
    /// Twin towns as Wikidata's query service gives them, separated by tabs
    TwinTownsRaw,
    /// JSON Lines: on each line one record with its @type
    Jsonl,
    /// A table as text, with a mapping
    Table,
    /// An Excel workbook, with a mapping
    Xlsx,
    /// IATI Activity 2.03
    Iati,
}

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
}

/// Whose view of a record to read.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RecordAudience {
    /// Everyone's
    Public,
    /// That of partner cities
    Federation,
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
pub(crate) struct Export {
    /// The form
    #[arg(long, value_enum)]
    pub(crate) format: ExportFormat,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// For whom: nothing above it is exported
    #[arg(long, value_enum, default_value_t = RecordAudience::Public)]
    pub(crate) audience: RecordAudience,
    /// Only this kind; CSV needs exactly one
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<String>,
    /// Only what fits, as for record list; needs exactly one kind
    #[arg(long, default_value = "")]
    pub(crate) filter: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ExportFormat {
    /// JSON Lines: everything, can be imported again
    Jsonl,
    /// CSV, one kind
    Csv,
    /// An Excel workbook, a sheet for each kind
    Xlsx,
    /// IATI Activity 2.03: the partnerships
    Iati,
    /// DCAT-AP 3.0.1: a description of the registry
    Dcat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Quarantine {
    /// List the rows, in the order in which they came
    List {
        /// Only those of this import
        #[arg(long, default_value = "")]
        import: String,
        /// How many at most, 1 to 1,000
        #[arg(long, default_value_t = 50)]
        limit: i32,
    },
    /// Print a row as a file, to be corrected
    Show {
        /// Its id
        row: String,
    },
    /// Read a row again, as it is or corrected
    Redrive {
        /// Its id
        row: String,
        /// The corrected row, as show printed it
        #[arg(long, value_name = "FILE")]
        corrected: Option<PathBuf>,
        /// Take it over although something about it is unlikely
        #[arg(long)]
        accept_doubts: bool,
        /// Check, but write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove a row without taking it over
    Discard {
        /// Its id
        row: String,
    },
    /// List the imports, the latest first
    Imports {
        /// How many at most, 1 to 1,000
        #[arg(long, default_value_t = 50)]
        limit: i32,
    },
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

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The exported record, as `get --record` prints it
    pub(crate) file: PathBuf,
    /// The home city's trust bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Peer {
    /// Print this city's own trust bundle, for other cities
    Bundle {
        /// Write it to this file instead
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Add a city by its bundle file, or take its newer bundle
    Add {
        /// The other city's bundle
        file: PathBuf,
    },
    /// Approve a city that was added, or end its suspension
    Approve {
        /// The city's id
        city: String,
        /// What it may see here
        #[arg(long, value_enum)]
        audience: Option<PeerAudience>,
        /// The fingerprint that you compared with the city by telephone
        #[arg(long, value_name = "HEX", default_value = "")]
        fingerprint: String,
    },
    /// Hold a city back: neither asked nor served
    Suspend {
        /// The city's id
        city: String,
        /// Why; shown in the list of peers and with searches
        #[arg(long)]
        reason: String,
    },
    /// End peering with a city
    Remove {
        /// The city's id
        city: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// List the peers, how they are, and what troubles there were
    List {
        /// Also those that were removed
        #[arg(long)]
        all: bool,
        /// Do not greet them first
        #[arg(long)]
        no_greet: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PeerAudience {
    /// What is public
    Public,
    /// Also what is for partner cities
    Federation,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Create a token; its secret is printed this once
    Create {
        /// What it is for
        #[arg(long)]
        label: String,
        /// What it allows
        #[arg(long, value_enum)]
        role: Role,
        /// The day on which it ends (UTC), YYYY-MM-DD
        #[arg(long, value_name = "DATE")]
        expires: Option<String>,
    },
    /// List all tokens
    List,
    /// Revoke a token at once
    Revoke {
        /// Its id, as the list shows it
        id: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Role {
    /// Reads everything and asks the federation
    Reader,
    /// Also changes the registry
    Editor,
    /// Also administers peers and tokens
    Administrator,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
