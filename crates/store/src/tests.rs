//! What the store promises, on both databases.
//!
//! SQLite is always tested, each test with a file of its own. PostgreSQL is tested, each test with a database of its own,
//! where `ISOPOLITY_TEST_POSTGRES` is the URL of a server on which databases may be created, for example
//! `postgres://user:password@127.0.0.1:5433/postgres`. With `ISOPOLITY_TEST_REQUIRE_POSTGRES=1` its absence is a failure.

mod access;
mod audit;
pub(crate) mod bed;
mod cooperations;
mod counts;
mod deliveries;
mod documents;
mod feed;
mod history;
mod imports;
mod lists;
mod mails;
mod opening;
mod own_bundles;
mod peering;
mod people;
mod privacy;
mod sharing;
mod trouble;
