use bytes::Bytes;
use isopolity_domain::CityId;
use isopolity_proto::{
    admin::{PeerState, Role, Scope},
    options::Audience,
};
use time::macros::datetime;

use super::bed::{Bed, on_both_databases};
use crate::{Peer, Token};

on_both_databases!(
    a_peer_is_added_replaced_and_found,
    a_circuit_is_kept_and_survives_that_its_peer_is_replaced,
    a_token_is_added_replaced_and_found,
    a_setting_is_replaced
);

pub(super) fn peer(city: &str) -> Peer {
    Peer {
        city: city.parse().unwrap(),
        state: PeerState::Invited,
        state_reason: String::new(),
        audience: Audience::Federation,
        bundle: Bytes::from_static(b"bundle"),
        bundle_sequence: 1,
        records: 0,
        create_time: datetime!(2013-03-15 12:00 UTC),
        approve_time: None,
        circuit: Bytes::new(),
    }
}

fn token(id: &str) -> Token {
    Token {
        id: id.into(),
        hash: Bytes::from_static(&[0, 255, 7]),
        label: "the office’s".into(),
        role: Role::Editor,
        scopes: Vec::new(),
        create_time: datetime!(2013-03-15 12:00 UTC),
        expire_time: None,
        revoke_time: None,
    }
}

async fn a_peer_is_added_replaced_and_found(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    for city in ["lublin.example", "a0.example", "a-1.example"] {
        tx.put_peer(&peer(city)).await.unwrap();
    }
    let approved = Peer {
        state: PeerState::Active,
        state_reason: "by telephone".into(),
        audience: Audience::Public,
        bundle: Bytes::from_static(b"newer"),
        bundle_sequence: i64::MAX,
        records: 7,
        create_time: datetime!(2013-03-16 12:00 UTC),
        approve_time: Some(datetime!(2013-03-17 12:00:00.000001 UTC)),
        ..peer("lublin.example")
    };
    tx.put_peer(&approved).await.unwrap();
    assert_eq!(tx.peer(&approved.city).await.unwrap().as_ref(), Some(&approved));
    let all = [peer("a-1.example"), peer("a0.example"), approved.clone()];
    assert_eq!(tx.peers().await.unwrap(), all);
    tx.commit().await.unwrap();
    assert_eq!(store.peers().await.unwrap(), all);
    assert_eq!(store.peer(&approved.city).await.unwrap(), Some(approved));
    assert_eq!(store.peer(&bed.city).await.unwrap(), None);
}

async fn a_circuit_is_kept_and_survives_that_its_peer_is_replaced(bed: Bed) {
    let store = bed.store().await;
    let (lublin, geneve) = (peer("lublin.example"), peer("geneve.example"));
    let stranger: CityId = "stranger.example".parse().unwrap();
    let mut tx = store.begin("test").await.unwrap();
    tx.put_peer(&lublin).await.unwrap();
    tx.put_peer(&geneve).await.unwrap();
    let kept = Bytes::from_static(b"\0kept\xff");
    tx.put_circuits(&[(lublin.city.clone(), kept.clone()), (stranger.clone(), kept.clone())]).await.unwrap();
    tx.put_peer(&Peer { records: 9, ..lublin.clone() }).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;

    let store = bed.store().await;
    let found = store.peer(&lublin.city).await.unwrap().unwrap();
    assert_eq!((found.records, found.circuit), (9, kept));
    assert_eq!(store.peer(&geneve.city).await.unwrap().unwrap().circuit, Bytes::new());
    assert_eq!(store.peer(&stranger).await.unwrap(), None);
    let mut tx = store.begin("test").await.unwrap();
    tx.put_circuits(&[(lublin.city.clone(), Bytes::new())]).await.unwrap();
    drop(tx);
    assert!(!store.peer(&lublin.city).await.unwrap().unwrap().circuit.is_empty(), "what is dropped is undone");
}

async fn a_token_is_added_replaced_and_found(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    let older = Token { create_time: datetime!(2012-01-01 0:00 UTC), ..token("z") };
    for token in [token("b"), token("a"), older.clone()] {
        tx.put_token(&token).await.unwrap();
    }
    let revoked = Token {
        hash: Bytes::from_static(b"other"),
        label: "left".into(),
        role: Role::Viewer,
        scopes: vec![Scope::RecordsRead, Scope::Administer],
        create_time: datetime!(2013-03-16 12:00 UTC),
        expire_time: Some(datetime!(2014-01-01 0:00 UTC)),
        revoke_time: Some(datetime!(2013-12-31 23:59:59.999999 UTC)),
        ..token("a")
    };
    tx.put_token(&revoked).await.unwrap();
    assert_eq!(tx.token("a").await.unwrap(), Some(revoked.clone()));
    let all = [older, token("b"), revoked.clone()];
    assert_eq!(tx.tokens().await.unwrap(), all);
    tx.commit().await.unwrap();
    assert_eq!(store.tokens().await.unwrap(), all);
    assert_eq!(store.token("a").await.unwrap(), Some(revoked));
    for stranger in ["", "A", "a\0", "' or 1=1 --", "é\u{202e}"] {
        assert_eq!(store.token(stranger).await.unwrap(), None, "{stranger:?}");
    }
}

async fn a_setting_is_replaced(bed: Bed) {
    let store = bed.store().await;
    assert_eq!(store.setting("own_bundle").await.unwrap(), None);
    let mut tx = store.begin("test").await.unwrap();
    tx.set_setting("own_bundle", b"one").await.unwrap();
    tx.set_setting("own_bundle", b"two\0").await.unwrap();
    assert_eq!(tx.setting("own_bundle").await.unwrap().as_deref(), Some(&b"two\0"[..]));
    tx.commit().await.unwrap();
    assert_eq!(store.setting("own_bundle").await.unwrap().as_deref(), Some(&b"two\0"[..]));
}

#[test]
fn a_token_does_not_show_its_hash() {
    assert!(!format!("{:?}", token("a")).contains("255"));
}
