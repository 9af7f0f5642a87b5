//! Mail about what waits, by a real mail server.

use std::{fs, path::PathBuf};

use isopolity_domain::Clock as _;
use isopolity_node::config::{Mail, MailTls};
use isopolity_proto::options::Audience;
use isopolity_store::MailRow;
use isopolity_tests::{
    TestNode,
    clock::eventually,
    exim::{Exim, Offers, PASSWORD},
    federation::introduce,
};
use tempfile::TempDir;
use time::Duration;

use super::deliveries::ask;

const FEIRA: &str = "feira.example";
const OFFICE: &str = "international@feira.example";
const SUBJECT: &str = "Isopolity: a question waits for an answer (cooperation of kénitra.example)";

/// A node that sends its mail to a server, and the file of its password there.
struct Sender {
    node: TestNode,
    password: PathBuf,
    _files: TempDir,
}

impl Sender {
    async fn to(exim: &Exim, tls: MailTls) -> Self {
        Self::with(Mail { ca: Some(exim.ca()), ..settings(exim, tls) }).await
    }

    async fn with(mut mail: Mail) -> Self {
        let files = tempfile::tempdir().unwrap();
        let password = files.path().join("password");
        fs::write(&password, format!("{PASSWORD}\n")).unwrap();
        mail.password_file = Some(password.clone());
        let node = TestNode::plan(FEIRA).with_mail(mail).start().await;
        Self { node, password, _files: files }
    }

