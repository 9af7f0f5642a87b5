//! Time: that of the caller, that of each peer, and ours.

use super::*;

#[tokio::test(start_paused = true)]
async fn q1_one_slow_city_of_ten_costs_neither_the_deadline_nor_the_other_nine() {
    let mut scripts = vec![good(); 10];
    scripts[3] = vec![Hang];
    let (peers, stage) = federation(scripts);
    let started = Instant::now();
    let answers = ask(&peers).await;
    assert_eq!(started.elapsed().as_secs(), 3);
    assert_eq!(answers.len(), 10);
    for answer in &answers {
        let slow = answer.city == peer(3);
        assert_eq!(outcome(answer), slow.then_some(Outcome::TimedOut), "{}", answer.city);
        assert_eq!(answer.hits.len(), if slow { 0 } else { 2 });
        assert_eq!(answer.records_before, 7);
        assert_eq!(answer.effort.first_took, (!slow).then_some(Duration::ZERO));
        assert_eq!((answer.effort.routing, answer.effort.calls, answer.effort.bytes > 0), (Routing::Asked, 1, !slow));
    }
    assert_eq!(stage.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn q1_the_first_results_are_there_before_the_slowest_city_answers() {
    let mut scripts: Vec<_> = (0..10).map(|number| real(number, 3)).collect();
    scripts[3].insert(0, Wait(millis(2_500)));
    scripts[7] = vec![Hang];
    let (peers, stage) = federation(scripts);
    let started = Instant::now();
    let (mut streams, mut merger) = begin(&peers, 5);
    while merger.open().len() > 2 {
        streams.feed(&mut merger).await;
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(merger.open(), [peer(3), peer(7)]);
    let seen: Vec<&str> = merger.preview(5).into_iter().map(|hit| hit.city.as_str()).collect();
    assert_eq!(seen, ["a.example", "b.example", "c.example", "e.example", "f.example"]);
    assert_eq!(merger.total(), 24);
    let (hits, whole) = drain(streams, merger).await;
    let cities: Vec<&str> = hits.iter().map(|hit| hit.city.as_str()).collect();
    assert_eq!(cities, ["a.example", "b.example", "c.example", "d.example", "e.example"], "the late one has its place");
    assert_eq!((whole.total, of(&whole, 7).outcome()), (27, Outcome::TimedOut));
    assert_eq!(started.elapsed().as_secs(), 3);
    stage.empty().await;
}

#[tokio::test(start_paused = true)]
async fn q2_a_dribbling_peer_cant_hold_the_answer() {
    let mut dribble = vec![Say(start_part(100))];
    for number in 0..100 {
        dribble.extend([Wait(millis(800)), Say(hit(0, number))]);
    }
    let (peers, _) = federation(vec![dribble, real(1, 2)]);
    let started = Instant::now();
    let answers = peers.ask(&asking(100)).await;
    assert_eq!(started.elapsed().as_secs(), 3);
    assert_eq!((outcome(&answers[0]), answers[0].hits.len()), (Some(Outcome::TimedOut), 3));
    assert_eq!(outcome(&answers[1]), None);

    let (hits, whole) = streamed(&peers, 100).await;
    assert_eq!(started.elapsed().as_secs(), 6, "a stream is not held either");
    assert_eq!((hits.len(), of(&whole, 0).outcome(), of(&whole, 0).hits), (5, Outcome::Partial, 3));
    assert_eq!(of(&whole, 0).reason, "not finished within 3.0 s; 3 hits came");
}

#[tokio::test(start_paused = true)]
async fn q2_a_dribbling_peer_that_falls_silent_is_given_up_before_the_budget_is_spent() {
    let (peers, _) = federation(vec![vec![Say(start_part(5)), Say(hit_part(0)), Hang]]);
    let started = Instant::now();
    let answers = ask(&peers).await;
    assert_eq!(started.elapsed().as_millis() / 100, 15);
    assert_eq!((outcome(&answers[0]), answers[0].hits.len()), (Some(Outcome::TimedOut), 1));
    let trouble = peers.health(&answers[0].city).outbound.unwrap();
    assert_eq!(trouble.description, "silent for 1.5 s after 1 hits");
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_is_slow_costs_a_peer_none_of_its_time() {
    let mut steps = real(0, 300);
    // The last of its three seconds is not needed.
    steps.insert(150, Wait(millis(1_000)));
    steps.insert(290, Wait(millis(1_000)));
    let (peers, stage) = federation(vec![steps]);
    let (mut streams, mut merger) = begin(&peers, 300);
    let mut hits = 0;
    loop {
        match merger.take_next() {
            Next::Hit(_) => {
                hits += 1;
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
            Next::Waiting(_) => {
                streams.feed(&mut merger).await;
            }
            Next::Done => break,
        }
    }
    // The answer was whole with the last hit; that the peer had ended too was not waited for.
    streams.stop(&mut merger);
    let whole = merger.finish();
    assert_eq!((hits, of(&whole, 0).outcome(), of(&whole, 0).hits), (300, Outcome::Answered, 300));
    stage.empty().await;
}

#[tokio::test(start_paused = true)]
async fn q8_a_caller_deadline_shorter_than_the_servers_counts_and_is_passed_on() {
    let (peers, stage) = federation(vec![vec![Hang], good()]);
    for (within, taken) in [(600, 500), (2_000, 1_900), (60_000, 3_000)] {
        let started = Instant::now();
        let answers = peers.ask(&Asking { within: millis(within), ..asking(5) }).await;
        assert_eq!(started.elapsed().as_millis() / 10, u128::from(taken / 10), "of {within} ms, less the margin");
        assert_eq!(answers.iter().map(outcome).collect::<Vec<_>>(), [Some(Outcome::TimedOut), None]);
        let asked = std::mem::take(&mut *stage.asked.lock().unwrap());
        assert!(asked.iter().all(|(_, _, sent)| *sent == millis(taken)), "{asked:?}");
    }
    // A caller without time learns that at once.
    let started = Instant::now();
    let answers = peers.ask(&Asking { within: millis(50), ..asking(5) }).await;
    assert_eq!(outcome(&answers[0]), Some(Outcome::TimedOut));
    assert!(started.elapsed() <= millis(50));
}

#[tokio::test(start_paused = true)]
async fn q8_a_stream_tells_peers_the_callers_deadline_but_waits_no_longer_than_the_budget() {
    let (peers, stage) = federation(vec![vec![Hang]]);
    let started = Instant::now();
    let merger = Merger::new([peer(0)], terms(5));
    let streams = peers.stream(&Asking { within: Duration::from_mins(10), ..asking(5) });
    let (_, whole) = drain(streams, merger).await;
    assert_eq!((started.elapsed().as_secs(), of(&whole, 0).outcome()), (3, Outcome::TimedOut));
    assert_eq!(stage.asked.lock().unwrap()[0].2, Duration::from_mins(10));
}

#[tokio::test(start_paused = true)]
async fn q9_cancelling_frees_every_stream() {
    let (peers, stage) = federation(vec![vec![Say(start_part(1)), Hang]; 10]);
    {
        let asking = ask(&peers);
        tokio::pin!(asking);
        tokio::select! {
            _ = &mut asking => panic!("nobody answers"),
            () = tokio::time::sleep(millis(500)) => {}
        }
        assert_eq!(stage.open(), 10);
    }
    stage.empty().await;

    let (mut streams, mut merger) = begin(&peers, 5);
    // While it waits for the next part, and when it is dropped.
    assert!(
        tokio::time::timeout(millis(500), async {
            while !merger.open().is_empty() {
                streams.feed(&mut merger).await;
            }
        })
        .await
        .is_err()
    );
    assert_eq!(stage.open(), 10);
    drop(streams);
    stage.empty().await;
}

#[tokio::test(start_paused = true)]
async fn q9_cancelling_frees_streams_that_nobody_reads_on() {
    let (peers, stage) = federation((0..10).map(|number| real(number, 1_000)).collect());
    let (mut streams, mut merger) = begin(&peers, 1_000);
    streams.feed(&mut merger).await;
    tokio::time::sleep(millis(500)).await;
    assert_eq!(stage.open(), 10, "they are held up by what is not read");
    drop(streams);
    stage.empty().await;
    // Whoever has what he wanted leaves nothing running either.
    stage.play((0..10).map(|number| real(number, 20)).collect());
    let (hits, whole) = streamed(&peers, 20).await;
    assert_eq!(hits.len(), 20);
    assert!(whole.outcomes.iter().skip(1).all(|city| (city.outcome(), city.total) == (Outcome::Answered, 20)));
    stage.empty().await;
}
