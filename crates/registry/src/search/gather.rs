//! A question whose whole answer is worked with at once, in place of pages: as many records as are wanted, and what came of asking.

use std::time::Duration;

use isopolity_domain::{
    CityId, Kind,
    merge::{Merger, Next, Terms},
};
use isopolity_federation::Asking;
use isopolity_proto::{
    admin::Granularity,
    catalog::{CityOutcome, Coverage, Outcome, StreamSearchRequest},
    error::Reason,
    federation::Question,
};
use prost::Message;
use tokio::time::{Instant, timeout_at};

use super::{Wanted, weights::Weights};
use crate::{Caller, Error, Registry};

/// What is kept of the time for working with the answer.
const MARGIN: Duration = Duration::from_millis(100);

/// What is wanted.
pub(crate) struct Wanting<'a> {
    /// The question. Without text: what is worked with is not ordered by relevance.
    pub(crate) question: Question,
    /// The ids of the cities to ask. Empty: all.
    pub(crate) cities: Vec<String>,
    /// Why.
    pub(crate) purpose: &'a str,
    /// How many records at most, those that changed last.
    pub(crate) most: i32,
}

/// A record that came.
pub(crate) struct Item {
    pub(crate) city: CityId,
    kind: String,
    bytes: Vec<u8>,
}

impl Item {
    /// The record as a message, if it is of this kind and can be read.
    pub(crate) fn of<M: Message + Default>(&self, kind: Kind) -> Option<M> {
        (self.kind == kind.as_str()).then(|| M::decode(self.bytes.as_slice()).ok()).flatten()
    }
}

/// The whole answer.
pub(crate) struct Gathered {
    pub(crate) items: Vec<Item>,
    pub(crate) outcomes: Vec<CityOutcome>,
    /// If not all that match was taken, the summary says so.
    pub(crate) coverage: Coverage,
    /// More match than were wanted.
    pub(crate) cut: bool,
}

impl Gathered {
    /// Whether a city answered in full, with its records. One that only counts has them, and does not show them.
    pub(crate) fn answered(&self, city: &CityId) -> bool {
        let answered = |one: &CityOutcome| {
            matches!(one.outcome(), Outcome::Answered | Outcome::AnsweredEmpty | Outcome::RuledOut)
                && matches!(one.granularity(), Granularity::Unspecified | Granularity::Records)
        };
        self.outcomes.iter().any(|one| one.city == city.as_str() && answered(one))
    }
}

impl Registry {
    /// Asks this city and its peers at once, in the way of [`Registry::search`], and waits for the whole. Peers are waited for
    /// during half of the time, so that the other half is there for reading what they send.
    ///
    /// # Errors
    /// As [`Registry::search`], but for overload: whoever calls this has a place already.
    pub(crate) async fn gather(
        &self,
        caller: &Caller,
        wanting: Wanting<'_>,
        within: Duration,
    ) -> Result<Gathered, Error> {
        let begun = Instant::now();
        let deadline = begun + within.saturating_sub(MARGIN);
        let request = StreamSearchRequest {
            question: Some(wanting.question),
            limit: wanting.most,
            cities: wanting.cities,
            purpose: wanting.purpose.to_owned(),
            ..StreamSearchRequest::default()
        };
        let asked = self.asked(caller, &Wanted::of_stream(&request))?;
        let weights = Weights::default();
        let asking = Asking {
            selected: asked.selected.clone(),
            ..Asking::new(self.query(caller, &asked, &weights, asked.limit), asked.order, within / 2)
        };
        let logged = self.asking(caller, asking.selected.as_ref(), &asking.request)?;
        let mut streams = self.federation().stream(&asking);
        let peers: Vec<CityId> = streams.cities().cloned().collect();
        streams.push(self.stream_own(caller.clearance(), &asked, &weights, within / 2).await);
        let members = std::iter::once(self.city().clone()).chain(peers);
        let mut merger = Merger::new(members, Terms::new(asked.order, asked.limit));
        let mut items = Vec::new();
        let whole = loop {
            match merger.take_next() {
                Next::Hit(hit) => items.push(Item {
                    city: hit.city,
                    kind: hit.record.kind,
                    bytes: hit.record.resource.map(|any| any.value).unwrap_or_default(),
                }),
                Next::Waiting(_) => {
                    let Ok(breaches) = timeout_at(deadline, streams.feed(&mut merger)).await else { break false };
                    for (city, breach) in breaches {
                        self.federation().answered_wrongly(&city, Reason::AnswerInvalid, &breach.0);
                    }
                }
                Next::Done => break true,
            }
        };
        if whole {
            streams.stop(&mut merger);
        }
        let answer = merger.finish();
        logged.told(&answer.outcomes);
        self.judge(caller, &answer, begun);
        let mut coverage = answer.coverage;
        let taken = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let cut = items.len() >= asked.limit && answer.total > taken;
        if cut {
            coverage.summary =
                format!("{}; only the {taken} of {} records that changed last", coverage.summary, answer.total);
        }
        Ok(Gathered { items, outcomes: answer.outcomes, coverage, cut })
    }
}

#[cfg(test)]
mod tests {
    use isopolity_domain::Kind;
    use isopolity_proto::{
        admin::Role,
        options::Audience,
        registry::{Place, PlaceKind},
        to_dynamic,
        types::LocalizedText,
    };
    use time::macros::datetime;

    use super::*;
    use crate::{author::Terms, testing::Feira};

    #[tokio::test]
    async fn an_answer_that_is_cut_says_so_and_holds_what_changed_last() {
        let feira = Feira::open_at(datetime!(2026-03-16 09:00 UTC)).await;
        let caller = Caller::token("test", Role::Administrator);
        for id in ["one", "two", "three"] {
            feira.clock.advance(time::Duration::minutes(1));
            let place = Place {
                audience: Audience::Public.into(),
                display_names: vec![LocalizedText { text: id.into(), language: "en".into(), ..Default::default() }],
                kind: PlaceKind::Municipality.into(),
                country: "PT".into(),
                ..Default::default()
            };
            let (message, parent) = (to_dynamic(&place), "cities/feira.example");
            feira.registry.create(&caller, Kind::Place, parent, id, message, Terms::default()).await.unwrap();
        }
        feira.registry.index_once().await.unwrap();
        let gathered = async |most| {
            let question = Question { kinds: vec!["place".into()], ..Question::default() };
            let wanting = Wanting { question, cities: Vec::new(), purpose: "", most };
            feira.registry.gather(&caller, wanting, Duration::from_secs(10)).await.unwrap()
        };
        let whole = gathered(3).await;
        assert!(!whole.cut && whole.answered(feira.registry.city()));
        assert_eq!(whole.coverage.summary, "1 of 1 cities, 100 % of known records");
        let cut = gathered(2).await;
        let names: Vec<String> = cut.items.iter().map(|item| item.of::<Place>(Kind::Place).unwrap().name).collect();
        assert_eq!(names, ["cities/feira.example/places/three", "cities/feira.example/places/two"]);
        assert!(cut.cut);
        let said = "1 of 1 cities, 100 % of known records; only the 2 of 3 records that changed last";
        assert_eq!(cut.coverage.summary, said);
        assert!(cut.items[0].of::<Place>(Kind::City).is_none());
    }
}
