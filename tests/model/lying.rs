//! A host that forks the history.
//!
//! It can't sign for another city. All else it can: put different events in one place, keep events back, show them to one city and not
//! to another, take up a step that it left lying, and sign steps of its own that no rule allows. The participants keep to the rules and
//! pass on to one another what they have from the host.

use std::collections::BTreeSet;

use isopolity_proto::cooperation::CooperationState as Is;
use stateright::{Model, Property};

use super::{
    book::{Book, EventId, HistoryId, Outcome, PRODUCTION, Rules},
    city::{City, Letter},
    oracle::Faults,
    people::{CITIES, Choice, HOST, People},
    report::{Booked, explore, figures, pick},
};

/// The model.
pub(crate) struct Lie {
    pub(crate) book: Book,
    /// What happened before, honestly: everybody has it.
    pub(crate) begun: Vec<(usize, Choice)>,
    /// Participants pass on what they have from the host.
    pub(crate) relays: bool,
    pub(crate) reached: Vec<Property<Lie>>,
}

/// The state of the world. Of the host nothing: it signs whatever it can when it shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The participants; the host's place is left as it was.
    pub(crate) cities: Vec<City>,
    /// Every letter that a participant ever sent. It may arrive at any time, any number of times, or never.
    pub(crate) sent: BTreeSet<Letter>,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Somebody in a participant takes a step.
    Takes { city: usize, choice: Choice, event: EventId },
    /// The host signs an event and shows it to a participant: the next one, possible or not; another one in the place of the last; or
    /// one that another participant has.
    Shows { event: EventId, to: usize },
    /// What a participant passed on arrives, and perhaps the answer.
    Arrives { letter: Letter, answered: bool },
}

impl Lie {
    pub(crate) fn new(rules: Rules, people: People, begun: &[(usize, Choice)]) -> Self {
        Self { book: Book::new(rules, people), begun: begun.to_vec(), relays: true, reached: Vec::new() }
    }

    /// All that the host can show to a participant.
    fn shown_to(&self, state: &State, to: usize) -> BTreeSet<EventId> {
        let ours = state.cities[to].history;
        let history = self.book.history(ours);
        let mut shown = BTreeSet::new();
        if history.events.len() < self.book.people().length {
            self.next_of(state, ours, &mut shown);
            shown.extend(self.book.whims(ours).iter());
        }
        if let Some(before) =
            history.before.filter(|before| self.book.history(*before).events.len() >= self.begun.len())
        {
            self.next_of(state, before, &mut shown);
        }
        for other in &state.cities[1..] {
            shown.extend(self.book.history(other.history).events.iter());
        }
        shown.into_iter().filter(|event| !history.events.contains(event)).collect()
    }

    /// How the host could go on from a history by the rules: by itself, or with a step that was sent.
    fn next_of(&self, state: &State, after: HistoryId, shown: &mut BTreeSet<EventId>) {
        shown.extend(self.book.choices(after, HOST, 0).iter().map(|(_, event)| *event));
        let steps = state.sent.iter().filter(|letter| !letter.ordered).map(|letter| letter.event);
        shown.extend(steps.filter(|step| matches!(self.book.receive_submission(after, *step), Outcome::Kept(_))));
    }

    fn deliver(&self, cities: &mut [City], letter: Letter, answered: bool) {
        let answer = cities[letter.to].receive_ordered(&self.book, letter.to, letter.from, self.relays, letter.event);
        if answered && letter.from != HOST {
            cities[letter.from].hear(&self.book, self.relays, letter, answer);
        }
    }

    /// Nothing that participants pass on would change anything any more.
    fn is_quiet(&self, state: &State) -> bool {
        state.sent.iter().filter(|letter| letter.ordered).all(|letter| {
            let mut cities = state.cities.clone();
            self.deliver(&mut cities, *letter, true);
            cities == state.cities
        })
    }
}

