//! Feira hosts a cooperation with Kénitra and Geneva.

mod agreement;
mod answers;
mod check;
mod file;
mod invariants;
mod negotiation;
mod receive;
mod signing;
mod steps;
mod table;
mod told;
mod waiting;
mod work;

use std::collections::BTreeMap;

use bytes::Bytes;
use isopolity_proto::{
    cooperation::{
        Acceptance, Activation, AgreementSignature, AgreementTerms, Amendment, AmendmentDecline, Conclusion, Counter,
        Decline, Message, Milestone, MilestoneCompletion, MilestoneSetting, PartyAims, Proposal, Step, Subject,
        Termination, Terms, Withdrawal, step::Action,
    },
    federation::Envelope,
    options::Audience,
    registry::AgreementKind,
    types::{Commitment, CommitmentKind, Document, LocalizedText, Period},
};
use prost::Message as _;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::*;
use crate::{
    CityId,
    envelope::{Keys, SigningKey, key_id},
};

const NOW: OffsetDateTime = datetime!(2013-03-15 10:00 UTC);
const FEIRA: &str = "feira.example";
const KENITRA: &str = "kenitra.example";
const GENEVE: &str = "geneve.example";
const CITIES: [&str; 3] = [FEIRA, KENITRA, GENEVE];

fn id(city: &str) -> CityId {
    city.parse().unwrap()
}

fn name() -> CooperationName {
    CooperationName::new(id(FEIRA), "cork").unwrap()
}

fn key(city: &str) -> SigningKey {
    SigningKey::from_bytes(&event_hash(city.as_bytes()))
}

fn keys_of(city: &str) -> Keys {
    let public = key(city).verifying_key();
    Keys::from([(key_id(&public), public)])
}

fn all_keys() -> BTreeMap<CityId, Keys> {
    CITIES.into_iter().map(|city| (id(city), keys_of(city))).collect()
}

fn open(envelope: &Envelope) -> Result<Opened, EventError> {
    let keys = all_keys();
    open_event(envelope, |city| keys.get(city).cloned())
}

fn texts(text: &str) -> Vec<LocalizedText> {
    vec![LocalizedText { text: text.into(), language: "pt".into(), ..Default::default() }]
}

fn terms(title: &str) -> Terms {
    Terms {
        titles: texts(title),
        summaries: texts("Cork from Feira, insulation in Kénitra"),
        party_aims: vec![PartyAims { city: KENITRA.into(), aims: texts("Jobs") }],
        commitments: vec![Commitment {
            city: format!("cities/{FEIRA}"),
            kind: CommitmentKind::StaffTime.into(),
            descriptions: texts("An officer"),
            staff_days: "12.5".into(),
            ..Default::default()
        }],
        period: Some(Period { start_date: "2013-06-01".into(), end_date: "2016-05-31".into() }),
        agreement: Some(AgreementTerms {
            kind: AgreementKind::CooperationProtocol.into(),
            audience: Audience::Public.into(),
            meetings_per_year: 2,
            renewal: "tacitly, by 3 years".into(),
        }),
        ..Default::default()
    }
}

fn proposal(participants: &[&str]) -> Proposal {
    Proposal {
        kind: CooperationKind::JointPartnership.into(),
        participants: participants.iter().map(|&city| city.to_owned()).collect(),
        subjects: vec![Subject { name: format!("cities/{FEIRA}/partnerships/cork"), ..Default::default() }],
        terms: Some(terms("Protocol")),
        ..Default::default()
    }
}

fn counter(title: &str) -> Action {
    Action::Counter(Counter { terms: Some(terms(title)), texts: Vec::new() })
}

fn acceptance() -> Action {
    Action::Acceptance(Acceptance { office: "International Relations".into(), ..Default::default() })
}

fn decline() -> Action {
    Action::Decline(Decline { reason: "no budget".into() })
}

fn withdrawal() -> Action {
    Action::Withdrawal(Withdrawal { reason: "a mistake".into() })
}

fn signature(sign_date: &str) -> Action {
    Action::Signature(AgreementSignature {
        signing_office: "Mayor".into(),
        decision_reference: "12/2013".into(),
        sign_date: sign_date.into(),
        ..Default::default()
    })
}

fn activation() -> Action {
    Action::Activation(Activation::default())
}

fn amendment(title: &str) -> Action {
    Action::Amendment(Amendment { terms: Some(terms(title)), ..Default::default() })
}

