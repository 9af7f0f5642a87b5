//! Checking an exported cooperation: who agreed to what, when.

use std::{io::BufReader, path::Path};

use isopolity_proto::{
    cooperation::{Cooperation, CooperationState, Offer, Participation},
    json,
};
use isopolity_registry::verify::{Deed, Forked, VerifiedCooperation, hexadecimal, verify_cooperation};
use serde_json::{Value, json};

use super::open;
use crate::{
    args::{Global, Output},
    commands::cooperation::{kind_word, plain, said, short_hash, short_name, state_word},
    exit::Exit,
    output,
};

pub(super) fn run(global: &Global, path: &Path, bundles: &[Vec<u8>]) -> Result<(), Exit> {
    let file = path.display();
    let verified = verify_cooperation(BufReader::new(open(path)?), bundles)
        .map_err(|error| Exit::refused(format!("{file} is not to be believed: {error}")))?;
    if global.output == Output::Json {
        return output::line(&answer(&verified).to_string());
    }
    let now = &verified.checked.cooperation;
    output::line(&format!(
        "{file} is as its cities signed it: {} events, each signed by the city that acted and by the host, each with the hash of the \
         one before.\n",
        verified.checked.deeds.len()
    ))?;
    output::line(&format!("{}  {}", short_name(&now.name), kind_word(now.kind())))?;
    for deed in &verified.checked.deeds {
        output::line(&deed.to_string())?;
    }
    if let Some(fork) = &verified.checked.fork {
        output::line(&format!("\n{}", forked(&verified, fork)))?;
    }
    output::line(&format!("\n{}", standing(now)))?;
    for one in &now.participations {
        output::line(&format!("  {}", side(one)))?;
    }
    output::line(&format!("  head       {} (event {})", hexadecimal(&now.head_hash), now.sequence))?;
    for bundle in &verified.bundles {
        output::line(&format!("  bundle     {} {}", bundle.city, bundle.fingerprint))?;
    }
    output::line(
        "\nCompare each fingerprint with its city. The times are those that the cities' clocks gave; what may have happened after the \
         last event can't be seen in a file.",
    )
}

/// What a fork means, with the two events.
fn forked(verified: &VerifiedCooperation, fork: &Forked) -> String {
    let host = verified.checked.name.host();
    let one = |deed: &Deed| format!("{deed}\n      hash {}", hexadecimal(&deed.hash));
    format!(
        "THE HISTORY IS FORKED: {host} signed two different events number {}. Both signatures are good, so this is proven; which of the two \
         counts is not.\n{}\n{}\nWhat is above is what the city that exported the file knew first. Other cities may hold something else \
         from event {} on.",
        fork.sequence,
        one(&fork.known),
        one(&fork.other),
        fork.sequence
    )
}

/// Where it stands after the last event, and on what terms.
fn standing(now: &Cooperation) -> String {
    let since = if now.start_date.is_empty() { String::new() } else { format!(" since {}", now.start_date) };
    let terms = |offer: &Offer| {
        let terms = offer.terms.clone().unwrap_or_default();
        let title = said(&terms.titles);
        let title = if title.is_empty() { String::new() } else { format!(" \"{title}\"") };
        format!("version {}{title}, offered by {}, hash {}", terms.version, offer.city, hexadecimal(&offer.hash))
    };
    let on = match (&now.agreed, &now.offer) {
        (Some(agreed), _) => format!("\n  agreed     {}", terms(agreed)),
        (None, Some(offer)) => format!("\n  on offer   {}", terms(offer)),
        (None, None) => String::new(),
    };
    let end = now.end.as_ref().filter(|end| !end.reason.is_empty());
    let end = end.map(|end| format!("\n  ended by   {}: {}", end.city, plain(&end.reason))).unwrap_or_default();
    format!("It stands at {}{since}.{on}{end}", state_word(now.state()))
}

/// What a city accepted, signed or answered.
fn side(one: &Participation) -> String {
    let mut parts = Vec::new();
    if one.accepted_version > 0 {
        let office = if one.office.is_empty() { String::new() } else { format!(" for {}", plain(&one.office)) };
        parts.push(format!("accepted version {}{office} in event {}", one.accepted_version, one.accepted_sequence));
    }
    if let Some(signature) = &one.signature {
        let place = if signature.place.is_empty() { String::new() } else { format!(" in {}", plain(&signature.place)) };
        let decision = &signature.decision_reference;
        let decision = if decision.is_empty() { String::new() } else { format!(", by decision {}", plain(decision)) };
        parts.push(format!(
            "signed version {} (hash {}…) as {} on {}{place}{decision} in event {}",
            signature.terms_version,
            short_hash(&signature.offer_hash),
            plain(&signature.signing_office),
            signature.sign_date,
            one.signature_sequence
        ));
    }
    if one.answer.is_some() {
        parts.push(format!("answered in event {}", one.answer_sequence));
    }
    if one.conclusion.is_some() {
        parts.push("says that it is done".to_owned());
    }
    let said = if parts.is_empty() { "has agreed to nothing".to_owned() } else { parts.join("; ") };
    format!("{}: {said}", one.city)
}

fn answer(verified: &VerifiedCooperation) -> Value {
    let now = &verified.checked.cooperation;
    let events: Vec<Value> = verified.checked.deeds.iter().map(told).collect();
    let fork = verified.checked.fork.as_ref();
    let fork = fork.map(|fork| json!({"known": told(&fork.known), "other": told(&fork.other)}));
    let bundles: Vec<Value> = verified
        .bundles
        .iter()
        .map(|one| json!({"city": one.city.to_string(), "fingerprint": one.fingerprint}))
        .collect();
    json!({
        "verified": true,
        "cooperation": now.name,
        "state": CooperationState::as_str_name(&now.state()),
        "headHash": hexadecimal(&now.head_hash),
        "events": events,
        "fork": fork,
        "standing": json::to_value(now, false),
        "bundles": bundles,
    })
}

fn told(deed: &Deed) -> Value {
    json!({
        "sequence": deed.sequence.to_string(),
        "time": json_time(deed.time.unix_timestamp()),
        "city": deed.city,
        "what": deed.words,
        "hash": hexadecimal(&deed.hash),
    })
}

fn json_time(seconds: i64) -> String {
    output::when(Some(&prost_types::Timestamp { seconds, nanos: 0 }))
}
