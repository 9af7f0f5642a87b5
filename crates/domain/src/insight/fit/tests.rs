use isopolity_proto::types::{LocalizedText, Money, RecordState, Sector, SectorScheme};
use proptest::prelude::*;
use time::macros::date;

use super::*;

const TODAY: Date = date!(2026 - 03 - 16);

fn nace(code: &str) -> Sector {
    Sector { scheme: SectorScheme::Nace.into(), version: "2.1".into(), code: code.into(), ..Default::default() }
}

/// Flour for bread, on the corridor to Morocco.
fn flour(city: &str, direction: OpportunityDirection) -> Opportunity {
    Opportunity {
        name: format!("cities/{city}.example/opportunities/flour"),
        titles: vec![LocalizedText { text: "Flour".into(), ..Default::default() }],
        direction: direction.into(),
        subjects: vec![OpportunitySubject::Supply.into()],
        status: OpportunityStatus::Open.into(),
        countries: vec!["MA".into()],
        sectors: vec![nace("10.71")],
        ..Default::default()
    }
}

fn stated(city: &str, country: &str, opportunity: Opportunity) -> Stated {
    let city = format!("{city}.example").parse().unwrap();
    Stated::open(city, country, opportunity, &mut Activities::default(), TODAY).unwrap()
}

fn two() -> [Opportunity; 2] {
    [flour("feira", OpportunityDirection::Seeks), flour("kenitra", OpportunityDirection::Offers)]
}

fn compared([ours, theirs]: [Opportunity; 2]) -> Vec<(FitReason, i32)> {
    let fits = fits(&stated("feira", "PT", ours), &stated("kenitra", "MA", theirs));
    fits.iter().map(|fit| (fit.reason(), fit.points)).collect()
}

#[test]
fn all_reasons_together_are_a_hundred_points() {
    let money = |amount: &str| Some(Money { currency_code: "EUR".into(), amount: amount.into() });
    let [mut ours, mut theirs] = two();
    (ours.counterpart_side, theirs.counterpart_side) = (Side::Origin.into(), Side::Destination.into());
    (ours.languages, theirs.languages) = (vec!["pt".into(), "fr".into()], vec!["ar".into(), "fr-MA".into()]);
    (ours.volume, theirs.volume) = (money("12000"), money("99999.99"));
    let [own, other] = [stated("feira", "PT", ours), stated("kenitra", "MA", theirs)];
    let partnership = |stage: PartnershipStage| Partnership {
        origin_countries: vec!["MA".into()],
        sectors: vec![nace("10")],
        stage: stage.into(),
        ..Default::default()
    };
    let mut found = suggest(std::slice::from_ref(&own), std::slice::from_ref(&other), 0, 10);
    assert_eq!((found.len(), found[0].points), (1, 95));
    let (ours, theirs) = ([partnership(PartnershipStage::MarketResearch)], [partnership(PartnershipStage::Operating)]);
    let stage = stage_fit(&own, &other, &ours, &theirs, &mut Activities::default()).unwrap();
    assert_eq!(stage.explanation, "feira.example stands at market research, kenitra.example at operating");
    add(&mut found[0], stage.clone());
    add(&mut found[0], stage);
    assert_eq!((found[0].points, sum(&found[0].fits)), (100, 100));
    let reasons: Vec<(FitReason, &str)> =
        found[0].fits.iter().map(|fit| (fit.reason(), fit.explanation.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (FitReason::Subject, "both about supply"),
            (FitReason::Corridor, "both concern Morocco"),
            (FitReason::Sector, "NACE 2.1 10.71 Manufacture of bread; manufacture of fresh pastry goods and cakes"),
            (FitReason::Direction, "feira.example seeks what kenitra.example offers"),
            (
                FitReason::Side,
                "kenitra.example lies in MA, where feira.example looks; feira.example lies in PT, where \
                 kenitra.example looks"
            ),
            (FitReason::Language, "both answer in fr"),
            (FitReason::Stage, "feira.example stands at market research, kenitra.example at operating"),
            (FitReason::Volume, "EUR 12000 and 99999.99 are of one size"),
        ]
    );
}

#[test]
fn nothing_fits_that_is_not_sought_and_offered() {
    let [ours, theirs] = two();
    assert!(compared([ours.clone(), ours.clone()]).is_empty());
    assert!(compared([theirs.clone(), theirs.clone()]).is_empty());
    assert_eq!(compared([theirs, ours]).len(), 4);
}

#[test]
fn a_reason_that_is_not_there_gives_no_points() {
    use FitReason::{Corridor, Direction, Sector, Subject};
    let [ours, theirs] = two();
    let with = |change: fn(&mut Opportunity)| {
        let mut theirs = theirs.clone();
        change(&mut theirs);
        compared([ours.clone(), theirs])
    };
    assert_eq!(with(|_| {}), [(Subject, 25), (Corridor, 20), (Sector, 20), (Direction, 10)]);
    let premises = with(|one| one.subjects = vec![OpportunitySubject::Premises.into()]);
    assert_eq!(premises, [(Corridor, 20), (Sector, 20), (Direction, 10)]);
    assert_eq!(with(|one| one.countries = vec!["SN".into()]), [(Subject, 25), (Sector, 20), (Direction, 10)]);
    let within = with(|one| one.sectors = vec![nace("46.2"), nace("10")]);
    assert_eq!(within, [(Subject, 25), (Corridor, 20), (Sector, 12), (Direction, 10)]);
    assert_eq!(with(|one| one.sectors = vec![nace("C")])[3], (Sector, 6));
    // Who looks for a counterpart at the destination does not find one in Morocco.
    let [mut ours, theirs] = two();
    ours.counterpart_side = Side::Destination.into();
    assert_eq!(compared([ours, theirs]).len(), 4);
}

