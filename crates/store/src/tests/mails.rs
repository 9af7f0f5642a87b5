use time::{Duration, OffsetDateTime, macros::datetime};

use super::bed::{Bed, on_both_databases};
use crate::MailRow;

on_both_databases!(
    a_mail_is_put_once_and_tried_until_it_is_sent_or_given_up,
    mails_that_do_not_wait_any_more_are_forgotten,
);

const NOW: OffsetDateTime = datetime!(2026-03-16 09:00:00.000001 UTC);

fn mail(id: &str) -> MailRow {
    MailRow {
        id: id.to_owned(),
        to: "ana@feira.example".to_owned(),
        subject: "Kénitra has answered".to_owned(),
        text: "Look at it.\n".to_owned(),
        create_time: NOW - Duration::hours(1),
        attempts: 0,
        next_time: NOW,
        problem: String::new(),
        standing: MailRow::WAITING,
    }
}

fn ids(rows: &[MailRow]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

async fn a_mail_is_put_once_and_tried_until_it_is_sent_or_given_up(bed: Bed) {
    let store = bed.store().await;
    assert_eq!(store.next_mail_time().await.unwrap(), None);
    let mut tx = store.begin("test").await.unwrap();
    let earlier = MailRow { next_time: NOW - Duration::seconds(1), ..mail("3") };
    for row in [&mail("1"), &mail("2"), &earlier, &MailRow { text: "something else".to_owned(), ..mail("1") }] {
        tx.put_mail(row).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(store.due_mails(NOW, 9).await.unwrap(), [earlier.clone(), mail("1"), mail("2")]);
    assert_eq!(ids(&store.due_mails(NOW, 1).await.unwrap()), ["3"]);
    assert_eq!(ids(&store.due_mails(NOW - Duration::microseconds(1), 9).await.unwrap()), ["3"]);
    assert_eq!(store.next_mail_time().await.unwrap(), Some(earlier.next_time));

    let mut tx = store.begin("test").await.unwrap();
    let later = NOW + Duration::minutes(1);
    let tried = MailRow { attempts: 1, next_time: later, problem: "no answer".to_owned(), ..mail("1") };
    let sent = MailRow { attempts: 1, standing: MailRow::SENT, ..mail("2") };
    let given_up = MailRow { attempts: 9, standing: MailRow::GIVEN_UP, problem: "no such box".to_owned(), ..earlier };
    for row in [&tried, &sent, &given_up] {
        assert!(tx.update_mail(row).await.unwrap());
    }
    assert!(!tx.update_mail(&mail("4")).await.unwrap());
    tx.commit().await.unwrap();
    assert!(store.due_mails(NOW, 9).await.unwrap().is_empty());
    assert_eq!(store.due_mails(later, 9).await.unwrap(), std::slice::from_ref(&tried));
    assert_eq!(store.next_mail_time().await.unwrap(), Some(later));
    assert_eq!(store.mails(None, 9).await.unwrap(), [given_up, sent, tried]);
    assert_eq!(ids(&store.mails(None, 1).await.unwrap()), ["3"]);
    assert_eq!(ids(&store.mails(Some("3"), 9).await.unwrap()), ["2", "1"]);
}

async fn mails_that_do_not_wait_any_more_are_forgotten(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    for row in [
        mail("1"),
        MailRow { standing: MailRow::SENT, ..mail("2") },
        MailRow { standing: MailRow::GIVEN_UP, ..mail("3") },
        MailRow { standing: MailRow::SENT, create_time: NOW, ..mail("4") },
    ] {
        tx.put_mail(&row).await.unwrap();
    }
    assert_eq!(tx.forget_mails(NOW).await.unwrap(), 2);
    tx.commit().await.unwrap();
    assert_eq!(ids(&store.mails(None, 9).await.unwrap()), ["4", "1"]);
    let mut tx = store.begin("test").await.unwrap();
    tx.put_mail(&mail("5")).await.unwrap();
    drop(tx);
    assert_eq!(store.mails(None, 9).await.unwrap().len(), 2);
}
