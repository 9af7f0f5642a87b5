use isopolity_proto::cooperation::{Fork, PendingState, PendingStep, Waiting};

use super::*;

/// For whom, for what, by when; `!` where it is overdue.
fn told(cooperation: &Cooperation, now: OffsetDateTime) -> Vec<String> {
    waitings(cooperation, &id(KENITRA), now).iter().map(words).collect()
}

fn words(one: &Waiting) -> String {
    let what = one.waiting_for().as_str_name().trim_start_matches("WAITING_FOR_").to_lowercase();
    let city = one.city.trim_end_matches(".example");
    let overdue = if one.overdue { "!" } else { "" };
    format!("{city} {what} {}{}{overdue}", one.due_date, one.item).trim().to_owned()
}

fn pending(id: &str, state: PendingState, action: Action) -> PendingStep {
    PendingStep { step_id: id.into(), state: state.into(), step: Some(step(action)), ..Default::default() }
}

#[test]
fn a_proposal_waits_for_everyone_who_has_not_accepted_it() {
    let mut history = History::proposed(&[KENITRA, GENEVE]);
    assert_eq!(told(history.at(), NOW), ["kenitra decision 2013-05-14", "geneve decision 2013-05-14"]);
    history.take(KENITRA, counter("Another"));
    assert_eq!(told(history.at(), NOW), ["feira decision 2013-05-14", "geneve decision 2013-05-14"]);
    assert_eq!(waitings(history.at(), &id(FEIRA), NOW)[0].titles, texts("Another"));
    assert_eq!(waitings(history.at(), &id(FEIRA), NOW)[0].since, history.events[1].event.time);
    let late = told(history.at(), NOW + Duration::days(60));
    assert_eq!(late, ["feira decision 2013-05-14!", "geneve decision 2013-05-14!"]);
}

#[test]
fn a_question_waits_for_those_who_were_asked() {
    let asked = Proposal {
        kind: CooperationKind::Enquiry.into(),
        terms: None,
        texts: texts("How far do you cooperate?"),
        ..proposal(&[KENITRA, GENEVE])
    };
    let history = History::begun(asked);
    assert_eq!(told(history.at(), NOW), ["kenitra answer 2013-05-14", "geneve answer 2013-05-14"]);
    assert_eq!(waitings(history.at(), &id(FEIRA), NOW)[0].titles, texts("How far do you cooperate?"));
}

#[test]
fn what_is_agreed_waits_for_signatures_and_then_to_begin() {
    let mut history = History::agreed(&[KENITRA]);
    history.take(FEIRA, signature("2013-04-10"));
    assert_eq!(told(history.at(), NOW), ["kenitra signature 2013-05-14"]);
    history.take(KENITRA, signature("2013-05-20"));
    assert_eq!(told(history.at(), NOW), ["feira activation 2013-05-14", "kenitra activation 2013-05-14"]);
}

#[test]
fn milestones_wait_for_their_owners_what_is_overdue_first() {
    let mut history = History::active(&[KENITRA]);
    history.take(FEIRA, milestone("fair", FEIRA, "2013-09-01")).take(FEIRA, milestone("visit", KENITRA, "2013-06-01"));
    assert_eq!(told(history.at(), NOW), ["kenitra milestone 2013-06-01visit", "feira milestone 2013-09-01fair"]);
    let june = datetime!(2013-06-02 00:00 UTC);
    assert_eq!(told(history.at(), june), ["kenitra milestone 2013-06-01visit!", "feira milestone 2013-09-01fair"]);
    assert!(!waitings(history.at(), &id(FEIRA), datetime!(2013-06-01 23:59 UTC))[0].overdue, "the day is not over");
    history.take(KENITRA, completion("visit"));
    assert_eq!(told(history.at(), june), ["feira milestone 2013-09-01fair"]);
}

#[test]
fn an_amendment_waits_for_the_others() {
    let mut history = History::active(&[KENITRA, GENEVE]);
    history.take(GENEVE, amendment("Wider")).take(FEIRA, acceptance());
    assert_eq!(told(history.at(), NOW), ["kenitra amendment_decision"]);
}

#[test]
fn who_is_not_done_is_waited_for() {
    let mut history = History::active(&[KENITRA, GENEVE]);
    assert_eq!(told(history.at(), NOW), Vec::<String>::new());
    history.take(GENEVE, conclusion());
    assert_eq!(told(history.at(), NOW), ["feira conclusion", "kenitra conclusion"]);
}

#[test]
fn sixty_days_before_the_end_it_is_to_be_renewed() {
    let history = History::active(&[KENITRA]);
    assert_eq!(told(history.at(), datetime!(2016-03-31 23:00 UTC)), Vec::<String>::new());
    let soon = told(history.at(), datetime!(2016-04-01 00:00 UTC));
    assert_eq!(soon, ["feira renewal 2016-05-31", "kenitra renewal 2016-05-31"]);
    let past = told(history.at(), datetime!(2016-06-01 00:00 UTC));
    assert_eq!(past, ["feira renewal 2016-05-31!", "kenitra renewal 2016-05-31!"]);
    let mut renewing = history.clone();
    renewing.take(FEIRA, renewal("2019-05-31"));
    assert_eq!(told(renewing.at(), datetime!(2016-04-01 00:00 UTC)), ["kenitra amendment_decision"]);
}

#[test]
fn pending_steps_wait_for_the_own_people_and_answer_what_was_waited_for() {
    let mut at = History::proposed(&[KENITRA, GENEVE]).at().clone();
    at.pending_steps = vec![pending("one", PendingState::AwaitsApproval, acceptance())];
    assert_eq!(told(&at, NOW), ["geneve decision 2013-05-14", "kenitra approval one"]);
    at.pending_steps = vec![pending("one", PendingState::Submitted, acceptance())];
    assert_eq!(told(&at, NOW), ["geneve decision 2013-05-14"]);
    // A message answers nothing.
    at.pending_steps = vec![pending("one", PendingState::Submitted, message("Hello"))];
    assert_eq!(told(&at, NOW), ["kenitra decision 2013-05-14", "geneve decision 2013-05-14"]);
    for lost in [PendingState::Overtaken, PendingState::Refused] {
        at.pending_steps = vec![pending("one", lost, counter("Mine"))];
        let expected = ["kenitra decision 2013-05-14", "geneve decision 2013-05-14", "kenitra rebase one"];
        assert_eq!(told(&at, NOW), expected);
    }
}

#[test]
fn nothing_waits_after_the_end_or_a_fork_or_before_the_beginning() {
    let mut history = History::active(&[KENITRA]);
    history.take(FEIRA, milestone("fair", FEIRA, "2013-09-01"));
    let fork = Cooperation { fork: Some(Fork::default()), ..history.at().clone() };
    assert_eq!(told(&fork, NOW), Vec::<String>::new());
    history.take(FEIRA, termination());
    assert_eq!(told(history.at(), NOW), Vec::<String>::new());
    let draft = Cooperation { state: CooperationState::Draft.into(), ..Default::default() };
    assert_eq!(told(&draft, NOW), Vec::<String>::new());
}
