//! Runs a model to its end and says how far that was.

use std::{num::NonZero, thread::available_parallelism, time::Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use super::book::{Book, Size};

/// A model with a book.
pub(crate) trait Booked: Model {
    fn book(&self) -> &Book;
}

/// How far a model was explored: all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Explored {
    /// Different states of the world.
    pub(crate) states: usize,
    /// Different histories in them.
    pub(crate) histories: usize,
    /// The events of the longest.
    pub(crate) longest: usize,
}

/// So many different states, and different histories with so many events at most.
pub(crate) fn figures(states: usize, histories: usize, longest: usize) -> Explored {
    Explored { states, histories, longest }
}

/// What is usual, or what goes deeper and takes minutes: with `ISOPOLITY_TEST_MODEL=deep`.
pub(crate) fn pick<T>(usual: T, deep: T) -> T {
    let is_deep = std::env::var("ISOPOLITY_TEST_MODEL").is_ok_and(|value| value == "deep");
    if is_deep { deep } else { usual }
}

/// Explores every state and panics with a way to the first thing that is wrong, or with what was not reached.
pub(crate) fn explore<M>(what: &str, model: M) -> Explored
where
    M: Booked + Send + Sync + 'static,
    M::State: std::hash::Hash + Send + Sync + Clone + PartialEq + 'static,
    M::Action: std::fmt::Debug + Clone + PartialEq,
{
    let begun = Instant::now();
    let threads = available_parallelism().map_or(1, NonZero::get);
    let checker = model.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let size = checker.model().book().size();
    println!(
        "{what}: {} states, {} steps between them, depth {}, {} histories of up to {} events, {} events, \
         {} steps signed anew, {} handed back, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        size.histories,
        size.longest,
        size.events,
        size.signed_anew,
        size.handed_back,
        begun.elapsed().as_secs_f64(),
    );
    for property in checker.model().properties() {
        let found = checker.discovery(property.name);
        match (property.expectation, found) {
            (Expectation::Always | Expectation::Eventually, Some(path)) => {
                panic!("{what}: not so: {}\n{}", property.name, told(checker.model(), &path.into_actions()));
            }
            (Expectation::Sometimes, None) => panic!("{what}: never reached: {}", property.name),
            _ => {}
        }
    }
    let Size { histories, longest, .. } = size;
    Explored { states: checker.unique_state_count(), histories, longest }
}

/// Explores step by step until something is wrong; says what, and by which shortest way.
pub(crate) fn find<M>(what: &str, model: impl Fn() -> M) -> (&'static str, Vec<String>)
where
    M: Booked + Send + Sync + 'static,
    M::State: std::hash::Hash + Send + Sync + Clone + PartialEq + 'static,
    M::Action: std::fmt::Debug + Clone + PartialEq,
{
    let mut explored = 0;
    for depth in 2.. {
        let checker =
            model().checker().target_max_depth(depth).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let states = checker.unique_state_count();
        let wrong = checker.model().properties().into_iter().filter(|one| one.expectation == Expectation::Always);
        let found = wrong.filter_map(|one| Some((one.name, checker.discovery(one.name)?.into_actions())));
        if let Some((name, path)) = found.min_by_key(|(_, path)| path.len()) {
            let steps: Vec<String> = path.iter().map(|action| checker.model().format_action(action)).collect();
            println!("{what}: found in {states} states: not so: {name}\n  {}", steps.join("\n  "));
            return (name, steps);
        }
        assert!(states > explored, "{what}: nothing was found in {states} states");
        explored = states;
    }
    unreachable!("the model has an end");
}

fn told<M: Model>(model: &M, path: &[M::Action]) -> String
where
    M::Action: std::fmt::Debug,
{
    let steps: Vec<String> = path.iter().map(|action| format!("  {}", model.format_action(action))).collect();
    steps.join("\n")
}
