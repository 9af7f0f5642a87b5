//! What the parts allow that an import rests on, each alone, with the same records.

use std::{fs, path::Path};

use ed25519_dalek::{Signer as _, SigningKey};
use isopolity_proto::json::tagged_from_str;
use prost::Message as _;
use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement, TransactionTrait as _, Value};
use tantivy::{
    Index, TantivyDocument, doc,
    schema::{STORED, STRING, SchemaBuilder, TEXT},
};

use crate::{
    generate::Generator,
    import::runtime,
    measure::{Failure, Measured, Part, Stopwatch},
};

/// Rows in one statement, and statements in one transaction: what is fastest for SQLite.
const ROWS: usize = 200;

/// The records with which the floors are measured, as JSON Lines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Records<'a> {
    /// Generated ones.
    Generated { records: u64, seed: u64 },
    /// Those that an import wrote.
    Kept(&'a Path),
}

impl Records<'_> {
    fn lines(self) -> Result<Vec<String>, Failure> {
        match self {
            Self::Generated { records, seed } => {
                let mut generator = Generator::new(records, seed)?;
                Ok(std::iter::from_fn(|| generator.line()).collect())
            }
            Self::Kept(file) => Ok(fs::read_to_string(file)?.lines().map(str::to_owned).collect()),
        }
    }

    fn bodies(self) -> Result<Vec<Vec<u8>>, Failure> {
        self.lines()?.iter().map(|line| Ok(tagged_from_str(line)?.encode_to_vec())).collect()
    }
}

/// One Ed25519 signature for each record.
pub(crate) fn sign(records: Records<'_>) -> Result<Measured, Failure> {
    let bodies = records.bodies()?;
    let key = SigningKey::from_bytes(&[7; 32]);
    let watch = Stopwatch::start();
    let mut last = 0;
    for body in &bodies {
        last ^= key.sign(body).to_bytes().first().copied().unwrap_or_default();
    }
    std::hint::black_box(last);
    Ok(watch.stop(Part::Sign, "Ed25519 signatures", u64::try_from(bodies.len())?))
}

/// Two rows for each record, the document and its signed form, as the registry keeps them.
pub(crate) fn insert(records: Records<'_>) -> Result<Measured, Failure> {
    let bodies = records.bodies()?;
    runtime()?.block_on(async {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("floor.db").display());
        let database = Database::connect(url).await?;
        for statement in [
            "pragma journal_mode = wal",
            "pragma synchronous = full",
            "create table document (name text primary key, kind text, time integer, body blob)",
            "create table record (name text primary key, kind text, time integer, body blob)",
        ] {
            database.execute_unprepared(statement).await?;
        }
        let watch = Stopwatch::start();
        let mut at: u64 = 0;
        for batch in bodies.chunks(ROWS) {
            let transaction = database.begin().await?;
            for table in ["document", "record"] {
                let marks = vec!["(?, ?, ?, ?)"; batch.len()].join(", ");
                let mut values: Vec<Value> = Vec::with_capacity(batch.len() * 4);
                for (row, body) in batch.iter().enumerate() {
                    let name = format!("cities/generated.example/organizations/o{}", at + u64::try_from(row)?);
                    values.extend([name.into(), "organization".into(), 1_i64.into(), body.clone().into()]);
                }
                let sql = format!("insert into {table} values {marks}");
                transaction.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)).await?;
            }
            transaction.commit().await?;
            at += u64::try_from(batch.len())?;
        }
        Ok(watch.stop(Part::Insert, "records in bulk into SQLite, two rows each", at))
    })
}

/// The same records added to an index.
pub(crate) fn index(records: Records<'_>) -> Result<Measured, Failure> {
    let texts = records.lines()?;
    let folder = tempfile::tempdir()?;
    let mut schema = SchemaBuilder::new();
    let name = schema.add_text_field("name", STRING | STORED);
    let text = schema.add_text_field("text", TEXT);
    let index = Index::create_in_dir(folder.path(), schema.build())?;
    let watch = Stopwatch::start();
    let mut writer = index.writer_with_num_threads::<TantivyDocument>(1, 50 << 20)?;
    for (at, line) in texts.iter().enumerate() {
        writer.add_document(doc!(name => format!("o{at}"), text => line.as_str()))?;
    }
    writer.commit()?;
    Ok(watch.stop(Part::Index, "records into an index", u64::try_from(texts.len())?))
}
