//! The certificate that the node shows, renewed while it runs.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    crypto::ring::sign::any_supported_type,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use time::{Duration, OffsetDateTime};

use crate::{
    Identity, IdentityError,
    identity::{LEAF_LIFETIME, Leaf},
};

/// Holds the certificate that new connections are made with. Renewing it touches no connection that is open.
#[derive(Clone, Debug)]
pub struct LeafKeeper {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    identity: Identity,
    kind: Kind,
    lifetime: Duration,
    present: ArcSwap<Present>,
}

#[derive(Debug)]
enum Kind {
    Node,
    Api(Vec<String>),
}

#[derive(Debug)]
struct Present {
    key: Arc<CertifiedKey>,
    not_before: OffsetDateTime,
    half_life: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl LeafKeeper {
    /// Keeps the certificate of the node among nodes.
    ///
    /// # Errors
    /// [`IdentityError`] if none can be issued.
    pub fn node(identity: Identity, now: OffsetDateTime) -> Result<Self, IdentityError> {
        Self::new(identity, Kind::Node, LEAF_LIFETIME, now)
    }

    /// Keeps the certificate of the API, under these host names and addresses.
    ///
    /// # Errors
    /// [`IdentityError`] if none can be issued.
    pub fn api(identity: Identity, hosts: Vec<String>, now: OffsetDateTime) -> Result<Self, IdentityError> {
        Self::new(identity, Kind::Api(hosts), LEAF_LIFETIME, now)
    }

    fn new(identity: Identity, kind: Kind, lifetime: Duration, now: OffsetDateTime) -> Result<Self, IdentityError> {
        let present = issue(&identity, &kind, lifetime, now)?;
        Ok(Self { inner: Arc::new(Inner { identity, kind, lifetime, present: ArcSwap::from_pointee(present) }) })
    }

    /// Takes a new certificate if half the life of the present one is over, or if the clock was set back to before it.
    /// Returns whether it did. To be called from time to time, a few times an hour.
    ///
    /// # Errors
    /// [`IdentityError`] if none can be issued; the present one stays.
    pub fn renew_if_due(&self, now: OffsetDateTime) -> Result<bool, IdentityError> {
        let inner = &self.inner;
        let present = inner.present.load();
        let due = now >= present.half_life || now < present.not_before;
        if due {
            inner.present.store(Arc::new(issue(&inner.identity, &inner.kind, inner.lifetime, now)?));
        }
        Ok(due)
    }

    /// Until when the present certificate is valid.
    #[must_use]
    pub fn expires(&self) -> OffsetDateTime {
        self.inner.present.load().not_after
    }

    fn key(&self) -> Arc<CertifiedKey> {
        self.inner.present.load().key.clone()
    }
}

fn issue(identity: &Identity, kind: &Kind, lifetime: Duration, now: OffsetDateTime) -> Result<Present, IdentityError> {
    let leaf = match kind {
        Kind::Node => identity.issue_node_leaf(now, lifetime)?,
        Kind::Api(hosts) => identity.issue_api_leaf(hosts, now, lifetime)?,
    };
    let Leaf { chain, key, not_before, not_after } = leaf;
    let signer = any_supported_type(&key).map_err(|error| IdentityError::Issue(error.to_string()))?;
    let half_life = now + (not_after - now) / 2;
    Ok(Present { key: Arc::new(CertifiedKey::new(chain, signer)), not_before, half_life, not_after })
}

impl ResolvesServerCert for LeafKeeper {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key())
    }
}

impl ResolvesClientCert for LeafKeeper {
    fn resolve(&self, _root_hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.key())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
