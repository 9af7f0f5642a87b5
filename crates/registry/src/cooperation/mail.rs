//! Mail to the city's offices about what newly waits for the city.
//!
//! What is to be sent is written with what it tells of, in one transaction, and sent by the node, which knows the mail server. Mail
//! travels outside of what the federation trusts: it says that something waits, in which cooperation, with whom and by when, and
//! nothing of what was offered or written.

use std::{cmp::Ordering, fmt::Write as _, sync::OnceLock};

use isopolity_domain::backoff;
use isopolity_proto::{
    cooperation::{Waiting, WaitingFor},
    types::LocalizedText,
};
use isopolity_store::{MailRow, Tx};
use time::{Duration, OffsetDateTime};
use tracing::{info, warn};
use uuid::Uuid;

use crate::{Error, Registry};

/// For how long it is tried to send a mail. What waits is in the inbox all the same.
const GIVEN_UP_AFTER: Duration = Duration::days(5);
/// For how long mails are kept that were sent or given up.
const KEPT: Duration = Duration::days(30);
/// The most mails to one mailbox within a day: other cities cause them. One more says that there are no more.
const DAILY: u64 = 50;
/// Mails that are sent at once, before it is looked again.
const AT_ONCE: u64 = 20;
/// The longest title, in characters: other cities write it.
const TITLE_MAX: usize = 200;

/// The mailboxes that mail goes to. None are known where no mail is wanted.
#[derive(Debug, Default)]
pub(crate) struct Mailboxes(OnceLock<Vec<String>>);

/// A mail that is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueMail {
    /// Its id. The same each time that it is tried.
    pub id: String,
    /// The mailbox that it goes to.
    pub to: String,
    /// Its subject, one line.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// When it was written.
    pub time: OffsetDateTime,
    row: MailRow,
}

impl Registry {
    /// Writes mail to these offices from now on. Can be said once.
    pub fn write_to(&self, mailboxes: Vec<String>) {
        if self.inner.mailboxes.0.set(mailboxes).is_err() {
            warn!("whom mail goes to was said already");
        }
    }

    /// Writes mail about what newly waits for this city: what is in `after` and was not in `before`.
    pub(crate) async fn mail_waiting(&self, tx: &mut Tx, before: &[Waiting], after: &[Waiting]) -> Result<(), Error> {
        let Some(mailboxes) = self.inner.mailboxes.0.get() else { return Ok(()) };
        let own = self.city().as_str();
        let news: Vec<&Waiting> =
            after.iter().filter(|one| one.city == own && !before.iter().any(|known| is_same(known, one))).collect();
        let Some(first) = news.first() else { return Ok(()) };
        let told = (subject(first, news.len()), text(own, first, &news));
        self.write_mails(tx, mailboxes, told).await
    }

    /// Writes mail about a history that its host forked: people have to speak with one another.
    pub(crate) async fn mail_fork(&self, tx: &mut Tx, cooperation: &str, sequence: i64) -> Result<(), Error> {
        let Some(mailboxes) = self.inner.mailboxes.0.get() else { return Ok(()) };
        self.write_mails(tx, mailboxes, forked(self.city().as_str(), cooperation, sequence)).await
    }

    async fn write_mails(&self, tx: &mut Tx, mailboxes: &[String], told: (String, String)) -> Result<(), Error> {
        let now = self.now();
        for to in mailboxes {
            let written = tx.count_mails(to, now - Duration::DAY).await?;
            let (subject, text) = match written.cmp(&DAILY) {
                Ordering::Less => told.clone(),
                Ordering::Equal => no_more(self.city().as_str()),
                Ordering::Greater => continue,
            };
            let row = MailRow {
                id: Uuid::now_v7().to_string(),
                to: to.clone(),
                subject,
                text,
                create_time: now,
                attempts: 0,
                next_time: now,
                problem: String::new(),
                standing: MailRow::WAITING,
            };
            tx.put_mail(&row).await?;
        }
        Ok(())
    }

    /// The mails that are to be sent now. Each counts as tried from here on, so that one that brings the node down does not do so
    /// again at once.
    ///
    /// # Errors
    /// What the store says.
    pub async fn due_mails(&self) -> Result<Vec<DueMail>, Error> {
        let now = self.now();
        let due = self.store().due_mails(now, AT_ONCE).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.store().begin("mail is tried").await?;
        let mut mails = Vec::new();
        for mut row in due {
            row.attempts = row.attempts.saturating_add(1);
            let failures = u32::try_from(row.attempts).unwrap_or_default();
            row.next_time = backoff::next_time(now, failures, self.federation().chance(), None);
            if tx.update_mail(&row).await? {
                mails.push(row);
            }
        }
        tx.commit().await?;
        Ok(mails.into_iter().map(due_mail).collect())
    }

