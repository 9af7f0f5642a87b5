//! Random questions to those resources.

use isopolity_domain::facet;
use isopolity_proto::{
    catalog::FacetRequest,
    federation::{DateRange, Near, OpenConditions, Question, SearchOrder, SectorPrefix},
    types::{Point, SectorScheme},
};
use isopolity_tests::Dice;

use super::records::{COUNTRIES, DAYS, PLACES};

const TEXTS: [&str; 24] = [
    "KENITRA",
    "cortica",
    "القنيطره",
    "αθηνα",
    "београд",
    "戸",
    "神戸",
    "market",
    "sao",
    "permit",
    "unheard",
    "olive oil",
    "\"olive oil\"",
    "title:market",
    "oli*",
    "title:ol*",
    "-hills",
    "-title:tour",
    "-\"olive oil\"",
    "-oil",
    "\"market permit\"",
    "title:\"sao market\"",
    // What can't be read as syntax is read as words.
    "\"olive",
    "colour:tour",
];
const ORDERS: [SearchOrder; 5] = [
    SearchOrder::Unspecified,
    SearchOrder::Relevance,
    SearchOrder::UpdateTime,
    SearchOrder::StartDate,
    SearchOrder::Title,
];

fn strings(values: Vec<&str>) -> Vec<String> {
    values.into_iter().map(str::to_owned).collect()
}

pub(super) fn question(dice: &mut Dice) -> Question {
    let mut question = Question { order: dice.pick(&ORDERS).into(), ..Question::default() };
    if !dice.once_in(3) {
        let words = dice.distinct(&TEXTS, 1).into_iter().chain(dice.some(&TEXTS, 1));
        question.text = words.collect::<Vec<_>>().join(" ");
    }
    // Few conditions at once: with many nothing matches.
    for _ in 0..dice.pick(&[0, 0, 1, 1, 2]) {
        narrow(&mut question, dice);
    }
    question
}

fn narrow(question: &mut Question, dice: &mut Dice) {
    match dice.below(14) {
        0 => question.kinds = strings(dice.distinct(&["partnership", "organization", "opportunity"], 2)),
        1 => question.origin_countries = strings(dice.distinct(&COUNTRIES, 3)),
        2 => question.countries = strings(dice.distinct(&["PT", "MA", "SN"], 2)),
        3 => question.regions = strings(dice.distinct(&["PT-01", "PT-11", "MA-04"], 2)),
        4 => {
            let scheme = dice.pick(&[SectorScheme::Unspecified, SectorScheme::Nace, SectorScheme::Isic]).into();
            let version = dice.pick(&["", "2", "2.1"]).to_owned();
            let code = dice.pick(&["C", "10", "10.7", "1071", "A", "6", "J"]).to_owned();
            question.sectors = vec![SectorPrefix { scheme, version, code }];
        }
        5 => question.stages = dice.distinct(&[1, 2, 6, 7], 3),
        6 => question.languages = strings(dice.distinct(&["pt", "pt-br", "zh", "ar", "en"], 2)),
        7 => question.roles = dice.distinct(&[5, 6, 8], 2),
        8 => question.organization_kinds = dice.distinct(&[6, 7], 2),
        9 => question.size_classes = dice.distinct(&[1, 4], 2),
        10 => question.sdgs = strings(dice.distinct(&["8", "8.3", "10", "10.7"], 2)),
        11 => question.directions = dice.distinct(&[1, 2], 1),
        12 => {
            let (one, other) = (dice.place(DAYS.len()), dice.place(DAYS.len()));
            let day = |place: usize| DAYS.get(place).copied().unwrap_or_default().to_owned();
            let end_date = if dice.once_in(3) { String::new() } else { day(one.max(other)) };
            question.dates = Some(DateRange { start_date: day(one.min(other)), end_date });
        }
        _ if dice.once_in(2) => {
            let (latitude, longitude) = dice.pick(&PLACES);
            let kilometres = dice.pick(&[0.5, 30.0, 800.0, 20_040.0]);
            question.near = Some(Near { point: Some(Point { latitude, longitude }), kilometres });
        }
        _ => {
            question.open_conditions = dice.pick(&[OpenConditions::Some, OpenConditions::None]).into();
        }
    }
}

pub(super) fn facets(dice: &mut Dice) -> Vec<FacetRequest> {
    if dice.once_in(2) {
        return Vec::new();
    }
    let request = |facet: isopolity_proto::options::Facet, limit| FacetRequest { facet: facet.into(), limit };
    dice.distinct(&facet::ALL, 4).into_iter().map(|facet| request(facet, dice.pick(&[0, 1, 3, 1_000]))).collect()
}
