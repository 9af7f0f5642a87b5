//! Becoming peers with an invitation: making one, taking one of another city, and letting in the city that holds one.
//!
//! The code names this city's bundle, so that the other side knows whom it talks to before it says the secret. The secret is used
//! once: the peer is added and the invitation marked in one transaction. Of the secret the database keeps a SHA-256 hash (a slow hash
//! would add nothing: there is no dictionary of 160-bit secrets).

mod refusal;

use std::time::Duration;

use bytes::Bytes;
use isopolity_domain::{
    Violation,
    audit::Subject,
    clock::to_timestamp,
    envelope,
    invitation::{Invitation, SECRET, id_text},
};
use isopolity_federation::{Bundle, LinkError, PeerIdentity, address::private_class, bundle::parse_endpoint};
use isopolity_proto::{
    admin::{self, AuditAction, InvitationState, PeerState},
    catalog::Outcome,
    error::Reason,
    federation::{AuditOutcome, JoinRequest, JoinResponse},
};
use isopolity_store::{Invitation as Kept, Tx};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;
use tracing::{info, warn};
use zeroize::Zeroizing;

use crate::{Caller, Error, Registry, Right, peers};

pub use refusal::JoinRefusal;

/// How long an invitation lasts unless said otherwise, and at most.
const HOURS: (i32, i32) = (72, 720);
/// The most that may be open at once.
const OPEN_MAX: usize = 100;
/// After so many wrong secrets an invitation closes itself.
const FAILURES_MAX: i32 = 5;
/// The time for each call of joining.
const CALL: Duration = Duration::from_secs(8);

/// An invitation that was just made: the only time that its code is known.
pub struct NewInvitation {
    /// The invitation without its secret.
    pub invitation: admin::Invitation,
    /// What the other city is to be sent.
    pub code: Zeroizing<String>,
}

impl std::fmt::Debug for NewInvitation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NewInvitation").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

impl Registry {
    /// Makes an invitation that lasts so many hours, 1 to 720; 0: 72.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`] for the hours, [`JoinRefusal::TooMany`] if 100 are open.
    pub async fn create_invitation(&self, caller: &Caller, hours: i32) -> Result<NewInvitation, Error> {
        caller.must(Right::Administer)?;
        let hours = if hours == 0 { HOURS.0 } else { hours };
        if !(1..=HOURS.1).contains(&hours) {
            return Err(Violation::invalid("hours", format!("must be 1 to {}", HOURS.1)).into());
        }
        let bundle = self.present_bundle().await?;
        let mut random = Zeroizing::new([0_u8; 5 + SECRET]);
        getrandom::fill(random.as_mut()).map_err(|error| Error::internal(error.to_string()))?;
        let (Some((id, rest)), now) = (random.split_first_chunk::<5>(), self.now()) else {
            return Err(Error::internal("too little chance"));
        };
        let secret = Zeroizing::new(*rest.first_chunk::<SECRET>().ok_or_else(|| Error::internal("too little chance"))?);
        let kept = Kept {
            id: id_text(id),
            hash: hash(secret.as_slice()),
            create_time: now,
            expire_time: now + time::Duration::hours(hours.into()),
            used_by: None,
            use_time: None,
            revoke_time: None,
            failures: 0,
        };
        let mut tx = self.store().begin("invite").await?;
        if tx.invitations().await?.iter().filter(|one| is_open(one, now)).count() >= OPEN_MAX {
            return Err(JoinRefusal::TooMany(OPEN_MAX).into());
        }
        tx.put_invitation(&kept).await?;
        tx.audit(self.event(caller, AuditAction::InvitationMade).about(format!("invitations/{}", kept.id)));
        tx.commit().await?;
        self.tend_door().await?;
        info!(invitation.id = kept.id, invitation.expires = %kept.expire_time, caller.id = caller.id(), "invitation made");
        let fingerprint = Sha256::digest(&bundle.file).into();
        let code = Invitation { city: bundle.city, endpoint: bundle.endpoint, id: *id, fingerprint, secret }.to_code();
        Ok(NewInvitation { invitation: to_proto(&kept, now), code })
    }