    /// As soon as there may be mail to send.
    pub async fn mail_waits(&self) {
        self.mailbox_news().notified().await;
    }

    /// The mail server took a mail.
    ///
    /// # Errors
    /// What the store says.
    pub async fn mail_sent(&self, mail: &DueMail) -> Result<(), Error> {
        let row = MailRow { standing: MailRow::SENT, problem: String::new(), ..mail.row.clone() };
        info!(mail.id = mail.id, mail.to = mail.to, mail.attempts = row.attempts, "mail was sent");
        let mut tx = self.store().begin("mail was sent").await?;
        tx.update_mail(&row).await?;
        tx.forget_mails(self.now() - KEPT).await?;
        Ok(tx.commit().await?)
    }

    /// A mail could not be sent. It is tried again, until it is five days old.
    ///
    /// # Errors
    /// What the store says.
    pub async fn mail_failed(&self, mail: &DueMail, problem: &str) -> Result<(), Error> {
        let mut row = MailRow { problem: problem.to_owned(), ..mail.row.clone() };
        let (id, to, attempts) = (&mail.id, &mail.to, row.attempts);
        if self.now() - row.create_time >= GIVEN_UP_AFTER {
            row.standing = MailRow::GIVEN_UP;
            warn!(mail.id = id, mail.to = to, mail.attempts = attempts, "mail was given up after 5 days: {problem}");
        } else if mail.row.problem == problem {
            info!(mail.id = id, mail.to = to, mail.attempts = attempts, "mail can't be sent, as before: {problem}");
        } else {
            warn!(
                mail.id = id,
                mail.to = to,
                mail.attempts = attempts,
                "mail can't be sent, it is tried again: {problem}"
            );
        }
        let mut tx = self.store().begin("mail was not sent").await?;
        tx.update_mail(&row).await?;
        Ok(tx.commit().await?)
    }
}

fn due_mail(row: MailRow) -> DueMail {
    DueMail {
        id: row.id.clone(),
        to: row.to.clone(),
        subject: row.subject.clone(),
        text: row.text.clone(),
        time: row.create_time,
        row,
    }
}

/// Whether two are one thing that waits, whatever has become of its date.
fn is_same(one: &Waiting, other: &Waiting) -> bool {
    one.cooperation == other.cooperation
        && one.city == other.city
        && one.waiting_for == other.waiting_for
        && one.item == other.item
}

/// What waits, as a sentence has it.
fn what(waiting: &Waiting) -> &'static str {
    match waiting.waiting_for() {
        WaitingFor::Answer => "a question waits for an answer",
        WaitingFor::Decision => "terms wait to be accepted, countered or declined",
        WaitingFor::Approval => "a step waits for a second person's approval",
        WaitingFor::Signature => "agreed terms wait to be signed",
        WaitingFor::Activation => "what every city has signed waits to begin",
        WaitingFor::AmendmentDecision => "an amendment waits to be accepted or declined",
        WaitingFor::Milestone => "a milestone waits to be completed",
        WaitingFor::Conclusion => "another city is done, and waits for this one to say so too",
        WaitingFor::Rebase => "a step waits to be taken anew: another city's came first",
        WaitingFor::Renewal => "a cooperation ends soon: renew it, or let it end",
        WaitingFor::Unspecified => "something waits",
    }
}

/// Whether it waits for this only in cooperations that have terms, and so a title. Others are called by what was asked, which is not for
/// a mail.
fn has_terms(waiting: &Waiting) -> bool {
    match waiting.waiting_for() {
        WaitingFor::Decision
        | WaitingFor::Signature
        | WaitingFor::Activation
        | WaitingFor::AmendmentDecision
        | WaitingFor::Milestone
        | WaitingFor::Conclusion
        | WaitingFor::Renewal => true,
        WaitingFor::Answer | WaitingFor::Approval | WaitingFor::Rebase | WaitingFor::Unspecified => false,
    }
}

