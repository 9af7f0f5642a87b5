//! Which organisations and places may be the same: candidates for a person to decide. Nothing is ever merged here.
//!
//! [`Index`] holds many subjects and proposes, for one of them, those that may be the same; [`compare`] weighs two.
//! Both say why: a [`Match`] lists its [`Feature`]s.
//!
//! # How two subjects are weighed
//!
//! 1. **Identifiers decide.** The same value in one register: the same subject (score 1), unless the countries differ
//!    ([`IDENTIFIER_ABROAD`]). Different values in one register speak against it.
//! 2. Else the score is a product, so that each doubt counts: **name × generic words × kind × country × distance ×
//!    population × differing identifiers**. The name's part is the best of all pairs of names.
//!
//! The name is what is left without generic words (`Municipality`, `Prefeitura`, `GmbH`; `data/matching`). Words are
//! compared one by one, folded; a word may differ by a letter in five. A word that says where (`lès-Tours`) only agrees
//! with such. The words' weights are the square roots of their lengths, articles and the like count little. Of places,
//! a name that holds the other whole is worth a look if both are near. What only agrees transliterated counts
//! [`TRANSLITERATED`].
//!
//! Generic words are not dropped: they say what kind of thing a name names. `República` and `Município` exclude each
//! other ([`CONFLICT`]), `Prefeitura Municipal` and `Município` agree, and `Borås` against `Borås Municipality`, a
//! place against an authority, stays a question ([`ONE_SIDED`]).
//!
//! From [`SAME`] on, the suggestion is that both are the same; from [`POSSIBLE`] on, that someone should look.
//!
//! # Where the numbers come from
//!
//! They were set by hand and checked on real data, which the tests repeat: of the places of 24,428 twin-town
//! statements, 8,379 have a `GeoNames` id, and 182 pairs share one. With the ids hidden, [`POSSIBLE`] proposes 192
//! pairs, 175 of them rightly (precision 0.91, recall 0.96), and [`SAME`] 52, all rightly; without coordinates 245, of
//! which 171 (0.70, 0.94), and none as the same. The numbers were chosen with an eye on the same data, so other data
//! will do a little worse.

mod generic;
mod index;
mod names;
mod score;
mod stamp;
mod subject;

pub use index::{Index, Pair, marks};
use isopolity_proto::registry::{MatchFeature, MatchVerdict};
pub use score::{CONFLICT, COUNTRY_UNKNOWN, IDENTIFIER_ABROAD, ONE_SIDED, POSSIBLE, SAME, TRANSLITERATED, compare};
pub use stamp::{explain, is_unexplained, stamp};
pub use subject::{Subject, SubjectKind, subject};

/// The method that this module is, with its version, as match assertions keep it. Another formula or other weights are
/// another version.
pub const METHOD: &str = "isopolity-names/1";

/// What is suggested about two subjects. A person decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing that matters says that they are the same.
    Different,
    /// Someone should look.
    Possible,
    /// Everything that is known says that they are the same.
    Same,
}

/// Two subjects weighed against each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The other's name: [`Subject::name`].
    pub other: String,
    /// From 0, nothing in common, to 1, certainly the same.
    pub score: f64,
    /// What is suggested.
    pub verdict: Verdict,
    /// Why, in the order of [`crate::matching`]'s list. What is not known on either side is left out.
    pub features: Vec<Feature>,
}

/// One reason for a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// What was compared: `identifier` and the register, `name`, `generic words`, `kind`, `country`, `distance` or
    /// `population`.
    pub name: String,
    /// What came of it: 1 or 0 for equal or not, the likeness of names from 0 to 1, kilometres, or how many times
    /// larger the one population is.
    pub value: f64,
    /// The factor with which it went into the score.
    pub weight: f64,
    /// How much it speaks for the same: from -1, surely different, to 1, surely the same; 0 where it is not known.
    pub evidence: f64,
    /// The same in words, for example `"Guayaquil" and "GUAYAQUIL" agree`.
    pub remark: String,
}

impl Verdict {
    /// The same in the registry's words.
    #[must_use]
    pub fn to_message(self) -> MatchVerdict {
        match self {
            Self::Different => MatchVerdict::Different,
            Self::Possible => MatchVerdict::Possible,
            Self::Same => MatchVerdict::Same,
        }
    }
}

impl Match {
    /// Its reasons as a match assertion keeps them.
    #[must_use]
    pub fn feature_messages(&self) -> Vec<MatchFeature> {
        let message = |feature: &Feature| MatchFeature {
            name: feature.name.clone(),
            weight: feature.evidence,
            description: feature.remark.clone(),
        };
        self.features.iter().map(message).collect()
    }
}

impl Feature {
    /// A reason whose factor says how much it speaks for the same: 1 fully, 0 fully against it.
    fn known(name: impl Into<String>, value: f64, weight: f64, remark: String) -> Self {
        Self { name: name.into(), value, weight, evidence: 2.0 * weight - 1.0, remark }
    }

    /// Nothing is known, which leaves a doubt.
    fn unknown(name: &str, weight: f64, remark: &str) -> Self {
        Self { name: name.to_owned(), value: 0.0, weight, evidence: 0.0, remark: remark.to_owned() }
    }
}

#[cfg(test)]
mod tests;
