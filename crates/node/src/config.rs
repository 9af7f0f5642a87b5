//! `isopolity.toml` and the environment.
//!
//! The file says what a node is; variables `ISOPOLITY_…` override it, for containers. Unknown keys are refused. An error
//! names the file, the line or the variable, and what would be right.

mod api;
mod cooperation;
mod directory;
mod environment;
mod mail;
mod metrics;
mod oidc;
mod retention;
mod search;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use isopolity_domain::CityId;
use isopolity_federation::{Ages, Limits, PkiFiles, address::private_class, bundle::parse_endpoint};
use serde::Deserialize;

use crate::{init::Options, telemetry::LogFormat};

pub use api::Api;
pub use cooperation::Cooperation;
pub use directory::Directory;
pub use mail::{Mail, MailTls};
pub use metrics::Metrics;
pub use oidc::{Oidc, RoleName};
pub use retention::Retention;
pub use search::Search;

/// What the configuration file is called.
pub const FILE_NAME: &str = "isopolity.toml";

/// What is wrong with the configuration, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {what}")]
pub struct ConfigError {
    place: String,
    what: String,
}

impl ConfigError {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

/// What a node is.
#[derive(Clone, Debug)]
pub struct Config {
    /// The city.
    pub city: CityId,
    /// The database.
    pub storage: Storage,
    /// The listener for peers.
    pub federation: Federation,
    /// The city's own PKI, if it has one.
    pub trust: Trust,
    /// The listener for everyone else.
    pub api: Api,
    /// The directory of a large federation.
    pub directory: Directory,
    /// How long searches may take.
    pub search: Search,
    /// How long things are kept.
    pub retention: Retention,
    /// How the city works together with others.
    pub cooperation: Cooperation,
    /// Who vouches for people.
    pub oidc: Option<Oidc>,
    /// Logs.
    pub log: Log,
    /// The audit log.
    pub audit: Audit,
    /// Mail about what waits, if it is wanted.
    pub mail: Option<Mail>,
    /// The listener for whoever watches the node.
    pub metrics: Metrics,
    /// The folder that relative paths begin in: that of the file.
    pub folder: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    city: String,
    #[serde(default)]
    storage: Storage,
    #[serde(default)]
    federation: Federation,
    #[serde(default)]
    trust: Trust,
    #[serde(default)]
    api: Api,
    #[serde(default)]
    directory: Directory,
    #[serde(default)]
    search: Search,
    oidc: Option<Oidc>,
    #[serde(default)]
    retention: Retention,
    #[serde(default)]
    cooperation: Cooperation,
    #[serde(default)]
    log: Log,
    #[serde(default)]
    audit: Audit,
    mail: Option<Mail>,
    #[serde(default)]
    metrics: Metrics,
}

/// `[storage]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// `sqlite://file`, relative to the configuration file, or `postgres://…`.
    pub url: String,
}

impl Default for Storage {
    fn default() -> Self {
        Self { url: "sqlite://registry.db".to_owned() }
    }
}

/// `[federation]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Federation {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where peers reach it, `https://host:port`.
    pub endpoint: Option<String>,
    /// Other cities' endpoints may lead to this machine or to private networks.
    pub allow_private_addresses: bool,
    /// After so many seconds connections with peers are made anew, 1 to 86400.
    pub connection_age_s: u64,
}

impl Default for Federation {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7443)),
            endpoint: None,
            allow_private_addresses: false,
            connection_age_s: Ages::default().age.as_secs(),
        }
    }
}

/// `[trust]`: the files of the city's own PKI or of SPIRE, instead of the CA that the node keeps itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// The CA certificates that peers are to trust, PEM.
    pub authorities: Option<PathBuf>,
    /// The node's certificate, then the intermediate ones, PEM.
    pub certificate: Option<PathBuf>,
    /// The key of the node's certificate, PEM.
    pub key: Option<PathBuf>,
    /// Lists of revoked certificates, PEM.
    pub crls: Option<PathBuf>,
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The form of lines.
    pub format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter of `tracing`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// `[audit]`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// After so many days entries move from the database to files, without what can be erased of them. `None`: they stay.
    pub keep_days: Option<u32>,
}

