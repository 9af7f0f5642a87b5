//! Answers of one city, of which one is its own and others come from replicas.

use std::collections::HashMap;

use isopolity_proto::error::Reason;

use super::{MergedHit, Merger, Terms, city};
use crate::answer::{Answer, AnswerEnd, Ending, Source};

/// Takes in all that there is of one city: its own answer and answers of replicas of it, in any order.
///
/// A live answer in full stands alone. Otherwise the youngest replica that answered in full is united with what came live;
/// without one the live answer stands as it is.
pub(super) fn take_in(merger: &mut Merger, answers: Vec<Answer>, terms: &Terms) {
    let (live, mut replicas): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.source == Source::Live);
    // There is one live answer for each member.
    let live = live.into_iter().next();
    let live = match live {
        Some(live) if replicas.is_empty() || stands_alone(&live, terms) => return take_whole(merger, live),
        live => live,
    };
    replicas.sort_by_key(|replica| match replica.source {
        Source::Live => None,
        Source::Replica { as_of } => Some(as_of),
    });
    let mut trouble = None;
    while let Some(replica) = replicas.pop() {
        let (Source::Replica { as_of }, Ending::Complete, Some(start)) =
            (replica.source, &replica.ending, replica.start.clone())
        else {
            trouble.get_or_insert(replica);
            continue;
        };
        let Ok(kept) = city::read_whole(&replica.city, &start, replica.hits.clone(), true, terms) else {
            trouble.get_or_insert(replica);
            continue;
        };
        let (came, reason, description) = what_came(live.as_ref(), terms);
        let own = live.as_ref().unwrap_or(&replica);
        let end = AnswerEnd {
            took: own.took,
            ending: Ending::Complete,
            records_before: own.records_before,
            effort: own.effort.clone(),
        };
        let hits = unite(kept, came, terms);
        return merger.adopt(&replica.city, start, hits, end, city::FromReplica { as_of, reason, description });
    }
    if let Some(answer) = live.or(trouble) {
        take_whole(merger, answer);
    }
}

/// Whether an answer takes no replica: it is whole and good, or a proof says that nothing there matches, or the city is not
/// wanted: by the caller, or by this city, which has suspended the peering.
fn stands_alone(live: &Answer, terms: &Terms) -> bool {
    use isopolity_proto::catalog::Outcome::{NotAsked, RuledOut, Suspended};
    match (&live.ending, &live.start) {
        (Ending::Complete, Some(start)) => city::read_whole(&live.city, start, live.hits.clone(), true, terms).is_ok(),
        (Ending::Complete, None) => false,
        (Ending::Fault { outcome, .. }, _) => matches!(outcome, NotAsked | RuledOut | Suspended),
    }
}

/// The hits of a live answer that can be used, and why it is not whole.
fn what_came(live: Option<&Answer>, terms: &Terms) -> (Vec<MergedHit>, Reason, String) {
    let Some(live) = live else { return (Vec::new(), Reason::Unspecified, String::new()) };
    let read = live.start.as_ref().map(|start| {
        let complete = live.ending == Ending::Complete;
        city::read_whole(&live.city, start, live.hits.clone(), complete, terms)
    });
    match (read, &live.ending) {
        (Some(Err(breach)), _) => (Vec::new(), Reason::AnswerInvalid, breach.0),
        (read, Ending::Fault { reason, description, .. }) => {
            (read.and_then(Result::ok).unwrap_or_default(), *reason, description.clone())
        }
        (_, Ending::Complete) => (Vec::new(), Reason::AnswerInvalid, "said nothing".to_owned()),
    }
}

/// One list of what a replica holds and what came live. Of a record that was reached twice the newest version counts, and
/// of the same version that which came live.
fn unite(replica: Vec<MergedHit>, live: Vec<MergedHit>, terms: &Terms) -> Vec<MergedHit> {
    // Beyond its last hit a full list of the replica says nothing: there a live hit could overtake one that is not known.
    let known = (replica.len() >= terms.each).then(|| replica.last().cloned()).flatten();
    let mut hits: HashMap<String, MergedHit> = replica.into_iter().map(|hit| (hit.name.clone(), hit)).collect();
    for hit in live {
        let newer = hits.get(&hit.name).is_none_or(|held| held.record.version <= hit.record.version);
        if newer {
            hits.insert(hit.name.clone(), hit);
        }
    }
    let mut hits: Vec<MergedHit> = hits.into_values().collect();
    if let Some(last) = known {
        hits.retain(|hit| hit.place(&last).is_le());
    }
    hits.sort_unstable_by(MergedHit::place);
    hits.truncate(terms.each);
    hits
}

fn take_whole(merger: &mut Merger, answer: Answer) {
    let Answer { city, start, hits, took, ending, records_before, effort, source: _ } = answer;
    // A breach shows in the outcome.
    let mut good = start.is_none_or(|start| merger.start(&city, start).is_ok());
    for hit in hits {
        good = good && merger.hit(&city, hit).is_ok();
    }
    let _ended = merger.end(&city, AnswerEnd { took, ending, records_before, effort });
}
