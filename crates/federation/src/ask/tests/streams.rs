//! Long answers, read while they come.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_long_answer_is_merged_in_bounded_memory() {
    const HITS: usize = 20_000;
    let (peers, stage) = federation((0..4).map(|number| real(number, HITS / 4)).collect());
    let (mut streams, mut merger) = begin(&peers, HITS);
    let (mut hits, mut last, mut most) = (0, String::new(), 0);
    loop {
        match merger.take_next() {
            Next::Hit(hit) => {
                let place = format!("{} {}", hit.name.rsplit('/').next().unwrap(), hit.city);
                assert!(last < place, "{last}, then {place}");
                last = place;
                hits += 1;
            }
            Next::Waiting(_) => {
                streams.feed(&mut merger).await;
                most = most.max(merger.preview(usize::MAX).len());
            }
            Next::Done => break,
        }
    }
    assert_eq!(hits, HITS);
    assert!(most <= 4 * 64, "{most} hits were kept at once");
    streams.stop(&mut merger);
    assert_eq!(merger.finish().total, i64::try_from(HITS).unwrap());
    stage.empty().await;
}

#[tokio::test(start_paused = true)]
async fn large_records_on_the_way_are_bounded_by_their_bytes() {
    let mut steps = vec![Say(start_part(40))];
    for at in 0..40 {
        let mut part = hit(0, at);
        if let Some(Part::Hit(QueryHit { envelope: Some(envelope), .. })) = &mut part.part {
            // Fields that this version does not know are kept as they are.
            let mut payload = envelope.payload.to_vec();
            prost::encoding::bytes::encode(2_000, &vec![0_u8; 400 * 1024], &mut payload);
            envelope.payload = payload.into();
        }
        steps.push(Say(part));
    }
    steps.push(Say(end_part(40)));
    let (peers, stage) = federation(vec![steps, vec![Hang]]);
    let (mut streams, mut merger) = begin(&peers, 40);
    // The city that hangs is waited for, so nothing is given out.
    let waited = tokio::time::timeout(millis(2_000), async {
        loop {
            streams.feed(&mut merger).await;
        }
    });
    assert!(waited.await.is_err());
    let kept = merger.preview(usize::MAX).len();
    assert!((3..=4).contains(&kept), "{kept} of 400 kB each are kept");
    let (hits, whole) = drain(streams, merger).await;
    assert_eq!((hits.len(), of(&whole, 0).outcome()), (40, Outcome::Answered));
    stage.empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_without_a_word_has_an_end_all_the_same() {
    let mut parts: Vec<_> = CityStream::new(peer(0), 3, stream::empty()).collect().await;
    let Some(AnswerPart::End(end)) = parts.pop() else { panic!("it has an end") };
    assert!(parts.is_empty() && end.records_before == 3);
    assert!(matches!(end.ending, Ending::Fault { outcome: Outcome::Unreachable, reason: Reason::Internal, .. }));
}
