//! Finding candidates among many subjects without comparing all with all.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use super::{
    Match,
    score::{POSSIBLE, Prepared, can_reach, weigh},
    subject::{Subject, SubjectKind},
};

/// A block with more subjects than this says too little: what is really alike shares another block too.
const BLOCK_MAX: usize = 1_000;
/// The most subjects that are weighed for one question.
const WEIGHED_MAX: usize = 500;
/// Cells of the earth in one degree: about 11 km from south to north.
const CELLS: f64 = 10.0;
/// The longest beginning of a word by which it is found, in letters.
const BEGINNING: usize = 5;

/// Subjects among which candidates are looked for.
///
/// Two subjects are compared if they share a block: an identifier, a specific word or its beginning, the consonants
/// with which the name begins, or (places) neighbouring cells of 0.1 degrees. Names are only looked up within a country
/// and among subjects without one. So the work for a question depends on how common its words are, not on how many
/// subjects there are. What shares only words that more than 1,000 subjects have is not found.
#[derive(Default)]
pub struct Index {
    subjects: Vec<Prepared>,
    blocks: HashMap<u64, Vec<usize>>,
}

/// Two subjects of an index that may be the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The one whose name comes first.
    pub left: String,
    /// The other is [`Match::other`].
    pub found: Match,
}

impl Pair {
    /// The order of pairs: the likeliest first, equally likely ones by their names.
    #[must_use]
    pub fn by_likeness(one: &Self, other: &Self) -> Ordering {
        let score = other.found.score.total_cmp(&one.found.score);
        score.then_with(|| one.left.cmp(&other.left)).then_with(|| one.found.other.cmp(&other.found.other))
    }
}

/// What subjects can share. Names stand with the country, or with `None` for all countries.
#[derive(Hash)]
enum Block<'a> {
    Identifier(&'a str, &'a str),
    Whole(Option<&'a str>, &'a str),
    Beginning(Option<&'a str>, &'a str),
    Skeleton(Option<&'a str>, &'a str),
    Cell(i32, i32),
}

impl Index {
    /// An index of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many subjects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subjects.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// Adds a subject. Its name should be new to the index; otherwise both are kept.
    pub fn add(&mut self, subject: Subject) {
        let prepared = Prepared::of(subject);
        let country = prepared.subject.country.clone();
        let mut keys = BTreeSet::new();
        let cell = cell(&prepared.subject);
        blocks(&prepared, &[Some(&country), None], cell.into_iter(), &mut |key| {
            keys.insert(key);
        });
        for key in keys {
            self.blocks.entry(key).or_default().push(self.subjects.len());
        }
        self.subjects.push(prepared);
    }

    /// The subjects that may be the same as this one, the likeliest first and at most `limit`: those that score
    /// [`POSSIBLE`] or more. Never the subject itself, known by its name.
    #[must_use]
    pub fn candidates(&self, subject: &Subject, limit: usize) -> Vec<Match> {
        let mut matches = self.alike(&Prepared::of(subject.clone()), POSSIBLE);
        matches.sort_by(|one, other| other.score.total_cmp(&one.score).then_with(|| one.other.cmp(&other.other)));
        matches.truncate(limit);
        matches
    }

    /// Those pairs within the index that score at least `least` and that `wanted` accepts, the likeliest first and at
    /// most `limit`. Each pair is there once. 0 as the least means [`POSSIBLE`]; what scores less is suggested as
    /// different.
    #[must_use]
    pub fn pairs(&self, least: f64, limit: usize, wanted: impl Fn(&Pair) -> bool) -> Vec<Pair> {
        let least = if least > 0.0 { least } else { POSSIBLE };
        let mut pairs: Vec<Pair> = Vec::new();
        for prepared in &self.subjects {
            let left = &prepared.subject.name;
            let found = self.alike(prepared, least).into_iter().filter(|found| *left < found.other);
            pairs.extend(found.map(|found| Pair { left: left.clone(), found }).filter(&wanted));
            // So that not all pairs of a large index are kept.
            if pairs.len() > limit.saturating_mul(2).saturating_add(1_000) {
                pairs.sort_by(Pair::by_likeness);
                pairs.truncate(limit);
            }
        }
        pairs.sort_by(Pair::by_likeness);
        pairs.truncate(limit);
        pairs
    }

