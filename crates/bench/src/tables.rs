//! The generated records as rows of PostgreSQL, and questions as its statements.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{BufWriter, Write as _},
    path::Path,
};

use isopolity_domain::{feed::Publication, record};
use isopolity_proto::{federation::Envelope, options::Audience};
use prost::Message as _;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};

use crate::{
    asking::Found,
    generate::{Asked, Indexed, indexed},
    measure::Failure,
};

/// A record as a row: what our index searches, so that both find the same. The words are ours, folded; what makes them a
/// vector is what the configuration "simple" would make of them.
pub(crate) const COLUMNS: &str = "name text collate \"C\", kind text, countries text[], languages text[], stages int[], \
                                  update_time timestamptz, words tsvector";

/// What is looked up.
pub(crate) const INDEXES: [&str; 4] = [
    "create index on records using gin (words) with (fastupdate = off)",
    "create index on records using gin (countries) with (fastupdate = off)",
    "create index on records (kind, update_time desc, name)",
    "create index on records (update_time desc, name)",
];

/// How much a word counts: three times in what names the record, as with us.
const WEIGHTS: &str = "{0.33,0.33,0.33,1}";

/// Writes publications as rows for COPY, each as the federation sees it.
pub(crate) struct Rows {
    file: BufWriter<fs::File>,
}

impl Rows {
    pub(crate) fn new(path: &Path) -> Result<Self, Failure> {
        Ok(Self { file: BufWriter::new(fs::File::create(path)?) })
    }

    pub(crate) fn push(&mut self, publication: &Publication) -> Result<(), Failure> {
        let Some(published) = publication.record_for(Audience::Federation) else { return Ok(()) };
        let record = record::read(&Envelope::decode(published.envelope.clone())?)?;
        let found = record::resource(&record).map(|resource| indexed(&resource)).unwrap_or_default();
        let seconds = record.publish_time.map(|time| time.seconds).unwrap_or_default();
        let stages: Vec<String> = found.stages.iter().map(ToString::to_string).collect();
        writeln!(
            self.file,
            "{}\t{}\t{{{}}}\t{{{}}}\t{{{}}}\t{}\t{}",
            publication.name,
            publication.kind,
            found.origin_countries.join(","),
            found.languages.join(","),
            stages.join(","),
            timestamp(seconds)?,
            vector(&found)?,
        )?;
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.file.flush()?;
        Ok(())
    }
}

fn timestamp(seconds: i64) -> Result<String, Failure> {
    let time = time::OffsetDateTime::from_unix_timestamp(seconds)?;
    Ok(time.format(&time::format_description::well_known::Rfc3339)?)
}

/// The words with their places; between two values of a field is a gap, over which no phrase goes.
fn vector(found: &Indexed) -> Result<String, Failure> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut at = 0;
    for (texts, weight) in [(&found.title, "A"), (&found.body, "")] {
        for text in texts {
            for word in text {
                at += 1;
                places.entry(word).or_default().push(format!("{at}{weight}"));
            }
            at += 1;
        }
    }
    let mut vector = String::new();
    for (word, places) in places {
        write!(vector, "'{word}':{} ", places.join(","))?;
    }
    Ok(vector)
}

/// Fills the table `records` of a database from a file.
pub(crate) async fn load(database: &DatabaseConnection, file: &Path) -> Result<(), Failure> {
    database.execute_unprepared(&format!("create table records ({COLUMNS})")).await?;
    database.execute_unprepared(&format!("copy records from '{}'", file.display())).await?;
    for index in INDEXES {
        database.execute_unprepared(index).await?;
    }
    database.execute_unprepared("vacuum analyze records").await?;
    Ok(())
}

/// The statements that answer a question: the best hits, the total, and facets where they are asked for. As quick as we know:
/// ranked, the total comes with the hits, so that the matches are found once; without words the hits come from an index in
/// order, and the total by itself.
pub(crate) fn statements(asked: &Asked, limit: usize) -> Vec<String> {
    let question = &asked.question;
    let words: Vec<String> = asked.words.iter().map(|word| format!("'{word}'")).collect();
    let words = words.join(if asked.beside { "<->" } else { "&" }).replace('\'', "''");
    let mut conditions = Vec::new();
    if !asked.words.is_empty() {
        conditions.push(format!("words @@ '{words}'::tsquery"));
    }
    if !question.kinds.is_empty() {
        conditions.push(format!("kind in ('{}')", question.kinds.join("','")));
    }
    if !question.origin_countries.is_empty() {
        conditions.push(format!("countries && '{{{}}}'", question.origin_countries.join(",")));
    }
    let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" and ") };
    let rank = format!("ts_rank_cd('{WEIGHTS}', words, '{words}'::tsquery)");
    if asked.class.with_facets() {
        return vec![format!(
            "with found as materialized (select name, kind, countries, {rank} as rank from records where {conditions}) \
             (select 'hit' as what, name as value, 0::bigint as count from found order by rank desc, name limit {limit}) \
             union all select 'total', '', count(*) from found \
             union all select 'kind', kind, count(*) from found group by kind \
             union all select 'country', country, count(*) from found, unnest(countries) country group by country"
        )];
    }
    if asked.words.is_empty() {
        return vec![
            format!(
                "select 'hit' as what, name as value, 0::bigint as count from records where {conditions} \
                 order by update_time desc, name limit {limit}"
            ),
            format!("select 'total' as what, '' as value, count(*) as count from records where {conditions}"),
        ];
    }
    vec![format!(
        "select 'hit' as what, name as value, count(*) over () as count from records where {conditions} \
         order by {rank} desc, name limit {limit}"
    )]
}

/// Asks and reads all that comes.
pub(crate) async fn ask(database: &DatabaseConnection, statements: &[String]) -> Result<Found, Failure> {
    let mut found = Found { total: 0, names: Vec::new() };
    for statement in statements {
        for row in database.query_all_raw(Statement::from_string(DbBackend::Postgres, statement)).await? {
            let (what, value): (String, String) = (row.try_get("", "what")?, row.try_get("", "value")?);
            let count: i64 = row.try_get("", "count")?;
            match what.as_str() {
                "hit" => {
                    found.names.push(value);
                    found.total = found.total.max(count);
                }
                "total" => found.total = count,
                _ => {}
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_phrase_goes_over_the_end_of_a_value() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let found = Indexed {
            title: vec![words("olive oil"), words("azeite")],
            body: vec![words("oil and bread")],
            ..Indexed::default()
        };
        let vector = vector(&found).unwrap();
        assert_eq!(vector, "'and':7 'azeite':4A 'bread':8 'oil':2A,6 'olive':1A ");
    }
}
