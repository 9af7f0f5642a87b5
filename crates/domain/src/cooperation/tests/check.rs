use isopolity_proto::{cooperation::Referral, error::Reason};

use super::*;

fn wrong(draft: &Proposal) -> Vec<(String, Reason)> {
    let found = check_draft(&id(FEIRA), draft).err().map(|violations| violations.0).unwrap_or_default();
    found.into_iter().map(|one| (one.field, one.reason)).collect()
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Proposal), field: &str, reason: Reason) {
    let mut draft = proposal(&[KENITRA, GENEVE]);
    change(&mut draft);
    assert_eq!(wrong(&draft), [(field.to_owned(), reason)]);
}

#[test]
fn a_draft_that_says_all_that_is_required_may_be_proposed() {
    assert_eq!(wrong(&proposal(&[KENITRA])), []);
    assert_eq!(wrong(&proposal(&[KENITRA, GENEVE])), []);
}

#[test]
fn participants_are_other_cities_each_once_and_at_most_19() {
    let nobody = |draft: &mut Proposal| {
        draft.participants.clear();
        draft.terms.as_mut().unwrap().party_aims.clear();
    };
    refused(nobody, "participants", Reason::FieldRequired);
    refused(|draft| draft.participants[1] = "Feira".into(), "participants[1]", Reason::FieldInvalid);
    refused(|draft| draft.participants.push(FEIRA.into()), "participants[2]", Reason::FieldInvalid);
    refused(|draft| draft.participants.push(KENITRA.into()), "participants[2]", Reason::FieldInvalid);
    let mut many = proposal(&[KENITRA]);
    many.participants.extend((0..19).map(|at| format!("city{at}.example")));
    assert_eq!(wrong(&many), [("participants".to_owned(), Reason::FieldInvalid)]);
    many.participants.pop();
    assert_eq!(wrong(&many), []);
}

#[test]
fn texts_codes_and_numbers_are_looked_at() {
    fn terms(draft: &mut Proposal) -> &mut Terms {
        draft.terms.as_mut().unwrap()
    }
    refused(|draft| terms(draft).titles.clear(), "terms.titles", Reason::FieldRequired);
    refused(
        |draft| terms(draft).titles[0].language = "xx-nowhere-at-all".into(),
        "terms.titles[0].language",
        Reason::CodeUnknown,
    );
    refused(|draft| terms(draft).sdg_goals.push("18".into()), "terms.sdg_goals[0]", Reason::CodeUnknown);
    refused(
        |draft| terms(draft).commitments[0].city = "cities/lyon.example".into(),
        "terms.commitments[0].city",
        Reason::FieldInvalid,
    );
    refused(|draft| terms(draft).commitments[0].city = FEIRA.into(), "terms.commitments[0].city", Reason::FieldInvalid);
    refused(|draft| terms(draft).commitments[0].kind = 0, "terms.commitments[0].kind", Reason::FieldRequired);
    refused(|draft| terms(draft).commitments[0].kind = 99, "terms.commitments[0].kind", Reason::FieldInvalid);
    refused(
        |draft| terms(draft).commitments[0].staff_days = "a lot".into(),
        "terms.commitments[0].staff_days",
        Reason::FieldInvalid,
    );
    refused(
        |draft| terms(draft).commitments[0].due_date = "soon".into(),
        "terms.commitments[0].due_date",
        Reason::FieldInvalid,
    );
    let euros = isopolity_proto::types::Money { currency_code: "EUX".into(), amount: "5".into() };
    refused(
        |draft| terms(draft).commitments[0].value = Some(euros),
        "terms.commitments[0].value.currency_code",
        Reason::CodeUnknown,
    );
    refused(
        |draft| terms(draft).party_aims[0].city = "lyon.example".into(),
        "terms.party_aims[0].city",
        Reason::FieldInvalid,
    );
    refused(
        |draft| terms(draft).period.as_mut().unwrap().end_date = "2012".into(),
        "terms.period.end_date",
        Reason::FieldInvalid,
    );
    refused(
        |draft| terms(draft).documents.push(Document { titles: texts("x"), ..Default::default() }),
        "terms.documents[0].sha256",
        Reason::FieldRequired,
    );
    refused(|draft| draft.subjects[0].name = "cork".into(), "subjects[0].name", Reason::FieldInvalid);
    refused(|draft| draft.subjects[0].name = format!("cities/{FEIRA}"), "subjects[0].name", Reason::FieldInvalid);
    refused(|draft| draft.subjects.push(draft.subjects[0].clone()), "subjects[1].name", Reason::FieldInvalid);
}

