//! Lists, page by page.

use std::collections::BTreeSet;

use isopolity_proto::registry::{
    ImportFormat, ImportStart, ListOrganizationsRequest, ListOrganizationsResponse, ListPartnershipsRequest,
};
use isopolity_tests::{
    TestNode,
    refusal::{fields, reason},
    sample::organization,
};
use tonic::{Code, Status};

const PARENT: &str = "cities/feira.example";

async fn page(node: &TestNode, page_size: i32, page_token: &str) -> Result<ListOrganizationsResponse, Status> {
    let request = ListOrganizationsRequest {
        parent: PARENT.into(),
        page_size,
        page_token: page_token.into(),
        ..Default::default()
    };
    Ok(node.api.organizations().list_organizations(request).await?.into_inner())
}

/// All pages' names, and how many pages there were.
async fn all(node: &TestNode, page_size: i32) -> (Vec<String>, usize) {
    let (mut names, mut pages, mut token) = (Vec::new(), 0, String::new());
    loop {
        let page = page(node, page_size, &token).await.unwrap();
        names.extend(page.organizations.into_iter().map(|one| one.name));
        pages += 1;
        if page.next_page_token.is_empty() {
            return (names, pages);
        }
        token = page.next_page_token;
    }
}

/// A node with 120 organisations.
async fn with_organizations() -> TestNode {
    let feira = TestNode::start("feira.example").await;
    let line = |number: i32| {
        format!(
            "{{\"@type\":\"type.googleapis.com/isopolity.registry.v1.Organization\",\
             \"name\":\"{PARENT}/organizations/o{number}\",\"audience\":\"AUDIENCE_PUBLIC\",\
             \"displayNames\":[{{\"text\":\"Organisation {number}\",\"language\":\"en\"}}],\
             \"kind\":\"ORGANIZATION_KIND_NGO\",\"country\":\"PT\"}}\n"
        )
    };
    let lines = (0..120).map(line).collect::<Vec<_>>().concat();
    let start = ImportStart { format: ImportFormat::JsonLines.into(), ..Default::default() };
    assert_eq!(feira.api.import(start, lines.as_bytes()).await.unwrap().counts(), (120, 0, 0, 0));
    feira
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_size_brings_everything_once_and_in_order() {
    let feira = with_organizations().await;
    let mut expected: Vec<String> = (0..120).map(|number| format!("{PARENT}/organizations/o{number}")).collect();
    expected.sort();
    for (page_size, pages) in [(0, 3), (1, 120), (7, 18), (60, 2), (119, 2), (120, 1), (1_000, 1)] {
        let (names, counted) = all(&feira, page_size).await;
        assert_eq!(names, expected, "pages of {page_size}");
        assert_eq!(counted, pages, "pages of {page_size}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_change_is_neither_lost_nor_repeated_while_the_list_changes() {
    let feira = with_organizations().await;
    let (mut seen, mut token) = (Vec::new(), String::new());
    for number in 0.. {
        let page = page(&feira, 10, &token).await.unwrap();
        seen.extend(page.organizations.into_iter().map(|one| one.name));
        if page.next_page_token.is_empty() {
            break;
        }
        token = page.next_page_token;
        feira.api.create_organization(&format!("a{number}"), organization("Before", "PT")).await;
        feira.api.create_organization(&format!("z{number}"), organization("After", "PT")).await;
    }
    let unique: BTreeSet<_> = seen.iter().collect();
    assert_eq!(unique.len(), seen.len(), "nothing twice");
    assert_eq!(seen.iter().filter(|name| name.contains("/o")).filter(|name| !name.contains("/z")).count(), 120);
    assert!(seen.is_sorted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_asked_for_as_it_may_be() {
    let feira = with_organizations().await;
    for size in [-1, 1_001, i32::MIN] {
        let refused = page(&feira, size, "").await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, "PAGE_SIZE_OUT_OF_RANGE".into()), "{size}");
        assert_eq!(fields(&refused), ["page_size"]);
    }
    let token = page(&feira, 10, "").await.unwrap().next_page_token;
    let mut damaged = token.clone();
    damaged.replace_range(0..1, if token.starts_with('A') { "B" } else { "A" });
    for wrong in ["next", &damaged, &token[..token.len() - 1], &format!("{token}A")] {
        let refused = page(&feira, 10, wrong).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, "PAGE_TOKEN_INVALID".into()), "{wrong}");
        assert_eq!(fields(&refused), ["page_token"]);
    }
    let other = ListPartnershipsRequest {
        parent: PARENT.into(),
        page_size: 10,
        page_token: token.clone(),
        ..Default::default()
    };
    let refused = feira.api.partnerships().list_partnerships(other).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::InvalidArgument, "PAGE_TOKEN_INVALID".into()), "it is another list's");
    assert_eq!(page(&feira, 20, &token).await.unwrap().organizations.len(), 20, "the size may change on the way");

    let elsewhere = ListOrganizationsRequest { parent: "cities/geneve.example".into(), ..Default::default() };
    let refused = feira.api.organizations().list_organizations(elsewhere).await.unwrap_err();
    assert_eq!((reason(&refused).1.as_str(), fields(&refused)), ("FIELD_INVALID", vec!["parent".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_token_outlives_a_restart() {
    let mut feira = with_organizations().await;
    let first = page(&feira, 100, "").await.unwrap();
    feira.restart().await;
    let rest = page(&feira, 100, &first.next_page_token).await.unwrap();
    assert_eq!((rest.organizations.len(), rest.next_page_token.as_str()), (20, ""));
}

async fn listed(node: &TestNode, filter: &str, order_by: &str) -> Result<Vec<String>, Status> {
    let (mut ids, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListOrganizationsRequest {
            parent: PARENT.into(),
            page_size: 7,
            page_token,
            filter: filter.into(),
            order_by: order_by.into(),
            ..Default::default()
        };
        let page = node.api.organizations().list_organizations(request).await?.into_inner();
        ids.extend(page.organizations.iter().map(|one| one.name.rsplit_once('/').unwrap().1.to_owned()));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(ids);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_and_an_order_hold_across_pages() {
    let feira = with_organizations().await;
    feira.clock.advance(time::Duration::minutes(1));
    for id in ["z", "a", "m"] {
        feira.api.create_organization(id, organization("Mill", "MA")).await;
        feira.clock.advance(time::Duration::minutes(1));
    }
    assert_eq!(listed(&feira, "country = MA", "").await.unwrap(), ["a", "m", "z"]);
    assert_eq!(listed(&feira, "country = MA", "create_time desc").await.unwrap(), ["m", "a", "z"]);
    assert_eq!(listed(&feira, "country = MA", "update_time, name desc").await.unwrap(), ["z", "a", "m"]);
    assert_eq!(listed(&feira, "kind = NGO", "name desc").await.unwrap().len(), 120);
    assert_eq!(listed(&feira, "kind = NGO AND country = MA", "").await.unwrap(), Vec::<String>::new());
    assert_eq!(listed(&feira, "", "create_time desc").await.unwrap()[..3], ["m", "a", "z"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_can_not_be_read_is_refused_with_its_position() {
    let feira = with_organizations().await;
    for (filter, order_by, field) in
        [("country =", "", "filter"), ("contry = MA", "", "filter"), ("", "country", "order_by"), ("(", "", "filter")]
    {
        let refused = listed(&feira, filter, order_by).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, "FILTER_INVALID".into()), "{filter} {order_by}");
        assert_eq!(fields(&refused), [field]);
        assert!(refused.message().contains("at character"), "{refused:?}");
    }
    let request = |filter: &str, page_token: &str| ListOrganizationsRequest {
        parent: PARENT.into(),
        filter: filter.into(),
        page_token: page_token.into(),
        ..Default::default()
    };
    let first = feira.api.organizations().list_organizations(request("kind = NGO", "")).await.unwrap().into_inner();
    assert_eq!(first.organizations.len(), 50);
    let other = request("kind = ENTERPRISE", &first.next_page_token);
    let refused = feira.api.organizations().list_organizations(other).await.unwrap_err();
    assert_eq!(reason(&refused).1, "PAGE_TOKEN_INVALID", "a token is of one filter");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_filters_by_what_they_may_not_see() {
    let feira = TestNode::plan("feira.example").open_to_everyone().start().await;
    feira.api.create_organization("mill", organization("Mill", "MA")).await;
    let everyone = feira.api_with(None).await;
    let request =
        |filter: &str| ListOrganizationsRequest { parent: PARENT.into(), filter: filter.into(), ..Default::default() };
    let refused = everyone.organizations().list_organizations(request("sole_trader = false")).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::InvalidArgument, "FILTER_INVALID".into()));
    let own = feira.api.organizations().list_organizations(request("sole_trader = false")).await.unwrap().into_inner();
    assert_eq!(own.organizations.len(), 1);
    let seen = everyone.organizations().list_organizations(request("country = MA")).await.unwrap().into_inner();
    assert_eq!(seen.organizations.len(), 1);
}
