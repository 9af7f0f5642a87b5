//! What several cities answer together, beside what one index says that holds everything the asker may see in them.
//!
//! Each case is a registry of some cities, a question, an order, a page size, facets, and somebody who asks. The answer is
//! read page by page and, now and then, as a stream; first of all cities, then of those that digests do not rule out. `cargo test` runs a fixed number of cases on each database;
//! `ISOPOLITY_ORACLE_CASES` sets another:
//!
//! ```sh
//! ISOPOLITY_ORACLE_CASES=10000 cargo test -p isopolity-tests --test registry oracle -- --nocapture
//! ```
//!
//! What the index itself says is compared with a reading of every record in `crates/catalog`.

mod questions;
mod records;

use std::{collections::BTreeMap, env, time::Duration};

use futures::StreamExt as _;
use isopolity_catalog::{Asked, Catalog};
use isopolity_domain::{
    CityId, Kind,
    answer::SortKey,
    feed::{Position, Publication},
    query,
    question::check_question,
    sharing::by_default,
    sight::Sight,
};
use isopolity_federation::Limits;
use isopolity_proto::{
    admin::{Role, SharingAgreement},
    catalog::{
        FacetRequest, Hit, Outcome, SearchRequest, SearchResponse, StreamSearchRequest, stream_search_response::Part,
    },
    federation::{FacetCounts, Question, SearchOrder, Statistics},
    options::Audience,
};
use isopolity_registry::Caller;
use isopolity_tests::{
    Databases, Dice, Resident, Town,
    town::{Ground, administrator, introduce},
};
use tempfile::TempDir;

/// The first is the one that asks. Their order is not that of their resource names as bytes.
const CITIES: [&str; 12] = [
    "feira.example",
    "a.b",
    "a.b-c",
    "a.b.c",
    "geneve.example",
    "kenitra.example",
    "lisboa.example",
    "torino.example",
    "praia.example",
    "izmir.example",
    "dakar.example",
    "zzz.example",
];
/// Kinds to which an agreement is limited.
const KINDS: [Kind; 4] = [Kind::Organization, Kind::Opportunity, Kind::Partnership, Kind::StageEvent];
/// Cases of `cargo test`, on each database.
const CASES: usize = 300;
/// Questions to the same cities.
const QUESTIONS: usize = 40;
const EPOCH: &str = "oracle";
/// A time that no search needs here: it stands still.
const WITHIN: Duration = Duration::from_secs(10);

/// What the same seed must give wherever it runs: names, scores and totals.
type Transcript = Vec<(i64, Vec<(String, u32)>)>;

#[tokio::test]
async fn o1_o2_an_answer_is_that_of_one_index_over_all_that_the_asker_may_see_with_and_without_digests() {
    run(&Databases::sqlite()).await;
}

#[tokio::test]
async fn o4_both_databases_give_the_same_answers() {
    isopolity_tests::storage::on_postgresql(async |databases| {
        let (there, here) = (run(&databases).await, run(&Databases::sqlite()).await);
        assert_eq!(there.len(), here.len());
        for (there, here) in there.iter().zip(&here) {
            assert_eq!(there, here, "PostgreSQL and SQLite differ");
        }
    })
    .await;
}

fn wanted() -> usize {
    let number = |text: String| text.parse().expect("ISOPOLITY_ORACLE_CASES is a number");
    env::var("ISOPOLITY_ORACLE_CASES").ok().map_or(CASES, number)
}

/// Runs as many cases as are wanted, and sees to it that they were worth running.
async fn run(databases: &Databases) -> Transcript {
    let (mut counted, mut transcript) = (Counted::default(), Transcript::new());
    for seed in 0.. {
        if counted.cases >= wanted() {
            break;
        }
        let town = Small::found(seed, databases).await;
        town.compare(&mut counted, &mut transcript).await;
    }
    let Counted { cases, with_hits, with_ties, pages, streams, ruled_out, with_facets, with_shared } = counted;
    let share = |count: usize, percent: usize| assert!(count * 100 > cases * percent, "{counted:?}");
    share(with_hits, 50);
    share(with_ties, 10);
    share(with_facets, 20);
    share(pages, 200);
    share(streams, 10);
    share(ruled_out, 10);
    share(with_shared, 20);
    eprintln!("{} cases on {}: {counted:?}", cases, databases.kind());
    transcript
}

