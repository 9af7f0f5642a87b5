//! Every event and every history that came up, each once, and what the rules say of them.
//!
//! States of the model hold numbers of events and histories. The rules are functions of what they are given and of nothing else, so
//! that each question is put to them once, and the answer looked up afterwards.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use isopolity_domain::{
    CityId,
    clock::to_timestamp,
    cooperation::{self, CooperationName, Hash, Received, Reconsidered, Refusal, Verified},
};
use isopolity_proto::cooperation::{
    Cooperation, CooperationEvent, Fork, Offer, Step, cooperation_event::Action, step as person,
};
use time::OffsetDateTime;

use super::{
    oracle::{Faults, judge},
    people::{CITIES, Choice, HOST, LATER, NAME, NOW, People, step, step_of, whims},
};

type NextEvent =
    fn(Option<&Cooperation>, &CooperationName, &CityId, &Step, OffsetDateTime) -> Result<CooperationEvent, Refusal>;

/// The rules that are checked.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) apply: fn(Option<&Cooperation>, &Verified) -> Result<Cooperation, Refusal>,
    pub(crate) next_event: NextEvent,
    pub(crate) receive_ordered: fn(Option<&Cooperation>, Option<&Hash>, &Verified) -> Received,
    pub(crate) receive_submission: fn(&Cooperation, Option<&Hash>, &Verified) -> Received,
    pub(crate) reconsider: fn(&Verified, &Cooperation, Option<&Hash>) -> Reconsidered,
}

/// Those that a node uses.
pub(crate) const PRODUCTION: Rules = Rules {
    apply: cooperation::apply,
    next_event: cooperation::next_event,
    receive_ordered: cooperation::receive_ordered,
    receive_submission: cooperation::receive_submission,
    reconsider: cooperation::reconsider,
};

/// The number of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct EventId(u32);

/// The number of a history; the one without events is [`NOTHING`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HistoryId(u32);

/// Nothing has happened.
pub(crate) const NOTHING: HistoryId = HistoryId(0);

/// A history.
#[derive(Default)]
pub(crate) struct History {
    /// The history that it goes on from.
    pub(crate) before: Option<HistoryId>,
    /// Its events, in order.
    pub(crate) events: Vec<EventId>,
    /// The cooperation that the rules made of them.
    pub(crate) cooperation: Option<Cooperation>,
    /// What is wrong with it or with one that it goes on from.
    pub(crate) faults: Faults,
    /// Every version of terms that was ever agreed in it, with the hash of its offer.
    pub(crate) agreements: Vec<(i32, Vec<u8>)>,
}

/// What comes of an event that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Kept(HistoryId),
    Known,
    Early,
    Overtaken,
    Forked,
    Refused,
}

/// What becomes of an own step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    Waits,
    Anew(EventId),
    Overtaken,
}

/// The choices of a city, each with the event that it makes.
pub(crate) type Choices = Arc<[(Choice, EventId)]>;

#[derive(Default)]
struct Pages {
    events: Vec<Arc<Verified>>,
    event_ids: HashMap<Hash, EventId>,
    histories: Vec<Arc<History>>,
    history_ids: HashMap<(HistoryId, EventId), HistoryId>,
    ordered: HashMap<(HistoryId, bool, EventId), Outcome>,
    submitted: HashMap<(HistoryId, EventId), Outcome>,
    fates: HashMap<(HistoryId, bool, EventId), Fate>,
    choices: HashMap<(HistoryId, usize, usize), Choices>,
    whims: HashMap<HistoryId, Arc<[EventId]>>,
    /// Steps that were signed anew and then meant something else.
    other_meaning: HashSet<EventId>,
}

/// The book.
pub(crate) struct Book {
    rules: Rules,
    people: People,
    pages: RwLock<Pages>,
}

/// How much is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Different histories.
    pub(crate) histories: usize,
    /// Different events, kept or not.
    pub(crate) events: usize,
    /// The most events of one history.
    pub(crate) longest: usize,
    /// How often an own step was looked at anew and signed anew.
    pub(crate) signed_anew: usize,
    /// How often it was handed back to a person.
    pub(crate) handed_back: usize,
}

impl Book {
    pub(crate) fn new(rules: Rules, people: People) -> Self {
        let pages = Pages { histories: vec![Arc::default()], ..Default::default() };
        Self { rules, people, pages: RwLock::new(pages) }
    }

    pub(crate) fn people(&self) -> &People {
        &self.people
    }

