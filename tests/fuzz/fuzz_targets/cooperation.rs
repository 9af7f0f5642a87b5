//! What a peer sends of a cooperation: an envelope of whatever it claims to be, an event that is rightly signed and says what it likes, or a
//! file that is to be verified.
#![no_main]

use std::{collections::BTreeMap, sync::LazyLock};

use isopolity_domain::cooperation::{
    self, CooperationName, Received, Verified, apply, next_event, open_event, open_receipt, receive_ordered,
    receive_submission, reconsider,
};
use isopolity_proto::{
    cooperation::{
        Acceptance, AgreementSignature, Cooperation, CooperationEvent, CooperationKind, Proposal, Step, Terms,
        step::Action,
    },
    federation::Envelope,
    types::LocalizedText,
};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use time::{OffsetDateTime, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

fn text(text: &str) -> Vec<LocalizedText> {
    vec![LocalizedText { text: text.to_owned(), language: "en".to_owned(), ..Default::default() }]
}

/// A cooperation from its proposal to its beginning, as it stood after each step.
static STANDINGS: LazyLock<Vec<Cooperation>> = LazyLock::new(|| {
    let terms = Terms { titles: text("A bridge"), ..Default::default() };
    let proposal = Proposal {
        kind: CooperationKind::GoodPracticeExchange.into(),
        participants: vec!["b.example".to_owned()],
        terms: Some(terms),
        ..Default::default()
    };
    let sign = || {
        let signature = AgreementSignature {
            signing_office: "Mayor".to_owned(),
            sign_date: "2026-01-01".to_owned(),
            ..Default::default()
        };
        Action::Signature(signature)
    };
    let steps = [
        ("a.example", Action::Proposal(proposal)),
        ("b.example", Action::Acceptance(Acceptance::default())),
        ("a.example", sign()),
        ("b.example", sign()),
        ("a.example", Action::Activation(isopolity_proto::cooperation::Activation::default())),
    ];
    let name: CooperationName = "cities/a.example/cooperations/bridge".parse().expect("a name");
    let mut standings: Vec<Cooperation> = Vec::new();
    for (city, action) in steps {
        let step = Step { action: Some(action) };
        let city = city.parse().expect("a city");
        let event = next_event(standings.last(), &name, &city, &step, NOW).expect("a step that is possible");
        let next = apply(standings.last(), &Verified::made_here(event)).expect("a step that is possible");
        standings.push(next);
    }
    standings
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = Envelope::decode(bytes) {
        // Whoever has no key signs nothing.
        assert!(open_event(&envelope, |_| None).is_err());
        assert!(open_receipt(&envelope, &BTreeMap::new()).is_err());
    }
    if let Ok(text) = str::from_utf8(bytes) {
        assert!(cooperation::file::check(text, &BTreeMap::new()).is_err());
    }
    let Ok(event) = CooperationEvent::decode(bytes) else { return };
    let sent = Verified::made_here(event);
    let _ = receive_ordered(None, None, &sent);
    for ours in STANDINGS.iter() {
        // Once as it came, once as if it followed.
        let fitting = CooperationEvent {
            cooperation: ours.name.clone(),
            sequence: ours.sequence + 1,
            previous_hash: ours.head_hash.clone(),
            ..sent.event.clone()
        };
        for event in [sent.clone(), Verified::made_here(fitting)] {
            let _ = receive_submission(ours, None, &event);
            let _ = reconsider(&event, ours, None);
            if let Received::Kept(after) = receive_ordered(Some(ours), None, &event) {
                assert_eq!((after.sequence, &after.head_hash[..]), (ours.sequence + 1, &event.hash[..]));
                assert_eq!(after.participations.len(), ours.participations.len());
                let _ = cooperation::waitings(&after, &"a.example".parse().expect("a city"), NOW);
                let _ = cooperation::agreement_record(&after, &"a.example".parse().expect("a city"), None, &[]);
            }
        }
    }
});
