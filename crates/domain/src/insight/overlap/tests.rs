use isopolity_proto::{
    registry::{City, Confirmation, Participant, PartnershipEnd},
    types::{LocalizedText, SectorScheme},
};

use super::*;

fn texts(name: &str) -> Vec<LocalizedText> {
    vec![LocalizedText { text: name.into(), ..Default::default() }]
}

fn place(name: &str, country: &str) -> Place {
    Place { names: texts(name), country: country.into(), ..Default::default() }
}

fn sector(scheme: SectorScheme, version: &str, code: &str) -> Sector {
    Sector { scheme: scheme.into(), version: version.into(), code: code.into(), ..Default::default() }
}

fn bread() -> Sector {
    sector(SectorScheme::Nace, "2.1", "10.71")
}

/// A city's partnership at a place in Morocco, or in the country as a whole.
fn active(city: &str, at: &str, sector: Sector) -> Stated {
    let end = |at: &str| PartnershipEnd { place: Some(place(at, "MA")), ..Default::default() };
    let partnership = Partnership {
        name: format!("cities/{city}.example/partnerships/{}", crate::text::slug(at, 20)),
        origin_countries: vec!["MA".into()],
        ends: (!at.is_empty()).then(|| end(at)).into_iter().collect(),
        sectors: vec![sector],
        ..Default::default()
    };
    Stated { city: format!("{city}.example").parse().unwrap(), partnership }
}

fn cities() -> BTreeMap<CityId, Described> {
    let all = [("feira", "Santa Maria da Feira", "PT"), ("geneve", "Genève", "CH"), ("kenitra", "Kénitra", "MA")];
    let described = |(id, name, country)| {
        let id: CityId = format!("{id}.example").parse().unwrap();
        let profile = City { place: Some(place(name, country)), ..Default::default() };
        (id.clone(), Described::of_profile(id, &profile))
    };
    all.into_iter().map(described).collect()
}

fn found(stated: &[Stated]) -> Vec<Overlap> {
    overlaps(stated, &cities(), &Wanted::default())
}

fn told(overlaps: &[Overlap]) -> Vec<(&str, &str, &str, Vec<&str>)> {
    let told = overlaps.iter().map(|one| {
        let cities = one.cities.iter().map(|city| city.trim_end_matches(".example")).collect();
        (one.country.as_str(), one.place.as_str(), one.sector.as_ref().unwrap().code.as_str(), cities)
    });
    told.collect()
}

#[test]
fn cities_in_one_place_and_field_overlap_in_whichever_script_and_classification() {
    let isic = sector(SectorScheme::Isic, "4", "1050");
    let mut stated = [active("feira", "Kénitra", bread()), active("geneve", "KENITRA", isic)];
    let overlaps = found(&stated);
    assert_eq!(told(&overlaps), [("MA", "Kénitra", "10", vec!["feira", "geneve"])]);
    let names: Vec<&str> = overlaps[0].records.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["cities/feira.example/partnerships/kenitra", "cities/geneve.example/partnerships/kenitra"]);
    assert_eq!(
        overlaps[0].explanation,
        "partnerships in Kénitra, Morocco in NACE 2 10 Manufacture of food products; no record there of either names the \
         other: feira.example and geneve.example"
    );
    stated.reverse();
    assert_eq!(found(&stated), overlaps, "whoever answers first");
    stated[0].partnership.sectors = vec![sector(SectorScheme::Nace, "2.1", "62")];
    assert!(found(&stated).is_empty(), "another field");
}

#[test]
fn whoever_names_the_other_knows_of_it() {
    let stated = [active("feira", "Kénitra", bread()), active("geneve", "Kénitra", bread())];
    let after = |change: fn(&mut Partnership)| {
        let mut stated = stated.clone();
        change(&mut stated[0].partnership);
        found(&stated).len()
    };
    assert_eq!(after(|_| {}), 1);
    assert_eq!(after(|one| one.mirrors.push("cities/geneve.example/partnerships/kenitra".into())), 0);
    assert_eq!(after(|one| one.agreements.push("cities/geneve.example/agreements/a".into())), 0);
    assert_eq!(
        after(|one| one
            .confirmations
            .push(Confirmation { city: "cities/geneve.example".into(), ..Default::default() })),
        0
    );
    assert_eq!(
        after(|one| {
            let organization = "cities/geneve.example/organizations/chamber".into();
            one.participants.push(Participant { organization, ..Default::default() });
        }),
        0
    );
    assert_eq!(
        after(|one| {
            one.ends.push(PartnershipEnd { place: Some(place("Geneve", "CH")), ..Default::default() });
        }),
        0
    );
    assert_eq!(after(|one| one.ending = Some(isopolity_proto::registry::Ending::default())), 0, "it is over");
}

#[test]
fn of_several_cities_those_are_told_of_that_somebody_does_not_know() {
    let mut stated = vec![
        active("feira", "Kénitra", bread()),
        active("geneve", "Kénitra", bread()),
        active("kenitra", "Kénitra", bread()),
    ];
    // Who works in Kénitra names Kénitra; of each other they do not know.
    assert_eq!(told(&found(&stated)), [("MA", "Kénitra", "10", vec!["feira", "geneve"])]);
    stated[0].partnership.mirrors.push("cities/geneve.example/partnerships/kenitra".into());
    assert!(found(&stated).is_empty());
}

#[test]
fn the_country_counts_where_no_place_in_it_is_named_and_comes_after_places() {
    let stated = [
        active("feira", "", bread()),
        active("geneve", "", bread()),
        active("kenitra", "Rabat", bread()),
        active("lublin", "Rabat", bread()),
    ];
    let overlaps = found(&stated);
    let expected = [("MA", "Rabat", "10", vec!["kenitra", "lublin"]), ("MA", "", "10", vec!["feira", "geneve"])];
    assert_eq!(told(&overlaps), expected);
    let own: CityId = "feira.example".parse().unwrap();
    let with = |wanted: &Wanted<'_>| super::overlaps(&stated, &cities(), wanted).len();
    assert_eq!(with(&Wanted { with: Some(&own), ..Wanted::default() }), 1);
    assert_eq!(with(&Wanted { country: "SN", ..Wanted::default() }), 0);
    let food = sector(SectorScheme::Isic, "4", "10");
    assert_eq!(with(&Wanted { country: "MA", sector: Some(&food), ..Wanted::default() }), 2);
    let dairy = sector(SectorScheme::Nace, "2.1", "10.51");
    assert_eq!(with(&Wanted { sector: Some(&dairy), ..Wanted::default() }), 0);
}

#[test]
fn a_section_counts_where_a_record_says_no_more_and_tells_of_another_city() {
    let whole = sector(SectorScheme::Nace, "2.1", "C");
    let mut stated = vec![active("feira", "Kénitra", bread()), active("geneve", "Kénitra", whole.clone())];
    assert_eq!(told(&found(&stated)), [("MA", "Kénitra", "C", vec!["feira", "geneve"])]);
    stated[1].partnership.sectors.push(bread());
    assert_eq!(told(&found(&stated)), [("MA", "Kénitra", "10", vec!["feira", "geneve"])], "once is enough");
}
