//! What cities let one another do.

use clap::{Args, Subcommand, ValueEnum};

use super::PeerAudience;

#[derive(Debug, Subcommand)]
pub(crate) enum Sharing {
    /// Show what this city grants a peer and what the peer grants this city
    Show {
        /// The city's id
        city: String,
        /// Do not greet it first to learn what it grants
        #[arg(long)]
        no_greet: bool,
        /// Show also what was granted before
        #[arg(long)]
        history: bool,
    },
    /// List what this city and its peers grant each other
    List,
    /// Change what this city grants a peer; what is not named stays as it is
    Set(Box<SetSharing>),
}

#[derive(Debug, Args)]
pub(crate) struct SetSharing {
    /// The city's id
    pub(crate) city: String,
    /// Only this kind, for example partnership; may be repeated
    #[arg(long, value_name = "KIND", conflicts_with = "all_kinds")]
    pub(crate) kind: Vec<String>,
    /// All kinds
    #[arg(long)]
    pub(crate) all_kinds: bool,
    /// What it may see here
    #[arg(long, value_enum)]
    pub(crate) audience: Option<PeerAudience>,
    /// How much it is told of that
    #[arg(long, value_enum)]
    pub(crate) granularity: Option<GranularityWord>,
    /// Only for this purpose: enquiry, partner-search, referral, statistics, policy, research, administration; may be repeated
    #[arg(long, value_name = "PURPOSE", conflicts_with = "any_purpose")]
    pub(crate) purpose: Vec<String>,
    /// For any purpose that it states
    #[arg(long)]
    pub(crate) any_purpose: bool,
    /// On which ground personal data is passed on, for example public-task
    #[arg(long, value_name = "WORD")]
    pub(crate) legal_basis: Option<String>,
    /// What makes passing it on to another country lawful, for example standard-clauses
    #[arg(long, value_name = "WORD")]
    pub(crate) transfer_tool: Option<String>,
    /// What else was agreed; both cities see it
    #[arg(long)]
    pub(crate) note: Option<String>,
    /// Whether it may ask questions
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(crate) live: Option<bool>,
    /// Whether it may keep copies
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(crate) replication: Option<bool>,
    /// Questions a minute; 0: no limit but the node's own
    #[arg(long, value_name = "N")]
    pub(crate) questions_per_minute: Option<i32>,
    /// Records a day; 0: no limit
    #[arg(long, value_name = "N")]
    pub(crate) records_per_day: Option<i64>,
    /// In force from then on: YYYY-MM-DD (UTC), a time as 2026-03-16T09:00:00Z, or now
    #[arg(long, value_name = "WHEN")]
    pub(crate) from: Option<String>,
    /// In force until then, as with --from; never: until it is changed
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GranularityWord {
    /// Whether there is any record
    YesNo,
    /// How many there are, without small counts
    Counts,
    /// The records
    Records,
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("is neither yes nor no".to_owned()),
    }
}
