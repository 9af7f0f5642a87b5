//! Other cities' nodes.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Peer {
    /// Make a code with which one other city can become a peer
    Invite {
        /// How many hours it can be used, 1 to 720
        #[arg(long, default_value_t = 72)]
        hours: i32,
        /// Revoke this invitation instead
        #[arg(long, value_name = "ID", conflicts_with = "hours")]
        revoke: Option<String>,
    },
    /// List the open invitations
    Invitations {
        /// Also those that can't be used any more
        #[arg(long)]
        all: bool,
    },
    /// Become a peer of the city that sent this code
    Join {
        /// The code, or @FILE that holds it
        #[arg(required = true, value_name = "CODE")]
        code: Vec<String>,
    },
    /// Try each step of reaching a peer: DNS, TCP, TLS, identity, clock, version, agreement
    Test {
        /// The city's id
        city: String,
    },
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
        /// The six words that you compared with the city by telephone
        #[arg(long, default_value = "")]
        words: String,
        /// The fingerprint that you compared with the city by telephone
        #[arg(long, value_name = "HEX", default_value = "")]
        fingerprint: String,
    },
    /// Hold a city back: neither asked nor served, and told why
    Suspend {
        /// The city's id
        city: String,
        /// Why; shown in the list of peers and with searches, and to the other city
        #[arg(long)]
        reason: String,
    },
    /// End peering with a city, and tell it why
    #[command(alias = "remove")]
    Leave {
        /// The city's id
        city: String,
        /// Why; the other city sees it too
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// List the peers, how they are, and what troubles there were
    List {
        /// Also those that were left
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
