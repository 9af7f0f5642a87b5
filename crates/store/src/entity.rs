//! The tables as sea-orm sees them. What their columns mean is said in the migration that made them.

pub(crate) mod audit;
pub(crate) mod audit_chain;
pub(crate) mod audit_head;
pub(crate) mod audit_moved;
pub(crate) mod audit_witness;
pub(crate) mod clean_up;
pub(crate) mod document;
pub(crate) mod feed;
pub(crate) mod import_run;
pub(crate) mod invitation;
pub(crate) mod local_user;
pub(crate) mod login_attempt;
pub(crate) mod membership;
pub(crate) mod peer;
pub(crate) mod publication;
pub(crate) mod quarantine;
pub(crate) mod record;
pub(crate) mod reference;
pub(crate) mod request;
pub(crate) mod revision;
pub(crate) mod setting;
pub(crate) mod sharing_agreement;
pub(crate) mod standing;
pub(crate) mod token;
pub(crate) mod tombstone;
pub(crate) mod user_session;
