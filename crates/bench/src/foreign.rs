//! The federation beside the databases of the same cities put together by PostgreSQL: `postgres_fdw` over as many databases,
//! with asynchronous append, and for measure one database that holds all.

use std::{collections::BTreeMap, hint::black_box, time::Instant};

use sea_orm::{ConnectionTrait as _, DatabaseConnection};

use crate::{
    asking,
    cluster::Cluster,
    federation::{LIMIT, Size, about},
    figures::{Figures, Goal, Ratio, Series},
    generate::{Asked, Class, Seal, publications},
    import::runtime,
    measure::Failure,
    nodes::{City, asker, assemble},
    tables::{self, COLUMNS, Rows},
};

/// The kinds of questions that goals speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Filter,
    Ranked,
    CommonRanked,
    Facets,
    CommonFacets,
}

impl Sort {
    /// The kinds to which a class belongs: what is in many records stands once more by itself, for it is there that the
    /// others' time goes.
    fn of(class: Class) -> &'static [Self] {
        match class {
            Class::Filter => &[Self::Filter],
            Class::CommonFacets => &[Self::Facets, Self::CommonFacets],
            Class::RareFacets => &[Self::Facets],
            Class::Common | Class::TwoCommon => &[Self::Ranked, Self::CommonRanked],
            Class::Rare | Class::TwoWords | Class::Phrase | Class::Filtered => &[Self::Ranked],
        }
    }

    fn goal(self) -> (&'static str, f64) {
        match self {
            Self::Filter => ("all filters", 15.0),
            Self::Ranked => ("all ranked text", 100.0),
            Self::CommonRanked => ("ranked text, common words", 100.0),
            Self::Facets => ("all text with two facets", 500.0),
            Self::CommonFacets => ("common words with two facets", 500.0),
        }
    }
}

#[derive(Default)]
struct Times {
    ours: Series,
    foreign: Series,
    merged: Series,
}

/// Runs the comparison.
pub(crate) fn run(plan: Size) -> Result<Figures, Failure> {
    let mut figures = Figures::new("postgres");
    figures.note("our answers come from nodes over mutual TLS on loopback; PostgreSQL's databases are reached over its own socket");
    figures.setting("cities", plan.cities);
    figures.setting("records of each city", plan.records);
    figures.setting("seed", plan.seed);
    figures.setting("questions of each class", plan.questions);
    figures.setting("rounds", plan.rounds);
    let cluster = Cluster::start()?;
    figures.version("PostgreSQL", cluster.version()?);
    let times = runtime()?.block_on(async {
        let cities = City::found_all(plan.cities, plan.records, plan.seed).await?;
        let (foreign, merged) = databases(&cluster, &cities, plan).await?;
        let asked = about(&cities, plan.records, plan.seed, plan.questions)?;
        let from = asker("asker.bench.example").await?;
        let (asking, running) = assemble(&from, &cities, false).await?;
        let times = measure(asking.registry(), &foreign, &merged, &asked, plan).await;
        asking.stop().await;
        for city in running {
            city.stop().await;
        }
        times
    })?;
    for (class, times) in &times {
        let (what, ours) = (class.as_str(), &times.ours);
        figures.compare(what, "ms", ours, ("postgres_fdw", &times.foreign), Ratio::TimesFaster, None);
        figures.compare(what, "ms", ours, ("one database", &times.merged), Ratio::TimesFaster, None);
    }
    let mut sorts: BTreeMap<Sort, Times> = BTreeMap::new();
    for (class, times) in &times {
        for sort in Sort::of(*class) {
            let all = sorts.entry(*sort).or_default();
            all.ours.join(&times.ours);
            all.foreign.join(&times.foreign);
            all.merged.join(&times.merged);
        }
    }
    for (sort, times) in &sorts {
        let (what, goal) = sort.goal();
        let goal = Some(Goal::Least(goal));
        figures.compare(what, "ms", &times.ours, ("postgres_fdw", &times.foreign), Ratio::TimesFaster, goal);
        figures.compare(what, "ms", &times.ours, ("one database", &times.merged), Ratio::TimesFaster, None);
    }
    Ok(figures)
}