    /// The invitations, the latest first; only the open ones unless asked for more.
    ///
    /// # Errors
    /// [`Error::RightMissing`], or what the store says.
    pub async fn invitations(&self, caller: &Caller, include_closed: bool) -> Result<Vec<admin::Invitation>, Error> {
        caller.must(Right::Administer)?;
        let now = self.now();
        let all = self.store().invitations().await?;
        Ok(all.iter().filter(|one| include_closed || is_open(one, now)).map(|one| to_proto(one, now)).collect())
    }

    /// Revokes an invitation at once.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_invitation(&self, caller: &Caller, id: &str) -> Result<admin::Invitation, Error> {
        caller.must(Right::Administer)?;
        let now = self.now();
        let mut tx = self.store().begin("revoke invitation").await?;
        let mut kept = tx.invitation(id).await?.ok_or_else(|| Error::NotFound(format!("invitation {id}")))?;
        if is_open(&kept, now) {
            kept.revoke_time = Some(now);
            tx.put_invitation(&kept).await?;
            tx.audit(self.event(caller, AuditAction::InvitationWithdrawn).about(format!("invitations/{id}")));
            tx.commit().await?;
            info!(invitation.id = id, caller.id = caller.id(), "invitation revoked");
        }
        self.tend_door().await?;
        Ok(to_proto(&kept, now))
    }

    /// Takes an invitation of another city: reads the bundle of whoever answers, compares it with the code, and only then presents
    /// the secret, on a connection that is verified against that bundle.
    ///
    /// # Errors
    /// [`Error::Joining`], [`Error::HomeUnreachable`] if nobody answers.
    pub async fn join_peer(&self, caller: &Caller, code: &str) -> Result<admin::Peer, Error> {
        caller.must(Right::Administer)?;
        let invitation = Invitation::parse(code).map_err(|error| {
            let (field, description) = ("code".to_owned(), error.to_string());
            Error::from(Violation { field, reason: Reason::InvitationMalformed, description })
        })?;
        let Invitation { city, endpoint, .. } = &invitation;
        if city == self.city() {
            return Err(Violation::invalid("code", "is this city's own: send it to the other city").into());
        }
        let (host, _) = parse_endpoint(endpoint).map_err(|problem| Violation::invalid("code", problem))?;
        if let Some(class) = host.parse().ok().and_then(private_class)
            && !self.federation().allows_private_addresses()
        {
            return Err(JoinRefusal::Address { endpoint: endpoint.clone(), class: class.to_owned() }.into());
        }
        let untold = |error: LinkError| refusal_of(&invitation, error);
        let file = self.federation().inviter_bundle(city, endpoint, CALL).await.map_err(untold)?;
        let inviter = self.proven(&invitation, &file)?;
        let own = self.present_bundle().await?;
        let request = JoinRequest {
            invitation: id_text(&invitation.id),
            secret: Bytes::copy_from_slice(invitation.secret.as_slice()),
            bundle: Some(envelope::from_file(&own.file).map_err(Error::internal)?),
        };
        let joined = self.federation().join(&inviter, request, CALL).await.map_err(untold)?;
        if joined.city != city.as_str() {
            return Err(JoinRefusal::Mismatch(format!("{city} answers in the name of another city")).into());
        }
        info!(peer.city = %city, caller.id = caller.id(), "joined with an invitation");
        self.add_peer(caller, &file).await
    }

    /// The bundle that the code names, or nothing.
    fn proven(&self, invitation: &Invitation, file: &[u8]) -> Result<Bundle, Error> {
        let fingerprint: [u8; 32] = Sha256::digest(file).into();
        let mismatch = |why: &str| Error::from(JoinRefusal::Mismatch(why.to_owned()));
        if fingerprint != invitation.fingerprint {
            return Err(mismatch(
                "whoever answers shows another trust bundle than the code names; nothing was told to it. Either the city has a newer \
                 bundle, then ask for a new code, or somebody stands between: telephone",
            ));
        }
        let bundle = Bundle::parse(file).map_err(|error| mismatch(&error.to_string()))?;
        if bundle.city != invitation.city || bundle.endpoint != invitation.endpoint {
            return Err(mismatch("the bundle is of another city or endpoint than the code says"));
        }
        if bundle.expired(self.now()) {
            return Err(mismatch("the bundle that the code names has expired: ask for a new code"));
        }
        Ok(bundle)
    }

    /// This city's bundle for a city that holds a code, while an invitation is open.
    ///
    /// # Errors
    /// [`JoinRefusal::Unknown`] while none is.
    pub async fn bundle_for_guest(&self) -> Result<Bytes, Error> {
        if !self.federation().lets_guests_in() {
            return Err(JoinRefusal::Unknown.into());
        }
        Ok(self.present_bundle().await?.file)
    }

    /// Lets a city in that presents an invitation: it becomes known, and the invitation is used up. A repetition by the same city with
    /// the same bundle changes nothing and is told the same, as long as it has not left.
    ///
    /// # Errors
    /// [`Error::Joining`] with the reason, [`Error::Invalid`] for a bundle that is damaged, [`Error::BundleRollback`].
    pub async fn joined(&self, identity: &PeerIdentity, request: JoinRequest) -> Result<JoinResponse, Error> {
        let sealed = request.bundle.ok_or_else(|| Violation::required("bundle"))?;
        let bundle = peers::parse_bundle(envelope::to_file(&sealed).as_bytes(), self.now())?;
        if bundle.city != identity.city {
            let why = format!("the bundle is of {}, the certificate of {}", bundle.city, identity.city);
            return Err(JoinRefusal::GuestMismatch(why).into());
        }
        if let Some(guest) = &identity.guest {
            self.federation()
                .belongs_to(guest, &bundle)
                .map_err(|refusal| JoinRefusal::GuestMismatch(refusal.to_string()))?;
        }
        let mut tx = self.store().begin("join").await?;
        let taken = self.take_invitation(&mut tx, &request.invitation, &request.secret, &bundle).await;
        match &taken {
            // What was counted must stay, too.
            Ok(true) | Err(Error::Joining(JoinRefusal::Unknown)) => {
                let used = self.event(Subject::peer(&bundle.city), AuditAction::InvitationUsed);
                let used = used.with_peer(&bundle.city).about(format!("invitations/{}", shown_id(&request.invitation)));
                tx.audit(match &taken {
                    Ok(_) => used,
                    Err(error) => used.came_to(AuditOutcome::Refused, error.reason()),
                });
                tx.commit().await?;
            }
            _ => drop(tx),
        }
        self.tend_door().await?;
        if let Err(refused) = &taken {
            let id = shown_id(&request.invitation);
            warn!(peer.city = %bundle.city, invitation.id = id, "an invitation was presented and refused: {refused}");
        }
        if taken? {
            self.reload_peers().await?;
            info!(peer.city = %bundle.city, invitation.id = request.invitation, "a city joined with an invitation");
        }
        Ok(JoinResponse { city: self.city().to_string() })
    }

    /// Uses an invitation up for the city of a bundle. Returns whether anything has changed.
    async fn take_invitation(&self, tx: &mut Tx, id: &str, secret: &[u8], bundle: &Bundle) -> Result<bool, Error> {
        let now = self.now();
        let kept = tx.invitation(id).await?;
        // The comparison takes as long where there is none.
        let expected = kept.as_ref().map_or_else(|| Bytes::from_static(&[0; 32]), |kept| kept.hash.clone());
        let same: bool = hash(secret).ct_eq(&expected).into();
        let Some(mut kept) = kept else { return Err(JoinRefusal::Unknown.into()) };
        if !same {
            if is_open(&kept, now) {
                kept.failures += 1;
                tx.put_invitation(&kept).await?;
            }
            return Err(JoinRefusal::Unknown.into());
        }
        let known = tx.peer(&bundle.city).await?;
        match state_of(&kept, now) {
            InvitationState::Used => {
                let same_city = kept.used_by.as_ref() == Some(&bundle.city);
                let holds = known.is_some_and(|peer| peer.state != PeerState::Left && peer.bundle == bundle.file);
                return if same_city && holds { Ok(false) } else { Err(JoinRefusal::Used { same_city }.into()) };
            }
            InvitationState::Expired => return Err(JoinRefusal::Expired(kept.expire_time).into()),
            InvitationState::Revoked | InvitationState::Guessed | InvitationState::Unspecified => {
                return Err(JoinRefusal::Closed.into());
            }
            InvitationState::Open => {}
        }
        let peer = match known {
            None => peers::invited(bundle, now),
            Some(known) => peers::renewed(known, bundle, None)?,
        };
        tx.put_peer(&peer).await?;
        kept.used_by = Some(bundle.city.clone());
        kept.use_time = Some(now);
        tx.put_invitation(&kept).await?;
        Ok(true)
    }

    /// Lets guests in as long as an invitation is open, and no longer.
    pub(crate) async fn tend_door(&self) -> Result<(), Error> {
        let now = self.now();
        let all = self.store().invitations().await?;
        let last = all.iter().filter(|one| is_open(one, now)).map(|one| one.expire_time).max();
        self.federation().let_guests_in_until(last);
        Ok(())
    }
}

