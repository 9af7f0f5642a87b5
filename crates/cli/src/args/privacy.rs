//! How long things are kept, erasure, and what is kept about somebody.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Privacy {
    /// Take away what is past its limit; the node does so by itself once a day
    Cleanup {
        /// Say what would go, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List past clean-ups
    Cleanups,
    /// Erase a record for good, with its history and everything that holds its values
    Erase {
        /// The resource name
        name: String,
        /// Why, for example the number of the request; it is kept, so name nobody in it
        #[arg(long)]
        reason: String,
        /// Take the name out of what refers to it
        #[arg(long)]
        cut_references: bool,
        /// Say what would go, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Erase the former versions of a record; the present one stays
    EraseHistory {
        /// The resource name
        name: String,
    },
    /// List names of what was purged or erased
    Tombstones,
    /// Write all that is kept about an organisation or a person into a file, as JSON Lines
    Export {
        #[command(flatten)]
        subject: SubjectOf,
        /// The file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// About whom.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SubjectOf {
    /// An organisation, by resource name
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<String>,
    /// A person, by words or a mailbox
    #[arg(long, value_name = "WORDS")]
    pub(crate) person: Option<String>,
}
