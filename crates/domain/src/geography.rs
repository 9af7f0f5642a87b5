//! Where places are: distances, and whether a point lies in a country.
//!
//! The shapes are Natural Earth's at 1:50 million (`data/geo`): good to about a kilometre along most borders, less
//! along coasts with many islands. A caller who judges a record by them allows for that; 25 km is a good tolerance.
//! What states disagree about is not decided here: the answer is then `None` ([`disputed`]).

mod disputed;
mod shapes;

use shapes::{SHAPES, Shape};

/// The distance of two points in kilometres along a great circle, on a sphere of the mean radius of the earth
/// (6,371.0088 km, IUGG). Degrees north and east.
#[must_use]
pub fn distance_km(one: (f64, f64), other: (f64, f64)) -> f64 {
    let (north, east) = ((other.0 - one.0).to_radians(), (other.1 - one.1).to_radians());
    let half = (north / 2.0).sin().powi(2)
        + one.0.to_radians().cos() * other.0.to_radians().cos() * (east / 2.0).sin().powi(2);
    2.0 * 6_371.008_8 * half.sqrt().min(1.0).asin()
}

/// Countries that ISO 3166-2 also lists as subdivisions of another: what lies in `RE` lies in `FR` too.
const PARTS: [(&str, &[&str]); 6] = [
    ("CN", &["HK", "MO"]),
    ("FI", &["AX"]),
    ("FR", &["BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT"]),
    ("NL", &["AW", "BQ", "CW", "SX"]),
    ("NO", &["SJ"]),
    ("US", &["AS", "GU", "MP", "PR", "VI"]),
];

/// Inhabited places that the shapes leave out at their scale: country, point, and how many kilometres around it belong
/// to them. Not complete; those of the real data and their neighbours are.
const OUTLYING: [(&str, (f64, f64), f64); 13] = [
    ("DE", (54.18, 7.89), 6.0),    // Heligoland
    ("ES", (35.89, -5.31), 6.0),   // Ceuta
    ("ES", (35.29, -2.94), 5.0),   // Melilla
    ("IT", (35.51, 12.60), 25.0),  // Lampedusa
    ("IT", (35.87, 12.87), 10.0),  // Linosa
    ("IT", (36.78, 11.99), 15.0),  // Pantelleria
    ("IT", (38.55, 14.80), 45.0),  // the Aeolian Islands
    ("IT", (38.71, 13.18), 10.0),  // Ustica
    ("IT", (40.85, 13.10), 40.0),  // the Pontine Islands
    ("NO", (67.55, 12.20), 30.0),  // Røst and Værøy
    ("PT", (39.05, -28.00), 15.0), // Graciosa
    ("PT", (39.57, -31.17), 35.0), // Flores and Corvo
    ("PT", (33.07, -16.34), 15.0), // Porto Santo
];

/// How far a point lies outside a country (ISO 3166-1 alpha-2, or `XK`), in kilometres; 0 within it. Degrees north and
/// east.
///
/// A country includes what ISO 3166-2 lists as its subdivision, even if that has a code of its own (`FR` includes
/// `RE`). Up to a few hundred kilometres the distance is as good as the shape; beyond that it may be some percent too
/// long.
///
/// `None` if there is nothing to say: the shape of the country is not known, the point is not on the earth, or it lies
/// where this country and another disagree.
#[must_use]
pub fn outside_country_km(country: &str, point: (f64, f64)) -> Option<f64> {
    let point = on_earth(point)?;
    let parts = PARTS.iter().find(|(whole, _)| *whole == country).map_or::<&[&str], _>(&[], |(_, parts)| parts);
    let own = || SHAPES.iter().filter(|shape| shape.code == country || parts.contains(&shape.code.as_str()));
    if disputed::is_mark(country) || own().next().is_none() || disputed::concerns(country, point) {
        return None;
    }
    if outlying(point) == Some(country) || own().any(|shape| shape.contains(point)) {
        return Some(0.0);
    }
    own().filter_map(|shape| shape.nearest(point)).map(|nearest| distance_km(point, nearest)).min_by(f64::total_cmp)
}

/// The country in which a point lies (ISO 3166-1 alpha-2, or `XK`). Degrees north and east.
///
/// `None` at sea, in countries too small for the shapes, and where states disagree.
#[must_use]
pub fn country_at(point: (f64, f64)) -> Option<&'static str> {
    let point = on_earth(point)?;
    if let Some(country) = outlying(point) {
        return Some(country);
    }
    let code = SHAPES.iter().find(|shape| shape.contains(point)).map(|shape| shape.code.as_str())?;
    (!disputed::is_mark(code) && !disputed::concerns(code, point)).then_some(code)
}

/// The point with its longitude within −180 and 180.
fn on_earth((north, east): (f64, f64)) -> Option<(f64, f64)> {
    ((-90.0..=90.0).contains(&north) && (-180.0..=180.0).contains(&east)).then_some((north, east))
}

fn outlying(point: (f64, f64)) -> Option<&'static str> {
    // Half a degree north or south is further than any of them reaches; it spares most of the work.
    OUTLYING
        .iter()
        .find(|(_, centre, reach)| (centre.0 - point.0).abs() < 0.5 && distance_km(*centre, point) <= *reach)
        .map(|(country, ..)| *country)
}

fn shape(code: &str) -> Option<&'static Shape> {
    SHAPES.iter().find(|shape| shape.code == code)
}

#[cfg(test)]
mod tests;
