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
        /// Only for methods of this scope; several times for several [default: all that the role may call]
        #[arg(long = "scope", value_enum, value_name = "SCOPE")]
        scopes: Vec<Scope>,
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

/// A group of methods, to which a token can be narrowed down.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Scope {
    /// To read the city's own records
    #[value(name = "records.read")]
    RecordsRead,
    /// To change the city's own records
    #[value(name = "records.write")]
    RecordsWrite,
    /// To ask the federation, and to watch it
    Search,
    /// To take records out in files
    Export,
    /// To bring records in from files
    Import,
    /// To act for the city towards other cities
    Coordinate,
    /// To read the audit log
    Audit,
    /// To administer the node
    Administer,
}

impl From<Role> for isopolity_proto::admin::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Editor => Self::Editor,
            Role::Coordinator => Self::Coordinator,
            Role::Auditor => Self::Auditor,
            Role::Administrator => Self::Administrator,
        }
    }
}

impl From<Scope> for isopolity_proto::admin::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::RecordsRead => Self::RecordsRead,
            Scope::RecordsWrite => Self::RecordsWrite,
            Scope::Search => Self::Search,
            Scope::Export => Self::Export,
            Scope::Import => Self::Import,
            Scope::Coordinate => Self::Coordinate,
            Scope::Audit => Self::Audit,
            Scope::Administer => Self::Administer,
        }
    }
}
