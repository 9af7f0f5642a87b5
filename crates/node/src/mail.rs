//! Mail about what waits, by SMTP.
//!
//! What is to be sent is written by the registry together with what it tells of; here it only goes out. A mail server is no part of
//! what the federation trusts: mail says that something waits and where, never what was agreed or written.

use std::{fs, path::PathBuf, time::Duration};

use isopolity_domain::CityId;
use isopolity_registry::cooperation::mail::DueMail;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    address::AddressError,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use tokio::time::timeout;

use crate::{
    Config,
    config::{Mail, MailTls},
};

/// How long each step of a conversation with the server may take.
const STEP: Duration = Duration::from_secs(20);
/// How long the whole of it may take.
const WHOLE: Duration = Duration::from_mins(1);

/// Why mail can't be sent. For people, in one line.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A file of the configuration.
    #[error("mail.{key} = \"{path}\" can't be used: {problem}")]
    File {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A mailbox.
    #[error("{mailbox:?} is not a mailbox: {source}")]
    Mailbox {
        /// It.
        mailbox: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// The message can't be put together.
    #[error("the message can't be put together: {0}")]
    Message(#[from] lettre::error::Error),
    /// What the server said, or that it was not reached.
    #[error("{host} does not take it: {problem}")]
    Server {
        /// The server.
        host: String,
        /// What it said.
        problem: String,
    },
}

/// Hands mail to the city's mail server.
#[derive(Clone, Debug)]
pub(crate) struct Mailer {
    settings: Mail,
    city: CityId,
    ca: Option<PathBuf>,
    password_file: Option<PathBuf>,
}

impl Mailer {
    /// A mailer as the configuration says. No connection is made: the server need not be there for a node to start.
    pub(crate) fn new(config: &Config, settings: &Mail) -> Result<Self, MailError> {
        let mailer = Self {
            settings: settings.clone(),
            city: config.city.clone(),
            ca: settings.ca.as_ref().map(|file| config.path(file)),
            password_file: settings.password_file.as_ref().map(|file| config.path(file)),
        };
        mailer.transport()?;
        Ok(mailer)
    }

    /// Hands over one mail. When this returns, the server has taken it on itself.
    pub(crate) async fn send(&self, mail: &DueMail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        let transport = self.transport()?;
        let refused = |problem: String| MailError::Server { host: self.settings.host.clone(), problem };
        match timeout(WHOLE, transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(refused(isopolity_registry::error::with_causes(&error))),
            Err(_elapsed) => Err(refused(format!("no answer within {} s", WHOLE.as_secs()))),
        }
    }

    fn message(&self, mail: &DueMail) -> Result<Message, MailError> {
        let mailbox = |text: &str| {
            text.parse::<Mailbox>().map_err(|source| MailError::Mailbox { mailbox: text.to_owned(), source })
        };
        let message = Message::builder()
            .from(mailbox(&self.settings.from)?)
            .date(mail.time.into())
            // The same each time that it is sent, so that a reader which gets it twice can tell.
            .message_id(Some(format!("<{}@{}>", mail.id, self.city)))
            // No office is to answer a machine, and no machine either.
            .raw_header(automatic())
            .to(mailbox(&mail.to)?)
            .subject(mail.subject.clone());
        Ok(message.header(ContentType::TEXT_PLAIN).body(mail.text.clone())?)
    }

    /// The way to the server. The password is read anew, so that one that was set right is taken without a restart.
    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
        let Mail { host, tls, username, .. } = &self.settings;
        let tls = match tls {
            MailTls::None => Tls::None,
            MailTls::StartTls => Tls::Required(self.tls_parameters()?),
            MailTls::Implicit => Tls::Wrapper(self.tls_parameters()?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(self.settings.port())
            .tls(tls)
            .hello_name(ClientId::Domain(self.city.to_string()))
            .timeout(Some(STEP));
        if let (Some(username), Some(file)) = (username, &self.password_file) {
            let password = read("password_file", file)?;
            builder = builder.credentials(Credentials::new(username.clone(), password.trim_end().to_owned()));
        }
        Ok(builder.build())
    }

    fn tls_parameters(&self) -> Result<TlsParameters, MailError> {
        let host = &self.settings.host;
        let mut builder = TlsParameters::builder(host.clone());
        if let Some(file) = &self.ca {
            let wrong = |problem: String| MailError::File { key: "ca", path: file.clone(), problem };
            let ca = Certificate::from_pem(read("ca", file)?.as_bytes()).map_err(|error| wrong(error.to_string()))?;
            builder = builder.certificate_store(CertificateStore::None).add_root_certificate(ca);
        }
        let refused = |error: lettre::transport::smtp::Error| MailError::Server {
            host: host.clone(),
            problem: isopolity_registry::error::with_causes(&error),
        };
        builder.build().map_err(refused)
    }
}

/// `Auto-Submitted: auto-generated` (RFC 3834).
fn automatic() -> lettre::message::header::HeaderValue {
    use lettre::message::header::{HeaderName, HeaderValue};
    HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}

fn read(key: &'static str, file: &PathBuf) -> Result<String, MailError> {
    fs::read_to_string(file).map_err(|error| MailError::File { key, path: file.clone(), problem: error.to_string() })
}
