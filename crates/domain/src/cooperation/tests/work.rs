use isopolity_proto::cooperation::DocumentAttachment;

use super::*;

#[test]
fn messages_are_counted_and_answer_what_was_before() {
    let mut history = History::proposed(&[KENITRA]);
    history.take(KENITRA, message("Good morning")).take(FEIRA, message("Bom dia"));
    assert_eq!(history.at().message_count, 2);
    let reply = |in_reply_to| Action::Message(Message { texts: texts("Yes"), in_reply_to });
    assert!(history.event(FEIRA, reply(3)).is_ok());
    for no_event in [4, 99, -1] {
        assert!(matches!(history.event(FEIRA, reply(no_event)), Err(Refusal::Invalid(_))), "{no_event}");
    }
}

#[test]
fn a_milestone_is_set_changed_and_done_by_its_owner_alone() {
    let mut history = History::proposed(&[KENITRA]);
    history.take(FEIRA, milestone("visit", KENITRA, "2013-06-01")).take(FEIRA, milestone("fair", FEIRA, "2013-09-01"));
    history.take(KENITRA, milestone("visit", KENITRA, "2013-07-01"));
    let ids: Vec<_> = history.at().milestones.iter().map(|one| (one.id.as_str(), one.due_date.as_str())).collect();
    assert_eq!(ids, [("fair", "2013-09-01"), ("visit", "2013-07-01")]);
    let not_owner = history.refused(FEIRA, completion("visit"));
    assert_eq!(not_owner, Wrong::NotOwner { milestone: "visit".into(), owner: KENITRA.into() });
    history.take(KENITRA, completion("visit"));
    assert_eq!(history.at().milestones[1].complete_date, "2013-05-02");
    assert_eq!(history.refused(FEIRA, milestone("visit", FEIRA, "2014-01-01")), Wrong::MilestoneClosed("visit".into()));
    assert_eq!(history.refused(KENITRA, completion("visit")), Wrong::NoOwnMilestone);
    assert_eq!(history.refused(FEIRA, completion("other")), Wrong::NoMilestone("other".into()));
}

#[test]
fn a_dropped_milestone_is_closed() {
    let mut history = History::proposed(&[KENITRA]);
    history.take(FEIRA, milestone("visit", KENITRA, "2013-06-01"));
    let Action::MilestoneSetting(mut setting) = milestone("visit", KENITRA, "2013-06-01") else { unreachable!() };
    setting.milestone.as_mut().unwrap().dropped = true;
    history.take(KENITRA, Action::MilestoneSetting(setting));
    assert_eq!(
        history.refused(FEIRA, milestone("visit", KENITRA, "2013-08-01")),
        Wrong::MilestoneClosed("visit".into())
    );
}

#[test]
fn a_milestone_says_what_who_and_when() {
    let history = History::proposed(&[KENITRA]);
    for (bad, field) in [
        (milestone("Visit", KENITRA, "2013-06-01"), "milestone.id"),
        (milestone("visit", "lyon.example", "2013-06-01"), "milestone.owner"),
        (milestone("visit", KENITRA, "2013-06"), "milestone.due_date"),
        (milestone("visit", KENITRA, ""), "milestone.due_date"),
    ] {
        let Err(Refusal::Invalid(violations)) = history.event(FEIRA, bad) else { panic!("{field}") };
        assert_eq!(violations.0[0].field, field);
    }
}

#[test]
fn there_are_at_most_200_milestones_and_documents() {
    let mut history = History::proposed(&[KENITRA]);
    for at in 0..MILESTONES_MAX {
        history.take(FEIRA, milestone(&format!("m{at}"), KENITRA, "2013-06-01"));
        let document = Document { titles: texts("Minutes"), sha256: format!("{at:064x}"), ..Default::default() };
        history.take(FEIRA, Action::DocumentAttachment(DocumentAttachment { document: Some(document) }));
    }
    let full = history.event(FEIRA, milestone("one-more", KENITRA, "2013-06-01")).unwrap_err();
    assert_eq!(full.reason(), isopolity_proto::error::Reason::CooperationFull);
    assert!(history.event(FEIRA, milestone("m7", KENITRA, "2013-07-01")).is_ok(), "one that is there may change");
    let attachment = DocumentAttachment { document: Some(document("a")) };
    let full = history.event(FEIRA, Action::DocumentAttachment(attachment)).unwrap_err();
    assert_eq!(full.reason(), isopolity_proto::error::Reason::CooperationFull);
}

#[test]
fn a_document_is_known_by_its_hash_and_attached_once() {
    let mut history = History::proposed(&[KENITRA]);
    let attach = |document| Action::DocumentAttachment(DocumentAttachment { document: Some(document) });
    history.take(KENITRA, attach(document("a")));
    assert_eq!(history.refused(FEIRA, attach(document("a"))), Wrong::Attached);
    for bad in [Document { sha256: "A".repeat(64), ..document("a") }, Document { titles: Vec::new(), ..document("b") }]
    {
        assert!(matches!(history.event(FEIRA, attach(bad)), Err(Refusal::Invalid(_))));
    }
}

#[test]
fn a_long_history_can_still_be_ended() {
    let mut history = History::active(&[KENITRA]);
    let at = history.at.as_mut().unwrap();
    at.sequence = EVENTS_MAX - EVENTS_RESERVED;
    assert_eq!(history.refused(KENITRA, message("More")), Wrong::NearlyFull);
    assert!(history.event(KENITRA, termination()).is_ok());
    assert!(history.event(KENITRA, conclusion()).is_ok());
    history.at.as_mut().unwrap().sequence = EVENTS_MAX;
    let full = history.event(KENITRA, termination()).unwrap_err();
    assert_eq!(full.reason(), isopolity_proto::error::Reason::CooperationFull);
}

#[test]
fn an_event_that_is_too_long_is_refused() {
    let history = History::proposed(&[KENITRA]);
    let refusal = history.event(KENITRA, message(&"x".repeat(PAYLOAD_MAX))).unwrap_err();
    assert!(matches!(refusal, Refusal::TooLarge(_)));
}
