//! Taking new keys into use, step by step, while the node runs.
//!
//! A key is prepared first: peers learn of it from a bundle that the key in use signs. Later it takes over. Each step writes the
//! new key's file, then `keys.json` in one piece, and only then works with it: a step that is cut short leaves the keys as they
//! were.

use std::sync::{Arc, PoisonError};

use ed25519_dalek::pkcs8::{EncodePrivateKey as _, spki::der::pem::LineEnding};
use isopolity_domain::envelope::SigningKey;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use time::{Duration, OffsetDateTime};
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    Identity, IdentityError, ca_params, files, issue,
    ring::{CA_CERTIFICATE, KeyState, RecordKey, Revoked, Ring, load_authority},
};
use crate::bundle::{MOST_KEYS, MOST_RECORD_KEYS};

/// How long a CA that was replaced stays in the bundle: longer than any certificate of it lives, so that a node which was away
/// meanwhile can still show one that its peers know.
pub const FORMER_CA: Duration = Duration::days(30);
/// What was begun with a record key may be published so long after it was replaced.
pub(super) const GRACE: Duration = Duration::minutes(1);

/// Which of a city's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The key that signs records and bundles.
    Record,
    /// The CA that issues the node's certificates.
    Authority,
}

impl Identity {
    /// Makes the key that comes next, unless there is one already. Returns whether it made one.
    ///
    /// # Errors
    /// [`IdentityError`] if it can't be written.
    pub fn prepare(&self, kind: KeyKind, now: OffsetDateTime) -> Result<bool, IdentityError> {
        self.change(|ring| {
            let next = |state: KeyState| state == KeyState::Next;
            let there = match kind {
                KeyKind::Record => ring.record_keys.iter().any(|key| next(key.state)),
                KeyKind::Authority => ring.authorities.iter().any(|one| next(one.state)),
            };
            if there {
                return Ok(false);
            }
            match kind {
                KeyKind::Record => self.new_record_key(ring, now)?,
                KeyKind::Authority => self.new_authority(ring, now)?,
            }
            Ok(true)
        })
    }

    /// Takes the key that was prepared into use. The one before becomes a former one; a record key's private half is destroyed.
    ///
    /// # Errors
    /// [`IdentityError::NotPrepared`] if there is none, or what can't be written.
    pub fn rotate(&self, kind: KeyKind, now: OffsetDateTime) -> Result<(), IdentityError> {
        let mut done_with = None;
        self.change(|ring| {
            match kind {
                KeyKind::Record => {
                    if !ring.record_keys.iter().any(|key| key.state == KeyState::Next) {
                        return Err(IdentityError::NotPrepared(kind));
                    }
                    for key in &mut ring.record_keys {
                        match key.state {
                            KeyState::Current => {
                                (key.state, key.since, key.until) = (KeyState::Former, now, Some(now + GRACE));
                                key.secret = None;
                                done_with = Some(self.folder().join(&key.file));
                            }
                            KeyState::Next => (key.state, key.since) = (KeyState::Current, now),
                            KeyState::Former => {}
                        }
                    }
                }
                KeyKind::Authority => {
                    if !ring.authorities.iter().any(|one| one.state == KeyState::Next) {
                        return Err(IdentityError::NotPrepared(kind));
                    }
                    for one in &mut ring.authorities {
                        match one.state {
                            KeyState::Current => (one.state, one.since) = (KeyState::Former, now),
                            KeyState::Next => (one.state, one.since) = (KeyState::Current, now),
                            KeyState::Former => {}
                        }
                    }
                }
            }
            Ok(())
        })?;
        // Only now: until keys.json was written, this file was the one in use.
        done_with.map_or(Ok(()), |file| files::remove(&file))
    }

    /// Withdraws certificates of the node by serial number, in the list of revoked ones that the next bundle carries.
    ///
    /// # Errors
    /// [`IdentityError`] if it can't be written.
    pub fn revoke(&self, certificates: &[(String, String)], now: OffsetDateTime) -> Result<(), IdentityError> {
        self.change(|ring| {
            for (serial, authority) in certificates {
                if !ring.revoked.iter().any(|known| known.serial == *serial && known.authority == *authority) {
                    ring.revoked.push(Revoked { serial: serial.clone(), authority: authority.clone(), time: now });
                }
            }
            ring.crl_number += 1;
            Ok(())
        })
    }

    /// Takes a former CA out of the bundle and destroys its key.
    ///
    /// # Errors
    /// [`IdentityError::NoSuchAuthority`] if there is no former CA of that id, or what can't be written.
    pub fn withdraw_authority(&self, id: &str) -> Result<(), IdentityError> {
        let mut key = None;
        self.change(|ring| {
            let found = ring.authorities.iter().position(|one| one.state == KeyState::Former && one.id() == id);
            let Some(at) = found else { return Err(IdentityError::NoSuchAuthority(id.to_owned())) };
            key = Some(self.folder().join(ring.authorities.remove(at).key_file));
            ring.revoked.retain(|one| one.authority != id);
            Ok(())
        })?;
        key.map_or(Ok(()), |file| files::remove(&file))
    }