/// A database for each city, one that reaches them all, and one that holds all.
async fn databases(
    cluster: &Cluster,
    cities: &[City],
    plan: Size,
) -> Result<(DatabaseConnection, DatabaseConnection), Failure> {
    let first = cluster.connect("postgres").await?;
    for database in ["reaching", "merged"] {
        first.execute_unprepared(&format!("create database {database}")).await?;
    }
    let (reaching, merged) = (cluster.connect("reaching").await?, cluster.connect("merged").await?);
    reaching.execute_unprepared("create extension postgres_fdw").await?;
    reaching
        .execute_unprepared(&format!("create table records ({COLUMNS}, city text) partition by list (city)"))
        .await?;
    let all = cluster.path().join("all");
    let mut every = Rows::new(&all)?;
    for (at, city) in cities.iter().enumerate() {
        let (name, city) = (format!("city{at}"), city.id.as_str());
        let file = cluster.path().join(&name);
        let mut rows = Rows::new(&file)?;
        for publication in publications(city, plan.records, plan.seed, "bench", Seal::StandIn)? {
            rows.push(&publication)?;
            every.push(&publication)?;
        }
        rows.finish()?;
        first.execute_unprepared(&format!("create database {name}")).await?;
        let own = cluster.connect(&name).await?;
        tables::load(&own, &file).await?;
        own.execute_unprepared(&format!("alter table records add city text not null default '{city}'")).await?;
        own.execute_unprepared("analyze records").await?;
        own.close().await?;
        let (server, user) = cluster.as_foreign(&name);
        for statement in [
            format!(
                "create server {name} foreign data wrapper postgres_fdw \
                 options ({server}, async_capable 'true', use_remote_estimate 'true', fetch_size '1000')"
            ),
            format!("create user mapping for postgres server {name} options ({user})"),
            format!(
                "create foreign table {name} partition of records for values in ('{city}') server {name} options (table_name 'records')"
            ),
        ] {
            reaching.execute_unprepared(&statement).await?;
        }
    }
    every.finish()?;
    tables::load(&merged, &all).await?;
    Ok((reaching, merged))
}

async fn measure(
    registry: &isopolity_registry::Registry,
    foreign: &DatabaseConnection,
    merged: &DatabaseConnection,
    asked: &[Asked],
    plan: Size,
) -> Result<BTreeMap<Class, Times>, Failure> {
    let mut classes: BTreeMap<Class, Times> = BTreeMap::new();
    // The first round is to warm up, and to see that all find the same.
    for round in 0..=plan.rounds {
        if round > 0 {
            for times in classes.values_mut() {
                for series in [&mut times.ours, &mut times.foreign, &mut times.merged] {
                    series.round();
                }
            }
        }
        for one in asked {
            let statements = tables::statements(one, LIMIT);
            let mut totals = [0; 3];
            for turn in 0..3 {
                let turn = (turn + round) % 3;
                let begun = Instant::now();
                let found = match turn {
                    0 => asking::federated(registry, one, LIMIT).await?,
                    1 => tables::ask(foreign, &statements).await?,
                    _ => tables::ask(merged, &statements).await?,
                };
                let took = begun.elapsed();
                if let Some(total) = totals.get_mut(turn) {
                    *total = found.total;
                }
                black_box(found);
                let times = classes.entry(one.class).or_default();
                if round > 0 {
                    match turn {
                        0 => times.ours.time(took),
                        1 => times.foreign.time(took),
                        _ => times.merged.time(took),
                    }
                }
            }
            let [ours, theirs, one_database] = totals;
            if ours != theirs || ours != one_database {
                let question = &one.question;
                return Err(format!("{question:?} has {ours} matches here, {theirs} and {one_database} there").into());
            }
        }
    }
    Ok(classes)
}
