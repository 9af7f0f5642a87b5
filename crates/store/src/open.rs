//! How a database is opened: found, locked, brought up to date, and asked whose it is.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use isopolity_domain::CityId;
use sea_orm::{
    ActiveValue::Set,
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction, EntityTrait as _,
    sqlx::{
        ConnectOptions as _, Connection as _,
        postgres::PgConnectOptions,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};
use sea_orm_migration::{MigratorTrait as _, SchemaManager, seaql_migrations};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{
    Inner, Limits, StorageKind, Store, StoreError, entity::feed, error::Fault, migration::Migrator, tx::begin_immediate,
};

/// The key of the advisory lock under which PostgreSQL databases are opened: "isopolit" in ASCII.
const OPENING: i64 = 0x6973_6f70_6f6c_6974;
/// How long a connection to PostgreSQL may be idle before it is tried out.
const TRUSTED: Duration = Duration::from_secs(1);

/// How long to wait before a busy SQLite file is opened again.
const AGAIN: Duration = Duration::from_millis(20);

/// A URL that was understood.
enum Target {
    Sqlite { path: PathBuf },
    Postgresql { options: Box<PgConnectOptions> },
}

pub(crate) async fn open(url: &str, city: &CityId, limits: Limits) -> Result<Store, StoreError> {
    let (target, place) = target(url)?;
    let (kind, connected) = match target {
        Target::Sqlite { path } => {
            create(&path).map_err(|source| StoreError::Open { place: Arc::clone(&place), source: source.into() })?;
            (StorageKind::Sqlite, connect_sqlite(path, limits).await)
        }
        Target::Postgresql { options } => (StorageKind::Postgresql, connect_postgresql(*options, limits).await),
    };
    let pool = connected.map_err(|fault| fault.at_opening(&place))?;
    match prepare(&pool, kind, &place, city, limits).await {
        Ok(()) => {
            let writer = Arc::new(Mutex::new(()));
            let stops = crate::stop::Stops::default();
            Ok(Store { inner: Arc::new(Inner { pool, kind, place, writer, limits, stops }) })
        }
        Err(error) => {
            // The first error is the one to tell.
            pool.close().await.ok();
            Err(error)
        }
    }
}

/// Understands a URL. Gives it a form that can be shown as well.
fn target(url: &str) -> Result<(Target, Arc<str>), StoreError> {
    let refuse = |place: &str, source: Box<dyn std::error::Error + Send + Sync>| StoreError::Open {
        place: place.into(),
        source,
    };
    if let Some(path) = url.strip_prefix("sqlite://") {
        if path.is_empty() || path == ":memory:" || path.contains('?') {
            return Err(refuse(url, "the URL must be sqlite:// and the path of a file, without parameters".into()));
        }
        return Ok((Target::Sqlite { path: path.into() }, url.into()));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let options: PgConnectOptions =
            url.parse().map_err(|error: sea_orm::SqlxError| refuse("postgres://…", error.into()))?;
        let (host, port) = (options.get_host(), options.get_port());
        let place = format!("postgres://{host}:{port}/{}", options.get_database().unwrap_or_default());
        return Ok((Target::Postgresql { options: Box::new(options) }, place.into()));
    }
    let scheme = url.split(':').next().unwrap_or_default();
    Err(refuse(&format!("{scheme}:…"), "the URL must begin with sqlite:// or postgres://".into()))
}

/// Creates a missing file, for its owner only. SQLite gives the files beside it the same mode.
fn create(path: &Path) -> Result<(), io::Error> {
    // One at a time: to close a file lets go of all locks that this process holds on it, also those of SQLite.
    static CREATING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = CREATING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(io::Error::new(error.kind(), "the folder does not exist; create it first"))
        }
        Err(error) => Err(error),
    }
}

