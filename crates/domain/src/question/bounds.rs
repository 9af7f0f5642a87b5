//! Where and when: regions, days and circles.

use isopolity_proto::federation::{DateRange, Near};

use crate::{Violation, validate::value};

/// The greatest radius, in kilometres: the whole earth.
pub const KILOMETRES_MAX: f64 = 20_040.0;

/// Whether it has the form of a code of ISO 3166-2 (`PT-01`), or of NUTS or the beginning of one (`PT`, `PT1`), in capitals.
/// Not every such code exists: lists of regions change, and records keep the codes of their time.
pub(super) fn is_region(code: &str) -> bool {
    let part = |text: &str, most: usize| {
        text.len() <= most && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let Some((country, rest)) = code.split_at_checked(2) else { return false };
    let is_rest = rest.strip_prefix('-').map_or_else(|| part(rest, 3), |rest| !rest.is_empty() && part(rest, 3));
    country.bytes().all(|byte| byte.is_ascii_uppercase()) && is_rest
}

pub(super) fn dates(dates: &DateRange, field: &str, found: &mut Vec<Violation>) {
    let before = found.len();
    for (day, name) in [(&dates.start_date, "start_date"), (&dates.end_date, "end_date")] {
        if !day.is_empty() && !value::is_day(day) {
            found.push(Violation::invalid(format!("{field}.{name}"), "is not a date as YYYY-MM-DD"));
        }
    }
    // Days in this form are in their order as texts.
    let both = !dates.start_date.is_empty() && !dates.end_date.is_empty();
    if found.len() == before && both && dates.end_date < dates.start_date {
        found.push(Violation::invalid(format!("{field}.end_date"), "is before start_date"));
    }
}

pub(super) fn near(near: &Near, field: &str, found: &mut Vec<Violation>) {
    // Numbers that are none lie in no range.
    if let Some(point) = &near.point {
        if !(-90.0..=90.0).contains(&point.latitude) {
            let description = format!("{} is not within -90 to 90 degrees", point.latitude);
            found.push(Violation::invalid(format!("{field}.point.latitude"), description));
        }
        if !(-180.0..=180.0).contains(&point.longitude) {
            let description = format!("{} is not within -180 to 180 degrees", point.longitude);
            found.push(Violation::invalid(format!("{field}.point.longitude"), description));
        }
    } else {
        found.push(Violation::required(format!("{field}.point")));
    }
    if !(near.kilometres > 0.0 && near.kilometres <= KILOMETRES_MAX) {
        let description = format!("{} is not more than 0 and at most {KILOMETRES_MAX}", near.kilometres);
        found.push(Violation::invalid(format!("{field}.kilometres"), description));
    }
}
