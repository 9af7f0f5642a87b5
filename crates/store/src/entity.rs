//! The tables as sea-orm sees them. What their columns mean is said in the migration that made them.

pub(crate) mod document;
pub(crate) mod feed;
pub(crate) mod import_run;
pub(crate) mod own_bundle;
pub(crate) mod peer;
pub(crate) mod publication;
pub(crate) mod quarantine;
pub(crate) mod record;
pub(crate) mod reference;
pub(crate) mod request;
pub(crate) mod revision;
pub(crate) mod setting;
pub(crate) mod token;
