//! This city's own keys.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Show the keys, the node's certificates, and which peers know of them
    List,
    /// Make the key that comes next, and tell peers of it
    Prepare {
        /// Which
        #[arg(value_enum)]
        key: TrustKey,
    },
    /// Let the key that was prepared take over
    Rotate {
        /// Which
        #[arg(value_enum)]
        key: TrustKey,
        /// Also if peers that answer do not know it yet
        #[arg(long)]
        force: bool,
    },
    /// Withdraw certificates of the node at once, for example because its key was stolen; it gets a new one
    RevokeCertificates {
        /// Their serial numbers [default: all that were issued until now]
        serials: Vec<String>,
    },
    /// Withdraw a former CA at once, instead of 30 days after it was replaced
    WithdrawCa {
        /// Its id, as the list shows it
        id: String,
    },
    /// Write a city's CAs for other software
    Export {
        /// In plain SPIFFE bundle form, a JWK set; there is no other yet
        #[arg(long, required = true)]
        spiffe: bool,
        /// A peer [default: this city]
        city: Option<String>,
        /// Write it to this file instead
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Take a peer's bundle though the one that is held does not lead to it: the peer lost its keys
    Reset {
        /// The peer's bundle
        file: PathBuf,
        /// Its fingerprint, as the city itself told it by telephone
        #[arg(long, value_name = "HEX")]
        fingerprint: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TrustKey {
    /// The key that signs records and bundles
    RecordKey,
    /// The CA that issues the node's certificates
    Ca,
}
