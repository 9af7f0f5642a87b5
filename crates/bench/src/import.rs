//! The import itself.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use isopolity_domain::{CityId, Clock as _, clock::SystemClock, retention::Retention};
use isopolity_federation::{Identity, Limits, Peers};
use isopolity_proto::{
    admin::Role,
    registry::{ImportFormat, ImportProgress, ImportStart},
};
use isopolity_registry::{Caller, Patience, Registry, Settings, cooperation::Rules, import::News};
use tokio::sync::mpsc;

use crate::{
    generate::{CITY, Generator},
    measure::{Failure, Measured, Part, Stopwatch},
};

/// How much of the file is sent at a time.
const CHUNK: usize = 64 << 10;

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// An empty registry in a folder.
pub(crate) async fn open(folder: &Path, city: &CityId) -> Result<Registry, Failure> {
    let clock = Arc::new(SystemClock);
    let identity = Identity::create(&folder.join("trust"), city, clock.now())?;
    Ok(Registry::open(Settings {
        peers: Peers::new(identity.clone(), clock.clone(), Limits::default())?,
        identity,
        endpoint: None,
        storage_url: format!("sqlite://{}", folder.join("registry.db").display()),
        index_folder: folder.join("index"),
        clock,
        patience: Patience::default(),
        retention: Retention::default(),
        cooperation: Rules::default(),
    })
    .await?)
}

/// Imports lines, and waits until they are found by searches.
pub(crate) async fn import(
    registry: &Registry,
    start: ImportStart,
    mut lines: impl FnMut() -> Option<String> + Send + 'static,
) -> Result<ImportProgress, Failure> {
    let caller = Caller::token("bench", Role::Administrator);
    let (chunks, file) = mpsc::channel(4);
    let (news, mut told) = mpsc::channel(64);
    let feed = tokio::task::spawn_blocking(move || {
        let mut chunk = String::with_capacity(CHUNK * 2);
        while let Some(line) = lines() {
            chunk.push_str(&line);
            if chunk.len() >= CHUNK && chunks.blocking_send(Ok(Bytes::from(std::mem::take(&mut chunk)))).is_err() {
                return;
            }
        }
        drop(chunks.blocking_send(Ok(Bytes::from(chunk))));
    });
    let listen = async move {
        let mut first = None;
        while let Some(one) = told.recv().await {
            if let News::Row(row) = one {
                first.get_or_insert(row);
            }
        }
        first
    };
    let (imported, rejected) = tokio::join!(registry.import(&caller, start, file, news), listen);
    feed.await?;
    if let Some(row) = rejected {
        return Err(format!("a row was not taken over: {row:?}").into());
    }
    registry.index_once().await?;
    Ok(imported?)
}

pub(crate) fn start() -> ImportStart {
    // Some of the real places lie far from the country that the source states: Gibraltar in GB.
    ImportStart { format: ImportFormat::JsonLines.into(), accept_doubts: true, ..Default::default() }
}

async fn generated(registry: &Registry, records: u64, seed: u64) -> Result<u64, Failure> {
    let mut generator = Generator::new(records, seed)?;
    let progress = import(registry, start(), move || generator.line()).await?;
    Ok(u64::try_from(progress.rows)?)
}

/// Import into an empty registry.
pub(crate) fn once(records: u64, seed: u64) -> Result<Measured, Failure> {
    runtime()?.block_on(async {
        let folder = tempfile::tempdir()?;
        let registry = open(folder.path(), &CITY.parse()?).await?;
        let watch = Stopwatch::start();
        let rows = generated(&registry, records, seed).await?;
        Ok(watch.stop(Part::Import, "records validated, signed, stored, indexed", rows))
    })
}

/// Import of what is there already.
pub(crate) fn again(records: u64, seed: u64) -> Result<Measured, Failure> {
    runtime()?.block_on(async {
        let folder = tempfile::tempdir()?;
        let registry = open(folder.path(), &CITY.parse()?).await?;
        generated(&registry, records, seed).await?;
        let watch = Stopwatch::start();
        let rows = generated(&registry, records, seed).await?;
        Ok(watch.stop(Part::Again, "records that say nothing new", rows))
    })
}
