//! Random questions to a random catalogue, against one that reads every record.

mod dice;
mod naive;

use std::collections::BTreeMap;

use isopolity_domain::{
    answer::{After, SortKey},
    feed::Publication,
    query,
    sight::Sight,
};
use isopolity_proto::{
    federation::{Question, SearchOrder, Statistics},
    options::Audience,
};

use self::naive::{counts, in_order};
pub(super) use self::{
    dice::Dice,
    naive::{expected, seen},
};
use super::support::{Desk, answer, asked, at};
use crate::Asked;

const CLEARANCES: [Audience; 3] = [Audience::Public, Audience::Federation, Audience::Internal];

/// Whether a hit comes after a point, also where hits of several cities are in one order.
fn comes_after(hit: &(SortKey, String), after: &After) -> bool {
    match after.key.better_first(&hit.0) {
        std::cmp::Ordering::Equal => {
            !after.key_taken && in_order(&(hit.0.clone(), after.name.clone()), hit) == std::cmp::Ordering::Less
        }
        order => order == std::cmp::Ordering::Less,
    }
}

#[test]
fn any_question_is_answered_as_if_every_record_were_read() {
    let (mut desk, mut dice) = (Desk::new(), Dice(2_017));
    let (all, _) = dice.fill(&mut desk, 500);
    assert!(all.len() > 150, "{}", all.len());
    let views = CLEARANCES.map(|clearance| seen(&all, clearance));
    let (mut with_hits, mut with_values) = (0, 0);
    for _ in 0..600 {
        let (question, limit, who) = (dice.question(), dice.below(40), dice.below(3));
        let mut expected = expected(&views[who], &question);
        let (after, facets) = (dice.after(&expected), dice.facets());
        let total = i64::try_from(expected.len()).unwrap();
        expected.retain(|hit| after.as_ref().is_none_or(|after| comes_after(hit, after)));
        expected.truncate(limit);
        let asked = Asked { after: after.as_ref(), facets: &facets, ..asked(&question, CLEARANCES[who], limit) };
        let found = answer(&desk.catalog, &asked);
        let records = i64::try_from(views[who].len()).unwrap();
        assert_eq!((found.total, found.records), (total, records), "{question:?}");
        let hits: Vec<_> = found.hits.iter().map(|hit| (hit.key.clone().unwrap(), hit.name.clone())).collect();
        assert_eq!(hits, expected, "{question:?} {:?} {after:?}", CLEARANCES[who]);
        assert_eq!(found.facets.len(), facets.len());
        for (found, facet) in found.facets.iter().zip(facets) {
            let values: Vec<_> = found.values.iter().map(|one| (one.value.clone(), one.count)).collect();
            assert_eq!((found.facet(), values), (facet, counts(&views[who], &question, facet)), "{question:?}");
            assert_eq!(found.values_left_off, 0);
            with_values += usize::from(!found.values.is_empty());
        }
        with_hits += usize::from(!hits.is_empty());
    }
    assert!(with_hits > 200 && with_values > 200, "{with_hits} {with_values}");
}

#[test]
fn pages_make_up_the_whole() {
    let (mut desk, mut dice) = (Desk::new(), Dice(3));
    dice.fill(&mut desk, 300);
    for _ in 0..60 {
        let question = dice.question();
        let whole = answer(&desk.catalog, &asked(&question, Audience::Internal, 100_000)).hits;
        let size = 1 + dice.below(9);
        let (mut paged, mut after) = (Vec::new(), None::<After>);
        loop {
            let asked = Asked { after: after.as_ref(), ..asked(&question, Audience::Internal, size) };
            let mut found = desk.catalog.ask(&asked).unwrap();
            let page = found.hits.next_keys(100).unwrap();
            let Some((key, name)) = page.last().cloned() else { break };
            assert!(page.len() <= size);
            paged.extend(page);
            after = Some(After { key, name, key_taken: false });
        }
        let whole: Vec<_> = whole.into_iter().map(|hit| (hit.key.unwrap(), hit.name)).collect();
        assert_eq!(paged, whole, "{question:?}");
    }
}

fn add(sum: &mut Statistics, part: &Statistics) {
    sum.records += part.records;
    sum.title_words += part.title_words;
    sum.body_words += part.body_words;
    if sum.words.is_empty() {
        sum.words.clone_from(&part.words);
        return;
    }
    for (sum, part) in sum.words.iter_mut().zip(&part.words) {
        assert_eq!(sum.word, part.word);
        sum.title_records += part.title_records;
        sum.body_records += part.body_records;
    }
}

#[test]
fn cities_score_like_one_index_when_they_know_the_statistics_of_all() {
    let (mut merged, mut dice) = (Desk::new(), Dice(44));
    let (_, publications) = dice.fill(&mut merged, 400);
    let mut of_city = BTreeMap::<String, Vec<Publication>>::new();
    for publication in publications {
        let city = publication.name.split('/').nth(1).unwrap().to_owned();
        of_city.entry(city).or_default().push(publication);
    }
    let mut cities = Vec::new();
    for publications in of_city.values() {
        let desk = Desk::new();
        // Each city has other segments than the merged index.
        for some in publications.chunks(17) {
            desk.catalog.apply(some, at(some.last().unwrap().sequence)).unwrap();
        }
        cities.push(desk);
    }
    let mut compared = 0;
    for _ in 0..200 {
        let clearance = dice.pick(&CLEARANCES);
        let mut question = Question { order: SearchOrder::Relevance.into(), ..dice.question() };
        question.text =
            dice.some(&["kenitra", "market", "sao", "permit", "\"olive oil\"", "神戸", "title:tour"], 3).join(" ");
        let words: Vec<String> = query::parse(&question.text).words().into_iter().map(|one| one.word).collect();
        let mut sum = Statistics::default();
        for desk in &cities {
            add(&mut sum, &desk.catalog.statistics(&words, Sight::of(clearance)).unwrap().0);
        }
        assert_eq!(sum, merged.catalog.statistics(&words, Sight::of(clearance)).unwrap().0, "{words:?}");
        let whole = answer(&merged.catalog, &asked(&question, clearance, 1_000));
        let (mut total, mut hits) = (0, Vec::new());
        for desk in &cities {
            let asked = Asked { statistics: Some(&sum), ..asked(&question, clearance, 1_000) };
            let found = answer(&desk.catalog, &asked);
            total += found.total;
            hits.extend(found.hits.into_iter().map(|hit| (hit.key.unwrap(), hit.name)));
        }
        hits.sort_by(in_order);
        let whole_hits: Vec<_> = whole.hits.into_iter().map(|hit| (hit.key.unwrap(), hit.name)).collect();
        let bits = |hits: &[(SortKey, String)]| -> Vec<(u32, String)> {
            hits.iter()
                .map(|(key, name)| match key {
                    SortKey::Score(score) => (score.to_bits(), name.clone()),
                    other => panic!("{other:?} is no score"),
                })
                .collect()
        };
        assert_eq!((total, bits(&hits)), (whole.total, bits(&whole_hits)), "{question:?}");
        compared += hits.len();
    }
    assert!(compared > 500, "{compared}");
}
