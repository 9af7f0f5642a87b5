use bytes::Bytes;
use isopolity_proto::admin::PeerState;
use time::macros::datetime;

use super::bed::{Bed, on_both_databases};
use crate::{Invitation, Membership, Standing};

on_both_databases!(
    an_invitation_is_added_changed_and_found,
    what_a_peer_said_is_kept_and_replaced,
    what_the_directory_says_of_a_city_is_kept_and_replaced
);

fn invitation(id: &str) -> Invitation {
    Invitation {
        id: id.into(),
        hash: Bytes::from_static(&[0, 255, 7]),
        create_time: datetime!(2013-03-15 12:00 UTC),
        expire_time: datetime!(2013-03-18 12:00 UTC),
        used_by: None,
        use_time: None,
        revoke_time: None,
        failures: 0,
    }
}

async fn an_invitation_is_added_changed_and_found(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    let later = Invitation { create_time: datetime!(2013-03-16 12:00 UTC), ..invitation("b") };
    for one in [invitation("a"), later.clone()] {
        tx.put_invitation(&one).await.unwrap();
    }
    let used = Invitation {
        used_by: Some("lublin.example".parse().unwrap()),
        use_time: Some(datetime!(2013-03-16 12:00:00.000001 UTC)),
        revoke_time: Some(datetime!(2013-03-17 12:00 UTC)),
        failures: 3,
        ..invitation("a")
    };
    tx.put_invitation(&used).await.unwrap();
    assert_eq!(tx.invitation("a").await.unwrap().as_ref(), Some(&used));
    assert_eq!(tx.invitation("c").await.unwrap(), None);
    assert_eq!(tx.invitation("a\0").await.unwrap(), None);
    assert_eq!(tx.invitations().await.unwrap(), [later.clone(), used.clone()]);
    tx.commit().await.unwrap();
    assert_eq!(store.invitations().await.unwrap(), [later, used], "the latest first");
    assert!(!format!("{:?}", invitation("a")).contains("255"), "no hash is printed");
}

async fn what_a_peer_said_is_kept_and_replaced(bed: Bed) {
    let store = bed.store().await;
    let said = |city: &str, state, reason: &str| Standing {
        city: city.parse().unwrap(),
        state,
        reason: reason.into(),
        time: datetime!(2013-03-15 12:00 UTC),
    };
    let mut tx = store.begin("test").await.unwrap();
    tx.put_standing(&said("lublin.example", PeerState::Active, "")).await.unwrap();
    tx.put_standing(&said("geneve.example", PeerState::Left, "moved")).await.unwrap();
    let held = said("lublin.example", PeerState::Suspended, "ключи");
    tx.put_standing(&held).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.standing(&held.city).await.unwrap(), Some(held.clone()));
    assert_eq!(store.standings().await.unwrap(), [said("geneve.example", PeerState::Left, "moved"), held]);
    assert_eq!(store.standing(&bed.city).await.unwrap(), None);
}

async fn what_the_directory_says_of_a_city_is_kept_and_replaced(bed: Bed) {
    let store = bed.store().await;
    let named = |city: &str, present| Membership {
        city: city.parse().unwrap(),
        present,
        pinned: !present,
        version: 7,
        trouble: if present { String::new() } else { "another bundle".into() },
    };
    let mut tx = store.begin("test").await.unwrap();
    for one in [named("lublin.example", true), named("a0.example", true), named("lublin.example", false)] {
        tx.put_membership(&one).await.unwrap();
    }
    let all = [named("a0.example", true), named("lublin.example", false)];
    assert_eq!(tx.memberships().await.unwrap(), all);
    tx.commit().await.unwrap();
    assert_eq!(store.memberships().await.unwrap(), all);
    assert_eq!(store.membership(&all[1].city).await.unwrap().as_ref(), Some(&all[1]));
    assert_eq!(store.membership(&bed.city).await.unwrap(), None);
}
