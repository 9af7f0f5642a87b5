//! The table of permissions, held against real nodes: every method, called by everyone.

use isopolity_domain::Clock as _;
use isopolity_proto::{
    admin::{CreateTokenRequest, Role, Scope},
    options::Audience,
    pool,
    registry::ListPartnershipsRequest,
};
use isopolity_registry::{
    Caller, Known,
    permission::{self, Permission, Scopes, Standing, every_scope},
};
use isopolity_tests::{
    Api, TestNode,
    raw::call,
    refusal::reason,
    sample::{partnership, partnerships},
    stranger,
};
use time::Duration;
use tonic::{Code, Status, transport::Channel};

const ROLES: [Role; 5] = [Role::Viewer, Role::Editor, Role::Coordinator, Role::Auditor, Role::Administrator];

/// Every method of this software, and what it needs.
fn methods() -> Vec<(String, Permission)> {
    let all = pool().services().flat_map(|service| service.methods().collect::<Vec<_>>());
    all.map(|method| {
        let name = format!("{}/{}", method.parent_service().full_name(), method.name());
        let needs = permission::of(&name);
        let needs = needs.unwrap_or_else(|| panic!("{name} is not in crates/registry/src/permission/table.rs"));
        (name, needs)
    })
    .collect()
}

fn for_the_api() -> Vec<(String, Permission)> {
    methods().into_iter().filter(|(_, needs)| !matches!(needs, Permission::Peer(_))).collect()
}

fn is_refused(status: &Status) -> bool {
    matches!(status.code(), Code::PermissionDenied | Code::Unauthenticated)
}

/// Calls all methods of the API and names those at which the node and the table differ.
async fn differences(api: &Api, who: &str, caller: Option<&Caller>) -> Vec<String> {
    let mut differences = Vec::new();
    for (method, needs) in for_the_api() {
        let may = match caller {
            Some(caller) => needs.check(caller).is_ok(),
            // Nobody in particular, where the city lets nobody read.
            None => needs == Permission::Everyone,
        };
        let answer = call(api.client.clone(), &method).await;
        let let_in = !answer.as_ref().is_err_and(is_refused);
        let is_served = !answer.as_ref().is_err_and(|status| status.code() == Code::Unimplemented);
        if may != let_in || !is_served {
            let said = answer.err().map_or_else(|| "an answer".to_owned(), |status| format!("{:?}", reason(&status)));
            differences.push(format!("{method} by {who}: the table says {may}, the node says {said}"));
        }
    }
    differences
}

