//! Facets and word statistics.

use isopolity_proto::{
    catalog::FacetRequest,
    federation::{FacetCounts, FacetValue, Statistics, WordStatistics},
    options::Facet,
};

use super::*;

fn counts(facet: Facet, values: &[(&str, i64)]) -> FacetCounts {
    let values = values
        .iter()
        .map(|(value, count)| FacetValue { value: (*value).into(), count: *count, ..Default::default() })
        .collect();
    FacetCounts { facet: facet.into(), values, ..Default::default() }
}

fn with(mut answer: Answer, facets: Vec<FacetCounts>) -> Answer {
    answer.start.as_mut().unwrap().facets = facets;
    answer
}

fn ask(answers: Vec<Answer>) -> Merged {
    let facets = [Facet::Stage, Facet::City].map(|facet| FacetRequest { facet: facet.into(), limit: 2 });
    merge(answers, &Terms { facets: facets.into(), ..Terms::new(SearchOrder::Relevance, 1) })
}

fn good(city: &str, stages: &[(&str, i64)]) -> Answer {
    let hits = vec![hit(city, "a", 9), hit(city, "b", 3), hit(city, "c", 3)];
    let mut answer = with(answer(city, hits), vec![counts(Facet::Stage, stages), counts(Facet::City, &[(city, 3)])]);
    answer.hits.truncate(1);
    answer
}

#[test]
fn facets_count_what_matches_in_all_cities_whose_answers_are_used() {
    let feira = good("feira.example", &[("LAUNCH", 2), ("DESIGN", 1)]);
    let turin =
        Answer { ending: fault(Outcome::TimedOut), ..good("turin.example", &[("DESIGN", 2), ("SCREENING", 1)]) };
    let esch =
        Answer { ending: fault(Outcome::Refused), hits: Vec::new(), ..good("esch.example", &[("SCREENING", 3)]) };
    let merged = ask(vec![feira, turin, esch]);
    let shown: Vec<Vec<_>> = merged
        .facets
        .iter()
        .map(|facet| facet.values.iter().map(|value| (value.value.as_str(), value.count)).collect())
        .collect();
    assert_eq!(shown, [vec![("DESIGN", 3), ("LAUNCH", 2)], vec![("feira.example", 3), ("turin.example", 3)]]);
    assert_eq!(merged.facets.iter().map(|facet| facet.values_left_off).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(merged.total, 6);
}

#[test]
fn counts_that_cant_be_make_an_answer_invalid() {
    let city = |counted: &[(&str, i64)]| counts(Facet::City, counted);
    let stage = |counted: &[(&str, i64)]| counts(Facet::Stage, counted);
    let own = || city(&[("feira.example", 3)]);
    for facets in [
        vec![],
        vec![own(), stage(&[])],
        vec![stage(&[]), own(), own()],
        vec![stage(&[("LAUNCH", 4)]), own()],
        vec![stage(&[("LAUNCH", 0)]), own()],
        vec![stage(&[("LAUNCH", 1), ("LAUNCH", 1)]), own()],
        vec![stage(&[(&"L".repeat(501), 1)]), own()],
        vec![stage(&[]), city(&[("turin.example", 1)])],
        vec![FacetCounts { values_left_off: -1, ..stage(&[]) }, own()],
    ] {
        let merged = ask(vec![with(feira(), facets.clone())]);
        assert_eq!(merged.outcomes[0].outcome(), Outcome::Invalid, "{facets:?}");
    }
    assert_eq!(ask(vec![good("feira.example", &[("LAUNCH", 3)])]).outcomes[0].outcome(), Outcome::Answered);
}

#[test]
fn word_statistics_pass_through_unless_they_cant_be() {
    let of = |records, title_records| {
        let word = WordStatistics { word: "cork".into(), title_records, body_records: 0 };
        let mut answer = feira();
        let statistics = Statistics { records, title_words: 9, body_words: 9, words: vec![word] };
        answer.start.as_mut().unwrap().statistics = Some(statistics.clone());
        (merged(vec![answer]), statistics)
    };
    let (good, statistics) = of(10, 3);
    assert_eq!(good.details[&feira().city].statistics, Some(statistics));
    for (records, title_records) in [(-1, 0), (10, 11), (10, -1)] {
        let (bad, _) = of(records, title_records);
        assert_eq!(bad.outcomes[0].outcome(), Outcome::Invalid);
        assert_eq!(bad.details[&feira().city].statistics, None);
    }
}

#[test]
fn details_tell_what_the_next_page_needs() {
    let mut taken = answer("esch.example", vec![hit("esch.example", "x", 9)]);
    taken.effort = Effort { bytes: 12, calls: 1, ..Effort::default() };
    let merged = merge(vec![taken, feira()], &Terms { each: 3, ..Terms::new(SearchOrder::Relevance, 2) });
    let esch = &merged.details[&"esch.example".parse().unwrap()];
    assert_eq!((esch.hits_sent, esch.untaken, esch.effort.bytes), (1, false, 12));
    let detail = &merged.details[&feira().city];
    assert_eq!((detail.hits_sent, detail.untaken), (3, true));
    assert_eq!(detail.last, Some((SortKey::Score(3.0), "cities/feira.example/partnerships/c".into())));
}
