//! People who sign in.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Role;

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Create a user; asks for the password
    Create {
        /// The name to sign in with
        name: String,
        /// What the user may do
        #[arg(long, value_enum)]
        role: Role,
        /// The person's name, or what the user is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        display_name: String,
        #[command(flatten)]
        password: Password,
    },
    /// List users
    List {
        /// Deleted ones too
        #[arg(long)]
        deleted: bool,
    },
    /// Let a user do something else; ends the user's sessions
    SetRole {
        /// The user's name or id
        user: String,
        /// What the user may do
        #[arg(value_enum)]
        role: Role,
    },
    /// Set a user's password; asks for it, and ends the user's sessions
    SetPassword {
        /// The user's name or id
        user: String,
        #[command(flatten)]
        password: Password,
    },
    /// Let a user sign in no more, and end the user's sessions
    Disable {
        /// The user's name or id
        user: String,
    },
    /// Let a user sign in again
    Enable {
        /// The user's name or id
        user: String,
    },
    /// Delete a user for good; its name is free then
    Delete {
        /// The user's name or id
        user: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The name to sign in with
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) password: Password,
}

#[derive(Debug, Args)]
pub(crate) struct ChangePassword {
    #[command(flatten)]
    pub(crate) present: Password,
    /// A file that holds the new password, instead of being asked for it
    #[arg(long, value_name = "FILE")]
    pub(crate) new_password_file: Option<PathBuf>,
}

/// Where a password comes from. Never an argument: other people of the machine see those.
#[derive(Debug, Args)]
pub(crate) struct Password {
    /// A file that holds the password, instead of being asked for it
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}
