//! Working with other cities' nodes.

use std::fs;

use bytes::Bytes;
use isopolity_proto::{
    admin::{
        self, AddPeerRequest, ApprovePeerRequest, CircuitState, GetOwnBundleRequest, LeavePeerRequest,
        ListPeersRequest, PeerState, SuspendPeerRequest, peer_service_client::PeerServiceClient,
    },
    options::Audience,
};

use super::{directory, peering, sharing};
use crate::{
    args::{Global, Output, Peer, PeerAudience},
    connection::{connect, read_bytes},
    exit::Exit,
    output,
};

/// No bundle is larger.
const BUNDLE_MAX: usize = 256 << 10;

pub(super) async fn run(global: &Global, command: &Peer) -> Result<(), Exit> {
    let mut peers = PeerServiceClient::new(connect(global).await?);
    match command {
        Peer::Invite { hours, revoke } => peering::invite(global, &mut peers, *hours, revoke.as_ref()).await,
        Peer::Invitations { all } => peering::invitations(global, &mut peers, *all).await,
        Peer::Join { code } => peering::join(global, &mut peers, code).await,
        Peer::Test { city } => peering::test(global, &mut peers, city).await,
        Peer::Bundle { out } => {
            let own = peers.get_own_bundle(GetOwnBundleRequest {}).await?.into_inner();
            match out {
                Some(file) => {
                    fs::write(file, &own.bundle)
                        .map_err(|error| Exit::fault(format!("{} can't be written: {error}", file.display())))?;
                    output::note(&format!("wrote {}", file.display()));
                }
                None => output::write(&own.bundle)?,
            }
            output::note(&format!("fingerprint, to be read to the other city by telephone: {}", own.fingerprint));
            Ok(())
        }
        Peer::Add { file } => {
            let bundle = Bytes::from(read_bytes(file)?);
            if bundle.len() > BUNDLE_MAX {
                return Err(Exit::usage(format!("{} is too large to be a trust bundle", file.display())));
            }
            let added = peers.add_peer(AddPeerRequest { bundle }).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&added);
            }
            let peer = added.peer.unwrap_or_default();
            output::line(&format!("{} is {} here, at {}", peer.city, state_word(peer.state()), peer.endpoint))?;
            if peer.state() == PeerState::Invited {
                return peering::compare(&peer);
            }
            output::line(&format!("  fingerprint {}", peer.bundle_fingerprint))
        }
        Peer::Approve { city, audience, words, fingerprint } => {
            let audience = match audience {
                None => Audience::Unspecified,
                Some(PeerAudience::Public) => Audience::Public,
                Some(PeerAudience::Federation) => Audience::Federation,
            };
            let request = ApprovePeerRequest {
                city: city.clone(),
                audience: audience.into(),
                fingerprint: fingerprint.clone(),
                words: words.clone(),
            };
            let done = peers.approve_peer(request).await?.into_inner();
            if global.output == Output::Json { output::json(&done) } else { changed(done.peer) }
        }
        Peer::Suspend { city, reason } => {
            let request = SuspendPeerRequest { city: city.clone(), reason: reason.clone() };
            let done = peers.suspend_peer(request).await?.into_inner();
            if global.output == Output::Json { output::json(&done) } else { changed(done.peer) }
        }
        Peer::Leave { city, reason } => {
            let request = LeavePeerRequest { city: city.clone(), reason: reason.clone() };
            let done = peers.leave_peer(request).await?.into_inner();
            if global.output == Output::Json { output::json(&done) } else { changed(done.peer) }
        }
        Peer::List { all, no_greet } => {
            let request = ListPeersRequest { include_left: *all, greet: !no_greet };
            let list = peers.list_peers(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&list);
            }
            table(&list.peers)?;
            directory::note_trouble(global).await
        }
    }
}

fn changed(peer: Option<admin::Peer>) -> Result<(), Exit> {
    let peer = peer.unwrap_or_default();
    output::line(&format!("{} is {} here{}", peer.city, state_word(peer.state()), their_view(&peer)))
}

