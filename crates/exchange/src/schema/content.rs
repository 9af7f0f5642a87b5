//! Which elements may follow each other: a content model as an automaton.
//!
//! XML Schema demands that a content model is unambiguous, so each element that comes belongs to exactly one place of
//! the model. The places are numbered, and for each it is known which may come next (Glushkov's construction).

use std::collections::BTreeSet;

use super::Declaration;

/// A part of a content model as a schema states it.
#[derive(Clone, Debug)]
pub(super) struct Particle {
    pub(super) term: Term,
    pub(super) optional: bool,
    pub(super) repeated: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Term {
    Leaf(Leaf),
    Sequence(Vec<Particle>),
    Choice(Vec<Particle>),
}

/// A place of the model.
#[derive(Clone, Debug)]
pub(super) enum Leaf {
    /// An element without a namespace that is declared on the outermost level under this name.
    Reference(String),
    /// An element that is declared here.
    Element(Declaration),
    /// Any element of another namespace.
    Other,
}

impl Leaf {
    /// The name of the element, if it is a certain one.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Reference(name) => Some(name),
            Self::Element(declaration) => Some(&declaration.name),
            Self::Other => None,
        }
    }
}

/// A content model. A state is the place of the last element that came; `None` is the beginning.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    leaves: Vec<Leaf>,
    first: Vec<usize>,
    follow: Vec<Vec<usize>>,
    last: BTreeSet<usize>,
    nullable: bool,
}

pub(super) type State = Option<usize>;

impl Content {
    pub(super) fn of(particle: &Particle) -> Self {
        let mut content = Self::default();
        let ends = content.add(particle);
        content.first = ends.first;
        content.last = ends.last.into_iter().collect();
        content.nullable = ends.nullable;
        content
    }

    /// The model that takes first what this takes, then what the other takes: how a type is extended.
    pub(super) fn then(parts: Vec<Particle>) -> Self {
        Self::of(&Particle { term: Term::Sequence(parts), optional: false, repeated: false })
    }

    pub(super) fn leaf(&self, place: usize) -> Option<&Leaf> {
        self.leaves.get(place)
    }

    pub(super) fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// The places that may come next.
    pub(super) fn next(&self, state: State) -> &[usize] {
        match state {
            None => &self.first,
            Some(place) => self.follow.get(place).map_or(&[], Vec::as_slice),
        }
    }

    /// Whether nothing more has to come.
    pub(super) fn is_complete(&self, state: State) -> bool {
        match state {
            None => self.nullable,
            Some(place) => self.last.contains(&place),
        }
    }

    /// Whether one of these places can come after the state, sooner or later, without passing over an element of the
    /// name `without`. No places: whether the content can be completed so.
    pub(super) fn reaches(&self, state: State, places: &[usize], without: Option<&str>) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![state];
        while let Some(state) = open.pop() {
            if places.is_empty() && self.is_complete(state) {
                return true;
            }
            for place in self.next(state) {
                if places.contains(place) {
                    return true;
                }
                let avoided = without.is_some() && self.leaf(*place).and_then(Leaf::name) == without;
                if !avoided && seen.insert(*place) {
                    open.push(Some(*place));
                }
            }
        }
        false
    }

    /// The elements that have to come after the state before one of these places can, or, without places, before the
    /// content is complete. In the order of the model.
    pub(super) fn missing(&self, state: State, places: &[usize]) -> Vec<&str> {
        let mut missing: Vec<&str> = Vec::new();
        for name in self.leaves.iter().filter_map(Leaf::name) {
            if !missing.contains(&name) && !self.reaches(state, places, Some(name)) {
                missing.push(name);
            }
        }
        missing
    }

    fn add(&mut self, particle: &Particle) -> Ends {
        let mut ends = match &particle.term {
            Term::Leaf(leaf) => {
                let place = self.leaves.len();
                self.leaves.push(leaf.clone());
                self.follow.push(Vec::new());
                Ends { first: vec![place], last: vec![place], nullable: false }
            }
            Term::Sequence(parts) => {
                let mut all = Ends { first: Vec::new(), last: Vec::new(), nullable: true };
                for part in parts {
                    let ends = self.add(part);
                    self.connect(&all.last, &ends.first);
                    if all.nullable {
                        all.first.extend(&ends.first);
                    }
                    if !ends.nullable {
                        all.last.clear();
                    }
                    all.last.extend(&ends.last);
                    all.nullable &= ends.nullable;
                }
                all
            }
            Term::Choice(parts) => {
                let mut all = Ends { first: Vec::new(), last: Vec::new(), nullable: parts.is_empty() };
                for part in parts {
                    let ends = self.add(part);
                    all.first.extend(ends.first);
                    all.last.extend(ends.last);
                    all.nullable |= ends.nullable;
                }
                all
            }
        };
        if particle.repeated {
            self.connect(&ends.last, &ends.first);
        }
        ends.nullable |= particle.optional;
        ends
    }

    fn connect(&mut self, from: &[usize], to: &[usize]) {
        for place in from {
            if let Some(follow) = self.follow.get_mut(*place) {
                for next in to {
                    if !follow.contains(next) {
                        follow.push(*next);
                    }
                }
            }
        }
    }
}

/// Where a part of a model begins and ends.
struct Ends {
    first: Vec<usize>,
    last: Vec<usize>,
    nullable: bool,
}
