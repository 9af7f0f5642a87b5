//! Peers that die in the middle or break the protocol.

use super::*;

fn reset() -> LinkError {
    LinkError::new(Outcome::Unreachable, Reason::Connection, "the connection broke")
}

#[tokio::test(start_paused = true)]
async fn q3_a_peer_that_dies_after_k_hits_is_named_with_what_came() {
    const K: usize = 5;
    for count in 0..=K {
        let begun: Vec<_> = std::iter::once(start_part(5)).chain((0..count).map(|at| hit(0, at))).map(Say).collect();
        let broken: Vec<_> = begun.iter().cloned().chain([Break(reset())]).collect();
        for (steps, why) in [(begun, format!("the answer broke off after {count} hits")), (broken, reset().description)]
        {
            let (peers, _) = federation(vec![steps, real(1, 2)]);
            let answer = peers.ask(&asking(10)).await.remove(0);
            assert_eq!((outcome(&answer), answer.hits.len()), (Some(Outcome::Unreachable), count));
            assert_eq!(answer.start.as_ref().map(|start| start.total), Some(5));
            let page = page(&peers, 10).await;
            let (hits, streamed) = streamed(&peers, 10).await;
            assert_eq!(page.hits, hits, "as a page and as a stream it is the same");
            for whole in [&page, &streamed] {
                let dead = of(whole, 0);
                let named = if count == 0 { Outcome::Unreachable } else { Outcome::Partial };
                assert_eq!((dead.outcome(), dead.hits), (named, i32::try_from(count).unwrap()));
                assert_eq!((dead.reason.as_str(), dead.error_reason()), (why.as_str(), Reason::Connection));
                assert_eq!(whole.total, if count == 0 { 2 } else { 7 });
                assert_eq!(whole.coverage.cities_answered, 2, "a part is not an answer");
            }
        }
    }
    let answer = ask_one(Vec::new()).await;
    assert_eq!((outcome(&answer), answer.start), (Some(Outcome::Unreachable), None));
}

#[tokio::test(start_paused = true)]
async fn q10_unsorted_duplicate_foreign_and_oversize_answers_are_not_used_and_harm_nobody() {
    let start = |total| Say(start_part(total));
    let end = |hits| Say(end_part(hits));
    let foreign = || Say(hit_named(0, 1, "cities/b.example/partnerships/stolen"));
    let twice = || Say(hit_named(0, 2, "cities/a.example/partnerships/p000001"));
    let huge = || {
        let mut part = hit(0, 1);
        if let Some(Part::Hit(QueryHit { envelope: Some(envelope), .. })) = &mut part.part {
            envelope.payload = vec![0; 9 << 20].into();
        }
        Say(part)
    };
    let one = |at| Say(hit(0, at));
    for (what, steps, why) in [
        ("unsorted", vec![start(2), one(2), one(1), end(2)], "not in order at hit 2"),
        ("duplicate", vec![start(2), one(1), twice(), end(2)], "p000001 twice"),
        ("foreign", vec![start(1), foreign(), end(1)], "records of b.example"),
        ("oversize", vec![start(2), huge(), end(1)], "larger than an answer may be"),
        (
            "more than asked for",
            vec![start(9), one(1), one(2), one(3), one(4), one(5), one(6), end(6)],
            "more than the 5 hits",
        ),
        ("fewer than it says", vec![start(4), one(1), end(1)], "4 records match but sent 1"),
    ] {
        let (peers, stage) = federation(vec![steps, real(1, 2)]);
        let whole = page(&peers, 5).await;
        let bad = of(&whole, 0);
        assert_eq!((bad.outcome(), bad.error_reason()), (Outcome::Invalid, Reason::AnswerInvalid), "{what}");
        assert!(bad.reason.contains(why), "{what}: {}", bad.reason);
        assert_eq!((bad.hits, bad.total, whole.total), (0, 0, 2), "{what}");
        assert!(whole.hits.len() == 2 && whole.hits.iter().all(|hit| hit.city == peer(1)), "{what}");
        if what == "oversize" {
            // A long stream has no limit for the whole, and a hit none but that of a message, which the link keeps.
            continue;
        }
        let (hits, whole) = streamed(&peers, 5).await;
        let bad = of(&whole, 0);
        let given_out = hits.iter().filter(|hit| hit.city == peer(0)).count();
        assert_eq!(i32::try_from(given_out).unwrap(), bad.hits, "{what}: what was given out before is counted");
        assert_eq!(hits.len() - given_out, if given_out == 5 { 0 } else { 2 }, "{what}");
        stage.empty().await;
    }
}

