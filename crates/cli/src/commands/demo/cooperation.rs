//! How Feira and Kénitra came from a visit to a protocol, played through by their two nodes.
//!
//! Places, fields and dates of signature are those of the public record (see the README beside the demonstration's records): a delegation
//! from Kénitra in 2012, a memorandum on 17 October 2012, the protocol and a business mission on 15 March 2013, return visits that
//! were announced. The course of the negotiation is invented, and the events carry the time at which they are made: now.

mod script;
mod side;

use std::time::Duration;

use isopolity_proto::{
    cooperation::{CooperationState, Milestone, step::Action},
    insight::{
        GetCooperationStatusRequest, GetCooperationStatusResponse, insight_service_client::InsightServiceClient,
    },
};
use tonic::Request;

use self::side::Side;
use super::{Running, channel};
use crate::{exit::Exit, output};

/// The city that proposes.
pub(super) const HOST: &str = "feira.example";
/// The city that it proposes to.
pub(super) const PARTNER: &str = "kenitra.example";
/// The last part of the cooperation's name.
pub(super) const ID: &str = "protocolo-kenitra";
/// How long the third city's question may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// So much of the evidence is printed.
const MOST_EVIDENCE: usize = 3;

/// Takes each step that has not been taken yet: a demonstration that goes on in its folder finds them done.
pub(super) async fn negotiate(cities: &[Running]) -> Result<(), Exit> {
    let find = |id: &str| cities.iter().find(|city| city.id.as_str() == id);
    let (Some(feira), Some(kenitra)) = (find(HOST), find(PARTNER)) else { return Ok(()) };
    let (mut feira, mut kenitra) = tokio::try_join!(Side::begin(feira), Side::begin(kenitra))?;

    if feira.standing().await?.is_none() {
        feira.draft(script::proposal()).await?;
    }
    if feira.until("its own draft", |_| true).await?.state() == CooperationState::Draft {
        feira.take(Action::Proposal(script::proposal())).await?;
    }
    let now = kenitra.until("the proposal", |_| true).await?;
    if let (CooperationState::Proposed, 2, Some(offer)) = (now.state(), now.next_terms_version, &now.offer) {
        kenitra.take(Action::Counter(script::counter(offer))).await?;
    }
    let now = feira.until("the other terms", |now| now.next_terms_version > 2).await?;
    if let (CooperationState::Proposed, Some(offer)) = (now.state(), &now.offer) {
        feira.take(Action::Acceptance(script::acceptance(offer))).await?;
    }
    for side in [&mut kenitra, &mut feira] {
        let now = side.until("what was agreed", |now| now.agreed.is_some()).await?;
        if let (false, Some(agreed)) = (side::has_signed(&now, side.city), &now.agreed) {
            side.take(Action::Signature(script::signature(side.city, agreed))).await?;
        }
    }
    let both = |now: &_| side::has_signed(now, HOST) && side::has_signed(now, PARTNER);
    if feira.until("both signatures", both).await?.state() == CooperationState::Agreed {
        feira.take(Action::Activation(script::activation())).await?;
    }
    for stone in script::milestones() {
        set(&mut feira, stone).await?;
    }
    let last = feira.until("the end", |_| true).await?.sequence;
    kenitra.until("the end", |now| now.sequence >= last).await?;
    let confirmation = kenitra.confirm(script::confirmation()).await?;
    feira.until_of(&confirmation, "Kénitra's confirmation", |_| true).await?;
    Ok(())
}

/// Sets a milestone and, where it has an outcome, completes it.
async fn set(side: &mut Side, stone: Milestone) -> Result<(), Exit> {
    let known = side.until("its milestones", |_| true).await?.milestones.into_iter().find(|one| one.id == stone.id);
    if known.is_none() {
        side.take(script::setting(&stone)).await?;
    }
    if !stone.complete_date.is_empty() && known.is_none_or(|known| known.complete_date.is_empty()) {
        side.take(script::completion(&stone)).await?;
    }
    Ok(())
}

/// A third city asks how far the two cooperate, and what it learns is printed.
pub(super) async fn ask_a_third(cities: &[Running]) -> Result<(), Exit> {
    let third = cities.iter().rev().find(|city| city.node.is_some() && ![HOST, PARTNER].contains(&city.id.as_str()));
    let Some(third) = third else { return Ok(()) };
    let mut request = Request::new(GetCooperationStatusRequest {
        city: HOST.to_owned(),
        other_city: PARTNER.to_owned(),
        purpose: "demonstration".to_owned(),
        ..GetCooperationStatusRequest::default()
    });
    request.set_timeout(DEADLINE);
    let status = InsightServiceClient::new(channel(third).await?).get_cooperation_status(request).await?.into_inner();
    output::line(&format!("\n{} asks how far {HOST} and {PARTNER} cooperate: {}", third.id, level(&status)))?;
    for one in status.evidence.iter().take(MOST_EVIDENCE) {
        output::line(&format!("  {}\n    {}", one.record, one.explanation))?;
    }
    output::line(
        "The two came from a visit to a protocol just now, step by step, between their nodes. The signatures have the day of the public\n\
         record, 15 March 2013; the events carry today's time, and who offered what first is invented. So the protocol stands twice\n\
         in each registry: as it was imported, and as it came of this.",
    )
}

fn level(status: &GetCooperationStatusResponse) -> String {
    let word = status.level().as_str_name().trim_start_matches("COOPERATION_LEVEL_").to_lowercase().replace('_', " ");
    let higher = if status.may_be_higher { ", or higher: a city did not answer" } else { "" };
    format!("level {} of 5, {word}{higher}", status.ladder)
}
