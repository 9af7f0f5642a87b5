//! What an event must say, whatever the cooperation: the part of the rules that every version of the program must see alike, because an
//! event that one city takes and another refuses would part their histories. Codes, languages and lengths of texts are not among it:
//! their lists change; [`super::check`] looks at them where something is entered.

use std::collections::BTreeSet;

use isopolity_proto::{
    cooperation::{
        Answer, Cooperation, CooperationKind, Milestone, Proposal, Referral, Statement, Subject, Terms,
        cooperation_event::Action,
    },
    options::Audience,
    types::{Document, LocalizedText},
};
use time::{Date, OffsetDateTime};

use super::{COMMITMENTS_MAX, PARTICIPANTS_MAX, SUBJECTS_MAX, is_negotiated, name::is_label};
use crate::{CityId, Kind, Name, Violation, clock::from_timestamp, validate::value};

/// The longest reason, in characters.
const REASON_MAX: usize = 2_000;
/// The longest office, place or reference, in characters.
const WORDS_MAX: usize = 200;
/// The longest rule of renewal, in characters.
const RENEWAL_MAX: usize = 500;
/// The most documents and sectors of terms.
const TERMS_LISTS_MAX: usize = 20;

/// What is wrong so far. Paths are from the action, or from the draft.
#[derive(Default)]
pub(super) struct Shape(pub(super) Vec<Violation>);

impl Shape {
    fn invalid(&mut self, field: &str, description: impl Into<String>) {
        self.0.push(Violation::invalid(field, description));
    }

    /// Requires a text that is more than spaces.
    fn texts(&mut self, texts: &[LocalizedText], field: &str) {
        if texts.iter().all(|one| one.text.trim().is_empty()) {
            self.0.push(Violation::required(field));
        }
    }

    fn must(&mut self, text: &str, most: usize, field: &str) {
        if text.trim().is_empty() {
            self.0.push(Violation::required(field));
        }
        self.at_most(text, most, field);
    }

    fn at_most(&mut self, text: &str, most: usize, field: &str) {
        if text.chars().nth(most).is_some() {
            self.invalid(field, format!("is longer than {most} characters"));
        }
    }

    /// Why something ends.
    fn reason(&mut self, text: &str) {
        self.must(text, REASON_MAX, "reason");
    }

    /// An office, a place or a reference, which may be empty.
    fn words(&mut self, text: &str, field: &str) {
        self.at_most(text, WORDS_MAX, field);
    }

    /// An office or a reference that is required.
    fn must_words(&mut self, text: &str, field: &str) {
        self.must(text, WORDS_MAX, field);
    }

    /// Requires a calendar date to the day.
    fn day(&mut self, text: &str, field: &str) -> Option<Date> {
        if text.is_empty() {
            self.0.push(Violation::required(field));
        }
        self.maybe_day(text, field)
    }

    /// A calendar date to the day, or nothing.
    fn maybe_day(&mut self, text: &str, field: &str) -> Option<Date> {
        if text.is_empty() {
            return None;
        }
        let day = day(text);
        if day.is_none() {
            self.invalid(field, "is not a date as YYYY-MM-DD");
        }
        day
    }

    fn hash(&mut self, hash: &[u8], field: &str) {
        if hash.len() != 32 {
            self.invalid(field, format!("has {} bytes, not the 32 of a SHA-256", hash.len()));
        }
    }

    /// The version of terms, and the event that offered them.
    fn offered(&mut self, version: i32, hash: &[u8]) {
        if version < 1 {
            self.invalid("terms_version", "must be 1 or higher");
        }
        self.hash(hash, "offer_hash");
    }

    fn most(&mut self, entries: usize, most: usize, field: &str) {
        if entries > most {
            self.invalid(field, format!("has {entries} entries; at most {most} are allowed"));
        }
    }

