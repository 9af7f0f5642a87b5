use isopolity_proto::cooperation::CooperationState as State;

use super::*;
use crate::cooperation::table::{CLASSES, Cell, cells, document};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/cooperation-states.md");

#[test]
fn c2_every_legal_path_and_every_illegal_message_is_in_the_published_table() {
    let made = document();
    if std::env::var_os("ISOPOLITY_UPDATE").is_some() {
        std::fs::write(FILE, &made).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        kept == made,
        "proto/cooperation-states.md is not what the code says: ISOPOLITY_UPDATE=1 cargo test -p isopolity-domain c2_"
    );
}

/// What the rules say of a step that is well made, written down a second time: by state, by who acts, and by what has been done.
#[expect(clippy::match_same_arms, reason = "one line for each rule, in the order in which a cooperation goes")]
fn rule(before: &Cooperation, mv: Move, city: &str) -> bool {
    let host = before.participations[0].city == city;
    let own = before.participations.iter().find(|one| one.city == city).unwrap();
    let terms = is_negotiated(before.kind());
    let offered = before.offer.as_ref().map_or(0, |offer| offer.terms.as_ref().unwrap().version);
    match (before.state(), mv) {
        (State::Proposed, Move::Counter) => terms,
        (State::Proposed, Move::Acceptance) => terms && own.accepted_version != offered,
        (State::Proposed, Move::Decline) => !host,
        (State::Proposed, Move::Withdrawal) => host,
        (State::Proposed, Move::Answer) => !terms && !host && own.answer.is_none(),
        (State::Agreed, Move::Signature) => own.signature.is_none(),
        (State::Agreed, Move::Activation) => all_signed(before),
        (State::Agreed | State::Active, Move::Termination) => true,
        (State::Active, Move::Amendment) => before.amendment.is_none(),
        (State::Active, Move::Acceptance) => before.amendment.is_some() && own.amendment_sequence == 0,
        (State::Active, Move::AmendmentDecline) => before.amendment.is_some(),
        (State::Active, Move::Conclusion) => own.conclusion.is_none(),
        (State::Proposed | State::Agreed | State::Active, Move::Expiry) => host,
        (State::Proposed | State::Agreed | State::Active, Move::MilestoneCompletion) => city == "a.example",
        (
            State::Proposed | State::Agreed | State::Active,
            Move::Message | Move::MilestoneSetting | Move::DocumentAttachment,
        ) => true,
        _ => false,
    }
}

/// The messages that are well made, and the step that each is.
fn well_made(message: &str) -> Option<Move> {
    let found = Move::ALL.into_iter().find(|mv| mv.as_str() == message);
    found.or(match message {
        "acceptance of the terms on offer" => Some(Move::Acceptance),
        "expiry after the time is over" => Some(Move::Expiry),
        "renewal" => Some(Move::Amendment),
        "milestone_setting, a new one" | "milestone_setting, `open`" => Some(Move::MilestoneSetting),
        "milestone_completion, `open`" => Some(Move::MilestoneCompletion),
        _ => None,
    })
}

fn everywhere(check: impl Fn(&Cell)) -> usize {
    let others =
        [CooperationKind::Referral, CooperationKind::GoodPracticeExchange, CooperationKind::DuplicateResolution];
    let kinds = CLASSES.into_iter().map(|(_, kind)| kind).chain(others);
    let all: Vec<Cell> = kinds.flat_map(cells).collect();
    all.iter().for_each(check);
    all.len()
}

#[test]
fn c2_each_cell_is_as_the_rules_say_and_nothing_else_is_legal() {
    let count = everywhere(|cell| {
        let what =
            format!("{} by {}: {} -> {:?}", cell.standing, cell.actor, cell.message, cell.outcome.as_ref().err());
        let city = cell.event.event.city.as_str();
        let expected = match (&cell.before, well_made(cell.message)) {
            (_, None) => false,
            (None, Some(mv)) => mv == Move::Proposal && cell.actor == "host",
            (Some(_), Some(_)) if cell.actor == "stranger" => false,
            // Of a full history the table shows what is left.
            (Some(before), Some(mv)) if before.sequence >= EVENTS_MAX - EVENTS_RESERVED => {
                before.sequence < EVENTS_MAX
                    && matches!(mv, Move::Conclusion | Move::Termination | Move::Expiry)
                    && rule(before, mv, city)
            }
            (Some(before), Some(mv)) => rule(before, mv, city),
        };
        assert_eq!(cell.outcome.is_ok(), expected, "{what}");
    });
    assert!(count > 5_000, "{count}");
}

#[test]
fn c2_a_refused_event_leaves_everything_as_it_was_and_a_legal_one_moves_one_place_on() {
    everywhere(|cell| {
        let before = cell.before.clone();
        let again = apply(cell.before.as_ref(), &cell.event);
        assert_eq!(cell.before, before);
        assert_eq!(again, cell.outcome, "the same event always comes to the same");
        match again {
            Ok(after) => {
                assert_eq!(after.sequence, before.map_or(0, |before| before.sequence) + 1);
                assert_eq!(after.head_hash, cell.event.hash.as_slice());
            }
            Err(refusal) => {
                assert!(!refusal.to_string().is_empty());
                assert_ne!(refusal.reason(), isopolity_proto::error::Reason::Unspecified);
            }
        }
    });
}

#[test]
fn c2_a_refusal_names_only_steps_that_are_possible() {
    everywhere(|cell| {
        if let (Some(before), Err(Refusal::Impossible { possible, .. })) = (&cell.before, &cell.outcome) {
            for mv in possible {
                assert!(rule(before, *mv, &cell.event.event.city), "{}: {mv} by {}", cell.standing, cell.actor);
            }
        }
    });
}