#[test]
fn a_partnership_of_cities_ends_in_an_agreement_of_a_kind_for_an_audience() {
    fn terms(draft: &mut Proposal) -> &mut Terms {
        draft.terms.as_mut().unwrap()
    }
    refused(|draft| terms(draft).agreement = None, "terms.agreement", Reason::FieldRequired);
    refused(|draft| terms(draft).agreement.as_mut().unwrap().kind = 0, "terms.agreement.kind", Reason::FieldRequired);
    let audience = |audience: Audience| {
        move |draft: &mut Proposal| terms(draft).agreement.as_mut().unwrap().audience = audience.into()
    };
    refused(audience(Audience::Shared), "terms.agreement.audience", Reason::FieldInvalid);
    refused(audience(Audience::Unspecified), "terms.agreement.audience", Reason::FieldInvalid);
    for good in [Audience::Public, Audience::Federation, Audience::Internal] {
        let mut draft = proposal(&[KENITRA]);
        audience(good)(&mut draft);
        assert_eq!(wrong(&draft), []);
    }
    refused(
        |draft| {
            audience(Audience::Federation)(draft);
            terms(draft).documents.push(Document { audience: Audience::Public.into(), ..document("a") });
        },
        "terms.documents[0].audience",
        Reason::FieldInvalid,
    );
}

#[test]
fn each_kind_has_what_belongs_to_it() {
    refused(|draft| draft.kind = 0, "kind", Reason::FieldRequired);
    refused(|draft| draft.terms = None, "terms", Reason::FieldRequired);
    refused(|draft| draft.referral = Some(Referral::default()), "referral", Reason::FieldInvalid);
    refused(
        |draft| {
            draft.kind = CooperationKind::Referral.into();
            draft.terms.as_mut().unwrap().agreement = None;
        },
        "referral",
        Reason::FieldRequired,
    );
    refused(
        |draft| {
            draft.kind = CooperationKind::Enquiry.into();
            draft.texts = texts("How far do you cooperate?");
        },
        "terms",
        Reason::FieldInvalid,
    );
    refused(
        |draft| {
            draft.kind = CooperationKind::Confirmation.into();
            draft.terms = None;
            draft.subjects[0].name = format!("cities/{KENITRA}/partnerships/cork");
        },
        "subjects",
        Reason::FieldInvalid,
    );
}

#[test]
fn a_step_is_checked_with_paths_from_it() {
    let history = History::proposed(&[KENITRA]);
    let wrong = |city: &str, action: Action| {
        let found = check_step(history.at(), &id(city), &step(action)).err().map(|violations| violations.0);
        found.unwrap_or_default().into_iter().map(|one| one.field).collect::<Vec<_>>()
    };
    assert_eq!(wrong(KENITRA, acceptance()), Vec::<String>::new());
    assert_eq!(wrong(KENITRA, counter("Another")), Vec::<String>::new());
    assert_eq!(wrong(KENITRA, message("Hello")), Vec::<String>::new());
    assert_eq!(wrong(KENITRA, milestone("visit", KENITRA, "2013-06-01")), Vec::<String>::new());
    let mut bad = terms("Another");
    bad.titles[0].language = "nowhere-at-all".into();
    bad.commitments[0].city = "cities/lyon.example".into();
    let bad = Action::Counter(Counter { terms: Some(bad), ..Default::default() });
    assert_eq!(wrong(KENITRA, bad), ["counter.terms.commitments[0].city", "counter.terms.titles[0].language"]);
    assert_eq!(wrong(KENITRA, Action::Decline(Decline::default())), ["decline.reason"]);
    assert_eq!(wrong(KENITRA, message("a\u{7}b")), ["message.texts[0].text"]);
    assert_eq!(wrong(FEIRA, Action::Proposal(Proposal { kind: 0, ..proposal(&[KENITRA]) })), ["proposal.kind"]);
    assert!(check_step(history.at(), &id(FEIRA), &Step::default()).is_err());
}
