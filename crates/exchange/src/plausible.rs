//! What is possible but unlikely: a place that does not lie in its country.
//!
//! Sources mix up countries: a public extract of twin towns has those of Sweden and Denmark exchanged. Nothing else about
//! such a row is wrong, so only the map can tell.

use isopolity_domain::geography;
use prost_reflect::{DynamicMessage, Value};

/// How far a place may lie outside its country, in kilometres: coasts and borders are drawn with less detail than places.
const TOLERANCE_KM: f64 = 25.0;
/// The deepest place within a resource.
const DEPTH_MAX: usize = 12;

/// The places of a resource that do not lie in the country that they state, each with its path and what is unlikely.
pub(crate) fn doubts(resource: &DynamicMessage) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(resource, "", DEPTH_MAX, &mut found);
    found
}

fn walk(message: &DynamicMessage, path: &str, depth: usize, found: &mut Vec<(String, String)>) {
    if let Some(description) = outside(message) {
        found.push((path.to_owned(), description));
    }
    let Some(depth) = depth.checked_sub(1) else { return };
    for (field, value) in message.fields() {
        let below = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        match value {
            Value::Message(inner) => walk(inner, &below, depth, found),
            Value::List(entries) => {
                for (at, entry) in entries.iter().enumerate() {
                    if let Some(inner) = entry.as_message() {
                        walk(inner, &format!("{below}[{at}]"), depth, found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// What is unlikely about a message with a country and a point.
fn outside(message: &DynamicMessage) -> Option<String> {
    let country = message.get_field_by_name("country")?;
    let country = country.as_str().filter(|country| !country.is_empty())?;
    let point = message.get_field_by_name("point")?;
    let point = point.as_message().filter(|_| message.has_field_by_name("point"))?;
    let degrees = |name| point.get_field_by_name(name)?.as_f64();
    why_outside(country, (degrees("latitude")?, degrees("longitude")?))
}

/// Why a point is unlikely to lie in a country; `None` if it may well do, or if the country's shape is not known.
pub(crate) fn why_outside(country: &str, point: (f64, f64)) -> Option<String> {
    let far = geography::outside_country_km(country, point).filter(|far| *far > TOLERANCE_KM)?;
    let (latitude, longitude) = point;
    let place = format!("the point {latitude}, {longitude} lies");
    Some(match geography::country_at(point) {
        Some(there) => {
            format!(
                "{place} in {there}, {far:.0} km outside {country}, the country that is stated: is the country right?"
            )
        }
        None => format!(
            "{place} {far:.0} km outside {country}, the country that is stated: is the country right, or are latitude and \
             longitude exchanged?"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_town_that_lies_in_another_country_is_doubted_and_one_near_the_border_is_not() {
        // Holstebro and Helsingør, which the source calls Swedish.
        let why = why_outside("SE", (56.366_667, 8.616_667)).unwrap();
        assert!(why.contains("lies in DK") && why.contains("outside SE"), "{why}");
        assert_eq!(why_outside("SE", (56.033_333, 12.616_667)), None);
        assert_eq!(why_outside("DK", (56.366_667, 8.616_667)), None);
        // Latitude and longitude exchanged: in the Indian Ocean.
        assert!(why_outside("PT", (-8.5, 70.9)).unwrap().contains("exchanged"));
    }
}
