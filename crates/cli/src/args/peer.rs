//! Other cities' nodes.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

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
