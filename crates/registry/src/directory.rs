//! The signed list of members of a large federation: taking it, becoming peers of those whom it names, passing it on.
//!
//! A directory comes from a file, from a peer that says that it has a later one, or from an administrator, and is judged alike
//! ([`isopolity_domain::directory`]). What is not taken changes nothing and is told: by `directory show`, and in the log. Cities that
//! it names are peers from then on and see what is PUBLIC; those that it names no more have left. A city whose bundle was here before
//! by hand is left alone: the directory can't replace what two people compared.

mod members;
pub mod offline;

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use isopolity_domain::{
    CityId,
    clock::to_timestamp,
    directory::{Directory, DirectoryError, InForce, Operators, signers},
    envelope,
    text::hexadecimal,
};
use isopolity_federation::Bundle;
use isopolity_proto::{
    admin::{self, AuditAction, DirectoryStatus, PeerState},
    error::Reason,
    federation::Envelope,
    options::Audience,
};
use time::OffsetDateTime;
use tracing::{info, warn};

use crate::{Caller, Error, Registry, Right, author::NODE, error::with_causes};

/// Where the store keeps the directory in force.
const IN_FORCE: &str = "directory";
/// Where it keeps the highest version that was seen.
const SEEN: &str = "directory_seen";
/// The largest file that is read, in bytes: a payload of 3 MiB in base64, and signatures.
const FILE_MAX: usize = 5 << 20;
/// How long a peer may take to send one.
const FETCHING: Duration = Duration::from_secs(10);

/// Why a directory is not taken or shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryRefusal {
    /// It is not to be believed, or older than what was seen.
    #[error(transparent)]
    Judged(#[from] DirectoryError),
    /// What it says of a member makes no sense.
    #[error("the directory's entry of {city} is wrong: {problem}")]
    Member {
        /// The member.
        city: CityId,
        /// What is wrong.
        problem: String,
    },
    /// The configuration names no operators, or there is none yet.
    #[error("this node has no directory{0}")]
    Missing(&'static str),
    /// A reset that names another version than the one in force.
    #[error("version {0} is in force: name it to confirm that it is to be forgotten")]
    OtherVersion(i64),
}

impl DirectoryRefusal {
    /// The reason for programs.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Judged(error) => match error {
                DirectoryError::Malformed(_) | DirectoryError::OtherFederation { .. } => Reason::DirectoryInvalid,
                DirectoryError::Signatures { .. } => Reason::DirectorySignatures,
                DirectoryError::NotYet(_) => Reason::ClockSkew,
                DirectoryError::Expired(_) => Reason::DirectoryExpired,
                DirectoryError::Rollback { .. } | DirectoryError::Fork(_) => Reason::DirectoryRollback,
                DirectoryError::FastForward { .. } => Reason::DirectoryFastForward,
            },
            Self::Member { .. } => Reason::DirectoryInvalid,
            Self::Missing(_) => Reason::DirectoryMissing,
            Self::OtherVersion(_) => Reason::DirectoryRollback,
        }
    }
}

/// What is kept in memory.
#[derive(Default)]
pub(crate) struct Book {
    operators: OnceLock<Operators>,
    /// The version in force.
    version: Mutex<i64>,
    /// Why what came last from each source was not taken.
    troubles: Mutex<BTreeMap<String, Trouble>>,
}

#[derive(Clone)]
struct Trouble {
    time: OffsetDateTime,
    reason: Reason,
    text: String,
}

impl Book {
    fn operators(&self) -> Result<&Operators, Error> {
        self.operators.get().ok_or_else(|| DirectoryRefusal::Missing(": the configuration names no operators").into())
    }

    fn version(&self) -> i64 {
        *self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_version(&self, version: i64) {
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = version;
    }

    /// Remembers what came of a source; returns whether that is news.
    fn note(&self, source: &str, trouble: Option<Trouble>) -> bool {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            None => troubles.remove(source).is_some(),
            Some(trouble) => {
                let text = trouble.text.clone();
                troubles.insert(source.to_owned(), trouble).is_none_or(|before| before.text != text)
            }
        }
    }

