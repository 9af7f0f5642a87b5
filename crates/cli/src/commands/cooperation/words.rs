//! Cooperations in words: how they are named, dated and called on the command line.

use isopolity_node::{Clock as _, SystemClock};
use isopolity_proto::{
    cooperation::{Cooperation, CooperationKind, CooperationState, WaitingFor},
    registry::{AgreementKind, ConfirmationStance, MatchVerdict},
    types::{CommitmentKind, LocalizedText, Money},
};
use isopolity_registry::verify::hexadecimal;
use prost_types::Timestamp;
use time::{Date, Time, format_description::BorrowedFormatItem, macros::format_description};

use crate::{
    args::{KindWord, StateWord},
    exit::Exit,
};

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The resource name of a cooperation that is named as `HOST/ID`, or in full.
pub(crate) fn full_name(text: &str) -> Result<String, Exit> {
    match text.split('/').collect::<Vec<_>>().as_slice() {
        [host, id] if !host.is_empty() && !id.is_empty() => Ok(format!("cities/{host}/cooperations/{id}")),
        ["cities", host, "cooperations", id] if !host.is_empty() && !id.is_empty() => Ok(text.to_owned()),
        _ => Err(Exit::usage(format!(
            "{text:?} names no cooperation: write HOST/ID, for example feira.example/protocol; \"isopolity cooperation list\" \
             shows them"
        ))),
    }
}

/// A cooperation's name as people write it, `HOST/ID`.
pub(crate) fn short_name(name: &str) -> String {
    match name.split('/').collect::<Vec<_>>().as_slice() {
        ["cities", host, "cooperations", id] => format!("{host}/{id}"),
        _ => name.to_owned(),
    }
}

/// A text as `TEXT` or `TEXT@LANGUAGE`.
pub(super) fn text(written: &str) -> LocalizedText {
    match written.rsplit_once('@') {
        Some((text, language)) if is_language(language) && !text.trim().is_empty() => {
            LocalizedText { text: text.trim().to_owned(), language: language.to_owned(), ..Default::default() }
        }
        _ => LocalizedText { text: written.trim().to_owned(), language: "und".to_owned(), ..Default::default() },
    }
}

pub(super) fn texts(written: &[String]) -> Vec<LocalizedText> {
    written.iter().map(|one| text(one)).collect()
}

/// Whether it looks as language tags do, `pt` or `sr-Latn`; what is behind the `@` of a mailbox does not.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
    parts.next().is_some_and(|first| (2..=3).contains(&first.len()) && letters(first))
        && parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// One of several texts that say the same, for people: English if there is, else the first.
pub(crate) fn said(texts: &[LocalizedText]) -> String {
    let english = texts.iter().find(|one| one.language == "en" || one.language.starts_with("en-"));
    english.or_else(|| texts.first()).map(|one| plain(&one.text)).unwrap_or_default()
}

/// What another city wrote, so that nothing of it can move a terminal's cursor.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() && letter != '\n' { ' ' } else { letter }).collect()
}

/// What a cooperation is called.
pub(super) fn title(cooperation: &Cooperation) -> String {
    let draft = cooperation.draft.as_ref();
    let terms = [&cooperation.agreed, &cooperation.offer].into_iter().flatten().find_map(|offer| offer.terms.as_ref());
    let terms = terms.or_else(|| draft.and_then(|draft| draft.terms.as_ref()));
    let titles = terms.map(|terms| said(&terms.titles)).filter(|title| !title.is_empty());
    let subjects = if draft.is_some() { draft.map(|draft| &draft.subjects) } else { Some(&cooperation.subjects) };
    let about = || {
        let first = subjects.and_then(|all| all.first())?;
        let called = said(&first.display_names);
        Some(if called.is_empty() { first.name.clone() } else { called })
    };
    let statement = || cooperation.statement.as_ref().map(|one| one.record.clone());
    let asked = || Some(said(&cooperation.texts)).filter(|text| !text.is_empty());
    titles.or_else(about).or_else(statement).or_else(asked).unwrap_or_default()
}

/// `PARTNERSHIP_STAGE_LAUNCH` without its prefix, in small letters.
fn bare(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase().replace('_', " ")
}

pub(crate) fn kind_word(kind: CooperationKind) -> String {
    bare(kind.as_str_name(), "COOPERATION_KIND_")
}

/// States stand out: they are what people look for.
pub(crate) fn state_word(state: CooperationState) -> String {
    bare(state.as_str_name(), "COOPERATION_STATE_").to_uppercase()
}

