//! Records that may be of the same organisation or place.

use isopolity_node::client::Client;
use isopolity_proto::{
    options::Audience,
    registry::{
        CreateMatchAssertionRequest, FindMatchesRequest, GetMatchAssertionRequest, ListMatchAssertionsRequest, Match,
        MatchAssertion, MatchVerdict, UpdateMatchAssertionRequest,
        match_assertion_service_client::MatchAssertionServiceClient,
    },
};
use uuid::Uuid;

use super::record::own_city;
use crate::{
    args::{Global, Matching, Output, Verdict},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, command: &Matching) -> Result<(), Exit> {
    let client = connect(global).await?;
    let parent = own_city(global, &client).await?;
    let mut service = MatchAssertionServiceClient::new(client);
    match command {
        Matching::Find { kind, name, min_score, decided, limit } => {
            let request = FindMatchesRequest {
                parent,
                kind: kind.clone(),
                name: name.clone(),
                min_score: *min_score,
                include_decided: *decided,
                page_size: *limit,
                page_token: String::new(),
            };
            let found = service.find_matches(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&found);
            }
            let mut rows = output::table(&["Score", "Suggests", "One", "Other", "Why"]);
            for one in &found.matches {
                rows.add_row([
                    format!("{:.2}", one.score),
                    verdict_word(one.suggestion()).to_owned(),
                    format!("{}\n{}", one.left_title, one.left),
                    format!("{}\n{}", one.right_title, one.right),
                    why(one),
                ]);
            }
            output::line(&rows.to_string())?;
            if found.matches.is_empty() {
                return Ok(());
            }
            output::note("decide with: isopolity match decide ONE OTHER same|different --reason …");
            Ok(())
        }
        Matching::Decide { left, right, verdict, reason } => {
            let verdict = match verdict {
                Verdict::Same => MatchVerdict::Same,
                Verdict::Different => MatchVerdict::Different,
                Verdict::Possible => MatchVerdict::Possible,
            };
            let assertion = MatchAssertion {
                audience: Audience::Federation.into(),
                left: left.clone(),
                right: right.clone(),
                verdict: verdict.into(),
                reason: reason.clone(),
                ..Default::default()
            };
            let request = CreateMatchAssertionRequest {
                parent,
                match_assertion: Some(assertion),
                request_id: Uuid::new_v4().to_string(),
                ..Default::default()
            };
            let created = service.create_match_assertion(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&created);
            }
            let name = created.match_assertion.unwrap_or_default().name;
            output::line(&format!("noted as {name}; nothing was merged"))
        }
        Matching::List { limit } => list(global, &mut service, parent, *limit).await,
        Matching::Revoke { name, reason } => {
            let found =
                service.get_match_assertion(GetMatchAssertionRequest { name: name.clone() }).await?.into_inner();
            let before = found.match_assertion.ok_or_else(|| Exit::fault("the node answered without a record"))?;
            let changed = MatchAssertion { revoked: true, revoke_reason: reason.clone(), ..before };
            let request = UpdateMatchAssertionRequest {
                match_assertion: Some(changed),
                request_id: Uuid::new_v4().to_string(),
                ..Default::default()
            };
            let updated = service.update_match_assertion(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&updated);
            }
            output::line(&format!("{name} is revoked"))
        }
    }
}

async fn list(
    global: &Global,
    service: &mut MatchAssertionServiceClient<Client>,
    parent: String,
    limit: i32,
) -> Result<(), Exit> {
    let request = ListMatchAssertionsRequest { parent, page_size: limit, ..Default::default() };
    let list = service.list_match_assertions(request).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&list);
    }
    let mut rows = output::table(&["Name", "Verdict", "One", "Other", "Decided", "Reason"]);
    for one in &list.match_assertions {
        let verdict = verdict_word(one.verdict());
        rows.add_row([
            one.name.clone(),
            if one.revoked { format!("{verdict} [revoked]") } else { verdict.to_owned() },
            one.left.clone(),
            one.right.clone(),
            one.decide_date.clone(),
            if one.revoked { one.revoke_reason.clone() } else { one.reason.clone() },
        ]);
    }
    output::line(&rows.to_string())
}

fn why(found: &Match) -> String {
    found.features.iter().map(|one| format!("{} {:+.2}", one.name, one.weight)).collect::<Vec<_>>().join(", ")
}

fn verdict_word(verdict: MatchVerdict) -> &'static str {
    match verdict {
        MatchVerdict::Unspecified => "?",
        MatchVerdict::Same => "same",
        MatchVerdict::Different => "different",
        MatchVerdict::Possible => "possible",
    }
}