    /// What was wrong before a later directory was taken is settled; what is wrong still comes again.
    fn forget_troubles(&self) {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn latest_trouble(&self) -> Option<Trouble> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let (source, latest) = troubles.iter().max_by_key(|(_, trouble)| trouble.time)?;
        Some(Trouble { text: format!("from {source}: {}", latest.text), ..latest.clone() })
    }
}

impl Registry {
    /// Believes these operators from now on. To be called once, before anything is served.
    ///
    /// # Errors
    /// What the store says.
    pub async fn follow_directory(&self, operators: Operators) -> Result<(), Error> {
        // A second call is none of ours.
        let operators = self.inner.directory.operators.get_or_init(|| operators);
        if let Some((directory, _)) = self.directory_in_force().await?
            && directory.federation == operators.federation
        {
            self.inner.directory.set_version(directory.version);
        }
        Ok(())
    }

    /// How the directory stands, and its file if that is wanted.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`DirectoryRefusal::Missing`] without operators in the configuration.
    pub async fn directory(&self, caller: &Caller) -> Result<(DirectoryStatus, Bytes), Error> {
        caller.must(Right::Administer)?;
        let file = self.store().setting(IN_FORCE).await?.unwrap_or_default();
        Ok((self.directory_status().await?, file))
    }

    /// Takes a directory that an administrator hands in.
    ///
    /// # Errors
    /// [`Error::Directory`] with the reason for which it is not taken.
    pub async fn offer_directory(&self, caller: &Caller, file: &[u8]) -> Result<DirectoryStatus, Error> {
        caller.must(Right::Administer)?;
        self.take_directory(file).await?;
        self.directory_status().await
    }

    /// Forgets the highest version that was seen, so that a lower one can be taken.
    ///
    /// # Errors
    /// [`DirectoryRefusal::OtherVersion`] if another one is in force than the one that is named.
    pub async fn reset_directory(&self, caller: &Caller, version: i64) -> Result<DirectoryStatus, Error> {
        caller.must(Right::Administer)?;
        let operators = self.inner.directory.operators()?;
        let mut tx = self.store().begin("reset directory").await?;
        let seen = tx.setting(SEEN).await?.and_then(|seen| read_seen(&seen, &operators.federation));
        let Some(seen) = seen else { return Err(DirectoryRefusal::Missing(" yet").into()) };
        if seen.version != version {
            return Err(DirectoryRefusal::OtherVersion(seen.version).into());
        }
        tx.set_setting(SEEN, b"").await?;
        tx.audit(self.event(caller, AuditAction::DirectoryTaken).saying(&format!("reset from version {version}")));
        tx.commit().await?;
        warn!(directory.version = version, caller.id = caller.id(), "the directory's version was forgotten");
        self.directory_status().await
    }

    /// Takes a directory that was found somewhere. What is wrong with it is kept, and logged once.
    pub async fn found_directory(&self, source: &str, file: Result<Vec<u8>, String>) {
        let taken = match file {
            Ok(file) => self.take_directory(&file).await,
            Err(problem) => Err(DirectoryRefusal::Judged(DirectoryError::Malformed(problem)).into()),
        };
        let trouble = match &taken {
            Ok(()) => None,
            // A source that is only late does no harm: what is in force is later.
            Err(Error::Directory(DirectoryRefusal::Judged(DirectoryError::Rollback { .. })))
                if source != "the file" =>
            {
                None
            }
            Err(error) => Some(Trouble { time: self.now(), reason: error.reason(), text: with_causes(error) }),
        };
        if self.inner.directory.note(source, trouble)
            && let Err(error) = taken
        {
            warn!(directory.source = source, error = %with_causes(&error), "a directory is not taken; the one before stays in force");
        }
    }

