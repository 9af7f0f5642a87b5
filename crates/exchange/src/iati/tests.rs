//! What a reader of files of activities may rely on.

mod fixtures;
mod hard;

use super::activity::Activities;
use crate::row::Flaw;

/// The flaws of each activity of a file, and of what else is wrong with it.
fn flaws_of(file: &[u8]) -> Vec<Vec<Flaw>> {
    Activities::new(file).map(|judged| judged.outcome.err().unwrap_or_default()).collect()
}

/// The flaws of a file as a person reads them.
fn reasons_of(file: &[u8]) -> Vec<String> {
    let line = |flaw: Flaw| format!("{} [character {}] {}", flaw.column, flaw.character, flaw.description);
    flaws_of(file).into_iter().flatten().map(line).collect()
}
