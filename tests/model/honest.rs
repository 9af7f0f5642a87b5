//! Honest cities over a bad network.

use isopolity_proto::cooperation::{CooperationState as Is, cooperation_event::Action as Event};
use stateright::Property;

use super::{
    book::{Book, PRODUCTION},
    people::{Choice, People},
    properties::all_in,
    report::{Booked, Explored, explore, figures, pick},
    world::{Network, State, World},
};

impl Booked for World {
    fn book(&self) -> &Book {
        &self.book
    }
}

const IN_ORDER: Network = Network { in_order: true, relays: false };
const AT_ONCE: Network = Network { in_order: false, relays: false };
const RELAYED: Network = Network { in_order: false, relays: true };

const NEGOTIATION: &[Choice] =
    &[Choice::Propose, Choice::Counter, Choice::Accept, Choice::Decline, Choice::Withdraw, Choice::Expire, Choice::Say];
const WHOLE_LIFE: &[Choice] = &[
    Choice::Propose,
    Choice::Counter,
    Choice::Accept,
    Choice::Sign,
    Choice::Activate,
    Choice::Conclude,
    Choice::Terminate,
];
const AMENDMENTS: &[Choice] = &[
    Choice::Propose,
    Choice::Accept,
    Choice::Sign,
    Choice::Activate,
    Choice::Amend,
    Choice::AcceptAmendment,
    Choice::DeclineAmendment,
    Choice::Conclude,
];

fn negotiation_ends() -> Vec<Property<World>> {
    vec![
        Property::sometimes("agreed by all", |world: &World, state: &State| all_in(world, state, Is::Agreed)),
        Property::sometimes("declined", |world: &World, state: &State| all_in(world, state, Is::Declined)),
        Property::sometimes("withdrawn", |world: &World, state: &State| all_in(world, state, Is::Withdrawn)),
        Property::sometimes("expired", |world: &World, state: &State| all_in(world, state, Is::Expired)),
        Property::sometimes("a step is overtaken, and a person asked", overtaken),
        Property::sometimes("two offers of the same version, and one is overtaken", |world: &World, state: &State| {
            let offered = |event| matches!(world.book.event(event).event.action, Some(Event::Counter(_)));
            let lost =
                state.cities.iter().flat_map(|city| &city.pending).filter(|one| one.overtaken && offered(one.event));
            let kept = &world.book.history(state.cities[0].history).events;
            lost.map(|one| world.book.event(one.event)).any(|lost| {
                kept.iter().any(|one| offered(*one) && world.book.event(*one).event.sequence == lost.event.sequence)
            })
        }),
    ]
}

fn life_ends() -> Vec<Property<World>> {
    vec![
        Property::sometimes("active for all", |world: &World, state: &State| all_in(world, state, Is::Active)),
        Property::sometimes("concluded", |world: &World, state: &State| all_in(world, state, Is::Concluded)),
        Property::sometimes("terminated", |world: &World, state: &State| all_in(world, state, Is::Terminated)),
    ]
}

fn amendment_ends() -> Vec<Property<World>> {
    vec![
        Property::sometimes("other terms are agreed by all", |world: &World, state: &State| {
            state.cities.iter().all(|city| world.book.history(city.history).agreements.len() == 2)
        }),
        Property::sometimes("concluded", |world: &World, state: &State| all_in(world, state, Is::Concluded)),
        Property::sometimes("an amendment is overtaken", overtaken),
    ]
}

fn overtaken(_: &World, state: &State) -> bool {
    state.cities.iter().any(|city| city.pending.iter().any(|pending| pending.overtaken))
}

const P: Choice = Choice::Propose;
const A: Choice = Choice::Accept;
const S: Choice = Choice::Sign;

fn run(
    what: &str,
    people: People,
    network: Network,
    begun: &[(usize, Choice)],
    reached: Vec<Property<World>>,
) -> Explored {
    explore(what, World { reached, begun: begun.to_vec(), ..World::new(PRODUCTION, people, network) })
}

