//! The cities of the table and what they say.

use bytes::Bytes;
use isopolity_proto::{
    cooperation::{
        Acceptance, AgreementSignature, AgreementTerms, Amendment, Answer, Cooperation, CooperationEvent,
        CooperationKind, Counter, Milestone, MilestoneSetting, Proposal, Referral, Statement, Subject, Terms,
        cooperation_event::Action,
    },
    options::Audience,
    registry::{AgreementKind, ConfirmationStance, MatchVerdict},
    types::{Document, LocalizedText, Period},
};
use prost_types::Timestamp;

use crate::cooperation::{Verified, apply::apply};

pub(super) const HOST: &str = "host.example";
pub(super) const A: &str = "a.example";
pub(super) const B: &str = "b.example";
const STRANGER: &str = "stranger.example";

/// Who sends messages, as the table calls them, and their ids.
pub(super) const ACTORS: [(&str, &str); 4] = [("host", HOST), ("A", A), ("B", B), ("stranger", STRANGER)];

/// 2 March 2026, 09:00 UTC.
pub(super) const EARLY: i64 = 1_772_442_000;
/// 1 January 2040: every limit has passed.
pub(super) const LATE: i64 = 2_208_988_800;

/// Whose turn it is, and where the cooperation stands.
pub(super) struct Turn<'a> {
    pub(super) before: Option<&'a Cooperation>,
    pub(super) city: &'a str,
    /// UNSPECIFIED: a confirmation by which the host states something.
    pub(super) kind: CooperationKind,
}

impl Turn<'_> {
    /// The next event, by this city.
    pub(super) fn event(&self, action: Option<Action>, seconds: i64) -> CooperationEvent {
        CooperationEvent {
            cooperation: format!("cities/{HOST}/cooperations/one"),
            sequence: self.before.map_or(0, |before| before.sequence) + 1,
            previous_hash: self.before.map(|before| before.head_hash.clone()).unwrap_or_default(),
            city: self.city.to_owned(),
            time: Some(Timestamp { seconds, nanos: 0 }),
            action,
        }
    }

    pub(super) fn early(&self, action: Action) -> Verified {
        Verified::made_here(self.event(Some(action), EARLY))
    }

    pub(super) fn next_version(&self) -> i32 {
        self.before.map_or(1, |before| before.next_terms_version)
    }

    /// The version and the hash of the terms that would be accepted or signed.
    pub(super) fn counting(&self) -> (i32, Bytes) {
        let offer = self
            .before
            .and_then(|before| before.amendment.as_ref().or(before.offer.as_ref()).or(before.agreed.as_ref()));
        let version = offer.and_then(|offer| Some(offer.terms.as_ref()?.version)).unwrap_or(1);
        (version, offer.map_or_else(|| Bytes::from_static(&[0; 32]), |offer| offer.hash.clone()))
    }

    /// The same for signatures, which are under what is agreed.
    pub(super) fn agreed(&self) -> (i32, Bytes) {
        let agreed = self.before.and_then(|before| before.agreed.as_ref());
        let version = agreed.and_then(|offer| Some(offer.terms.as_ref()?.version));
        version.zip(agreed.map(|offer| offer.hash.clone())).unwrap_or_else(|| self.counting())
    }

    pub(super) fn proposal(&self) -> Proposal {
        let terms = super::has_terms(self.kind);
        let kind = if self.kind == CooperationKind::Unspecified { CooperationKind::Confirmation } else { self.kind };
        let subject = |name: &str| Subject { name: name.to_owned(), ..Subject::default() };
        let organization = format!("cities/{HOST}/organizations/mill");
        Proposal {
            kind: kind.into(),
            participants: vec![A.to_owned(), B.to_owned()],
            subjects: vec![subject(&organization), subject(&format!("cities/{A}/organizations/mill"))],
            terms: terms.then(|| self::terms(1)),
            texts: texts("How far do you cooperate?"),
            referral: (kind == CooperationKind::Referral).then(|| Referral {
                organization,
                needs: texts("A buyer"),
                consent_date: "2026-02-01".to_owned(),
                consent_reference: "Register 7".to_owned(),
                ..Referral::default()
            }),
            statement: (self.kind == CooperationKind::Unspecified).then(|| statement(A)),
            ..Proposal::default()
        }
    }

    pub(super) fn answer(&self) -> Answer {
        Answer {
            texts: texts("Very far"),
            statement: (self.kind == CooperationKind::Confirmation).then(|| statement(HOST)),
            verdict: if self.kind == CooperationKind::DuplicateResolution { MatchVerdict::Same.into() } else { 0 },
        }
    }
}

