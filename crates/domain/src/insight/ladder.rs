//! How far two cities cooperate: the ladder of the programme's fourth question, as its domain document has it.
//!
//! | level | what it says | from which records |
//! | --- | --- | --- |
//! | 0 | nothing | none names the other city |
//! | 1 | one says so | an agreement or partnership of one names the other: by id, as a party, participant or place |
//! | 2 | both say so | the other states the same, confirmed it by a cooperation, or has accepted the terms that came of one |
//! | 3 | they meet yearly | 2, and at least one meeting a year is agreed, or the last was within twelve months |
//! | 4 | a joint work plan | 3, and in the same agreement both have commitments |
//! | 5 | joint funding and evaluation | 4, and both commit money, and one of them an evaluation |
//!
//! Each record is judged by itself, and the furthest counts. What is not in force (in negotiation, suspended, expired, terminated,
//! ended) is history: it never stands above 1. A dormant agreement is in force, and does not stand above 2. Partnerships do not stand
//! above 2: what the cities owe each other is in their agreements.
//!
//! **A claim stays one until the other has spoken.** That the other city confirmed it counts only where that city did so itself, by
//! a cooperation whose signed steps the record names: what the officers of the stating city entered by hand is still their own word.
//! (Only partner cities are shown which cooperation it was. Who sees no more than is public sees 1 there, and the reason.)
//! Against a record its own city's word is enough: one that is disputed, or has ended as the other says, stands at 1. A city without
//! a node, or one that does not answer, denies nothing.
//!
//! Two records tell of the same tie if one names the other as its mirror; two agreements also if each names the other city, they are
//! of one kind, and there is a day on which both hold.

use isopolity_proto::{
    insight::{CooperationLevel, Evidence, OneSide},
    registry::{
        Agreement, AgreementKind, AgreementParty, AgreementStatus, Confirmation, ConfirmationStance, Partnership,
    },
    types::{CommitmentKind, LocalizedText},
};
use time::{Date, OffsetDateTime};

use super::{Described, goes_on, holds};
use crate::validate::value::partial_date;

/// What one of the two cities states.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// The city.
    pub city: Described,
    /// Its node answered in full, with its records.
    pub answered: bool,
    /// Its agreements, as far as they are shown.
    pub agreements: Vec<Agreement>,
    /// Its partnerships.
    pub partnerships: Vec<Partnership>,
}

/// How far two cities cooperate.
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    /// The level of the record that is furthest.
    pub level: CooperationLevel,
    /// Each record that names the other city, the highest level first, then by city and name.
    pub evidence: Vec<Evidence>,
    /// What each says, in the order in which they were given.
    pub sides: Vec<OneSide>,
    /// A statement that one holds to be in force is disputed, or has ended, as the other says.
    pub disputed: bool,
    /// A city's answer is missing that could raise the level.
    pub may_be_higher: bool,
}

impl Ladder {
    /// The level as a number, 0 to 5.
    #[must_use]
    pub fn number(&self) -> i32 {
        i32::from(self.level).saturating_sub(1).max(0)
    }
}

/// How far two cities cooperate, as their records say.
#[must_use]
pub fn status(one: &Side, other: &Side, now: OffsetDateTime) -> Ladder {
    let today = now.date();
    let mut found: Vec<(Evidence, bool)> = Vec::new();
    for (own, theirs) in [(one, other), (other, one)] {
        let agreements = own.agreements.iter().filter(|agreement| names_other(agreement, own, theirs));
        found.extend(agreements.map(|agreement| Tie { own, theirs, today }.of_agreement(agreement)));
        let partnerships = own.partnerships.iter().filter(|partnership| involves_other(partnership, own, theirs));
        found.extend(partnerships.map(|partnership| Tie { own, theirs, today }.of_partnership(partnership)));
    }
    let disputed = found.iter().any(|(_, disputed)| *disputed);
    let mut evidence: Vec<Evidence> = found.into_iter().map(|(evidence, _)| evidence).collect();
    evidence
        .sort_by(|left, right| (right.level, &left.city, &left.record).cmp(&(left.level, &right.city, &right.record)));
    let level = evidence.first().map_or(CooperationLevel::None, Evidence::level);
    let may_be_higher = level != CooperationLevel::JointFundingAndEvaluation && !(one.answered && other.answered);
    Ladder { level, sides: vec![says(one, other), says(other, one)], evidence, disputed, may_be_higher }
}