async fn connect_sqlite(path: PathBuf, limits: Limits) -> Result<DatabaseConnection, Fault> {
    let mut sqlite = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // What is deleted is overwritten, not only left out.
        .pragma("secure_delete", "on")
        .busy_timeout(limits.wait)
        .disable_statement_logging();
    if let Some(pages) = limits.pages {
        sqlite = sqlite.pragma("max_page_count", pages.to_string());
    }
    let mut options = pool("sqlite://", limits);
    options
        .map_sqlx_sqlite_opts(move |_| sqlite.clone())
        .test_before_acquire(false)
        // SQLite undoes a transaction by itself on some errors, sqlx then believes in it for ever.
        .map_sqlx_sqlite_before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }));
    let begun = Instant::now();
    loop {
        match Database::connect(options.clone()).await.map_err(Fault::from) {
            // SQLite does not wait where several begin the write-ahead log of a new file at once.
            Err(fault) if fault.is_busy() && begun.elapsed() < limits.wait => tokio::time::sleep(AGAIN).await,
            connected => return connected,
        }
    }
}

async fn connect_postgresql(postgresql: PgConnectOptions, limits: Limits) -> Result<DatabaseConnection, Fault> {
    let postgresql = match postgresql.get_application_name() {
        None => postgresql.application_name("isopolity"),
        Some(_) => postgresql,
    }
    .disable_statement_logging();
    // sea-orm traces the URL: the real one, with its password, is only in the options.
    let mut options = pool("postgres://localhost", limits);
    options.map_sqlx_postgres_opts(move |_| postgresql.clone()).test_before_acquire_if_idle_for(TRUSTED);
    Ok(Database::connect(options).await?)
}

fn pool(url: &str, limits: Limits) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(limits.connections)
        .acquire_timeout(limits.wait)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    options
}

/// Brings the schema up to date and the database under the city's name, all of it or nothing.
async fn prepare(
    pool: &DatabaseConnection,
    kind: StorageKind,
    place: &Arc<str>,
    city: &CityId,
    limits: Limits,
) -> Result<(), StoreError> {
    let fault = |fault: Fault| fault.at_opening(place);
    let database = |error: sea_orm::DbErr| Fault::from(error).at_opening(place);
    let tx = begin_immediate(pool).await.map_err(fault)?;
    if kind == StorageKind::Postgresql {
        let wait = limits.wait.as_millis();
        let lock = format!("set local lock_timeout = {wait}; select pg_advisory_xact_lock({OPENING})");
        tx.execute_unprepared(&lock).await.map_err(database)?;
    }
    let applied = applied(&tx).await.map_err(fault)?;
    let known: Vec<String> = Migrator::migrations().iter().map(|one| one.name().to_owned()).collect();
    if let Some(found) = applied.iter().filter(|one| !known.contains(one)).max() {
        let known = known.last().cloned().unwrap_or_default();
        return Err(StoreError::SchemaTooNew { place: Arc::clone(place), found: found.clone(), known });
    }
    let fresh = applied.len() < known.len();
    if fresh {
        Migrator::up(&tx, None).await.map_err(database)?;
    }
    match feed::Entity::find_by_id(feed::ONLY).one(&tx).await.map_err(database)? {
        Some(feed) if feed.city != city.as_str() => {
            return Err(StoreError::Foreign { place: Arc::clone(place), found: feed.city, expected: city.clone() });
        }
        Some(_) => {}
        None => {
            let (city, epoch) = (city.to_string(), Uuid::new_v4().to_string());
            let feed = feed::ActiveModel { id: Set(feed::ONLY), city: Set(city), epoch: Set(epoch), sequence: Set(0) };
            feed::Entity::insert(feed).exec_without_returning(&tx).await.map_err(database)?;
        }
    }
    tx.commit().await.map_err(database)?;
    if fresh {
        tracing::info!(store.place = %place, store.schema = known.last(), "the database has a new schema");
    }
    Ok(())
}

/// The migrations that were applied.
async fn applied(tx: &DatabaseTransaction) -> Result<Vec<String>, Fault> {
    if !SchemaManager::new(tx).has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    Ok(seaql_migrations::Entity::find().all(tx).await?.into_iter().map(|one| one.version).collect())
}
