//! The table of every legal path and every illegal message from every standing, made by asking [`apply`](super::apply).
//!
//! It is published as `proto/cooperation-states.md`; a test makes it anew and compares. Who builds another implementation reads there
//! what each message comes to, and an auditor that nothing is left open.

mod messages;
mod play;
mod standings;

use std::{collections::BTreeMap, fmt::Write as _};

use isopolity_proto::cooperation::{Cooperation, CooperationKind};

use self::{
    messages::Message,
    play::{ACTORS, plain},
    standings::Standing,
};
use super::{Move, Refusal, Verified, apply::apply, is_negotiated};

/// The classes of kinds, each with one of its kinds that stands for all of them.
pub const CLASSES: [(&str, CooperationKind); 4] = [
    ("Kinds with terms: REFERRAL, JOINT_PARTNERSHIP, GOOD_PRACTICE_EXCHANGE", CooperationKind::JointPartnership),
    ("Kinds that are answered: ENQUIRY, DUPLICATE_RESOLUTION", CooperationKind::Enquiry),
    ("CONFIRMATION by which others are asked", CooperationKind::Confirmation),
    ("CONFIRMATION by which the host states something", CooperationKind::Unspecified),
];

/// One message, by one city, in one standing, and what comes of it.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Where the cooperation stands, in words.
    pub standing: &'static str,
    /// How it stands. Nothing: it has not been proposed.
    pub before: Option<Cooperation>,
    /// What is sent, in words.
    pub message: &'static str,
    /// Who sends it: `host`, `A`, `B` or `stranger`.
    pub actor: &'static str,
    /// The event.
    pub event: Verified,
    /// What comes of it.
    pub outcome: Result<Cooperation, Refusal>,
}

/// All of a class. A kind that stands for a class may be changed for another of the class; UNSPECIFIED is a statement of the host.
#[must_use]
pub fn cells(kind: CooperationKind) -> Vec<Cell> {
    let mut cells = Vec::new();
    for Standing { words, cooperation } in standings::of(kind) {
        for Message { words: message, make } in messages::ALL {
            for (actor, city) in ACTORS {
                let event = make(&play::Turn { before: cooperation.as_ref(), city, kind });
                let outcome = apply(cooperation.as_ref(), &event);
                let before = cooperation.clone();
                cells.push(Cell { standing: words, before, message, actor, event, outcome });
            }
        }
    }
    cells
}

/// The document.
#[must_use]
pub fn document() -> String {
    let classes: Vec<_> = CLASSES.into_iter().map(|(title, kind)| (title, kind, cells(kind))).collect();
    let all = || classes.iter().flat_map(|(_, _, cells)| cells);
    let legal = all().filter(|cell| cell.outcome.is_ok()).count();
    let illegal = all().count() - legal;
    let standings: usize = CLASSES.into_iter().map(|(_, kind)| standings::of(kind).len()).sum();
    let mut text = String::from(HEAD);
    line(&mut text, format_args!("| message | in a refusal |\n| --- | --- |"));
    for mv in Move::ALL {
        line(&mut text, format_args!("| {} | {} |", mv.as_str(), mv.verb()));
    }
    text.push('\n');
    line(&mut text, format_args!("| standings | messages | senders | cells | legal | refused |"));
    line(&mut text, format_args!("| --- | --- | --- | --- | --- | --- |"));
    line(
        &mut text,
        format_args!(
            "| {standings} | {} | {} | {} | **{legal}** | **{illegal}** |",
            messages::ALL.len(),
            ACTORS.len(),
            legal + illegal
        ),
    );
    for (title, kind, cells) in &classes {
        line(&mut text, format_args!("\n## {title}"));
        for Standing { words, .. } in standings::of(*kind) {
            let here: Vec<&Cell> = cells.iter().filter(|cell| cell.standing == words).collect();
            section(&mut text, words, &here);
        }
    }
    text
}

/// So many messages that are refused in the same way are not told one by one.
const MOST: usize = 20;

const HEAD: &str = "\
# What each message does to a cooperation

