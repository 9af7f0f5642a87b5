//! People who sign in, over TLS, and what of it outlives a restart.

use isopolity_domain::{Clock as _, clock::to_timestamp};
use isopolity_proto::admin::{
    ChangePasswordRequest, CreateUserRequest, GetSessionRequest, Identification, ListTokensRequest, LoginRequest,
    LogoutRequest, Role, UpdateUserRequest, User, session_service_client::SessionServiceClient,
    user_service_client::UserServiceClient,
};
use isopolity_tests::{
    Api, TestNode,
    refusal::{fields, reason},
    sample::partnership,
};
use prost_types::FieldMask;
use time::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const PASSWORD: &str = "sardinha lua quarta";

async fn add(api: &Api, name: &str, role: Role) -> User {
    let user = User { name: name.into(), role: role.into(), ..Default::default() };
    let request = CreateUserRequest { user: Some(user), password: PASSWORD.into() };
    let created = UserServiceClient::new(api.client.clone()).create_user(request).await.unwrap();
    created.into_inner().user.unwrap()
}

async fn login(feira: &TestNode, password: &str) -> Result<String, Status> {
    let anyone = feira.api_with(None).await;
    let request = LoginRequest { user: "ana".into(), password: password.into() };
    Ok(SessionServiceClient::new(anyone.client).login(request).await?.into_inner().token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_in_works_as_themselves_until_they_sign_out() {
    let feira = TestNode::start("feira.example").await;
    let ana = add(&feira.api, "ana", Role::Editor).await;
    let session = login(&feira, PASSWORD).await.unwrap();
    let api = feira.api_with(Some(&session)).await;
    let mut sessions = SessionServiceClient::new(api.client.clone());
    let about = sessions.get_session(GetSessionRequest {}).await.unwrap().into_inner().session.unwrap();
    assert_eq!((about.id.as_str(), about.identification()), (ana.id.as_str(), Identification::User));
    let day = to_timestamp(feira.clock.now() + Duration::hours(12)).seconds;
    assert_eq!(about.expire_time.map(|end| end.seconds), Some(day));
    api.create("bread", partnership("Bread", "MA")).await;
    let refused = api.tokens().list_tokens(ListTokensRequest {}).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "RIGHT_MISSING".into()));

    let request = ChangePasswordRequest { password: PASSWORD.into(), new_password: "another good password".into() };
    sessions.change_password(request).await.unwrap();
    sessions.logout(LogoutRequest {}).await.unwrap();
    let refused = sessions.get_session(GetSessionRequest {}).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unauthenticated, "TOKEN_INVALID".into()));
    let refused = login(&feira, PASSWORD).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unauthenticated, "LOGIN_FAILED".into()));
    login(&feira, "another good password").await.unwrap();
    let token = SessionServiceClient::new(feira.api.client.clone()).logout(LogoutRequest {}).await.unwrap_err();
    assert_eq!(reason(&token), (Code::FailedPrecondition, "SESSION_REQUIRED".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_and_failures_outlive_a_restart() {
    let mut feira = TestNode::start("feira.example").await;
    add(&feira.api, "ana", Role::Editor).await;
    let session = login(&feira, PASSWORD).await.unwrap();
    for _ in 0..5 {
        let refused = login(&feira, "not the password").await.unwrap_err();
        assert_eq!(reason(&refused), (Code::Unauthenticated, "LOGIN_FAILED".into()));
    }
    feira.restart().await;
    let delayed = login(&feira, PASSWORD).await.unwrap_err();
    assert_eq!(reason(&delayed), (Code::ResourceExhausted, "LOGIN_DELAYED".into()));
    let wait = delayed.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(wait, std::time::Duration::from_secs(1));
    let api = feira.api_with(Some(&session)).await;
    SessionServiceClient::new(api.client).get_session(GetSessionRequest {}).await.unwrap();
    feira.clock.advance(Duration::SECOND);
    login(&feira, PASSWORD).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mask_changes_what_it_names_and_nothing_else() {
    let feira = TestNode::start("feira.example").await;
    let ana = add(&feira.api, "ana", Role::Editor).await;
    let mut users = UserServiceClient::new(feira.api.client.clone());
    let mut update = async |user: User, paths: &[&str]| {
        let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).into()).collect() });
        let changed = users.update_user(UpdateUserRequest { user: Some(user), update_mask }).await;
        changed.map(|changed| changed.into_inner().user.unwrap())
    };
    let wanted =
        User { id: ana.id.clone(), role: Role::Auditor.into(), display_name: "Ana".into(), ..Default::default() };
    let changed = update(wanted.clone(), &["role"]).await.unwrap();
    assert_eq!((changed.role(), changed.display_name.as_str()), (Role::Auditor, ""));
    let changed = update(User { name: "ana".into(), id: String::new(), disabled: true, ..wanted }, &["disabled"]).await;
    assert!(changed.unwrap().disabled);
    let refused = update(ana, &["password"]).await.unwrap_err();
    assert_eq!(fields(&refused), ["update_mask"]);
}
