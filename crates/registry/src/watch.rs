//! A saved question: telling of records that match it as they are published, here and in the peers.
//!
//! Each city has a task of its own, which begins again by itself after a break, from the point up to which everything was
//! told. Nothing is lost so; something may come twice.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use isopolity_domain::{
    CityId, Kind, Violation, audit::Subject, feed::Position, query, question::check_watch, record, sight::Sight,
    text::ANALYSER,
};
use isopolity_federation::{LinkError, Told};
use isopolity_proto::{
    admin::{AuditAction, PeerState},
    catalog::{Outcome, WatchRequest, WatchResponse, WatchedCity, watch_response::Part},
    error::Reason,
    federation::{self, Envelope, Question},
    options::Audience,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::{Caller, Error, Registry, answer::Parts, audit, search};

/// The most watches of one caller.
const WATCHES_MAX: usize = 20;
/// At least so often a resume token comes.
const TOKEN_EVERY: Duration = Duration::from_secs(15);
/// How often it is looked for new members.
const MEMBERS_EVERY: Duration = Duration::from_secs(5);
/// How long a city is left alone after it broke off, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Publications that are told of at once.
const BATCH: usize = 64;

/// How many watches each caller has.
#[derive(Debug, Default)]
pub(crate) struct Watches(Mutex<HashMap<String, usize>>);

/// One of a caller's watches, until dropped.
struct Counted {
    watches: Arc<Watches>,
    caller: String,
}

impl Watches {
    fn enter(self: &Arc<Self>, caller: &str) -> Result<Counted, Error> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(caller.to_owned()).or_default();
        if *count >= WATCHES_MAX {
            let what = format!("you have {WATCHES_MAX} watches already: end one first");
            return Err(Error::Overloaded { what, retry_after: PAUSE.1 });
        }
        *count += 1;
        Ok(Counted { watches: self.clone(), caller: caller.to_owned() })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.watches.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.caller);
            }
        }
    }
}

/// What the tasks of the cities tell.
enum News {
    Hit {
        city: CityId,
        name: String,
        envelope: Envelope,
    },
    /// Everything up to this point was told.
    Told {
        city: CityId,
        position: Position,
    },
    Watching(CityId),
    Broken {
        city: CityId,
        reason: Reason,
        why: String,
    },
}

/// What is watched for.
#[derive(Clone)]
struct Wanted {
    question: Question,
    purpose: String,
    requester: String,
    query_id: String,
    by: Subject,
    clearance: Audience,
}

/// Where the watching of a question stands.
struct Watching {
    registry: Registry,
    news: mpsc::Receiver<News>,
    told: BTreeMap<CityId, Position>,
    /// What was last said of each city.
    said: BTreeMap<CityId, String>,
    token_purpose: String,
    include_envelope: bool,
    /// Something was told since the last token.
    token_due: bool,
    next_token: Instant,
    _tasks: JoinSet<()>,
    _counted: Counted,
}

impl Registry {
    /// Tells of records that match a question as they are published, until the stream is dropped.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a question that can't be asked or a resume token of another, [`Error::TokenMissing`] where a caller
    /// without a token asks for other cities, [`Error::Overloaded`] with too many watches.
    pub fn watch(&self, caller: &Caller, request: WatchRequest) -> Result<Parts<WatchResponse>, Error> {
        let mut question = request.question.unwrap_or_default();
        check_watch(&question, "question")?;
        search::check_purpose(&request.purpose)?;
        let selected = self.selected(caller, &request.cities)?;
        let token_purpose = search::token_purpose("watch", caller, &question, &request.cities);
        let told = if request.resume_token.is_empty() {
            BTreeMap::new()
        } else {
            self.resume(&token_purpose, &request.resume_token)?
        };
        let counted = self.inner.watches.enter(caller.id())?;
        if question.kinds.is_empty() {
            // A peer that is newer may keep kinds that this version can't read.
            question.kinds = Kind::ALL.map(|kind| kind.as_str().to_owned()).to_vec();
        }
        let wanted = Wanted {
            question,
            purpose: search::stated(&request.purpose),
            query_id: audit::new_query_id(),
            by: caller.into(),
            requester: self.pseudonym(caller),
            clearance: caller.clearance(),
        };
        let (sender, news) = mpsc::channel(BATCH);
        let mut tasks = JoinSet::new();
        tasks.spawn(tend(self.clone(), wanted, selected, told.clone(), sender));
        let watching = Watching {
            registry: self.clone(),
            news,
            told,
            said: BTreeMap::new(),
            token_purpose,
            include_envelope: request.include_envelope,
            token_due: false,
            next_token: Instant::now() + TOKEN_EVERY,
            _tasks: tasks,
            _counted: counted,
        };
        Ok(stream::unfold(watching, |mut watching| async move {
            let part = watching.next().await?;
            Some((part.map(|part| WatchResponse { part: Some(part) }), watching))
        })
        .boxed())
    }

