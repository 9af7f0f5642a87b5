//! Measured comparisons: what we do beside what others do, or what the parts allow that it rests on, in one run on one
//! machine.
//!
//! One command runs each: `cargo bench -p isopolity-bench -- NAME [options]`. Figures go to standard output as a table or, with
//! `--json`, as JSON; the comparisons of search also write `bench/NAME.json` in the folder of the build. Who is measured and who
//! stands beside take turns, so that the machine's mood meets both.
//!
//! | name | what is measured | beside | module |
//! | --- | --- | --- | --- |
//! | `import` | import of a generated registry | its floors: Ed25519, SQLite, a bare index | `import`, `floor` |
//! | `cities` | import of the real twin-town pairs, each city into its own registry | the same floors | `cities`, `floor` |
//! | `local` | search in one index | PostgreSQL's full text search over the same records | `local` |
//! | `postgres` | a federated question | `postgres_fdw` over as many databases, and one database | `foreign` |
//! | `graphql` | a federated question | a GraphQL gateway over the same nodes | `gateway` |
//! | `federation` | a federated question | the same question to each city directly | `federation` |
//! | `get-record` | reading records over TLS | an echo of the same size | `record` |
//! | `long` | merging many long answers: the memory that it takes | | `long` |
//! | `overload` | answers when ten times too much is asked, and a peer beside one that asks without end | the peak; the peer alone | `overload` |
//! | `simulation` | a thousand cities with the delays of networks | the same without digests | `simulation` |
//!
//! `generate` makes registries and questions from a seed, `nodes` and `delay` run them, `cluster` and `tables` are PostgreSQL,
//! `asking` is the one place that calls what is measured, `measure` and `figures` show what came of it.

mod asking;
mod cities;
mod cluster;
mod delay;
mod federation;
mod figures;
mod floor;
mod foreign;
mod gateway;
mod generate;
mod import;
mod local;
mod long;
mod measure;
mod nodes;
mod overload;
mod record;
mod simulation;
mod tables;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use floor::Records;
use measure::{Failure, Part, Report, With};

