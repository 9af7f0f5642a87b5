//! Honest cities, and a network that loses, delays, doubles and reorders.
//!
//! A letter that was ever sent can arrive at any later time, any number of times, or never. A crash between a commit and the answer is
//! an answer that does not arrive; a crash before the commit is a letter that does not arrive.

use std::collections::BTreeSet;

use isopolity_proto::cooperation::cooperation_event::Action as Event;
use stateright::{Model, Property};

use super::{
    book::{Book, EventId, HistoryId, Rules},
    city::{Answer, City, Letter},
    people::{CITIES, Choice, HOST, People},
    properties,
};

/// What a node does wrong around the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sloppiness {
    /// Nothing.
    #[default]
    None,
    /// It answers before it has committed, and may die in between.
    AnswersFirst,
    /// It writes into the outbox after it has committed, and may die in between.
    QueuesLater,
}

/// The model.
pub(crate) struct World {
    pub(crate) book: Book,
    /// What happened before: everybody has it, and nothing is on its way.
    pub(crate) begun: Vec<(usize, Choice)>,
    pub(crate) network: Network,
    pub(crate) sloppiness: Sloppiness,
    pub(crate) reached: Vec<Property<World>>,
}

/// How letters travel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    /// A city sends the next letter of another city when the one before was acknowledged. Otherwise it sends all at once.
    pub(crate) in_order: bool,
    /// Participants pass on to one another what they have from the host.
    pub(crate) relays: bool,
}

/// The state of the world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) cities: Vec<City>,
    /// Every letter that was ever sent.
    pub(crate) sent: BTreeSet<Letter>,
    /// Something was delivered, and the world got no further by it.
    pub(crate) in_circles: bool,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Somebody takes a step.
    Takes { city: usize, choice: Choice, event: EventId },
    /// A letter arrives.
    Arrives { letter: Letter, then: Then },
}

/// What becomes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It arrives.
    Answered,
    /// It is lost; or the receiver died after it had committed, before it answered.
    Silence,
    /// It arrives, and the receiver dies before it commits. No honest node does that.
    AnsweredAndForgotten,
    /// The receiver commits, and dies before it queues what follows. No honest node does that.
    NotQueued,
}

impl World {
    pub(crate) fn new(rules: Rules, people: People, network: Network) -> Self {
        Self {
            book: Book::new(rules, people),
            begun: Vec::new(),
            network,
            sloppiness: Sloppiness::None,
            reached: Vec::new(),
        }
    }

    fn deliver(&self, state: &mut State, letter: Letter, then: Then) {
        let receiver = &mut state.cities[letter.to];
        let before = receiver.clone();
        let relays = self.network.relays;
        let answer = if letter.ordered {
            receiver.receive_ordered(&self.book, letter.to, letter.from, relays, letter.event)
        } else {
            receiver.receive_submission(&self.book, letter.event)
        };
        match then {
            Then::AnsweredAndForgotten => *receiver = before,
            Then::NotQueued => receiver.outbox = before.outbox,
            Then::Answered | Then::Silence => {}
        }
        if matches!(then, Then::Answered | Then::AnsweredAndForgotten) {
            state.cities[letter.from].hear(&self.book, relays, letter, answer);
        } else if answer == Answer::Refused {
            // That is to be seen even if the sender does not hear of it.
            state.cities[letter.from].refused = true;
        }
    }

    /// How many messages a city has written.
    fn said(&self, city: &City, me: usize) -> usize {
        let history = self.book.history(city.history);
        let pending = city.pending.iter().filter(|pending| !pending.overtaken).map(|pending| pending.event);
        let events = history.events.iter().copied().chain(pending).map(|event| self.book.event(event));
        events
            .filter(|one| one.event.city == CITIES[me].as_str() && matches!(one.event.action, Some(Event::Message(_))))
            .count()
    }

    /// Nothing that is on its way to be acknowledged would change anything if it arrived and were answered.
    pub(crate) fn is_quiet(&self, state: &State) -> bool {
        state.sent.iter().all(|letter| {
            let mut after = state.clone();
            self.deliver(&mut after, *letter, Then::Answered);
            after.cities == state.cities
        })
    }

    /// So many events, so much sent, so little left: a delivery that changes something changes this for the better.
    fn progress(&self, state: &State) -> (usize, usize, usize) {
        let events = state.cities.iter().map(|city| self.book.history(city.history).events.len()).sum();
        let left: usize = state.cities.iter().map(|city| city.outbox.len()).sum();
        (events, state.sent.len(), usize::MAX - left)
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let history = self.book.begin(&self.begun);
        let cities = vec![City { history, ..City::NEW }; self.book.people().cities];
        vec![State { cities, sent: BTreeSet::new(), in_circles: false }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let people = self.book.people();
        for (me, city) in state.cities.iter().enumerate() {
            let on_their_way = city.on_their_way();
            let room = self.book.history(city.history).events.len() + on_their_way < people.length;
            if room && (me == HOST || on_their_way < people.pending) && city.fork.is_none() {
                let choices = self.book.choices(city.history, me, self.said(city, me));
                let fresh = choices
                    .iter()
                    .filter(|(_, event)| city.pending.iter().all(|one| one.event != *event || one.overtaken));
                actions.extend(fresh.map(|(choice, event)| Action::Takes { city: me, choice: *choice, event: *event }));
            }
        }
        for letter in &state.sent {
            actions.push(Action::Arrives { letter: *letter, then: Then::Answered });
            actions.push(Action::Arrives { letter: *letter, then: Then::Silence });
            match self.sloppiness {
                Sloppiness::None => {}
                Sloppiness::AnswersFirst => {
                    actions.push(Action::Arrives { letter: *letter, then: Then::AnsweredAndForgotten });
                }
                Sloppiness::QueuesLater => actions.push(Action::Arrives { letter: *letter, then: Then::NotQueued }),
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Takes { city, event, .. } => state.cities[city].take(&self.book, city, event),
            Action::Arrives { letter, then } => {
                self.deliver(&mut state, letter, then);
                if state.cities == last.cities {
                    return None;
                }
            }
        }
        for city in &state.cities {
            city.send(self.network.in_order, &mut state.sent);
        }
        if matches!(action, Action::Arrives { .. }) {
            state.in_circles |= self.progress(&state) <= self.progress(last);
        }
        Some(state)
    }

    fn format_action(&self, action: &Action) -> String {
        match action {
            Action::Takes { city, choice, event } => format!("{}: {choice:?} {}", CITIES[*city], self.place(*event)),
            Action::Arrives { letter, then } => format!(
                "{} -> {}: {} {}, {then:?}",
                CITIES[letter.from],
                CITIES[letter.to],
                if letter.ordered { "ordered" } else { "step" },
                self.place(letter.event),
            ),
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::always().into_iter().chain(self.reached.iter().cloned()).collect()
    }
}

impl World {
    fn place(&self, event: EventId) -> String {
        let event = &self.book.event(event).event;
        format!("#{} of {}", event.sequence, event.city)
    }

    /// The events of a city's history are the first ones of the other's.
    pub(crate) fn is_prefix(&self, shorter: HistoryId, longer: HistoryId) -> bool {
        shorter == longer || self.book.history(longer).events.starts_with(&self.book.history(shorter).events)
    }
}
