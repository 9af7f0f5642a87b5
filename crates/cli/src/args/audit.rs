//! The audit log.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List entries, the latest first
    List(ListAudit),
    /// Show how far the log goes, and who witnessed it
    Head,
    /// Check the log: the chain, what is stored beside it, and what peers witnessed
    Verify,
    /// Write the log as one file that `isopolity verify` checks without a node
    Export {
        /// The file to write [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Show what this city asked a peer, beside what the peer's log says
    Asked(Compared),
    /// Show what this city answered a peer, beside what the peer's log says
    Answered(Compared),
    /// Erase values and texts of the entries about a resource; the entries stay
    Erase {
        /// The resource's name
        resource: String,
        /// Why; it stays in the log, so name no person
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListAudit {
    /// Not before this time: YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Who did it: the id of a token or an account, a city, or node
    #[arg(long, value_name = "ID", default_value = "")]
    pub(crate) subject: String,
    /// What was done, for example peer-approved or query-answered; may be repeated
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Vec<String>,
    /// The resource's name
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) resource: String,
    /// The other city
    #[arg(long, value_name = "CITY", default_value = "")]
    pub(crate) peer: String,
    /// The oldest first
    #[arg(long)]
    pub(crate) oldest_first: bool,
    /// How many at most
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Compared {
    /// The peer's id
    pub(crate) city: String,
    /// Not before this time [default: 7 days ago]
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Before this time [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// How many at most, 1 to 1,000; the latest
    #[arg(long, default_value_t = 200)]
    pub(crate) limit: i32,
}
