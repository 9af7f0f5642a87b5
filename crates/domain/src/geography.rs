//! Where places are: distances, and whether a point lies in a country.

/// The distance of two points in kilometres along a great circle, on a sphere of the mean radius of the earth (6,371.0088
/// km, IUGG). Degrees north and east.
#[must_use]
pub fn distance_km(one: (f64, f64), other: (f64, f64)) -> f64 {
    let (north, east) = ((other.0 - one.0).to_radians(), (other.1 - one.1).to_radians());
    let half = (north / 2.0).sin().powi(2)
        + one.0.to_radians().cos() * other.0.to_radians().cos() * (east / 2.0).sin().powi(2);
    2.0 * 6_371.008_8 * half.sqrt().min(1.0).asin()
}

/// How far a point lies outside a country (ISO 3166-1 alpha-2, or `XK`), in kilometres; 0 within it. `None` if the shape of
/// the country is not known.
#[must_use]
pub fn outside_country_km(_country: &str, _point: (f64, f64)) -> Option<f64> {
    None
}