    /// What is proposed. `at` is the time of the event, if there is one yet.
    pub(super) fn proposal(&mut self, host: &CityId, proposal: &Proposal, at: Option<OffsetDateTime>) {
        let kind = CooperationKind::try_from(proposal.kind).unwrap_or_default();
        if proposal.kind == 0 {
            self.0.push(Violation::required("kind"));
        } else if kind == CooperationKind::Unspecified {
            self.invalid("kind", "is none that this version knows");
        }
        self.participants(host, &proposal.participants);
        self.subjects(&proposal.subjects);
        let mut cities: Vec<&str> = vec![host.as_str()];
        cities.extend(proposal.participants.iter().map(String::as_str));
        match (&proposal.terms, is_negotiated(kind)) {
            (Some(terms), true) => self.terms(terms, &cities, "terms"),
            (None, true) => self.0.push(Violation::required("terms")),
            (Some(_), false) if kind != CooperationKind::Unspecified => {
                self.invalid("terms", "is for kinds that have terms");
            }
            (_, false) => {}
        }
        match (&proposal.referral, kind == CooperationKind::Referral) {
            (Some(referral), true) => self.referral(referral, &proposal.subjects, at),
            (None, true) => self.0.push(Violation::required("referral")),
            (Some(_), false) => self.invalid("referral", "is for a REFERRAL alone"),
            (None, false) => {}
        }
        if proposal.statement.is_some() && kind != CooperationKind::Confirmation {
            self.invalid("statement", "is for a CONFIRMATION alone");
        }
        self.answered(kind, host, proposal);
        if let Some(due) = &proposal.reply_due_time {
            match (from_timestamp(due), at) {
                (None, _) => self.invalid("reply_due_time", "is no time in the years 1 to 9999"),
                (Some(due), Some(at)) if due <= at => self.invalid("reply_due_time", "is not after the proposal"),
                _ => {}
            }
        }
    }

    /// What kinds without terms need.
    fn answered(&mut self, kind: CooperationKind, host: &CityId, proposal: &Proposal) {
        match kind {
            CooperationKind::Enquiry => self.texts(&proposal.texts, "texts"),
            CooperationKind::DuplicateResolution if proposal.subjects.len() < 2 => {
                self.invalid("subjects", "must be two or more: the records that may be of the same thing");
            }
            CooperationKind::Confirmation => match &proposal.statement {
                Some(statement) => {
                    let of = self.statement(statement, "statement");
                    if of.is_some_and(|of| !proposal.participants.iter().any(|one| one == of.as_str())) {
                        self.invalid("statement.record", "must be a record of one of the participants");
                    }
                }
                None if !proposal.subjects.iter().any(|one| city_of(&one.name).is_some_and(|city| city == *host)) => {
                    self.invalid(
                        "subjects",
                        "one at least must be a record of the host, which the others are asked about",
                    );
                }
                None => {}
            },
            _ => {}
        }
    }

    /// What the city does after the beginning.
    pub(super) fn action(&mut self, action: &Action, cooperation: &Cooperation, city: &str, sequence: i64) {
        let cities: Vec<&str> = cooperation.participations.iter().map(|one| one.city.as_str()).collect();
        match action {
            Action::Proposal(_) | Action::Expiry(_) => {}
            Action::Counter(counter) => self.offered_terms(counter.terms.as_ref(), &cities),
            Action::Amendment(amendment) => self.offered_terms(amendment.terms.as_ref(), &cities),
            Action::Acceptance(acceptance) => {
                self.offered(acceptance.terms_version, &acceptance.offer_hash);
                self.words(&acceptance.office, "office");
            }
            Action::Decline(decline) => self.reason(&decline.reason),
            Action::Withdrawal(withdrawal) => self.reason(&withdrawal.reason),
            Action::AmendmentDecline(decline) => self.reason(&decline.reason),
            Action::Termination(termination) => self.reason(&termination.reason),
            Action::Signature(signature) => {
                self.offered(signature.terms_version, &signature.offer_hash);
                self.must_words(&signature.signing_office, "signing_office");
                self.words(&signature.decision_reference, "decision_reference");
                self.words(&signature.place, "place");
                self.day(&signature.sign_date, "sign_date");
            }
            Action::Activation(activation) => {
                self.maybe_day(&activation.start_date, "start_date");
            }
            Action::Conclusion(conclusion) => self.texts(&conclusion.outcomes, "outcomes"),
            Action::Answer(answer) => self.answer(answer, cooperation, city),
            Action::Message(message) => {
                self.texts(&message.texts, "texts");
                if !(0..sequence).contains(&message.in_reply_to) {
                    self.invalid("in_reply_to", "is no earlier event");
                }
            }
            Action::MilestoneSetting(setting) => match &setting.milestone {
                Some(milestone) => self.milestone(milestone, &cities),
                None => self.0.push(Violation::required("milestone")),
            },
            Action::MilestoneCompletion(completion) => {
                self.must_words(&completion.milestone, "milestone");
                self.day(&completion.complete_date, "complete_date");
            }
            Action::DocumentAttachment(attachment) => match &attachment.document {
                Some(document) => self.document(document, "document"),
                None => self.0.push(Violation::required("document")),
            },
        }
    }

    fn offered_terms(&mut self, terms: Option<&Terms>, cities: &[&str]) {
        match terms {
            Some(terms) => self.terms(terms, cities, "terms"),
            None => self.0.push(Violation::required("terms")),
        }
    }