#[test]
fn only_what_is_open_is_compared() {
    let [ours, _] = two();
    let open = |change: fn(&mut Opportunity)| {
        let mut one = ours.clone();
        change(&mut one);
        Stated::open("feira.example".parse().unwrap(), "PT", one, &mut Activities::default(), TODAY).is_some()
    };
    assert!(open(|one| one.expire_date = "2026-03-16".into()));
    assert!(!open(|one| one.expire_date = "2026-03-15".into()));
    assert!(!open(|one| one.status = OpportunityStatus::InDiscussion.into()));
    assert!(!open(|one| one.state = RecordState::Superseded.into()));
}

#[test]
fn stages_help_where_one_has_what_the_other_needs() {
    use PartnershipStage::{Launch, MarketResearch, Operating, PartnerSearch};
    let [own, other] = two();
    let [own, other] = [stated("feira", "PT", own), stated("kenitra", "MA", other)];
    let at = |stage: PartnershipStage, country: &str| {
        vec![Partnership {
            origin_countries: vec![country.into()],
            sectors: vec![nace("10.71")],
            stage: stage.into(),
            ..Default::default()
        }]
    };
    for (ours, theirs, helps) in [
        (at(MarketResearch, "MA"), at(Operating, "MA"), true),
        (at(Operating, "MA"), at(MarketResearch, "MA"), true),
        (at(PartnerSearch, "MA"), at(PartnerSearch, "MA"), true),
        (at(MarketResearch, "MA"), at(PartnerSearch, "MA"), false),
        (at(Launch, "MA"), at(Operating, "MA"), false),
        (at(MarketResearch, "SN"), at(Operating, "MA"), false),
        (Vec::new(), at(Operating, "MA"), false),
    ] {
        let found = stage_fit(&own, &other, &ours, &theirs, &mut Activities::default());
        assert_eq!(found.is_some(), helps, "{ours:?} {theirs:?}");
    }
}

fn any_opportunity() -> impl Strategy<Value = (usize, Opportunity)> {
    let some = |from: &'static [&'static str]| prop::collection::vec(prop::sample::select(from), 1..4);
    let texts = |words: Vec<&str>| words.into_iter().map(ToOwned::to_owned).collect::<Vec<String>>();
    (
        (0_usize..4, 0_usize..50, 1_i32..=2, prop::collection::vec(1_i32..=10, 1..4), 0_i32..=3),
        some(&["MA", "SN", "PT"]),
        some(&["10.71", "10", "C", "46.3", "62"]),
        some(&["fr", "pt-BR", "pt", "ar"]),
        prop::sample::select(&["500", "12000", "70000", "x"][..]),
    )
        .prop_map(move |((city, id, direction, subjects, side), countries, sectors, languages, amount)| {
            let opportunity = Opportunity {
                name: format!("cities/city{city}.example/opportunities/o{id}"),
                direction,
                subjects,
                status: OpportunityStatus::Open.into(),
                countries: texts(countries),
                sectors: sectors.into_iter().map(nace).collect(),
                languages: texts(languages),
                counterpart_side: side,
                volume: Some(Money { currency_code: "EUR".into(), amount: amount.into() }),
                ..Default::default()
            };
            (city, opportunity)
        })
}

proptest! {
    #[test]
    fn suggestions_do_not_depend_on_the_order_of_answers_and_never_pass_a_hundred(
        all in prop::collection::vec(any_opportunity(), 2..12), shift in 0_usize..12, least in 0..=100,
    ) {
        // One of each name, as in registries.
        let all: BTreeMap<String, (usize, Opportunity)> =
            all.into_iter().map(|(city, one)| (one.name.clone(), (city, one))).collect();
        let stated: Vec<Stated> = all
            .into_values()
            .map(|(city, one)| stated(&format!("city{city}"), ["PT", "MA", "", "SN"][city], one))
            .collect();
        let (own, mut others): (Vec<Stated>, Vec<Stated>) =
            stated.into_iter().partition(|one| one.city.as_str() == "city0.example");
        let found = suggest(&own, &others, least, 5);
        let middle = shift % others.len().max(1);
        others.rotate_left(middle);
        others.reverse();
        let own: Vec<Stated> = own.into_iter().rev().collect();
        prop_assert_eq!(&suggest(&own, &others, least, 5), &found);
        for one in &found {
            prop_assert!(one.points >= least && one.points <= 100 - points::STAGE);
            prop_assert_eq!(one.points, sum(&one.fits));
            prop_assert!(one.fits.windows(2).all(|pair| pair[0].points >= pair[1].points));
        }
        prop_assert!(found.windows(2).all(|pair| pair[0].points >= pair[1].points));
    }
}