    fn resume(&self, purpose: &str, token: &str) -> Result<BTreeMap<CityId, Position>, Error> {
        let read = || {
            let bytes = search::read_token(&self.inner.page_key, purpose, token).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let line = |line: &str| {
                let mut parts = line.split('\t');
                let (city, epoch, sequence) = (parts.next()?, parts.next()?, parts.next()?);
                let position = Position { epoch: epoch.to_owned(), sequence: sequence.parse().ok()? };
                Some((city.parse::<CityId>().ok()?, position))
            };
            text.lines().map(line).collect::<Option<BTreeMap<_, _>>>()
        };
        let wrong = || Violation::invalid("resume_token", "is damaged or belongs to another watch: begin without one");
        Ok(read().ok_or_else(wrong)?)
    }
}

impl Watching {
    async fn next(&mut self) -> Option<Result<Part, Error>> {
        loop {
            // Each city's news are in order: what its point says has been told.
            if self.token_due && self.news.is_empty() {
                return Some(Ok(self.token()));
            }
            let news = tokio::select! {
                news = self.news.recv() => news?,
                () = tokio::time::sleep_until(self.next_token) => return Some(Ok(self.token())),
            };
            match news {
                News::Told { city, position } => {
                    let news = self.told.get(&city) != Some(&position);
                    self.token_due |= news;
                    self.told.insert(city, position);
                }
                News::Hit { city, name, envelope } => match record::read(&envelope) {
                    Ok(record) if record.city == city.as_str() && record.name == name => {
                        let now = self.registry.now();
                        let hit = search::published_hit(&city, record, envelope, self.include_envelope, now);
                        return Some(Ok(Part::Hit(hit)));
                    }
                    // It goes on with the next; what is wrong with the city stands in the list of peers.
                    _ => self.registry.federation().answered_wrongly(
                        &city,
                        Reason::AnswerInvalid,
                        "it told of a record that can't be read or is another city's",
                    ),
                },
                News::Watching(city) => {
                    if let Some(part) = self.say(&city, true, Reason::Unspecified, String::new()) {
                        return Some(Ok(part));
                    }
                }
                News::Broken { city, reason, why } => {
                    if let Some(part) = self.say(&city, false, reason, why) {
                        return Some(Ok(part));
                    }
                }
            }
        }
    }

    /// Says how a city stands, if that is news.
    fn say(&mut self, city: &CityId, watching: bool, reason: Reason, why: String) -> Option<Part> {
        let before = self.said.insert(city.clone(), why.clone());
        let part = WatchedCity { city: city.to_string(), watching, reason: why.clone(), error_reason: reason.into() };
        (before != Some(why)).then_some(Part::City(part))
    }

    fn token(&mut self) -> Part {
        self.token_due = false;
        self.next_token = Instant::now() + TOKEN_EVERY;
        let line =
            |(city, position): (&CityId, &Position)| format!("{city}\t{}\t{}", position.epoch, position.sequence);
        let lines: Vec<String> = self.told.iter().map(line).collect();
        let token =
            search::write_token(&self.registry.inner.page_key, &self.token_purpose, lines.join("\n").as_bytes());
        Part::ResumeToken(token)
    }
}