/// What the cases were like.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    cases: usize,
    with_hits: usize,
    /// Hits that only city and name put in order.
    with_ties: usize,
    with_facets: usize,
    pages: usize,
    streams: usize,
    /// Cities that their digests ruled out.
    ruled_out: usize,
    /// Cases in which something is shared with the asker.
    with_shared: usize,
}

/// Some cities, one of which asks.
struct Small {
    seed: u64,
    dice: Dice,
    town: Town,
    asker: Resident,
    others: Vec<Resident>,
    /// What everyone may see of the city that asks.
    public: Vec<Publication>,
    /// What the asker may see of each city.
    shown: BTreeMap<CityId, Vec<Publication>>,
}

/// One index over what an asker may see.
struct Whole {
    catalog: Catalog,
    _folder: TempDir,
}

/// What it says.
struct Expected {
    order: SearchOrder,
    hits: Vec<(SortKey, String)>,
    total: i64,
    facets: Vec<FacetCounts>,
}

impl Small {
    async fn found(seed: u64, databases: &Databases) -> Self {
        let (town, mut dice) = (Town::default(), Dice(seed));
        let count = 1 + dice.place(CITIES.len());
        let mut residents = Vec::new();
        for city in CITIES.into_iter().take(count) {
            // At first all are asked.
            let limits = Limits { digests: true, ask_all_up_to: 0, ..Limits::default() };
            let resident =
                town.settle_on(city, Ground { limits, storage_url: databases.url().await, ..Ground::default() }).await;
            for number in 0..dice.below(16) {
                let (kind, message) = records::resource(&mut dice, city);
                resident.keep(kind, &format!("r{number}"), message).await;
                if dice.once_in(3) {
                    resident.clock.advance(time::Duration::minutes(1 + i64::try_from(dice.below(3)).unwrap()));
                }
            }
            resident.index().await;
            residents.push(resident);
        }
        let asker = residents.remove(0);
        let public = asker.publications(Audience::Public).await;
        let mut shown = BTreeMap::from([(asker.registry.city().clone(), asker.publications(Audience::Internal).await)]);
        for other in &residents {
            introduce(&asker, other, Audience::Public).await;
            let audience = dice.pick(&[Audience::Public, Audience::Federation, Audience::Federation]);
            let kinds = if dice.once_in(3) { dice.distinct(&KINDS, KINDS.len()) } else { Vec::new() };
            let agreement = SharingAgreement {
                kinds: kinds.iter().map(ToString::to_string).collect(),
                ..by_default(asker.registry.city(), audience)
            };
            other.registry.set_sharing_agreement(&administrator(), agreement).await.unwrap();
            let all = other.publications(Audience::Shared).await;
            let visible = seen_by(all, asker.registry.city(), audience, &kinds);
            shown.insert(other.registry.city().clone(), visible);
        }
        Self { seed, dice, town, asker, others: residents, public, shown }
    }

    /// Asks everything twice: first of all cities, then of those that their digests do not rule out.
    async fn compare(mut self, counted: &mut Counted, transcript: &mut Transcript) {
        let whole = Whole::of(self.shown.values());
        let is_shared = self.is_anything_shared();
        // No timer runs down from here on: however slow the machine, every city answers in time.
        tokio::time::pause();
        let begun = tokio::time::Instant::now();
        let mut cases = Vec::new();
        for _ in 0..QUESTIONS {
            let (question, facets) = (questions::question(&mut self.dice), questions::facets(&mut self.dice));
            let page_size = 1 + i32::try_from(self.dice.below(15)).unwrap();
            let expected = whole.expected(&question, None, &facets);
            transcript.push(expected.told());
            counted.count(&expected);
            counted.with_shared += usize::from(is_shared);
            cases.push((SearchRequest { question: Some(question), page_size, facets, ..Default::default() }, expected));
        }
        for with_digests in [false, true] {
            if with_digests {
                for other in &self.others {
                    self.asker.registry.federation().refresh_digest(other.registry.city(), WITHIN).await.unwrap();
                }
            }
            for (request, expected) in &cases {
                let what = format!("seed {}, digests: {with_digests}, {request:?}", self.seed);
                let reader = Caller::token("reader", Role::Viewer);
                let caller = self.dice.pick(&[administrator(), reader]);
                self.read_pages(&caller, request, expected, counted, &what).await;
                match self.dice.below(6) {
                    0 => {
                        self.read_stream(&caller, request, expected, &what).await;
                        counted.streams += 1;
                    }
                    1 => self.ask_some(request, &whole, counted, &what).await,
                    2 => self.ask_anonymously(request, counted, &what).await,
                    _ => {}
                }
            }
        }
        assert_eq!(self.town.open_streams(), 0);
        assert_eq!(begun.elapsed(), Duration::ZERO, "nothing was waited for");
        tokio::time::resume();
        // The town holds whom it knows: their databases' connections would stay open.
        let Self { town, asker, others, .. } = self;
        for resident in others.into_iter().chain([asker]) {
            drop(town.close(resident));
        }
    }

