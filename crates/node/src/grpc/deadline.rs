//! How long a caller waits: the header `grpc-timeout`, which tonic does not hand on.

use std::time::Duration;

use tonic::metadata::MetadataMap;

/// The time that the caller gives, if it says.
pub(super) fn of(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    // The gRPC specification: at most eight digits and one unit.
    let number: u64 = number.parse().ok().filter(|_| number.len() <= 8)?;
    Some(match unit {
        "H" => Duration::from_secs(number.checked_mul(3600)?),
        "M" => Duration::from_secs(number.checked_mul(60)?),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_as_the_specification_has_it() {
        let read = |text: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", text.parse().unwrap());
            of(&metadata)
        };
        assert_eq!(read("1500m"), Some(Duration::from_millis(1500)));
        assert_eq!(read("2S"), Some(Duration::from_secs(2)));
        assert_eq!(read("1H"), Some(Duration::from_hours(1)));
        for bad in ["", "S", "5", "5x", "123456789S", "-1S"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(of(&MetadataMap::new()), None);
    }
}
