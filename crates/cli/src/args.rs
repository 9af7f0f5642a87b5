//! The command line.

mod access;
mod audit;
mod cooperation;
mod directory;
mod files;
mod insight;
mod peer;
mod people;
mod privacy;
mod question;
mod records;
mod sharing;
mod trust;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use access::{Role, Token};
pub(crate) use audit::{Audit, Compared, ListAudit};
pub(crate) use cooperation::{
    Accept, AgreementAudience, AnswerQuestion, Attach, Content, Cooperation, Delivery, EditDraft, Ending, Inbox,
    KindWord, ListCooperations, Milestone, NewDraft, OneStep, OtherTerms, Plain, Sign, Stance, StateWord, Stated,
};
pub(crate) use directory::Directory;
pub(crate) use files::{Export, ExportFormat, Format, Import, Quarantine};
pub(crate) use insight::{Overlaps, Status, Suggest};
pub(crate) use peer::{Peer, PeerAudience};
pub(crate) use people::{ChangePassword, Login, Password, User};
pub(crate) use privacy::{Privacy, SubjectOf};
pub(crate) use question::{Asked, Order, Search, Watch};
pub(crate) use records::{
    Codes, EndKind, Get, ListRecords, Matching, PutRecord, Readiness, Record, RecordAudience, Stage, Step, Verdict,
};
pub(crate) use sharing::{GranularityWord, SetSharing, Sharing};
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
    /// A file that holds the token; or put the token into `ISOPOLITY_TOKEN`, or sign in with `isopolity login`
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
    /// Show opportunities of other cities that fit those of this one, with the reasons
    Suggest(Suggest),
    /// Show cities that are active in the same place and sector and do not seem to know of one another
    Overlaps(Overlaps),
    /// Show how far two cities cooperate, with the records from which that follows
    Status(Status),
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
    /// Work together with other cities: propose, agree, sign, follow up
    #[command(subcommand)]
    Cooperation(Cooperation),
    /// Show what waits for whom in the cooperations
    Inbox(Inbox),
    /// See what is on its way to other cities, and try anew what was given up
    #[command(subcommand)]
    Delivery(Delivery),
    /// Check an exported record, cooperation or audit log offline
    Verify(Verify),
    /// Work with other cities' nodes
    #[command(subcommand)]
    Peer(Peer),
    /// See and enforce how long things are kept, erase records, and answer who asks what is kept about them
    #[command(subcommand)]
    Privacy(Privacy),
    /// Work with the signed list of members of a large federation
    #[command(subcommand)]
    Directory(Directory),
    /// Say what peers may see and do here, and see what they grant
    #[command(subcommand)]
    Sharing(Sharing),
    /// Work with this city's own keys and certificates
    #[command(subcommand)]
    Trust(Trust),
    /// Work with tokens for the API
    #[command(subcommand)]
    Token(Token),
    /// Read and check the audit log
    #[command(subcommand)]
    Audit(Audit),
    /// Work with people who sign in with a name and a password
    #[command(subcommand)]
    User(User),
    /// Sign in with a name and a password: commands need no token then
    Login(Login),
    /// End the session that began with login
    Logout,
    /// Show who you are to the node
    Whoami,
    /// Change your own password; you must be signed in, and your other sessions end
    ChangePassword(ChangePassword),
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
    /// The exported record, as `get --record` prints it; the exported cooperation, as `cooperation export` writes it; or audit logs, in
    /// the order in which they follow one another
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The home city's trust bundle; of a cooperation: those of all its cities, so repeat it
    #[arg(long, required = true, value_name = "FILE")]
    pub(crate) bundle: Vec<PathBuf>,
    /// An audit log: the trust bundle of a city that witnessed it, to check its signature; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) witness: Vec<PathBuf>,
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
