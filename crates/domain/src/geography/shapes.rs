//! The shapes of countries, read from `data/geo/countries.bin` on first use.
//!
//! Rings are cut into short runs, each with its bounds, so that most of a long coast is passed over.

use std::sync::LazyLock;

/// Corners in one run.
const RUN: usize = 24;
/// The transform of the source: degrees = origin + n × step.
const EAST: (f64, f64) = (-180.0, 0.003_600_036_000_360_003_7);
const NORTH: (f64, f64) = (-89.999, 0.001_736_003_453_784_538);

pub(super) static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let shapes = read(include_bytes!("../../data/geo/countries.bin"));
    // A test counts them.
    shapes.unwrap_or_default()
});

/// A country's rings. What an odd number of them surrounds is inside.
pub(super) struct Shape {
    pub(super) code: String,
    bounds: Bounds,
    rings: Vec<Ring>,
}

struct Ring {
    bounds: Bounds,
    runs: Vec<Run>,
}

struct Run {
    bounds: Bounds,
    corners: Vec<(f64, f64)>,
}

impl Shape {
    /// Whether the point (north, east) is inside. A point on a border that two shapes share is inside one of them.
    pub(super) fn contains(&self, point: (f64, f64)) -> bool {
        let (north, east) = point;
        if north < self.bounds.south || north > self.bounds.north {
            return false;
        }
        // A ring that crosses the 180th meridian goes on beyond it.
        let surrounds = |ring: &Ring| {
            [0.0, 360.0, -360.0]
                .iter()
                .map(|turn| (north, east + turn))
                .any(|point| ring.bounds.hold(point) && ring.surrounds(point))
        };
        self.rings.iter().filter(|ring| surrounds(ring)).count() % 2 == 1
    }

    /// The point of the border that is nearest. Both sides of the 180th meridian are one.
    pub(super) fn nearest(&self, point: (f64, f64)) -> Option<(f64, f64)> {
        let mut best: Option<(f64, (f64, f64))> = None;
        let plane = Plane::at(point);
        let mut rings: Vec<(f64, &Ring)> = self.rings.iter().map(|ring| (plane.least(&ring.bounds), ring)).collect();
        rings.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (_, ring) in rings.into_iter().filter(|(least, _)| least.is_finite()) {
            for run in &ring.runs {
                if best.is_some_and(|(distance, _)| plane.least(&run.bounds) >= distance) {
                    continue;
                }
                for (from, to) in run.corners.iter().zip(run.corners.iter().skip(1)) {
                    let (distance, found) = plane.segment(*from, *to);
                    if best.is_none_or(|(shortest, _)| distance < shortest) {
                        best = Some((distance, found));
                    }
                }
            }
        }
        best.map(|(_, found)| found)
    }
}

impl Ring {
    fn of(corners: &[(f64, f64)]) -> Self {
        let mut runs = Vec::new();
        let mut from = 0;
        while let Some(rest) = corners.get(from..).filter(|rest| rest.len() > 1) {
            let corners: Vec<_> = rest.iter().take(RUN + 1).copied().collect();
            runs.push(Run { bounds: Bounds::of(&corners), corners });
            from += RUN;
        }
        Self { bounds: Bounds::of(corners), runs }
    }

    /// Counts the edges that a ray to the east crosses.
    fn surrounds(&self, (north, east): (f64, f64)) -> bool {
        let mut odd = false;
        for run in &self.runs {
            let bounds = &run.bounds;
            if north < bounds.south || north > bounds.north || east > bounds.east {
                continue;
            }
            for (from, to) in run.corners.iter().zip(run.corners.iter().skip(1)) {
                if (from.0 > north) != (to.0 > north)
                    && east < (to.1 - from.1) * (north - from.0) / (to.0 - from.0) + from.1
                {
                    odd = !odd;
                }
            }
        }
        odd
    }
}

#[derive(Clone, Copy)]
struct Bounds {
    south: f64,
    west: f64,
    north: f64,
    east: f64,
}

impl Bounds {
    const NOTHING: Self =
        Self { south: f64::INFINITY, west: f64::INFINITY, north: f64::NEG_INFINITY, east: f64::NEG_INFINITY };

    fn of(corners: &[(f64, f64)]) -> Self {
        corners
            .iter()
            .fold(Self::NOTHING, |bounds, &(north, east)| bounds.with(&Self { south: north, west: east, north, east }))
    }

    fn with(&self, other: &Self) -> Self {
        Self {
            south: self.south.min(other.south),
            west: self.west.min(other.west),
            north: self.north.max(other.north),
            east: self.east.max(other.east),
        }
    }

    fn hold(&self, (north, east): (f64, f64)) -> bool {
        north >= self.south && north <= self.north && east >= self.west && east <= self.east
    }
}

/// The surroundings of a point as a plane in degrees of latitude: longitudes shrink with the point's own parallel.
struct Plane {
    point: (f64, f64),
    shrink: f64,
}

impl Plane {
    fn at(point: (f64, f64)) -> Self {
        // At the poles all meridians meet; a little width keeps the division defined.
        Self { point, shrink: point.0.to_radians().cos().max(1e-6) }
    }