/// What a city says of another.
fn says(own: &Side, theirs: &Side) -> OneSide {
    let agreements = own.agreements.iter().filter(|one| names_other(one, own, theirs)).map(|one| one.name.clone());
    let partnerships =
        own.partnerships.iter().filter(|one| involves_other(one, own, theirs)).map(|one| one.name.clone());
    let mut records: Vec<String> = agreements.chain(partnerships).collect();
    records.sort_unstable();
    let of_agreements = theirs.agreements.iter().filter(|one| holds(one.state())).map(|one| &one.confirmations);
    let of_partnerships = theirs.partnerships.iter().filter(|one| holds(one.state())).map(|one| &one.confirmations);
    let confirmations = of_agreements.chain(of_partnerships).flatten();
    OneSide {
        city: own.city.id().to_string(),
        records,
        confirmations: confirmations.filter(|one| own.city.owns(&one.city)).cloned().collect(),
        answered: own.answered,
    }
}

fn names_other(agreement: &Agreement, own: &Side, theirs: &Side) -> bool {
    let party = |party: &AgreementParty| {
        if !party.city.is_empty() {
            // Whoever is named by id is nobody else, whatever the names say.
            return theirs.city.owns(&party.city);
        }
        match &party.place {
            _ if theirs.city.owns(&party.organization) => true,
            Some(place) => {
                theirs.city.is_at(place)
                    || theirs.city.is_called(&party.display_names, std::slice::from_ref(&place.country))
            }
            None => theirs.city.is_called(&party.display_names, &agreement.partner_countries),
        }
    };
    holds(agreement.state())
        && own.city.id() != theirs.city.id()
        && (agreement.parties.iter().any(party)
            || agreement.mirrors.iter().any(|mirror| theirs.city.owns(mirror))
            || agreement.confirmations.iter().any(|one| theirs.city.owns(&one.city)))
}

fn involves_other(partnership: &Partnership, own: &Side, theirs: &Side) -> bool {
    holds(partnership.state()) && own.city.id() != theirs.city.id() && names(partnership, &theirs.city)
}

/// Whether a partnership names a city: as a participant, as an end, by a mirror, an agreement or a confirmation.
pub(super) fn names(partnership: &Partnership, city: &Described) -> bool {
    let references = partnership.mirrors.iter().chain(&partnership.agreements);
    partnership.participants.iter().any(|participant| {
        city.owns(&participant.organization)
            || city.is_called(&participant.display_names, &partnership.origin_countries)
    }) || partnership.ends.iter().filter_map(|end| end.place.as_ref()).any(|place| city.is_at(place))
        || references.into_iter().any(|name| city.owns(name))
        || partnership.confirmations.iter().any(|one| city.owns(&one.city))
}

/// What the other city said of a record, as the record has it.
enum Word<'a> {
    Nothing,
    /// It said so itself, by this cooperation.
    Confirmed(&'a str),
    /// The stating city's officers entered that it did.
    SaidToBeConfirmed,
    Disputed,
    Ended,
    Unknown,
}

/// The last that it said; before what was entered by hand comes what it said itself.
fn word<'a>(confirmations: &'a [Confirmation], city: &Described) -> Word<'a> {
    let of_city = || confirmations.iter().filter(|one| city.owns(&one.city)).rev();
    let Some(last) = of_city().find(|one| !one.cooperation.is_empty()).or_else(|| of_city().next()) else {
        return Word::Nothing;
    };
    match last.stance() {
        ConfirmationStance::Unspecified => Word::Nothing,
        ConfirmationStance::Confirmed if last.cooperation.is_empty() => Word::SaidToBeConfirmed,
        ConfirmationStance::Confirmed => Word::Confirmed(&last.cooperation),
        ConfirmationStance::Disputed => Word::Disputed,
        ConfirmationStance::UnknownHere => Word::Unknown,
        ConfirmationStance::Ended => Word::Ended,
    }
}

/// A record of one city that names the other.
struct Tie<'a> {
    own: &'a Side,
    theirs: &'a Side,
    today: Date,
}

