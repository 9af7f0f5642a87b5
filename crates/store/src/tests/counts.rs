use bytes::Bytes;
use time::{OffsetDateTime, macros::datetime};

use super::bed::{Bed, city, on_both_databases};
use crate::{CooperationRow, Counts, MailRow, PendingRow};

on_both_databases!(what_is_open_pending_or_waits_is_counted,);

const NOW: OffsetDateTime = datetime!(2026-03-16 09:00:00.000001 UTC);

fn cooperation(id: &str, open: bool) -> CooperationRow {
    CooperationRow {
        name: format!("cities/feira.example/cooperations/{id}"),
        host: city(),
        kind: 1,
        state: 2,
        sequence: 1,
        create_time: NOW,
        update_time: NOW,
        due_time: None,
        open,
        forked: false,
        participants: Vec::new(),
        subjects: Vec::new(),
        body: Bytes::new(),
    }
}

fn step(id: &str, state: i32) -> PendingRow {
    PendingRow {
        id: id.to_owned(),
        cooperation: "cities/feira.example/cooperations/bridge".to_owned(),
        state,
        body: Bytes::new(),
        envelope: None,
        event_hash: None,
        create_time: NOW,
    }
}

fn mail(id: &str, standing: i32) -> MailRow {
    MailRow {
        id: id.to_owned(),
        to: "international@feira.example".to_owned(),
        subject: String::new(),
        text: String::new(),
        create_time: NOW,
        attempts: 0,
        next_time: NOW,
        problem: String::new(),
        standing,
    }
}

async fn what_is_open_pending_or_waits_is_counted(bed: Bed) {
    let store = bed.store().await;
    assert_eq!(store.counts().await.unwrap(), Counts::default());
    let mut tx = store.begin("test").await.unwrap();
    for (id, open) in [("bridge", true), ("market", true), ("past", false)] {
        tx.put_cooperation(&cooperation(id, open)).await.unwrap();
    }
    for (id, state) in [("1", 1), ("2", 2), ("3", 1)] {
        tx.put_pending(&step(id, state)).await.unwrap();
    }
    let standings = [MailRow::WAITING, MailRow::SENT, MailRow::GIVEN_UP, MailRow::GIVEN_UP, MailRow::GIVEN_UP];
    for (id, standing) in standings.into_iter().enumerate() {
        tx.put_mail(&mail(&id.to_string(), standing)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let expected =
        Counts { open_cooperations: 2, pending_steps: [(1, 2), (2, 1)].into(), waiting_mails: 1, given_up_mails: 3 };
    assert_eq!(store.counts().await.unwrap(), expected);
}
