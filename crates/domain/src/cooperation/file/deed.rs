//! What an event tells, in words: who agreed to what, when.

use std::fmt;

use isopolity_proto::{
    cooperation::{Statement, Terms, cooperation_event::Action},
    types::LocalizedText,
};
use prost_types::Timestamp;
use time::{OffsetDateTime, UtcOffset};

use super::super::{Hash, Move, Verified};
use crate::clock::from_timestamp;

/// The longest words of one that are shown, in characters.
const SHOWN: usize = 200;

/// What a city did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Its place in the history.
    pub sequence: i64,
    /// The event's hash.
    pub hash: Hash,
    /// The id of the city.
    pub city: String,
    /// When, as the city says.
    pub time: OffsetDateTime,
    /// The kind of step.
    pub mv: Move,
    /// What it did, in words, without who and when: `accepted version 2 of the terms (offer 3f9a…)`.
    pub words: String,
}

impl Deed {
    /// What an event tells.
    pub(super) fn of(event: &Verified) -> Self {
        let Verified { event, hash } = event;
        let time = event.time.as_ref().and_then(|time: &Timestamp| from_timestamp(time));
        let (mv, words) =
            event.action.as_ref().map_or((Move::Message, String::new()), |action| (Move::of(action), words(action)));
        Self {
            sequence: event.sequence,
            hash: *hash,
            city: event.city.clone(),
            time: time.unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(UtcOffset::UTC),
            mv,
            words,
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time;
        write!(
            formatter,
            "{:>4}  {} {:02}:{:02} UTC  {} {}",
            self.sequence,
            time.date(),
            time.hour(),
            time.minute(),
            self.city,
            self.words
        )
    }
}

fn words(action: &Action) -> String {
    match action {
        Action::Proposal(one) => {
            let kind =
                one.kind().as_str_name().trim_start_matches("COOPERATION_KIND_").to_lowercase().replace('_', " ");
            let to = one.participants.join(", ");
            let what = one.terms.as_ref().map(titled).or_else(|| said(&one.texts));
            let stated = one.statement.as_ref().map(stated);
            format!("proposed to {to}: {kind}{}{}", after(", ", what.as_deref()), after(", ", stated.as_deref()))
        }
        Action::Counter(one) => format!("offered other terms{}", offered(one.terms.as_ref())),
        Action::Acceptance(one) => {
            let office = after(", for ", some(&one.office));
            format!("accepted {}{office}", named(one.terms_version, &one.offer_hash))
        }
        Action::Decline(one) => format!("declined: {}", short(&one.reason)),
        Action::Withdrawal(one) => format!("withdrew its proposal: {}", short(&one.reason)),
        Action::Expiry(_) => "let it expire: its time was over".to_owned(),
        Action::Signature(one) => format!(
            "signed {}, {} on {}{}{}",
            named(one.terms_version, &one.offer_hash),
            short(&one.signing_office),
            one.sign_date,
            after(" in ", some(&one.place)),
            after(", by decision ", some(&one.decision_reference)),
        ),
        Action::Activation(one) => format!("began it{}", after(", from ", some(&one.start_date))),
        Action::Amendment(one) => {
            let what = if one.renewal { "offered to renew" } else { "offered an amendment" };
            format!("{what}{}", offered(one.terms.as_ref()))
        }
        Action::AmendmentDecline(one) => {
            format!("declined version {} of the terms: {}", one.terms_version, short(&one.reason))
        }
        Action::Conclusion(one) => format!("is done{}", after(": ", said(&one.outcomes).as_deref())),
        Action::Termination(one) => format!("ended it: {}", short(&one.reason)),
        Action::Answer(one) => {
            let statement = one.statement.as_ref().map(stated);
            let verdict = (one.verdict != 0)
                .then(|| one.verdict().as_str_name().trim_start_matches("MATCH_VERDICT_").to_lowercase());
            let what = statement.or(verdict).or_else(|| said(&one.texts));
            format!("answered{}", after(": ", what.as_deref()))
        }
        Action::Message(one) => format!("said{}", after(": ", said(&one.texts).as_deref())),
        Action::MilestoneSetting(one) => one.milestone.as_ref().map_or_else(String::new, |milestone| {
            if milestone.dropped {
                format!("dropped milestone {}", milestone.id)
            } else {
                format!("set milestone {}, for {} until {}", milestone.id, milestone.owner, milestone.due_date)
            }
        }),
        Action::MilestoneCompletion(one) => format!("completed milestone {} on {}", one.milestone, one.complete_date),
        Action::DocumentAttachment(one) => one.document.as_ref().map_or_else(String::new, |document| {
            let title = said(&document.titles);
            format!("attached a document of SHA-256 {}{}", document.sha256, after(": ", title.as_deref()))
        }),
    }
}

/// What a city says of a record.
fn stated(statement: &Statement) -> String {
    let stance = statement.stance().as_str_name().trim_start_matches("CONFIRMATION_STANCE_").to_lowercase();
    format!("{} is {}", statement.record, stance.replace('_', " "))
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
    terms.map_or_else(String::new, |terms| format!(", version {}: {}", terms.version, titled(terms)))
}

fn titled(terms: &Terms) -> String {
    said(&terms.titles).unwrap_or_default()
}

fn said(texts: &[LocalizedText]) -> Option<String> {
    texts.first().map(|one| short(&one.text))
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn after(before: &str, text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!("{before}{}", short(text)))
}

/// On one line, and not longer than a line or two. Nothing of it can move a terminal's cursor.
fn short(text: &str) -> String {
    let mut letters = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut shown: String = letters.by_ref().take(SHOWN).collect();
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}