    pub(crate) fn size(&self) -> Size {
        self.read(|pages| Size {
            histories: pages.histories.len() - 1,
            events: pages.events.len(),
            longest: pages.histories.iter().map(|one| one.events.len()).max().unwrap_or_default(),
            signed_anew: pages.fates.values().filter(|fate| matches!(fate, Fate::Anew(_))).count(),
            handed_back: pages.fates.values().filter(|fate| matches!(fate, Fate::Overtaken)).count(),
        })
    }

    pub(crate) fn history(&self, id: HistoryId) -> Arc<History> {
        self.read(|pages| pages.histories[id.0 as usize].clone())
    }

    pub(crate) fn event(&self, id: EventId) -> Arc<Verified> {
        self.read(|pages| pages.events[id.0 as usize].clone())
    }

    /// Whether this is a step that was signed anew, and says or means something else than before.
    pub(crate) fn means_something_else(&self, event: EventId) -> bool {
        self.read(|pages| pages.other_meaning.contains(&event))
    }

    /// The history in which these choices were made, one after the other.
    pub(crate) fn begin(&self, begun: &[(usize, Choice)]) -> HistoryId {
        begun.iter().fold(NOTHING, |history, (city, wanted)| {
            let choices = self.choices(history, *city, 0);
            let found = choices.iter().find(|(choice, _)| choice == wanted);
            let (_, event) = found.unwrap_or_else(|| panic!("{} can't {wanted:?}", CITIES[*city]));
            self.append(history, *event)
        })
    }

    /// What the city could decide now, having said so much.
    pub(crate) fn choices(&self, seen: HistoryId, city: usize, said: usize) -> Choices {
        let key = (seen, city, said);
        if let Some(known) = self.read(|pages| pages.choices.get(&key).cloned()) {
            return known;
        }
        let history = self.history(seen);
        let before = history.cooperation.as_ref();
        let mut found = Vec::new();
        for choice in self.people.choices {
            let Some(event) = self.decide(*choice, before, city, said) else { continue };
            found.push((*choice, self.note(event)));
        }
        let found: Choices = found.into();
        self.write(|pages| pages.choices.entry(key).or_insert(found).clone())
    }

    fn decide(&self, choice: Choice, seen: Option<&Cooperation>, city: usize, said: usize) -> Option<CooperationEvent> {
        let out_of_bounds = match choice {
            Choice::Propose => city != HOST,
            Choice::Counter | Choice::Amend => seen.is_some_and(|seen| seen.next_terms_version > self.people.versions),
            Choice::Say => said >= self.people.messages,
            Choice::Expire => {
                let seen = seen.filter(|_| city == HOST)?;
                return cooperation::expiry_event(seen, &NAME, LATER).ok();
            }
            _ => false,
        };
        let step = step(choice, city, &self.people, seen, said).filter(|_| !out_of_bounds)?;
        if let Some(seen) = seen
            && cooperation::check_step(seen, &CITIES[city], &step).is_err()
        {
            return None;
        }
        (self.rules.next_event)(seen, &NAME, &CITIES[city], &step, NOW).ok()
    }

    /// What a host without scruples could put after this history of its own accord, though the rules say no.
    pub(crate) fn whims(&self, after: HistoryId) -> Arc<[EventId]> {
        if let Some(known) = self.read(|pages| pages.whims.get(&after).cloned()) {
            return known;
        }
        let history = self.history(after);
        let whims: Vec<EventId> = history.cooperation.as_ref().map_or_else(Vec::new, |seen| {
            let events = whims(seen).into_iter().map(|action| raw(seen, HOST, action));
            events
                .filter(|event| cooperation::apply(Some(seen), event).is_err())
                .map(|event| self.note(event.event))
                .collect()
        });
        self.write(|pages| pages.whims.entry(after).or_insert(whims.into()).clone())
    }

    /// An event with the host's signature arrives at a city with this history.
    pub(crate) fn receive_ordered(&self, ours: HistoryId, forked: bool, event: EventId) -> Outcome {
        let key = (ours, forked, event);
        if let Some(known) = self.read(|pages| pages.ordered.get(&key).copied()) {
            return known;
        }
        let history = self.history(ours);
        let arrived = self.event(event);
        let known = self.at(&history, arrived.event.sequence);
        let ours_now = with_fork(&history, forked);
        let received = (self.rules.receive_ordered)(ours_now.as_ref(), known.as_ref(), &arrived);
        let outcome = self.outcome(ours, event, received);
        self.write(|pages| *pages.ordered.entry(key).or_insert(outcome))
    }