/// The host and the id in a cooperation's name.
fn host_and_id(name: &str) -> (&str, &str) {
    let mut parts = name.split('/').skip(1).step_by(2);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn subject(first: &Waiting, count: usize) -> String {
    let (host, _) = host_and_id(&first.cooperation);
    match count {
        1 => format!("Isopolity: {} (cooperation of {host})", what(first)),
        _ => format!("Isopolity: {count} things wait (cooperation of {host})"),
    }
}

fn text(own: &str, first: &Waiting, news: &[&Waiting]) -> String {
    let (host, id) = host_and_id(&first.cooperation);
    let mut text = format!("Something waits for {own} in a cooperation with other cities.\n\n");
    let title = if has_terms(first) { title(&first.titles) } else { String::new() };
    if !title.is_empty() {
        // Writing into a string does not fail.
        let _ = writeln!(text, "Cooperation:  {title}");
    }
    let _ = write!(text, "Proposed by:  {host}\nIts name:     {}\n\n", first.cooperation);
    for waiting in news {
        let by = match waiting.due_date.as_str() {
            "" => String::new(),
            date => format!(", by {date}"),
        };
        let _ = writeln!(text, "- {}{by}", what(waiting));
    }
    let _ = write!(
        text,
        "\nLook at it:\n\n    isopolity cooperation show {host}/{id}\n\n\
         The node of {own} has sent this. What was offered or written is not in it, and stays on the node.\n"
    );
    text
}

/// What a mail about a fork says.
fn forked(own: &str, cooperation: &str, sequence: i64) -> (String, String) {
    let (host, id) = host_and_id(cooperation);
    let what = if host == own {
        format!(
            "{own} signed two different events number {sequence}. This happens where a backup is restored that does not hold the last \
             events: find out, and tell the other cities."
        )
    } else {
        format!(
            "{host} signed two different events number {sequence}. Speak with {host}: only people can say which of the two counts."
        )
    };
    let text = format!(
        "The history of a cooperation is forked, and nothing more is taken from it.\n\nProposed by:  {host}\nIts name:     \
         {cooperation}\n\n{what}\n\nLook at both events:\n\n    isopolity cooperation show {host}/{id}\n\nThe node of {own} has sent \
         this. What was offered or written is not in it, and stays on the node.\n"
    );
    (format!("Isopolity: a history is forked (cooperation of {host})"), text)
}

/// What the last mail of a day says.
fn no_more(own: &str) -> (String, String) {
    let text = format!(
        "{DAILY} mails about what waits for {own} were written to this mailbox within a day. More waits, and for a while no further mail \
         says so.\n\nLook at all of it:\n\n    isopolity inbox\n\nIf another city proposes more than it means, talk to it, or have its node \
         suspended: isopolity peer suspend CITY.\n\nThe node of {own} has sent this.\n"
    );
    ("Isopolity: more waits than mails are written in a day".to_owned(), text)
}

/// A title for people: in English if there is one, on one line.
fn title(titles: &[LocalizedText]) -> String {
    let english = |text: &&LocalizedText| text.language == "en" || text.language.starts_with("en-");
    let chosen = titles.iter().find(english).or(titles.first());
    let text = chosen.map(|title| title.text.as_str()).unwrap_or_default();
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TITLE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::testing::Feira;

    fn waiting(city: &str, waiting_for: WaitingFor) -> Waiting {
        Waiting {
            cooperation: "cities/kenitra.example/cooperations/craft".to_owned(),
            city: city.to_owned(),
            waiting_for: waiting_for.into(),
            due_date: "2026-12-01".to_owned(),
            titles: vec![
                LocalizedText { language: "fr".to_owned(), text: "Artisanat".to_owned(), ..Default::default() },
                LocalizedText {
                    language: "en".to_owned(),
                    text: "Craft\r\nBcc: all@world".to_owned(),
                    ..Default::default()
                },
            ],
            ..Default::default()
        }
    }

    async fn tell(feira: &Feira, before: &[Waiting], after: &[Waiting]) {
        let mut tx = feira.registry.store().begin("test").await.unwrap();
        feira.registry.mail_waiting(&mut tx, before, after).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn with_mail() -> Feira {
        let feira = Feira::open_at(datetime!(2026-11-26 12:00 UTC)).await;
        feira.registry.write_to(vec!["international@feira.example".to_owned(), "economia@feira.example".to_owned()]);
        feira
    }

    #[tokio::test]
    async fn each_office_is_told_once_of_what_newly_waits_for_this_city() {
        let feira = with_mail().await;
        let ours = waiting("feira.example", WaitingFor::Decision);
        let theirs = waiting("kenitra.example", WaitingFor::Decision);
        tell(&feira, &[], &[ours.clone(), theirs]).await;
        let later = Waiting { due_date: "2026-12-05".to_owned(), overdue: true, ..ours.clone() };
        tell(&feira, &[ours], &[later]).await;
        let due = feira.registry.due_mails().await.unwrap();
        let to: Vec<&str> = due.iter().map(|mail| mail.to.as_str()).collect();
        assert_eq!(to, ["international@feira.example", "economia@feira.example"]);
        assert_eq!(
            due[0].subject,
            "Isopolity: terms wait to be accepted, countered or declined (cooperation of kenitra.example)"
        );
        for said in [
            "Cooperation:  Craft Bcc: all@world\n",
            "- terms wait to be accepted, countered or declined, by 2026-12-01\n",
            "    isopolity cooperation show kenitra.example/craft\n",
        ] {
            assert!(due[0].text.contains(said), "{}", due[0].text);
        }
    }

    #[tokio::test]
    async fn a_fork_is_told_of_to_each_office_at_the_host_in_other_words() {
        let feira = with_mail().await;
        let mut tx = feira.registry.store().begin("test").await.unwrap();
        for host in ["kenitra.example", "feira.example"] {
            let name = format!("cities/{host}/cooperations/craft");
            feira.registry.mail_fork(&mut tx, &name, 7).await.unwrap();
        }
        tx.commit().await.unwrap();
        let due = feira.registry.due_mails().await.unwrap();
        let told: Vec<&str> = due.iter().map(|mail| mail.text.as_str()).collect();
        assert_eq!(told.len(), 4);
        let tells = |at: usize, words: &str| assert!(told[at].contains(words), "{}", told[at]);
        tells(0, "kenitra.example signed two different events number 7. Speak with kenitra.example");
        tells(0, "isopolity cooperation show kenitra.example/craft\n");
        tells(2, "This happens where a backup is restored");
        assert!(due[0].subject.contains("forked (cooperation of kenitra.example)"), "{}", due[0].subject);
    }

    #[tokio::test]
    async fn no_city_fills_a_mailbox() {
        let feira = with_mail().await;
        let waits = [waiting("feira.example", WaitingFor::Answer)];
        for _ in 0..60 {
            tell(&feira, &[], &waits).await;
            feira.clock.advance(Duration::minutes(1));
        }
        let rows = feira.registry.store().mails(None, 1_000).await.unwrap();
        let to_one = rows.iter().filter(|row| row.to == "economia@feira.example").collect::<Vec<_>>();
        assert_eq!((rows.len(), to_one.len()), (102, 51), "the first mailbox has as many");
        assert!(to_one[0].subject.contains("more waits"), "{}", to_one[0].subject);
        assert!(to_one[1..].iter().all(|row| row.subject.contains("a question waits")));
        feira.clock.advance(Duration::days(1));
        tell(&feira, &[], &waits).await;
        assert_eq!(feira.registry.store().mails(None, 1_000).await.unwrap().len(), 104, "the next day it goes on");
    }

    #[tokio::test]
    async fn a_question_is_not_taken_for_a_title() {
        let feira = with_mail().await;
        for waiting_for in [WaitingFor::Answer, WaitingFor::Approval, WaitingFor::Rebase] {
            tell(&feira, &[], &[waiting("feira.example", waiting_for)]).await;
        }
        for mail in feira.registry.due_mails().await.unwrap() {
            assert!(!mail.text.contains("Craft") && !mail.subject.contains("Craft"), "{}", mail.text);
        }
    }

    #[tokio::test]
    async fn without_mailboxes_no_mail_is_written() {
        let feira = Feira::open_at(datetime!(2026-11-26 12:00 UTC)).await;
        tell(&feira, &[], &[waiting("feira.example", WaitingFor::Signature)]).await;
        assert!(feira.registry.store().mails(None, 10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_mail_is_tried_by_the_clock_until_it_is_taken() {
        let feira = with_mail().await;
        tell(&feira, &[], &[waiting("feira.example", WaitingFor::Answer)]).await;
        let first = feira.registry.due_mails().await.unwrap();
        feira.registry.mail_sent(&first[0]).await.unwrap();
        feira.registry.mail_failed(&first[1], "nobody listens there").await.unwrap();
        assert!(feira.registry.due_mails().await.unwrap().is_empty(), "it waits a little");
        feira.clock.advance(Duration::seconds(5));
        let again = feira.registry.due_mails().await.unwrap();
        assert_eq!(again.iter().map(|mail| &mail.id).collect::<Vec<_>>(), [&first[1].id]);
        feira.registry.mail_sent(&again[0]).await.unwrap();
        feira.clock.advance(Duration::days(1));
        assert!(feira.registry.due_mails().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_mail_is_given_up_after_five_days_and_forgotten_in_time() {
        let feira = with_mail().await;
        tell(&feira, &[], &[waiting("feira.example", WaitingFor::Answer)]).await;
        let mut tries = 0;
        loop {
            let due = feira.registry.due_mails().await.unwrap();
            for mail in &due {
                feira.registry.mail_failed(mail, "no such mailbox").await.unwrap();
            }
            let rows = feira.registry.store().mails(None, 10).await.unwrap();
            if rows.iter().all(|row| row.standing == MailRow::GIVEN_UP) {
                break;
            }
            tries += 1;
            assert!(tries < 5 * 24 + 1, "it is never given up");
            feira.clock.advance(Duration::hours(1));
        }
        assert_eq!(tries, 5 * 24);
        feira.clock.advance(Duration::days(30));
        tell(&feira, &[], &[waiting("feira.example", WaitingFor::Answer)]).await;
        let due = feira.registry.due_mails().await.unwrap();
        feira.registry.mail_sent(&due[0]).await.unwrap();
        assert_eq!(feira.registry.store().mails(None, 10).await.unwrap().len(), 2, "those of before are gone");
    }
}