/// Watches each city in a task of its own, new members too.
async fn tend(
    registry: Registry,
    wanted: Wanted,
    selected: Option<BTreeSet<CityId>>,
    told: BTreeMap<CityId, Position>,
    news: mpsc::Sender<News>,
) {
    let mut tasks = JoinSet::new();
    let mut watched = BTreeSet::new();
    let mut ticks = interval(MEMBERS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let is_selected = |city: &CityId| selected.as_ref().is_none_or(|selected| selected.contains(city));
    loop {
        tokio::select! {
            () = news.closed() => return,
            _ = ticks.tick() => {}
        }
        if is_selected(registry.city()) && watched.insert(registry.city().clone()) {
            let from = told.get(registry.city()).cloned();
            tasks.spawn(watch_own(registry.clone(), wanted.clone(), from, news.clone()));
        }
        for peer in registry.federation().all() {
            let is_member = matches!(peer.state, PeerState::Active | PeerState::Suspended);
            if is_member && is_selected(&peer.city) && watched.insert(peer.city.clone()) {
                let from = told.get(&peer.city).cloned();
                tasks.spawn(watch_peer(registry.clone(), wanted.clone(), peer.city, from, news.clone()));
            }
        }
    }
}

async fn watch_own(registry: Registry, wanted: Wanted, from: Option<Position>, news: mpsc::Sender<News>) {
    let city = registry.city().clone();
    let mut told = registry.told_before(
        from.as_ref().map_or("", |from| from.epoch.as_str()),
        from.as_ref().map_or(0, |from| from.sequence),
    );
    let mut latest = News::Watching(city.clone());
    loop {
        if news.send(latest).await.is_err() || tell(&news, &city, &told).await.is_err() {
            return;
        }
        let step = look(&registry, &wanted, &mut told).await;
        latest = match step {
            Ok(hits) => {
                for (name, envelope) in hits {
                    if news.send(News::Hit { city: city.clone(), name, envelope }).await.is_err() {
                        return;
                    }
                }
                News::Watching(city.clone())
            }
            Err(error) => {
                tracing::error!(error = %crate::error::with_causes(&error), "a watch can't read the search index");
                sleep(PAUSE.1).await;
                let why = "this node's search index can't answer; its log says why".to_owned();
                News::Broken { city: city.clone(), reason: Reason::Internal, why }
            }
        };
    }
}

/// What was published here since, at the latest after a while.
async fn look(registry: &Registry, wanted: &Wanted, told: &mut Position) -> Result<Vec<(String, Envelope)>, Error> {
    let next = Position { sequence: told.sequence + 1, ..told.clone() };
    registry.catalog().reached(&next, TOKEN_EVERY).await;
    let now = registry.catalog().position();
    if now.epoch != told.epoch {
        *told = Position { epoch: now.epoch, sequence: 0 };
    }
    let (catalog, question, clearance, after) =
        (registry.catalog().clone(), wanted.question.clone(), wanted.clearance, told.sequence);
    let published =
        tokio::task::spawn_blocking(move || catalog.published_after(&question, Sight::of(clearance), after, BATCH));
    let (hits, upto) = published.await.map_err(Error::internal)??;
    if upto.epoch == told.epoch {
        let last = hits.last().map(|(sequence, _, _)| *sequence);
        let upto = if hits.len() < BATCH { upto.sequence } else { last.unwrap_or(upto.sequence) };
        told.sequence = upto.max(told.sequence);
    }
    Ok(hits.into_iter().map(|(_, name, envelope)| (name, envelope)).collect())
}

/// A peer, again and again.
async fn watch_peer(
    registry: Registry,
    wanted: Wanted,
    city: CityId,
    mut told: Option<Position>,
    news: mpsc::Sender<News>,
) {
    let mut pause = PAUSE.0;
    let mut is_logged = false;
    loop {
        // Once, however often it is taken up again.
        let logged = if is_logged { Ok(()) } else { log(&registry, &wanted, &city) };
        is_logged = logged.is_ok();
        let ended = match logged {
            Ok(()) => follow(&registry, &wanted, &city, &mut told, &mut pause, &news).await,
            Err(error) => Err(LinkError::new(Outcome::NotAsked, error.reason(), error.to_string())),
        };
        let Err(broken) = ended else { return };
        let news_of_it = News::Broken { city: city.clone(), reason: broken.reason, why: broken.description };
        if news.send(news_of_it).await.is_err() {
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Logs that a watch at a peer begins.
fn log(registry: &Registry, wanted: &Wanted, city: &CityId) -> Result<(), Error> {
    let called = audit::Called {
        purpose: &wanted.purpose,
        requester: &wanted.requester,
        question: Some(&wanted.question),
        query_id: &wanted.query_id,
    };
    let asking = registry.asking_all(wanted.by.clone(), AuditAction::WatchAsked, vec![city.clone()], &called)?;
    asking.ended(Ok(()))
}

/// Reads one call of a peer to its end. `Ok` where nobody listens any more.
async fn follow(
    registry: &Registry,
    wanted: &Wanted,
    city: &CityId,
    told: &mut Option<Position>,
    pause: &mut Duration,
    news: &mpsc::Sender<News>,
) -> Result<(), LinkError> {
    let text = query::parse(&wanted.question.text);
    let request = federation::WatchRequest {
        question: Some(wanted.question.clone()),
        after_sequence: told.as_ref().map_or(0, |told| told.sequence),
        epoch: told.as_ref().map_or_else(String::new, |told| told.epoch.clone()),
        purpose: wanted.purpose.clone(),
        requester: wanted.requester.clone(),
        analyser: if text.is_empty() { String::new() } else { ANALYSER.to_owned() },
        query_id: wanted.query_id.clone(),
    };
    let mut parts = registry.federation().watch(city, request);
    loop {
        let part = tokio::select! {
            () = news.closed() => return Ok(()),
            part = parts.next() => part,
        };
        let Some(part) = part else {
            return Err(LinkError::new(Outcome::Unreachable, Reason::Connection, "it ended the watch"));
        };
        let part = part?;
        *pause = PAUSE.0;
        let sent = match part {
            Told::Position(position) => {
                *told = Some(position.clone());
                if news.send(News::Watching(city.clone())).await.is_err() {
                    return Ok(());
                }
                news.send(News::Told { city: city.clone(), position }).await
            }
            Told::Hit(hit) => {
                let envelope = hit.envelope.unwrap_or_default();
                news.send(News::Hit { city: city.clone(), name: hit.name, envelope }).await
            }
        };
        if sent.is_err() {
            return Ok(());
        }
    }
}

async fn tell(news: &mpsc::Sender<News>, city: &CityId, position: &Position) -> Result<(), ()> {
    let told = News::Told { city: city.clone(), position: position.clone() };
    news.send(told).await.map_err(|_gone: mpsc::error::SendError<News>| ())
}
