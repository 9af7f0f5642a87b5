//! `[mail]`: where mail about what waits goes, and by which server.

use std::{net::IpAddr, path::PathBuf};

use isopolity_domain::mailbox;
use isopolity_proto::types::ContactPoint;
use lettre::{Address, message::Mailbox};
use serde::Deserialize;

/// `[mail]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The server's name, as it stands in its certificate.
    pub host: String,
    /// Its port. Default: 587 for `starttls`, 465 for `implicit`, 25 for `none`.
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: MailTls,
    /// The CA of its certificate, PEM. Otherwise those of the web.
    pub ca: Option<PathBuf>,
    /// As whom the node signs in there.
    pub username: Option<String>,
    /// The file of the password. Read each time that there is mail to send.
    pub password_file: Option<PathBuf>,
    /// Who the mail is from.
    pub from: String,
    /// The offices' mailboxes that it goes to.
    pub to: Vec<String>,
}

/// How the connection to the server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// By TLS that begins after the greeting; a server that does not offer it gets no mail.
    #[default]
    StartTls,
    /// By TLS from the first byte.
    Implicit,
    /// Not at all: to this machine alone.
    None,
}

impl Mail {
    /// The server's port.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::StartTls => 587,
            MailTls::Implicit => 465,
            MailTls::None => 25,
        })
    }

    /// What is wrong, and with which key.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        let wrong = |key, what: &str| Some((key, what.to_owned()));
        let address = self.host.parse::<IpAddr>();
        let is_name = |host: &str| {
            !host.is_empty() && !host.contains(|letter: char| letter.is_whitespace() || "/:@".contains(letter))
        };
        if address.is_err() && !is_name(&self.host) {
            return wrong("mail.host", "must be the name of a mail server; its port has a key of its own");
        }
        if self.port == Some(0) {
            return wrong("mail.port", "must be 1 to 65535");
        }
        let here = self.host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        if self.tls == MailTls::None && !here {
            return wrong(
                "mail.tls",
                "may be none only where mail.host is this machine: mail and password would travel open",
            );
        }
        if self.tls == MailTls::None && self.ca.is_some() {
            return wrong("mail.ca", "has no use where mail.tls is none");
        }
        if self.username.is_some() != self.password_file.is_some() {
            return wrong("mail.username", "and mail.password_file go together: set both or none");
        }
        if let Err(error) = self.from.parse::<Mailbox>() {
            return Some((
                "mail.from",
                format!("must be a mailbox, as in \"Isopolity <node@feira.example>\": {error}"),
            ));
        }
        if self.to.is_empty() {
            return wrong("mail.to", "must name at least one mailbox");
        }
        self.to.iter().find_map(|to| {
            if let Err(error) = to.parse::<Address>() {
                return Some(("mail.to", format!("{to:?} is not a mailbox: {error}")));
            }
            let contact = ContactPoint { mailbox: to.clone(), ..Default::default() };
            let personal = || format!("{to:?} is a person's: name an office's, which stays when the person goes");
            mailbox::is_personal(&contact).then(|| ("mail.to", personal()))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::Config, *};

    const GOOD: &str =
        "host='smtp.feira.example'\nfrom='Node <node@feira.example>'\nto=['international@feira.example']";

    fn parse(lines: &str) -> Result<Mail, String> {
        let text = format!("city = \"feira.example\"\n[mail]\n{lines}");
        let config = Config::parse(&text, Path::new("isopolity.toml")).map_err(|error| error.to_string())?;
        Ok(config.mail.unwrap())
    }

    #[test]
    fn mail_goes_over_tls_unless_the_server_is_this_machine() {
        let mail = parse(GOOD).unwrap();
        assert_eq!((mail.tls, mail.port()), (MailTls::StartTls, 587));
        assert_eq!(parse(&format!("tls='implicit'\n{GOOD}")).unwrap().port(), 465);
        for host in ["localhost", "127.0.0.1", "::1"] {
            let lines = format!("tls='none'\n{}", GOOD.replace("smtp.feira.example", host));
            assert_eq!(parse(&lines).unwrap().port(), 25, "{host}");
        }
        assert!(parse(&format!("tls='none'\n{GOOD}")).unwrap_err().contains("mail.tls: may be none only where"));
    }

    #[test]
    fn a_value_that_makes_no_sense_is_named_by_its_key() {
        let with = |more: &str| parse(&format!("{GOOD}\n{more}")).unwrap_err();
        for (lines, said) in [
            (GOOD.replace("smtp.feira.example", ""), "mail.host: must be"),
            (GOOD.replace("smtp.feira.example", "smtp:25"), "mail.host: must be"),
            (GOOD.replace("Node <node@feira.example>", "node"), "mail.from: must be a mailbox"),
            (GOOD.replace("'international@feira.example'", ""), "mail.to: must name"),
            (GOOD.replace("international@", "inter national@"), "mail.to: \"inter national@feira.example\" is not"),
            (GOOD.replace("international@", "joana.silva@"), "mail.to: \"joana.silva@feira.example\" is a person's"),
        ] {
            let refused = parse(&lines).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
        assert!(with("username='node'").contains("mail.username: and mail.password_file go together"));
        assert!(with("port=0").contains("mail.port: must be"));
        assert!(with("tls='some'").contains("unknown variant"));
        assert!(with("password='secret'").contains("unknown field"));
    }

    #[test]
    fn without_the_section_there_is_no_mail() {
        assert!(Config::parse("city = \"feira.example\"", Path::new("isopolity.toml")).unwrap().mail.is_none());
    }
}
