use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Barrier;

use super::*;
use crate::testing::{Node, pair};

const SOON: Duration = Duration::from_secs(10);

/// A link from one node to another, and the connections that it makes.
fn link(from: &Node, to: &Node) -> (GrpcLink, Arc<Connections>) {
    let connections = Arc::<Connections>::default();
    let (trust, keeper) = (from.peers.shared_trust(), from.peers.leaf().clone());
    let link = GrpcLink::new(trust, keeper, connections.clone(), Ages::default(), to.city().clone(), to.endpoint());
    (link, connections)
}

/// What a call learns from a connection that broke.
fn died() -> Status {
    Status::from_error(Box::new(io::Error::from(io::ErrorKind::UnexpectedEof)))
}

#[tokio::test]
async fn calls_that_died_are_made_again_over_one_new_connection() {
    let (geneve, feira) = pair().await;
    let (link, connections) = link(&geneve, &feira);
    let (calls, all_under_way) = (AtomicUsize::new(0), Barrier::new(3));
    let greet = || {
        link.call(HelloRequest::default(), SOON, |mut client: Client, request| {
            let first = calls.fetch_add(1, Ordering::SeqCst) < 3;
            let all_under_way = &all_under_way;
            async move {
                let answer = client.hello(request).await?;
                if first {
                    // The channel knows nothing of it: it would send the second call over the same connection.
                    all_under_way.wait().await;
                    return Err(died());
                }
                Ok(answer)
            }
        })
    };
    // Holds the first connection open, so that it can be counted.
    let first = link.client(None).unwrap();
    let answers = tokio::join!(greet(), greet(), greet());
    for answer in [answers.0, answers.1, answers.2] {
        assert_eq!(answer.unwrap().city, "feira.example");
    }
    let second = link.client(None).unwrap();
    assert_eq!(second.number, first.number + 1, "the first to die replaced it for all of them, and for later calls");
    assert_eq!((connections.count_own(feira.city()), calls.into_inner()), (2, 6));
}
