//! This city's own keys: preparing, rotating, revoking.
//!
//! Each change is made in the trust folder first, then a new bundle says so, then peers are told. If this node ends between two of
//! these, it goes on at its next start.

use isopolity_domain::{CityId, Violation, clock::to_timestamp};
use isopolity_federation::{
    Bundle, Identity, IdentityError, KeyKind, KeyState,
    identity::{Authority, IssuedLeaf, RecordKey},
};
use isopolity_proto::{
    admin::{
        self, AuditAction, ExpiryWarning, ExportBundleResponse, GetTrustResponse, NodeCertificate, PeerBehind,
        PeerState, TrustKey,
    },
    error::Reason,
    options::Audience,
};
use isopolity_store::Peer;
use time::Duration;
use tracing::{error, info, warn};

use crate::{
    Caller, Error, Registry, Right,
    error::with_causes,
    expiry,
    peers::{bad_bundle, bad_bundle_text},
};

/// Who answered so long ago counts as one that can be waited for.
const LATELY: Duration = Duration::minutes(10);
/// The most certificates that are revoked at once.
const SERIALS_MAX: usize = 500;

/// Why a change of this city's own keys is refused.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// There is no next key.
    #[error("no next {0} is prepared: prepare one, give peers time to fetch the bundle that names it, then rotate")]
    NotPrepared(&'static str),
    /// Peers would be locked out for a while.
    #[error(
        "{} {} not fetched the bundle yet that names the new key: wait a moment and try again, or force it",
        listed(.0), if .0.len() == 1 { "has" } else { "have" }
    )]
    PeersBehind(Vec<CityId>),
    /// Somebody else keeps it.
    #[error("the city's own PKI keeps CA and certificates: change them there, and the files that [trust] names")]
    PkiExternal,
    /// There is no such key or certificate.
    #[error("there is no {0} here that could be withdrawn; \"isopolity trust list\" shows what there is")]
    Unknown(String),
}

impl TrustError {
    /// The reason for programs.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotPrepared(_) => Reason::KeyNotPrepared,
            Self::PeersBehind(_) => Reason::PeersBehind,
            Self::PkiExternal => Reason::PkiExternal,
            Self::Unknown(_) => Reason::KeyUnknown,
        }
    }
}

/// The first ten cities, with commas between.
#[must_use]
pub fn listed(cities: &[CityId]) -> String {
    let named = cities.iter().take(10).map(CityId::as_str).collect::<Vec<_>>().join(", ");
    match cities.len().checked_sub(10).filter(|more| *more > 0) {
        Some(more) => format!("{named} and {more} more"),
        None => named,
    }
}

impl Registry {
    /// The keys, the node's certificates, what is revoked, and which peers know of it.
    ///
    /// # Errors
    /// [`Error::RightMissing`], or what the store and the folder say.
    pub async fn trust(&self, caller: &Caller) -> Result<GetTrustResponse, Error> {
        caller.must(Right::Administer)?;
        let identity = self.identity();
        let bundle = self.present_bundle().await?;
        let external = identity.pki().is_some();
        let mut keys: Vec<TrustKey> = identity.record_keys().iter().map(record_key).collect();
        if external {
            keys.extend(bundle.authorities.iter().map(|certificate| TrustKey {
                kind: admin::KeyKind::Authority.into(),
                id: isopolity_federation::identity::authority_id(certificate),
                state: admin::KeyState::Current.into(),
                ..TrustKey::default()
            }));
        } else {
            keys.extend(identity.authorities().iter().map(authority));
        }
        let behind = self.federation().all().into_iter().filter_map(|peer| {
            let health = self.federation().health(&peer.city);
            let held = health.holds_of_ours.unwrap_or_default();
            (peer.state == PeerState::Active && held < bundle.sequence).then(|| PeerBehind {
                city: peer.city.to_string(),
                held_sequence: held,
                last_answer_time: health.last_answer.map(to_timestamp),
            })
        });
        Ok(GetTrustResponse {
            keys,
            certificates: if external { Vec::new() } else { self.certificates()? },
            bundle_sequence: bundle.sequence,
            bundle_issue_time: bundle.issued.map(to_timestamp),
            bundle_expire_time: Some(to_timestamp(bundle.expires)),
            external_pki: external,
            peers_behind: behind.collect(),
            warnings: self.trust_warnings().await?,
        })
    }