fn statement(of: &str) -> Statement {
    Statement {
        record: format!("cities/{of}/organizations/mill"),
        stance: ConfirmationStance::Confirmed.into(),
        ..Statement::default()
    }
}

pub(super) fn texts(text: &str) -> Vec<LocalizedText> {
    vec![LocalizedText { text: text.to_owned(), language: "en".to_owned(), ..LocalizedText::default() }]
}

pub(super) fn terms(version: i32) -> Terms {
    Terms {
        version,
        titles: texts("Protocol"),
        period: Some(Period { start_date: "2026-06-01".to_owned(), end_date: "2029-05-31".to_owned() }),
        agreement: Some(AgreementTerms {
            kind: AgreementKind::CooperationProtocol.into(),
            audience: Audience::Public.into(),
            ..AgreementTerms::default()
        }),
        ..Terms::default()
    }
}

pub(super) fn counter(version: i32) -> Action {
    Action::Counter(Counter { terms: Some(Terms { summaries: texts("More"), ..terms(version) }), texts: Vec::new() })
}

pub(super) fn amendment(version: i32) -> Action {
    let terms = Terms { summaries: texts("More still"), ..terms(version) };
    Action::Amendment(Amendment { terms: Some(terms), ..Amendment::default() })
}

/// The agreed terms for longer, and perhaps more than that.
pub(super) fn renewal(turn: &Turn<'_>, more: bool) -> Action {
    let agreed = turn.before.and_then(|before| before.agreed.as_ref()?.terms.clone());
    let mut renewed = Terms { version: turn.next_version(), ..agreed.unwrap_or_else(|| terms(1)) };
    renewed.period = Some(Period { start_date: "2026-06-01".to_owned(), end_date: "2032-05-31".to_owned() });
    if more {
        renewed.summaries = texts("And more");
    }
    Action::Amendment(Amendment { terms: Some(renewed), renewal: true, ..Amendment::default() })
}

pub(super) fn acceptance((terms_version, offer_hash): (i32, Bytes)) -> Action {
    Action::Acceptance(Acceptance { terms_version, offer_hash, office: "Department".to_owned() })
}

pub(super) fn signature((terms_version, offer_hash): (i32, Bytes)) -> AgreementSignature {
    AgreementSignature {
        terms_version,
        offer_hash,
        signing_office: "Mayor".to_owned(),
        sign_date: "2026-04-10".to_owned(),
        ..AgreementSignature::default()
    }
}

pub(super) fn milestone(id: &str, owner: &str) -> Action {
    let milestone = Milestone {
        id: id.to_owned(),
        titles: texts("A visit"),
        owner: owner.to_owned(),
        due_date: "2026-09-01".to_owned(),
        ..Milestone::default()
    };
    Action::MilestoneSetting(MilestoneSetting { milestone: Some(milestone) })
}

pub(super) fn document(digit: &str) -> Document {
    Document { titles: texts("Minutes"), sha256: digit.repeat(64), ..Document::default() }
}

/// What it comes to when this city does this next.
pub(super) fn done(
    before: Option<&Cooperation>,
    kind: CooperationKind,
    city: &str,
    action: Action,
    at: i64,
) -> Cooperation {
    let turn = Turn { before, city, kind };
    match apply(before, &Verified::made_here(turn.event(Some(action), at))) {
        Ok(after) => after,
        // The table's own way into a standing is legal; making the table tests it.
        Err(refusal) => unreachable!("{city}: {refusal}"),
    }
}

/// Words with the cities as the table calls them.
pub(super) fn plain(words: &str) -> String {
    ACTORS.iter().fold(words.to_owned(), |words, (short, id)| words.replace(id, short))
}