async fn token(feira: &TestNode, role: Role, scopes: &[Scope]) -> Api {
    let request = CreateTokenRequest {
        label: "a test".into(),
        role: role.into(),
        scopes: scopes.iter().map(|scope| (*scope).into()).collect(),
        ..Default::default()
    };
    let secret = feira.api.tokens().create_token(request).await.unwrap().into_inner().secret;
    feira.api_with(Some(&secret)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_refuses_whom_the_table_refuses_and_nobody_else() {
    let open = TestNode::plan("feira.example").open_to_everyone().start().await;
    let closed = TestNode::start("geneve.example").await;
    let mut wrong = differences(&open.api_with(None).await, "anyone", Some(&Caller::Anonymous)).await;
    wrong.extend(differences(&closed.api_with(None).await, "anyone, where nobody may read", None).await);
    for role in ROLES {
        let api = token(&open, role, &[]).await;
        wrong.extend(differences(&api, role.as_str_name(), Some(&Caller::token("", role))).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(for_the_api().len() > 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_narrowed_down_is_let_in_by_methods_of_its_scope_alone() {
    let feira = TestNode::plan("feira.example").open_to_everyone().start().await;
    let mut wrong = Vec::new();
    for scope in every_scope() {
        for role in [Role::Administrator, Role::Editor] {
            let Caller::Known(known) = Caller::token("", role) else { unreachable!() };
            let caller = Caller::Known(Known { scopes: Scopes::of(&[scope]), ..known });
            let api = token(&feira, role, &[scope]).await;
            wrong.extend(differences(&api, &format!("{role:?} {scope:?}"), Some(&caller)).await);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let reader = token(&feira, Role::Administrator, &[Scope::RecordsRead]).await;
    let refused = reader.search(isopolity_tests::sample::asking(partnerships())).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "SCOPE_MISSING".into()));
    assert_eq!(isopolity_tests::refusal::metadata(&refused, "scope").as_deref(), Some("search"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_no_table_is_served_to_nobody() {
    let feira = TestNode::start("feira.example").await;
    for method in ["isopolity.registry.v1.PlaceService/ExplodePlace", "isopolity.admin.v1.GhostService/Haunt", "x/y"] {
        let refused = call(feira.api.client.clone(), method).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented, "{method}: {refused:?}");
    }
}

/// Calls all methods for peers and names those at which the node and the table differ.
async fn differences_for_peers(channel: impl Fn() -> Channel, who: &str, stands: Option<Standing>) -> Vec<String> {
    let mut differences = Vec::new();
    for (method, needs) in methods() {
        let Permission::Peer(needed) = needs else { continue };
        let may = stands.is_some_and(|stands| stands >= needed);
        let answer = call(channel(), &method).await;
        // Whoever does not get through the handshake is refused too.
        let no_connection =
            |status: &Status| std::error::Error::source(status).is_some() || status.code() == Code::Unknown;
        // Where no invitation is open, whoever is let in hears just that.
        let uninvited = |status: &Status| needed == Standing::Guest && reason(status).1 == "INVITATION_UNKNOWN";
        let let_in =
            !answer.as_ref().is_err_and(|status| (is_refused(status) && !uninvited(status)) || no_connection(status));
        if may != let_in {
            let said = answer.err().map_or_else(|| "an answer".to_owned(), |status| format!("{status:?}"));
            differences.push(format!("{method} by a peer that is {who}: the table says {may}, the node says {said}"));
        }
    }
    differences
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_for_peers_refuses_whom_the_table_refuses_and_nobody_else() {
    let feira = TestNode::start("feira.example").await;
    let geneve = TestNode::start("geneve.example").await;
    let channel = || {
        let leaf = geneve.identity().issue_node_leaf(feira.clock.now(), Duration::days(1)).unwrap();
        stranger::channel(feira.node().federation_address(), Some(leaf.into()))
    };
    let mut wrong = differences_for_peers(channel, "unknown", None).await;
    feira.api.add_peer(&geneve.api.bundle().await).await.unwrap();
    wrong.extend(differences_for_peers(channel, "invited", Some(Standing::Invited)).await);
    feira.api.approve("geneve.example", Audience::Public).await;
    wrong.extend(differences_for_peers(channel, "active", Some(Standing::Active)).await);
    feira.api.suspend("geneve.example", "a test").await;
    wrong.extend(differences_for_peers(channel, "suspended", Some(Standing::Held)).await);
    feira.api.leave("geneve.example").await;
    wrong.extend(differences_for_peers(channel, "left", Some(Standing::Held)).await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_sees_as_much_as_the_table_says() {
    let feira = TestNode::plan("feira.example").open_to_everyone().start().await;
    for (id, audience) in [("open", Audience::Public), ("partners", Audience::Federation), ("own", Audience::Internal)]
    {
        let mut one = partnership(id, "MA");
        one.audience = audience.into();
        feira.api.create(id, one).await;
    }
    feira.caught_up().await;
    let seen = async |api: &Api| {
        let request = ListPartnershipsRequest { parent: feira.parent(), ..Default::default() };
        let listed = api.partnerships().list_partnerships(request).await.unwrap().into_inner().partnerships.len();
        let mut read = 0;
        for id in ["open", "partners", "own"] {
            read += usize::from(api.get(&format!("{}/partnerships/{id}", feira.parent())).await.is_ok());
        }
        (listed, read, api.ask(partnerships()).await.total)
    };
    assert_eq!(seen(&feira.api_with(None).await).await, (1, 1, 1), "PUBLIC");
    for role in ROLES {
        assert_eq!(seen(&token(&feira, role, &[]).await).await, (3, 3, 3), "{role:?}");
    }
    // It may neither read nor search, so it sees nothing at all.
    let writer = token(&feira, Role::Editor, &[Scope::RecordsWrite]).await;
    let refused = writer.get(&format!("{}/partnerships/open", feira.parent())).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "SCOPE_MISSING".into()));
}
