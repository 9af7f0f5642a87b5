//! Records in files.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::RecordAudience;

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
    /// With --audience shared: the cities that see records for which the file names none, by id; may be repeated
    #[arg(long, value_name = "CITY")]
    pub(crate) shared_with: Vec<String>,
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
