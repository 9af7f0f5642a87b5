//! Everything that somebody is told who asks in every way.

use std::time::Duration;

use futures::StreamExt as _;
use isopolity_domain::{Kind, Name, digest::contains, facet, record, text::ANALYSER};
use isopolity_proto::{
    catalog::{
        FacetRequest, SearchRequest, SearchResponse, StreamSearchRequest, WatchRequest,
        stream_search_response::Part as StreamPart, watch_response::Part as WatchPart,
    },
    federation::{
        self, DateRange, Envelope, GetDigestRequest, GetRecordRequest, GetStatisticsRequest, HelloRequest,
        OpenConditions, QueryRequest, Question, SearchAfter, SearchOrder, query_response::Part,
        watch_response::Part as Told,
    },
    options::Audience,
    registry::SizeClass,
};
use isopolity_registry::{Error, author::List};
use isopolity_tests::town::administrator;
use prost_types::Any;

use super::worlds::{ONE, OTHER, Viewer, World};

const WITHIN: Duration = Duration::from_secs(10);
const WORDS: [&str; 6] = ["quartz", "basalt", "bakery", "mill", "hills", "never"];
const AUDIENCES: [Audience; 5] =
    [Audience::Unspecified, Audience::Public, Audience::Federation, Audience::Shared, Audience::Internal];

/// What was told, line by line.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Transcript(Vec<String>);

impl Transcript {
    /// Asks everything.
    pub(super) async fn of(world: &World, viewer: Viewer) -> Self {
        let mut told = Self::default();
        if world.peer(viewer).is_some() {
            told.of_peer(world, viewer).await;
            told.of_federation(world, viewer).await;
        } else {
            told.of_api(world, viewer).await;
        }
        told
    }

    pub(super) fn must_be(&self, other: &Self, what: &str) {
        for (one, other) in self.0.iter().zip(&other.0) {
            assert_eq!(one, other, "{what}");
        }
        assert_eq!(self.0.len(), other.0.len(), "{what}");
    }

    fn line(&mut self, line: impl AsRef<str>) {
        self.0.push(without_random_ids(line.as_ref()));
    }

    /// What a peer's node is told that calls whatever there is.
    async fn of_peer(&mut self, world: &World, viewer: Viewer) {
        let peer = world.peer(viewer).unwrap().registry.city();
        let home = &world.home.registry;
        let mut hello = home.greeted(peer, &HelloRequest::default()).await.unwrap();
        (hello.epoch, hello.sequence) = (String::new(), 0);
        if let Some(agreement) = &mut hello.sharing_agreement {
            agreement.update_time = None;
        }
        self.line(format!("{hello:?}"));
        for question in questions() {
            self.query(world, viewer, &question).await;
            self.watch(world, viewer, &question).await;
        }
        let words = WORDS.map(str::to_owned).to_vec();
        let request = GetStatisticsRequest { words, analyser: ANALYSER.into() };
        match home.statistics_for_peer(peer, request, WITHIN).await {
            Ok(counted) => self.line(format!("{:?}", counted.statistics)),
            Err(error) => self.line(refused(&error)),
        }
        match home.digest_for_peer(peer, &GetDigestRequest::default(), WITHIN).await {
            Ok(answer) => {
                let mut digest = answer.digest.unwrap();
                (digest.epoch, digest.sequence) = (String::new(), 0);
                let filter = digest.words.take().unwrap();
                self.line(format!("{digest:?}"));
                let size = (filter.words, filter.hashes, filter.bits.len(), filter.false_positive_rate);
                let holds = [ONE, OTHER].map(|words| words.iter().all(|word| contains(&filter, word, false)));
                self.line(format!("{size:?} {holds:?}"));
            }
            Err(error) => self.line(refused(&error)),
        }
        for name in names() {
            self.line(read(world, viewer, &name).await);
        }
    }

    /// Each page, and everything at once.
    async fn query(&mut self, world: &World, viewer: Viewer, question: &Question) {
        let peer = world.peer(viewer).unwrap().registry.city();
        for limit in [0, 2, 100] {
            let mut after: Option<SearchAfter> = None;
            for _ in 0..20 {
                let request = QueryRequest {
                    question: Some(question.clone()),
                    limit,
                    purpose: "enquiry".into(),
                    analyser: ANALYSER.into(),
                    after: after.take(),
                    facets: facet::ALL.iter().take(10).map(|facet| (*facet).into()).collect(),
                    include_statistics: true,
                    ..QueryRequest::default()
                };
                let mut parts = match world.home.registry.answer(peer, request, WITHIN).await {
                    Ok(parts) => parts,
                    Err(error) => {
                        self.line(refused(&error));
                        break;
                    }
                };
                while let Some(part) = parts.next().await {
                    match part.unwrap().part.unwrap() {
                        Part::Start(mut start) => {
                            (start.epoch, start.sequence, start.took) = (String::new(), 0, None);
                            self.line(format!("{question:?}: {start:?}"));
                        }
                        Part::Hits(hits) => {
                            for hit in hits.hits {
                                self.line(format!("{:?} {} {}", hit.sort_key, hit.name, opened(hit.envelope.as_ref())));
                                after = Some(SearchAfter { sort_key: hit.sort_key, name: hit.name, key_taken: false });
                            }
                        }
                        Part::Hit(_) => unreachable!("hits come together"),
                        Part::End(end) => self.line(format!("{end:?}")),
                    }
                }
                if after.is_none() || limit != 2 {
                    break;
                }
            }
        }
    }

