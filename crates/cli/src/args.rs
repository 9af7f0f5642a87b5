//! The command line.

mod access;
mod files;
mod peer;
mod question;
mod records;
mod trust;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use access::{Role, Token};
pub(crate) use files::{Export, ExportFormat, Format, Import, Quarantine};
pub(crate) use peer::{Peer, PeerAudience};
pub(crate) use question::{Asked, Order, Search, Watch};
pub(crate) use records::{
    Codes, EndKind, Get, ListRecords, Matching, PutRecord, Readiness, Record, RecordAudience, Stage, Step, Verdict,
};
pub(crate) use trust::{Trust, TrustKey};

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
    /// Work with this city's own keys and certificates
    #[command(subcommand)]
    Trust(Trust),
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
pub(crate) struct Verify {
    /// The exported record, as `get --record` prints it
    pub(crate) file: PathBuf,
    /// The home city's trust bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
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
