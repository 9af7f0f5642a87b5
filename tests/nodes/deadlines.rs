//! The caller's deadline, over the wire.

use std::time::Duration;

use isopolity_proto::catalog::{AllCities, Outcome, partial_response::Accept};
use isopolity_tests::{
    Mode, TestNode, federation,
    refusal::{incomplete, reason},
    sample::{asking, outcome, partnership, partnerships, requiring},
};
use tokio::time::Instant;
use tonic::{Code, Request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q8_a_caller_with_less_time_than_the_budget_is_answered_within_it() {
    let [feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    feira.api.create("one", partnership("One", "MA")).await;
    assert_eq!(feira.api.ask(partnerships()).await.total, 1, "the connection is open");
    geneve.cut.set(Mode::Silent);
    let within = Duration::from_millis(2_500);

    // Were it not answered in time, the call itself would end with an error.
    let mut request = Request::new(asking(partnerships()));
    request.set_timeout(within);
    let begun = Instant::now();
    let answer = feira.api.catalog().search(request).await.unwrap().into_inner();
    assert!(begun.elapsed() < within, "{:?}", begun.elapsed());
    assert_eq!((answer.total, outcome(&answer, "geneve.example").outcome()), (1, Outcome::TimedOut));

    let mut request = Request::new(requiring(partnerships(), Accept::All(AllCities {})));
    request.set_timeout(within);
    let refused = feira.api.catalog().search(request).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unavailable, "FEDERATION_INCOMPLETE".into()));
    assert_eq!(incomplete(&refused).outcomes.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_without_time_is_told_so_or_answered_and_never_kept_waiting() {
    let feira = TestNode::start("feira.example").await;
    for millis in [0, 1, 5] {
        let mut request = Request::new(asking(partnerships()));
        request.set_timeout(Duration::from_millis(millis));
        let begun = Instant::now();
        if let Err(refused) = feira.api.catalog().search(request).await {
            assert!(matches!(refused.code(), Code::DeadlineExceeded | Code::Cancelled), "{refused:?}");
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
    assert!(feira.api.ask(partnerships()).await.hits.is_empty(), "the node is well");
}
