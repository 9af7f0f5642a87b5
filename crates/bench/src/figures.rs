//! Figures: what was measured beside what, how they spread, and whether the goal was reached.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::PathBuf,
    time::Duration,
};

use comfy_table::Table;
use serde::Serialize;
use serde_json::Value;

use crate::measure::{Failure, machine};

/// Values of one thing, round by round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    rounds: Vec<Vec<f64>>,
}

impl Series {
    /// Begins a round.
    pub(crate) fn round(&mut self) {
        self.rounds.push(Vec::new());
    }

    /// Adds a value to the present round.
    pub(crate) fn push(&mut self, value: f64) {
        match self.rounds.last_mut() {
            Some(round) => round.push(value),
            None => self.rounds.push(vec![value]),
        }
    }

    /// Adds a time in milliseconds.
    pub(crate) fn time(&mut self, took: Duration) {
        self.push(took.as_secs_f64() * 1e3);
    }

    /// The values of another series, added round by round.
    pub(crate) fn join(&mut self, other: &Self) {
        for (at, round) in other.rounds.iter().enumerate() {
            match self.rounds.get_mut(at) {
                Some(mine) => mine.extend(round),
                None => self.rounds.push(round.clone()),
            }
        }
    }

    pub(crate) fn median(&self) -> f64 {
        quantile(&self.all(), 0.5)
    }

    pub(crate) fn summary(&self) -> Summary {
        let all = self.all();
        let medians: Vec<f64> =
            self.rounds.iter().filter(|round| !round.is_empty()).map(|round| quantile(&sorted(round), 0.5)).collect();
        let medians = sorted(&medians);
        Summary {
            median: quantile(&all, 0.5),
            p99: quantile(&all, 0.99),
            least: quantile(&all, 0.0),
            most: quantile(&all, 1.0),
            lowest_round: quantile(&medians, 0.0),
            highest_round: quantile(&medians, 1.0),
            values: all.len(),
            rounds: medians.len(),
        }
    }

    fn all(&self) -> Vec<f64> {
        sorted(&self.rounds.concat())
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The value below which this share of them lies; the nearest that occurs.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list of values"
    )]
    let at = ((sorted.len().max(1) - 1) as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// What a series comes to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) p99: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    /// The lowest and the highest median of a round: how far the machine's mood moved it.
    pub(crate) lowest_round: f64,
    pub(crate) highest_round: f64,
    pub(crate) values: usize,
    pub(crate) rounds: usize,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// At least.
    Least(f64),
    /// At most.
    Most(f64),
}

impl Goal {
    fn met(self, value: f64) -> bool {
        match self {
            Self::Least(least) => value >= least,
            Self::Most(most) => value <= most,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Least(least) => format!("≥ {least}"),
            Self::Most(most) => format!("≤ {most}"),
        }
    }
}

/// One line of a report.
#[derive(Debug, Serialize)]
struct Line {
    what: String,
    unit: &'static str,
    ours: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<Beside>,
    /// By how many times it is quicker, or what else `of` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Beside {
    what: String,
    #[serde(flatten)]
    figures: Summary,
}

/// A goal for one number.
#[derive(Debug, Serialize)]
struct Verdict {
    what: String,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

/// What one run measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    benchmark: &'static str,
    /// What the reader must know to judge the figures.
    notes: Vec<String>,
    machine: String,
    versions: BTreeMap<String, String>,
    settings: BTreeMap<&'static str, Value>,
    lines: Vec<Line>,
    verdicts: Vec<Verdict>,
}

