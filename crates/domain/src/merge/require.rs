//! Whether an answer is enough for who asked.

use std::fmt;

use isopolity_proto::catalog::{CityOutcome, Outcome, PartialResponse, partial_response::Accept};

use super::{Merged, in_full};

/// Fewer cities answered than the caller requires.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Insufficient {
    /// What was required, as a sentence without its end.
    pub required: String,
    /// Who is missing and why, each as a sentence without its end.
    pub missing: Vec<String>,
}

impl fmt::Display for Insufficient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        let shown: Vec<&str> = self.missing.iter().take(SHOWN).map(String::as_str).collect();
        write!(formatter, "{}: {}", self.required, shown.join(", "))?;
        match self.missing.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(formatter, " and {more} more"),
        }
    }
}

/// Checks whether the cities that the caller requires answered. A city that was not selected is never required, unless
/// by name.
///
/// # Errors
/// [`Insufficient`] with who is missing.
pub fn require(merged: &Merged, partial_response: Option<&PartialResponse>) -> Result<(), Insufficient> {
    let accept = partial_response.and_then(|partial_response| partial_response.accept.as_ref());
    let own = merged.outcomes.iter().take(1);
    let selected = || merged.outcomes.iter().filter(|city| city.outcome() != Outcome::NotAsked);
    let not_in_full = || selected().filter(|city| !in_full(city.outcome())).map(words);
    let (required, missing): (_, Vec<String>) = match accept {
        None | Some(Accept::BestEffort(_)) => {
            let silent = |city: &&CityOutcome| {
                !matches!(city.outcome(), Outcome::Partial | Outcome::NotAsked) && !in_full(city.outcome())
            };
            ("this city itself must answer".to_owned(), own.filter(silent).map(words).collect())
        }
        Some(Accept::All(_)) => ("every selected city must answer in full".to_owned(), not_in_full().collect()),
        Some(Accept::AtLeast(least)) => {
            let required = format!("at least {least} cities, this one among them, must answer in full");
            let answered = selected().filter(|city| in_full(city.outcome())).count();
            let own_in_full = own.clone().all(|city| in_full(city.outcome()) || city.outcome() == Outcome::NotAsked);
            if own_in_full && usize::try_from(*least).is_ok_and(|least| answered >= least) {
                return Ok(());
            }
            let count = std::iter::once(format!("{answered} did"));
            (required, count.chain(not_in_full()).collect())
        }
        Some(Accept::Named(named)) => {
            let missing = |wanted: &String| match merged.outcomes.iter().find(|city| city.city == *wanted) {
                None => Some(format!("{wanted} is not a member of the federation")),
                Some(city) => (!in_full(city.outcome())).then(|| words(city)),
            };
            ("the named cities must answer in full".to_owned(), named.cities.iter().filter_map(missing).collect())
        }
    };
    if missing.is_empty() { Ok(()) } else { Err(Insufficient { required, missing }) }
}

fn words(city: &CityOutcome) -> String {
    let what = match city.outcome() {
        Outcome::Answered | Outcome::AnsweredEmpty => "answered",
        Outcome::Partial => "answered in part",
        Outcome::FromReplica => "did not answer and is shown from a replica",
        Outcome::RuledOut => "was ruled out by its digest",
        Outcome::NotAsked => "was not asked",
        Outcome::Refused => "refused",
        Outcome::TimedOut => "did not answer in time",
        Outcome::Unreachable => "was not reachable",
        Outcome::Suspended => "is suspended",
        Outcome::Incompatible => "speaks another version of the protocol",
        Outcome::Invalid | Outcome::Unspecified => "broke the protocol",
    };
    format!("{} {what}", city.city)
}