    /// Fetches the directory of a peer that says that it has a later one.
    pub(crate) async fn consider_directory(&self, city: &CityId, version: i64) {
        let book = &self.inner.directory;
        if book.operators.get().is_none() || version <= book.version() {
            return;
        }
        match self.federation().fetch_directory(city, book.version(), FETCHING).await {
            Ok(Some(sealed)) => {
                self.found_directory(city.as_str(), Ok(envelope::to_file(&sealed).into_bytes())).await;
            }
            Ok(None) => {}
            Err(error) => info!(peer.city = %city, "the peer's directory can't be fetched: {error}"),
        }
    }

    /// The directory for an approved peer, unless the peer's is as new.
    ///
    /// # Errors
    /// [`Error::PeerNotApproved`] and the like, [`DirectoryRefusal::Missing`].
    pub async fn directory_for_peer(&self, peer: &CityId, version: i64) -> Result<Option<Envelope>, Error> {
        self.must_be_active(peer)?;
        let Some((directory, sealed)) = self.directory_in_force().await? else {
            return Err(DirectoryRefusal::Missing(" yet").into());
        };
        Ok((directory.version > version).then_some(sealed))
    }

    /// The version in force; 0: none.
    pub(crate) fn directory_version(&self) -> i64 {
        self.inner.directory.version()
    }

    async fn directory_in_force(&self) -> Result<Option<(Directory, Envelope)>, Error> {
        let Some(file) = self.store().setting(IN_FORCE).await? else { return Ok(None) };
        let sealed = envelope::from_file(&file).map_err(Error::internal)?;
        Ok(Some((Directory::read(&sealed).map_err(Error::internal)?, sealed)))
    }

    /// Takes a directory in place of the one in force, or says why not. Members come and go in the same transaction.
    async fn take_directory(&self, file: &[u8]) -> Result<(), Error> {
        let operators = self.inner.directory.operators()?;
        let refused = |error: DirectoryError| Error::from(DirectoryRefusal::from(error));
        if file.len() > FILE_MAX {
            return Err(refused(DirectoryError::Malformed(format!("it has more than {FILE_MAX} bytes"))));
        }
        let sealed =
            envelope::from_file(file).map_err(|error| refused(DirectoryError::Malformed(error.to_string())))?;
        let now = self.now();
        // Judged before the members are looked at, and again below: nobody may have taken another one meanwhile.
        let seen = self.store().setting(SEEN).await?.and_then(|seen| read_seen(&seen, &operators.federation));
        let judged = operators.judge(&sealed, seen.as_ref(), now).map_err(refused)?;
        if judged.is_in_force {
            return Ok(());
        }
        let bundles = checked_bundles(&judged.directory)?;
        let mut tx = self.store().begin("take directory").await?;
        let seen = tx.setting(SEEN).await?.and_then(|seen| read_seen(&seen, &operators.federation));
        operators.judge(&sealed, seen.as_ref(), now).map_err(refused)?;
        let before: BTreeMap<CityId, PeerState> =
            tx.peers().await?.into_iter().map(|peer| (peer.city, peer.state)).collect();
        let left = members::take(&mut tx, self.city(), &judged.directory, &bundles, now).await?;
        for peer in tx.peers().await? {
            let state = before.get(&peer.city).copied().unwrap_or(PeerState::Invited);
            if state != peer.state {
                self.agree_by_state(&mut tx, state, &peer, Audience::Unspecified, NODE.into()).await?;
            }
        }
        tx.set_setting(IN_FORCE, file).await?;
        tx.set_setting(SEEN, &write_seen(&operators.federation, judged.directory.version, &judged.digest)).await?;
        let taken =
            self.event(NODE, AuditAction::DirectoryTaken).about(format!("directories/{}", operators.federation));
        tx.audit(taken.saying(&format!("version {}", judged.directory.version)));
        tx.commit().await?;
        self.inner.directory.set_version(judged.directory.version);
        self.inner.directory.forget_troubles();
        self.reload_peers().await?;
        info!(
            directory.version = judged.directory.version,
            directory.members = judged.directory.members.len(),
            directory.left = left.len(),
            "a directory is in force"
        );
        let registry = self.clone();
        tokio::spawn(async move {
            for city in left {
                registry.tell_and_close(&city).await;
            }
        });
        Ok(())
    }