impl Tie<'_> {
    /// The level of an agreement, and whether it is disputed.
    fn of_agreement(&self, agreement: &Agreement) -> (Evidence, bool) {
        let other = self.theirs.city.id();
        let judged = |level, explanation: String, disputed| {
            let what = kind_word(agreement.kind());
            let text = format!("{} states {what} with {other}; {explanation}", self.own.city.id());
            (self.evidence(level, &agreement.name, &agreement.titles, text), disputed)
        };
        if let Some(standing) = not_in_force(agreement, self.today) {
            return judged(CooperationLevel::OneSided, format!("it {standing}, so it counts as history"), false);
        }
        let word = word(&agreement.confirmations, &self.theirs.city);
        if let Some(contradicted) = contradiction(&word) {
            return judged(CooperationLevel::OneSided, format!("{other} {contradicted}"), true);
        }
        let linked = self
            .theirs
            .agreements
            .iter()
            .filter(|theirs| holds(theirs.state()))
            .filter(|theirs| agreement.mirrors.contains(&theirs.name) || theirs.mirrors.contains(&agreement.name));
        let mut linked = linked.peekable();
        if linked.peek().is_some() && linked.clone().all(|theirs| not_in_force(theirs, self.today).is_some()) {
            let ended = linked.clone().any(|theirs| has_ended(theirs, self.today));
            let names: Vec<&str> = linked.map(|theirs| theirs.name.as_str()).collect();
            let text = format!("{other} states it too, as not in force ({})", names.join(", "));
            return judged(CooperationLevel::OneSided, text, ended);
        }
        let mirror = linked.find(|theirs| not_in_force(theirs, self.today).is_none());
        let mirror = mirror.or_else(|| self.theirs.agreements.iter().find(|theirs| self.is_same(agreement, theirs)));
        let confirmed = match (mirror, &word) {
            (Some(theirs), _) => format!("{other} states it too ({})", theirs.name),
            (None, Word::Confirmed(cooperation)) => format!("{other} confirmed it ({cooperation})"),
            (None, _) if self.both_signed(agreement) => {
                let cooperation = agreement.evidence.as_ref().map(|evidence| evidence.cooperation.as_str());
                format!("both have signed its terms ({})", cooperation.unwrap_or_default())
            }
            (None, word) => {
                return judged(CooperationLevel::OneSided, self.alone(word, &agreement.mirrors), false);
            }
        };
        let (level, further) = self.beyond(agreement);
        judged(level, format!("{confirmed}{further}"), false)
    }

    /// What a confirmed agreement says beyond being there.
    fn beyond(&self, agreement: &Agreement) -> (CooperationLevel, String) {
        let committed = |kind: Option<CommitmentKind>, side: &Side| {
            let of_side = agreement.commitments.iter().filter(|one| side.city.owns(&one.city));
            of_side.into_iter().any(|one| kind.is_none_or(|kind| one.kind() == kind))
        };
        let both = |kind| committed(kind, self.own) && committed(kind, self.theirs);
        if agreement.status() == AgreementStatus::Dormant {
            return (CooperationLevel::Confirmed, "; it is dormant".to_owned());
        }
        let Some(meetings) = meets(agreement, self.today) else {
            let plan = if both(None) { "both have commitments in it, but " } else { "" };
            return (CooperationLevel::Confirmed, format!("; {plan}no yearly meeting is recorded"));
        };
        if !both(None) {
            return (CooperationLevel::MeetsYearly, format!("; {meetings}"));
        }
        let evaluation = Some(CommitmentKind::Evaluation);
        if both(Some(CommitmentKind::Funding))
            && (committed(evaluation, self.own) || committed(evaluation, self.theirs))
        {
            let text = format!("; {meetings}; both commit money, and an evaluation is agreed");
            return (CooperationLevel::JointFundingAndEvaluation, text);
        }
        (CooperationLevel::JointWorkPlan, format!("; {meetings}; both have commitments in it"))
    }

    /// The level of a partnership, and whether it is disputed.
    fn of_partnership(&self, partnership: &Partnership) -> (Evidence, bool) {
        let other = self.theirs.city.id();
        let judged = |level, explanation: String, disputed| {
            let text = format!("{} states a partnership that involves {other}; {explanation}", self.own.city.id());
            (self.evidence(level, &partnership.name, &partnership.titles, text), disputed)
        };
        if !goes_on(partnership) {
            let text = "it has ended or is suspended, so it counts as history".to_owned();
            return judged(CooperationLevel::OneSided, text, false);
        }
        let word = word(&partnership.confirmations, &self.theirs.city);
        if let Some(contradicted) = contradiction(&word) {
            return judged(CooperationLevel::OneSided, format!("{other} {contradicted}"), true);
        }
        let linked =
            self.theirs.partnerships.iter().filter(|theirs| holds(theirs.state())).find(|theirs| {
                partnership.mirrors.contains(&theirs.name) || theirs.mirrors.contains(&partnership.name)
            });
        match (linked, &word) {
            (Some(theirs), _) if goes_on(theirs) => {
                judged(CooperationLevel::Confirmed, format!("{other} states it too ({})", theirs.name), false)
            }
            (Some(theirs), _) => {
                let text = format!("{other} states it too, as ended or suspended ({})", theirs.name);
                judged(CooperationLevel::OneSided, text, theirs.ending.is_some())
            }
            (None, Word::Confirmed(cooperation)) => {
                judged(CooperationLevel::Confirmed, format!("{other} confirmed it ({cooperation})"), false)
            }
            (None, word) => judged(CooperationLevel::OneSided, self.alone(word, &partnership.mirrors), false),
        }
    }

    fn evidence(&self, level: CooperationLevel, name: &str, titles: &[LocalizedText], explanation: String) -> Evidence {
        Evidence {
            level: level.into(),
            record: name.to_owned(),
            city: self.own.city.id().to_string(),
            titles: titles.to_vec(),
            explanation,
        }
    }

    /// Why a record is only its own city's word.
    fn alone(&self, word: &Word<'_>, mirrors: &[String]) -> String {
        let (own, other) = (self.own.city.id(), self.theirs.city.id());
        let silence = if self.theirs.answered {
            format!("nothing that {other} shows says so")
        } else {
            format!("{other} did not answer or has no node, which denies nothing")
        };
        match word {
            Word::SaidToBeConfirmed => {
                format!(
                    "that {other} confirmed it is {own}'s word: no cooperation is shown by which {other} did; {silence}"
                )
            }
            Word::Unknown => format!("{other} knows nothing of it; {silence}"),
            _ if mirrors.iter().any(|mirror| self.theirs.city.owns(mirror)) => {
                format!("it names a record of {other} that is not shown; {silence}")
            }
            _ => silence,
        }
    }

    /// Whether an agreement of the other city tells of the same tie, although neither names the other as its mirror.
    fn is_same(&self, ours: &Agreement, theirs: &Agreement) -> bool {
        names_other(theirs, self.theirs, self.own)
            && ours.kind() == theirs.kind()
            && not_in_force(theirs, self.today).is_none()
            && overlap(days(ours), days(theirs))
    }

    fn both_signed(&self, agreement: &Agreement) -> bool {
        let signed = |side: &Side| {
            agreement.evidence.iter().flat_map(|evidence| &evidence.signings).any(|one| side.city.owns(&one.city))
        };
        signed(self.own) && signed(self.theirs)
    }
}