pub(super) fn stance_word(stance: ConfirmationStance) -> &'static str {
    match stance {
        ConfirmationStance::Unspecified => "says nothing",
        ConfirmationStance::Confirmed => "confirms it",
        ConfirmationStance::Disputed => "disputes it",
        ConfirmationStance::UnknownHere => "knows nothing of it",
        ConfirmationStance::Ended => "says that it has ended",
    }
}

pub(super) fn verdict_word(verdict: MatchVerdict) -> &'static str {
    match verdict {
        MatchVerdict::Unspecified => "undecided",
        MatchVerdict::Same => "the same",
        MatchVerdict::Different => "different",
        MatchVerdict::Possible => "possibly the same",
    }
}

pub(super) fn agreement_word(kind: AgreementKind) -> String {
    bare(kind.as_str_name(), "AGREEMENT_KIND_")
}

pub(super) fn commitment_word(kind: CommitmentKind) -> String {
    bare(kind.as_str_name(), "COMMITMENT_KIND_")
}

/// What a city has to do.
pub(crate) fn waiting_word(waiting_for: WaitingFor) -> &'static str {
    match waiting_for {
        WaitingFor::Unspecified => "?",
        WaitingFor::Answer => "to answer",
        WaitingFor::Decision => "to accept, counter or decline",
        WaitingFor::Approval => "a second person's approval",
        WaitingFor::Signature => "to sign",
        WaitingFor::Activation => "to activate",
        WaitingFor::AmendmentDecision => "to accept or decline the amendment",
        WaitingFor::Milestone => "to reach a milestone",
        WaitingFor::Conclusion => "to conclude, as another city has",
        WaitingFor::Rebase => "to take a step anew, or drop it",
        WaitingFor::Renewal => "to renew, or let it expire",
    }
}

/// The command for it.
pub(crate) fn command_for(waiting_for: WaitingFor) -> Option<&'static str> {
    match waiting_for {
        WaitingFor::Unspecified => None,
        WaitingFor::Answer => Some("answer"),
        WaitingFor::Decision | WaitingFor::AmendmentDecision => Some("accept"),
        WaitingFor::Approval => Some("approve"),
        WaitingFor::Signature => Some("sign"),
        WaitingFor::Activation => Some("activate"),
        WaitingFor::Milestone => Some("milestone done"),
        WaitingFor::Conclusion => Some("conclude"),
        WaitingFor::Rebase => Some("show"),
        WaitingFor::Renewal => Some("renew"),
    }
}

/// An enum's value by its word on the command line, or all words there are.
pub(super) fn by_word<E: TryFrom<i32> + Copy>(
    word: &str,
    what: &str,
    word_of: impl Fn(E) -> String,
) -> Result<E, Exit> {
    let wanted = word.trim().to_lowercase().replace(['-', '_'], " ");
    // The enums of the contract are short; their numbers may have gaps.
    let all = (1..32).filter_map(|number| E::try_from(number).ok());
    let mut words = Vec::new();
    for value in all {
        let found = word_of(value);
        if found == wanted {
            return Ok(value);
        }
        words.push(found.replace(' ', "-"));
    }
    Err(Exit::usage(format!("{word:?} is no {what}; there is {}", words.join(", "))))
}

pub(super) fn agreement_kind(word: &str) -> Result<AgreementKind, Exit> {
    by_word(word, "kind of agreement", agreement_word)
}

pub(super) fn commitment_kind(word: &str) -> Result<CommitmentKind, Exit> {
    by_word(word, "kind of contribution", commitment_word)
}

pub(super) fn kind_of(word: KindWord) -> CooperationKind {
    match word {
        KindWord::Enquiry => CooperationKind::Enquiry,
        KindWord::Referral => CooperationKind::Referral,
        KindWord::JointPartnership => CooperationKind::JointPartnership,
        KindWord::GoodPracticeExchange => CooperationKind::GoodPracticeExchange,
        KindWord::Confirmation => CooperationKind::Confirmation,
        KindWord::DuplicateResolution => CooperationKind::DuplicateResolution,
    }
}

pub(super) fn state_of(word: StateWord) -> CooperationState {
    match word {
        StateWord::Draft => CooperationState::Draft,
        StateWord::Proposed => CooperationState::Proposed,
        StateWord::Agreed => CooperationState::Agreed,
        StateWord::Active => CooperationState::Active,
        StateWord::Concluded => CooperationState::Concluded,
        StateWord::Declined => CooperationState::Declined,
        StateWord::Withdrawn => CooperationState::Withdrawn,
        StateWord::Expired => CooperationState::Expired,
        StateWord::Terminated => CooperationState::Terminated,
    }
}