    /// Writes a mail, as what it tells of would.
    async fn write(&self) {
        let now = self.node.clock.now();
        let row = MailRow {
            id: "0199-a-mail".to_owned(),
            to: OFFICE.to_owned(),
            subject: SUBJECT.to_owned(),
            text: "Something waits for feira.example.\n\n.\nFrom here on: nothing — à bientôt\n".to_owned(),
            create_time: now,
            attempts: 0,
            next_time: now,
            problem: String::new(),
            standing: MailRow::WAITING,
        };
        let mut tx = self.node.registry().store().begin("test").await.unwrap();
        tx.put_mail(&row).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn row(&self) -> MailRow {
        self.node.registry().store().mails(None, 1).await.unwrap().pop().unwrap()
    }

    /// The problem that an attempt met.
    async fn problem(&self) -> String {
        let problem = eventually("an attempt is in vain", async || {
            let row = self.row().await;
            (!row.problem.is_empty()).then_some(row.problem)
        });
        problem.await
    }

    /// Lets the wait for the next attempt pass.
    fn wait(&self) {
        self.node.clock.advance(Duration::hours(1));
    }

    async fn is_sent(&self) {
        eventually("the mail is sent", async || (self.row().await.standing == MailRow::SENT).then_some(())).await;
    }
}

fn settings(exim: &Exim, tls: MailTls) -> Mail {
    Mail {
        host: "localhost".to_owned(),
        port: Some(exim.port()),
        tls,
        ca: None,
        username: Some("node".to_owned()),
        password_file: None,
        from: "Isopolity <node@feira.example>".to_owned(),
        to: vec![OFFICE.to_owned()],
    }
}

/// The one mail in the mailbox.
async fn delivered(exim: &Exim) -> String {
    let mails =
        eventually("the mail server delivers", async || Some(exim.mails()).filter(|mails| !mails.is_empty())).await;
    let [mail] = &mails[..] else { panic!("one mail was sent: {mails:#?}") };
    mail.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_arrives_over_starttls_with_a_password() {
    let Some(mut exim) = Exim::prepare() else { return };
    exim.start(Offers::StartTls).await;
    let feira = Sender::to(&exim, MailTls::StartTls).await;
    feira.write().await;
    let mail = delivered(&exim).await;
    for said in [
        "From: Isopolity <node@feira.example>\n",
        "To: international@feira.example\n",
        "Message-ID: <0199-a-mail@feira.example>\n",
        "Auto-Submitted: auto-generated\n",
        "\nSomething waits for feira.example.\n",
    ] {
        assert!(mail.contains(said), "{said:?} in {mail}");
    }
    let log = exim.log();
    assert!(log.contains(" A=plain:node ") && log.contains(" X=TLS1.3:"), "{log}");
    feira.is_sent().await;
    assert_eq!((feira.row().await.attempts, feira.row().await.problem), (1, String::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_arrives_over_tls_from_the_first_byte() {
    let Some(mut exim) = Exim::prepare() else { return };
    exim.start(Offers::Implicit).await;
    let feira = Sender::to(&exim, MailTls::Implicit).await;
    feira.write().await;
    delivered(&exim).await;
    assert!(exim.log().contains(" X=TLS1.3:"), "{}", exim.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_and_one_that_is_set_right_is_taken_without_a_restart() {
    let Some(mut exim) = Exim::prepare() else { return };
    exim.start(Offers::StartTls).await;
    let feira = Sender::to(&exim, MailTls::StartTls).await;
    fs::write(&feira.password, "another").unwrap();
    feira.write().await;
    let problem = feira.problem().await;
    assert!(problem.contains("535") && !problem.contains("another"), "{problem}");
    assert!(exim.mails().is_empty());
    fs::write(&feira.password, PASSWORD).unwrap();
    feira.wait();
    delivered(&exim).await;
    feira.is_sent().await;
    assert_eq!(feira.row().await.attempts, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_waits_for_a_server_that_is_down_also_over_a_restart_of_the_node() {
    let Some(mut exim) = Exim::prepare() else { return };
    let mut feira = Sender::to(&exim, MailTls::StartTls).await;
    feira.write().await;
    let problem = feira.problem().await;
    assert!(problem.contains("refused"), "{problem}");
    feira.node.restart().await;
    exim.start(Offers::StartTls).await;
    feira.wait();
    delivered(&exim).await;
    feira.is_sent().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_gets_neither_mail_nor_password() {
    let Some(mut exim) = Exim::prepare() else { return };
    exim.start(Offers::NoTls).await;
    let feira = Sender::to(&exim, MailTls::StartTls).await;
    feira.write().await;
    let problem = feira.problem().await;
    assert!(problem.to_uppercase().contains("STARTTLS"), "{problem}");
    let log = exim.log();
    assert!(exim.mails().is_empty() && !log.contains("node@feira.example") && !log.contains("A=plain"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_certificate_is_of_another_ca_gets_no_mail() {
    let Some(mut exim) = Exim::prepare() else { return };
    exim.start(Offers::StartTls).await;
    let other = Exim::prepare().unwrap();
    for ca in [Some(other.ca()), None] {
        let feira = Sender::with(Mail { ca, ..settings(&exim, MailTls::StartTls) }).await;
        feira.write().await;
        let problem = feira.problem().await;
        assert!(problem.contains("certificate"), "{problem}");
        assert!(exim.mails().is_empty(), "{}", exim.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_of_another_city_is_mailed_to_the_office_without_what_it_says() {
    let Some(mut exim) = Exim::prepare() else { return };
    exim.start(Offers::StartTls).await;
    let (feira, kenitra) = (Sender::to(&exim, MailTls::StartTls).await, TestNode::start("kenitra.example").await);
    introduce(&feira.node, &kenitra, Audience::Federation).await;
    ask(&kenitra, FEIRA, "visit", "What did the confidential visit cost?").await;
    let mail = delivered(&exim).await;
    for said in [
        "Subject: Isopolity: a question waits for an answer (cooperation of\n kenitra.example)\n",
        "Proposed by:  kenitra.example\n",
        "- a question waits for an answer",
        "    isopolity cooperation show kenitra.example/visit\n",
    ] {
        assert!(mail.contains(said), "{said:?} in {mail}");
    }
    assert!(!mail.contains("confidential"), "{mail}");
}
