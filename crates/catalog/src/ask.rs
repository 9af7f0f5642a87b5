//! From a question to what is found.

use std::{
    borrow::Cow,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use isopolity_domain::{answer::After, feed::Position, query, sight::Sight};
use isopolity_proto::{
    federation::{Envelope, FacetCounts, Question, SearchOrder, Statistics},
    options::Facet,
};
use tantivy::{DocAddress, TantivyError};

use crate::{
    conditions::Conditions,
    counting::Counts,
    hits::Hits,
    rank::{self, Candidate, Ranking, Stretch},
    schema::{SEQUENCE, name_of},
    snapshot::{Snapshot, signed},
};

/// The most hits of one question.
pub(crate) const LIMIT_MAX: usize = 100_000;
/// So many documents are looked at by two threads: with fewer it takes longer to begin one.
const TWO_THREADS_FROM: u64 = if cfg!(test) { 100 } else { 100_000 };

/// What is asked of a catalogue. The question is taken as it is: [`isopolity_domain::question`] says whether it may be
/// asked, and in which order.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The question. Its own order does not matter.
    pub question: &'a Question,
    /// What the asker sees: other records are not there.
    pub sight: &'a Sight,
    /// The order, decided.
    pub order: SearchOrder,
    /// The statistics by which relevance is computed. `None`: those of the records that are seen here.
    pub statistics: Option<&'a Statistics>,
    /// Only hits after this point, of the same order.
    pub after: Option<&'a After>,
    /// The most hits, held to 0 to 100,000.
    pub limit: usize,
    /// The facets to count.
    pub facets: &'a [Facet],
}

/// What was found.
pub struct Found {
    /// Records that match, also those that are not after the point that was asked for.
    pub total: i64,
    /// Records that the asker may see in all.
    pub records: i64,
    /// The point of the feed up to which the index went that was asked.
    pub position: Position,
    /// The facets that were asked for, in that order, of all that match.
    pub facets: Vec<FacetCounts>,
    /// The best hits: by key, the best first, then by city and resource name in byte order.
    pub hits: Hits,
}

/// A part of the work that matches give.
#[derive(Clone, Copy)]
enum Task {
    /// Ranks the documents of a stretch of a segment.
    Rank { segment: usize, stretch: Stretch },
    /// Counts the values of a facet in a segment.
    Count { segment: usize, facet: usize },
}

/// What came of it.
enum Done {
    Ranked { segment: usize, best: Vec<Candidate> },
    Counted { facet: usize, counts: Counts },
}

pub(crate) fn ask(snapshot: &Arc<Snapshot>, asked: &Asked<'_>) -> Result<Found, TantivyError> {
    let limit = asked.limit.min(LIMIT_MAX);
    let order = if asked.order == SearchOrder::Unspecified { SearchOrder::Relevance } else { asked.order };
    let text = query::parse(&asked.question.text);
    let conditions = Conditions::new(&snapshot.fields, asked.question, &text);
    let documents = snapshot.segments.iter().map(|segment| u64::from(segment.reader.max_doc())).sum::<u64>();
    let sight = snapshot.plainest(asked.sight)?;
    let visible = each(&snapshot.segments, documents >= TWO_THREADS_FROM, |segment| segment.visible(&sight))?;
    let seen: Vec<_> = snapshot.segments.iter().zip(&visible).collect();
    let matches = each(&seen, documents >= TWO_THREADS_FROM, |(segment, visible)| {
        let Some(visible) = visible.as_deref() else { return Ok((Cow::default(), 0)) };
        let matches = conditions.fulfilled(&snapshot.searcher, segment, visible)?;
        let count = matches.count();
        Ok((matches, count))
    })?;
    let total = matches.iter().map(|(_, count)| count).sum::<u64>();
    let ranking = if limit > 0 && total > 0 {
        Some(Ranking::new(order, snapshot, &text.words(), asked.statistics, &sight)?)
    } else {
        None
    };
    let tasks = tasks(snapshot, matches.iter().map(|(_, count)| *count), asked.facets.len(), ranking.is_some());
    let done = each(&tasks, total.saturating_mul(tasks.len() as u64) >= TWO_THREADS_FROM, |task| {
        let of = |place: usize| snapshot.segments.get(place).zip(matches.get(place));
        Ok(match *task {
            Task::Rank { segment, stretch } => {
                let best = match (of(segment), &ranking) {
                    (Some((there, (matches, count))), Some(ranking)) => {
                        rank::best(there, ranking, (matches, *count, stretch), asked.after, limit)?
                    }
                    _ => Vec::new(),
                };
                Done::Ranked { segment, best }
            }
            Task::Count { segment, facet } => {
                let mut counts = Counts::default();
                if let (Some((there, (matches, count))), Some(facet)) = (of(segment), asked.facets.get(facet)) {
                    counts.add(*facet, &snapshot.fields, there, matches, *count)?;
                }
                Done::Counted { facet, counts }
            }
        })
    })?;
    let (mut facets, mut found) = (vec![Counts::default(); asked.facets.len()], Vec::new());
    for done in done {
        match done {
            Done::Ranked { segment, best } => found.push((segment, best)),
            Done::Counted { facet, counts } => facets.get_mut(facet).into_iter().for_each(|sum| sum.join(&counts)),
        }
    }
    Ok(Found {
        total: signed(total),
        records: signed(snapshot.records(&sight)?),
        position: snapshot.position.clone(),
        facets: asked.facets.iter().zip(facets).map(|(facet, counts)| counts.into_counts(*facet)).collect(),
        hits: Hits::new(Arc::clone(snapshot), order, found, limit)?,
    })
}

