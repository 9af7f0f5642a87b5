//! A new city's folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use isopolity_domain::{CityId, Clock};
use isopolity_federation::{Identity, Peers};
use isopolity_registry::{OpenError, Patience, Registry, Settings, error::with_causes};
use zeroize::Zeroizing;

use crate::{Config, ConfigError, StartError, config};

/// What a new city's configuration says beyond its defaults.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The database, if it is not the embedded one.
    pub storage_url: Option<String>,
    /// Where the federation listener is to listen.
    pub federation_listen: Option<String>,
    /// Where peers reach it.
    pub federation_endpoint: Option<String>,
    /// Where the API is to listen.
    pub api_listen: Option<String>,
}

/// What was made.
pub struct Initialised {
    /// The configuration file.
    pub config: PathBuf,
    /// The first administrator's token, if there was none yet. Shown this once.
    pub token: Option<Zeroizing<String>>,
}

/// Why a folder can't be prepared.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is a city in the folder.
    #[error("{0} exists already: this folder has a city; nothing was changed")]
    Exists(PathBuf),
    /// The folder or a file in it can't be written.
    #[error("{path} can't be written: {source}")]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The options make no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys or the database.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Prepares a folder for a city: configuration, keys, database, and the first administrator's token.
///
/// Safe to repeat after a fault: the configuration file is written last, and what exists is not overwritten.
///
/// # Errors
/// [`InitError`].
pub async fn init(
    folder: &Path,
    city: &CityId,
    options: &Options,
    clock: Arc<dyn Clock>,
) -> Result<Initialised, InitError> {
    let file = folder.join(config::FILE_NAME);
    if file.exists() {
        return Err(InitError::Exists(file));
    }
    let written = |path: &Path| {
        let path = path.to_owned();
        move |source| InitError::Write { path, source }
    };
    let text = config::template(city, options);
    let config = Config::parse(&text, &file)?;
    fs::create_dir_all(folder).map_err(written(folder))?;

    let trust = config.trust_folder();
    // Keys of an earlier attempt are used, not replaced: a bundle of them may have been handed out.
    let identity =
        if trust.exists() { Identity::load(&trust, city) } else { Identity::create(&trust, city, clock.now()) }
            .map_err(StartError::from)?;
    let registry = Registry::open(Settings {
        peers: Peers::new(identity.clone(), Arc::clone(&clock), config.limits()).map_err(StartError::from)?,
        identity,
        endpoint: None,
        storage_url: config.storage_url(),
        index_folder: config.index_folder(),
        clock,
        patience: Patience::default(),
        retention: config.retention.limits(),
        cooperation: config.cooperation.rules(),
    })
    .await
    .map_err(StartError::from)?;
    let token = registry.first_token().await;
    registry.store().clone().close().await;
    let token = token.map_err(|error| OpenError::Start(with_causes(&error))).map_err(StartError::from)?;

    write_private(&file, &text).map_err(written(&file))?;
    Ok(Initialised { config: file, token: token.map(|new| new.secret) })
}

/// Writes a file that only its owner reads: the database's URL may hold a password.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}
