//! How time is handed in.

use std::sync::Mutex;

use prost_types::Timestamp;
use time::{Duration, OffsetDateTime};

/// A source of the present time. The only one in production is [`SystemClock`]; tests hand in a [`FixedClock`].
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present time, in UTC.
    fn now(&self) -> OffsetDateTime;

    /// The present time as protobuf has it.
    fn timestamp(&self) -> Timestamp {
        to_timestamp(self.now())
    }
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the front door to the machine's clock")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FixedClock(Mutex<OffsetDateTime>);

impl FixedClock {
    /// A clock that shows this time.
    #[must_use]
    pub fn at(now: OffsetDateTime) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock; a negative duration moves it back.
    pub fn advance(&self, by: Duration) {
        *self.lock() += by;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, OffsetDateTime> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for FixedClock {
    fn now(&self) -> OffsetDateTime {
        *self.lock()
    }
}

/// A time as protobuf has it.
#[must_use]
pub fn to_timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp { seconds: time.unix_timestamp(), nanos: i32::try_from(time.nanosecond()).unwrap_or_default() }
}

/// A protobuf timestamp as a time, unless it lies outside the years 1 to 9999.
#[must_use]
pub fn from_timestamp(timestamp: &Timestamp) -> Option<OffsetDateTime> {
    let whole = OffsetDateTime::from_unix_timestamp(timestamp.seconds).ok()?;
    let nanos = u32::try_from(timestamp.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    whole.replace_nanosecond(nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = FixedClock::at(time::macros::datetime!(2013-03-15 12:00 UTC));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::days(-1));
        assert_eq!(clock.now(), time::macros::datetime!(2013-03-14 12:00 UTC));
    }

    #[test]
    fn impossible_timestamps_are_none() {
        assert_eq!(from_timestamp(&Timestamp { seconds: 0, nanos: -1 }), None);
        assert_eq!(from_timestamp(&Timestamp { seconds: i64::MAX, nanos: 0 }), None);
        let time = time::macros::datetime!(2013-03-15 12:00:00.5 UTC);
        assert_eq!(from_timestamp(&to_timestamp(time)), Some(time));
    }
}
