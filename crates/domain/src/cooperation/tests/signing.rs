use isopolity_proto::{error::Reason, federation::CooperationReceipt};

use super::*;
use crate::{
    clock::to_timestamp,
    envelope::{self, EnvelopeError},
};

#[test]
fn a_step_of_the_host_is_ordered_by_its_one_signature() {
    let history = History::proposed(&[KENITRA]);
    let opened = open(&history.envelopes[0]).unwrap();
    assert!(opened.ordered);
    assert_eq!(opened.verified, history.events[0]);
}

#[test]
fn a_step_of_a_participant_is_ordered_when_the_host_has_signed_too() {
    let history = History::proposed(&[KENITRA]);
    let event = history.event(KENITRA, acceptance()).unwrap();
    let mut sealed = seal_event(&event.event, &key(KENITRA));
    assert!(!open(&sealed).unwrap().ordered);
    let payload = sealed.payload.clone();
    countersign(&mut sealed, &key(FEIRA));
    countersign(&mut sealed, &key(FEIRA));
    let opened = open(&sealed).unwrap();
    assert!(opened.ordered);
    assert_eq!((opened.verified.hash, sealed.payload), (event.hash, payload));
}

#[test]
fn signatures_are_of_the_city_that_acts_and_of_the_host_in_this_order_and_no_more() {
    let history = History::agreed(&[KENITRA]);
    let good = history.envelopes[1].clone();
    let [own, host] = good.signatures.clone().try_into().unwrap();
    let with = |signatures: Vec<_>| open(&Envelope { signatures, ..good.clone() });
    assert!(with(vec![own.clone(), host.clone()]).unwrap().ordered);
    assert!(matches!(with(vec![]), Err(EventError::Signatures { found: 0, .. })));
    assert!(matches!(with(vec![own.clone(), host.clone(), own.clone()]), Err(EventError::Signatures { found: 3, .. })));
    let unknown = |error: Result<Opened, EventError>, of: &str| matches!(error, Err(EventError::Signature { city, error: EnvelopeError::UnknownKey(_) }) if city.as_str() == of);
    assert!(unknown(with(vec![host.clone(), own.clone()]), KENITRA));
    assert!(unknown(with(vec![host.clone()]), KENITRA));
    assert!(unknown(with(vec![own.clone(), own.clone()]), FEIRA));
    let hosts = history.envelopes[0].clone();
    let twice = vec![hosts.signatures[0].clone(), hosts.signatures[0].clone()];
    let twice = open(&Envelope { signatures: twice, ..hosts });
    assert!(matches!(twice, Err(EventError::Signatures { found: 2, .. })));
}

#[test]
fn a_changed_event_is_signed_by_nobody() {
    let history = History::agreed(&[KENITRA]);
    let mut changed = history.envelopes[0].clone();
    let text = String::from_utf8_lossy(&changed.payload).into_owned();
    assert!(text.contains("Protocol"));
    let at = changed.payload.windows(8).position(|part| part == b"Protocol").unwrap();
    let mut payload = changed.payload.to_vec();
    payload[at] = b'p';
    changed.payload = payload.into();
    let error = open(&changed).unwrap_err();
    assert_eq!(error.reason(), Reason::EventInvalid);
    assert_eq!(
        error.to_string(),
        "the signature of feira.example: the signature does not fit: the content was changed, or another key signed it"
    );
}

#[test]
fn a_city_of_which_no_bundle_is_known_may_be_heard_later() {
    let history = History::agreed(&[KENITRA]);
    for missing in [KENITRA, FEIRA] {
        let error =
            open_event(&history.envelopes[1], |city| (city.as_str() != missing).then(|| keys_of(city.as_str())));
        let error = error.unwrap_err();
        assert_eq!(error, EventError::SignerUnknown(id(missing)));
        assert!(error.may_pass());
        assert_eq!(error.reason(), Reason::SignerUnknown);
    }
}

