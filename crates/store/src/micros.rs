//! Times as both databases keep them alike: microseconds since 1970, UTC.

use time::OffsetDateTime;

use crate::error::Fault;

/// The time in microseconds since 1970; what is finer is cut off.
pub(crate) fn to_micros(time: OffsetDateTime) -> i64 {
    time.unix_timestamp() * 1_000_000 + i64::from(time.microsecond())
}

/// The time of so many microseconds since 1970.
pub(crate) fn from_micros(micros: i64) -> Result<OffsetDateTime, Fault> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .map_err(|error| Fault::Damaged(format!("{micros} is no time: {error}")))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_comes_back_to_the_microsecond() {
        for time in [
            datetime!(2013-03-15 12:00:00.123456 UTC),
            datetime!(1969-12-31 23:59:59.999999 UTC),
            datetime!(0001-01-01 0:00 UTC),
            datetime!(9999-12-31 23:59:59.999999 UTC),
        ] {
            assert_eq!(from_micros(to_micros(time)).unwrap(), time);
        }
        let fine = datetime!(1969-12-31 23:59:59.999999999 UTC);
        assert_eq!(from_micros(to_micros(fine)).unwrap(), datetime!(1969-12-31 23:59:59.999999 UTC));
        assert!(from_micros(i64::MAX).is_err());
    }
}
