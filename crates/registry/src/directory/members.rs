//! Members come and go with a directory.

use std::collections::BTreeSet;

use isopolity_domain::{CityId, directory::Directory};
use isopolity_federation::Bundle;
use isopolity_proto::{admin::PeerState, options::Audience};
use isopolity_store::{Membership, Peer, Tx};
use time::OffsetDateTime;
use tracing::warn;

use crate::{Error, peers};

/// Makes the members peers, and those who are members no more leave. Returns who left.
pub(super) async fn take(
    tx: &mut Tx,
    own: &CityId,
    directory: &Directory,
    bundles: &[Bundle],
    now: OffsetDateTime,
) -> Result<Vec<CityId>, Error> {
    let before = tx.memberships().await?;
    let named: BTreeSet<&CityId> = bundles.iter().map(|bundle| &bundle.city).collect();
    for bundle in bundles.iter().filter(|bundle| bundle.city != *own) {
        let membership = before.iter().find(|one| one.city == bundle.city);
        let known = tx.peer(&bundle.city).await?;
        let (peer, membership) = member(known, membership, bundle, directory.version, now)?;
        if let Some(peer) = peer {
            tx.put_peer(&peer).await?;
        }
        tx.put_membership(&membership).await?;
    }
    let mut left = Vec::new();
    for gone in before.into_iter().filter(|one| one.present && !named.contains(&one.city)) {
        if !gone.pinned
            && let Some(mut peer) = tx.peer(&gone.city).await?
            && peer.state != PeerState::Left
        {
            peer.state = PeerState::Left;
            peer.state_reason = format!(
                "not in the directory of {} any more since version {}",
                directory.federation, directory.version
            );
            tx.put_peer(&peer).await?;
            left.push(peer.city);
        }
        let version = directory.version;
        tx.put_membership(&Membership { present: false, version, trouble: String::new(), ..gone }).await?;
    }
    Ok(left)
}

/// What becomes of a city that the directory names: the peer, if it changes, and what is kept of its membership.
fn member(
    known: Option<Peer>,
    before: Option<&Membership>,
    bundle: &Bundle,
    version: i64,
    now: OffsetDateTime,
) -> Result<(Option<Peer>, Membership), Error> {
    let kept = |pinned: bool, trouble: String| Membership {
        city: bundle.city.clone(),
        present: true,
        pinned,
        version,
        trouble,
    };
    let unchanged = known.clone();
    let Some(mut peer) = known else {
        let peer = Peer {
            state: PeerState::Active,
            audience: Audience::Public,
            approve_time: Some(now),
            ..peers::invited(bundle, now)
        };
        return Ok((Some(peer), kept(false, String::new())));
    };
    // Who was here before by hand stays by hand.
    let pinned = before.is_none_or(|before| before.pinned);
    let held = Bundle::parse(&peer.bundle).map_err(Error::internal)?;
    let trouble = match compare(&held, bundle) {
        Compared::Same | Compared::Older => String::new(),
        Compared::Later => {
            peer.bundle = bundle.file.clone();
            peer.bundle_sequence = bundle.sequence;
            String::new()
        }
        Compared::Contradicts if pinned => {
            "it names another trust bundle than the one that was taken by hand, which stays: telephone with the city and the operators"
                .to_owned()
        }
        Compared::Contradicts if bundle.sequence > peer.bundle_sequence => {
            // The operators vouch for a city that lost its keys, as they vouched for it at first.
            warn!(peer.city = %peer.city, "the directory brings new keys of the city, which its old keys did not sign");
            peer.bundle = bundle.file.clone();
            peer.bundle_sequence = bundle.sequence;
            String::new()
        }
        Compared::Contradicts => "it names another trust bundle of the same or a lower sequence; the one here stays".to_owned(),
    };
    // Who left with the directory comes back with it; who was left by an administrator does not.
    let returns = !pinned && peer.state == PeerState::Left && before.is_some_and(|before| !before.present);
    if returns {
        peer.state = PeerState::Active;
        peer.state_reason.clear();
        peer.approve_time = Some(now);
    }
    let changed = unchanged.as_ref() != Some(&peer);
    Ok((changed.then_some(peer), kept(pinned, trouble)))
}

/// How a bundle stands to the one that is held.
enum Compared {
    Same,
    /// Of before, and of the same keys as far as can be told.
    Older,
    /// Of after, signed with a key that is held.
    Later,
    Contradicts,
}

fn compare(held: &Bundle, named: &Bundle) -> Compared {
    let share_a_key = named.keys.keys().any(|key| held.keys.contains_key(key));
    if held.file == named.file {
        Compared::Same
    } else if named.sequence < held.sequence && share_a_key {
        Compared::Older
    } else if named.sequence > held.sequence && named.succeeds(held).is_ok() {
        Compared::Later
    } else {
        Compared::Contradicts
    }
}