#[derive(Debug, Parser)]
#[command(name = "isopolity-bench", arg_required_else_help = true)]
struct Arguments {
    /// Print JSON instead of a table
    #[arg(long, global = true)]
    json: bool,
    /// Cargo says so to every benchmark
    #[arg(long, global = true, hide = true)]
    bench: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Import a generated registry, beside its floors
    Import {
        /// How many records
        #[arg(long, default_value_t = 100_000)]
        records: u64,
        /// Where the generator begins: the same seed gives the same registry
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Import the real twin-town pairs, each city into its own registry, beside the floors
    Cities {
        /// Only the first cities of the file [default: all]
        #[arg(long)]
        most: Option<usize>,
    },
    /// Search in one index, beside PostgreSQL's full text search over the same records
    Local {
        /// How many records
        #[arg(long, default_value_t = 100_000)]
        records: u64,
        /// Where the generator begins
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many questions of each class
        #[arg(long, default_value_t = 3)]
        questions: usize,
        /// How many times all of them
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Sign and project the records as a registry does, which takes longer
        #[arg(long)]
        signed: bool,
    },
    /// The federation, beside PostgreSQL's foreign tables over as many databases, and one database
    Postgres(federation::Size),
    /// The federation, beside a GraphQL gateway over the same nodes
    Graphql(federation::Size),
    /// The federation, beside the same questions to each city directly
    Federation {
        /// How many cities
        #[arg(long, value_delimiter = ',', default_value = "2,8,32")]
        cities: Vec<usize>,
        /// How many records each of them has
        #[arg(long, default_value_t = 10_000)]
        records: u64,
        /// Where the generator begins
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many questions of each class
        #[arg(long, default_value_t = 2)]
        questions: usize,
        /// How many times all of them
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// Merge many long answers, and see what the asking side holds
    Long {
        /// How many cities
        #[arg(long, default_value_t = 32)]
        cities: usize,
        /// How many hits of each
        #[arg(long, default_value_t = 100_000)]
        hits: usize,
        /// The text of each record, in bytes
        #[arg(long, default_value_t = 600)]
        text: usize,
    },
    /// A thousand cities with the delays of networks, with and without digests
    Simulation {
        /// How many cities
        #[arg(long, default_value_t = 1_000)]
        cities: usize,
        /// How many records each of them has
        #[arg(long, default_value_t = 200)]
        records: u64,
        /// Where the generator begins
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many questions of each class
        #[arg(long, default_value_t = 3)]
        questions: usize,
        /// How many times all of them
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// Reading records over TLS, beside a bare echo of the same size
    GetRecord {
        /// How many records
        #[arg(long, default_value_t = 10_000)]
        records: u64,
        /// Where the generator begins
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many calls are under way at once
        #[arg(long, default_value_t = 64)]
        at_once: usize,
        /// Over how many connections
        #[arg(long, default_value_t = 4)]
        connections: usize,
        /// How many rounds of each
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// How many seconds a round takes
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
    },
    /// More than a node can do, beside what it does at its peak
    Overload {
        /// How many records
        #[arg(long, default_value_t = 10_000)]
        records: u64,
        /// Where the generator begins
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many rounds of each
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// How many seconds a round takes
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
    },
    /// One part alone; the other commands start these
    #[command(hide = true)]
    Part {
        /// Which
        part: Part,
        #[command(flatten)]
        with: With,
    },
}

/// Runs what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            measure::complain(&failure);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.what {
        What::Import { records, seed } => {
            let mut report = Report::new("import", *records);
            let with = With { records: *records, seed: *seed, most: None, kept: None };
            for part in [Part::Import, Part::Again, Part::Sign, Part::Insert, Part::Index] {
                report.add(measure::in_a_process(part, &with)?);
            }
            report.compare();
            report.print(arguments.json)
        }
        What::Cities { most } => {
            let mut report = Report::new("cities", 0);
            let folder = tempfile::tempdir()?;
            let with = With { records: 0, seed: 1, most: *most, kept: Some(folder.path().join("agreements.jsonl")) };
            for part in [Part::Cities, Part::Sign, Part::Insert, Part::Index] {
                report.add(measure::in_a_process(part, &with)?);
            }
            report.compare();
            report.print(arguments.json)
        }
        What::Local { records, seed, questions, rounds, signed } => {
            let (records, seed, signed) = (*records, *seed, *signed);
            let plan = local::Plan { records, seed, questions: *questions, rounds: *rounds, signed };
            local::run(plan)?.finish(arguments.json)
        }
        What::Postgres(size) => foreign::run(*size)?.finish(arguments.json),
        What::Graphql(size) => gateway::run(*size)?.finish(arguments.json),
        What::Federation { cities, records, seed, questions, rounds } => {
            let (cities, records, seed) = (cities.clone(), *records, *seed);
            let plan = federation::Plan { cities, records, seed, questions: *questions, rounds: *rounds };
            federation::run(&plan)?.finish(arguments.json)
        }
        What::Long { cities, hits, text } => {
            long::run(long::Plan { cities: *cities, hits: *hits, text: *text })?.finish(arguments.json)
        }
        What::Simulation { cities, records, seed, questions, rounds } => {
            let (cities, records, seed) = (*cities, *records, *seed);
            let plan = simulation::Plan { cities, records, seed, questions: *questions, rounds: *rounds };
            simulation::run(plan)?.finish(arguments.json)
        }
        What::GetRecord { records, seed, at_once, connections, rounds, seconds } => {
            let (at_once, connections, rounds, seconds) = (*at_once, *connections, *rounds, *seconds);
            let plan = record::Plan { records: *records, seed: *seed, at_once, connections, rounds, seconds };
            record::run(plan)?.finish(arguments.json)
        }
        What::Overload { records, seed, rounds, seconds } => {
            let (records, seed, rounds, seconds) = (*records, *seed, *rounds, *seconds);
            overload::run(overload::Plan { records, seed, rounds, seconds })?.finish(arguments.json)
        }
        What::Part { part, with } => {
            let With { records, seed, most, kept } = with;
            let (records, seed) = (*records, *seed);
            let floor = match kept {
                Some(file) => Records::Kept(file),
                None => Records::Generated { records, seed },
            };
            let measured = match part {
                Part::Import => import::once(records, seed)?,
                Part::Again => import::again(records, seed)?,
                Part::Sign => floor::sign(floor)?,
                Part::Insert => floor::insert(floor)?,
                Part::Index => floor::index(floor)?,
                Part::Cities => cities::all(*most, kept.as_deref())?,
            };
            measure::hand_over(&measured)
        }
    }
}