impl Audit {
    pub(crate) fn keep(self) -> Option<time::Duration> {
        self.keep_days.map(|days| time::Duration::days(days.into()))
    }
}

impl Config {
    /// Reads the configuration file in a folder, and what the environment overrides.
    ///
    /// # Errors
    /// [`ConfigError`] with file and line, or variable.
    pub fn load(folder: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let file = folder.join(FILE_NAME);
        let text = fs::read_to_string(&file).map_err(|error| {
            let hint = if error.kind() == std::io::ErrorKind::NotFound {
                "; make one with \"isopolity init\", or name its folder with --dir"
            } else {
                ""
            };
            ConfigError::new(file.display().to_string(), format!("can't be read: {error}{hint}"))
        })?;
        Self::build(&text, &file, environment)
    }

    /// Reads a configuration from text. `file` is where it is, or will be.
    ///
    /// # Errors
    /// [`ConfigError`] with file and line.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        Self::build(text, file, [])
    }

    fn build(
        text: &str,
        file: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let place = file.display().to_string();
        let mut document: Document = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text.get(..span.start).unwrap_or(text).matches('\n').count() + 1);
            let place = line.map_or_else(|| place.clone(), |line| format!("{place}:{line}"));
            ConfigError::new(place, error.message().replace('\n', " "))
        })?;
        environment::apply(&mut document, environment)?;
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        Self::check(document, &place, folder)
    }

    fn check(document: Document, place: &str, folder: PathBuf) -> Result<Self, ConfigError> {
        let wrong = |key: &str, what: &str| Err(ConfigError::new(format!("{place}: {key}"), what));
        let city: CityId = document.city.parse().map_err(|error: isopolity_domain::city_id::CityIdError| {
            ConfigError::new(format!("{place}: city"), error.to_string())
        })?;
        let Document {
            storage,
            federation,
            trust,
            api,
            directory,
            search,
            oidc,
            retention,
            cooperation,
            log,
            audit,
            mail,
            metrics,
            ..
        } = document;
        if let Err((key, what)) = directory.operators() {
            return wrong(key, &what);
        }

        if let Some((key, what)) = oidc.as_ref().and_then(Oidc::fault) {
            return wrong(key, what);
        }

        if let Some((key, what)) = mail.as_ref().and_then(Mail::fault) {
            return wrong(key, &what);
        }

        let given = [&trust.authorities, &trust.certificate, &trust.key].map(Option::is_some);
        if given.contains(&true) && given.contains(&false) || trust.crls.is_some() && !given.contains(&true) {
            return wrong("trust.authorities", "trust.certificate and trust.key go together: set all three or none");
        }
        if !["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| storage.url.starts_with(scheme)) {
            return wrong("storage.url", "must begin with sqlite:// or postgres://");
        }
        if federation.endpoint.as_ref().is_some_and(|endpoint| !endpoint.starts_with("https://")) {
            return wrong("federation.endpoint", "must be https://host:port");
        }
        if federation.endpoint.is_none() && federation.listen.ip().is_unspecified() {
            return wrong(
                "federation.endpoint",
                "is required where federation.listen is every address: peers must know one",
            );
        }
        if !(1..=86_400).contains(&federation.connection_age_s) {
            return wrong("federation.connection_age_s", "must be 1 to 86400 seconds");
        }
        if federation.listen == api.listen && api.listen.port() != 0 {
            return wrong("api.listen", "is the same as federation.listen: the two listeners need an address each");
        }
        if let Some((key, what)) = metrics.fault(&api, &federation) {
            return wrong(key, &what);
        }
        if api.certificate.is_some() != api.key.is_some() {
            return wrong("api.certificate", "and api.key go together: set both or none");
        }
        if api.hosts.is_empty() && api.certificate.is_none() {
            return wrong("api.hosts", "must name at least one host for the certificate");
        }
        let positive = [
            ("search.deadline_ms", search.deadline_ms),
            ("search.peer_budget_ms", search.peer_budget_ms),
            ("search.peer_silence_ms", search.peer_silence_ms),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0 || *value > 600_000) {
            return wrong(key, "must be 1 to 600000 milliseconds");
        }
        if search.peer_budget_ms >= search.deadline_ms {
            return wrong(
                "search.peer_budget_ms",
                "must be below search.deadline_ms, or one slow peer would take the whole answer's time",
            );
        }
        if let Err(error) = retention.check() {
            return wrong(&format!("retention.{}", error.limit), &error.what);
        }
        if audit.keep_days.is_some_and(|days| !(1..=36_500).contains(&days)) {
            return wrong("audit.keep_days", "must be 1 to 36500; without it entries stay in the database");
        }
        Ok(Self {
            city,
            storage,
            federation,
            trust,
            api,
            directory,
            search,
            retention,
            cooperation,
            oidc,
            log,
            audit,
            mail,
            metrics,
            folder,
        })
    }

    /// The limits within which peers are asked.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let age = Duration::from_secs(self.federation.connection_age_s);
        Limits {
            allow_private_addresses: self.federation.allow_private_addresses,
            ages: Ages { age, grace: Ages::default().grace.min(age) },
            ..self.search.limits()
        }
    }

    /// A path of the configuration, relative ones from the file's folder.
    #[must_use]
    pub fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The files of the city's own PKI, if it has one.
    #[must_use]
    pub fn pki_files(&self) -> Option<PkiFiles> {
        let Trust { authorities: Some(authorities), certificate: Some(certificate), key: Some(key), crls } =
            &self.trust
        else {
            return None;
        };
        Some(PkiFiles {
            authorities: self.path(authorities),
            certificate: self.path(certificate),
            key: self.path(key),
            crls: crls.as_deref().map(|crls| self.path(crls)),
        })
    }

    /// Where the city's keys are.
    #[must_use]
    pub fn trust_folder(&self) -> PathBuf {
        self.folder.join("trust")
    }

    /// Where the search index is.
    #[must_use]
    pub fn index_folder(&self) -> PathBuf {
        self.folder.join("index")
    }

    /// Where older entries of the audit log are moved to.
    #[must_use]
    pub fn audit_folder(&self) -> PathBuf {
        self.folder.join("audit")
    }

    /// The database's URL, with the embedded one's path made whole.
    #[must_use]
    pub fn storage_url(&self) -> String {
        match self.storage.url.strip_prefix("sqlite://") {
            Some(path) => format!("sqlite://{}", self.folder.join(path).display()),
            None => self.storage.url.clone(),
        }
    }
}

