use std::net::IpAddr;

use argon2::Params;
use isopolity_domain::Clock as _;
use isopolity_proto::admin::{Role, Scope};
use time::macros::datetime;

use super::*;
use crate::{access::NewToken, password::Passwords, testing::Feira, user::UserChange};

const PASSWORD: &str = "sardinha lua quarta";
const OFFICE: &str = "192.0.2.7";
const ELSEWHERE: &str = "2001:db8::1";

fn administrator() -> Caller {
    Caller::token("first", Role::Administrator)
}

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

/// A registry with a user.
async fn with_user(name: &str, role: Role) -> (Feira, admin::User) {
    let feira = Feira::open_at(datetime!(2026-03-16 09:00 UTC)).await;
    let user = feira.add(name, role).await;
    (feira, user)
}

impl Feira {
    async fn add(&self, name: &str, role: Role) -> admin::User {
        let user = admin::User { name: name.into(), role: role.into(), ..Default::default() };
        self.registry.create_user(&administrator(), &user, secret(PASSWORD)).await.unwrap()
    }

    async fn try_login(&self, name: &str, password: &str, from: &str) -> Result<NewSession, Error> {
        let from: IpAddr = from.parse().unwrap();
        self.registry.login(name, secret(password), from).await
    }

    async fn login(&self, name: &str) -> NewSession {
        self.try_login(name, PASSWORD, OFFICE).await.unwrap()
    }

