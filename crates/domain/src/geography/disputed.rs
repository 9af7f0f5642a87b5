//! Where states disagree: there, no country is named and none is called wrong.
//!
//! Coarse on purpose. To stay silent about a town near a disputed line costs little; to tell a city that it names the
//! wrong country costs its trust.

/// Shapes that other countries count to themselves, or that no list of codes gives to anyone.
const SHAPES: [(&str, &[&str]); 6] = [
    ("PS", &["IL"]),
    ("TW", &["CN"]),
    ("XI", &["CN", "IN", "PK"]),
    ("XK", &["RS"]),
    ("XN", &["CY", "TR"]),
    ("XS", &["SO"]),
];

/// South, west, north, east.
type Area = (f64, f64, f64, f64);

/// Areas, and between whom they are.
const AREAS: [(Area, &[&str]); 12] = [
    // Western Sahara
    ((20.7, -17.3, 27.7, -8.6), &["EH", "MA"]),
    // Crimea
    ((44.3, 32.3, 46.2, 36.7), &["RU", "UA"]),
    // Jerusalem
    ((31.70, 35.13, 31.89, 35.32), &["IL", "PS"]),
    // The Golan Heights
    ((32.6, 35.6, 33.4, 35.95), &["IL", "LB", "SY"]),
    // Kashmir and Aksai Chin
    ((32.5, 72.9, 37.1, 80.5), &["CN", "IN", "PK"]),
    // Arunachal Pradesh
    ((26.6, 91.5, 29.5, 97.5), &["CN", "IN"]),
    // The southern Kurils
    ((43.3, 145.3, 45.7, 149.0), &["JP", "RU"]),
    // Abyei
    ((9.3, 27.8, 10.3, 29.1), &["SD", "SS"]),
    // The Halaib triangle and Bir Tawil
    ((21.7, 33.1, 23.2, 37.0), &["EG", "SD"]),
    // The Ilemi triangle
    ((4.2, 34.2, 5.6, 36.1), &["ET", "KE", "SS"]),
    // Guayana Esequiba
    ((1.1, -61.5, 8.6, -58.0), &["GY", "VE"]),
    // Somaliland's border with Puntland
    ((7.9, 46.9, 11.5, 49.2), &["SO"]),
];

/// Whether the code is a mark of the data rather than a country.
pub(super) fn is_mark(code: &str) -> bool {
    matches!(code, "XI" | "XN" | "XS")
}

/// Whether this country is one of those that disagree about the point.
pub(super) fn concerns(country: &str, point: (f64, f64)) -> bool {
    let (north, east) = point;
    let area = AREAS.iter().any(|((south, west, top, right), between)| {
        (*south..=*top).contains(&north) && (*west..=*right).contains(&east) && between.contains(&country)
    });
    area || SHAPES.iter().any(|(mark, claimed_by)| {
        claimed_by.contains(&country) && super::shape(mark).is_some_and(|shape| shape.contains(point))
    })
}
