//! Measured comparisons: what we do beside what the parts that it rests on allow, in one run on one machine.
//!
//! `cargo bench -p isopolity-bench -- import` imports a generated registry and, each alone and with the same
//! records, runs the floors: signing with Ed25519, bulk inserts into SQLite, adding to a search index. `cities` imports the
//! real twin-town pairs as the registries of all their cities. Every part runs in a process of its own, so that its
//! greatest memory is its own. Numbers go to standard output as a table or as JSON.

mod cities;
mod floor;
mod generate;
mod import;
mod measure;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use measure::{Failure, Part, Report};

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
    /// Import the real twin-town pairs, each city into its own registry
    Cities {
        /// Only the first cities of the file [default: all]
        #[arg(long)]
        most: Option<usize>,
    },
    /// One part alone; the other commands start these
    #[command(hide = true)]
    Part {
        /// Which
        part: Part,
        /// How many records
        #[arg(long, default_value_t = 0)]
        records: u64,
        /// Where the generator begins
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Only the first cities
        #[arg(long)]
        most: Option<usize>,
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
            for part in [Part::Import, Part::Again, Part::Sign, Part::Insert, Part::Index] {
                report.add(measure::in_a_process(part, *records, *seed, None)?);
            }
            report.compare();
            report.print(arguments.json)
        }
        What::Cities { most } => {
            let mut report = Report::new("cities", 0);
            report.add(measure::in_a_process(Part::Cities, 0, 1, *most)?);
            report.print(arguments.json)
        }
        What::Part { part, records, seed, most } => {
            let measured = match part {
                Part::Import => import::once(*records, *seed)?,
                Part::Again => import::again(*records, *seed)?,
                Part::Sign => floor::sign(*records, *seed)?,
                Part::Insert => floor::insert(*records, *seed)?,
                Part::Index => floor::index(*records, *seed)?,
                Part::Cities => cities::all(*most)?,
            };
            measure::hand_over(&measured)
        }
    }
}