    /// Whether another city shares something with the asker.
    fn is_anything_shared(&self) -> bool {
        let others = self.shown.iter().filter(|(city, _)| *city != self.asker.registry.city());
        let mut records = others.flat_map(|(_, shown)| shown.iter().flat_map(|publication| &publication.records));
        records.any(|record| record.audience == Audience::Shared)
    }

    /// Reads an answer page by page.
    async fn read_pages(
        &self,
        caller: &Caller,
        request: &SearchRequest,
        expected: &Expected,
        counted: &mut Counted,
        what: &str,
    ) {
        let (mut request, mut hits) = (request.clone(), Vec::new());
        loop {
            let answer = self.asker.registry.search(caller, &request, None).await.unwrap();
            all_answered(&answer, what);
            counted.pages += 1;
            counted.ruled_out += answer.outcomes.iter().filter(|one| one.outcome() == Outcome::RuledOut).count();
            assert_eq!(answer.total, expected.total, "{what}");
            assert_eq!(answer.facets, expected.facets, "{what}");
            assert!(answer.hits.len() <= usize::try_from(request.page_size).unwrap());
            hits.extend(answer.hits);
            assert!(hits.len() <= expected.hits.len(), "something came twice: {what}");
            request.page_token = answer.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        expected.must_be(&hits, what);
    }

    async fn read_stream(&self, caller: &Caller, request: &SearchRequest, expected: &Expected, what: &str) {
        let request = StreamSearchRequest {
            question: request.question.clone(),
            limit: 100_000,
            facets: request.facets.clone(),
            ..Default::default()
        };
        let mut parts = self.asker.registry.stream_search(caller, request, None).await.unwrap();
        let (mut hits, mut end) = (Vec::new(), None);
        while let Some(part) = parts.next().await {
            match part.unwrap().part.unwrap() {
                Part::Preview(preview) => assert!(hits.is_empty() && preview.total <= expected.total, "{what}"),
                Part::Hit(hit) => hits.push(hit),
                Part::End(last) => end = Some(last),
            }
        }
        let end = end.unwrap();
        assert_eq!((end.total, &end.facets), (expected.total, &expected.facets), "{what}");
        expected.must_be(&hits, what);
    }

    /// Asks some of the cities, with the relevance that words have in all of them.
    async fn ask_some(&mut self, request: &SearchRequest, whole: &Whole, counted: &mut Counted, what: &str) {
        let all: Vec<CityId> = self.shown.keys().cloned().collect();
        let some = self.dice.distinct(&all, all.len());
        let part = Whole::of(some.iter().filter_map(|city| self.shown.get(city)));
        let question = request.question.clone().unwrap_or_default();
        let statistics = whole.statistics(&question);
        let expected = part.expected(&question, Some(&statistics), &request.facets);
        let cities = some.iter().map(ToString::to_string).collect();
        let request = SearchRequest { cities, ..request.clone() };
        self.read_pages(&administrator(), &request, &expected, counted, &format!("some, {what}")).await;
        counted.count(&expected);
    }

    /// Asks as somebody without a token, who sees what is public here.
    async fn ask_anonymously(&self, request: &SearchRequest, counted: &mut Counted, what: &str) {
        let expected =
            Whole::of([&self.public]).expected(&request.question.clone().unwrap_or_default(), None, &request.facets);
        self.read_pages(&Caller::Anonymous, request, &expected, counted, &format!("anonymously, {what}")).await;
        counted.count(&expected);
    }
}

/// What a city sees of another's publications that is granted these kinds (none: all) for this audience. Written anew, from the rule.
fn seen_by(all: Vec<Publication>, city: &CityId, audience: Audience, kinds: &[Kind]) -> Vec<Publication> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let mut visible: Vec<Publication> =
        all.into_iter().filter(|one| kinds.is_empty() || kinds.contains(&one.kind.as_str())).collect();
    for publication in &mut visible {
        let named = audience == Audience::Federation;
        publication.records.retain(|record| match record.audience {
            Audience::Shared => named && record.cities.contains(city),
            other => other <= audience,
        });
        // The index of all is asked as one who sees whatever is there.
        publication.records.iter_mut().for_each(|record| record.cities.clear());
    }
    visible
}

