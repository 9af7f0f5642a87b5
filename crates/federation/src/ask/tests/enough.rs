//! What is enough, and what replicas are for.

use isopolity_domain::{answer::AnswerStart, merge::require};
use isopolity_proto::catalog::{AllCities, BestEffort, NamedCities, PartialResponse, partial_response::Accept};
use time::macros::datetime;

use super::*;

#[tokio::test(start_paused = true)]
async fn q4_all_down_with_replicas_gives_ten_answers_from_replicas() {
    const AS_OF: time::OffsetDateTime = datetime!(2013-03-14 12:00 UTC);
    let ways = [vec![Hang], vec![], vec![Say(start_part(2)), Hang], vec![Say(start_part(2)), Say(hit(3, 0)), Hang]];
    let scripts: Vec<_> = (0..10).map(|number| ways[if number == 3 { 3 } else { number % 3 }].clone()).collect();
    let (peers, _) = federation(scripts);
    let mut answers = ask(&peers).await;
    let replicas: Vec<_> = (0..10)
        .map(|number| {
            let name = |at| format!("cities/{}/partnerships/p{at:06}", peer(number));
            Answer {
                source: Source::Replica { as_of: AS_OF },
                start: Some(AnswerStart { total: 2, records: 2, ..AnswerStart::default() }),
                hits: (0..2).map(|at| answer_hit(peer(number).as_str(), at, &name(at))).collect(),
                ..blank(&peer(number), 2, Ending::Complete, Routing::Asked)
            }
        })
        .collect();
    answers.extend(replicas);
    let merged = merge(answers, &terms(5));
    assert_eq!((merged.hits.len(), merged.total, merged.outcomes.len()), (5, 20, 10));
    for outcome in &merged.outcomes {
        assert_eq!(outcome.outcome(), Outcome::FromReplica, "{}", outcome.city);
        assert_eq!(outcome.as_of_time.map(|time| time.seconds), Some(AS_OF.unix_timestamp()));
        assert!(!outcome.reason.is_empty(), "{} has a reason", outcome.city);
    }
    assert_eq!(merged.coverage.cities_answered, 0, "a replica is not the city");
}

#[tokio::test(start_paused = true)]
async fn q12_k_of_n_and_named_cities_must_answer() {
    let named = |cities: &[usize]| {
        Accept::Named(NamedCities { cities: cities.iter().map(|number| peer(*number).to_string()).collect() })
    };
    // One answers with hits, one without, one is down, one breaks off.
    let part = vec![Say(start_part(2)), Say(hit(3, 0))];
    let (peers, _) = federation(vec![real(0, 2), real(1, 0), vec![Hang], part]);
    for merged in [page(&peers, 5).await, streamed(&peers, 5).await.1] {
        for (accept, missing) in [
            (Accept::BestEffort(BestEffort {}), vec![]),
            (Accept::AtLeast(3), vec![]),
            (Accept::AtLeast(4), vec!["3 did", "c.example did not answer in time", "d.example answered in part"]),
            (Accept::All(AllCities {}), vec!["c.example did not answer in time", "d.example answered in part"]),
            (named(&[0, 1]), vec![]),
            (named(&[1, 2]), vec!["c.example did not answer in time"]),
            (named(&[3]), vec!["d.example answered in part"]),
            (named(&[9]), vec!["j.example is not a member of the federation"]),
        ] {
            let what = format!("{accept:?}");
            let enough = require(&merged, Some(&PartialResponse { accept: Some(accept) }));
            assert_eq!(enough.err().map(|short| short.missing).unwrap_or_default(), missing, "{what}");
        }
    }
}