    /// Degrees east of the point, the short way round.
    fn eastward(&self, east: f64) -> f64 {
        let way = east - self.point.1;
        if way > 180.0 {
            way - 360.0
        } else if way < -180.0 {
            way + 360.0
        } else {
            way
        }
    }

    /// No corner within the bounds is nearer than this.
    fn least(&self, bounds: &Bounds) -> f64 {
        let (north, east) = self.point;
        let up = (bounds.south - north).max(north - bounds.north).max(0.0);
        let gap = |east: f64| (bounds.west - east).max(east - bounds.east).max(0.0);
        let across = gap(east).min(gap(east - 360.0)).min(gap(east + 360.0));
        up.hypot(across * self.shrink)
    }

    /// The distance to an edge, and its nearest point as north and east.
    fn segment(&self, from: (f64, f64), to: (f64, f64)) -> (f64, (f64, f64)) {
        let start = (from.0 - self.point.0, self.eastward(from.1) * self.shrink);
        // Not through `eastward` again: an edge never runs round the earth.
        let run = (to.0 - from.0, (to.1 - from.1) * self.shrink);
        let length = run.0 * run.0 + run.1 * run.1;
        let along = if length > 0.0 { (-(start.0 * run.0 + start.1 * run.1) / length).clamp(0.0, 1.0) } else { 0.0 };
        let (up, right) = (start.0 + along * run.0, start.1 + along * run.1);
        (up.hypot(right), (self.point.0 + up, self.point.1 + right / self.shrink))
    }
}

/// Reads the form that `data/geo/README.md` describes. `None` if the bytes are not of that form.
fn read(bytes: &[u8]) -> Option<Vec<Shape>> {
    let mut bytes = bytes.iter().copied();
    let mut arcs = Vec::new();
    for _ in 0..number(&mut bytes)? {
        let (mut north, mut east) = (0_i32, 0_i32);
        let mut arc = Vec::new();
        for _ in 0..number(&mut bytes)? {
            east = east.checked_add(signed(&mut bytes)?)?;
            north = north.checked_add(signed(&mut bytes)?)?;
            arc.push((NORTH.0 + f64::from(north) * NORTH.1, EAST.0 + f64::from(east) * EAST.1));
        }
        arcs.push(arc);
    }
    let mut shapes = Vec::new();
    for _ in 0..number(&mut bytes)? {
        let code = [bytes.next()?, bytes.next()?].iter().map(|byte| char::from(*byte)).collect();
        let mut rings = Vec::new();
        for _ in 0..number(&mut bytes)? {
            let mut corners: Vec<(f64, f64)> = Vec::new();
            for _ in 0..number(&mut bytes)? {
                let arc = signed(&mut bytes)?;
                let points = arcs.get(usize::try_from(if arc < 0 { !arc } else { arc }).ok()?)?;
                // The first point of an arc is the last of the one before.
                let skip = usize::from(!corners.is_empty());
                if arc < 0 {
                    corners.extend(points.iter().rev().skip(skip));
                } else {
                    corners.extend(points.iter().skip(skip));
                }
            }
            unroll(&mut corners);
            rings.push(Ring::of(&corners));
        }
        let bounds = rings.iter().fold(Bounds::NOTHING, |bounds, ring| bounds.with(&ring.bounds));
        shapes.push(Shape { code, bounds, rings });
    }
    bytes.next().is_none().then_some(shapes)
}

/// Lets a ring go on beyond 180 degrees rather than jump to the other side: no step is longer than half the earth.
fn unroll(corners: &mut [(f64, f64)]) {
    let mut before: Option<f64> = None;
    for (_, east) in corners {
        if let Some(before) = before {
            *east -= ((*east - before) / 360.0).round() * 360.0;
        }
        before = Some(*east);
    }
}

fn number(bytes: &mut impl Iterator<Item = u8>) -> Option<u32> {
    let mut number = 0;
    for shift in [0, 7, 14, 21] {
        let byte = bytes.next()?;
        number |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn signed(bytes: &mut impl Iterator<Item = u8>) -> Option<i32> {
    let number = number(bytes)?;
    let half = i32::try_from(number >> 1).ok()?;
    Some(if number & 1 == 0 { half } else { !half })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_read_whole() {
        assert_eq!(SHAPES.len(), 248);
        let corners = |shape: &Shape| {
            shape.rings.iter().flat_map(|ring| &ring.runs).map(|run| run.corners.len() - 1).sum::<usize>()
        };
        assert!(SHAPES.iter().all(|shape| corners(shape) >= 3));
        assert!(SHAPES.iter().map(corners).sum::<usize>() > 90_000, "{}", SHAPES.iter().map(corners).sum::<usize>());
        assert!(read(b"\x01\x02").is_none());
    }

    #[test]
    fn every_shape_is_a_country_or_a_mark() {
        for shape in SHAPES.iter() {
            let known = crate::codes::country_name(&shape.code, "en").is_some();
            assert_ne!(known, super::super::disputed::is_mark(&shape.code), "{}", shape.code);
        }
    }
}
