use isopolity_proto::{
    registry::{Agreement, AgreementStatus, Confirmation, ConfirmationStance},
    to_dynamic,
};

use super::*;
use crate::{Kind, validate::validate};

fn record(history: &History, before: Option<&Agreement>) -> Agreement {
    agreement_record(history.at(), &id(KENITRA), before, &history.stored()).unwrap()
}

/// As the registry keeps it.
fn named(record: Agreement) -> Agreement {
    Agreement { name: "cities/kenitra.example/agreements/cork".into(), ..record }
}

fn signings(record: &Agreement) -> Vec<(String, String, bool)> {
    let signings = &record.evidence.as_ref().unwrap().signings;
    signings.iter().map(|one| (one.city.clone(), one.sign_date.clone(), !one.envelope.is_empty())).collect()
}

#[test]
fn there_is_a_record_from_the_day_on_which_all_have_accepted() {
    let proposed = History::proposed(&[KENITRA, GENEVE]);
    assert_eq!(agreement_record(proposed.at(), &id(KENITRA), None, &proposed.stored()), None);
    let history = History::agreed(&[KENITRA, GENEVE]);
    let record = named(record(&history, None));
    assert_eq!(validate(Kind::Agreement, &to_dynamic(&record)), Ok(()));
    assert_eq!(record.status(), AgreementStatus::InNegotiation);
    assert_eq!((record.titles.clone(), record.sign_date.as_str()), (texts("Protocol"), ""));
    assert_eq!(record.meetings.as_ref().unwrap().per_year, 2);
    let cities: Vec<_> = record.parties.iter().map(|party| party.city.as_str()).collect();
    assert_eq!(cities, ["cities/feira.example", "cities/kenitra.example", "cities/geneve.example"]);
    assert_eq!(record.parties[1].aims, texts("Jobs"));
    assert_eq!(record.parties[2].display_names[0].text, GENEVE);
    let city = |city: &str| format!("cities/{city}");
    // The event that offered the terms holds them: its envelope is left out.
    assert_eq!(
        signings(&record),
        [
            (city(FEIRA), String::new(), false),
            (city(KENITRA), String::new(), true),
            (city(GENEVE), String::new(), true)
        ]
    );
    let evidence = record.evidence.unwrap();
    assert_eq!(evidence.offer_hash, history.events[0].hash.as_slice());
    assert_eq!((evidence.cooperation.as_str(), evidence.terms_version), ("cities/feira.example/cooperations/cork", 1));
}

#[test]
fn each_signature_is_shown_and_the_last_one_dates_it() {
    let mut history = History::agreed(&[KENITRA]);
    history.take(KENITRA, signature("2013-05-20"));
    let first = record(&history, None);
    assert_eq!(first.sign_date, "");
    assert_eq!((first.parties[1].signing_office.as_str(), first.parties[0].signing_office.as_str()), ("Mayor", ""));
    assert_eq!(signings(&first)[1].1, "2013-05-20");
    history.take(FEIRA, signature("2013-04-10"));
    let both = record(&history, Some(&first));
    assert_eq!(both.sign_date, "2013-05-20");
    assert_eq!(both.parties[0].decision_reference, "12/2013");
    assert!(signings(&both).iter().all(|(_, date, envelope)| !date.is_empty() && *envelope));
    history.take(FEIRA, activation());
    assert_eq!(record(&history, Some(&both)).status(), AgreementStatus::Active);
}

#[test]
fn the_envelopes_prove_who_signed() {
    let history = History::active(&[KENITRA]);
    for signing in record(&history, None).evidence.unwrap().signings {
        let opened = open(&Envelope::decode(signing.envelope).unwrap()).unwrap();
        assert!(opened.ordered);
        assert_eq!(signing.event_hash, opened.verified.hash.as_slice());
        assert_eq!(signing.city, format!("cities/{}", opened.verified.event.city));
    }
}

#[test]
fn amended_terms_stand_with_their_acceptances_beside_the_signatures() {
    let mut history = History::active(&[KENITRA]);
    history.take(KENITRA, amendment("Wider")).take(FEIRA, acceptance());
    let record = named(record(&history, None));
    assert_eq!(record.titles, texts("Wider"));
    assert_eq!(signings(&record).len(), 4);
    assert_eq!(record.evidence.as_ref().unwrap().terms_version, 2);
    assert_eq!(validate(Kind::Agreement, &to_dynamic(&record)), Ok(()));
}

#[test]
fn a_declined_amendment_changes_nothing_in_the_record() {
    let mut history = History::active(&[KENITRA]);
    let before = record(&history, None);
    history.take(KENITRA, amendment("Wider")).take(FEIRA, amendment_decline());
    assert_eq!(record(&history, Some(&before)), before);
}

#[test]
fn its_end_is_that_of_the_cooperation() {
    let ended = |action: Action| {
        let mut history = History::active(&[KENITRA]);
        history.take(KENITRA, action);
        record(&history, None).status()
    };
    assert_eq!(ended(termination()), AgreementStatus::Terminated);
    let mut concluded = History::active(&[KENITRA]);
    concluded.take(KENITRA, conclusion()).take(FEIRA, conclusion());
    assert_eq!(record(&concluded, None).status(), AgreementStatus::Terminated);
    let mut expired = History::active(&[KENITRA]);
    expired.expire(datetime!(2016-06-01 00:00 UTC));
    assert_eq!(record(&expired, None).status(), AgreementStatus::Expired);
}

#[test]
fn what_people_have_entered_stays() {
    let history = History::active(&[KENITRA]);
    let mut before = named(record(&history, None));
    before.audience = Audience::Internal.into();
    before.parties[0].display_names = texts("Santa Maria da Feira");
    before.partner_countries = vec!["PT".into()];
    before.remarks = texts("They call it otherwise");
    before.mirrors = vec!["cities/feira.example/agreements/cork".into()];
    before.status = AgreementStatus::Dormant.into();
    before.confirmations = vec![Confirmation {
        city: "cities/feira.example".into(),
        stance: ConfirmationStance::Confirmed.into(),
        ..Default::default()
    }];
    assert_eq!(record(&history, Some(&before)), before);
    assert_eq!(validate(Kind::Agreement, &to_dynamic(&before)), Ok(()));
}

#[test]
fn terms_without_an_agreement_make_no_record() {
    let mut without = proposal(&[KENITRA]);
    without.kind = CooperationKind::GoodPracticeExchange.into();
    without.terms.as_mut().unwrap().agreement = None;
    let mut history = History::begun(without);
    history.take(KENITRA, acceptance());
    assert_eq!(agreement_record(history.at(), &id(KENITRA), None, &history.stored()), None);
    assert_eq!(agreement_record(History::agreed(&[KENITRA]).at(), &id(GENEVE), None, &[]), None, "it takes no part");
}

#[test]
fn it_begins_with_the_activation_where_the_terms_do_not_say_when() {
    let mut open = proposal(&[KENITRA]);
    open.terms.as_mut().unwrap().period = Some(Period { end_date: "2016".into(), ..Default::default() });
    let mut history = History::begun(open);
    history.take(KENITRA, acceptance()).take(FEIRA, signature("2013-04-10")).take(KENITRA, signature("2013-05-20"));
    let start = Activation { start_date: "2013-06-01".into() };
    history.take(FEIRA, Action::Activation(start));
    assert_eq!(record(&history, None).period.unwrap().start_date, "2013-06-01");
}