#[tokio::test(start_paused = true)]
async fn q10_a_breach_in_a_stream_ends_the_call_and_keeps_the_order_of_the_others() {
    let mut bad: Vec<_> = real(0, 300);
    bad[201] = Say(hit(0, 7));
    let (peers, stage) = federation(vec![bad, real(1, 300)]);
    let (mut streams, mut merger) = begin(&peers, 600);
    let (mut hits, mut breaches) = (Vec::new(), Vec::new());
    loop {
        match merger.take_next() {
            Next::Hit(hit) => hits.push(*hit),
            Next::Waiting(_) => breaches.extend(streams.feed(&mut merger).await),
            Next::Done => break,
        }
    }
    assert_eq!(breaches.len(), 1);
    assert_eq!(
        (&breaches[0].0, breaches[0].1.to_string().as_str()),
        (&peer(0), "sent cities/a.example/partnerships/p000007 twice")
    );
    let whole = merger.finish();
    let given_out = hits.iter().filter(|hit| hit.city == peer(0)).count();
    assert!((100..=200).contains(&given_out), "{given_out} before the breach was met");
    assert_eq!((of(&whole, 0).outcome(), of(&whole, 0).hits), (Outcome::Invalid, i32::try_from(given_out).unwrap()));
    assert_eq!((of(&whole, 1).hits, whole.total, whole.coverage.cities_answered), (300, 300, 2));
    assert!(hits.is_sorted_by_key(|hit| hit.name.rsplit('/').next().unwrap().to_owned()));
    stage.empty().await;
}

#[tokio::test(start_paused = true)]
async fn of_an_answer_that_breaks_the_protocol_nothing_is_used() {
    let huge = {
        let mut part = hit_part(0);
        if let Some(Part::Hit(hit)) = &mut part.part {
            hit.envelope = Some(Envelope { payload: vec![0; 3 * 1024 * 1024].into(), ..Envelope::default() });
        }
        part
    };
    let without_record = {
        let mut part = hit_part(0);
        if let Some(Part::Hit(hit)) = &mut part.part {
            hit.envelope = None;
        }
        Say(part)
    };
    let (start, hit, end) = (|| Say(start_part(9)), || Say(hit_part(0)), |hits| Say(end_part(hits)));
    let breaches = [
        ("hit before start", vec![hit(), start(), end(1)]),
        ("end before start", vec![end(0)]),
        ("two starts", vec![start(), start(), end(0)]),
        ("more after the end", vec![start(), hit(), end(1), hit()]),
        ("two ends", vec![start(), hit(), end(1), end(1)]),
        ("wrong count", vec![start(), hit(), end(2)]),
        ("negative count", vec![start(), hit(), end(-1)]),
        ("unknown part", vec![start(), Say(QueryResponse { part: None }), end(0)]),
        ("more than asked for", vec![start(), hit(), hit(), hit(), hit(), hit(), hit(), end(6)]),
        ("more than match", vec![Say(start_part(1)), hit(), hit(), end(2)]),
        ("negative total", vec![Say(start_part(-1)), end(0)]),
        ("no record", vec![start(), without_record, end(1)]),
        ("too many bytes", vec![start(), Say(huge.clone()), Say(huge.clone()), Say(huge), end(3)]),
    ];
    for (what, steps) in breaches {
        let answer = ask_one(steps).await;
        assert_eq!(outcome(&answer), Some(Outcome::Invalid), "{what}");
        assert_eq!((answer.start, answer.hits.len()), (None, 0), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_exactly_the_limit_is_taken() {
    let answer = ask_one(real(0, 5)).await;
    assert_eq!((outcome(&answer), answer.hits.len()), (None, 5));
    // A peer that keeps the stream open after the end has answered all the same.
    let answer = ask_one(good().into_iter().chain([Hang]).collect()).await;
    assert_eq!((outcome(&answer), answer.hits.len()), (None, 2));
}

#[tokio::test(start_paused = true)]
async fn records_come_only_if_they_are_wanted() {
    let mut part = hit(0, 0);
    if let Some(Part::Hit(hit)) = &mut part.part {
        hit.envelope = None;
    }
    let (peers, _) = federation(vec![vec![Say(start_part(1)), Say(part), Say(end_part(1))]]);
    let mut wanted = asking(5);
    wanted.request.omit_records = true;
    let answer = peers.ask(&wanted).await.remove(0);
    assert_eq!((outcome(&answer), answer.hits.len()), (None, 1));
}
