//! What is to be true of honest cities, always, and what must be possible.

use isopolity_proto::cooperation::CooperationState;
use stateright::Property;

use super::{
    oracle::Faults,
    people::HOST,
    world::{State, World},
};

/// What is always so.
pub(crate) fn always() -> Vec<Property<World>> {
    vec![
        Property::always(
            "no divergence: a participant's history is the beginning of the host's",
            |world: &World, state: &State| {
                state.cities.iter().all(|city| world.is_prefix(city.history, state.cities[HOST].history))
            },
        ),
        Property::always(
            "no double agreement: no version is agreed with two offers",
            |world: &World, state: &State| {
                let mut agreed = std::collections::HashMap::new();
                state.cities.iter().all(|city| {
                    let history = world.book.history(city.history);
                    history
                        .agreements
                        .iter()
                        .all(|(version, hash)| agreed.entry(*version).or_insert(hash.clone()) == hash)
                })
            },
        ),
        Property::always("nothing is agreed that not every city accepted", |world: &World, state: &State| {
            without(world, state, Faults::AGREED_WITHOUT_ALL)
        }),
        Property::always("nothing is active that not every city signed", |world: &World, state: &State| {
            without(world, state, Faults::ACTIVE_UNSIGNED)
        }),
        Property::always("what is agreed is not lost", |world: &World, state: &State| {
            without(world, state, Faults::TERMS_LOST)
        }),
        Property::always("nothing comes after the end", |world: &World, state: &State| {
            without(world, state, Faults::AFTER_THE_END)
        }),
        Property::always("a step is kept once", |world: &World, state: &State| without(world, state, Faults::TWICE)),
        Property::always("each event follows the one before by place and hash", |world: &World, state: &State| {
            without(world, state, Faults::UNCHAINED)
        }),
        Property::always(
            "what is kept is what could be taken, and the other way about",
            |world: &World, state: &State| without(world, state, Faults::TWO_RULES),
        ),
        Property::always("the same history is the same cooperation", |world: &World, state: &State| {
            without(world, state, Faults::TWO_WAYS)
        }),
        Property::always("a step that is signed anew means what it meant", |world: &World, state: &State| {
            let mut pending = state.cities.iter().flat_map(|city| &city.pending);
            pending.all(|step| !world.book.means_something_else(step.event))
        }),
        Property::always("what was acknowledged is kept", |world: &World, state: &State| acknowledged(world, state)),
        Property::always("no honest city is refused, and no honest host accused", |_: &World, state: &State| {
            state.cities.iter().all(|city| !city.refused && city.fork.is_none())
        }),
        Property::always("what is delivered gets the cities on", |_: &World, state: &State| !state.in_circles),
        Property::always("when all is delivered all have the same", |world: &World, state: &State| {
            settled(world, state)
        }),
    ]
}

fn without(world: &World, state: &State, faults: Faults) -> bool {
    state.cities.iter().all(|city| !world.book.history(city.history).faults.has(faults))
}

/// What is no longer in the outbox has been acknowledged: the receiver has it.
fn acknowledged(world: &World, state: &State) -> bool {
    let host = &state.cities[HOST];
    let events = &world.book.history(host.history).events;
    state.cities.iter().enumerate().filter(|(at, _)| *at != HOST).all(|(at, city)| {
        let theirs = world.book.history(city.history);
        let waits = |event| host.outbox.iter().any(|letter| letter.to == at && letter.event == event);
        events.iter().all(|event| waits(*event) || theirs.events.contains(event))
    })
}

/// As long as something waits in an outbox, delivering gets on; when nothing does, all have the same and nobody waits for the network.
fn settled(world: &World, state: &State) -> bool {
    if state.cities.iter().any(|city| !city.outbox.is_empty()) {
        return !world.is_quiet(state);
    }
    state.cities.iter().all(|city| city.history == state.cities[HOST].history && city.on_their_way() == 0)
}

/// Every city has come to this state.
pub(crate) fn all_in(world: &World, state: &State, wanted: CooperationState) -> bool {
    state.cities.iter().all(|city| {
        world.book.history(city.history).cooperation.as_ref().is_some_and(|cooperation| cooperation.state() == wanted)
    })
}
