//! A mail server: the real `exim4`, in a folder and on a port of its own.

use std::{
    env,
    fs::{self, File, Permissions},
    io::Write as _,
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::clock::eventually;

/// Where Debian has it.
const PROGRAM: &str = "/usr/sbin/exim4";
/// As whom it takes and delivers mail.
const USER: &str = "Debian-exim";
/// The password of the user `node`.
pub const PASSWORD: &str = "a password with spaces & signs";

/// What the server does about TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offers {
    /// It begins after the greeting.
    StartTls,
    /// It begins with the first byte.
    Implicit,
    /// It has none.
    NoTls,
}

/// A place for a mail server, which may be running. It takes mail for `@feira.example` from whoever signs in, all into one file.
pub struct Exim {
    folder: TempDir,
    port: u16,
    running: Option<Child>,
}

impl Exim {
    /// A place for one. `None`, with a word, where there is none on this machine or it can't be run; where the environment says that it
    /// must be there, that fails the test.
    pub fn prepare() -> Option<Self> {
        let Some((user, group)) = user().filter(|_| Path::new(PROGRAM).exists() && is_root()) else {
            let required = env::var("ISOPOLITY_TEST_REQUIRE_SMTP").is_ok_and(|value| value == "1");
            assert!(!required, "ISOPOLITY_TEST_REQUIRE_SMTP=1, but there is no exim4, or this is not root");
            // Not by `println!`, which the test harness keeps to itself.
            let said = b"left out: a mail server (as root: apt-get install exim4-daemon-light)\n";
            std::io::stderr().write_all(said).unwrap();
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        for part in ["spool", "log", "mail"] {
            fs::create_dir(path.join(part)).unwrap();
            chown(path.join(part), Some(user), Some(group)).unwrap();
        }
        certificates(path);
        chown(path.join("key.pem"), Some(user), Some(group)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Some(Self { folder, port, running: None })
    }

    /// The port that it listens on, or will.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The CA of its certificate, which is for `localhost`.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Starts it.
    pub async fn start(&mut self, offers: Offers) {
        let folder = self.folder.path();
        let file = folder.join("exim.conf");
        fs::write(&file, configuration(folder, self.port, offers)).unwrap();
        let said = File::create(folder.join("said")).unwrap();
        let started = Command::new(PROGRAM)
            .arg("-C")
            .arg(&file)
            .arg("-bdf")
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn();
        self.running = Some(started.unwrap());
        let up = async || TcpStream::connect(("127.0.0.1", self.port)).await.ok().map(drop);
        eventually("the mail server listens", up).await;
    }

    /// Stops it.
    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It may have ended by itself.
            let _ = running.kill();
            let _ = running.wait();
        }
    }

    /// The mails that it has delivered, one after the other, as they stand in the mailbox.
    pub fn mails(&self) -> Vec<String> {
        let mailbox = fs::read_to_string(self.folder.path().join("mail/inbox")).unwrap_or_default();
        let mails = mailbox.split("\nFrom ").map(|mail| mail.trim_start_matches("From ").to_owned());
        mails.filter(|mail| !mail.trim().is_empty()).collect()
    }

    /// What it has logged: who came, how, and what was refused.
    pub fn log(&self) -> String {
        ["log/mainlog", "log/rejectlog", "said"]
            .iter()
            .map(|file| fs::read_to_string(self.folder.path().join(file)).unwrap_or_default())
            .collect()
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// The numbers of the user and its group.
fn user() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.split(':').next() == Some(USER))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// A CA and a certificate of the server by it.
fn certificates(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

fn configuration(folder: &Path, port: u16, offers: Offers) -> String {
    let folder = folder.display();
    let tls = format!("tls_certificate = {folder}/cert.pem\ntls_privatekey = {folder}/key.pem\n");
    let tls = match offers {
        Offers::StartTls => format!("tls_advertise_hosts = *\n{tls}"),
        Offers::Implicit => format!("tls_advertise_hosts =\ntls_on_connect_ports = {port}\n{tls}"),
        Offers::NoTls => "tls_advertise_hosts =\n".to_owned(),
    };
    format!(
        "primary_hostname = localhost\n\
         spool_directory = {folder}/spool\n\
         log_file_path = {folder}/log/%slog\n\
         pid_file_path = {folder}/spool/exim.pid\n\
         local_interfaces = 127.0.0.1\n\
         daemon_smtp_ports = {port}\n\
         deliver_drop_privilege = true\n\
         acl_smtp_rcpt = rcpt\n\
         {tls}\n\
         begin acl\n\
         rcpt:\n\
         accept domains = feira.example\n  authenticated = *\n\
         deny message = sign in first, and write to feira.example\n\n\
         begin routers\n\
         all:\n  driver = accept\n  transport = file\n\n\
         begin transports\n\
         file:\n  driver = appendfile\n  file = {folder}/mail/inbox\n  user = {USER}\n\n\
         begin authenticators\n\
         plain:\n  driver = plaintext\n  public_name = PLAIN\n  server_set_id = $auth2\n  \
         server_condition = ${{if and{{{{eq{{$auth2}}{{node}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}\n"
    )
}