    /// The others that score at least so much, in no order.
    fn alike(&self, prepared: &Prepared, least: f64) -> Vec<Match> {
        let subject = &prepared.subject;
        let countries: &[Option<&str>] =
            if subject.country.is_empty() { &[None] } else { &[Some(subject.country.as_str()), Some("")] };
        let around = cell(subject).into_iter().flat_map(|(north, east)| {
            (-1..=1).flat_map(move |up| (-1..=1).map(move |right| (north + up, wrapped(east + right))))
        });
        let mut found: Vec<&Vec<usize>> = Vec::new();
        blocks(prepared, countries, around, &mut |key| {
            found.extend(self.blocks.get(&key).filter(|block| block.len() <= BLOCK_MAX));
        });
        // The rarest first: they say most.
        found.sort_by_key(|block| block.len());
        let mut chosen = BTreeSet::new();
        for at in found.into_iter().flatten() {
            if chosen.len() >= WEIGHED_MAX {
                break;
            }
            chosen.insert(*at);
        }
        chosen
            .into_iter()
            .filter_map(|at| self.subjects.get(at))
            .filter(|other| other.subject.kind == subject.kind && other.subject.name != subject.name)
            .filter(|other| can_reach(least, prepared, other))
            .map(|other| weigh(prepared, other))
            .filter(|weighed| weighed.score >= least)
            .collect()
    }
}

/// What a subject is recognised by alone: each of its identifiers, and each of its names together with its country.
///
/// Two subjects that share a mark may be the same; [`super::compare`] tells how likely. Marks are numbers, so that those of
/// a whole registry can be held. That two fall together by chance only costs a comparison.
#[must_use]
pub fn marks(subject: &Subject) -> Vec<u64> {
    let prepared = Prepared::of(subject.clone());
    let kind = subject.kind;
    let identifiers = prepared.identifiers.iter().map(|(scheme, value)| key(kind, &Block::Identifier(scheme, value)));
    let country = Some(subject.country.as_str());
    let names = prepared.names.iter().map(super::names::Name::joined).filter(|name| !name.is_empty());
    let mut marks: Vec<u64> = identifiers.chain(names.map(|name| key(kind, &Block::Whole(country, &name)))).collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}

/// The keys of all blocks of a subject.
fn blocks(
    prepared: &Prepared,
    countries: &[Option<&str>],
    cells: impl Iterator<Item = (i32, i32)>,
    each: &mut impl FnMut(u64),
) {
    let kind = prepared.subject.kind;
    for (scheme, value) in &prepared.identifiers {
        each(key(kind, &Block::Identifier(scheme, value)));
    }
    for (north, east) in cells {
        each(key(kind, &Block::Cell(north, east)));
    }
    for name in &prepared.names {
        let (whole, skeleton) = (name.joined(), name.skeleton());
        for country in countries.iter().copied() {
            each(key(kind, &Block::Whole(country, &whole)));
            each(key(kind, &Block::Skeleton(country, &skeleton)));
            for word in name.keys() {
                let beginning: String = word.chars().take(BEGINNING).collect();
                each(key(kind, &Block::Whole(country, &word)));
                each(key(kind, &Block::Beginning(country, &beginning)));
            }
        }
    }
}

/// Hashed with fixed keys. That two blocks fall together costs a comparison, no more.
fn key(kind: SubjectKind, block: &Block<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, block).hash(&mut hasher);
    hasher.finish()
}

/// The cell of a place. Organisations have none: their points mostly are their cities', which all share.
fn cell(subject: &Subject) -> Option<(i32, i32)> {
    let (north, east) = subject.point.filter(|_| subject.kind == SubjectKind::Place)?;
    let within = north.abs() <= 90.0 && east.abs() <= 180.0;
    within.then(|| (floor(north * CELLS), wrapped(floor(east * CELLS))))
}

/// Both sides of the 180th meridian are neighbours.
fn wrapped(east: i32) -> i32 {
    (east + 1_800).rem_euclid(3_600) - 1_800
}

#[expect(clippy::cast_possible_truncation, reason = "degrees of the earth times ten are within 1,800")]
fn floor(number: f64) -> i32 {
    number.floor() as i32
}
