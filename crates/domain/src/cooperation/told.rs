//! What a city does by an event or a step, in words: the same wherever people read of it.

use isopolity_proto::{
    cooperation::{CooperationEvent, CooperationKind, Statement, Step, Terms, cooperation_event::Action},
    registry::{ConfirmationStance, MatchVerdict},
    types::LocalizedText,
};

use super::moves;

/// The longest words of one city that are shown, in characters.
const SHOWN: usize = 200;

/// What a city does by an event, in words, without who and when: `accepts version 2 of the terms (offer 3f9a…)`. On one line, and nothing
/// of what a city wrote can move a terminal's cursor, not even in an event that nobody has checked.
#[must_use]
pub fn told(event: &CooperationEvent) -> String {
    event.action.as_ref().map_or_else(|| "does what this version does not know".to_owned(), done)
}

/// The same for a step that has not become an event.
#[must_use]
pub fn told_step(step: &Step) -> String {
    step.action.as_ref().map(|action| done(&moves::to_event(action))).unwrap_or_default()
}

fn done(action: &Action) -> String {
    plain(&words(action))
}

fn words(action: &Action) -> String {
    match action {
        Action::Proposal(one) => {
            let title = one.terms.as_ref().map(titled).filter(|title| !title.is_empty());
            let title = title.unwrap_or_else(|| said(&one.texts));
            let stated = one.statement.as_ref().map(stated).unwrap_or_default();
            format!("proposes {} to {}{}{}", kind(one.kind()), cities(&one.participants), quoted(&title), and(&stated))
        }
        Action::Counter(one) => {
            format!("offers other terms{}{}", offered(one.terms.as_ref()), quoted(&said(&one.texts)))
        }
        Action::Acceptance(one) => {
            format!("accepts {}{}", named(one.terms_version, &one.offer_hash), after(" for ", &one.office))
        }
        Action::Decline(one) => format!("declines{}", quoted(&one.reason)),
        Action::Withdrawal(one) => format!("withdraws the proposal{}", quoted(&one.reason)),
        Action::Expiry(_) => "lets it expire: its time is over".to_owned(),
        Action::Signature(one) => format!(
            "signs {} on {}{}: {}{}",
            named(one.terms_version, &one.offer_hash),
            short(&one.sign_date),
            after(" in ", &one.place),
            short(&one.signing_office),
            after(", by decision ", &one.decision_reference),
        ),
        Action::Activation(one) => format!("activates it{}", after(" from ", &one.start_date)),
        Action::Amendment(one) => {
            let terms = one.terms.as_ref();
            let end = terms.and_then(|terms| terms.period.as_ref()).map(|period| period.end_date.as_str());
            let what = match (one.renewal, end) {
                (true, end) => format!("offers to renew{}", after(" until ", end.unwrap_or_default())),
                (false, _) => "offers an amendment".to_owned(),
            };
            format!("{what}{}{}", offered(terms), quoted(&said(&one.texts)))
        }
        Action::AmendmentDecline(one) => {
            format!("declines the amendment, version {}{}", one.terms_version, quoted(&one.reason))
        }
        Action::Conclusion(one) => format!("concludes for its part{}", quoted(&said(&one.outcomes))),
        Action::Termination(one) => format!("terminates it{}", quoted(&one.reason)),
        Action::Answer(one) => {
            let found = one.statement.as_ref().map(stated).or_else(|| verdict(one.verdict()).map(str::to_owned));
            format!(
                "answers{}{}",
                found.map(|found| format!(" and {found}")).unwrap_or_default(),
                quoted(&said(&one.texts))
            )
        }
        Action::Message(one) => {
            let to = if one.in_reply_to > 0 { format!(" on event {}", one.in_reply_to) } else { String::new() };
            format!("says{to}{}", quoted(&said(&one.texts)))
        }
        Action::MilestoneSetting(one) => {
            let milestone = one.milestone.clone().unwrap_or_default();
            let id = short(&milestone.id);
            if milestone.dropped {
                return format!("drops milestone {id}");
            }
            let (owner, due) = (short(&milestone.owner), short(&milestone.due_date));
            format!("sets milestone {id} for {owner} by {due}{}", quoted(&said(&milestone.titles)))
        }
        Action::MilestoneCompletion(one) => {
            let (id, date) = (short(&one.milestone), short(&one.complete_date));
            format!("completes milestone {id} on {date}{}", quoted(&said(&one.outcomes)))
        }
        Action::DocumentAttachment(one) => {
            let document = one.document.clone().unwrap_or_default();
            format!("attaches a document of SHA-256 {}{}", short(&document.sha256), quoted(&said(&document.titles)))
        }
    }
}

/// A kind with its article.
fn kind(kind: CooperationKind) -> String {
    let word = kind.as_str_name().trim_start_matches("COOPERATION_KIND_").to_lowercase().replace('_', " ");
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}

fn cities(ids: &[String]) -> String {
    ids.iter().map(|id| short(id)).collect::<Vec<_>>().join(", ")
}

/// What a city says of a record.
fn stated(statement: &Statement) -> String {
    let record = short(&statement.record);
    match statement.stance() {
        ConfirmationStance::Unspecified => format!("says nothing of {record}"),
        ConfirmationStance::Confirmed => format!("confirms {record}"),
        ConfirmationStance::Disputed => format!("disputes {record}"),
        ConfirmationStance::UnknownHere => format!("knows nothing of {record}"),
        ConfirmationStance::Ended => format!("says that {record} has ended"),
    }
}

fn verdict(verdict: MatchVerdict) -> Option<&'static str> {
    match verdict {
        MatchVerdict::Unspecified => None,
        MatchVerdict::Same => Some("finds them the same"),
        MatchVerdict::Different => Some("finds them different"),
        MatchVerdict::Possible => Some("finds them possibly the same"),
    }
}

/// Terms as whoever accepts or signs names them.
fn named(version: i32, hash: &[u8]) -> String {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(hash) {
        *to = *from;
    }
    format!("version {version} of the terms (offer {:016x}…)", u64::from_be_bytes(first))
}

fn offered(terms: Option<&Terms>) -> String {
    let Some(terms) = terms else { return String::new() };
    let title = titled(terms);
    let title = if title.is_empty() { String::new() } else { format!(" \"{}\"", short(&title)) };
    format!(", version {}{title}", terms.version)
}

fn titled(terms: &Terms) -> String {
    said(&terms.titles)
}

/// One of several texts that say the same: English if there is, else the first.
fn said(texts: &[LocalizedText]) -> String {
    let english = texts.iter().find(|one| one.language == "en" || one.language.starts_with("en-"));
    english.or_else(|| texts.first()).map(|one| one.text.clone()).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": \"{}\"", short(text)) }
}

fn and(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" and {text}") }
}

fn after(before: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{before}{}", short(text)) }
}

/// Not longer than a line or two.
fn short(text: &str) -> String {
    let mut letters = text.chars();
    let mut shown: String = letters.by_ref().take(SHOWN).collect();
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