    /// Makes the key that comes next, unless there is one, and a bundle that names it.
    ///
    /// # Errors
    /// [`TrustError::PkiExternal`], or what the folder and the store say.
    pub async fn prepare_key(&self, caller: &Caller, kind: KeyKind) -> Result<(TrustKey, i64), Error> {
        caller.must(Right::Administer)?;
        let now = self.now();
        let sequence = self
            .change_keys(caller, format!("{kind:?}: prepared"), kind == KeyKind::Authority, move |identity| {
                identity.prepare(kind, now).map(drop)
            })
            .await?;
        let key = self.key(kind, KeyState::Next)?;
        info!(key.id = %key.id, key.kind = ?kind, caller.id = caller.id(), "key prepared");
        Ok((key, sequence))
    }

    /// Lets the key that was prepared take over.
    ///
    /// # Errors
    /// [`TrustError`], or what the folder and the store say.
    pub async fn rotate_key(&self, caller: &Caller, kind: KeyKind, force: bool) -> Result<(TrustKey, i64), Error> {
        caller.must(Right::Administer)?;
        if kind == KeyKind::Authority {
            self.must_keep_own_ca()?;
        }
        self.key(kind, KeyState::Next)?;
        if !force {
            // Whoever answers says what it holds, and hears of what it does not.
            self.announce_bundle().await;
            let behind = self.peers_behind();
            if !behind.is_empty() {
                return Err(TrustError::PeersBehind(behind).into());
            }
        }
        let now = self.now();
        let sequence = self
            .change_keys(caller, format!("{kind:?}: rotated"), kind == KeyKind::Authority, move |identity| {
                identity.rotate(kind, now)
            })
            .await?;
        let key = self.key(kind, KeyState::Current)?;
        info!(key.id = %key.id, key.kind = ?kind, caller.id = caller.id(), "key rotated");
        Ok((key, sequence))
    }

    /// Revokes certificates of the node, all that were issued until now if none is named, and takes a new one into use.
    ///
    /// # Errors
    /// [`TrustError::Unknown`] for one that was not issued here or has ended, [`TrustError::PkiExternal`].
    pub async fn revoke_certificates(
        &self,
        caller: &Caller,
        serials: &[String],
    ) -> Result<(Vec<NodeCertificate>, i64), Error> {
        caller.must(Right::Administer)?;
        self.must_keep_own_ca()?;
        if serials.len() > SERIALS_MAX {
            return Err(Violation::invalid("serials", format!("has more than {SERIALS_MAX} values")).into());
        }
        let now = self.now();
        let issued = self.identity().issued(now).map_err(Error::internal)?;
        let mut revoked = Vec::new();
        for serial in serials {
            let found = issued.iter().find(|one| one.serial.eq_ignore_ascii_case(serial));
            revoked.push(found.cloned().ok_or_else(|| TrustError::Unknown(format!("certificate {serial}")))?);
        }
        if serials.is_empty() {
            let known = self.identity().revoked();
            revoked = issued.into_iter().filter(|one| known.iter().all(|known| known.serial != one.serial)).collect();
        }
        let named: Vec<(String, String)> =
            revoked.iter().map(|one| (one.serial.clone(), one.authority.clone())).collect();
        let serials: Vec<String> = named.iter().map(|(serial, _)| serial.clone()).collect();
        let sequence = self
            .change_keys(caller, format!("certificates revoked: {}", serials.join(" ")), true, move |identity| {
                identity.revoke(&named, now)
            })
            .await?;
        warn!(certificates = ?serials, caller.id = caller.id(), "certificates of this node revoked");
        let mut certificates = self.certificates()?;
        certificates.retain(|one| serials.contains(&one.serial));
        Ok((certificates, sequence))
    }

    /// Takes a former CA out of the bundle.
    ///
    /// # Errors
    /// [`TrustError::Unknown`] if there is none of that id, [`TrustError::PkiExternal`].
    pub async fn withdraw_authority(&self, caller: &Caller, id: &str) -> Result<i64, Error> {
        caller.must(Right::Administer)?;
        self.must_keep_own_ca()?;
        let named = id.to_owned();
        let sequence = self
            .change_keys(caller, format!("CA withdrawn: {id}"), true, move |identity| {
                identity.withdraw_authority(&named)
            })
            .await?;
        warn!(authority.id = id, caller.id = caller.id(), "CA withdrawn");
        Ok(sequence)
    }

    /// The CAs of this city or of a peer in plain SPIFFE form.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`].
    pub async fn export_bundle(&self, caller: &Caller, city: &str) -> Result<ExportBundleResponse, Error> {
        caller.must(Right::Administer)?;
        let bundle = if city.is_empty() || city == self.city().as_str() {
            self.present_bundle().await?
        } else {
            let unknown = || Error::PeerUnknown(city.chars().take(300).collect());
            let id: CityId = city.parse().map_err(|_error: isopolity_domain::city_id::CityIdError| unknown())?;
            self.federation().get(&id).filter(|peer| peer.state != PeerState::Left).ok_or_else(unknown)?.bundle
        };
        Ok(ExportBundleResponse { trust_domain: bundle.city.to_string(), jwks: bundle.to_spiffe() })
    }

