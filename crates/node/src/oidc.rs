//! People whom the city's identity provider vouches for (OpenID Connect): a bearer token that it signed, instead of one of ours.
//!
//! The provider's keys are found by discovery and kept. They are fetched again after an hour, beside the calls that go on with the ones
//! that are there; at once where a token names a key that is not known, but at most three times in 90
//! seconds, whoever asks. While the provider
//! does not answer, what was fetched is good for 24 hours. Local users and tokens never come here.
//!
//! | module | what it does |
//! | --- | --- |
//! | `claims` | what a token says, and whether it is for this city, now |
//! | `keys` | the provider's keys |
//! | `fetch` | reading from the provider |
//! | `signature` | checking signatures, by *ring* |

mod claims;
mod fetch;
mod keys;
mod signature;

use std::sync::Arc;

use arc_swap::ArcSwap;
use isopolity_domain::{Clock, bearer::SignedHeader};
use isopolity_proto::admin::Identification;
use isopolity_registry::{Caller, Error, Known, Registry, permission::Scopes};
use jsonwebtoken::{DecodingKey, Validation, decode};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;
use tracing::{debug, info, warn};

use crate::config::Oidc;
use claims::Claims;
pub use fetch::FetchError;
use fetch::Fetcher;
use keys::Keys;

/// After how long the keys are fetched again.
const FRESH: Duration = Duration::hours(1);
/// For how long they are good where they can't be.
const KEPT: Duration = Duration::hours(24);
/// So many attempts to fetch them are made in so much time, and no more.
const TRIES: usize = 3;
const TRIES_IN: Duration = Duration::seconds(90);

/// The city's identity provider.
#[derive(Debug)]
pub struct Provider {
    settings: Oidc,
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
    held: ArcSwap<Held>,
    /// When the last attempts to fetch were made. Held while one is made.
    tries: Mutex<Vec<OffsetDateTime>>,
}

/// The keys as they were fetched last.
#[derive(Debug, Default)]
struct Held {
    keys: Keys,
    fetched: Option<OffsetDateTime>,
}

impl Held {
    fn is_younger_than(&self, age: Duration, now: OffsetDateTime) -> bool {
        self.fetched.is_some_and(|fetched| now - fetched < age)
    }
}

impl Provider {
    /// A provider, of which nothing is fetched before somebody comes with one of its tokens.
    ///
    /// # Errors
    /// [`FetchError`] if the file of its CA can't be used.
    pub fn new(settings: Oidc, roots: Option<&str>, clock: Arc<dyn Clock>) -> Result<Arc<Self>, FetchError> {
        signature::install();
        let fetcher = Fetcher::new(roots)?;
        Ok(Arc::new(Self { settings, fetcher, clock, held: ArcSwap::default(), tries: Mutex::default() }))
    }

    /// Finds out whom a signed token is of. Who has no group that the configuration knows is somebody without any right.
    ///
    /// # Errors
    /// [`Error::TokenInvalid`], whatever is wrong with it; the log says what, at level debug. [`Error::ProviderUnreachable`] if it can't
    /// be checked.
    pub(crate) async fn caller(self: &Arc<Self>, registry: &Registry, signed: &str) -> Result<Caller, Error> {
        let Some(header) = SignedHeader::of(signed) else { return Err(refused("the header is not one that is taken")) };
        let key = self.key(&header).await?;
        let claims = self.read(signed, &header, &key)?;
        let now = self.clock.now();
        claims.check(&self.settings, now).map_err(refused)?;
        Ok(Caller::Known(Known {
            id: registry.provided_id(&self.settings.issuer, &claims.sub),
            identification: Identification::Provider,
            role: claims.role(&self.settings),
            scopes: Scopes::ALL,
            session: None,
            expire_time: claims.end(),
        }))
    }

    /// What a token says, once its signature is found good.
    fn read(&self, signed: &str, header: &SignedHeader, key: &DecodingKey) -> Result<Claims, Error> {
        let mut validation = Validation::new(signature::algorithm(header.algorithm));
        // Times are compared with our clock, in `claims`.
        validation.validate_exp = false;
        validation.set_audience(&[&self.settings.audience]);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let read = decode::<Claims>(signed, key, &validation).map_err(|error| refused(&error.to_string()))?;
        Ok(read.claims)
    }

    /// The key that a token names.
    async fn key(self: &Arc<Self>, header: &SignedHeader) -> Result<DecodingKey, Error> {
        let (held, now) = (self.held.load_full(), self.clock.now());
        if held.is_younger_than(KEPT, now)
            && let Some(key) = held.keys.find(header)
        {
            if !held.is_younger_than(FRESH, now) {
                // Nobody waits for it.
                let provider = Arc::clone(self);
                tokio::spawn(async move { provider.refresh(&held).await });
            }
            return Ok(key);
        }
        self.refresh(&held).await;
        let (held, now) = (self.held.load_full(), self.clock.now());
        if !held.is_younger_than(KEPT, now) {
            return Err(Error::ProviderUnreachable);
        }
        held.keys.find(header).ok_or_else(|| refused("the provider has no such key"))
    }

    /// Fetches the keys, unless somebody has done so since `seen`, or it was tried too often just now.
    async fn refresh(&self, seen: &Arc<Held>) {
        let mut tries = self.tries.lock().await;
        let now = self.clock.now();
        tries.retain(|tried| (now - *tried).abs() < TRIES_IN);
        if tries.len() >= TRIES || !Arc::ptr_eq(&self.held.load(), seen) {
            return;
        }
        tries.push(now);
        match self.fetcher.keys(&self.settings.issuer).await {
            Ok(keys) => {
                info!(oidc.issuer = %self.settings.issuer, oidc.keys = keys.len(), "keys of the identity provider fetched");
                self.held.store(Arc::new(Held { keys, fetched: Some(now) }));
            }
            Err(error) => {
                warn!(oidc.issuer = %self.settings.issuer, %error, "keys of the identity provider can't be fetched");
            }
        }
    }
}

/// A token that is not good. Its bearer is not told why: whoever makes tokens up would learn from it.
fn refused(why: &str) -> Error {
    debug!(why, "a token of the identity provider was refused");
    Error::TokenInvalid
}

#[cfg(test)]
mod tests;
