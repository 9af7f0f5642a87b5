use super::*;

fn version(offer: Option<&isopolity_proto::cooperation::Offer>) -> i32 {
    offer.and_then(|offer| Some(offer.terms.as_ref()?.version)).unwrap_or_default()
}

#[test]
fn two_cities_agree_on_what_the_host_proposed() {
    let history = History::agreed(&[KENITRA]);
    let at = history.at();
    assert_eq!(at.state(), CooperationState::Agreed);
    assert_eq!(version(at.agreed.as_ref()), 1);
    assert_eq!(at.agreed.as_ref().unwrap().hash, history.events[0].hash.as_slice());
    assert_eq!(at.offer, None);
    assert_eq!(at.participations[1].office, "International Relations");
}

#[test]
fn a_counter_offer_takes_back_every_acceptance_but_its_authors() {
    let mut history = History::proposed(&[KENITRA, GENEVE]);
    history.take(KENITRA, acceptance()).take(GENEVE, counter("Another"));
    let accepted: Vec<i32> = history.at().participations.iter().map(|one| one.accepted_version).collect();
    assert_eq!(accepted, [0, 0, 2]);
    assert_eq!(history.at().participations[1].office, "");
    history.take(FEIRA, acceptance());
    assert_eq!(history.state(), CooperationState::Proposed);
    history.take(KENITRA, acceptance());
    assert_eq!(history.state(), CooperationState::Agreed);
    assert_eq!(version(history.at().agreed.as_ref()), 2);
}

#[test]
fn whoever_offers_has_accepted_already() {
    let mut history = History::proposed(&[KENITRA]);
    assert_eq!(history.refused(FEIRA, acceptance()), Wrong::Accepted(1));
    history.take(KENITRA, counter("Another"));
    assert_eq!(history.refused(KENITRA, acceptance()), Wrong::Accepted(2));
}

#[test]
fn terms_are_accepted_by_version_and_hash() {
    let mut history = History::proposed(&[KENITRA]);
    history.take(KENITRA, counter("Another"));
    let named = |terms_version, hash: &[u8]| {
        let offer_hash = Bytes::copy_from_slice(hash);
        Action::Acceptance(Acceptance { terms_version, offer_hash, ..Default::default() })
    };
    let (first, second) = (history.events[0].hash, history.events[1].hash);
    assert!(matches!(history.refused(FEIRA, named(1, &first)), Wrong::OtherTerms { named: 1, .. }));
    assert!(matches!(history.refused(FEIRA, named(2, &first)), Wrong::OtherTerms { named: 2, .. }));
    assert!(history.event(FEIRA, named(2, &second)).is_ok());
}

#[test]
fn versions_are_given_one_after_the_other_by_the_node() {
    let mut history = History::proposed(&[KENITRA]);
    for expected in 2..5 {
        let city = if expected % 2 == 0 { KENITRA } else { FEIRA };
        history.take(city, counter("Another"));
        assert_eq!(version(history.at().offer.as_ref()), expected);
        assert_eq!(history.at().next_terms_version, expected + 1);
    }
    let mut again = history.event(KENITRA, counter("Another")).unwrap().event;
    if let Some(isopolity_proto::cooperation::cooperation_event::Action::Counter(one)) = &mut again.action {
        one.terms.as_mut().unwrap().version = 4;
    }
    let refusal = apply(Some(history.at()), &Verified::made_here(again)).unwrap_err();
    assert_eq!(refusal.reason(), isopolity_proto::error::Reason::CooperationStepImpossible);
    assert!(
        refusal
            .to_string()
            .starts_with("it is about version 4 of the terms, but the next offer has version 5; possible: ")
    );
}

#[test]
fn c7_one_refusal_ends_it_for_all_three() {
    let mut history = History::proposed(&[KENITRA, GENEVE]);
    history.take(KENITRA, acceptance()).take(GENEVE, decline());
    assert_eq!(history.state(), CooperationState::Declined);
    let end = history.at().end.clone().unwrap();
    assert_eq!((end.city.as_str(), end.reason.as_str(), end.sequence), (GENEVE, "no budget", 3));
    assert!(history.at().agreed.is_none());
    for city in CITIES {
        assert_eq!(history.refused(city, acceptance()), Wrong::Final(CooperationState::Declined));
    }
}

#[test]
fn the_host_withdraws_and_the_others_decline() {
    let history = History::proposed(&[KENITRA]);
    assert_eq!(history.refused(FEIRA, decline()), Wrong::NotForHost(Move::Decline));
    assert_eq!(history.refused(KENITRA, withdrawal()), Wrong::HostOnly(Move::Withdrawal));
    let mut withdrawn = history.clone();
    assert_eq!(withdrawn.take(FEIRA, withdrawal()).state(), CooperationState::Withdrawn);
    // What was on offer is still to be read.
    assert_eq!(version(withdrawn.at().offer.as_ref()), 1);
}