    async fn directory_status(&self) -> Result<DirectoryStatus, Error> {
        let book = &self.inner.directory;
        let operators = book.operators()?;
        let mut status = DirectoryStatus {
            federation: operators.federation.clone(),
            threshold: i32::try_from(operators.threshold).unwrap_or(i32::MAX),
            ..DirectoryStatus::default()
        };
        let mut trouble = book.latest_trouble();
        if let Some((directory, sealed)) = self.directory_in_force().await? {
            if trouble.is_none() && directory.expires <= self.now() {
                let text = format!(
                    "version {} expired at {} and stays in force: ask the operators",
                    directory.version, directory.expires
                );
                trouble = Some(Trouble { time: directory.expires, reason: Reason::DirectoryExpired, text });
            }
            if trouble.is_none() && !directory.members.iter().any(|member| member.city == *self.city()) {
                let text = "this city is not among its members: they do not know it".to_owned();
                trouble = Some(Trouble { time: directory.issued, reason: Reason::DirectoryInvalid, text });
            }
            status.version = directory.version;
            status.issue_time = Some(to_timestamp(directory.issued));
            status.expire_time = Some(to_timestamp(directory.expires));
            status.members = i32::try_from(directory.members.len()).unwrap_or(i32::MAX);
            status.signed_by = signers(&sealed, &operators.keys).into_iter().collect();
        }
        if let Some(Trouble { time, reason, text }) = trouble {
            status.trouble = text;
            status.trouble_reason = reason.into();
            status.trouble_time = Some(to_timestamp(time));
        }
        Ok(status)
    }

    /// Adds to a peer what the directory says of it.
    pub(crate) async fn show_membership(&self, shown: &mut admin::Peer, city: &CityId) -> Result<(), Error> {
        shown.set_origin(admin::PeerOrigin::Exchange);
        if let Some(membership) = self.store().membership(city).await? {
            if !membership.pinned {
                shown.set_origin(admin::PeerOrigin::Directory);
            }
            shown.directory_trouble = membership.trouble;
        }
        if shown.state() == PeerState::Unspecified {
            shown.set_origin(admin::PeerOrigin::Unspecified);
        }
        Ok(())
    }
}

/// The bundles of all members, each sound and of its member.
fn checked_bundles(directory: &Directory) -> Result<Vec<Bundle>, Error> {
    let bundle = |member: &isopolity_domain::directory::Member| {
        let wrong = |problem: String| DirectoryRefusal::Member { city: member.city.clone(), problem };
        let bundle = Bundle::parse(&member.bundle).map_err(|error| wrong(error.to_string()))?;
        if bundle.city != member.city {
            return Err(wrong(format!("its bundle is of {}", bundle.city)));
        }
        if bundle.endpoint != member.endpoint {
            return Err(wrong(format!("its endpoint is {}, that of its bundle {}", member.endpoint, bundle.endpoint)));
        }
        Ok(bundle)
    };
    Ok(directory.members.iter().map(bundle).collect::<Result<_, DirectoryRefusal>>()?)
}

fn write_seen(federation: &str, version: i64, digest: &[u8; 32]) -> Vec<u8> {
    format!("{federation} {version} {}", hexadecimal(digest)).into_bytes()
}

/// The highest version that was seen of this federation.
fn read_seen(seen: &[u8], federation: &str) -> Option<InForce> {
    let text = str::from_utf8(seen).ok()?;
    let mut parts = text.split(' ');
    let (of, version, digest) = (parts.next()?, parts.next()?, parts.next()?);
    if of != federation {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digest.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(InForce { version: version.parse().ok()?, digest: bytes })
}