/// What is to be done with so many matches in each segment.
fn tasks(snapshot: &Snapshot, counts: impl Iterator<Item = u64>, facets: usize, is_ranked: bool) -> Vec<Task> {
    let mut tasks = Vec::new();
    for ((segment, there), _) in snapshot.segments.iter().enumerate().zip(counts).filter(|(_, count)| *count > 0) {
        if is_ranked {
            tasks.extend(Stretch::all(there.reader.max_doc()).map(|stretch| Task::Rank { segment, stretch }));
        }
        tasks.extend((0..facets).map(|facet| Task::Count { segment, facet }));
    }
    tasks
}

/// A record and the sequence at which it was published.
pub type Published = (i64, String, Envelope);

pub(crate) fn published_after(
    snapshot: &Snapshot,
    question: &Question,
    sight: &Sight,
    after_sequence: i64,
    limit: usize,
) -> Result<Vec<Published>, TantivyError> {
    let text = query::parse(&question.text);
    let conditions = Conditions::new(&snapshot.fields, question, &text).published_after(after_sequence);
    let sight = snapshot.plainest(sight)?;
    let mut found = Vec::new();
    for (place, segment) in (0..).zip(&snapshot.segments) {
        let Some(visible) = segment.visible(&sight)?.filter(|visible| visible.count > 0) else { continue };
        let sequences = segment.numbers(SEQUENCE)?;
        let matches = conditions.fulfilled(&snapshot.searcher, segment, &visible)?;
        found.extend(matches.iter().map(|doc| (sequences.get_val(doc), DocAddress::new(place, doc))));
    }
    found.sort_unstable();
    found.truncate(limit);
    let mut published = Vec::with_capacity(found.len());
    for (sequence, address) in found {
        let Some(segment) = usize::try_from(address.segment_ord).ok().and_then(|place| snapshot.segments.get(place))
        else {
            continue;
        };
        let names = segment.names()?;
        let name = name_of(&names.text(names.number(address.doc_id))?);
        published.push((sequence, name, snapshot.envelope(address)?));
    }
    Ok(published)
}

/// Does something with each; in two threads, if that is worth it. Gives the results in the same order.
fn each<'a, T: Sync, R: Send>(
    all: &'a [T],
    with_two: bool,
    work: impl Fn(&'a T) -> Result<R, TantivyError> + Sync,
) -> Result<Vec<R>, TantivyError> {
    if all.len() < 2 || !with_two || thread::available_parallelism().map_or(1, NonZero::get) < 2 {
        return all.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = all.get(place) else { return done };
            done.push((place, work(one)));
        }
    };
    let mut done = thread::scope(|scope| {
        // Without a second thread the first does it all.
        let other = thread::Builder::new().spawn_scoped(scope, some).ok();
        let mut done = some();
        if let Some(other) = other {
            match other.join() {
                Ok(others) => done.extend(others),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
