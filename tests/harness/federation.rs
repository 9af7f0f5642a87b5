//! Several nodes that know and approve one another.

use futures::future::join_all;
use isopolity_proto::options::Audience;

use crate::{Plan, TestNode};

/// Starts a node for each city; all of them are peers of one another and see what is PUBLIC.
pub async fn of<const N: usize>(cities: [&str; N]) -> [TestNode; N] {
    among(cities.map(TestNode::plan)).await
}

/// The same with nodes of the test's choice.
pub async fn among<const N: usize>(plans: [Plan; N]) -> [TestNode; N] {
    let nodes = join_all(plans.into_iter().map(Plan::start)).await;
    for (at, one) in nodes.iter().enumerate() {
        for other in nodes.iter().skip(at + 1) {
            introduce(one, other, Audience::Public).await;
        }
    }
    let Ok(nodes) = nodes.try_into() else { unreachable!("there is one node for each plan") };
    nodes
}

/// Makes two nodes peers that approve each other, and show each other as much.
pub async fn introduce(one: &TestNode, other: &TestNode, audience: Audience) {
    one.api.add_peer(&other.api.bundle().await).await.unwrap();
    other.api.add_peer(&one.api.bundle().await).await.unwrap();
    one.api.approve(other.city(), audience).await;
    other.api.approve(one.city(), audience).await;
}