/// An id of an invitation, as a stranger sent it, for logs.
fn shown_id(id: &str) -> String {
    id.chars().filter(char::is_ascii_hexdigit).take(10).collect()
}

/// What the other city's refusal means for whoever wants to join.
fn refusal_of(invitation: &Invitation, error: LinkError) -> Error {
    let city = invitation.city.clone();
    match error.reason {
        Reason::AddressNotAllowed => JoinRefusal::NotCalled(error.description).into(),
        Reason::PeerUnknown => JoinRefusal::Told {
            reason: Reason::InvitationUnknown,
            description: format!(
                "{city} lets nobody in at present: the invitation was used, revoked or has expired; ask for a new one"
            ),
        }
        .into(),
        reason if error.outcome == Outcome::Refused => {
            JoinRefusal::Told { reason, description: format!("{city} refuses: {}", error.description) }.into()
        }
        _ => Error::HomeUnreachable { city, description: error.description },
    }
}

fn hash(secret: &[u8]) -> Bytes {
    Bytes::copy_from_slice(
        &Sha256::new().chain_update(b"isopolity invitation secret v1\0").chain_update(secret).finalize(),
    )
}

fn state_of(kept: &Kept, now: OffsetDateTime) -> InvitationState {
    if kept.used_by.is_some() {
        InvitationState::Used
    } else if kept.revoke_time.is_some() {
        InvitationState::Revoked
    } else if kept.failures >= FAILURES_MAX {
        InvitationState::Guessed
    } else if kept.expire_time <= now {
        InvitationState::Expired
    } else {
        InvitationState::Open
    }
}

fn is_open(kept: &Kept, now: OffsetDateTime) -> bool {
    state_of(kept, now) == InvitationState::Open
}

fn to_proto(kept: &Kept, now: OffsetDateTime) -> admin::Invitation {
    admin::Invitation {
        id: kept.id.clone(),
        state: state_of(kept, now).into(),
        create_time: Some(to_timestamp(kept.create_time)),
        expire_time: Some(to_timestamp(kept.expire_time)),
        used_by: kept.used_by.as_ref().map(ToString::to_string).unwrap_or_default(),
        use_time: kept.use_time.map(to_timestamp),
        failures: kept.failures,
    }
}

/// The SHA-256 of a bundle's file, as the six words need it.
pub(crate) fn fingerprint(bundle: &Bundle) -> [u8; 32] {
    Sha256::digest(&bundle.file).into()
}
