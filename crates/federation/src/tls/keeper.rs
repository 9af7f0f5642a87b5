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
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

use crate::{
    Identity, IdentityError,
    certificate::Facts,
    identity::{Authority, LEAF_LIFETIME, Leaf, PkiFiles, authority_id},
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
    /// Somebody else issues and renews it.
    Files(PkiFiles),
    /// Issued once, by a CA of before.
    Once,
}

#[derive(Debug)]
struct Present {
    key: Arc<CertifiedKey>,
    /// The CA in our folder that issued it, or what the files are known by.
    origin: String,
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

    /// Keeps the certificate of the node among nodes that the city's own PKI writes into files, and the bundle's CAs with it.
    ///
    /// # Errors
    /// [`IdentityError`] naming the file that can't be used.
    pub fn files(identity: Identity, files: PkiFiles, now: OffsetDateTime) -> Result<Self, IdentityError> {
        Self::new(identity, Kind::Files(files), LEAF_LIFETIME, now)
    }

    /// Shows this certificate and no other.
    pub(crate) fn once(identity: Identity, leaf: Leaf) -> Result<Self, IdentityError> {
        let present = present(leaf, String::new(), OffsetDateTime::UNIX_EPOCH)?;
        let inner =
            Inner { identity, kind: Kind::Once, lifetime: LEAF_LIFETIME, present: ArcSwap::from_pointee(present) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Shows a certificate of one of our CAs, for one attempt with a peer that may not know the present one. `None` where our CAs
    /// are elsewhere.
    pub(crate) fn of_authority(&self, authority: &Authority, now: OffsetDateTime) -> Option<Self> {
        if !matches!(self.inner.kind, Kind::Node) {
            return None;
        }
        let leaf = self.inner.identity.issue_node_leaf_by(authority, now, Duration::hours(1)).ok()?;
        Self::once(self.inner.identity.clone(), leaf).ok()
    }

    fn new(identity: Identity, kind: Kind, lifetime: Duration, now: OffsetDateTime) -> Result<Self, IdentityError> {
        let present = issue(&identity, &kind, lifetime, now)?;
        Ok(Self { inner: Arc::new(Inner { identity, kind, lifetime, present: ArcSwap::from_pointee(present) }) })
    }

    /// Takes a new certificate if half the life of the present one is over, if the clock was set back to before it, if its CA was
    /// replaced, or if the files changed. Returns whether it did. To be called from time to time, a few times an hour.
    ///
    /// # Errors
    /// [`IdentityError`] if none can be issued or the files can't be used; the present one stays.
    pub fn renew_if_due(&self, now: OffsetDateTime) -> Result<bool, IdentityError> {
        let inner = &self.inner;
        let present = inner.present.load();
        let over = now >= present.half_life || now < present.not_before;
        let due = match &inner.kind {
            Kind::Node => over || present.origin != inner.identity.current_authority().id(),
            // Clients of the API may not have the new CA yet: so a certificate of the old one lives as long as that does.
            Kind::Api(_) => over || !inner.identity.authorities().iter().any(|one| one.id() == present.origin),
            Kind::Files(files) => files.read(inner.identity.city(), now)?.mark != present.origin,
            Kind::Once => false,
        };
        if due {
            self.renew(now)?;
        }
        Ok(due)
    }

    /// Takes a new certificate at once, because the present one is not to be used any more.
    ///
    /// # Errors
    /// As [`LeafKeeper::renew_if_due`].
    pub fn renew(&self, now: OffsetDateTime) -> Result<(), IdentityError> {
        let inner = &self.inner;
        inner.present.store(Arc::new(issue(&inner.identity, &inner.kind, inner.lifetime, now)?));
        self.enter(now);
        Ok(())
    }

    /// Remembers the present certificate in the trust folder, so that it can be revoked. To be called once it is in use; each
    /// further one is remembered by itself.
    pub fn enter(&self, now: OffsetDateTime) {
        if matches!(self.inner.kind, Kind::Node) {
            self.inner.identity.enter_leaf(&self.chain(), now);
        }
    }

    /// Whether somebody else issues the certificate.
    #[must_use]
    pub fn is_of_files(&self) -> bool {
        matches!(self.inner.kind, Kind::Files(_))
    }

    /// The city's keys.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// The chain that is shown, the node's own certificate first.
    #[must_use]
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.inner.present.load().key.cert.clone()
    }

    /// The serial number of the certificate that is shown, in hexadecimal.
    #[must_use]
    pub fn serial(&self) -> Option<String> {
        self.inner.present.load().key.cert.first().and_then(|leaf| Facts::read(leaf).ok()).map(|facts| facts.serial)
    }

    /// From when on the present certificate is valid.
    #[must_use]
    pub fn begins(&self) -> OffsetDateTime {
        self.inner.present.load().not_before
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
        Kind::Files(files) => {
            let content = files.read(identity.city(), now)?;
            identity.use_pki(content.pki);
            return present(content.leaf, content.mark, now);
        }
        Kind::Once => return Err(IdentityError::Issue("this certificate is not renewed".to_owned())),
    };
    let origin = leaf.chain.get(1).map(|authority| authority_id(authority)).unwrap_or_default();
    present(leaf, origin, now)
}

fn present(leaf: Leaf, origin: String, now: OffsetDateTime) -> Result<Present, IdentityError> {
    let Leaf { chain, key, not_before, not_after } = leaf;
    let signer = any_supported_type(&key).map_err(|error| IdentityError::Issue(error.to_string()))?;
    let key = CertifiedKey::new(chain, signer);
    key.keys_match().map_err(|error| {
        IdentityError::Issue(format!("the certificate and the key do not belong together ({error})"))
    })?;
    let half_life = now + (not_after - now) / 2;
    Ok(Present { key: Arc::new(key), origin, not_before, half_life, not_after })
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
