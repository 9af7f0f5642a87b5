//! Becoming peers with a code, and testing a peer.

use isopolity_proto::admin::{
    CreateInvitationRequest, InvitationState, JoinPeerRequest, ListInvitationsRequest, Peer, RevokeInvitationRequest,
    TestOutcome, TestPeerRequest, TestStep, peer_service_client::PeerServiceClient,
};

use isopolity_node::client::Client;

use crate::{
    args::{Global, Output},
    connection::read,
    exit::Exit,
    output,
};

type Peers = PeerServiceClient<Client>;

/// Makes an invitation, or revokes one.
pub(super) async fn invite(
    global: &Global,
    peers: &mut Peers,
    hours: i32,
    revoke: Option<&String>,
) -> Result<(), Exit> {
    if let Some(id) = revoke {
        let revoked = peers.revoke_invitation(RevokeInvitationRequest { id: id.clone() }).await?.into_inner();
        if global.output == Output::Json {
            return output::json(&revoked);
        }
        let state = revoked.invitation.unwrap_or_default().state();
        return output::line(&format!("invitation {id} is {}", state_word(state)));
    }
    let made = peers.create_invitation(CreateInvitationRequest { hours }).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&made);
    }
    let invitation = made.invitation.unwrap_or_default();
    output::note(
        "shown this once; whoever has it can become known here, though not approved. Send it to the other city, which runs",
    );
    output::note("\"isopolity peer join CODE\":");
    output::line(&made.code)?;
    output::note(&format!("invitation {}, until {}", invitation.id, output::when(invitation.expire_time.as_ref())));
    Ok(())
}

/// Lists the invitations.
pub(super) async fn invitations(global: &Global, peers: &mut Peers, all: bool) -> Result<(), Exit> {
    let list = peers.list_invitations(ListInvitationsRequest { include_closed: all }).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&list);
    }
    if list.invitations.is_empty() {
        return output::line("There are no open invitations. Make one: isopolity peer invite");
    }
    let mut rows = output::table(&["Id", "State", "Made", "Until", "Used by", "Wrong secrets"]);
    for one in &list.invitations {
        rows.add_row([
            one.id.clone(),
            state_word(one.state()).to_owned(),
            output::when(one.create_time.as_ref()),
            output::when(one.expire_time.as_ref()),
            one.used_by.clone(),
            one.failures.to_string(),
        ]);
    }
    output::line(&rows.to_string())
}

/// Joins with a code, or with that in a file.
pub(super) async fn join(global: &Global, peers: &mut Peers, code: &[String]) -> Result<(), Exit> {
    let code = match code {
        [file] if file.starts_with('@') => read(file.trim_start_matches('@').as_ref())?,
        // A code that was broken into several words by whatever carried it.
        words => words.join(" "),
    };
    let joined = peers.join_peer(JoinPeerRequest { code }).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&joined);
    }
    let peer = joined.peer.unwrap_or_default();
    output::line(&format!("{} and this city know each other now, at {}", peer.city, peer.endpoint))?;
    compare(&peer)
}

/// What two people are to do before they approve.
pub(super) fn compare(peer: &Peer) -> Result<(), Exit> {
    output::line(&format!("  words       {}", peer.words))?;
    output::line(&format!("  fingerprint {}", peer.bundle_fingerprint))?;
    output::line(&format!(
        "Telephone the city, at a number that you know from elsewhere. It sees the same six words (isopolity peer list). Then both:\n  \
         isopolity peer approve {} --words \"{}\"",
        peer.city, peer.words
    ))
}

/// Tries each step of reaching a peer.
pub(super) async fn test(global: &Global, peers: &mut Peers, city: &str) -> Result<(), Exit> {
    let tested = peers.test_peer(TestPeerRequest { city: city.to_owned() }).await?.into_inner();
    let failed: Vec<_> = tested.results.iter().filter(|one| one.outcome() == TestOutcome::Failed).collect();
    if global.output == Output::Json {
        output::json(&tested)?;
    } else {
        let mut rows = output::table(&["Step", "", "Took", "What", "What to do"]);
        for one in &tested.results {
            let took = one.took.as_ref().and_then(|took| std::time::Duration::try_from(*took).ok());
            rows.add_row([
                step_word(one.step()).to_owned(),
                match one.outcome() {
                    TestOutcome::Ok => "ok",
                    TestOutcome::Failed => "failed",
                    TestOutcome::Skipped => "skipped",
                    TestOutcome::Unspecified => "?",
                }
                .to_owned(),
                took.map(|took| format!("{} ms", took.as_millis())).unwrap_or_default(),
                one.detail.clone(),
                one.advice.clone(),
            ]);
        }
        output::line(&rows.to_string())?;
    }
    match failed.first() {
        None => Ok(()),
        Some(first) => Err(Exit::refused(format!("{city}: {}: {}", step_word(first.step()), first.detail))),
    }
}

fn state_word(state: InvitationState) -> &'static str {
    match state {
        InvitationState::Unspecified => "?",
        InvitationState::Open => "open",
        InvitationState::Used => "used",
        InvitationState::Expired => "expired",
        InvitationState::Revoked => "revoked",
        InvitationState::Guessed => "closed after wrong secrets",
    }
}

fn step_word(step: TestStep) -> &'static str {
    match step {
        TestStep::Unspecified => "?",
        TestStep::Dns => "DNS",
        TestStep::Tcp => "TCP",
        TestStep::Tls => "TLS",
        TestStep::Identity => "identity",
        TestStep::Clock => "clock",
        TestStep::Version => "version",
        TestStep::Agreement => "agreement",
    }
}
