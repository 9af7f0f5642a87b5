//! Who may use the API.

use clap::{Subcommand, ValueEnum};

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
    Viewer,
    /// Also changes the registry
    Editor,
    /// Also acts for the city towards other cities
    Coordinator,
    /// Reads everything, and the audit log
    Auditor,
    /// Everything, and administers peers, people and tokens
    Administrator,
}