pub(crate) fn is_open(state: CooperationState) -> bool {
    use CooperationState::{Active, Agreed, Draft, Proposed};
    matches!(state, Draft | Proposed | Agreed | Active)
}

/// The first digits of a hash: enough to tell two apart by eye.
pub(crate) fn short_hash(hash: &[u8]) -> String {
    let mut digits = hexadecimal(hash);
    digits.truncate(16);
    digits
}

/// An amount with its thousands apart, `12 500 EUR`.
pub(super) fn amount(money: &Money) -> String {
    let (whole, rest) = money.amount.split_once('.').unwrap_or((&money.amount, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.chars().count() - at).is_multiple_of(3) {
            grouped.push('\u{a0}');
        }
        grouped.push(digit);
    }
    let point = if rest.is_empty() { "" } else { "." };
    format!("{grouped}{point}{rest} {}", money.currency_code)
}

/// Today, in UTC.
pub(super) fn today() -> String {
    SystemClock.now().date().format(DAY).unwrap_or_default()
}

/// A day as it is written on the command line.
pub(super) fn day<'a>(option: &str, written: &'a str) -> Result<&'a str, Exit> {
    let day = Date::parse(written, DAY);
    day.map(|_| written).map_err(|_error: time::error::Parse| {
        Exit::usage(format!("--{option} {written:?}: write a day as YYYY-MM-DD, for example 2014-06-30"))
    })
}

/// The end of a day.
pub(super) fn end_of_day(option: &str, written: &str) -> Result<Timestamp, Exit> {
    let day = Date::parse(day(option, written)?, DAY);
    let day = day.map_err(|error| Exit::usage(format!("--{option} {written:?}: {error}")))?;
    let last = day.with_time(Time::from_hms(23, 59, 59).unwrap_or(Time::MIDNIGHT)).assume_utc();
    Ok(Timestamp { seconds: last.unix_timestamp(), nanos: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cooperation_is_named_short_or_in_full() {
        for written in ["feira.example/protocol", "cities/feira.example/cooperations/protocol"] {
            assert_eq!(full_name(written).unwrap(), "cities/feira.example/cooperations/protocol");
        }
        for wrong in ["", "protocol", "feira.example/", "/x", "cities/feira.example/agreements/x", "a/b/c"] {
            assert!(full_name(wrong).is_err(), "{wrong}");
        }
        assert_eq!(short_name("cities/feira.example/cooperations/protocol"), "feira.example/protocol");
    }

    #[test]
    fn a_text_says_its_language_behind_an_at_sign_and_a_mailbox_is_none() {
        for (written, expected) in [
            ("Protocolo@pt", ("Protocolo", "pt")),
            ("Sporazum @ sr-Latn", ("Sporazum @ sr-Latn", "und")),
            ("Sporazum@sr-Latn", ("Sporazum", "sr-Latn")),
            ("write to office@feira.example", ("write to office@feira.example", "und")),
            ("write to office@feira.example@en", ("write to office@feira.example", "en")),
            ("Protocol", ("Protocol", "und")),
            ("@pt", ("@pt", "und")),
        ] {
            let text = text(written);
            assert_eq!((text.text.as_str(), text.language.as_str()), expected, "{written}");
        }
    }

    #[test]
    fn every_kind_has_a_word_and_an_unknown_one_is_answered_with_all() {
        assert_eq!(agreement_kind("cooperation-protocol").unwrap(), AgreementKind::CooperationProtocol);
        assert_eq!(commitment_kind("staff-time").unwrap(), CommitmentKind::StaffTime);
        let all = format!("{:?}", commitment_kind("gold").unwrap_err());
        assert!(all.contains("funding") && all.contains("staff-time") && all.contains("communication"), "{all}");
    }

    #[test]
    fn amounts_are_grouped_and_days_are_checked() {
        let money = |amount: &str| Money { currency_code: "EUR".into(), amount: amount.into() };
        assert_eq!(amount(&money("1234567.50")), "1\u{a0}234\u{a0}567.50 EUR");
        assert_eq!(amount(&money("500")), "500 EUR");
        assert!(day("until", "2014-06-30").is_ok() && day("until", "2014-6-30").is_err());
        assert_eq!(end_of_day("reply-by", "1970-01-01").unwrap().seconds, 86_399);
    }
}
