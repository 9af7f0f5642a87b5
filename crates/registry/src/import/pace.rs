//! How fast an import goes, and how long the rest will take.

use isopolity_proto::registry::ImportProgress;
use time::Duration;

/// Sets rate and time left from how long it took so far. What is not known is left out.
pub(super) fn set(progress: &mut ImportProgress, took: Duration) {
    let seconds = took.as_seconds_f64();
    let (rows, bytes) = (number(progress.rows), number(progress.bytes));
    progress.rows_per_second = if seconds > 0.0 { rows / seconds } else { 0.0 };
    let left = progress.total_bytes.saturating_sub(progress.bytes);
    let known = seconds > 0.0 && bytes > 0.0 && left > 0 && !progress.done;
    progress.time_left = known.then(|| {
        let left = Duration::saturating_seconds_f64(seconds * number(left) / bytes);
        prost_types::Duration { seconds: left.whole_seconds(), nanos: left.subsec_nanoseconds() }
    });
}

#[expect(clippy::cast_precision_loss, reason = "of a count of rows or bytes, 15 digits are more than anybody reads")]
fn number(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(took: Duration, progress: ImportProgress) -> (f64, Option<i64>) {
        let mut progress = progress;
        set(&mut progress, took);
        (progress.rows_per_second, progress.time_left.map(|left| left.seconds))
    }

    #[test]
    fn the_rest_takes_as_long_as_so_much_took_before() {
        let progress = ImportProgress { rows: 500, bytes: 250, total_bytes: 1_000, ..Default::default() };
        assert_eq!(after(Duration::seconds(10), progress.clone()), (50.0, Some(30)));
        assert_eq!(after(Duration::ZERO, progress.clone()), (0.0, None), "too early to tell");
        assert_eq!(after(Duration::seconds(-1), progress.clone()), (0.0, None), "the clock was set back");
        let done = ImportProgress { done: true, ..progress.clone() };
        assert_eq!(after(Duration::seconds(10), done), (50.0, None));
        for total_bytes in [0, 200] {
            let progress = ImportProgress { total_bytes, ..progress.clone() };
            assert_eq!(
                after(Duration::seconds(10), progress),
                (50.0, None),
                "{total_bytes} bytes are not the whole file"
            );
        }
        let tiny = ImportProgress { bytes: 1, total_bytes: i64::MAX, ..progress };
        assert!(after(Duration::MAX, tiny).1.is_some(), "however long that is");
    }
}