fn renewal(end_date: &str) -> Action {
    let period = Some(Period { start_date: "2013-06-01".into(), end_date: end_date.into() });
    let terms = Terms { period, ..terms("Protocol") };
    Action::Amendment(Amendment { terms: Some(terms), renewal: true, ..Default::default() })
}

fn amendment_decline() -> Action {
    Action::AmendmentDecline(AmendmentDecline { reason: "too much".into(), ..Default::default() })
}

fn conclusion() -> Action {
    Action::Conclusion(Conclusion { outcomes: texts("Twelve jobs") })
}

fn termination() -> Action {
    Action::Termination(Termination { reason: "no budget".into() })
}

fn message(text: &str) -> Action {
    Action::Message(Message { texts: texts(text), in_reply_to: 0 })
}

fn milestone(id: &str, owner: &str, due_date: &str) -> Action {
    Action::MilestoneSetting(MilestoneSetting {
        milestone: Some(Milestone {
            id: id.into(),
            titles: texts("A visit"),
            owner: owner.into(),
            due_date: due_date.into(),
            ..Default::default()
        }),
    })
}

fn completion(id: &str) -> Action {
    Action::MilestoneCompletion(MilestoneCompletion {
        milestone: id.into(),
        complete_date: "2013-05-02".into(),
        outcomes: texts("They came"),
    })
}

fn document(digit: &str) -> Document {
    Document { titles: texts("Minutes"), sha256: digit.repeat(64), ..Default::default() }
}

fn step(action: Action) -> Step {
    Step { action: Some(action) }
}

/// A history as the host has it.
#[derive(Clone, Default)]
struct History {
    at: Option<Cooperation>,
    events: Vec<Verified>,
    envelopes: Vec<Envelope>,
}

impl History {
    /// Between the host and these.
    fn proposed(participants: &[&str]) -> Self {
        Self::begun(proposal(participants))
    }

    fn begun(proposal: Proposal) -> Self {
        let mut history = Self::default();
        history.take(FEIRA, Action::Proposal(proposal));
        history
    }

    fn agreed(participants: &[&str]) -> Self {
        let mut history = Self::proposed(participants);
        for city in participants {
            history.take(city, acceptance());
        }
        history
    }

    fn active(participants: &[&str]) -> Self {
        let mut history = Self::agreed(participants);
        history.take(FEIRA, signature("2013-04-10"));
        for city in participants {
            history.take(city, signature("2013-05-20"));
        }
        history.take(FEIRA, activation());
        history
    }

    fn now(&self) -> OffsetDateTime {
        NOW + Duration::hours(i64::try_from(self.events.len()).unwrap())
    }

    fn event(&self, city: &str, action: Action) -> Result<Verified, Refusal> {
        next_event(self.at.as_ref(), &name(), &id(city), &step(action), self.now()).map(Verified::made_here)
    }

    fn keep(&mut self, event: Verified) {
        self.at = Some(apply(self.at.as_ref(), &event).unwrap());
        let mut envelope = seal_event(&event.event, &key(&event.event.city));
        if event.event.city != FEIRA {
            countersign(&mut envelope, &key(FEIRA));
        }
        self.envelopes.push(envelope);
        self.events.push(event);
    }

    fn take(&mut self, city: &str, action: Action) -> &mut Self {
        let event = self.event(city, action).unwrap();
        self.keep(event);
        self
    }

    fn expire(&mut self, now: OffsetDateTime) -> &mut Self {
        let event = expiry_event(self.at(), &name(), now).unwrap();
        self.keep(Verified::made_here(event));
        self
    }

    #[track_caller]
    fn refused(&self, city: &str, action: Action) -> Wrong {
        match self.event(city, action).unwrap_err() {
            Refusal::Impossible { wrong, .. } => wrong,
            other => panic!("{other}"),
        }
    }

    fn at(&self) -> &Cooperation {
        self.at.as_ref().unwrap()
    }

    fn state(&self) -> CooperationState {
        self.at().state()
    }

    fn stored(&self) -> Vec<(i64, Hash, Bytes)> {
        let events = self.events.iter().zip(&self.envelopes);
        events.map(|(one, envelope)| (one.event.sequence, one.hash, Bytes::from(envelope.encode_to_vec()))).collect()
    }

    /// As far as a city has it that has not received the last events yet.
    fn up_to(&self, sequence: usize) -> Option<Cooperation> {
        self.events.iter().take(sequence).fold(None, |at, event| Some(apply(at.as_ref(), event).unwrap()))
    }
}