#[test]
fn what_was_agreed_is_neither_countered_nor_declined() {
    let history = History::agreed(&[KENITRA]);
    for action in [counter("Another"), decline(), acceptance()] {
        assert!(matches!(history.refused(KENITRA, action), Wrong::State { .. }));
    }
}

#[test]
fn it_begins_when_all_have_signed_what_was_agreed() {
    let mut history = History::agreed(&[KENITRA]);
    assert_eq!(history.refused(FEIRA, activation()), Wrong::Unsigned(FEIRA.into()));
    history.take(FEIRA, signature("2013-04-10"));
    assert_eq!(history.refused(FEIRA, signature("2013-04-11")), Wrong::Signed);
    assert_eq!(history.refused(FEIRA, activation()), Wrong::Unsigned(KENITRA.into()));
    history.take(KENITRA, signature("2013-05-20")).take(KENITRA, activation());
    assert_eq!(history.state(), CooperationState::Active);
    assert_eq!(history.at().start_date, "2013-03-15");
    assert_eq!(history.at().state_time, history.at().update_time);
}

#[test]
fn a_signature_needs_an_office_and_a_day() {
    let history = History::agreed(&[KENITRA]);
    let bare = Action::Signature(AgreementSignature::default());
    let Err(Refusal::Invalid(violations)) = history.event(FEIRA, bare) else { panic!("it was taken") };
    let fields: Vec<_> = violations.0.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["signing_office", "sign_date"]);
}

#[test]
fn an_amendment_holds_only_when_all_have_accepted_it() {
    let mut history = History::active(&[KENITRA, GENEVE]);
    history.take(KENITRA, amendment("Wider"));
    assert_eq!(version(history.at().agreed.as_ref()), 1);
    assert_eq!(history.refused(GENEVE, amendment("Other")), Wrong::AmendmentOpen(2));
    history.take(GENEVE, acceptance());
    assert_eq!(version(history.at().agreed.as_ref()), 1);
    assert_eq!(history.refused(GENEVE, acceptance()), Wrong::Accepted(2));
    history.take(FEIRA, acceptance());
    assert_eq!(version(history.at().agreed.as_ref()), 2);
    assert_eq!(history.at().amendment, None);
    assert!(history.at().participations.iter().all(|one| one.accepted_version == 2 && one.amendment_sequence == 0));
    // The signatures stand under what they were given for.
    assert!(history.at().participations.iter().all(|one| one.signature.as_ref().unwrap().terms_version == 1));
}

#[test]
fn a_declined_amendment_leaves_what_was_agreed() {
    let mut history = History::active(&[KENITRA, GENEVE]);
    let before = history.at().clone();
    assert_eq!(history.refused(FEIRA, amendment_decline()), Wrong::NoAmendment);
    history.take(KENITRA, amendment("Wider")).take(GENEVE, acceptance()).take(FEIRA, amendment_decline());
    assert_eq!(history.at().agreed, before.agreed);
    assert_eq!(history.at().participations, before.participations);
    // The next one has a version of its own.
    history.take(KENITRA, amendment("Wider still"));
    assert_eq!(version(history.at().amendment.as_ref()), 3);
}

#[test]
fn the_author_of_an_amendment_may_take_it_back() {
    let mut history = History::active(&[KENITRA]);
    history.take(KENITRA, amendment("Wider")).take(KENITRA, amendment_decline());
    assert_eq!(history.at().amendment, None);
}

#[test]
fn a_renewal_changes_the_period_alone() {
    let mut history = History::active(&[KENITRA]);
    let Action::Amendment(mut more) = renewal("2019-05-31") else { unreachable!() };
    more.terms.as_mut().unwrap().titles = texts("Another title");
    assert_eq!(history.refused(FEIRA, Action::Amendment(more)), Wrong::MoreThanPeriod);
    history.take(FEIRA, renewal("2019-05-31")).take(KENITRA, acceptance());
    let agreed = history.at().agreed.clone().unwrap().terms.unwrap();
    assert_eq!(agreed.period.unwrap().end_date, "2019-05-31");
}

