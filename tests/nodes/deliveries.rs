//! Events of cooperations on their way between real nodes.

use isopolity_proto::{
    cooperation::{CooperationKind, CreateCooperationRequest, Proposal, Step, TakeStepRequest, step::Action},
    options::Audience,
};
use isopolity_store::DeliveryFilter;
use isopolity_tests::{
    TestNode,
    clock::eventually,
    cut::Mode,
    federation::{introduce, of},
    sample::text,
    town::administrator,
};

const FEIRA: &str = "feira.example";
const KENITRA: &str = "kenitra.example";

/// Asks another city something, in a cooperation of this id. Returns its name.
pub(super) async fn ask(city: &TestNode, other: &str, id: &str, question: &str) -> String {
    let draft = Proposal {
        kind: CooperationKind::Enquiry.into(),
        participants: vec![other.to_owned()],
        texts: vec![text(question, "en")],
        ..Proposal::default()
    };
    let request = CreateCooperationRequest { cooperation_id: id.to_owned(), draft: Some(draft), validate_only: false };
    let begun = Box::pin(city.registry().create_cooperation(&administrator(), request)).await.unwrap();
    let step = Some(Step { action: Some(Action::Proposal(Proposal::default())) });
    let request = TakeStepRequest { name: begun.name.clone(), step, ..TakeStepRequest::default() };
    Box::pin(city.registry().take_step(&administrator(), request)).await.unwrap();
    begun.name
}

async fn arrives(city: &TestNode, name: &str) {
    let arrived = async || city.registry().cooperation(&administrator(), name).await.ok().map(drop);
    eventually("the event arrives", arrived).await;
}

/// What the delivery that waits met.
async fn is_put_off(city: &TestNode) {
    let put_off = async || {
        let waiting = city.registry().store().deliveries(&DeliveryFilter::default(), 1, None).await.unwrap();
        waiting.first().filter(|row| row.attempts > 0 && !row.problem.is_empty()).map(drop)
    };
    eventually("an attempt is in vain", put_off).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_delivered_at_once_and_its_receipt_is_kept() {
    let [feira, kenitra] = of([FEIRA, KENITRA]).await;
    let name = ask(&feira, KENITRA, "visit", "When do you come?").await;
    arrives(&kenitra, &name).await;
    let receipt = async || {
        let receipts = feira.registry().store().receipts_of(&name).await.unwrap();
        receipts.first().and_then(|row| row.receipt.clone())
    };
    eventually("the receipt is kept", receipt).await;
}

// The clocks stand still: no wait passes by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_was_away_gets_what_waits_for_it_as_soon_as_it_calls() {
    let [feira, kenitra] = of([FEIRA, KENITRA]).await;
    kenitra.cut.set(Mode::Refuse);
    kenitra.cut.break_all();
    let name = ask(&feira, KENITRA, "visit", "When do you come?").await;
    is_put_off(&feira).await;
    let peers = feira.registry().list_peers(&administrator(), false, false).await.unwrap();
    assert_eq!(peers[0].deliveries.as_ref().unwrap().waiting_count, 1);
    kenitra.cut.set(Mode::Pass);
    kenitra.registry().tend_peers().await;
    arrives(&kenitra, &name).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_survives_a_restart_which_greets_the_city_and_so_delivers_it() {
    let (mut feira, kenitra) = (TestNode::start(FEIRA).await, TestNode::start(KENITRA).await);
    introduce(&feira, &kenitra, Audience::Public).await;
    kenitra.cut.set(Mode::Refuse);
    kenitra.cut.break_all();
    let name = ask(&feira, KENITRA, "visit", "When do you come?").await;
    is_put_off(&feira).await;
    feira.stop().await;
    kenitra.cut.set(Mode::Pass);
    feira.start_again().await;
    arrives(&kenitra, &name).await;
}
