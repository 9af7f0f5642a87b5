//! What people in the cities decide, and within which bounds.

use std::sync::LazyLock;

use isopolity_domain::{CityId, clock::to_timestamp, cooperation::CooperationName};
use isopolity_proto::{
    cooperation::{
        Acceptance, Activation, AgreementSignature, AgreementTerms, Amendment, AmendmentDecline, Conclusion,
        Cooperation, CooperationKind, Counter, Decline, Expiry, Message, Offer, Proposal, Step, Termination, Terms,
        Withdrawal, cooperation_event, step,
    },
    options::Audience,
    registry::AgreementKind,
    types::LocalizedText,
};
use time::{Duration, OffsetDateTime, macros::datetime};

/// All that happens happens now: the rules ask for the time only where something expires.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);
/// And that happens then.
pub(crate) const LATER: OffsetDateTime = datetime!(2026-06-02 09:00 UTC);

/// The cities of every model, the host first.
pub(crate) static CITIES: LazyLock<Vec<CityId>> = LazyLock::new(|| {
    ["feira.example", "kenitra.example", "geneve.example"].map(|city| city.parse().expect("a city's id")).to_vec()
});
/// The one cooperation.
pub(crate) static NAME: LazyLock<CooperationName> =
    LazyLock::new(|| format!("cities/{}/cooperations/visit-to-protocol", CITIES[HOST]).parse().expect("a name"));
/// Which of [`CITIES`] is the host.
pub(crate) const HOST: usize = 0;

/// What somebody decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Choice {
    Propose,
    Counter,
    Accept,
    Decline,
    Withdraw,
    /// Not a person: the host's node, when the time is over.
    Expire,
    Sign,
    Activate,
    Amend,
    AcceptAmendment,
    DeclineAmendment,
    Conclude,
    Terminate,
    Say,
}

/// Within which bounds they do. Nothing else is bounded: not how often a message is lost, delivered twice or late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct People {
    /// How many cities, the host included.
    pub(crate) cities: usize,
    /// What they may decide at all.
    pub(crate) choices: &'static [Choice],
    /// The highest version of terms.
    pub(crate) versions: i32,
    /// How many messages each city writes.
    pub(crate) messages: usize,
    /// A city takes no step when it knows of so many events, own steps on their way included. Histories get longer than this by what
    /// others took at the same time.
    pub(crate) length: usize,
    /// How many own steps a participant may have on their way to the host at once.
    pub(crate) pending: usize,
}

/// What a city would say for this choice, seeing the cooperation so. [`None`] where there is nothing that it could mean.
pub(crate) fn step(
    choice: Choice,
    city: usize,
    people: &People,
    seen: Option<&Cooperation>,
    said: usize,
) -> Option<Step> {
    use step::Action;
    let offer = |offer: &Option<Offer>| {
        offer.as_ref().map(|offer| (offer.terms.as_ref().map_or(0, |terms| terms.version), offer.hash.clone()))
    };
    let action = match (choice, seen) {
        (Choice::Propose, None) => Action::Proposal(proposal(people)),
        (Choice::Propose, Some(_)) | (_, None) | (Choice::Expire, _) => return None,
        (Choice::Counter, Some(seen)) => {
            let terms = terms(seen.next_terms_version, city);
            Action::Counter(Counter { terms: Some(terms), texts: Vec::new() })
        }
        (Choice::Amend, Some(seen)) => {
            let terms = terms(seen.next_terms_version, city);
            Action::Amendment(Amendment { terms: Some(terms), texts: Vec::new(), renewal: false })
        }
        (Choice::Accept, Some(seen)) => {
            let (terms_version, offer_hash) = offer(&seen.offer)?;
            Action::Acceptance(Acceptance { terms_version, offer_hash, office: "International Relations".to_owned() })
        }
        (Choice::AcceptAmendment, Some(seen)) => {
            let (terms_version, offer_hash) = offer(&seen.amendment)?;
            Action::Acceptance(Acceptance { terms_version, offer_hash, office: "International Relations".to_owned() })
        }
        (Choice::DeclineAmendment, Some(seen)) => {
            let (terms_version, _) = offer(&seen.amendment)?;
            Action::AmendmentDecline(AmendmentDecline { terms_version, reason: "too dear".to_owned() })
        }
        (Choice::Sign, Some(seen)) => {
            let (terms_version, offer_hash) = offer(&seen.agreed)?;
            Action::Signature(AgreementSignature {
                terms_version,
                offer_hash,
                signing_office: "Mayor".to_owned(),
                sign_date: "2026-03-02".to_owned(),
                ..Default::default()
            })
        }
        (Choice::Decline, Some(seen)) => {
            let (version, _) = offer(&seen.offer)?;
            Action::Decline(Decline { reason: format!("version {version} is too dear") })
        }
        (Choice::Withdraw, Some(_)) => Action::Withdrawal(Withdrawal { reason: "elections".to_owned() }),
        (Choice::Activate, Some(_)) => Action::Activation(Activation::default()),
        (Choice::Conclude, Some(seen)) => {
            let (version, _) = offer(&seen.agreed)?;
            Action::Conclusion(Conclusion { outcomes: vec![text(format!("version {version} is built"))] })
        }
        (Choice::Terminate, Some(_)) => Action::Termination(Termination { reason: "no money".to_owned() }),
        (Choice::Say, Some(_)) => {
            let texts = vec![text(format!("letter {said} of {}", CITIES[city]))];
            Action::Message(Message { texts, in_reply_to: 0 })
        }
    };
    Some(Step { action: Some(action) })
}