/// Whether a node is reached at an address of this machine or of a private network.
fn is_private(endpoint: Option<&str>, listen: &str) -> bool {
    let host = match endpoint {
        Some(endpoint) => parse_endpoint(endpoint).map(|(host, _)| host).unwrap_or_default(),
        None => listen.trim_matches('"').parse().map(|at: SocketAddr| at.ip().to_string()).unwrap_or_default(),
    };
    host == "localhost" || host.parse().is_ok_and(|address| private_class(address).is_some())
}

/// A new city's configuration file.
pub(crate) fn template(city: &CityId, options: &Options) -> String {
    let defaults = (Storage::default(), Federation::default(), Api::default());
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let storage = quoted(options.storage_url.as_deref().unwrap_or(&defaults.0.url));
    let federation = quoted(options.federation_listen.as_deref().unwrap_or(&defaults.1.listen.to_string()));
    let api = quoted(options.api_listen.as_deref().unwrap_or(&defaults.2.listen.to_string()));
    let endpoint = match &options.federation_endpoint {
        Some(endpoint) => format!("endpoint = {}", quoted(endpoint)),
        None => "# endpoint = \"https://node.example:7443\"   # where other cities reach it".to_owned(),
    };
    let private = if is_private(options.federation_endpoint.as_deref(), &federation) {
        "\n# This node itself is at such an address. Remove this before the node meets the internet.\nallow_private_addresses = true"
    } else {
        ""
    };
    let city = quoted(city.as_str());
    format!(
        "# The node of one city. Every key and its default: deploy/config/isopolity.toml.\n\
         city = {city}\n\n\
         [storage]\nurl = {storage}\n\n\
         # Other cities' nodes, over mutual TLS.\n\
         [federation]\nlisten = {federation}\n{endpoint}{private}\n\n\
         # Staff, programs and, if enabled, the public.\n\
         [api]\nlisten = {api}\nanonymous_reads = false\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::build(text, Path::new("/srv/feira/isopolity.toml"), environment).map_err(|error| error.to_string())
    }

    #[test]
    fn a_city_is_all_that_a_node_must_be_told() {
        let config = parse("city = \"feira.example\"", &[]).unwrap();
        assert_eq!(config.storage_url(), "sqlite:///srv/feira/registry.db");
        assert!(!config.api.anonymous_reads);
        assert!(config.api.listen.ip().is_loopback() && config.federation.listen.ip().is_loopback());
    }

    #[test]
    fn a_wrong_value_names_its_line_or_key() {
        for (text, expected) in [
            ("city = \"feira.example\"\n[api]\nlisen = \"x\"", "isopolity.toml:3: unknown field `lisen`"),
            ("city = \"feira.example\"\n[api]\nlisten = \"x\"", "isopolity.toml:3: invalid socket address"),
            ("city = \"Feira\"", "isopolity.toml: city: \"Feira\" is not a city id"),
            ("city = ", "isopolity.toml:1: "),
            ("", "missing field `city`"),
            ("city=\"a.b\"\n[storage]\nurl=\"mysql://x\"", "storage.url: must begin with"),
            ("city=\"a.b\"\n[federation]\nlisten=\"0.0.0.0:1\"", "federation.endpoint: is required"),
            ("city=\"a.b\"\n[search]\npeer_budget_ms=10000", "search.peer_budget_ms: must be below"),
            ("city=\"a.b\"\n[audit]\nkeep_days=0", "audit.keep_days: must be 1"),
            (
                "city=\"a.b\"\n[oidc]\nissuer=\"http://x\"\naudience=\"a\"\nroles={g=\"viewer\"}",
                "oidc.issuer: must begin with https://",
            ),
            (
                "city=\"a.b\"\n[oidc]\nissuer=\"https://x\"\naudience=\"\"\nroles={g=\"viewer\"}",
                "oidc.audience: must not",
            ),
            ("city=\"a.b\"\n[oidc]\nissuer=\"https://x\"\naudience=\"a\"\nroles={}", "oidc.roles: must give"),
            (
                "city=\"a.b\"\n[oidc]\nissuer=\"https://x\"\naudience=\"a\"\nroles={g=\"root\"}",
                "unknown variant `root`",
            ),
            ("city=\"a.b\"\n[api]\nkey=\"k.pem\"", "api.certificate: and api.key go together"),
            ("city=\"a.b\"\n[directory]\nthreshold=2", "directory.keys: must name the operators' public keys"),
            ("city=\"a.b\"\n[directory]\nkeys=[\"rsa:x\"]", "directory.keys: \"rsa:x\" is no operator's key"),
            ("city=\"a.b\"\n[federation]\nconnection_age_s=0", "federation.connection_age_s: must be 1 to 86400"),
            ("city=\"a.b\"\n[trust]\nkey=\"k.pem\"", "trust.authorities: trust.certificate and trust.key go together"),
            ("city=\"a.b\"\n[trust]\ncrls=\"k.pem\"", "trust.authorities: trust.certificate and trust.key go together"),
        ] {
            let error = parse(text, &[]).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_environment_overrides_the_file_and_names_itself_when_it_is_wrong() {
        let file = "city = \"feira.example\"";
        let config =
            parse(file, &[("ISOPOLITY_API_LISTEN", "127.0.0.1:9"), ("HOME", "x"), ("ISOPOLITY_TOKEN", "x")]).unwrap();
        assert_eq!(config.api.listen.port(), 9);
        let error = parse(file, &[("ISOPOLITY_API_LISTEN", "nowhere")]).unwrap_err();
        assert!(error.starts_with("ISOPOLITY_API_LISTEN: \"nowhere\""), "{error}");
        let error = parse(file, &[("ISOPOLITY_API_LISTN", "x")]).unwrap_err();
        assert!(error.contains("ISOPOLITY_API_LISTN"), "{error}");
    }

    #[test]
    fn the_file_that_init_writes_is_one_that_a_node_reads() {
        let options = Options {
            storage_url: Some("postgres://u@h/d?x=\"y\"".into()),
            federation_endpoint: Some("https://node.feira.example:7443".into()),
            federation_listen: Some("0.0.0.0:7443".into()),
            ..Options::default()
        };
        let config = parse(&template(&"feira.example".parse().unwrap(), &options), &[]).unwrap();
        assert_eq!(config.storage.url, "postgres://u@h/d?x=\"y\"");
        parse(&template(&"feira.example".parse().unwrap(), &Options::default()), &[]).unwrap();
    }

    #[test]
    fn a_directory_needs_a_name_and_as_many_signatures_as_there_are_keys_at_most() {
        let key = "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let with = |rest: &str| parse(&format!("city=\"a.b\"\n[directory]\nkeys=[\"{key}\"]\n{rest}"), &[]);
        assert!(with("threshold=1").unwrap_err().contains("directory.federation: must be the federation's name"));
        for threshold in ["", "threshold=0", "threshold=2"] {
            let error = with(&format!("federation=\"c.example\"\n{threshold}")).unwrap_err();
            assert!(error.contains("directory.threshold: must be 1 to 1"), "{error}");
        }
        let operators = with("federation=\"c.example\"\nthreshold=1").unwrap().directory.operators().unwrap().unwrap();
        assert_eq!((operators.keys.len(), operators.threshold), (1, 1));
        assert_eq!(parse("city=\"a.b\"", &[]).unwrap().directory.operators(), Ok(None));
    }

    #[test]
    fn private_addresses_are_called_only_where_that_is_said_and_init_says_it_for_a_node_at_such_an_address() {
        assert!(!parse("city=\"a.b\"", &[]).unwrap().limits().allow_private_addresses);
        let said = [("ISOPOLITY_FEDERATION_ALLOW_PRIVATE_ADDRESSES", "true")];
        assert!(parse("city=\"a.b\"", &said).unwrap().limits().allow_private_addresses);
        let made = |listen: Option<&str>, endpoint: Option<&str>| {
            let options = Options {
                federation_listen: listen.map(ToOwned::to_owned),
                federation_endpoint: endpoint.map(ToOwned::to_owned),
                ..Options::default()
            };
            parse(&template(&"a.b".parse().unwrap(), &options), &[]).unwrap().federation.allow_private_addresses
        };
        assert!(made(None, None), "a node that listens on this machine alone");
        assert!(made(Some("10.0.0.1:7443"), None) && made(None, Some("https://localhost:7443")));
        assert!(made(Some("0.0.0.0:7443"), Some("https://192.168.1.1:7443")));
        assert!(!made(Some("0.0.0.0:7443"), Some("https://node.feira.example:7443")));
    }

    #[test]
    fn the_example_for_operators_is_one_that_a_node_reads() {
        let example = include_str!("../../../deploy/config/isopolity.toml");
        parse(example, &[]).unwrap();
    }
}
