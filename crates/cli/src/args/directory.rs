//! The signed list of members of a large federation.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Directory {
    /// Make an operator's key; needs no node
    Keygen {
        /// The file for the key, readable by you alone. Never overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make a directory of cities' trust bundles, for operators to sign; needs no node
    #[command(disable_version_flag = true)]
    Draft {
        /// The federation's name, a DNS name that the operators control
        #[arg(long, value_name = "NAME")]
        federation: String,
        /// The version: one more than that of the directory before
        #[arg(long)]
        version: i64,
        /// How many days it is in date, 1 to 366
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=366))]
        days: i64,
        /// The file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Each member's bundle, as `peer bundle` writes it
        #[arg(required = true, value_name = "BUNDLE")]
        bundles: Vec<PathBuf>,
    },
    /// Add your signature to a directory; needs no node
    Sign {
        /// The directory; the signature is added to this file
        file: PathBuf,
        /// Your key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Say which operators have signed a directory, and whether a node would take it; needs no node
    Verify {
        /// The directory
        file: PathBuf,
        /// An operator's public key, `ed25519:…`; several times
        #[arg(long = "key", required = true, value_name = "KEY")]
        keys: Vec<String>,
        /// How many of them must have signed [default: all]
        #[arg(long, value_name = "NUMBER")]
        threshold: Option<usize>,
    },
    /// Show the directory that is in force at the node, or what stands in a file
    Show {
        /// A file instead; needs no node
        file: Option<PathBuf>,
        /// Write the node's directory to this file, to be passed on
        #[arg(long, value_name = "FILE", conflicts_with = "file")]
        out: Option<PathBuf>,
    },
    /// Hand a directory to the node
    Offer {
        /// The directory
        file: PathBuf,
    },
    /// Forget the version in force, so that a lower one can be taken: after operators' keys were misused
    #[command(disable_version_flag = true)]
    Reset {
        /// The version in force, to confirm
        #[arg(long)]
        version: i64,
    },
}