Generated from the transition function by `ISOPOLITY_UPDATE=1 cargo test -p isopolity-domain c2_`; a test compares it with what the code
does. Don't edit it by hand.

A host and two participants, A and B, have a cooperation; a stranger is a city that does not take part. Before the standings that follow,
A has been given a milestone `open`, and has done a milestone `done`; a document is attached. In each standing each of them sends each
message, with the right place in the history and good signatures. What is not legal is refused with the words that stand here, and changes
nothing. Wherever a legal message is sent twice, out of order or by way of another city, see `isopolity.federation.v1.DeliveryOutcome`.

Messages are called here as the fields of `isopolity.cooperation.v1.CooperationEvent` are. Refusals are read by people, and say what a
city does by them:

";

fn section(text: &mut String, words: &str, cells: &[&Cell]) {
    let legal = cells.iter().filter(|cell| cell.outcome.is_ok()).count();
    line(text, format_args!("\n### {words}\n\n{legal} legal, {} refused.\n", cells.len() - legal));
    if legal > 0 {
        line(text, format_args!("| message | by | then |\n| --- | --- | --- |"));
        for (message, by, then) in legal_rows(cells) {
            line(text, format_args!("| {message} | {by} | {then} |"));
        }
        text.push('\n');
    }
    line(text, format_args!("| refused because | message, by |\n| --- | --- |"));
    for (why, what) in refused_rows(cells) {
        line(text, format_args!("| {why} | {what} |"));
    }
}

/// Messages that are possible, who may send them, and what then is. Those with the same outcome for several stand in one row.
fn legal_rows(cells: &[&Cell]) -> Vec<(&'static str, String, String)> {
    let mut rows: Vec<(&'static str, String, String)> = Vec::new();
    for cell in cells {
        let Ok(after) = &cell.outcome else { continue };
        let then = standings::describe(after);
        match rows.iter_mut().find(|(message, _, known)| *message == cell.message && *known == then) {
            Some((_, by, _)) => {
                by.push_str(", ");
                by.push_str(cell.actor);
            }
            None => rows.push((cell.message, cell.actor.to_owned(), then)),
        }
    }
    rows
}

/// Why messages are refused, and which.
fn refused_rows(cells: &[&Cell]) -> Vec<(String, String)> {
    let mut order: Vec<String> = Vec::new();
    let mut by_reason: BTreeMap<String, Vec<(&'static str, Vec<&'static str>)>> = BTreeMap::new();
    for cell in cells {
        let Err(refusal) = &cell.outcome else { continue };
        let why = plain(&why(refusal));
        if !by_reason.contains_key(&why) {
            order.push(why.clone());
        }
        let messages = by_reason.entry(why).or_default();
        match messages.iter_mut().find(|(message, _)| *message == cell.message) {
            Some((_, actors)) => actors.push(cell.actor),
            None => messages.push((cell.message, vec![cell.actor])),
        }
    }
    let told = |why: String| {
        let messages = by_reason.get(&why).map(Vec::as_slice).unwrap_or_default();
        let by = |actors: &[&str]| if actors.len() == ACTORS.len() { "anyone".to_owned() } else { actors.join(", ") };
        let is_most = |actors: &[&str]| messages.iter().filter(|(_, one)| one == actors).count() > MOST;
        let mut parts: Vec<String> = Vec::new();
        for (message, actors) in messages {
            let part = if is_most(actors) {
                format!("all that is in no other row ({})", by(actors))
            } else {
                format!("{message} ({})", by(actors))
            };
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        (why, parts.join("; "))
    };
    order.into_iter().map(told).collect()
}

/// Why, without what would be possible: that is the table above.
fn why(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Impossible { wrong, .. } => wrong.to_string(),
        other => other.to_string(),
    }
}

/// Whether the class is one of terms.
fn has_terms(kind: CooperationKind) -> bool {
    is_negotiated(kind)
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    if text.write_fmt(arguments).is_err() {
        unreachable!("a text takes all that is written to it");
    }
    text.push('\n');
}
