//! What cooperations hold of people and organisations is found when somebody asks, and named when something is erased.

use isopolity_domain::Kind;
use isopolity_proto::{
    admin::export_subject_request::Subject as Asked,
    cooperation::{Proposal, Subject},
    to_dynamic,
};
use isopolity_tests::{Town, sample::organization};

use super::{
    cooperation::{GENEVE, begin, carry, draft, propose, say, take, two},
    privacy::{create, erase, exported},
};

const BAKERY: &str = "cities/feira.example/organizations/bakery";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_named_in_a_cooperation_is_told_so_and_what_can_not_be_erased_is_named() {
    let town = Town::default();
    let [feira, geneve] = two(&town).await;
    create(&feira, Kind::Organization, "bakery", to_dynamic(&organization("Padaria Quirinal", "PT")), "").await;
    let named =
        Proposal { subjects: vec![Subject { name: BAKERY.to_owned(), ..Default::default() }], ..draft(&[GENEVE]) };
    let craft = propose(&feira, "craft", named.clone()).await;
    let plan = begin(&feira, "plan", named).await;
    carry(&[&feira, &geneve]).await;
    take(&geneve, &craft, say("Quirina Xylofonova comes along on Monday")).await.unwrap();
    let waits = exported(&geneve, Asked::Person("xylofonova quirina".into())).await;
    assert_eq!(waits.iter().map(|one| one.0.as_str()).collect::<Vec<_>>(), ["cooperation_step"], "{waits:?}");
    carry(&[&feira, &geneve]).await;
    for city in [&feira, &geneve] {
        let found = exported(city, Asked::Person("xylofonova quirina".into())).await;
        let found: Vec<_> =
            found.iter().map(|(source, name, why)| (source.as_str(), name.as_str(), why.as_str())).collect();
        assert_eq!(found, [("cooperation_event", "2", "message.texts[0].text")], "{}", city.city());
    }
    assert!(exported(&feira, Asked::Person("Quirina Silva".into())).await.is_empty(), "another person");

    let about = exported(&feira, Asked::Organization(BAKERY.to_owned())).await;
    let of =
        |source: &str| about.iter().filter(|line| line.0 == source).map(|line| line.1.as_str()).collect::<Vec<_>>();
    let mut cooperations = of("cooperation");
    cooperations.sort_unstable();
    assert_eq!(cooperations, ["craft", "plan"], "{about:?}");
    assert_eq!(of("cooperation_event"), ["1"], "the proposal");

    let bakery = isopolity_domain::Name::parse_as(Kind::Organization, BAKERY).unwrap();
    let erased = erase(&feira, &bakery, false).await.unwrap();
    assert_eq!(erased.cooperations, [craft, plan]);
    assert_eq!(exported(&feira, Asked::Person("Padaria Quirinal".into())).await.len(), 0, "only its name is left");
}