fn contradiction(word: &Word<'_>) -> Option<&'static str> {
    match word {
        Word::Disputed => Some("disputes it"),
        Word::Ended => Some("says that it has ended"),
        _ => None,
    }
}

/// Why an agreement is not in force, if it is not. One whose status nobody stated is taken to be.
fn not_in_force(agreement: &Agreement, today: Date) -> Option<&'static str> {
    match agreement.status() {
        AgreementStatus::InNegotiation => Some("is being negotiated"),
        AgreementStatus::Suspended => Some("is suspended"),
        AgreementStatus::Expired => Some("has expired"),
        AgreementStatus::Terminated => Some("was terminated"),
        AgreementStatus::Unspecified | AgreementStatus::Active | AgreementStatus::Dormant => {
            days(agreement).1.is_some_and(|last| last < today).then_some("has run out")
        }
    }
}

fn has_ended(agreement: &Agreement, today: Date) -> bool {
    let status = agreement.status();
    matches!(status, AgreementStatus::Expired | AgreementStatus::Terminated)
        || (status != AgreementStatus::InNegotiation && days(agreement).1.is_some_and(|last| last < today))
}

/// The first and the last day of an agreement, as far as they are known: of what is not exact, the widest.
fn days(agreement: &Agreement) -> (Option<Date>, Option<Date>) {
    let period = agreement.period.clone().unwrap_or_default();
    let first = partial_date(&period.start_date).or_else(|| partial_date(&agreement.sign_date)).map(|days| days.0);
    (first, partial_date(&period.end_date).map(|days| days.1))
}

/// Whether there is a day on which both hold. What is not known excludes nothing.
fn overlap(one: (Option<Date>, Option<Date>), other: (Option<Date>, Option<Date>)) -> bool {
    let before = |last: Option<Date>, first: Option<Date>| last.zip(first).is_some_and(|(last, first)| last < first);
    !before(one.1, other.0) && !before(other.1, one.0)
}

/// How it is known that they meet at least once a year.
fn meets(agreement: &Agreement, today: Date) -> Option<String> {
    let meetings = agreement.meetings.as_ref()?;
    if meetings.per_year >= 1 {
        let often = if meetings.per_year == 1 { "once".to_owned() } else { format!("{} times", meetings.per_year) };
        return Some(format!("they agreed to meet {often} a year"));
    }
    let (first, last) = partial_date(&meetings.last_date)?;
    let year_ago = today.replace_year(today.year() - 1).unwrap_or(today - time::Duration::days(365));
    (last >= year_ago && first <= today).then(|| format!("they last met in {}", meetings.last_date))
}

fn kind_word(kind: AgreementKind) -> &'static str {
    match kind {
        AgreementKind::Unspecified => "an agreement",
        AgreementKind::Twinning => "a twinning",
        AgreementKind::Friendship => "a friendship",
        AgreementKind::MemorandumOfUnderstanding => "a memorandum of understanding",
        AgreementKind::CooperationProtocol => "a cooperation protocol",
        AgreementKind::ProjectAgreement => "a project agreement",
        AgreementKind::LetterOfIntent => "a letter of intent",
        AgreementKind::NetworkMembership => "membership in a network",
        AgreementKind::Informal => "an informal agreement",
    }
}

#[cfg(test)]
mod tests;