impl Model for Lie {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let history = self.book.begin(&self.begun);
        let cities = vec![City { history, ..City::NEW }; self.book.people().cities];
        vec![State { cities, sent: BTreeSet::new() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let people = self.book.people();
        for (me, city) in state.cities.iter().enumerate().skip(1) {
            let length = self.book.history(city.history).events.len();
            if length < people.length && city.on_their_way() < people.pending && city.fork.is_none() {
                let choices = self.book.choices(city.history, me, 0);
                let takes =
                    |(choice, event): &(Choice, EventId)| Action::Takes { city: me, choice: *choice, event: *event };
                actions.extend(choices.iter().map(takes));
            }
            actions.extend(self.shown_to(state, me).into_iter().map(|event| Action::Shows { event, to: me }));
        }
        for letter in state.sent.iter().filter(|letter| letter.ordered) {
            actions.push(Action::Arrives { letter: *letter, answered: true });
            actions.push(Action::Arrives { letter: *letter, answered: false });
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Takes { city, event, .. } => state.cities[city].take(&self.book, city, event),
            Action::Shows { event, to } => {
                self.deliver(&mut state.cities, Letter { from: HOST, to, event, ordered: true }, false);
            }
            Action::Arrives { letter, answered } => self.deliver(&mut state.cities, letter, answered),
        }
        for city in &mut state.cities {
            city.send(false, &mut state.sent);
            // Whether it was acknowledged makes no difference here: it goes on arriving.
            city.outbox.retain(|letter| !letter.ordered);
        }
        (state != *last).then_some(state)
    }

    fn format_action(&self, action: &Action) -> String {
        let place = |event: EventId| {
            let event = &self.book.event(event).event;
            format!("#{} of {}", event.sequence, event.city)
        };
        match action {
            Action::Takes { city, choice, event } => format!("{}: {choice:?} {}", CITIES[*city], place(*event)),
            Action::Shows { event, to } => format!("the host shows {} {event:?} to {}", place(*event), CITIES[*to]),
            Action::Arrives { letter, answered } => {
                let (from, to) = (&CITIES[letter.from], &CITIES[letter.to]);
                format!("{from} passes on {} to {to}, answered: {answered}", place(letter.event))
            }
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        always().into_iter().chain(self.reached.iter().cloned()).collect()
    }
}

fn always() -> Vec<Property<Lie>> {
    vec![
        Property::always("nothing is agreed that not every city accepted", |lie: &Lie, state: &State| {
            without(lie, state, Faults::AGREED_WITHOUT_ALL)
        }),
        Property::always("nothing is active that not every city signed", |lie: &Lie, state: &State| {
            without(lie, state, Faults::ACTIVE_UNSIGNED)
        }),
        Property::always("what is agreed is not lost", |lie: &Lie, state: &State| {
            without(lie, state, Faults::TERMS_LOST)
        }),
        Property::always("nothing comes after the end", |lie: &Lie, state: &State| {
            without(lie, state, Faults::AFTER_THE_END)
        }),
        Property::always("a step is kept once", |lie: &Lie, state: &State| without(lie, state, Faults::TWICE)),
        Property::always("each event follows the one before by place and hash", |lie: &Lie, state: &State| {
            without(lie, state, Faults::UNCHAINED)
        }),
        Property::always("what is kept is what could be taken, and the other way about", |lie: &Lie, state: &State| {
            without(lie, state, Faults::TWO_RULES)
        }),
        Property::always("what one city holds to be active no other holds to be agreed otherwise", one_active),
        Property::always("what is called a proof is two events in one place", |lie: &Lie, state: &State| {
            state.cities.iter().filter_map(|city| city.fork).all(|(one, other)| {
                let place = |event| lie.book.event(event).event.sequence;
                one != other && place(one) == place(other)
            })
        }),
        Property::always(
            "when the participants have heard of one another, whoever was told otherwise can prove it",
            told,
        ),
        Property::always(
            "when they have heard of one another, all can prove it or none",
            |lie: &Lie, state: &State| {
                let proofs = state.cities[1..].iter().filter(|city| city.fork.is_some()).count();
                [0, state.cities.len() - 1].contains(&proofs) || !lie.is_quiet(state)
            },
        ),
    ]
}

fn without(lie: &Lie, state: &State, faults: Faults) -> bool {
    state.cities.iter().all(|city| !lie.book.history(city.history).faults.has(faults))
}

/// Two cities that hold different terms to be agreed don't both hold them to be in force.
fn one_active(lie: &Lie, state: &State) -> bool {
    let histories: Vec<_> = state.cities[1..].iter().map(|city| lie.book.history(city.history)).collect();
    let all = histories.iter().filter_map(|history| history.cooperation.as_ref());
    let agreed: Vec<_> = all.filter_map(|one| Some((one.start_date.is_empty(), &one.agreed.as_ref()?.hash))).collect();
    agreed.iter().all(|(idle, hash)| *idle || agreed.iter().all(|(_, other)| hash == other))
}

/// One history is the beginning of the other, or both cities hold the proof.
fn told(lie: &Lie, state: &State) -> bool {
    let alike = |one: HistoryId, other: HistoryId| {
        let (one, other) = (lie.book.history(one), lie.book.history(other));
        one.events.starts_with(&other.events) || other.events.starts_with(&one.events)
    };
    let known =
        |one: &City, other: &City| alike(one.history, other.history) || (one.fork.is_some() && other.fork.is_some());
    let cities = &state.cities[1..];
    let all_known = cities.iter().all(|one| cities.iter().all(|other| known(one, other)));
    all_known || !lie.is_quiet(state)
}

impl Booked for Lie {
    fn book(&self) -> &Book {
        &self.book
    }
}

/// Two participants hold different terms to be agreed.
fn agreed_otherwise(lie: &Lie, state: &State) -> bool {
    let agreed = |city: &City| lie.book.history(city.history).agreements.clone();
    state.cities[1..].iter().any(|one| {
        state.cities[1..].iter().any(|other| {
            let (one, other) = (agreed(one), agreed(other));
            one.first().zip(other.first()).is_some_and(|(one, other)| one != other)
        })
    })
}

fn in_state(lie: &Lie, city: &City, wanted: Is) -> bool {
    lie.book.history(city.history).cooperation.as_ref().is_some_and(|one| one.state() == wanted)
}

pub(crate) const TALKS: &[Choice] = &[Choice::Propose, Choice::Counter, Choice::Accept];
pub(crate) const SIGNING: &[Choice] =
    &[Choice::Propose, Choice::Accept, Choice::Sign, Choice::Activate, Choice::Terminate];
/// What happened before the negotiation.
pub(crate) const PROPOSED: &[(usize, Choice)] = &[(HOST, Choice::Propose)];
/// What happened before the signing.
pub(crate) const ACCEPTED: &[(usize, Choice)] = &[(HOST, Choice::Propose), (1, Choice::Accept), (2, Choice::Accept)];

/// And the host signed first.
pub(crate) const SIGNED_BY_HOST: &[(usize, Choice)] =
    &[(HOST, Choice::Propose), (1, Choice::Accept), (2, Choice::Accept), (HOST, Choice::Sign)];

#[test]
fn c1_a_host_that_forks_the_negotiation_is_found_out() {
    let length = pick(4, 5);
    let people = People { cities: 3, choices: TALKS, versions: 2, messages: 0, length, pending: 1 };
    let reached = vec![
        // The limit of what a history with one host can do: until they hear of one another.
        Property::sometimes("two cities hold different terms to be agreed, for a while", agreed_otherwise),
        Property::sometimes("both can prove it", |_: &Lie, state: &State| {
            state.cities[1..].iter().all(|city| city.fork.is_some())
        }),
    ];
    let lie = Lie { reached, ..Lie::new(PRODUCTION, people, PROPOSED) };
    let explored = explore("a host forks the negotiation", lie);
    assert_eq!(explored, pick(figures(159_776, 38, 4), figures(285_878, 50, 5)));
}

#[test]
fn c1_a_host_that_forks_the_signing_is_found_out() {
    let begun = pick(SIGNED_BY_HOST, ACCEPTED);
    let people = People { cities: 3, choices: SIGNING, versions: 1, messages: 0, length: 7, pending: 1 };
    let reached = vec![
        Property::sometimes("active for all", |lie: &Lie, state: &State| {
            state.cities[1..].iter().all(|city| in_state(lie, city, Is::Active))
        }),
        Property::sometimes("active here, terminated there", |lie: &Lie, state: &State| {
            in_state(lie, &state.cities[1], Is::Active) && in_state(lie, &state.cities[2], Is::Terminated)
        }),
    ];
    let lie = Lie { reached, ..Lie::new(PRODUCTION, people, begun) };
    let explored = explore("a host forks the signing", lie);
    assert_eq!(explored, pick(figures(312_507, 29, 7), figures(7_436_681, 84, 7)));
}