    /// A step arrives at the host, which has this history.
    pub(crate) fn receive_submission(&self, ours: HistoryId, event: EventId) -> Outcome {
        let key = (ours, event);
        if let Some(known) = self.read(|pages| pages.submitted.get(&key).copied()) {
            return known;
        }
        let history = self.history(ours);
        let arrived = self.event(event);
        let known = self.at(&history, arrived.event.sequence);
        let outcome = match &history.cooperation {
            Some(cooperation) => {
                let received = (self.rules.receive_submission)(cooperation, known.as_ref(), &arrived);
                self.outcome(ours, event, received)
            }
            None => Outcome::Refused,
        };
        self.write(|pages| *pages.submitted.entry(key).or_insert(outcome))
    }

    /// The host puts an event of its own at the end of its history.
    pub(crate) fn append(&self, ours: HistoryId, event: EventId) -> HistoryId {
        if let Some(known) = self.read(|pages| pages.history_ids.get(&(ours, event)).copied()) {
            return known;
        }
        let history = self.history(ours);
        let after = (self.rules.apply)(history.cooperation.as_ref(), &self.event(event));
        self.grown(ours, event, after.expect("what can be decided can be applied"))
    }

    /// A city with this history looks at an own step that is on its way.
    pub(crate) fn reconsider(&self, pending: EventId, ours: HistoryId, forked: bool) -> Fate {
        let key = (ours, forked, pending);
        if let Some(known) = self.read(|pages| pages.fates.get(&key).copied()) {
            return known;
        }
        let history = self.history(ours);
        let step = self.event(pending);
        let ours_now = with_fork(&history, forked).expect("a city that took a step has a history");
        let known = self.at(&history, step.event.sequence);
        let fate = match (self.rules.reconsider)(&step, &ours_now, known.as_ref()) {
            Reconsidered::Done => Fate::Done,
            Reconsidered::Waits => Fate::Waits,
            Reconsidered::Rebased(event) => {
                let same = event.action == step.event.action && event.city == step.event.city;
                let id = self.note(*event);
                if !same || was_of_other_terms(&step, &history) {
                    self.write(|pages| pages.other_meaning.insert(id));
                }
                Fate::Anew(id)
            }
            Reconsidered::Overtaken(_) => Fate::Overtaken,
        };
        self.write(|pages| *pages.fates.entry(key).or_insert(fate))
    }

    fn outcome(&self, ours: HistoryId, event: EventId, received: Received) -> Outcome {
        match received {
            Received::Kept(after) => Outcome::Kept(self.grown(ours, event, *after)),
            Received::Known => Outcome::Known,
            Received::Early { .. } => Outcome::Early,
            Received::Overtaken { .. } => Outcome::Overtaken,
            Received::Forked => Outcome::Forked,
            Received::Refused(_) => Outcome::Refused,
        }
    }

    /// The hash of the event in this place.
    fn at(&self, history: &History, sequence: i64) -> Option<Hash> {
        let at = usize::try_from(sequence).ok()?.checked_sub(1)?;
        history.events.get(at).map(|event| self.event(*event).hash)
    }

    fn note(&self, event: CooperationEvent) -> EventId {
        let event = Verified::made_here(event);
        self.write(|pages| {
            let next = EventId(u32::try_from(pages.events.len()).expect("not so many events"));
            let id = *pages.event_ids.entry(event.hash).or_insert(next);
            if id == next {
                pages.events.push(Arc::new(event));
            }
            id
        })
    }

    /// The history that this event makes of another one. Whether the rules were right is judged here, once for each history.
    fn grown(&self, before: HistoryId, event: EventId, after: Cooperation) -> HistoryId {
        let key = (before, event);
        let earlier = self.history(before);
        if let Some(known) = self.read(|pages| pages.history_ids.get(&key).copied()) {
            if self.history(known).cooperation.as_ref() == Some(&after) {
                return known;
            }
            return self.write(|pages| {
                let mut other = History { cooperation: Some(after), ..Default::default() };
                other.events.extend(earlier.events.iter().copied().chain([event]));
                other.faults.add(Faults::TWO_WAYS, false);
                push(pages, other)
            });
        }
        let mut history = History {
            before: Some(before),
            events: earlier.events.iter().copied().chain([event]).collect(),
            cooperation: None,
            faults: earlier.faults,
            agreements: earlier.agreements.clone(),
        };
        let events: Vec<Arc<Verified>> = history.events.iter().map(|event| self.event(*event)).collect();
        let events: Vec<&Verified> = events.iter().map(AsRef::as_ref).collect();
        let found = judge(&events, earlier.cooperation.as_ref(), &after);
        history.faults.join(found);
        let kept = events.last().expect("it has one");
        history.faults.add(Faults::TWO_RULES, self.would_have_been_made(earlier.cooperation.as_ref(), kept));
        history.faults.add(Faults::TWO_RULES, self.agree_on_whims(&after));
        if let Some(agreed) = &after.agreed {
            let version = agreed.terms.as_ref().map_or(0, |terms| terms.version);
            let agreement = (version, agreed.hash.to_vec());
            if !history.agreements.contains(&agreement) {
                history.agreements.push(agreement);
            }
        }
        history.cooperation = Some(after);
        self.write(|pages| {
            if let Some(known) = pages.history_ids.get(&key) {
                return *known;
            }
            let id = push(pages, history);
            pages.history_ids.insert(key, id);
            id
        })
    }