/// What a host that keeps to no rule could sign of its own accord, possible or not.
pub(crate) fn whims(seen: &Cooperation) -> Vec<cooperation_event::Action> {
    use cooperation_event::Action;
    let mut whims = vec![
        Action::Expiry(Expiry {}),
        Action::Activation(Activation::default()),
        Action::Decline(Decline { reason: "never mind".to_owned() }),
        Action::Withdrawal(Withdrawal { reason: "never mind".to_owned() }),
        Action::Termination(Termination { reason: "never mind".to_owned() }),
        Action::Conclusion(Conclusion { outcomes: vec![text("done".to_owned())] }),
        Action::Message(Message { texts: vec![text("one more thing".to_owned())], in_reply_to: 0 }),
        Action::Proposal(proposal(&People { cities: 2, ..ANYTHING })),
    ];
    for version in [seen.next_terms_version - 1, seen.next_terms_version, seen.next_terms_version + 1] {
        let terms = Some(terms(version, HOST));
        whims.push(Action::Counter(Counter { terms: terms.clone(), texts: Vec::new() }));
        whims.push(Action::Amendment(Amendment { terms, texts: Vec::new(), renewal: false }));
    }
    let somewhere = Offer { terms: Some(terms(9, HOST)), hash: vec![9; 32].into(), ..Default::default() };
    for offer in [&seen.offer, &seen.agreed, &seen.amendment, &Some(somewhere)].into_iter().flatten() {
        let offered = offer.terms.as_ref().map_or(0, |terms| terms.version);
        for terms_version in [offered, offered + 1] {
            let offer_hash = offer.hash.clone();
            let office = String::new();
            whims.push(Action::Acceptance(Acceptance { terms_version, offer_hash: offer_hash.clone(), office }));
            whims.push(Action::AmendmentDecline(AmendmentDecline { terms_version, reason: "no".to_owned() }));
            let signing_office = "Mayor".to_owned();
            let sign_date = "2026-03-02".to_owned();
            whims.push(Action::Signature(AgreementSignature {
                terms_version,
                offer_hash,
                signing_office,
                sign_date,
                ..Default::default()
            }));
        }
    }
    whims
}

const ANYTHING: People = People { cities: 2, choices: &[], versions: 9, messages: 9, length: 99, pending: 1 };

fn proposal(people: &People) -> Proposal {
    Proposal {
        kind: CooperationKind::JointPartnership.into(),
        participants: CITIES[1..people.cities].iter().map(ToString::to_string).collect(),
        terms: Some(terms(1, HOST)),
        reply_due_time: Some(to_timestamp(NOW + Duration::days(60))),
        ..Default::default()
    }
}

/// Terms that no other city and no other version has.
fn terms(version: i32, city: usize) -> Terms {
    Terms {
        version,
        titles: vec![text(format!("terms {version} of {}", CITIES[city]))],
        agreement: Some(AgreementTerms {
            kind: AgreementKind::CooperationProtocol.into(),
            audience: Audience::Public.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn text(text: String) -> LocalizedText {
    LocalizedText { text, language: "en".to_owned(), ..Default::default() }
}

/// The step by which a person would bring about this event. [`None`] for what only a node does.
pub(crate) fn step_of(action: &cooperation_event::Action) -> Option<Step> {
    use cooperation_event::Action as Event;
    use step::Action;
    let action = match action.clone() {
        Event::Expiry(_) => return None,
        Event::Proposal(one) => Action::Proposal(one),
        Event::Counter(one) => Action::Counter(one),
        Event::Acceptance(one) => Action::Acceptance(one),
        Event::Decline(one) => Action::Decline(one),
        Event::Withdrawal(one) => Action::Withdrawal(one),
        Event::Signature(one) => Action::Signature(one),
        Event::Activation(one) => Action::Activation(one),
        Event::Amendment(one) => Action::Amendment(one),
        Event::AmendmentDecline(one) => Action::AmendmentDecline(one),
        Event::Conclusion(one) => Action::Conclusion(one),
        Event::Termination(one) => Action::Termination(one),
        Event::Answer(one) => Action::Answer(one),
        Event::Message(one) => Action::Message(one),
        Event::MilestoneSetting(one) => Action::MilestoneSetting(one),
        Event::MilestoneCompletion(one) => Action::MilestoneCompletion(one),
        Event::DocumentAttachment(one) => Action::DocumentAttachment(one),
    };
    Some(Step { action: Some(action) })
}
