//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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
    /// Show one record of any city
    Get(Get),
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
pub(crate) struct Import {
    /// The file
    pub(crate) file: PathBuf,
    /// Its form [default: by its ending, .csv or .jsonl]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Check every row and report, but write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Twin-town CSV: import the rows of this city [default: the city's own names]
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
    /// JSON Lines: on each line one record with its @type
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct Search {
    /// Words that must all occur, in any script
    pub(crate) words: Vec<String>,
    /// Only this kind: city, organization, agreement, partnership
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<String>,
    /// Only this country of origin, ISO 3166-1
    #[arg(long, value_name = "CODE")]
    pub(crate) country: Vec<String>,
    /// Only this sector and what lies below it: CODE, or SCHEME:VERSION:CODE, for example nace:2.1:10
    #[arg(long, value_name = "CODE")]
    pub(crate) sector: Vec<String>,
    /// Only this stage, for example market-research
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Vec<String>,
    /// Only with text or contacts in this language, BCP 47
    #[arg(long, value_name = "TAG")]
    pub(crate) language: Vec<String>,
    /// Ask only this city
    #[arg(long, value_name = "CITY")]
    pub(crate) city: Vec<String>,
    /// Best match or latest change first [default: best match if there are words]
    #[arg(long, value_enum)]
    pub(crate) order: Option<Order>,
    /// How many hits at most, 1 to 100
    #[arg(long, default_value_t = 25)]
    pub(crate) limit: i32,
    /// Which cities must answer: best-effort, all, a number, or ids with commas between
    #[arg(long, value_name = "WHICH", default_value = "best-effort")]
    pub(crate) require: String,
    /// The longest to wait, in milliseconds
    #[arg(long, value_name = "MS")]
    pub(crate) deadline_ms: Option<u64>,
    /// Why you ask; peers log it
    #[arg(long, default_value = "")]
    pub(crate) purpose: String,
    /// Put the signed records into the JSON
    #[arg(long)]
    pub(crate) envelopes: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Order {
    /// Best match first
    Relevance,
    /// Latest change first
    UpdateTime,
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
