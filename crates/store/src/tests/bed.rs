//! A fresh database for each test.

use std::{env, io::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use isopolity_domain::{CityId, Name};
use isopolity_proto::options::Audience;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use tempfile::TempDir;
use time::macros::datetime;
use uuid::Uuid;

use crate::{Document, Limits, Store, StoreError, open::open};

/// Makes a test of each database out of each function.
macro_rules! on_both_databases {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::tests::bed::on_sqlite(super::$test).await;
            })*
        }
        mod postgresql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::tests::bed::on_postgresql(super::$test).await;
            })*
        }
    };
}
pub(crate) use on_both_databases;

/// Waits of a test that ends in being busy.
pub(crate) const SHORT: Limits = Limits { wait: Duration::from_secs(1), connections: 4, pages: None };

/// A place for a database.
#[derive(Clone)]
pub(crate) struct Bed {
    pub(crate) url: String,
    pub(crate) city: CityId,
    folder: Option<Arc<TempDir>>,
}

impl Bed {
    pub(crate) async fn store(&self) -> Store {
        self.open(Limits::default()).await.unwrap()
    }

    pub(crate) async fn open(&self, limits: Limits) -> Result<Store, StoreError> {
        open(&self.url, &self.city, limits).await
    }

    /// Another program that uses the same database.
    pub(crate) async fn other_program(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(1);
        Database::connect(options).await.unwrap()
    }

    /// The folder of the SQLite file.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.as_ref().unwrap().path()
    }
}

pub(crate) async fn on_sqlite<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Bed) -> F) {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/registry.db", folder.path().display());
    test(Bed { url, city: city(), folder: Some(Arc::new(folder)) }).await;
}

pub(crate) async fn on_postgresql<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Bed) -> F) {
    let Some(server) = server() else { return };
    let admin = Database::connect(&server).await.unwrap();
    let database = format!("isopolity_test_{}", Uuid::new_v4().simple());
    // A server whose own order of text is not that of bytes, if this one can do it.
    let people = format!(
        "create database {database} template template0 encoding 'UTF8' \
                          locale_provider icu icu_locale 'en-US-u-ka-shifted'"
    );
    if admin.execute_unprepared(&people).await.is_err() {
        admin.execute_unprepared(&format!("create database {database}")).await.unwrap();
    }
    let (base, _) = server.rsplit_once('/').unwrap();
    let bed = Bed { url: format!("{base}/{database}"), city: city(), folder: None };
    let ended = tokio::spawn(test(bed)).await;
    admin.execute_unprepared(&format!("drop database {database} with (force)")).await.unwrap();
    if let Err(failure) = ended {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// The PostgreSQL server to test with.
fn server() -> Option<String> {
    let server = env::var("ISOPOLITY_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
    let required = env::var("ISOPOLITY_TEST_REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
    assert!(server.is_some() || !required, "ISOPOLITY_TEST_REQUIRE_POSTGRES=1, but ISOPOLITY_TEST_POSTGRES is not set");
    server
}

#[test]
fn postgresql_is_tested_or_said_to_be_left_out() {
    if server().is_none() {
        // Not by `println!`, which the test harness keeps to itself.
        writeln!(std::io::stderr(), "left out: PostgreSQL (set ISOPOLITY_TEST_POSTGRES)").unwrap();
    }
}

pub(crate) fn city() -> CityId {
    "feira.example".parse().unwrap()
}

/// The name of a partnership of the test's city.
pub(crate) fn name(id: &str) -> Name {
    format!("cities/feira.example/partnerships/{id}").parse().unwrap()
}

/// A public document.
pub(crate) fn document(name: &Name) -> Document {
    Document {
        name: name.clone(),
        revision: 1,
        audience: Audience::Public,
        create_time: datetime!(2013-03-15 12:00:00.123456 UTC),
        update_time: datetime!(2013-03-16 12:00 UTC),
        delete_time: None,
        body: Bytes::from(format!("the body of {name}")),
    }
}

impl Store {
    /// Adds documents in a transaction of their own.
    pub(crate) async fn add(&self, documents: &[Document]) {
        let mut tx = self.begin("test").await.unwrap();
        tx.insert_documents(documents).await.unwrap();
        tx.commit().await.unwrap();
    }
}