impl Figures {
    pub(crate) fn new(benchmark: &'static str) -> Self {
        let built = if cfg!(debug_assertions) { " (not optimised: figures mean nothing)" } else { "" };
        let versions = BTreeMap::from([("isopolity".to_owned(), format!("{}{built}", env!("CARGO_PKG_VERSION")))]);
        Self {
            benchmark,
            notes: Vec::new(),
            machine: machine(),
            versions,
            settings: BTreeMap::new(),
            lines: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(crate) fn version(&mut self, of: &str, version: impl Into<String>) {
        self.versions.insert(of.to_owned(), version.into());
    }

    pub(crate) fn setting(&mut self, name: &'static str, value: impl Into<Value>) {
        self.settings.insert(name, value.into());
    }

    /// A figure with nothing beside it.
    pub(crate) fn alone(&mut self, what: impl Into<String>, unit: &'static str, ours: &Series) {
        let line = Line {
            what: what.into(),
            unit,
            ours: ours.summary(),
            beside: None,
            ratio: None,
            of: None,
            goal: None,
            met: None,
        };
        self.lines.push(line);
    }

    /// Two figures beside each other; `of` says what the ratio is of.
    pub(crate) fn compare(
        &mut self,
        what: impl Into<String>,
        unit: &'static str,
        ours: &Series,
        (other, beside): (&str, &Series),
        ratio: Ratio,
        goal: Option<Goal>,
    ) {
        let (mine, theirs) = (ours.summary(), beside.summary());
        let (value, of) = match ratio {
            Ratio::TimesFaster => (theirs.median / mine.median, "its median by ours"),
            Ratio::Share => (mine.median / theirs.median, "our median by its"),
        };
        self.lines.push(Line {
            what: what.into(),
            unit,
            ours: mine,
            beside: Some(Beside { what: other.to_owned(), figures: theirs }),
            ratio: Some(value),
            of: Some(of),
            goal: goal.map(Goal::text),
            met: goal.map(|goal| goal.met(value)),
        });
    }

    /// One number with or without a goal.
    pub(crate) fn verdict(&mut self, what: impl Into<String>, value: f64, goal: Option<Goal>) {
        self.verdicts.push(Verdict {
            what: what.into(),
            value,
            goal: goal.map(Goal::text),
            met: goal.map(|goal| goal.met(value)),
        });
    }

    /// Prints a table, or JSON, and writes the JSON to a file beside the build.
    pub(crate) fn finish(&self, json: bool) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self)?;
        let file = self.file()?;
        fs::write(&file, &text)?;
        let mut out = io::stdout().lock();
        if json {
            writeln!(out, "{text}")?;
            return Ok(());
        }
        let mut rows = Table::new();
        rows.set_header([
            "What", "Unit", "Ours", "p99", "Rounds", "Beside", "Median", "p99", "Rounds", "Ratio", "Goal",
        ]);
        for line in &self.lines {
            let rounds = |one: &Summary| format!("{}–{}", short(one.lowest_round), short(one.highest_round));
            let beside = line.beside.as_ref();
            let of_beside =
                |show: &dyn Fn(&Summary) -> String| beside.map(|beside| show(&beside.figures)).unwrap_or_default();
            rows.add_row([
                line.what.clone(),
                line.unit.to_owned(),
                short(line.ours.median),
                short(line.ours.p99),
                rounds(&line.ours),
                beside.map(|beside| beside.what.clone()).unwrap_or_default(),
                of_beside(&|one| short(one.median)),
                of_beside(&|one| short(one.p99)),
                of_beside(&rounds),
                line.ratio.map(short).unwrap_or_default(),
                judged(line.goal.as_deref(), line.met),
            ]);
        }
        let versions: Vec<String> = self.versions.iter().map(|(of, version)| format!("{of} {version}")).collect();
        let settings: Vec<String> = self.settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
        writeln!(out, "{}\n{}\n{}", self.machine, versions.join(", "), settings.join(", "))?;
        for note in &self.notes {
            writeln!(out, "Note: {note}.")?;
        }
        if !self.lines.is_empty() {
            writeln!(out, "{rows}")?;
        }
        for one in &self.verdicts {
            writeln!(out, "{}: {} {}", one.what, short(one.value), judged(one.goal.as_deref(), one.met))?;
        }
        writeln!(out, "Written to {}", file.display())?;
        Ok(())
    }

    fn file(&self) -> Result<PathBuf, Failure> {
        let folder = build_folder()?.join("bench");
        fs::create_dir_all(&folder)?;
        Ok(folder.join(format!("{}.json", self.benchmark)))
    }
}

/// What a ratio is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ratio {
    /// The other's median by ours.
    TimesFaster,
    /// Our median by the other's.
    Share,
}

/// The folder of the build, where files that may be deleted go.
pub(crate) fn build_folder() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    // …/release/deps/program
    Ok(program.ancestors().nth(3).ok_or("the program does not lie in a folder of a build")?.to_owned())
}

fn judged(goal: Option<&str>, met: Option<bool>) -> String {
    match (goal, met) {
        (Some(goal), Some(true)) => format!("{goal}: reached"),
        (Some(goal), _) => format!("{goal}: MISSED"),
        _ => String::new(),
    }
}

fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 1_000.0 => format!("{value:.0}"),
        some if some >= 10.0 => format!("{value:.1}"),
        few if few >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_knows_its_median_its_worst_and_how_its_rounds_differ() {
        let mut series = Series::default();
        for round in [[1.0, 2.0, 3.0], [2.0, 4.0, 90.0]] {
            series.round();
            for value in round {
                series.push(value);
            }
        }
        let summary = series.summary();
        assert!((summary.lowest_round - 2.0).abs() < 1e-9 && (summary.highest_round - 4.0).abs() < 1e-9);
        assert!((summary.most - 90.0).abs() < 1e-9 && (summary.median - 3.0).abs() < 1e-9, "{summary:?}");
        assert_eq!((summary.values, summary.rounds), (6, 2));
    }

    #[test]
    fn a_goal_is_reached_at_its_limit() {
        assert!(Goal::Least(2.0).met(2.0) && !Goal::Least(2.0).met(1.9));
        assert!(Goal::Most(2.0).met(2.0) && !Goal::Most(2.0).met(2.1));
    }
}