    /// Takes a peer's bundle though the one that is held does not lead to it. The city has to be approved again.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`] for a city that was never added, [`Error::Invalid`] for a bundle that is not good or not the one whose
    /// fingerprint is given.
    pub async fn reset_peer_bundle(
        &self,
        caller: &Caller,
        file: &[u8],
        fingerprint: &str,
    ) -> Result<admin::Peer, Error> {
        caller.must(Right::Administer)?;
        let bundle = Bundle::parse(file).map_err(|error| bad_bundle(&error))?;
        if bundle.expired(self.now()) {
            return Err(bad_bundle_text(&format!("expired at {}: ask the city for its present one", bundle.expires)));
        }
        if fingerprint.is_empty() {
            return Err(Violation::required("fingerprint").into());
        }
        let found = bundle.fingerprint();
        if !fingerprint.eq_ignore_ascii_case(&found) {
            let description = format!("is not that of this bundle, which is {found}: ask the city again");
            return Err(Violation::invalid("fingerprint", description).into());
        }
        let mut tx = self.store().begin("reset peer bundle").await?;
        let known = tx.peer(&bundle.city).await?.ok_or_else(|| Error::PeerUnknown(bundle.city.to_string()))?;
        let held = known.bundle_sequence;
        let peer = Peer {
            state: PeerState::Invited,
            state_reason: String::new(),
            audience: Audience::Public,
            bundle: bundle.file.clone(),
            bundle_sequence: bundle.sequence,
            approve_time: None,
            ..known
        };
        tx.put_peer(&peer).await?;
        tx.audit(self.event(caller, AuditAction::PeerAdded).with_peer(&peer.city).saying(&found));
        tx.commit().await?;
        self.reload_peers().await?;
        self.federation().close_connections(&peer.city);
        warn!(peer.city = %peer.city, peer.bundle_sequence = peer.bundle_sequence, held, caller.id = caller.id(), "the bundle of a peer was reset");
        Ok(self.describe(&peer))
    }

    /// Renews what is due of this city's own trust: takes out CAs of before, gets a new certificate, signs a new bundle, tells
    /// peers of it, and warns of what is about to end. To be called a few times an hour at least.
    pub async fn tend_trust(&self) {
        let now = self.now();
        if let Err(error) = self.federation().renew_leaves(now) {
            warn!(%error, "a certificate can't be renewed; trying again");
        }
        let renewed = {
            let _one_at_a_time = self.inner.changing_trust.lock().await;
            if let Err(error) = self.identity().tidy(now) {
                warn!(%error, "a CA of before can't be taken out of the bundle; trying again");
            }
            self.renew_own_bundle().await
        };
        match renewed {
            Ok(true) => self.announce_bundle().await,
            Ok(false) => {}
            Err(error) => error!(error = %with_causes(&error), "the own bundle can't be renewed; trying again"),
        }
        match self.trust_warnings().await {
            Ok(warnings) => self.inner.warned.log("this city", &warnings),
            Err(error) => warn!(error = %with_causes(&error), "it can't be said what is about to end"),
        }
    }

    /// What of this city's own trust is about to end.
    ///
    /// # Errors
    /// What the store says.
    pub async fn trust_warnings(&self) -> Result<Vec<ExpiryWarning>, Error> {
        let (now, leaf) = (self.now(), self.federation().leaf());
        let mut warnings = Vec::new();
        let renew = if leaf.is_of_files() {
            "the city's own PKI must write a new one into the files that [trust] names"
        } else {
            "it should have been renewed by itself; see the log"
        };
        warnings.extend(expiry::warning("certificate in the federation", (leaf.begins(), leaf.expires()), now, renew));
        if self.identity().pki().is_none() {
            let current = self.identity().current_authority();
            let subject = format!("CA {}", current.id());
            let prepare = "prepare a new one, and rotate to it some days later";
            warnings.extend(expiry::warning(&subject, (current.begins, current.expires), now, prepare));
        }
        if self.inner.endpoint.is_some() {
            let bundle = self.present_bundle().await?;
            let begins = bundle.issued.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
            let renewed = "it should have been renewed by itself; see the log";
            warnings.extend(expiry::warning("trust bundle", (begins, bundle.expires), now, renewed));
            if self.identity().pki().is_some()
                && let Some(life) = bundle.last_authority()
            {
                let add = "add the new CA to the file that trust.authorities names";
                warnings.extend(expiry::warning("last CA", life, now, add));
            }
        }
        Ok(warnings)
    }