#[test]
fn it_is_concluded_when_all_say_so() {
    let mut history = History::active(&[KENITRA, GENEVE]);
    history.take(KENITRA, conclusion());
    assert_eq!(history.refused(KENITRA, conclusion()), Wrong::Concluded);
    history.take(FEIRA, conclusion());
    assert_eq!(history.state(), CooperationState::Active);
    history.take(GENEVE, conclusion());
    assert_eq!(history.state(), CooperationState::Concluded);
    assert_eq!(history.at().end.as_ref().unwrap().city, "");
}

#[test]
fn who_agrees_to_go_on_is_not_done() {
    let mut history = History::active(&[KENITRA]);
    history.take(KENITRA, conclusion()).take(FEIRA, renewal("2019-05-31")).take(KENITRA, acceptance());
    assert!(history.at().participations.iter().all(|one| one.conclusion.is_none()));
}

#[test]
fn any_city_ends_what_was_agreed_or_has_begun() {
    for mut history in [History::agreed(&[KENITRA]), History::active(&[KENITRA])] {
        history.take(KENITRA, termination());
        assert_eq!(history.state(), CooperationState::Terminated);
        assert!(history.at().agreed.is_some());
        assert!(possible(history.at(), &id(FEIRA)).is_empty());
    }
    let proposed = History::proposed(&[KENITRA]);
    assert!(matches!(proposed.refused(KENITRA, termination()), Wrong::State { mv: Move::Termination, .. }));
}

#[test]
fn it_expires_when_the_day_for_the_reply_has_passed_and_not_before() {
    for mut history in [History::proposed(&[KENITRA]), History::agreed(&[KENITRA])] {
        let due = expires_at(history.at()).unwrap();
        assert_eq!(due, NOW + Duration::days(60));
        let early = expiry_event(history.at(), &name(), due - Duration::SECOND).unwrap_err();
        assert!(early.to_string().starts_with("it does not expire before 2013-05-14"), "{early}");
        assert_eq!(history.expire(due).state(), CooperationState::Expired);
    }
}

#[test]
fn what_is_active_expires_after_the_last_day_of_its_period() {
    let mut history = History::active(&[KENITRA]);
    let due = expires_at(history.at()).unwrap();
    assert_eq!(due, datetime!(2016-06-01 00:00 UTC));
    assert!(expiry_event(history.at(), &name(), due - Duration::SECOND).is_err());
    let mut renewed = history.clone();
    renewed.take(FEIRA, renewal("2019-05-31")).take(KENITRA, acceptance());
    assert!(expiry_event(renewed.at(), &name(), due).is_err());
    assert_eq!(history.expire(due).state(), CooperationState::Expired);
}

#[test]
fn what_has_no_end_never_expires() {
    let mut proposal = proposal(&[KENITRA]);
    proposal.terms.as_mut().unwrap().period = None;
    let mut history = History::begun(proposal);
    history.take(KENITRA, acceptance()).take(FEIRA, signature("2013-04-10")).take(KENITRA, signature("2013-05-20"));
    history.take(KENITRA, activation());
    assert_eq!(expires_at(history.at()), None);
    let refusal = expiry_event(history.at(), &name(), NOW + Duration::days(9_999)).unwrap_err();
    assert!(matches!(refusal, Refusal::Impossible { wrong: Wrong::Endless, .. }));
}

#[test]
fn a_stranger_can_do_nothing() {
    let history = History::proposed(&[KENITRA]);
    let refusal = history.event("lyon.example", message("May I?")).unwrap_err();
    assert_eq!(refusal, Refusal::Stranger("lyon.example".into()));
    assert_eq!(refusal.reason(), isopolity_proto::error::Reason::EventInvalid);
}

#[test]
fn a_history_begins_with_the_hosts_proposal() {
    let nothing = History::default();
    assert_eq!(nothing.refused(FEIRA, message("First")), Wrong::NotProposed);
    assert_eq!(nothing.refused(KENITRA, Action::Proposal(proposal(&[FEIRA]))), Wrong::HostOnly(Move::Proposal));
    let history = History::proposed(&[KENITRA]);
    assert_eq!(history.refused(FEIRA, Action::Proposal(proposal(&[KENITRA]))), Wrong::Proposed);
}

#[test]
fn a_draft_is_as_good_as_nothing_and_leaves_nothing_behind() {
    let draft = Cooperation {
        state: CooperationState::Draft.into(),
        draft: Some(proposal(&[KENITRA])),
        agreement: "x".into(),
        ..Default::default()
    };
    let action = step(Action::Proposal(proposal(&[KENITRA])));
    let event = Verified::made_here(next_event(Some(&draft), &name(), &id(FEIRA), &action, NOW).unwrap());
    assert_eq!(apply(Some(&draft), &event).unwrap(), apply(None, &event).unwrap());
}