    /// Takes those CAs out of the bundle that have not been in use for [`FORMER_CA`], and forgets what they revoked. Returns
    /// whether there was one.
    ///
    /// # Errors
    /// [`IdentityError`] if it can't be written.
    pub fn tidy(&self, now: OffsetDateTime) -> Result<bool, IdentityError> {
        let over: Vec<String> = self
            .authorities()
            .into_iter()
            .filter(|one| one.state == KeyState::Former && one.since + FORMER_CA <= now)
            .map(|one| one.id())
            .collect();
        for id in &over {
            self.withdraw_authority(id)?;
        }
        Ok(!over.is_empty())
    }

    /// One change at a time: on disk first, then here.
    fn change<T>(&self, change: impl FnOnce(&mut Ring) -> Result<T, IdentityError>) -> Result<T, IdentityError> {
        let _one_at_a_time = self.inner.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ring = Ring::clone(&self.inner.ring.load());
        self.keep_secret()?;
        self.keep_first_certificate(&mut ring)?;
        let done = change(&mut ring)?;
        ring.sort();
        // Clients of the API trust this file; who copied it while a CA was prepared goes on when that takes over.
        files::replace(&self.folder().join(CA_CERTIFICATE), ring.roots().as_bytes())?;
        ring.save(self.folder())?;
        self.inner.ring.store(Arc::new(ring));
        Ok(done)
    }

    /// `ca.pem` is about to hold every CA: the first one gets a file of its own.
    fn keep_first_certificate(&self, ring: &mut Ring) -> Result<(), IdentityError> {
        for one in ring.authorities.iter_mut().filter(|one| one.certificate_file == CA_CERTIFICATE) {
            let name = format!("ca-{}.pem", one.id());
            files::replace(&self.folder().join(&name), one.pem.as_bytes())?;
            one.certificate_file = name;
        }
        Ok(())
    }

    fn new_record_key(&self, ring: &mut Ring, now: OffsetDateTime) -> Result<(), IdentityError> {
        let key = random_record_key()?;
        let pem = record_pem(&key)?;
        let public = key.verifying_key();
        let file = format!("record-{}.key", isopolity_domain::envelope::key_id(&public).get(..12).unwrap_or_default());
        files::write_new(&self.folder().join(&file), pem.as_bytes())?;
        ring.record_keys.push(RecordKey {
            state: KeyState::Next,
            public,
            since: now,
            until: None,
            secret: Some(Arc::new(key)),
            file,
        });
        while ring.record_keys.len() > MOST_RECORD_KEYS {
            let oldest = ring.record_keys.iter().enumerate().filter(|(_, key)| key.state == KeyState::Former);
            let Some((at, _)) = oldest.min_by_key(|(_, key)| key.since) else { break };
            ring.record_keys.remove(at);
        }
        Ok(())
    }

    fn new_authority(&self, ring: &mut Ring, now: OffsetDateTime) -> Result<(), IdentityError> {
        if ring.authorities.len() >= MOST_KEYS {
            return Err(IdentityError::Issue(format!(
                "there are {MOST_KEYS} CAs in the bundle already; withdraw a former one first"
            )));
        }
        let (key_pem, certificate) = new_ca(self.city(), now)?;
        let id = super::ring::authority_id(certificate.der());
        let (certificate_file, key_file) = (format!("ca-{id}.pem"), format!("ca-{id}.key"));
        files::write_new(&self.folder().join(&key_file), key_pem.as_bytes())?;
        files::replace(&self.folder().join(&certificate_file), certificate.pem().as_bytes())?;
        let state = KeyState::Next;
        ring.authorities.push(load_authority(
            self.folder(),
            self.city(),
            &certificate_file,
            &key_file,
            state,
            Some(now),
        )?);
        Ok(())
    }
}

/// A new record key.
pub(super) fn random_record_key() -> Result<SigningKey, IdentityError> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|error| IdentityError::Issue(error.to_string()))?;
    Ok(SigningKey::from_bytes(&seed))
}

pub(super) fn record_pem(key: &SigningKey) -> Result<Zeroizing<String>, IdentityError> {
    key.to_pkcs8_pem(LineEnding::LF).map_err(|error| IdentityError::Issue(error.to_string()))
}

/// A new CA: its key as PEM, and its certificate.
pub(super) fn new_ca(
    city: &isopolity_domain::CityId,
    now: OffsetDateTime,
) -> Result<(Zeroizing<String>, rcgen::Certificate), IdentityError> {
    let mut key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(issue)?;
    let pem = Zeroizing::new(key.serialize_pem());
    let certificate = ca_params(city, now)?.self_signed(&key).map_err(issue)?;
    key.zeroize();
    Ok((pem, certificate))
}
