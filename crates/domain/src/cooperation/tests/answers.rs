use isopolity_proto::{
    cooperation::{Answer, Statement},
    registry::{ConfirmationStance, MatchVerdict},
};

use super::*;

fn asked(kind: CooperationKind, participants: &[&str]) -> Proposal {
    let subject = |name: &str| Subject { name: format!("cities/{name}"), ..Default::default() };
    Proposal {
        kind: kind.into(),
        participants: participants.iter().map(|&city| city.to_owned()).collect(),
        subjects: vec![subject("feira.example/partnerships/cork"), subject("kenitra.example/partnerships/liege")],
        texts: texts("How far do you cooperate?"),
        ..Default::default()
    }
}

fn statement(record: &str) -> Statement {
    Statement { record: record.into(), stance: ConfirmationStance::Confirmed.into(), ..Default::default() }
}

fn said() -> Action {
    Action::Answer(Answer { texts: texts("Very far"), ..Default::default() })
}

fn invalid(history: &History, city: &str, answer: Answer) -> Vec<String> {
    match history.event(city, Action::Answer(answer)) {
        Err(Refusal::Invalid(violations)) => violations.0.into_iter().map(|one| one.field).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_enquiry_ends_with_the_last_answer() {
    let mut history = History::begun(asked(CooperationKind::Enquiry, &[KENITRA, GENEVE]));
    history.take(KENITRA, said());
    assert_eq!(history.state(), CooperationState::Proposed);
    assert_eq!(history.refused(KENITRA, said()), Wrong::DoneAnswering);
    assert_eq!(history.refused(FEIRA, said()), Wrong::NotForHost(Move::Answer));
    history.take(GENEVE, said());
    assert_eq!(history.state(), CooperationState::Concluded);
    assert_eq!(history.at().participations[2].answer_sequence, 3);
}

#[test]
fn what_is_asked_has_no_terms() {
    let history = History::begun(asked(CooperationKind::Enquiry, &[KENITRA]));
    for action in [counter("x"), acceptance(), signature("2013-04-10"), amendment("x"), conclusion(), termination()] {
        assert!(matches!(history.refused(KENITRA, action), Wrong::Answered(_)));
    }
    let negotiated = History::proposed(&[KENITRA]);
    assert_eq!(negotiated.refused(KENITRA, said()), Wrong::Negotiated(Move::Answer));
}

#[test]
fn a_question_may_be_declined_withdrawn_or_left_to_expire() {
    let history = History::begun(asked(CooperationKind::Enquiry, &[KENITRA, GENEVE]));
    assert_eq!(history.clone().take(KENITRA, decline()).state(), CooperationState::Declined);
    assert_eq!(history.clone().take(FEIRA, withdrawal()).state(), CooperationState::Withdrawn);
    assert_eq!(history.clone().expire(NOW + Duration::days(60)).state(), CooperationState::Expired);
}

#[test]
fn an_enquiry_needs_a_question_and_an_answer() {
    let mut silent = asked(CooperationKind::Enquiry, &[KENITRA]);
    silent.texts = texts("  ");
    assert!(matches!(History::default().event(FEIRA, Action::Proposal(silent)), Err(Refusal::Invalid(_))));
    let history = History::begun(asked(CooperationKind::Enquiry, &[KENITRA]));
    assert_eq!(invalid(&history, KENITRA, Answer::default()), ["texts"]);
    let verdict = Answer { verdict: MatchVerdict::Same.into(), texts: texts("x"), ..Default::default() };
    assert_eq!(invalid(&history, KENITRA, verdict), ["verdict"]);
}

#[test]
fn a_city_confirms_a_record_that_it_was_asked_about() {
    let mut history = History::begun(asked(CooperationKind::Confirmation, &[KENITRA]));
    assert_eq!(invalid(&history, KENITRA, Answer::default()), ["statement"]);
    let of = |record: &str| Answer { statement: Some(statement(record)), ..Default::default() };
    assert_eq!(invalid(&history, KENITRA, of("cities/kenitra.example/partnerships/liege")), ["statement.record"]);
    assert_eq!(invalid(&history, KENITRA, of("cities/feira.example/partnerships/other")), ["statement.record"]);
    history.take(KENITRA, Action::Answer(of("cities/feira.example/partnerships/cork")));
    assert_eq!(history.state(), CooperationState::Concluded);
}

#[test]
fn a_statement_of_the_host_is_all_there_is_to_say() {
    let stated = Proposal {
        statement: Some(statement("cities/kenitra.example/partnerships/liege")),
        ..asked(CooperationKind::Confirmation, &[KENITRA])
    };
    let history = History::begun(stated.clone());
    assert_eq!(history.state(), CooperationState::Concluded);
    assert_eq!(history.at().end.as_ref().unwrap().sequence, 1);
    assert_eq!(history.refused(KENITRA, said()), Wrong::Final(CooperationState::Concluded));
    // Of a record of somebody who is not asked it can't be.
    let strange = Proposal { statement: Some(statement("cities/lyon.example/partnerships/a")), ..stated.clone() };
    assert!(matches!(History::default().event(FEIRA, Action::Proposal(strange)), Err(Refusal::Invalid(_))));
    let of_another_kind = Proposal { kind: CooperationKind::Enquiry.into(), ..stated };
    assert!(matches!(History::default().event(FEIRA, Action::Proposal(of_another_kind)), Err(Refusal::Invalid(_))));
}

#[test]
fn a_duplicate_is_resolved_by_verdicts() {
    let mut history = History::begun(asked(CooperationKind::DuplicateResolution, &[KENITRA]));
    assert_eq!(invalid(&history, KENITRA, Answer { texts: texts("Hm"), ..Default::default() }), ["verdict"]);
    history.take(KENITRA, Action::Answer(Answer { verdict: MatchVerdict::Different.into(), ..Default::default() }));
    assert_eq!(history.state(), CooperationState::Concluded);
    let mut one = asked(CooperationKind::DuplicateResolution, &[KENITRA]);
    one.subjects.truncate(1);
    assert!(matches!(History::default().event(FEIRA, Action::Proposal(one)), Err(Refusal::Invalid(_))));
}

#[test]
fn a_decision_comes_of_answers_that_are_all_the_same_and_certain() {
    let answered = |verdicts: [MatchVerdict; 2]| {
        let mut history = History::begun(asked(CooperationKind::DuplicateResolution, &[KENITRA, GENEVE]));
        assert_eq!(match_record(history.at()), None);
        for (city, verdict) in [KENITRA, GENEVE].into_iter().zip(verdicts) {
            history.take(city, Action::Answer(Answer { verdict: verdict.into(), ..Default::default() }));
        }
        match_record(history.at())
    };
    let same = answered([MatchVerdict::Same; 2]).unwrap();
    assert_eq!((same.left.as_str(), same.verdict()), ("cities/feira.example/partnerships/cork", MatchVerdict::Same));
    assert_eq!(same.right, "cities/kenitra.example/partnerships/liege");
    assert!(same.reason.starts_with("kenitra.example, geneve.example found them the same"), "{}", same.reason);
    assert_eq!(answered([MatchVerdict::Different; 2]).unwrap().verdict(), MatchVerdict::Different);
    assert_eq!(answered([MatchVerdict::Possible; 2]), None);
    assert_eq!(answered([MatchVerdict::Same, MatchVerdict::Different]), None);
}
