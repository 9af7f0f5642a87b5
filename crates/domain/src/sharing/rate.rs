//! How much a peer has asked lately.

use std::time::Duration;

use isopolity_proto::admin::SharingRates;
use time::OffsetDateTime;

/// What one peer has asked and got lately.
///
/// Questions fill up again evenly, so many a minute; at most as many as are allowed in a minute can be asked at once. Records are
/// counted by day (UTC).
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// The time at which no question would count any more.
    free_at: Option<OffsetDateTime>,
    day: Option<time::Date>,
    records: i64,
}

/// More than what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; the sharing agreement allows {most}")]
pub struct Exceeded {
    /// What there was too much of.
    pub what: &'static str,
    /// How much is allowed.
    pub most: String,
    /// After which time to ask again.
    pub retry_after: Duration,
}

impl Meter {
    /// Counts a question.
    ///
    /// # Errors
    /// [`Exceeded`] if it is one too many: it is not counted then.
    pub fn question(&mut self, rates: Option<&SharingRates>, now: OffsetDateTime) -> Result<(), Exceeded> {
        let most = rates.map_or(0, |rates| rates.questions_per_minute);
        let Ok(most @ 1..) = u32::try_from(most) else { return Ok(()) };
        let minute = time::Duration::MINUTE;
        let each = minute / most;
        // A clock that was set back holds nobody up for longer than a minute.
        let free_at = self.free_at.map_or(now, |at| at.clamp(now, now + minute));
        let then = free_at + each;
        let late = then - (now + minute);
        if late.is_positive() {
            let retry_after = Duration::try_from(late).unwrap_or(Duration::from_mins(1));
            return Err(Exceeded {
                what: "too many questions within a minute",
                most: format!("{most} a minute"),
                retry_after,
            });
        }
        self.free_at = Some(then);
        Ok(())
    }

    /// Counts records that are to be handed out.
    ///
    /// # Errors
    /// [`Exceeded`] if they are too many for the day: they are not counted then.
    pub fn records(
        &mut self,
        rates: Option<&SharingRates>,
        records: usize,
        now: OffsetDateTime,
    ) -> Result<(), Exceeded> {
        let most = rates.map_or(0, |rates| rates.records_per_day);
        if most <= 0 || records == 0 {
            return Ok(());
        }
        if self.day != Some(now.date()) {
            (self.day, self.records) = (Some(now.date()), 0);
        }
        let after = self.records.saturating_add(i64::try_from(records).unwrap_or(i64::MAX));
        if after > most {
            let midnight = now.replace_time(time::Time::MIDNIGHT) + time::Duration::DAY;
            let retry_after = Duration::try_from(midnight - now).unwrap_or(Duration::from_hours(24));
            return Err(Exceeded { what: "too many records on one day", most: format!("{most} a day"), retry_after });
        }
        self.records = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-16 23:00 UTC);

    #[test]
    fn a_minutes_questions_can_be_asked_at_once_and_then_one_by_one() {
        let rates = SharingRates { questions_per_minute: 3, records_per_day: 0 };
        let mut meter = Meter::default();
        for _ in 0..3 {
            meter.question(Some(&rates), NOW).unwrap();
        }
        let refused = meter.question(Some(&rates), NOW).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(20));
        let later = NOW + time::Duration::seconds(20);
        meter.question(Some(&rates), later).unwrap();
        assert_eq!(meter.question(Some(&rates), later).unwrap_err().retry_after, Duration::from_secs(20));
        // Set back by a year: it waits a minute at most.
        assert!(
            meter.question(Some(&rates), NOW - time::Duration::days(365)).unwrap_err().retry_after
                <= Duration::from_mins(1)
        );
    }

    #[test]
    fn records_are_counted_by_day_and_what_is_refused_is_not_counted() {
        let rates = SharingRates { questions_per_minute: 0, records_per_day: 10 };
        let mut meter = Meter::default();
        meter.records(Some(&rates), 8, NOW).unwrap();
        assert_eq!(meter.records(Some(&rates), 3, NOW).unwrap_err().retry_after, Duration::from_hours(1));
        meter.records(Some(&rates), 2, NOW).unwrap();
        assert!(meter.records(Some(&rates), 1, NOW).is_err());
        meter.records(Some(&rates), 10, NOW + time::Duration::hours(1)).unwrap();
    }

    #[test]
    fn without_rates_nothing_is_too_much() {
        let mut meter = Meter::default();
        for rates in [None, Some(SharingRates::default())] {
            for _ in 0..1_000 {
                meter.question(rates.as_ref(), NOW).unwrap();
                meter.records(rates.as_ref(), 100_000, NOW).unwrap();
            }
        }
    }
}