    /// All that was published, as a peer is told that watches from the beginning.
    async fn watch(&mut self, world: &World, viewer: Viewer, question: &Question) {
        let peer = world.peer(viewer).unwrap().registry.city();
        let request = federation::WatchRequest {
            question: Some(Question { order: SearchOrder::Unspecified.into(), ..question.clone() }),
            after_sequence: 1,
            epoch: "of another time".into(),
            purpose: "enquiry".into(),
            analyser: ANALYSER.into(),
            ..federation::WatchRequest::default()
        };
        let head = world.home.registry.progress().await.unwrap().published.sequence;
        let mut parts = match world.home.registry.watched_by_peer(peer, request) {
            Ok(parts) => parts,
            Err(error) => return self.line(refused(&error)),
        };
        while let Some(part) = parts.next().await {
            match part.unwrap().part.unwrap() {
                Told::Hit(hit) => self.line(format!("told {} {}", hit.name, opened(hit.envelope.as_ref()))),
                Told::Position(position) if position.sequence >= head => break,
                Told::Position(_) | Told::Trust(_) => {}
            }
        }
    }

    /// What the peer's people are told by their own city, which asks the other.
    async fn of_federation(&mut self, world: &World, viewer: Viewer) {
        let asker = world.peer(viewer).unwrap();
        for question in questions() {
            let answer = asker.registry.search(&administrator(), &searching(&question, 3), None).await;
            self.answer(answer);
        }
        for name in names() {
            let name: Name = name.parse().unwrap();
            for audience in AUDIENCES {
                match asker.registry.record(&administrator(), &name, audience, "", None).await {
                    Ok((envelope, _)) => self.line(opened(Some(&envelope))),
                    Err(error) => self.line(refused(&error)),
                }
            }
        }
    }

    /// What is told over the city's own API.
    async fn of_api(&mut self, world: &World, viewer: Viewer) {
        let (home, caller) = (&world.home.registry, World::caller(viewer));
        for question in questions() {
            for size in [2, 100] {
                let mut request = searching(&question, size);
                for _ in 0..20 {
                    let answer = home.search(&caller, &request, None).await;
                    let next = answer.as_ref().map(|answer| answer.next_page_token.clone()).unwrap_or_default();
                    self.answer(answer);
                    if next.is_empty() {
                        break;
                    }
                    request.page_token = next;
                }
            }
            let request = StreamSearchRequest {
                question: Some(question.clone()),
                limit: 100,
                facets: facets(),
                explain: true,
                highlight: true,
                ..StreamSearchRequest::default()
            };
            match home.stream_search(&caller, request, None).await {
                Err(error) => self.line(refused(&error)),
                Ok(mut parts) => {
                    while let Some(part) = parts.next().await {
                        match part.unwrap().part.unwrap() {
                            // What is known while cities are waited for depends on how fast they are.
                            StreamPart::Preview(_) => {}
                            StreamPart::Hit(hit) => self.line(format!(
                                "{} {:?} {}",
                                hit.name,
                                hit.highlights,
                                resource(hit.resource.as_ref())
                            )),
                            StreamPart::End(end) => {
                                self.line(format!("{} {:?} {:?}", end.total, end.coverage, end.facets));
                            }
                        }
                    }
                }
            }
        }
        for name in names() {
            let name: Name = name.parse().unwrap();
            match home.get(&caller, &name).await {
                Ok(found) => self.line(format!("{found:?}")),
                Err(error) => self.line(refused(&error)),
            }
            for audience in AUDIENCES {
                match home.record(&caller, &name, audience, "", None).await {
                    Ok((envelope, _)) => self.line(opened(Some(&envelope))),
                    Err(error) => self.line(refused(&error)),
                }
            }
        }
        for kind in Kind::ALL {
            for (filter, order_by) in [("", ""), ("", "update_time desc"), ("size_class = LARGE", "")] {
                let list = List { filter, order_by, ..List::of(kind, "cities/feira.example") };
                match home.list(&caller, list).await {
                    Ok(page) => {
                        page.resources.iter().for_each(|one| self.line(format!("{one:?}")));
                        self.line(format!("{}", page.next_page_token.len()));
                    }
                    Err(error) => self.line(refused(&error)),
                }
            }
        }
        let request = WatchRequest { question: Some(Question::default()), ..WatchRequest::default() };
        let mut parts = home.watch(&caller, request).unwrap();
        // Nothing is published: the first word is all.
        if let Some(part) = parts.next().await
            && let Some(WatchPart::City(city)) = part.unwrap().part
        {
            self.line(format!("{city:?}"));
        }
    }