    /// One change of keys: in the folder, in the certificate that is shown, in the bundle; then peers are told.
    async fn change_keys(
        &self,
        caller: &Caller,
        what: String,
        of_authority: bool,
        change: impl FnOnce(&Identity) -> Result<(), IdentityError> + Send + 'static,
    ) -> Result<i64, Error> {
        if of_authority {
            self.must_keep_own_ca()?;
        }
        {
            let _one_at_a_time = self.inner.changing_trust.lock().await;
            let (identity, peers, now) = (self.identity().clone(), self.federation().clone(), self.now());
            let before = identity.revoked().len();
            let changed = tokio::task::spawn_blocking(move || {
                change(&identity)?;
                if identity.revoked().len() > before {
                    peers.leaf().renew(now)?;
                }
                match peers.renew_leaves(now) {
                    // Files that somebody else is just writing have nothing to do with this change.
                    Err(error) if peers.leaf().is_of_files() => {
                        warn!(%error, "a certificate can't be renewed; trying again");
                        Ok(())
                    }
                    renewed => renewed,
                }
            });
            changed.await.map_err(Error::internal)?.map_err(refused)?;
            let mut tx = self.store().begin("log change of keys").await?;
            tx.audit(self.event(caller, AuditAction::KeyRotated).saying(&what));
            tx.commit().await?;
            self.renew_own_bundle().await?;
        }
        let telling = self.clone();
        tokio::spawn(async move { telling.announce_bundle().await });
        Ok(self.present_bundle().await?.sequence)
    }

    fn must_keep_own_ca(&self) -> Result<(), Error> {
        if self.identity().pki().is_some() { Err(TrustError::PkiExternal.into()) } else { Ok(()) }
    }

    /// Active peers that answered lately and do not hold the present bundle.
    fn peers_behind(&self) -> Vec<CityId> {
        let (now, present) = (self.now(), *self.federation().bundle_sequence().borrow());
        let behind = self.federation().all().into_iter().filter(|peer| {
            let health = self.federation().health(&peer.city);
            peer.state == PeerState::Active
                && health.approved_by_peer == Some(true)
                && health.last_answer.is_some_and(|answered| now - answered < LATELY)
                && health.holds_of_ours.is_some_and(|held| held < present)
        });
        behind.map(|peer| peer.city).collect()
    }

    fn key(&self, kind: KeyKind, state: KeyState) -> Result<TrustKey, Error> {
        let identity = self.identity();
        let (found, what) = match kind {
            KeyKind::Record => {
                (identity.record_keys().iter().find(|key| key.state == state).map(record_key), "record key")
            }
            KeyKind::Authority => (identity.authorities().iter().find(|one| one.state == state).map(authority), "CA"),
        };
        Ok(found.ok_or(TrustError::NotPrepared(what))?)
    }

    fn certificates(&self) -> Result<Vec<NodeCertificate>, Error> {
        let revoked = self.identity().revoked();
        let in_use = self.federation().leaf().serial();
        let issued = self.identity().issued(self.now()).map_err(Error::internal)?;
        Ok(issued
            .into_iter()
            .map(|IssuedLeaf { serial, authority, issued, not_after }| NodeCertificate {
                issue_time: Some(to_timestamp(issued)),
                expire_time: Some(to_timestamp(not_after)),
                in_use: in_use.as_ref() == Some(&serial),
                revoke_time: revoked.iter().find(|one| one.serial == serial).map(|one| to_timestamp(one.time)),
                serial,
                authority,
            })
            .collect())
    }
}

/// What a refusal of the folder means for the caller.
fn refused(error: IdentityError) -> Error {
    match error {
        IdentityError::NotPrepared(KeyKind::Record) => TrustError::NotPrepared("record key").into(),
        IdentityError::NotPrepared(KeyKind::Authority) => TrustError::NotPrepared("CA").into(),
        IdentityError::NoSuchAuthority(id) => TrustError::Unknown(format!("former CA {id}")).into(),
        other => Error::internal(other),
    }
}

fn record_key(key: &RecordKey) -> TrustKey {
    TrustKey {
        kind: admin::KeyKind::Record.into(),
        id: key.id(),
        state: state(key.state).into(),
        state_time: Some(to_timestamp(key.since)),
        sign_end_time: key.until.map(to_timestamp),
        expire_time: None,
    }
}

fn authority(one: &Authority) -> TrustKey {
    TrustKey {
        kind: admin::KeyKind::Authority.into(),
        id: one.id(),
        state: state(one.state).into(),
        state_time: Some(to_timestamp(one.since)),
        sign_end_time: None,
        expire_time: Some(to_timestamp(one.expires)),
    }
}

fn state(state: KeyState) -> admin::KeyState {
    match state {
        KeyState::Current => admin::KeyState::Current,
        KeyState::Next => admin::KeyState::Next,
        KeyState::Former => admin::KeyState::Former,
    }
}