#[test]
fn the_form_of_an_event_is_looked_at_before_its_signatures() {
    let event = History::proposed(&[KENITRA]).events[0].event.clone();
    let sealed = |change: &dyn Fn(&mut isopolity_proto::cooperation::CooperationEvent)| {
        let mut event = event.clone();
        change(&mut event);
        open(&seal_event(&event, &key(FEIRA))).unwrap_err()
    };
    assert!(matches!(sealed(&|event| event.cooperation.push('/')), EventError::Name(_)));
    assert!(matches!(sealed(&|event| event.city = "Feira".into()), EventError::City(_)));
    assert!(matches!(sealed(&|event| event.sequence = 0), EventError::Place { .. }));
    assert!(matches!(sealed(&|event| event.sequence = -4), EventError::Place { .. }));
    assert!(matches!(sealed(&|event| event.sequence = 2), EventError::Place { sequence: 2, hash: 0 }));
    assert!(matches!(sealed(&|event| event.previous_hash = Bytes::from_static(&[1; 32])), EventError::Place { .. }));
    let long = |event: &mut isopolity_proto::cooperation::CooperationEvent| event.city = "x".repeat(PAYLOAD_MAX);
    assert!(matches!(sealed(&long), EventError::TooLarge(_)));
    let other = envelope::seal(envelope::RECORD, Bytes::from(event.encode_to_vec()), &key(FEIRA));
    assert!(matches!(open(&other), Err(EventError::Envelope(EnvelopeError::PayloadType { .. }))));
    let noise = envelope::seal(EVENT, Bytes::from_static(b"\xff\xff"), &key(FEIRA));
    assert!(matches!(open(&noise), Err(EventError::Envelope(EnvelopeError::Payload(_)))));
}

#[test]
fn a_step_of_a_newer_version_is_refused_and_the_reason_says_so() {
    let mut event = History::proposed(&[KENITRA]).events[0].event.clone();
    event.action = None;
    // Field 90, a message of two bytes: an action that is not known yet.
    let mut payload = event.encode_to_vec();
    payload.extend([0xd2, 0x05, 0x02, 0x08, 0x01]);
    let error = open(&envelope::seal(EVENT, payload.into(), &key(FEIRA))).unwrap_err();
    assert_eq!(error, EventError::Newer(id(FEIRA)));
    assert_eq!(error.reason(), Reason::EventInvalid);
    assert!(error.to_string().contains("the node of feira.example is newer than this one"), "{error}");
}

#[test]
fn fields_of_a_newer_version_are_part_of_the_hash() {
    let history = History::proposed(&[KENITRA]);
    let plain = history.event(KENITRA, acceptance()).unwrap();
    let mut payload = plain.event.encode_to_vec();
    payload.extend([0xd2, 0x05, 0x02, 0x08, 0x01]);
    let mut sealed = envelope::seal(EVENT, payload.clone().into(), &key(KENITRA));
    countersign(&mut sealed, &key(FEIRA));
    let opened = open(&sealed).unwrap();
    assert_eq!(opened.verified.event, plain.event);
    assert_eq!(opened.verified.hash, event_hash(&payload));
    assert_ne!(opened.verified.hash, plain.hash);
    let after = apply(history.at.as_ref(), &opened.verified).unwrap();
    assert_eq!(after.head_hash, event_hash(&payload).as_slice());
}

#[test]
fn a_receipt_says_who_has_what_and_is_signed() {
    let receipt = CooperationReceipt {
        cooperation: name().to_string(),
        sequence: 1,
        event_hash: Bytes::from_static(&[1; 32]),
        receiver: KENITRA.into(),
        sender: FEIRA.into(),
        time: Some(to_timestamp(NOW)),
    };
    let sealed = seal_receipt(&receipt, &key(KENITRA));
    assert_eq!(open_receipt(&sealed, &keys_of(KENITRA)).unwrap(), receipt);
    assert!(matches!(open_receipt(&sealed, &keys_of(FEIRA)), Err(EventError::Signature { .. })));
    assert!(matches!(open(&sealed), Err(EventError::Envelope(_))));
    let short = CooperationReceipt { event_hash: Bytes::from_static(&[1; 31]), ..receipt };
    assert!(matches!(
        open_receipt(&seal_receipt(&short, &key(KENITRA)), &keys_of(KENITRA)),
        Err(EventError::Place { .. })
    ));
}