#[test]
fn what_is_marked_here_stays_as_it_is() {
    let history = History::proposed(&[KENITRA]);
    let here = Cooperation { agreement: "cities/feira.example/agreements/a".into(), ..history.at().clone() };
    let event = history.event(KENITRA, acceptance()).unwrap();
    let plain = apply(Some(history.at()), &event).unwrap();
    assert_eq!(apply(Some(&here), &event).unwrap(), Cooperation { agreement: here.agreement.clone(), ..plain });
}

#[test]
fn a_referral_needs_a_consent_that_holds() {
    let organization = format!("cities/{FEIRA}/organizations/mill");
    let referral = isopolity_proto::cooperation::Referral {
        organization: organization.clone(),
        needs: texts("A buyer"),
        consent_date: "2013-03-01".into(),
        consent_reference: "Register 7".into(),
        ..Default::default()
    };
    let with = |change: &dyn Fn(&mut isopolity_proto::cooperation::Referral)| {
        let mut referral = referral.clone();
        change(&mut referral);
        let proposal = Proposal {
            kind: CooperationKind::Referral.into(),
            subjects: vec![Subject { name: organization.clone(), ..Default::default() }],
            referral: Some(referral),
            ..proposal(&[KENITRA])
        };
        History::default().event(FEIRA, Action::Proposal(proposal)).map(|_| ()).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(with(&|_| {}), Ok(()));
    assert_eq!(with(&|one| one.consent_expire_date = "2013-03-15".into()), Ok(()));
    let past = with(&|one| one.consent_expire_date = "2013-03-14".into());
    assert_eq!(past.unwrap_err(), "referral.consent_expire_date: is past: the organisation must be asked anew");
    assert_eq!(
        with(&|one| one.consent_date = "2013-03-17".into()).unwrap_err(),
        "referral.consent_date: is in the future"
    );
    assert_eq!(with(&|one| one.consent_date.clear()).unwrap_err(), "referral.consent_date: is required");
    assert_eq!(with(&|one| one.consent_reference.clear()).unwrap_err(), "referral.consent_reference: is required");
    assert_eq!(
        with(&|one| one.organization.push('x')).unwrap_err(),
        "referral.organization: must be one of the subjects"
    );
}

#[test]
fn an_event_follows_the_one_before_it() {
    let history = History::proposed(&[KENITRA]);
    let good = history.event(KENITRA, acceptance()).unwrap();
    for change in [
        (|event| event.sequence = 1) as fn(&mut isopolity_proto::cooperation::CooperationEvent),
        |event| event.sequence = 3,
        |event| event.previous_hash = Bytes::from_static(&[1; 32]),
        |event| event.previous_hash = Bytes::new(),
    ] {
        let mut event = good.event.clone();
        change(&mut event);
        let refusal = apply(Some(history.at()), &Verified::made_here(event)).unwrap_err();
        assert!(matches!(refusal, Refusal::Place { expected: 2, .. }), "{refusal}");
    }
    let mut other = good.event.clone();
    other.cooperation = "cities/feira.example/cooperations/other".into();
    assert!(matches!(apply(Some(history.at()), &Verified::made_here(other)), Err(Refusal::Event(_))));
    let mut timeless = good.event;
    timeless.time = None;
    assert!(matches!(apply(Some(history.at()), &Verified::made_here(timeless)), Err(Refusal::Event(_))));
}

#[test]
fn a_refusal_says_what_would_be_possible() {
    let history = History::agreed(&[KENITRA]);
    let refusal = history.event(KENITRA, decline()).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "no city can decline while it is AGREED; possible: sign, terminate, say, set a milestone, attach a document"
    );
}

#[test]
fn refusals_call_steps_as_people_and_the_command_line_do_and_never_as_the_proto_does() {
    let agreed = History::agreed(&[KENITRA]);
    let proposed = History::proposed(&[KENITRA]);
    let answer = Action::Answer(isopolity_proto::cooperation::Answer::default());
    for (wrong, words) in [
        (proposed.refused(KENITRA, signature("2013-04-10")), "no city can sign while it is PROPOSED"),
        (agreed.refused(KENITRA, amendment_decline()), "no city can decline the amendment while it is AGREED"),
        (proposed.refused(KENITRA, withdrawal()), "only the host can withdraw"),
        (proposed.refused(FEIRA, decline()), "the host can't decline"),
        (proposed.refused(KENITRA, answer), "cities answer only where something was asked; this kind has terms"),
    ] {
        assert_eq!(wrong.to_string(), words);
    }
    for mv in Move::ALL {
        assert_eq!((mv.to_string().as_str(), mv.verb().contains('_')), (mv.verb(), false));
    }
}
