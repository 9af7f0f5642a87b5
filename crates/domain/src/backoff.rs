//! When something is tried again that did not work: at once the first time, then after ever longer waits, up to an hour.
//!
//! The waits are kept with what waits, not in a process, so a restart neither forgets them nor begins anew. Chance is handed in, so
//! that many nodes which lost the same peer do not come back to it in the same second.

use std::time::Duration;

use time::OffsetDateTime;

/// The wait after the first failure, at most; each further one is twice as long.
pub const FIRST: Duration = Duration::from_secs(5);
/// The longest wait.
pub const LONGEST: Duration = Duration::from_hours(1);
/// What part of a wait chance can take away.
pub const JITTER: f64 = 0.5;

/// How long to wait after so many failures in a row. `chance` lies between 0 and 1.
#[must_use]
pub fn wait(failures: u32, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    whole.mul_f64(1.0 - JITTER * chance.clamp(0.0, 1.0))
}

/// When to try again after so many failures in a row, but not before what the other side asked for.
#[must_use]
pub fn next_time(
    now: OffsetDateTime,
    failures: u32,
    chance: f64,
    not_before: Option<OffsetDateTime>,
) -> OffsetDateTime {
    let next = now + wait(failures, chance);
    not_before.map_or(next, |asked| next.max(asked))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_and_stay_there() {
        let seconds = |failures| wait(failures, 0.0).as_secs();
        assert_eq!([1, 2, 3, 4].map(seconds), [5, 10, 20, 40]);
        assert_eq!([10, 11, 12, 1_000, u32::MAX].map(seconds), [2_560, 3_600, 3_600, 3_600, 3_600]);
        assert_eq!(seconds(0), 5);
    }

    #[test]
    fn chance_makes_a_wait_shorter_by_up_to_half_and_never_longer() {
        for failures in 1..20 {
            let whole = wait(failures, 0.0);
            for chance in [0.1, 0.5, 0.999, 1.0, 7.0] {
                let wait = wait(failures, chance);
                assert!(wait < whole && wait >= whole / 2, "{failures} {chance}: {wait:?}");
            }
        }
    }

    #[test]
    fn what_the_other_side_asked_for_is_waited_out() {
        let now = datetime!(2026-03-15 12:00 UTC);
        let asked = now + Duration::from_mins(3);
        assert_eq!(next_time(now, 1, 0.0, None), now + FIRST);
        assert_eq!(next_time(now, 1, 0.0, Some(asked)), asked);
        assert_eq!(next_time(now, 1, 0.0, Some(now)), now + FIRST);
    }
}
