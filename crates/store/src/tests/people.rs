use bytes::Bytes;
use isopolity_proto::admin::Role;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::bed::{Bed, on_both_databases};
use crate::{Attempts, Session, User};

on_both_databases!(
    a_user_is_added_replaced_and_found_by_id_and_by_name,
    a_name_is_free_again_once_its_user_is_deleted,
    a_session_is_found_with_its_user_until_it_ends,
    the_latest_sessions_and_the_spared_one_are_kept,
    attempts_are_remembered_over_a_restart_and_forgotten_in_time
);

const NOON: OffsetDateTime = datetime!(2013-03-15 12:00 UTC);

fn user(id: &str, name: &str) -> User {
    User {
        id: id.into(),
        name: name.into(),
        display_name: "Ana Sá".into(),
        role: Role::Editor,
        password: "$argon2id$secret".into(),
        create_time: NOON,
        update_time: NOON,
        password_time: NOON,
        login_time: None,
        disable_time: None,
        delete_time: None,
    }
}

fn session(id: &str, user: &str, minute: i64) -> Session {
    let create_time = NOON + Duration::minutes(minute);
    Session {
        id: id.into(),
        hash: Bytes::from_static(&[0, 255]),
        user: user.into(),
        create_time,
        expire_time: create_time + Duration::hours(12),
    }
}

async fn a_user_is_added_replaced_and_found_by_id_and_by_name(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    let later = NOON + Duration::MICROSECOND;
    for user in [user("u2", "rui"), User { create_time: later, ..user("u1", "ana") }] {
        tx.put_user(&user).await.unwrap();
    }
    let changed = User {
        display_name: String::new(),
        role: Role::Administrator,
        password: "other".into(),
        update_time: later,
        password_time: later,
        login_time: Some(later),
        disable_time: Some(later),
        create_time: later,
        ..user("u1", "ana")
    };
    tx.put_user(&changed).await.unwrap();
    assert_eq!(tx.users().await.unwrap(), [user("u2", "rui"), changed.clone()]);
    assert_eq!(tx.user("u1").await.unwrap().as_ref(), Some(&changed));
    assert_eq!(tx.user_named("rui").await.unwrap(), Some(user("u2", "rui")));
    tx.commit().await.unwrap();
    assert_eq!(store.users().await.unwrap().len(), 2);
    assert_eq!(store.user_named("ana").await.unwrap(), Some(changed.clone()));
    assert_eq!(store.user("u1").await.unwrap(), Some(changed));
    for stranger in ["", "Ana", "ana\0", "' or 1=1 --", "%"] {
        assert_eq!(store.user_named(stranger).await.unwrap(), None, "{stranger:?}");
        assert_eq!(store.user(stranger).await.unwrap(), None, "{stranger:?}");
    }
}

async fn a_name_is_free_again_once_its_user_is_deleted(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    tx.put_user(&User { delete_time: Some(NOON), ..user("u1", "ana") }).await.unwrap();
    assert_eq!(tx.user_named("ana").await.unwrap(), None);
    tx.put_user(&user("u2", "ana")).await.unwrap();
    assert_eq!(tx.user_named("ana").await.unwrap().unwrap().id, "u2");
    assert_eq!(tx.user("u1").await.unwrap().unwrap().delete_time, Some(NOON));
}

async fn a_session_is_found_with_its_user_until_it_ends(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    tx.put_user(&user("u1", "ana")).await.unwrap();
    let (first, second) = (session("a", "u1", 0), session("b", "u1", 1));
    tx.add_session(&first).await.unwrap();
    tx.add_session(&second).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.session("a").await.unwrap(), Some((first.clone(), user("u1", "ana"))));
    for stranger in ["", "A", "a\0"] {
        assert_eq!(store.session(stranger).await.unwrap(), None, "{stranger:?}");
    }
    let mut tx = store.begin("test").await.unwrap();
    tx.forget_sessions(first.expire_time).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.session("a").await.unwrap(), None);
    let mut tx = store.begin("test").await.unwrap();
    tx.end_session("b").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.session("b").await.unwrap(), None);
}

async fn the_latest_sessions_and_the_spared_one_are_kept(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    for id in ["u1", "u2"] {
        tx.put_user(&user(id, id)).await.unwrap();
    }
    for (minute, id) in ["a", "b", "c", "d"].into_iter().enumerate() {
        tx.add_session(&session(id, "u1", i64::try_from(minute).unwrap())).await.unwrap();
    }
    tx.add_session(&session("z", "u2", 0)).await.unwrap();
    tx.end_sessions("u1", 1, Some("b")).await.unwrap();
    tx.commit().await.unwrap();
    let mut kept = Vec::new();
    for id in ["a", "b", "c", "d", "z"] {
        if store.session(id).await.unwrap().is_some() {
            kept.push(id);
        }
    }
    assert_eq!(kept, ["b", "d", "z"]);
    let mut tx = store.begin("test").await.unwrap();
    tx.end_sessions("u1", 0, None).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.session("d").await.unwrap(), None);
}

async fn attempts_are_remembered_over_a_restart_and_forgotten_in_time(bed: Bed) {
    let attempts = |key: &str, hours: i64| Attempts {
        key: key.into(),
        failures: hours,
        delay_time: NOON,
        forget_time: NOON + Duration::hours(hours),
    };
    let keys = ["a", "b", "c", "d"].map(str::to_owned);
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    tx.put_attempts(&[]).await.unwrap();
    tx.put_attempts(&[attempts("a", 1), attempts("b", 2), attempts("c", 3), attempts("d", 4)]).await.unwrap();
    tx.put_attempts(&[Attempts { failures: 9, ..attempts("b", 2) }]).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;

    let store = bed.store().await;
    assert_eq!(store.attempts(&keys).await.unwrap().len(), 4);
    assert_eq!(store.attempts(&keys[1..2]).await.unwrap()[0].failures, 9);
    let mut tx = store.begin("test").await.unwrap();
    tx.tidy_attempts(NOON + Duration::hours(1), 2).await.unwrap();
    let mut left = tx.attempts(&keys).await.unwrap();
    left.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(left, [attempts("c", 3), attempts("d", 4)]);
    tx.forget_attempts(&keys[2..3]).await.unwrap();
    assert_eq!(tx.attempts(&keys).await.unwrap(), [attempts("d", 4)]);
}

#[test]
fn a_user_shows_neither_password_nor_name() {
    let shown = format!("{:?}", user("u1", "ana"));
    assert!(!shown.contains("argon2") && !shown.contains("Ana") && !shown.contains("ana"), "{shown}");
}
