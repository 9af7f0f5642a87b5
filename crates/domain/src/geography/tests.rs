use super::*;

/// The rows of a file beside this crate, as cells.
fn rows(file: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn point(row: &[String], at: usize) -> Option<(f64, f64)> {
    Some((row.get(at)?.parse().ok()?, row.get(at + 1)?.parse().ok()?))
}

#[test]
fn a_city_lies_in_its_country() {
    for (country, point) in [
        ("PT", (40.20, -8.41)),
        ("ES", (35.29, -2.94)),
        ("IT", (35.50, 12.61)),
        ("MA", (34.26, -6.58)),
        ("CH", (46.20, 6.14)),
        ("LU", (49.61, 6.13)),
        ("BR", (-15.79, -47.88)),
        ("SV", (13.69, -89.22)),
        ("XK", (42.66, 21.17)),
        ("PS", (31.90, 35.20)),
        ("TW", (25.04, 121.56)),
        ("LS", (-29.5, 28.2)),
        ("RE", (-21.1, 55.5)),
        ("RU", (66.0, -172.0)),
        ("FJ", (-16.6, 179.4)),
        ("AQ", (-80.0, 0.0)),
        ("RU", (66.0, 179.9)),
        ("RU", (55.75, 37.62)),
    ] {
        assert_eq!(outside_country_km(country, point), Some(0.0), "{country}");
        assert_eq!(country_at(point), Some(country));
    }
    assert!(outside_country_km("ZA", (-29.5, 28.2)).unwrap() > 25.0, "Lesotho is no part of South Africa");
}

#[test]
fn what_has_a_code_of_its_own_is_also_in_the_whole() {
    for (whole, part, point) in [
        ("FR", "RE", (-21.1, 55.5)),
        ("US", "PR", (18.4, -66.1)),
        ("FI", "AX", (60.2, 20.0)),
        ("NO", "SJ", (78.2, 15.6)),
    ] {
        assert_eq!(outside_country_km(whole, point), Some(0.0), "{whole}");
        assert_eq!(country_at(point), Some(part));
    }
    assert!(outside_country_km("RE", (48.86, 2.35)).unwrap() > 5_000.0);
}

#[test]
fn a_city_of_another_country_is_far_outside() {
    let copenhagen = (55.68, 12.57);
    let outside = outside_country_km("SE", copenhagen).unwrap();
    assert!((15.0..30.0).contains(&outside), "{outside}");
    let outside = outside_country_km("SE", (56.37, 8.62)).unwrap();
    assert!((200.0..300.0).contains(&outside), "{outside}");
    assert!(outside_country_km("PT", (34.26, -6.58)).unwrap() > 250.0);
}

#[test]
fn the_antimeridian_is_no_border() {
    // Fiji lies on both sides.
    let near = outside_country_km("FJ", (-16.6, -179.0)).unwrap();
    assert!(near < 100.0, "{near}");
    // The Bering Strait, from Alaska to the Russian side at 169 degrees west.
    let strait = outside_country_km("RU", (65.6, -168.1)).unwrap();
    assert!((30.0..120.0).contains(&strait), "{strait}");
    // Wrangel Island is cut by the meridian.
    for east in [180.0, -180.0, 179.99, -179.99] {
        assert!(outside_country_km("RU", (71.2, east)).unwrap() < 1.0, "{east}");
    }
}

#[test]
fn nothing_is_said_where_states_disagree() {
    for (point, countries) in [
        ((44.95, 34.10), ["UA", "RU"]),
        ((27.15, -13.20), ["MA", "EH"]),
        ((31.78, 35.23), ["IL", "PS"]),
        ((34.08, 74.80), ["IN", "PK"]),
        ((35.34, 33.32), ["CY", "TR"]),
    ] {
        for country in countries {
            assert_eq!(outside_country_km(country, point), None, "{country}");
        }
        assert_eq!(country_at(point), None);
        assert!(outside_country_km("PT", point).unwrap() > 300.0, "nobody claims it for Portugal");
    }
    assert_eq!(outside_country_km("RS", (42.66, 21.17)), None);
    assert_eq!(outside_country_km("CN", (25.04, 121.56)), None);
}

#[test]
fn nothing_is_said_about_what_is_not_known() {
    assert_eq!(outside_country_km("GI", (36.14, -5.35)), None, "too small for the shapes");
    for country in ["", "XN", "pt", "ZZ"] {
        assert_eq!(outside_country_km(country, (38.72, -9.14)), None, "{country}");
    }
    for point in [(91.0, 0.0), (0.0, 181.0), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
        assert_eq!(outside_country_km("PT", point), None);
        assert_eq!(country_at(point), None);
    }
    assert_eq!(country_at((40.0, -40.0)), None, "at sea");
}

#[test]
fn nearly_all_real_twin_towns_lie_in_the_country_that_is_stated() {
    let mut seen = std::collections::BTreeSet::new();
    let (mut said, mut silent, mut outside) = (0, 0, Vec::new());
    for row in rows("../../tests/data/twin-towns/twin_pairs_eu25.csv") {
        for (name, country, at) in [(0, 1, 2), (5, 6, 8)] {
            let Some(point) = point(&row, at) else { continue };
            if row[country].is_empty() || !seen.insert((row[name].clone(), row[country].clone(), row[at].clone())) {
                continue;
            }
            match outside_country_km(&row[country], point) {
                Some(far) => {
                    said += 1;
                    if far > 25.0 {
                        outside.push(format!("{} {} {far:.0}", row[country], row[name]));
                    }
                }
                None => silent += 1,
            }
        }
    }
    outside.sort();
    assert!(said > 12_000 && silent < 100, "{said} {silent}");
    // The source gives GB for Gibraltar and the Isle of Man, and FI for Nikel in Russia.
    assert_eq!(outside, ["FI Nikel 35", "GB Douglas 66", "GB Gibraltar 1544"]);
}

#[test]
fn danish_towns_under_swedens_name_are_noticed() {
    let (mut all, mut far, mut danish, mut near) = (0, 0, 0, Vec::new());
    for row in rows("data/geo/exchanged.csv") {
        let (point, count) = (point(&row, 1).unwrap(), row[3].parse::<usize>().unwrap());
        all += count;
        if outside_country_km("SE", point).unwrap() > 25.0 {
            far += count;
        } else {
            near.push(row[0].clone());
        }
        danish += if outside_country_km("DK", point).unwrap() < 5.0 { count } else { 0 };
    }
    // The others lie on the Øresund, 25 km or less from Sweden.
    assert_eq!((far, all), (282, 297), "{near:?}");
    assert_eq!(near, ["Helsingør", "Birkerød Municipality", "Hørsholm"]);
    assert_eq!(danish, all);
}
