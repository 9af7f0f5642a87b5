//! Who may do what: roles, ends, revocation.

use isopolity_domain::{Clock as _, clock::to_timestamp};
use isopolity_proto::{
    admin::{
        CreateTokenRequest, GetNodeRequest, GetOwnBundleRequest, ListPeersRequest, ListTokensRequest,
        RevokeTokenRequest, Role, Token,
    },
    registry::{ImportFormat, ImportStart},
};
use isopolity_tests::{
    Api, TestNode,
    refusal::{fields, metadata, reason, resource},
    sample::{asking, partnership, partnerships},
};
use time::Duration;
use tonic::{Code, Status};

fn is(status: &Status, code: Code, expected: &str) {
    assert_eq!(reason(status), (code, expected.to_owned()), "{status:?}");
}

async fn tokens(api: &Api) -> Vec<Token> {
    api.tokens().list_tokens(ListTokensRequest {}).await.unwrap().into_inner().tokens
}

async fn revoke(api: &Api, id: &str) -> Result<Token, Status> {
    let revoked = api.tokens().revoke_token(RevokeTokenRequest { id: id.into() }).await?;
    Ok(revoked.into_inner().token.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_may_do_what_it_says_and_no_more() {
    let feira = TestNode::start("feira.example").await;
    let name = feira.api.create("bread", partnership("Bread", "MA")).await.name;
    let (reader, editor) = (feira.api.new_token(Role::Viewer).await, feira.api.new_token(Role::Editor).await);
    let (reader, editor) = (feira.api_with(Some(&reader)).await, feira.api_with(Some(&editor)).await);
    for api in [&reader, &editor] {
        api.get(&name).await.unwrap();
        assert_eq!(api.ask(partnerships()).await.total, 1);
        api.record(&name).await.unwrap();
    }

    let start = ImportStart { format: ImportFormat::JsonLines.into(), dry_run: true, ..Default::default() };
    for refused in [
        reader.try_create("cake", partnership("Cake", "MA")).await.unwrap_err(),
        reader.update(feira.api.get(&name).await.unwrap(), &[]).await.unwrap_err(),
        reader.delete(&name, "").await.unwrap_err(),
        reader.import(start.clone(), b"").await.unwrap_err(),
    ] {
        is(&refused, Code::PermissionDenied, "RIGHT_MISSING");
        assert_eq!(metadata(&refused, "right").as_deref(), Some("edit"));
    }
    editor.create("cake", partnership("Cake", "MA")).await;
    editor.import(start, b"").await.unwrap();

    let bundle = feira.api.bundle().await;
    for api in [&reader, &editor] {
        for refused in [
            api.tokens().list_tokens(ListTokensRequest {}).await.unwrap_err(),
            api.tokens().create_token(CreateTokenRequest::default()).await.unwrap_err(),
            revoke(api, "nobody").await.unwrap_err(),
            api.peers().list_peers(ListPeersRequest::default()).await.unwrap_err(),
            api.peers().get_own_bundle(GetOwnBundleRequest {}).await.unwrap_err(),
            api.add_peer(&bundle).await.unwrap_err(),
            api.nodes().get_node(GetNodeRequest {}).await.unwrap_err(),
        ] {
            is(&refused, Code::PermissionDenied, "RIGHT_MISSING");
            assert_eq!(metadata(&refused, "right").as_deref(), Some("administer"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_not_good_opens_nothing() {
    let feira = TestNode::start("feira.example").await;
    let good = feira.token.clone();
    let (id, secret) = good.strip_prefix("iso_").unwrap().split_once('_').unwrap();
    let mut other = secret.to_owned();
    other.replace_range(0..1, if secret.starts_with('A') { "B" } else { "A" });
    for bad in
        ["nonsense", "iso_", &format!("iso_{id}"), &format!("iso_{id}_"), &format!("iso_{id}_{other}"), &good[1..]]
    {
        let refused = feira.api_with(Some(bad)).await.search(asking(partnerships())).await.unwrap_err();
        is(&refused, Code::Unauthenticated, "TOKEN_INVALID");
        assert!(!format!("{refused:?}").contains(&other));
    }
    let refused = feira.api_with(None).await.search(asking(partnerships())).await.unwrap_err();
    is(&refused, Code::Unauthenticated, "TOKEN_MISSING");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_ends_when_it_says_and_when_it_is_revoked() {
    let mut feira = TestNode::start("feira.example").await;
    feira.clock.advance(Duration::minutes(1));
    let request = CreateTokenRequest {
        label: "until tomorrow".into(),
        role: Role::Editor.into(),
        expire_time: Some(to_timestamp(feira.clock.now() + Duration::days(1))),
        ..Default::default()
    };
    let passing = feira.api.tokens().create_token(request).await.unwrap().into_inner();
    let lasting = feira.api.new_token(Role::Viewer).await;
    let (first, second) = (feira.api_with(Some(&passing.secret)).await, feira.api_with(Some(&lasting)).await);
    first.create("bread", partnership("Bread", "MA")).await;
    assert_eq!(second.ask(partnerships()).await.total, 1);
    feira.clock.advance(Duration::days(1));
    let refused = first.search(asking(partnerships())).await.unwrap_err();
    is(&refused, Code::Unauthenticated, "TOKEN_INVALID");

    let all = tokens(&feira.api).await;
    let labels: Vec<&str> = all.iter().map(|token| token.label.as_str()).collect();
    assert_eq!((labels[0], labels.len()), ("first administrator", 3));
    assert!(labels.contains(&"until tomorrow"));
    let id = all.iter().find(|token| token.role() == Role::Viewer).unwrap().id.clone();
    assert!(lasting.contains(&id) && !format!("{all:?}").contains(&lasting), "the secret is nowhere");
    let revoked = revoke(&feira.api, &id).await.unwrap();
    assert!(revoked.revoke_time.is_some());
    is(&second.search(asking(partnerships())).await.unwrap_err(), Code::Unauthenticated, "TOKEN_INVALID");
    assert_eq!(revoke(&feira.api, &id).await.unwrap(), revoked, "once more changes nothing");
    // Back to the machine's time, by which the client of the API checks certificates.
    feira.clock.advance(-Duration::days(1));
    feira.restart().await;
    let second = feira.api_with(Some(&lasting)).await;
    is(&second.search(asking(partnerships())).await.unwrap_err(), Code::Unauthenticated, "TOKEN_INVALID");
    assert_eq!(tokens(&feira.api).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_can_always_administer() {
    let feira = TestNode::start("feira.example").await;
    let first = tokens(&feira.api).await[0].id.clone();
    let refused = revoke(&feira.api, &first).await.unwrap_err();
    is(&refused, Code::FailedPrecondition, "RESOURCE_IN_USE");
    let request = CreateTokenRequest {
        label: "a passing administrator".into(),
        role: Role::Administrator.into(),
        expire_time: Some(to_timestamp(feira.clock.now() + Duration::days(1))),
        ..Default::default()
    };
    let passing = feira.api.tokens().create_token(request).await.unwrap().into_inner();
    feira.clock.advance(Duration::days(2));
    let refused = revoke(&feira.api, &first).await.unwrap_err();
    is(&refused, Code::FailedPrecondition, "RESOURCE_IN_USE");
    revoke(&feira.api, &passing.token.unwrap().id).await.unwrap();

    let second = feira.api.new_token(Role::Administrator).await;
    revoke(&feira.api, &first).await.unwrap();
    let second = feira.api_with(Some(&second)).await;
    assert_eq!(tokens(&second).await.len(), 3);
    let missing = revoke(&second, "nobody").await.unwrap_err();
    is(&missing, Code::NotFound, "RESOURCE_NOT_FOUND");
    assert!(resource(&missing).contains("nobody"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_created_with_all_that_it_needs() {
    let feira = TestNode::start("feira.example").await;
    let good = CreateTokenRequest { label: "good".into(), role: Role::Viewer.into(), ..Default::default() };
    let past = Some(to_timestamp(feira.clock.now() - Duration::SECOND));
    for (wrong, expected, field) in [
        (CreateTokenRequest { label: " ".into(), ..good.clone() }, "FIELD_REQUIRED", "label"),
        (CreateTokenRequest { label: "l".repeat(201), ..good.clone() }, "FIELD_INVALID", "label"),
        (CreateTokenRequest { role: 0, ..good.clone() }, "FIELD_REQUIRED", "role"),
        (CreateTokenRequest { role: 9, ..good.clone() }, "FIELD_INVALID", "role"),
        (CreateTokenRequest { expire_time: past, ..good.clone() }, "FIELD_INVALID", "expire_time"),
    ] {
        let refused = feira.api.tokens().create_token(wrong).await.unwrap_err();
        is(&refused, Code::InvalidArgument, expected);
        assert_eq!(fields(&refused), [field]);
    }
    assert_eq!(tokens(&feira.api).await.len(), 1);
}
