//! What is measured, and how it is shown.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use comfy_table::Table;
use serde::{Deserialize, Serialize};

/// Whatever went wrong: a benchmark that fails says why and ends.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A part that is measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// Import into an empty registry: validated, signed, stored, indexed.
    Import,
    /// Import of the same file into the same registry.
    Again,
    /// Ed25519 signatures alone.
    Sign,
    /// Rows of the same sizes into SQLite alone.
    Insert,
    /// The same texts into an index alone.
    Index,
    /// The real twin-town pairs.
    Cities,
}

/// What a part took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) part: Part,
    /// What was counted, in words.
    pub(crate) unit: String,
    pub(crate) count: u64,
    pub(crate) seconds: f64,
    /// The most memory that the process held, in bytes; 0 where the system does not tell.
    pub(crate) peak_bytes: u64,
}

impl Measured {
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let count = self.count as f64;
        count / self.seconds.max(f64::EPSILON)
    }
}

/// Times a part.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    pub(crate) fn stop(self, part: Part, unit: &str, count: u64) -> Measured {
        let seconds = self.elapsed().as_secs_f64();
        Measured { part, unit: unit.to_owned(), count, seconds, peak_bytes: peak() }
    }
}

/// The most memory that this process held, as Linux tells it.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// With what a part is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct With {
    /// How many records
    #[arg(long, default_value_t = 0)]
    pub(crate) records: u64,
    /// Where the generator begins
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Only the first cities
    #[arg(long)]
    pub(crate) most: Option<usize>,
    /// The file in which the cities' records are kept for their floors
    #[arg(long)]
    pub(crate) kept: Option<PathBuf>,
}

/// Runs a part in a process of its own.
pub(crate) fn in_a_process(part: Part, with: &With) -> Result<Measured, Failure> {
    let name = part.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["part", &name, "--records", &with.records.to_string(), "--seed", &with.seed.to_string()]);
    if let Some(most) = with.most {
        command.args(["--most", &most.to_string()]);
    }
    if let Some(kept) = &with.kept {
        command.arg("--kept").arg(kept);
    }
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the part {name} failed").into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Hands what was measured to the process that asked for it.
pub(crate) fn hand_over(measured: &Measured) -> Result<(), Failure> {
    writeln!(io::stdout(), "{}", serde_json::to_string(measured)?)?;
    Ok(())
}

pub(crate) fn complain(failure: &Failure) {
    // Where even standard error is closed, the exit code says it.
    drop(writeln!(io::stderr(), "isopolity-bench: {failure}"));
}

/// What was measured in one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    benchmark: &'static str,
    records: u64,
    machine: String,
    version: &'static str,
    parts: Vec<Measured>,
    /// The time that the floors need together, one after the other, for the same records, as a share of the import's time.
    /// 1 would be an import that costs nothing besides.
    share_of_floors: Option<f64>,
}

impl Report {
    pub(crate) fn new(benchmark: &'static str, records: u64) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self { benchmark, records, machine: machine(), version, parts: Vec::new(), share_of_floors: None }
    }

    pub(crate) fn add(&mut self, measured: Measured) {
        self.parts.push(measured);
    }

    pub(crate) fn compare(&mut self) {
        let of = |part: Part| self.parts.iter().find(|one| one.part == part).map(|one| one.seconds);
        if let (Some(import), Some(sign), Some(insert), Some(index)) =
            (of(Part::Import).or(of(Part::Cities)), of(Part::Sign), of(Part::Insert), of(Part::Index))
        {
            self.share_of_floors = Some((sign + insert + index) / import);
        }
    }

    pub(crate) fn print(&self, json: bool) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        if json {
            writeln!(out, "{}", serde_json::to_string_pretty(self)?)?;
            return Ok(());
        }
        let mut rows = Table::new();
        rows.set_header(["Part", "Count", "Of what", "Seconds", "A second", "Peak memory"]);
        for one in &self.parts {
            rows.add_row([
                format!("{:?}", one.part).to_lowercase(),
                one.count.to_string(),
                one.unit.clone(),
                format!("{:.2}", one.seconds),
                format!("{:.0}", one.rate()),
                format!("{} MiB", one.peak_bytes >> 20),
            ]);
        }
        writeln!(out, "{}, isopolity {}\n{rows}", self.machine, self.version)?;
        if let Some(share) = self.share_of_floors {
            writeln!(out, "The floors together need {:.0} % of the import's time.", share * 100.0)?;
        }
        Ok(())
    }
}

/// The machine in words.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    format!("{cores} cores {model}, {} {}", std::env::consts::OS, std::env::consts::ARCH)
}
