//! Our index beside PostgreSQL's full text search: the same records, the same questions, in turns.

use std::{collections::BTreeMap, hint::black_box, path::Path, time::Instant};

use isopolity_catalog::Catalog;
use isopolity_domain::{envelope::SigningKey, feed::Position};

use crate::{
    asking,
    cluster::Cluster,
    figures::{Figures, Goal, Ratio, Series},
    generate::{Asked, CITY, Class, Generator, Seal, publications, questions},
    import::runtime,
    measure::Failure,
    tables::{self, Rows},
};

/// Hits of a page.
const LIMIT: usize = 25;
/// The feed's epoch in the index.
const EPOCH: &str = "bench";
/// Publications that are indexed with one commit.
const BATCH: usize = 20_000;
/// How often our side is asked for each time that the other is, so that its 99th percentile says something.
const TIMES: usize = 10;
/// Records from which questions are made.
const SAMPLE: u64 = 4_000;

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) records: u64,
    pub(crate) seed: u64,
    pub(crate) questions: usize,
    pub(crate) rounds: usize,
    /// With real signatures.
    pub(crate) signed: bool,
}

/// One question and what was measured with it.
struct Case {
    asked: Asked,
    statements: Vec<String>,
    total: i64,
    ours: Series,
    theirs: Series,
}

/// Runs the comparison.
pub(crate) fn run(plan: Plan) -> Result<Figures, Failure> {
    let mut figures = Figures::new("local");
    figures.setting("records", plan.records);
    figures.setting("seed", plan.seed);
    figures.setting("questions of each class", plan.questions);
    figures.setting("rounds", plan.rounds);
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start()?;
    figures.version("PostgreSQL", cluster.version()?);
    let rows = cluster.path().join("rows");
    let begun = Instant::now();
    let catalog = index(folder.path(), &rows, plan)?;
    // As a node does when nothing is published for a while; the other is vacuumed.
    runtime()?.block_on(async {
        while catalog.tidy().await? {}
        Ok::<_, Failure>(())
    })?;
    figures.verdict(
        "our index was built in seconds (rows for PostgreSQL written along the way)",
        begun.elapsed().as_secs_f64(),
        None,
    );
    let mut generator = Generator::of(CITY, plan.records.min(SAMPLE), plan.seed)?;
    let asked = questions(std::iter::from_fn(move || generator.resource()), plan.seed, plan.questions);
    let cases = runtime()?.block_on(async {
        let database = cluster.connect("postgres").await?;
        let begun = Instant::now();
        tables::load(&database, &rows).await?;
        figures.verdict("PostgreSQL loaded and indexed in seconds", begun.elapsed().as_secs_f64(), None);
        measure(&catalog, &database, asked, plan).await
    })?;
    report(&mut figures, &cases, plan);
    Ok(figures)
}

/// Builds our index, and the rows for the other.
fn index(folder: &Path, rows: &Path, plan: Plan) -> Result<Catalog, Failure> {
    let catalog = Catalog::open(folder)?;
    let mut rows = Rows::new(rows)?;
    let seal = if plan.signed { Seal::Signed(Box::new(SigningKey::from_bytes(&[7; 32]))) } else { Seal::StandIn };
    let mut publications = publications(CITY, plan.records, plan.seed, EPOCH, seal)?;
    loop {
        let batch: Vec<_> = publications.by_ref().take(BATCH).collect();
        let Some(last) = batch.last() else { break };
        for publication in &batch {
            rows.push(publication)?;
        }
        catalog.apply(&batch, Position { epoch: EPOCH.to_owned(), sequence: last.sequence })?;
    }
    rows.finish()?;
    Ok(catalog)
}

async fn measure(
    catalog: &Catalog,
    database: &sea_orm::DatabaseConnection,
    asked: Vec<Asked>,
    plan: Plan,
) -> Result<Vec<Case>, Failure> {
    let mut cases = Vec::new();
    for asked in asked {
        let statements = tables::statements(&asked, LIMIT);
        // Once unmeasured: both are warm then, and must have found the same.
        let (ours, theirs) = (asking::local(catalog, &asked, LIMIT)?, tables::ask(database, &statements).await?);
        if ours.total != theirs.total || ours.names.len() != theirs.names.len() {
            let (one, two) = (ours.total, theirs.total);
            return Err(format!("{:?} has {one} matches here and {two} in PostgreSQL", asked.question).into());
        }
        cases.push(Case { asked, statements, total: ours.total, ours: Series::default(), theirs: Series::default() });
    }
    for round in 0..plan.rounds {
        for case in &mut cases {
            case.ours.round();
            case.theirs.round();
            // Who comes first changes from round to round.
            for turn in [round % 2, (round + 1) % 2] {
                if turn == 0 {
                    for _ in 0..TIMES {
                        let begun = Instant::now();
                        black_box(asking::local(catalog, &case.asked, LIMIT)?);
                        case.ours.time(begun.elapsed());
                    }
                } else {
                    let begun = Instant::now();
                    black_box(tables::ask(database, &case.statements).await?);
                    case.theirs.time(begun.elapsed());
                }
            }
        }
    }
    Ok(cases)
}

fn report(figures: &mut Figures, cases: &[Case], plan: Plan) {
    let mut classes: BTreeMap<Class, (Series, Series)> = BTreeMap::new();
    for case in cases {
        let (ours, theirs) = classes.entry(case.asked.class).or_default();
        ours.join(&case.ours);
        theirs.join(&case.theirs);
    }
    for (class, (ours, theirs)) in &classes {
        figures.compare(class.as_str(), "ms", ours, ("PostgreSQL", theirs), Ratio::TimesFaster, None);
    }
    let whole = plan.records >= 1_000_000;
    let goal = |goal: Goal| whole.then_some(goal);
    let mut ratios: Vec<f64> = cases.iter().map(|case| case.theirs.median() / case.ours.median()).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = |at: usize| ratios.get(at).copied().unwrap_or(f64::NAN);
    figures.verdict("times faster, median over the questions", ratio(ratios.len() / 2), goal(Goal::Least(100.0)));
    figures.verdict("times faster, worst question", ratio(0), goal(Goal::Least(20.0)));
    let tenth = i64::try_from(plan.records / 10).unwrap_or(i64::MAX);
    let (mut rarer, mut any) = (Series::default(), Series::default());
    for case in cases.iter().filter(|case| !case.asked.words.is_empty()) {
        any.join(&case.ours);
        if case.total < tenth && case.asked.class == Class::Rare {
            rarer.join(&case.ours);
        }
    }
    figures.verdict(
        "p99 in ms, words in fewer than a tenth of the records",
        rarer.summary().p99,
        goal(Goal::Most(10.0)),
    );
    figures.verdict("p99 in ms, any words", any.summary().p99, goal(Goal::Most(40.0)));
    let slowest = cases.iter().max_by(|one, two| one.ours.summary().p99.total_cmp(&two.ours.summary().p99));
    if let Some(slowest) = slowest {
        let (text, summary) = (&slowest.asked.question.text, slowest.ours.summary());
        figures.note(format!(
            "our slowest question was \"{text}\" ({}) with {} matches: median {:.2} ms, p99 {:.2} ms",
            slowest.asked.class.as_str(),
            slowest.total,
            summary.median,
            summary.p99
        ));
    }
}