/// Why a peer is not asked at present.
fn held(peer: &admin::Peer) -> Option<String> {
    let circuit = peer.circuit.as_ref()?;
    if let Some(until) = &circuit.pushed_back_until_time {
        return Some(format!("asked not to be called until {}", output::when(Some(until))));
    }
    let until = output::when(circuit.retry_time.as_ref());
    match circuit.state() {
        CircuitState::Open => Some(format!("left alone until {until} after {} failures in a row", circuit.failures)),
        CircuitState::HalfOpen => Some(format!("being tried again after {} failures in a row", circuit.failures)),
        CircuitState::Closed | CircuitState::Unspecified => None,
    }
}

/// What of cooperations is not delivered to it.
fn undelivered(peer: &admin::Peer) -> Option<String> {
    let deliveries = peer.deliveries.as_ref()?;
    let waiting = (deliveries.waiting_count > 0).then(|| {
        let since = output::when(deliveries.oldest_time.as_ref());
        format!("{} to be delivered to it, the oldest since {since}", deliveries.waiting_count)
    });
    let dead = (deliveries.dead_count > 0)
        .then(|| format!("{} given up, see \"isopolity delivery list --dead\"", deliveries.dead_count));
    let said: Vec<String> = waiting.into_iter().chain(dead).collect();
    Some(said.join("; ")).filter(|said| !said.is_empty())
}

fn table(peers: &[admin::Peer]) -> Result<(), Exit> {
    if peers.is_empty() {
        return output::line(
            "There are no peers yet. Invite a city: isopolity peer invite; or take its invitation: isopolity peer join CODE",
        );
    }
    let mut rows =
        output::table(&["City", "State", "May", "There", "We may there", "Last answer", "Records", "Trouble"]);
    for peer in peers {
        let told = peer.troubles.iter().map(|one| {
            let way = if one.inbound { "calling us" } else { "being called" };
            format!("{way}, {}: {}", output::when(one.time.as_ref()), one.description)
        });
        let directory = (!peer.directory_trouble.is_empty()).then(|| format!("directory: {}", peer.directory_trouble));
        let log =
            Some(format!("audit log: {}", peer.audit_contradiction)).filter(|_| !peer.audit_contradiction.is_empty());
        let due = peer.warnings.iter().map(|one| one.description.clone());
        let clock = Some(peer.clock_warning.clone()).filter(|warning| !warning.is_empty());
        let found = directory.into_iter().chain(log).chain(held(peer)).chain(undelivered(peer));
        let troubles: Vec<String> = found.chain(told).chain(due).chain(clock).collect();
        let state = match peer.state_reason.as_str() {
            "" => state_word(peer.state()).to_owned(),
            reason => format!("{} ({reason})", state_word(peer.state())),
        };
        rows.add_row([
            peer.city.clone(),
            state,
            peer.granted.as_ref().map_or_else(|| "nothing".to_owned(), sharing::summary),
            there(peer),
            peer.received.as_ref().map_or_else(String::new, sharing::summary),
            output::when(peer.last_answer_time.as_ref()),
            peer.records.to_string(),
            troubles.join("\n"),
        ]);
    }
    output::line(&rows.to_string())?;
    for peer in peers.iter().filter(|peer| !peer.words.is_empty()) {
        output::line(&format!("compare with {} by telephone before you approve it: {}", peer.city, peer.words))?;
    }
    Ok(())
}

/// How this city stands there.
fn there(peer: &admin::Peer) -> String {
    let held = |word: &str| match peer.peer_state_reason.as_str() {
        "" => format!("{word} by {}", peer.city),
        reason => format!("{word} by {}: {reason}", peer.city),
    };
    match (peer.peer_state(), peer.approved_by_peer) {
        (PeerState::Suspended, _) => held("suspended"),
        (PeerState::Left, _) => held("left"),
        (PeerState::Active, _) | (_, Some(true)) => "approved".to_owned(),
        (PeerState::Invited, _) | (_, Some(false)) => "not approved yet".to_owned(),
        (PeerState::Unspecified, None) => "not known".to_owned(),
    }
}

fn their_view(peer: &admin::Peer) -> &'static str {
    match (peer.state(), peer.approved_by_peer) {
        (PeerState::Active, Some(false)) => "; it has not approved this city yet",
        (PeerState::Active, None) => "; it has not said yet whether it approved this city",
        _ => "",
    }
}

fn state_word(state: PeerState) -> &'static str {
    match state {
        PeerState::Unspecified => "?",
        PeerState::Invited => "invited, not approved here",
        PeerState::Active => "approved",
        PeerState::Suspended => "suspended",
        PeerState::Left => "left",
    }
}