    /// So many wrong passwords, each as soon as it may come.
    async fn guess(&self, name: &str, times: u32, from: &str) {
        for _ in 0..times {
            loop {
                match self.try_login(name, "not the password", from).await {
                    Err(Error::LoginFailed) => break,
                    Err(Error::LoginDelayed { retry_after }) => self.clock.advance(retry_after.try_into().unwrap()),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    async fn update(&self, user: &str, change: UserChange) -> Result<admin::User, Error> {
        self.registry.update_user(&administrator(), user, change).await
    }

    async fn token(&self, role: Role, scopes: &[Scope], life: Option<Duration>) -> NewToken {
        let end = life.and_then(|life| self.registry.default_end(life));
        self.registry.create_token(&administrator(), "a test", role, scopes, end).await.unwrap()
    }
}

fn delay(refused: &Error) -> Duration {
    match refused {
        Error::LoginDelayed { retry_after } => (*retry_after).try_into().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whoever_knows_the_password_has_a_session_for_a_day_s_work() {
    let (feira, user) = with_user("Ana.Sa", Role::Editor).await;
    let session = feira.try_login(" ANA.SA ", PASSWORD, OFFICE).await.unwrap();
    assert!(session.secret.starts_with("isos_") && !format!("{session:?}").contains(session.secret.as_str()));
    let caller = feira.registry.authenticate(&session.secret).await.unwrap();
    assert_eq!(caller.id(), user.id);
    caller.must(crate::Right::Edit).unwrap();
    let about = feira.registry.whoami(&caller).unwrap();
    assert_eq!((about.identification(), about.role()), (Identification::User, Role::Editor));
    assert!(!user.id.contains("ana"), "an id holds nothing of a person");
    let kept = feira.registry.user(&administrator(), "ana.sa").await.unwrap();
    assert_eq!(kept.login_time, Some(to_timestamp(feira.clock.now())));

    // However much it is used.
    feira.clock.advance(Duration::hours(12) - Duration::SECOND);
    feira.registry.authenticate(&session.secret).await.unwrap();
    feira.clock.advance(Duration::SECOND);
    assert!(matches!(feira.registry.authenticate(&session.secret).await, Err(Error::TokenInvalid)));
}

#[tokio::test]
async fn what_is_wrong_with_a_name_or_a_password_is_not_said() {
    let (feira, _) = with_user("ana", Role::Editor).await;
    feira.add("rui", Role::Editor).await;
    feira.update("rui", UserChange { disabled: Some(true), ..UserChange::default() }).await.unwrap();
    let long = "p".repeat(100_000);
    for (name, password) in [
        ("ana", "not the password"),
        ("ana", long.as_str()),
        ("nobody", PASSWORD),
        ("rui", PASSWORD),
        ("' or 1=1 --", PASSWORD),
        ("\0", PASSWORD),
    ] {
        let refused = feira.try_login(name, password, OFFICE).await.unwrap_err();
        assert!(matches!(refused, Error::LoginFailed), "{name}: {refused:?}");
    }
    assert!(matches!(feira.try_login("ana", "", OFFICE).await, Err(Error::Invalid(_))));
    assert!(matches!(feira.try_login(" ", PASSWORD, OFFICE).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_session_ends_at_once_when_its_user_changes() {
    let (feira, user) = with_user("ana", Role::Editor).await;
    let registry = &feira.registry;
    for what in ["role", "password", "disabled", "deleted", "signed out"] {
        let session = feira.login("ana").await;
        // Read a moment ago, so that it is in memory.
        let caller = registry.authenticate(&session.secret).await.unwrap();
        match what {
            "role" => {
                drop(feira.update(&user.id, UserChange { role: Some(Role::Viewer), ..UserChange::default() }).await);
            }
            "password" => drop(registry.set_password(&administrator(), "ana", secret(PASSWORD)).await),
            "disabled" => {
                feira.update("ana", UserChange { disabled: Some(true), ..UserChange::default() }).await.unwrap();
            }
            "deleted" => drop(registry.delete_user(&administrator(), "ana").await),
            _ => registry.logout(&caller).await.unwrap(),
        }
        let ended = registry.authenticate(&session.secret).await;
        assert!(matches!(ended, Err(Error::TokenInvalid)), "{what}: {ended:?}");
        match what {
            "disabled" => {
                feira.update("ana", UserChange { disabled: Some(false), ..UserChange::default() }).await.unwrap();
                assert!(registry.authenticate(&session.secret).await.is_err(), "what has ended does not begin again");
            }
            "deleted" => drop(feira.add("ana", Role::Editor).await),
            _ => {}
        }
    }
    let token = administrator();
    assert!(matches!(registry.logout(&token).await, Err(Error::SessionRequired)), "a token is no session");
}

#[tokio::test]
async fn a_deleted_user_is_kept_under_its_id_and_its_name_is_free() {
    let (feira, user) = with_user("ana", Role::Editor).await;
    let deleted = feira.registry.delete_user(&administrator(), "ana").await.unwrap();
    assert!(deleted.disabled && deleted.delete_time.is_some());
    assert_eq!(feira.registry.delete_user(&administrator(), &user.id).await.unwrap(), deleted);
    assert!(matches!(feira.try_login("ana", PASSWORD, OFFICE).await, Err(Error::LoginFailed)));
    let enable = UserChange { disabled: Some(false), ..UserChange::default() };
    assert!(matches!(feira.update(&user.id, enable).await, Err(Error::NotFound(_))));
    let other = feira.add("ana", Role::Viewer).await;
    assert_ne!(other.id, user.id);
    assert_eq!(feira.registry.user(&administrator(), &user.id).await.unwrap(), deleted);
    assert_eq!(feira.registry.users(&administrator(), false).await.unwrap(), std::slice::from_ref(&other));
    assert_eq!(feira.registry.users(&administrator(), true).await.unwrap().len(), 2);
    let twice = admin::User { name: "ANA".into(), role: Role::Viewer.into(), ..Default::default() };
    let refused = feira.registry.create_user(&administrator(), &twice, secret(PASSWORD)).await;
    assert!(matches!(refused, Err(Error::UserExists(_))));
}

#[tokio::test]
async fn one_session_more_than_there_may_be_ends_the_oldest() {
    let (feira, _) = with_user("ana", Role::Editor).await;
    let mut sessions = Vec::new();
    for _ in 0..=SESSIONS_MAX {
        sessions.push(feira.login("ana").await);
        feira.clock.advance(Duration::SECOND);
    }
    assert!(feira.registry.authenticate(&sessions[0].secret).await.is_err());
    feira.registry.authenticate(&sessions[1].secret).await.unwrap();
    feira.registry.authenticate(&sessions[20].secret).await.unwrap();
}

#[tokio::test]
async fn guessing_takes_longer_each_time_and_nothing_is_locked_for_good() {
    let (feira, _) = with_user("ana", Role::Editor).await;
    for name in ["ana", "nobody"] {
        let from = if name == "ana" { "192.0.2.1" } else { "192.0.2.2" };
        feira.guess(name, 5, from).await;
        let mut delays = Vec::new();
        for _ in 0..12 {
            let refused = feira.try_login(name, PASSWORD, from).await.unwrap_err();
            delays.push(delay(&refused).whole_seconds());
            feira.guess(name, 1, from).await;
        }
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900], "{name}");
    }
    feira.clock.advance(Duration::minutes(15));
    feira.try_login("ana", PASSWORD, "192.0.2.1").await.unwrap();
    feira.guess("ana", 5, "192.0.2.3").await;
    assert_eq!(delay(&feira.try_login("ana", PASSWORD, "192.0.2.3").await.unwrap_err()), Duration::SECOND, "anew");
}

#[tokio::test]
async fn a_stranger_elsewhere_locks_nobody_out_of_the_office() {
    let (feira, _) = with_user("ana", Role::Editor).await;
    feira.login("ana").await;
    feira.guess("ana", 30, ELSEWHERE).await;
    feira.login("ana").await;
    // From a third place even the right password has to wait.
    assert!(matches!(feira.try_login("ana", PASSWORD, "192.0.2.99").await, Err(Error::LoginDelayed { .. })));
    // In the office guesses are counted too, by themselves.
    feira.guess("ana", 5, OFFICE).await;
    assert_eq!(delay(&feira.try_login("ana", PASSWORD, OFFICE).await.unwrap_err()), Duration::SECOND);
    feira.clock.advance(Duration::days(91));
    feira.guess("ana", 5, ELSEWHERE).await;
    let refused = feira.try_login("ana", PASSWORD, OFFICE).await;
    assert!(matches!(refused, Err(Error::LoginDelayed { .. })), "after 90 days the office is a place like any other");
}

#[tokio::test]
async fn a_network_that_tries_many_names_is_delayed_whatever_it_tries() {
    let (feira, _) = with_user("ana", Role::Editor).await;
    for name in 0..20 {
        feira.guess(&format!("user{name}"), 1, "2001:db8:0:1::1").await;
    }
    let neighbour = feira.try_login("ana", PASSWORD, "2001:db8:0:1:ffff::2").await;
    assert!(matches!(neighbour, Err(Error::LoginDelayed { .. })), "{neighbour:?}");
    feira.try_login("ana", PASSWORD, "2001:db8:0:2::1").await.unwrap();
    // Whoever has one password gets no free guesses of others by it.
    feira.clock.advance(Duration::minutes(15));
    feira.try_login("ana", PASSWORD, "2001:db8:0:1::1").await.unwrap();
    feira.guess("user1", 1, "2001:db8:0:1::1").await;
    assert!(matches!(feira.try_login("rui", "x", "2001:db8:0:1::1").await, Err(Error::LoginDelayed { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_the_same_time_count_each() {
    let (feira, _) = with_user("ana", Role::Editor).await;
    let from: IpAddr = ELSEWHERE.parse().unwrap();
    let guess = |registry: Registry| async move { registry.login("ana", secret("not the password"), from).await };
    let guesses: Vec<_> = (0..20).map(|_| tokio::spawn(guess(feira.registry.clone()))).collect();
    let mut looked_at = 0;
    for guess in guesses {
        match guess.await.unwrap() {
            Err(Error::LoginFailed) => looked_at += 1,
            Err(Error::LoginDelayed { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(looked_at, 5);
}

#[tokio::test]
async fn an_administrator_sets_a_password_and_guesses_of_the_old_one_are_forgotten() {
    let (feira, user) = with_user("ana", Role::Editor).await;
    feira.guess("ana", 9, ELSEWHERE).await;
    assert!(matches!(feira.try_login("ana", PASSWORD, OFFICE).await, Err(Error::LoginDelayed { .. })));
    let other = "another good password";
    feira.registry.set_password(&administrator(), &user.id, secret(other)).await.unwrap();
    assert!(matches!(feira.try_login("ana", PASSWORD, OFFICE).await, Err(Error::LoginFailed)));
    feira.try_login("ana", other, OFFICE).await.unwrap();
    for weak in ["", "short", "password1234", "ana ana ana "] {
        let refused = feira.registry.set_password(&administrator(), "ana", secret(weak)).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid(_)), "{weak}: {refused:?}");
    }
}

#[tokio::test]
async fn whoever_is_signed_in_changes_their_own_password_and_stays() {
    let (feira, _) = with_user("ana", Role::Viewer).await;
    let (here, there) = (feira.login("ana").await, feira.login("ana").await);
    let registry = &feira.registry;
    let caller = registry.authenticate(&here.secret).await.unwrap();
    let from: IpAddr = OFFICE.parse().unwrap();
    let new = "another good password";
    let change =
        async |present: &str, new: &str| registry.change_password(&caller, secret(present), secret(new), from).await;
    assert!(matches!(change("not the password", new).await, Err(Error::LoginFailed)));
    assert!(matches!(change(PASSWORD, "short").await, Err(Error::Invalid(_))));
    change(PASSWORD, new).await.unwrap();
    registry.authenticate(&here.secret).await.unwrap();
    assert!(registry.authenticate(&there.secret).await.is_err());
    feira.try_login("ana", new, OFFICE).await.unwrap();
    let token = Caller::token("x", Role::Administrator);
    let refused = registry.change_password(&token, secret(PASSWORD), secret(new), from).await;
    assert!(matches!(refused, Err(Error::SessionRequired)));
}

#[tokio::test]
async fn a_hash_of_weaker_days_is_made_anew_when_its_user_signs_in() {
    let (feira, user) = with_user("ana", Role::Editor).await;
    let weak = Passwords::with(Params::new(8, 1, 1, None).unwrap()).hash(secret(PASSWORD)).await.unwrap();
    let store = feira.registry.store();
    let kept = store.user(&user.id).await.unwrap().unwrap();
    let mut tx = store.begin("test").await.unwrap();
    tx.put_user(&User { password: weak.clone(), ..kept }).await.unwrap();
    tx.commit().await.unwrap();
    feira.login("ana").await;
    let stronger = store.user(&user.id).await.unwrap().unwrap().password;
    assert!(stronger.contains("m=19456,t=2,p=1") && stronger != weak, "{stronger}");
    feira.login("ana").await;
    assert_eq!(store.user(&user.id).await.unwrap().unwrap().password, stronger, "and then it stays");
}

#[tokio::test]
async fn somebody_can_always_administer_by_a_token_or_as_a_user() {
    let (feira, ana) = with_user("ana", Role::Administrator).await;
    let registry = &feira.registry;
    assert!(registry.first_token().await.unwrap().is_none(), "a user administers already");
    let none_left =
        |refused: Result<_, Error>| assert!(matches!(refused, Err(Error::LastAdministrator)), "{refused:?}");
    // What does not last, is narrowed down, disabled or may something else does not count.
    let passing = feira.token(Role::Administrator, &[], Some(Duration::days(1))).await;
    feira.token(Role::Administrator, &[Scope::RecordsRead], None).await;
    feira.token(Role::Coordinator, &[], None).await;
    let rui = feira.add("rui", Role::Administrator).await;
    feira.update("rui", UserChange { disabled: Some(true), ..UserChange::default() }).await.unwrap();
    for change in [
        UserChange { role: Some(Role::Auditor), ..UserChange::default() },
        UserChange { disabled: Some(true), ..UserChange::default() },
    ] {
        none_left(feira.update("ana", change).await);
    }
    none_left(registry.delete_user(&administrator(), "ana").await);
    let kept = registry.user(&administrator(), "ana").await.unwrap();
    assert_eq!((kept.role(), kept.disabled), (Role::Administrator, false), "what was refused was not done");
    feira.update("ana", UserChange { display_name: Some("Ana".into()), ..UserChange::default() }).await.unwrap();

    let lasting = feira.token(Role::Administrator, &[], None).await.token.id;
    registry.delete_user(&administrator(), &ana.id).await.unwrap();
    let refused = registry.revoke_token(&administrator(), &lasting).await;
    assert!(matches!(refused, Err(Error::LastAdministrator)), "{refused:?}");
    feira.update(&rui.id, UserChange { disabled: Some(false), ..UserChange::default() }).await.unwrap();
    registry.revoke_token(&administrator(), &lasting).await.unwrap();
    registry.revoke_token(&administrator(), &passing.token.id).await.unwrap();
}

#[tokio::test]
async fn only_an_administrator_has_to_do_with_users() {
    let (feira, _) = with_user("ana", Role::Editor).await;
    for role in [Role::Viewer, Role::Editor, Role::Coordinator, Role::Auditor] {
        let (registry, caller) = (&feira.registry, Caller::token("x", role));
        let user = admin::User { name: "x".into(), role: Role::Administrator.into(), ..Default::default() };
        let change = UserChange { role: Some(Role::Administrator), ..UserChange::default() };
        let refused = [
            registry.create_user(&caller, &user, secret(PASSWORD)).await.unwrap_err(),
            registry.user(&caller, "ana").await.unwrap_err(),
            registry.users(&caller, true).await.unwrap_err(),
            registry.update_user(&caller, "ana", change).await.unwrap_err(),
            registry.set_password(&caller, "ana", secret(PASSWORD)).await.unwrap_err(),
            registry.delete_user(&caller, "ana").await.unwrap_err(),
        ];
        assert!(refused.iter().all(|one| matches!(one, Error::RightMissing(crate::Right::Administer))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_user_is_created_with_all_that_it_needs() {
    let (feira, _) = with_user("ana", Role::Editor).await;
    let good = admin::User { name: "rui".into(), role: Role::Viewer.into(), ..Default::default() };
    for (wrong, password, field) in [
        (admin::User { name: String::new(), ..good.clone() }, PASSWORD, "user.name"),
        (admin::User { name: "rui costa".into(), ..good.clone() }, PASSWORD, "user.name"),
        (admin::User { role: 0, ..good.clone() }, PASSWORD, "user.role"),
        (admin::User { role: 99, ..good.clone() }, PASSWORD, "user.role"),
        (admin::User { display_name: "x".repeat(201), ..good.clone() }, PASSWORD, "user.display_name"),
        (admin::User { display_name: "a\u{1b}[2J".into(), ..good.clone() }, PASSWORD, "user.display_name"),
        (good.clone(), "", "password"),
        (good.clone(), "too short", "password"),
    ] {
        match feira.registry.create_user(&administrator(), &wrong, secret(password)).await.unwrap_err() {
            Error::Invalid(violations) => assert_eq!(violations.0[0].field, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_peers_learn_of_a_caller_is_always_the_same_and_says_nothing() {
    let (feira, _) = with_user("ana", Role::Editor).await;
    let pseudonym = |id: &str| feira.registry.pseudonym(&Caller::token(id, Role::Viewer));
    assert_eq!(pseudonym("u1"), pseudonym("u1"));
    assert_ne!(pseudonym("u1"), pseudonym("u2"));
    assert!(pseudonym("u1").ends_with("@feira.example") && !pseudonym("u1").contains("u1"));
    assert_eq!(feira.registry.pseudonym(&Caller::Anonymous), "anonymous@feira.example");
    let provided = feira.registry.provided_id("https://login.example", "ana@feira.example");
    assert!(
        !provided.contains("ana")
            && provided != feira.registry.provided_id("https://other.example", "ana@feira.example")
    );
}
