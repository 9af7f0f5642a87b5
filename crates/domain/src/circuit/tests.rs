use proptest::prelude::*;
use time::{Duration as Span, macros::datetime};

use super::*;

const NOW: OffsetDateTime = datetime!(2013-03-15 10:42:00 UTC);

/// No jitter.
const EVEN: f64 = 0.5;

/// A circuit that failed so often, and until when it is open.
fn after(failures: u32) -> (Circuit, Option<OffsetDateTime>) {
    let mut circuit = Circuit::default();
    let mut until = None;
    for _ in 0..failures {
        until = circuit.failed("no answer within 3.0 s", NOW, EVEN).or(until);
    }
    (circuit, until)
}

#[test]
fn it_opens_at_the_fifth_failure_in_a_row_and_not_before() {
    let (mut circuit, until) = after(4);
    assert_eq!((until, circuit.admit(NOW)), (None, Ok(None)));
    assert!(circuit.alive());
    for _ in 0..4 {
        assert_eq!(circuit.failed("again", NOW, EVEN), None, "an answer between them ends the row");
    }
    assert_eq!(circuit.failed("again", NOW, EVEN), Some(NOW + FIRST_BACKOFF));
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn who_asks_too_early_is_told_until_when_and_why() {
    let (mut circuit, _) = after(5);
    circuit.failed("nothing listens there", NOW, EVEN);
    circuit.failed("nothing listens there", NOW, EVEN);
    let held = circuit.admit(NOW).unwrap_err();
    assert_eq!(held.until, NOW + Span::SECOND, "what was under way when it opened does not prolong it");
    assert_eq!(
        held.to_string(),
        "not called until 10:42:01 UTC after 7 failures in a row, the last: nothing listens there"
    );
}

#[test]
fn one_question_tries_it_while_all_others_are_held_back() {
    let (mut circuit, until) = after(5);
    let then = until.unwrap();
    assert!(circuit.admit(then - Span::NANOSECOND).is_err());
    let trial = circuit.admit(then).unwrap().expect("the first is the trial");
    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    let held = circuit.admit(then + Span::HOUR).unwrap_err();
    assert!(held.to_string().starts_with("just being tried with one question after 5 failures"), "{held}");

    circuit.give_back(&trial, then);
    let second = circuit.admit(then).unwrap().expect("what came to nothing is tried again at once");
    circuit.give_back(&trial, then);
    assert_eq!(circuit.state(), CircuitState::HalfOpen, "a trial is given back once");
    assert!(circuit.alive());
    circuit.give_back(&second, then);
    assert_eq!(circuit.admit(then), Ok(None));
}

#[test]
fn it_stays_open_twice_as_long_each_time_up_to_five_minutes() {
    let (mut circuit, until) = after(5);
    let mut now = until.unwrap();
    let mut seconds = Vec::new();
    for _ in 0..11 {
        circuit.admit(now).unwrap().expect("a trial");
        let until = circuit.failed("still nothing", now, EVEN).unwrap();
        seconds.push((until - now).whole_seconds());
        now = until;
    }
    assert_eq!(seconds, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    circuit.alive();
    for _ in 0..4 {
        circuit.failed("again", now, EVEN);
    }
    assert_eq!(circuit.failed("again", now, EVEN), Some(now + FIRST_BACKOFF), "after an answer it begins anew");
}

#[test]
fn chance_moves_the_next_attempt_by_a_fifth_at_most() {
    for (luck, millis) in [(0.0, 800), (0.25, 900), (0.5, 1_000), (1.0, 1_200), (7.0, 1_200), (f64::NAN, 1_000)] {
        assert_eq!(backoff(0, luck).as_millis(), millis, "{luck}");
    }
    assert_eq!(backoff(u32::MAX, 1.0), longest_open());
}

#[test]
fn push_back_is_honoured_to_the_second_and_opens_nothing() {
    let mut circuit = Circuit::default();
    circuit.push_back(Duration::from_secs(7), NOW);
    assert_eq!(circuit.state(), CircuitState::Closed);
    let held = circuit.admit(NOW + Span::milliseconds(6_999)).unwrap_err();
    assert_eq!(held, Held { until: NOW + Span::seconds(7), why: HeldWhy::PushedBack });
    assert_eq!(held.to_string(), "asked not to be called until 10:42:07 UTC");
    circuit.alive();
    assert!(circuit.admit(NOW).is_err(), "that it lives does not take back what it asked for");
    assert_eq!(circuit.admit(NOW + Span::seconds(7)), Ok(None));
    circuit.push_back(Duration::from_hours(99), NOW);
    assert_eq!(circuit.pushed_back(NOW).unwrap().until, NOW + LONGEST_PUSH_BACK);
}

#[test]
fn a_clock_that_is_set_back_holds_nobody_up() {
    let (mut circuit, _) = after(5);
    assert!(matches!(circuit.admit(NOW - Span::HOUR), Ok(Some(_))));
    let mut circuit = Circuit::default();
    circuit.push_back(LONGEST_PUSH_BACK, NOW);
    assert_eq!(circuit.admit(NOW - Span::SECOND), Ok(None));
}

#[test]
fn a_storm_of_second_attempts_stays_under_its_budget() {
    let mut circuit = Circuit::default();
    let calls = 1_000;
    let mut second = 0;
    for _ in 0..calls {
        circuit.earn_retry();
        // Every call breaks off and asks for a second attempt.
        second += u32::from(circuit.take_retry());
    }
    assert!((109..=110).contains(&second), "ten to begin with, then one for ten calls: {second}");
    for _ in 0..1_000 {
        circuit.earn_retry();
    }
    let left = (0..100).filter(|_| circuit.take_retry()).count();
    assert_eq!(left, 10, "no more is saved up");
}

#[test]
fn what_is_kept_over_a_restart_is_what_was_there() {
    let (mut open, until) = after(6);
    open.take_retry();
    open.push_back(Duration::from_mins(2), NOW);
    for _ in 0..6 {
        open.failed("é\u{202e}", NOW, EVEN);
    }
    let mut again = Circuit::decode(&open.encode());
    assert_eq!(again, open);
    assert_eq!(again.describe(NOW), open.describe(NOW));
    assert_eq!(Circuit::decode(&Circuit::default().encode()), Circuit::default());

    let (mut tried, _) = after(5);
    tried.admit(until.unwrap()).unwrap().expect("a trial");
    again = Circuit::decode(&tried.encode());
    assert!(matches!(again.admit(NOW), Ok(Some(_))), "a trial that a restart cut off is made again");
}

#[test]
fn damaged_bytes_are_a_new_circuit() {
    for bytes in [&b""[..], b"\xff\xff\xff", b"not a circuit"] {
        assert_eq!(Circuit::decode(bytes), Circuit::default());
    }
    let hostile = Kept { retries: f64::INFINITY, failures: u32::MAX, openings: u32::MAX, ..Kept::default() };
    let mut circuit = Circuit::decode(&hostile.encode_to_vec());
    assert_eq!(circuit.describe(NOW).retry_budget.to_bits(), RETRIES.to_bits());
    assert_eq!(circuit.failed("again", NOW, 1.0), Some(NOW + longest_open()));
}

proptest! {
    /// Whatever happens, at most one trial is under way, a peer that lives is called, and the budget stays in its bounds.
    #[test]
    fn whatever_happens_its_promises_hold(steps in prop::collection::vec((0_u8..6, 0_i64..400, 0.0..1.0_f64), 0..200)) {
        let (mut circuit, mut now, mut trial) = (Circuit::default(), NOW, None);
        for (step, seconds, luck) in steps {
            match step {
                0 => now += Span::seconds(seconds),
                1 => match circuit.admit(now) {
                    Ok(Some(new)) => trial = Some(new),
                    Ok(None) => prop_assert_eq!(circuit.state(), CircuitState::Closed),
                    Err(held) => prop_assert!(held.until - now <= LONGEST_PUSH_BACK),
                },
                2 => { circuit.failed("no", now, luck); }
                3 => { circuit.alive(); prop_assert_eq!(circuit.state(), CircuitState::Closed); }
                4 => if let Some(trial) = trial.take() { circuit.give_back(&trial, now) },
                _ => { circuit.earn_retry(); circuit.take_retry(); }
            }
            prop_assert_eq!(circuit.describe(now).failures >= 5, circuit.state() != CircuitState::Closed);
            prop_assert!((0.0..=RETRIES).contains(&circuit.describe(now).retry_budget));
        }
        now += longest_open();
        prop_assert!(circuit.state() != CircuitState::Open || matches!(circuit.admit(now), Ok(Some(_))));
    }
}