#[test]
fn c1_two_cities_negotiate() {
    let people = People { cities: 2, choices: NEGOTIATION, versions: 3, messages: 1, length: pick(6, 8), pending: 2 };
    let explored = run("two cities negotiate", people, IN_ORDER, &[], negotiation_ends());
    assert_eq!(explored, pick(figures(141_242, 662, 6), figures(171_274, 742, 7)));
}

#[test]
fn c1_two_cities_negotiate_over_a_network_without_order() {
    let people = People { cities: 2, choices: NEGOTIATION, versions: 3, messages: 1, length: pick(4, 5), pending: 2 };
    let explored = run("two cities negotiate, all at once", people, AT_ONCE, &[], negotiation_ends());
    assert_eq!(explored, pick(figures(184_392, 186, 5), figures(2_195_664, 418, 6)));
}

#[test]
fn c1_two_cities_from_a_proposal_to_the_end() {
    let people = People {
        cities: 2,
        choices: WHOLE_LIFE,
        versions: pick(2, 3),
        messages: 0,
        length: pick(8, 9),
        pending: pick(1, 2),
    };
    let explored = run("two cities, a whole life", people, IN_ORDER, &[], life_ends());
    assert_eq!(explored, pick(figures(8_999, 180, 8), figures(62_757, 420, 9)));
}

#[test]
fn c1_two_cities_amend_what_they_agreed() {
    let begun = [(0, P), (1, A), (0, S), (1, S), (0, Choice::Activate)];
    let people =
        People { cities: 2, choices: AMENDMENTS, versions: pick(3, 4), messages: 0, length: pick(9, 11), pending: 2 };
    let explored = run("two cities amend", people, IN_ORDER, &begun, amendment_ends());
    assert_eq!(explored, pick(figures(19_477, 343, 10), figures(534_987, 3_509, 12)));
}

#[test]
fn c1_three_cities_negotiate() {
    let people = People { cities: 3, choices: NEGOTIATION, versions: 2, messages: 0, length: pick(4, 5), pending: 1 };
    let explored = run("three cities negotiate", people, IN_ORDER, &[], negotiation_ends());
    assert_eq!(explored, pick(figures(162_343, 136, 5), figures(348_287, 178, 5)));
}

#[test]
fn c1_three_cities_pass_on_what_they_have() {
    let choices = pick(NEGOTIATION, &[P, A]);
    let people = People { cities: 3, choices, versions: 2, messages: 0, length: pick(2, 3), pending: 1 };
    let explored = run("three cities pass on", people, RELAYED, &[], Vec::new());
    assert_eq!(explored, pick(figures(314_441, 16, 3), figures(159_382, 5, 3)));
}

#[test]
fn c1_three_cities_sign_and_begin() {
    let begun = [(0, P), (1, A), (2, A), (0, S)];
    let people = People { cities: 3, choices: WHOLE_LIFE, versions: 1, messages: 0, length: pick(7, 9), pending: 1 };
    let reached = life_ends().into_iter().filter(|one| one.name != "concluded").collect();
    let explored = run("three cities sign", people, IN_ORDER, &begun, reached);
    assert_eq!(explored, pick(figures(8_722, 37, 8), figures(322_946, 227, 10)));
}

#[test]
fn c1_three_cities_amend_what_they_agreed() {
    let begun = [(0, P), (1, A), (2, A), (0, S), (1, S), (2, S), (0, Choice::Activate)];
    let people = People { cities: 3, choices: AMENDMENTS, versions: 2, messages: 0, length: pick(9, 10), pending: 1 };
    let reached = amendment_ends().into_iter().filter(|one| one.name != "concluded").collect();
    let explored = run("three cities amend", people, IN_ORDER, &begun, reached);
    assert_eq!(explored, pick(figures(40_634, 192, 11), figures(559_047, 825, 12)));
}