    /// An answer says what its kind asks for.
    fn answer(&mut self, answer: &Answer, cooperation: &Cooperation, city: &str) {
        let kind = cooperation.kind();
        if kind == CooperationKind::Enquiry {
            self.texts(&answer.texts, "texts");
        }
        match (&answer.statement, kind == CooperationKind::Confirmation) {
            (None, true) => self.0.push(Violation::required("statement")),
            (Some(_), false) => self.invalid("statement", "is for a CONFIRMATION alone"),
            (Some(statement), true) => {
                let of = self.statement(statement, "statement");
                if of.is_some_and(|of| of.as_str() == city) {
                    self.invalid("statement.record", "is a record of this city: a statement is about another's");
                } else if !cooperation.subjects.iter().any(|one| one.name == statement.record) {
                    self.invalid("statement.record", "must be one of the subjects, which it was asked about");
                }
            }
            (None, false) => {}
        }
        match (answer.verdict == 0, kind == CooperationKind::DuplicateResolution) {
            (true, true) => self.0.push(Violation::required("verdict")),
            (false, false) => self.invalid("verdict", "is for a DUPLICATE_RESOLUTION alone"),
            _ => {}
        }
    }

    fn participants(&mut self, host: &CityId, participants: &[String]) {
        if participants.is_empty() {
            self.0.push(Violation::required("participants"));
        }
        self.most(participants.len(), PARTICIPANTS_MAX, "participants");
        let mut seen = BTreeSet::new();
        for (at, id) in participants.iter().enumerate().take(PARTICIPANTS_MAX) {
            let field = format!("participants[{at}]");
            match id.parse::<CityId>() {
                Err(error) => self.invalid(&field, error.to_string()),
                Ok(city) if city == *host => self.invalid(&field, "is the host, which takes part anyway"),
                Ok(city) if !seen.insert(city.clone()) => self.invalid(&field, "stands there twice"),
                Ok(_) => {}
            }
        }
    }

    fn subjects(&mut self, subjects: &[Subject]) {
        self.most(subjects.len(), SUBJECTS_MAX, "subjects");
        let mut seen = BTreeSet::new();
        for (at, subject) in subjects.iter().enumerate().take(SUBJECTS_MAX) {
            let field = format!("subjects[{at}].name");
            match subject.name.parse::<Name>() {
                Err(error) => self.invalid(&field, error.to_string()),
                Ok(name) if !seen.insert(name.clone()) => self.invalid(&field, "stands there twice"),
                Ok(_) => {}
            }
        }
    }

    fn referral(&mut self, referral: &Referral, subjects: &[Subject], at: Option<OffsetDateTime>) {
        match Name::parse_as(Kind::Organization, &referral.organization) {
            Err(error) => self.invalid("referral.organization", error.to_string()),
            Ok(_) if !subjects.iter().any(|one| one.name == referral.organization) => {
                self.invalid("referral.organization", "must be one of the subjects");
            }
            Ok(_) => {}
        }
        self.texts(&referral.needs, "referral.needs");
        let given = self.day(&referral.consent_date, "referral.consent_date");
        self.must_words(&referral.consent_reference, "referral.consent_reference");
        let last = self.maybe_day(&referral.consent_expire_date, "referral.consent_expire_date");
        if given.zip(last).is_some_and(|(given, last)| last < given) {
            self.invalid("referral.consent_expire_date", "is before consent_date");
        }
        let Some(today) = at.map(OffsetDateTime::date) else { return };
        // East of Greenwich it is tomorrow already.
        if given.zip(today.next_day()).is_some_and(|(given, tomorrow)| given > tomorrow) {
            self.invalid("referral.consent_date", "is in the future");
        }
        if last.is_some_and(|last| last < today) {
            self.invalid("referral.consent_expire_date", "is past: the organisation must be asked anew");
        }
    }

    /// What is said of a record. Returns whose record it is.
    fn statement(&mut self, statement: &Statement, path: &str) -> Option<CityId> {
        let of = city_of(&statement.record);
        if statement.record.is_empty() {
            self.0.push(Violation::required(format!("{path}.record")));
        } else if of.is_none() {
            self.invalid(&format!("{path}.record"), "is not the name of a record");
        }
        if statement.stance == 0 {
            self.0.push(Violation::required(format!("{path}.stance")));
        }
        if !statement.mirror.is_empty() && city_of(&statement.mirror).is_none() {
            self.invalid(&format!("{path}.mirror"), "is not the name of a record");
        }
        if !statement.date.is_empty() && value::partial_date(&statement.date).is_none() {
            self.invalid(&format!("{path}.date"), "is not a date as YYYY-MM-DD, YYYY-MM or YYYY");
        }
        of
    }