/// Every city that was asked has answered, itself or by its digest.
fn all_answered(answer: &SearchResponse, what: &str) {
    for one in &answer.outcomes {
        let answered =
            matches!(one.outcome(), Outcome::Answered | Outcome::AnsweredEmpty | Outcome::RuledOut | Outcome::NotAsked);
        assert!(answered, "{what}: {one:?}");
    }
}

impl Whole {
    /// Takes what is seen of all these cities into one index.
    fn of<'a>(cities: impl IntoIterator<Item = &'a Vec<Publication>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path()).unwrap();
        let all = cities.into_iter().flatten().cloned().zip(1..);
        let all: Vec<_> = all.map(|(publication, sequence)| Publication { sequence, ..publication }).collect();
        let sequence = i64::try_from(all.len()).unwrap();
        catalog.apply(&all, Position { epoch: EPOCH.to_owned(), sequence }).unwrap();
        Self { catalog, _folder: folder }
    }

    fn statistics(&self, question: &Question) -> Statistics {
        let words: Vec<String> = query::parse(&question.text).words().into_iter().map(|one| one.word).collect();
        self.catalog.statistics(&words, Sight::of(Audience::Internal)).unwrap().0
    }

    fn expected(&self, question: &Question, statistics: Option<&Statistics>, facets: &[FacetRequest]) -> Expected {
        let order = check_question(question, "question").unwrap();
        let fields: Vec<_> = facets.iter().map(FacetRequest::facet).collect();
        let mut found = self
            .catalog
            .ask(&Asked {
                question,
                sight: Sight::of(Audience::Internal),
                order,
                statistics,
                after: None,
                limit: 100_000,
                facets: &fields,
            })
            .unwrap();
        let hits = found.hits.next_keys(100_000).unwrap();
        let shown = facets.iter().zip(found.facets).map(|(asked, mut counts)| {
            let limit = if asked.limit == 0 { 20 } else { usize::try_from(asked.limit).unwrap() };
            let left_off = counts.values.len().saturating_sub(limit);
            counts.values.truncate(limit);
            counts.values_left_off += i32::try_from(left_off).unwrap();
            counts
        });
        Expected { order, hits, total: found.total, facets: shown.collect() }
    }
}

impl Expected {
    /// The hits are these, in this order, with these scores to the last bit.
    fn must_be(&self, hits: &[Hit], what: &str) {
        let score = |key: &SortKey| match key {
            SortKey::Score(score) => score.to_bits(),
            _ => 0,
        };
        let expected: Vec<_> = self.hits.iter().map(|(key, name)| (name.as_str(), score(key))).collect();
        let found: Vec<_> = hits.iter().map(|hit| (hit.name.as_str(), hit.score.to_bits())).collect();
        assert_eq!(found, expected, "{:?}, {what}", self.order);
    }

    fn told(&self) -> (i64, Vec<(String, u32)>) {
        // Times are those at which a test runs, and so are the ids that are made of them.
        let told = |name: &str| match name.split_once("/stageEvents/") {
            Some((city, _)) => format!("{city}/stageEvents"),
            None => name.to_owned(),
        };
        let score = |key: &SortKey| if let SortKey::Score(score) = key { score.to_bits() } else { 0 };
        (self.total, self.hits.iter().map(|(key, name)| (told(name), score(key))).collect())
    }
}

impl Counted {
    fn count(&mut self, expected: &Expected) {
        self.cases += 1;
        self.with_hits += usize::from(!expected.hits.is_empty());
        self.with_facets += usize::from(expected.facets.iter().any(|facet| !facet.values.is_empty()));
        let ties = expected.hits.windows(2).any(|pair| matches!(pair, [one, other] if one.0 == other.0));
        self.with_ties += usize::from(ties);
    }
}
