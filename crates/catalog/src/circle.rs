//! A circle on the earth.
//!
//! Whether a point lies in it must be the same on every node, so the functions of angles are not the platform's own.

use isopolity_proto::federation::Near;

/// The mean radius of the earth in kilometres (IUGG).
const EARTH_KM: f64 = 6_371.008_8;

/// All points within a distance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circle {
    /// In radians.
    latitude: f64,
    /// In radians.
    longitude: f64,
    cosine: f64,
    kilometres: f64,
}

impl Circle {
    pub(crate) fn new(near: &Near) -> Self {
        let point = near.point.unwrap_or_default();
        let latitude = point.latitude.to_radians();
        Self {
            latitude,
            longitude: point.longitude.to_radians(),
            cosine: libm::cos(latitude),
            kilometres: near.kilometres,
        }
    }

    /// Whether the point, in degrees, lies within; also if it lies on the line.
    pub(crate) fn holds(&self, latitude: f64, longitude: f64) -> bool {
        let latitude = latitude.to_radians();
        // Nothing is nearer than its difference in latitude. This spares most of the work; the margin is for rounding.
        if (latitude - self.latitude).abs() * EARTH_KM > self.kilometres + 0.001 {
            return false;
        }
        let square = |half: f64| libm::sin(half / 2.0) * libm::sin(half / 2.0);
        let haversine = square(latitude - self.latitude)
            + self.cosine * libm::cos(latitude) * square(longitude.to_radians() - self.longitude);
        2.0 * EARTH_KM * libm::asin(libm::sqrt(haversine).min(1.0)) <= self.kilometres
    }
}

#[cfg(test)]
mod tests {
    use isopolity_proto::types::Point;

    use super::*;

    fn circle(latitude: f64, longitude: f64, kilometres: f64) -> Circle {
        Circle::new(&Near { point: Some(Point { latitude, longitude }), kilometres })
    }

    #[test]
    fn a_circle_holds_what_is_near_also_over_the_date_line_and_the_pole() {
        // Santa Maria da Feira to Kénitra: 761.5 km.
        assert!(circle(40.93, -8.54, 762.0).holds(34.26, -6.58));
        assert!(!circle(40.93, -8.54, 761.0).holds(34.26, -6.58));
        assert!(circle(0.0, 179.9, 30.0).holds(0.0, -179.9));
        assert!(circle(89.9, 0.0, 30.0).holds(89.9, 180.0));
        assert!(circle(10.0, 20.0, 0.001).holds(10.0, 20.0));
        assert!(circle(10.0, 20.0, 20_040.0).holds(-10.0, -160.0), "nothing on the earth is further");
    }

    #[test]
    fn it_agrees_with_the_distance_that_the_domain_knows() {
        use isopolity_domain::geography::distance_km;
        for step in 0..500_i32 {
            let (north, east) = (f64::from(step * 37 % 180 - 90), f64::from(step * 71 % 360 - 180));
            let distance = distance_km((12.5, 41.9), (north, east));
            assert!(circle(12.5, 41.9, distance + 0.01).holds(north, east), "{north} {east}");
            assert!(!circle(12.5, 41.9, distance - 0.01).holds(north, east), "{north} {east}");
        }
    }
}