    /// Whether somebody could have taken the step that was kept, in the same place.
    fn would_have_been_made(&self, before: Option<&Cooperation>, kept: &Verified) -> bool {
        let Some(step) = kept.event.action.as_ref().and_then(step_of) else {
            return before
                .is_some_and(|before| cooperation::expiry_event(before, &NAME, LATER).as_ref() == Ok(&kept.event));
        };
        let city: CityId = kept.event.city.parse().expect("a city's id");
        (self.rules.next_event)(before, &NAME, &city, &step, NOW).as_ref() == Ok(&kept.event)
    }

    /// Whether the rules for taking a step and those for keeping it agree on what could come next, possible or not, from every city and
    /// from a stranger.
    fn agree_on_whims(&self, seen: &Cooperation) -> bool {
        let stranger: CityId = "elsewhere.example".parse().expect("a city's id");
        let cities = CITIES[..self.people.cities].iter().chain([&stranger]);
        cities.into_iter().all(|city| {
            whims(seen).into_iter().all(|action| {
                let Some(step) = step_of(&action) else { return true };
                let event = raw_of(seen, city, action);
                let kept = (self.rules.apply)(Some(seen), &event).is_ok();
                let made = (self.rules.next_event)(Some(seen), &NAME, city, &step, NOW);
                // A node gives an offer its version, whatever the person wrote.
                let numbered = matches!(step.action, Some(person::Action::Counter(_) | person::Action::Amendment(_)));
                kept == made.as_ref().is_ok_and(|made| *made == event.event) && (numbered || kept == made.is_ok())
            })
        })
    }

    fn read<T>(&self, look: impl FnOnce(&Pages) -> T) -> T {
        look(&self.pages.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Pages) -> T) -> T {
        write(&mut self.pages.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn push(pages: &mut Pages, history: History) -> HistoryId {
    let id = HistoryId(u32::try_from(pages.histories.len()).expect("not so many histories"));
    pages.histories.push(Arc::new(history));
    id
}

/// The cooperation as a city holds it: with a fork that it knows of, it takes nothing more.
fn with_fork(history: &History, forked: bool) -> Option<Cooperation> {
    let mut ours = history.cooperation.clone()?;
    ours.fork = forked.then(Fork::default);
    Some(ours)
}

/// Whether somebody said it of other terms than of those that are on offer, or agreed, by now. [`step`] puts that into the words.
fn was_of_other_terms(step: &Verified, history: &History) -> bool {
    let version =
        |offer: &Option<Offer>| offer.as_ref().and_then(|one| one.terms.as_ref()).map_or(0, |one| one.version);
    let Some(now) = &history.cooperation else { return false };
    match &step.event.action {
        Some(Action::Conclusion(one)) => {
            let said = format!("version {} is built", version(&now.agreed));
            one.outcomes.iter().any(|text| text.text != said)
        }
        Some(Action::Decline(one)) => one.reason != format!("version {} is too dear", version(&now.offer)),
        _ => false,
    }
}

/// An event in the right place, made past the rules.
fn raw(seen: &Cooperation, city: usize, action: Action) -> Verified {
    raw_of(seen, &CITIES[city], action)
}

fn raw_of(seen: &Cooperation, city: &CityId, action: Action) -> Verified {
    Verified::made_here(CooperationEvent {
        cooperation: NAME.to_string(),
        sequence: seen.sequence + 1,
        previous_hash: seen.head_hash.clone(),
        city: city.to_string(),
        time: Some(to_timestamp(NOW)),
        action: Some(action),
    })
}
