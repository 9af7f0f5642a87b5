//! `[api]`: the listener for staff, programs and, if the city wants it, the public.

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;

/// `[api]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Names and addresses in its certificate, which the city's CA signs.
    pub hosts: Vec<String>,
    /// An own certificate chain instead, PEM.
    pub certificate: Option<PathBuf>,
    /// The key of the own certificate, PEM.
    pub key: Option<PathBuf>,
    /// Everyone may read what is PUBLIC.
    pub anonymous_reads: bool,
    /// After how many days a token ends whose maker does not say when. 0: never.
    pub token_days: u16,
}

impl Api {
    pub(crate) fn token_life(&self) -> Option<time::Duration> {
        (self.token_days > 0).then(|| time::Duration::days(self.token_days.into()))
    }
}

impl Default for Api {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7444)),
            hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()],
            certificate: None,
            key: None,
            anonymous_reads: false,
            token_days: 0,
        }
    }
}