    fn answer(&mut self, answer: Result<SearchResponse, Error>) {
        match answer {
            Err(error) => self.line(refused(&error)),
            Ok(mut answer) => {
                for hit in &answer.hits {
                    let told = (hit.score.to_bits(), hit.update_time, hit.stale, &hit.stale_reasons, &hit.highlights);
                    self.line(format!("{} {told:?} {}", hit.name, resource(hit.resource.as_ref())));
                }
                for outcome in &mut answer.outcomes {
                    (outcome.took, outcome.position) = (None, None);
                }
                if let Some(explanation) = &mut answer.explanation {
                    (explanation.took, explanation.merge_took, explanation.statistics_took) = (None, None, None);
                    for city in &mut explanation.cities {
                        (city.took, city.first_took, city.city_took) = (None, None, None);
                        (city.statistics_age, city.digest_age, city.bytes) = (None, None, 0);
                    }
                }
                let end = (answer.total, &answer.coverage, &answer.outcomes, &answer.facets, &answer.explanation);
                self.line(format!("{end:?} {}", answer.next_page_token.len()));
            }
        }
    }
}

/// What a peer is told that reads one record as each audience.
pub(super) async fn read(world: &World, viewer: Viewer, name: &str) -> String {
    let peer = world.peer(viewer).unwrap().registry.city();
    let mut told = String::new();
    for audience in AUDIENCES {
        let request = GetRecordRequest { name: name.to_owned(), audience: audience.into(), ..Default::default() };
        told += &match world.home.registry.record_for_peer(peer, &request).await {
            Ok(envelope) => opened(Some(&envelope)),
            Err(error) => refused(&error),
        };
        told.push('\n');
    }
    told
}

fn names() -> Vec<String> {
    [
        "organizations/a",
        "organizations/f",
        "organizations/hidden",
        "organizations/never",
        "opportunities/hidden",
        "partnerships/bread",
    ]
    .map(|name| format!("cities/feira.example/{name}"))
    .to_vec()
}

/// Each condition, order and form of words.
fn questions() -> Vec<Question> {
    let mut questions = Vec::new();
    let of =
        |text: &str, order: SearchOrder| Question { text: text.into(), order: order.into(), ..Question::default() };
    for text in
        ["quartz", "basalt", "-quartz bakery", "quar*", "title:quartz", "\"quartz quarry\"", "-\"basalt basin\""]
    {
        questions.push(of(text, SearchOrder::Unspecified));
    }
    for text in ["", "bakery"] {
        for order in [SearchOrder::Relevance, SearchOrder::UpdateTime, SearchOrder::StartDate, SearchOrder::Title] {
            questions.push(of(text, order));
        }
    }
    let strings = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    questions.extend([
        Question { origin_countries: strings(&["TR"]), ..Question::default() },
        Question { origin_countries: strings(&["XK"]), ..Question::default() },
        Question { countries: strings(&["XK", "PT"]), ..Question::default() },
        Question { size_classes: vec![SizeClass::Large.into()], ..Question::default() },
        Question { kinds: strings(&["organization"]), ..Question::default() },
        Question { kinds: strings(&["opportunity"]), ..Question::default() },
        Question { open_conditions: OpenConditions::Some.into(), ..Question::default() },
        Question {
            dates: Some(DateRange { start_date: "2010-01-01".into(), end_date: "2030-01-01".into() }),
            ..Question::default()
        },
        // One that can't be asked, so that errors are compared, too.
        Question { kinds: strings(&["boat"]), ..Question::default() },
    ]);
    questions
}

fn facets() -> Vec<FacetRequest> {
    facet::ALL.iter().rev().take(10).map(|facet| FacetRequest { facet: (*facet).into(), limit: 100 }).collect()
}

fn searching(question: &Question, page_size: i32) -> SearchRequest {
    SearchRequest {
        question: Some(question.clone()),
        page_size,
        facets: facets(),
        explain: true,
        highlight: true,
        ..SearchRequest::default()
    }
}

/// A record without what is random: its signature and the feed's epoch; and without its sequence.
fn opened(envelope: Option<&Envelope>) -> String {
    let mut record = record::read(envelope.unwrap()).unwrap();
    let inner = resource(record.resource.take().as_ref());
    (record.epoch, record.sequence) = (String::new(), 0);
    format!("{record:?} {inner}")
}

fn resource(resource: Option<&Any>) -> String {
    let record = federation::Record { resource: resource.cloned(), ..Default::default() };
    format!("{:?}", record::resource(&record))
}

fn refused(error: &Error) -> String {
    format!("{:?}: {error}", error.reason())
}

/// Ids of stage events are drawn at random.
fn without_random_ids(text: &str) -> String {
    const BEFORE: &str = "stageEvents/";
    let mut parts = text.split(BEFORE);
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        told.push_str(BEFORE);
        told.push_str(part.get(36..).unwrap_or(part));
    }
    told
}
