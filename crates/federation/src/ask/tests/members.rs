//! Who is asked, and who counts.

use std::collections::BTreeSet;

use isopolity_domain::answer::After;

use super::*;

#[tokio::test(start_paused = true)]
async fn q5_no_peers_is_not_success_empty_and_complete_for_a_federation() {
    let (peers, _) = federation(Vec::new());
    assert_eq!(ask(&peers).await, []);
    let merged = page(&peers, 5).await;
    // One city of one: nobody is told that a federation was asked.
    assert_eq!(merged.outcomes.len(), 1);
    assert_eq!(
        (merged.coverage.cities, merged.coverage.summary.as_str()),
        (1, "1 of 1 cities, 100 % of known records")
    );
    // And without any member at all nothing answered.
    let nobody = merge(Vec::new(), &terms(5));
    assert_eq!((nobody.coverage.cities, nobody.coverage.summary.as_str()), (0, "0 of 0 cities"));
}

#[tokio::test(start_paused = true)]
async fn q6_a_city_unreachable_at_startup_still_counts() {
    let nobody = LinkError::new(Outcome::Unreachable, Reason::Connection, "nothing listens there");
    let (peers, _) = federation(vec![vec![Break(nobody)], real(1, 2)]);
    for merged in [page(&peers, 5).await, streamed(&peers, 5).await.1] {
        assert_eq!(merged.outcomes.len(), 3);
        let dead = of(&merged, 0);
        assert_eq!((dead.outcome(), dead.reason.as_str()), (Outcome::Unreachable, "nothing listens there"));
        let coverage = &merged.coverage;
        assert_eq!((coverage.cities, coverage.cities_asked, coverage.cities_answered), (3, 3, 2));
        // What it said of itself before this node was started counts as missing.
        assert_eq!((coverage.records_known, coverage.records_covered), (5 + 9 + 7, 5 + 9));
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_selected_suspended_or_invited_is_not_asked() {
    let (peers, stage) = federation(vec![good(); 4]);
    let mut table = peers.all();
    table[1].state = PeerState::Suspended;
    table[2].state = PeerState::Invited;
    peers.set(table);
    let answers = ask(&peers).await;
    let outcomes: Vec<_> = answers.iter().map(outcome).collect();
    assert_eq!(outcomes, [None, Some(Outcome::Suspended), None], "an invited city is no member");
    assert_eq!(answers[1].effort, Effort { routing: Routing::Suspended, ..Effort::default() });
    let Ending::Fault { description, .. } = &answers[1].ending else { panic!("it is suspended") };
    assert!(description.contains("a test"), "{description}");

    stage.asked.lock().unwrap().clear();
    let selected = Some(BTreeSet::from([peer(3)]));
    let answers = peers.ask(&Asking { selected: selected.clone(), ..asking(5) }).await;
    let outcomes: Vec<_> = answers.iter().map(outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::NotAsked), Some(Outcome::NotAsked), None]);
    assert_eq!(answers[0].effort.routing, Routing::NotSelected);
    let members: Vec<_> = peers.stream(&Asking { selected, ..asking(5) }).cities().cloned().collect();
    assert_eq!(members, [peer(0), peer(1), peer(3)], "in a stream too each member has its part");
    assert!(stage.asked.lock().unwrap().iter().all(|(number, ..)| *number == 3));
}

#[tokio::test(start_paused = true)]
async fn each_city_is_asked_after_its_own_point() {
    let (peers, stage) = federation(vec![good(); 2]);
    let point = After { key: SortKey::Score(2.0), name: "cities/b.example/partnerships/x".into(), key_taken: false };
    peers.ask(&Asking { after: BTreeMap::from([(peer(1), point.clone())]), ..asking(5) }).await;
    let mut asked = stage.asked.lock().unwrap().clone();
    asked.sort_by_key(|(number, ..)| *number);
    let points: Vec<_> = asked.into_iter().map(|(_, request, _)| request.after).collect();
    assert_eq!(points, [None, Some(point.to_proto())]);
}

#[tokio::test(start_paused = true)]
async fn health_tells_the_last_trouble_until_the_city_answers() {
    let refusal = LinkError::new(Outcome::Refused, Reason::PeerNotApproved, "the peer says: not approved");
    let (peers, stage) = federation(vec![vec![Break(refusal)]]);
    assert_eq!(outcome(&ask(&peers).await[0]), Some(Outcome::Refused));
    let health = peers.health(&peer(0));
    assert_eq!(health.approved_by_peer, Some(false));
    assert_eq!(health.outbound.unwrap().reason, Reason::PeerNotApproved);

    stage.play(vec![good()]);
    ask(&peers).await;
    let health = peers.health(&peer(0));
    assert_eq!((health.outbound, health.approved_by_peer, health.records), (None, Some(true), Some(9)));
    assert_eq!(health.last_answer, Some(crate::testing::NOW));
}
