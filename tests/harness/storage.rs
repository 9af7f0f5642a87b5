//! The databases that tests run on: SQLite always, PostgreSQL where `ISOPOLITY_TEST_POSTGRES` names a server.

use std::{
    env,
    io::Write as _,
    sync::{Arc, Mutex},
};

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};
use uuid::Uuid;

/// Makes a test of each database out of each function.
#[macro_export]
macro_rules! on_both_databases {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::Databases::sqlite()).await;
            })*
        }
        mod postgresql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::storage::on_postgresql(super::$test).await;
            })*
        }
    };
}

/// Where nodes keep what they have.
#[derive(Clone, Default)]
pub struct Databases {
    server: Option<Server>,
}

#[derive(Clone)]
struct Server {
    base: String,
    admin: DatabaseConnection,
    made: Arc<Mutex<Vec<String>>>,
}

impl Databases {
    /// A file in each node's folder.
    pub fn sqlite() -> Self {
        Self::default()
    }

    /// The word that a node has for it.
    pub fn kind(&self) -> &'static str {
        if self.server.is_some() { "postgresql" } else { "sqlite" }
    }

    /// The URL of a new database, unless a file in the folder will do.
    pub async fn url(&self) -> Option<String> {
        let server = self.server.as_ref()?;
        let name = format!("isopolity_test_{}", Uuid::new_v4().simple());
        server.admin.execute_unprepared(&format!("create database {name}")).await.unwrap();
        let url = format!("{}/{name}", server.base);
        server.made.lock().unwrap().push(name);
        Some(url)
    }
}

impl Databases {
    /// A copy of a database that nobody has open, as of a backup. Returns its URL.
    pub async fn copy(&self, url: &str) -> String {
        let copied = format!("isopolity_test_{}", Uuid::new_v4().simple());
        let Some(server) = &self.server else {
            let path = std::path::Path::new(url.strip_prefix("sqlite://").unwrap());
            let copy = path.with_file_name(format!("{copied}.db"));
            std::fs::copy(path, &copy).unwrap();
            return format!("sqlite://{}", copy.display());
        };
        let (_, name) = url.rsplit_once('/').unwrap();
        let copying = format!("create database {copied} template {name}");
        server.admin.execute_unprepared(&copying).await.unwrap();
        let url = format!("{}/{copied}", server.base);
        server.made.lock().unwrap().push(copied);
        url
    }
}

/// Runs a test on PostgreSQL, or not at all where there is none.
pub async fn on_postgresql<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Databases) -> F) {
    let Some(url) = server() else { return };
    let admin = Database::connect(&url).await.unwrap();
    let (base, _) = url.rsplit_once('/').unwrap();
    let server = Server { base: base.to_owned(), admin, made: Arc::default() };
    let ended = tokio::spawn(test(Databases { server: Some(server.clone()) })).await;
    let made = std::mem::take(&mut *server.made.lock().unwrap());
    for name in made {
        server.admin.execute_unprepared(&format!("drop database {name} with (force)")).await.unwrap();
    }
    if let Err(failure) = ended {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// Does something that stays on one thread, and may hold what can't be sent to another.
pub async fn on_one_thread<F: Future<Output = ()>>(doing: impl FnOnce() -> F + Send + 'static) {
    let runtime = tokio::runtime::Handle::current();
    if let Err(failure) = tokio::task::spawn_blocking(move || runtime.block_on(doing())).await {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// Says so where PostgreSQL is left out, and fails where it must not be.
pub fn tell_what_is_left_out() {
    if server().is_none() {
        // Not by `println!`, which the test harness keeps to itself.
        std::io::stderr().write_all(b"left out: PostgreSQL (set ISOPOLITY_TEST_POSTGRES)\n").unwrap();
    }
}

/// The PostgreSQL server to test with.
fn server() -> Option<String> {
    let server = env::var("ISOPOLITY_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
    let required = env::var("ISOPOLITY_TEST_REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
    assert!(server.is_some() || !required, "ISOPOLITY_TEST_REQUIRE_POSTGRES=1, but ISOPOLITY_TEST_POSTGRES is not set");
    server
}