    /// Terms between these cities.
    fn terms(&mut self, terms: &Terms, cities: &[&str], path: &str) {
        let below = |field: &str| format!("{path}.{field}");
        self.texts(&terms.titles, &below("titles"));
        let mut seen = BTreeSet::new();
        for (at, aims) in terms.party_aims.iter().enumerate() {
            let field = below(&format!("party_aims[{at}]"));
            if !cities.contains(&aims.city.as_str()) {
                self.invalid(&format!("{field}.city"), "does not take part");
            } else if !seen.insert(&aims.city) {
                self.invalid(&format!("{field}.city"), "stands there twice");
            }
            self.texts(&aims.aims, &format!("{field}.aims"));
        }
        self.most(terms.commitments.len(), COMMITMENTS_MAX, &below("commitments"));
        for (at, commitment) in terms.commitments.iter().enumerate().take(COMMITMENTS_MAX) {
            let field = below(&format!("commitments[{at}]"));
            let city = commitment.city.strip_prefix("cities/");
            if !city.is_some_and(|city| cities.contains(&city)) {
                self.invalid(&format!("{field}.city"), "must be cities/{city} of one that takes part");
            }
            if commitment.kind == 0 {
                self.0.push(Violation::required(format!("{field}.kind")));
            }
            self.texts(&commitment.descriptions, &format!("{field}.descriptions"));
            if !commitment.staff_days.is_empty() && value::decimal(&commitment.staff_days).is_none() {
                self.invalid(&format!("{field}.staff_days"), "is not a decimal number, for example \"12.5\"");
            }
        }
        if let Some(period) = &terms.period {
            let first = self.partial(&period.start_date, &below("period.start_date"));
            let last = self.partial(&period.end_date, &below("period.end_date"));
            if first.zip(last).is_some_and(|((first, _), (_, last))| last < first) {
                self.invalid(&below("period.end_date"), "is before start_date");
            }
        }
        if let Some(agreement) = &terms.agreement {
            if agreement.kind == 0 {
                self.0.push(Violation::required(below("agreement.kind")));
            }
            let audience = Audience::try_from(agreement.audience).unwrap_or_default();
            if !matches!(audience, Audience::Public | Audience::Federation | Audience::Internal) {
                self.invalid(&below("agreement.audience"), "must be PUBLIC, FEDERATION or INTERNAL");
            }
            if agreement.meetings_per_year < 0 {
                self.invalid(&below("agreement.meetings_per_year"), "is less than 0");
            }
            self.at_most(&agreement.renewal, RENEWAL_MAX, &below("agreement.renewal"));
        }
        self.most(terms.sectors.len(), TERMS_LISTS_MAX, &below("sectors"));
        self.most(terms.sdg_goals.len(), TERMS_LISTS_MAX, &below("sdg_goals"));
        self.most(terms.documents.len(), TERMS_LISTS_MAX, &below("documents"));
        for (at, document) in terms.documents.iter().enumerate().take(TERMS_LISTS_MAX) {
            self.document(document, &below(&format!("documents[{at}]")));
        }
    }

    fn partial(&mut self, text: &str, field: &str) -> Option<(Date, Date)> {
        let date = value::partial_date(text);
        if date.is_none() && !text.is_empty() {
            self.invalid(field, "is not a date as YYYY-MM-DD, YYYY-MM or YYYY");
        }
        date
    }

    /// A document is known by its hash.
    fn document(&mut self, document: &Document, path: &str) {
        if document.sha256.is_empty() {
            self.0.push(Violation::required(format!("{path}.sha256")));
        } else if !value::is_sha256(&document.sha256) {
            self.invalid(&format!("{path}.sha256"), "is not a SHA-256: 64 digits of 0-9 and a-f");
        }
        self.texts(&document.titles, &format!("{path}.titles"));
    }

    /// A milestone as it is set.
    fn milestone(&mut self, milestone: &Milestone, cities: &[&str]) {
        if !is_label(&milestone.id) {
            let form = "must be 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit";
            self.invalid("milestone.id", form);
        }
        self.texts(&milestone.titles, "milestone.titles");
        if !cities.contains(&milestone.owner.as_str()) {
            self.invalid("milestone.owner", "does not take part");
        }
        self.day(&milestone.due_date, "milestone.due_date");
        if !milestone.complete_date.is_empty() || !milestone.outcomes.is_empty() {
            self.invalid("milestone.complete_date", "is set by completion");
        }
    }
}

/// A calendar date to the day.
pub(super) fn day(text: &str) -> Option<Date> {
    value::partial_date(text).filter(|(first, last)| first == last).map(|(first, _)| first)
}

/// Whose record it is.
pub(super) fn city_of(name: &str) -> Option<CityId> {
    name.parse::<Name>().ok().map(|name| name.city().clone())
}
