//! How an answer came about.

use std::time::Duration;

use isopolity_domain::{CityId, merge::Merged, text::ANALYSER};
use isopolity_proto::catalog::{CityExplanation, CityOutcome, Explanation, Outcome};

use super::{Asked, weights::Weights};
use crate::Registry;

/// How the asking went.
pub(super) struct Course<'a> {
    pub(super) weights: &'a Weights,
    pub(super) merge_took: Duration,
    pub(super) took: Duration,
}

impl Registry {
    pub(super) fn explain(&self, asked: &Asked, merged: &Merged, course: &Course<'_>) -> Explanation {
        let of_city = |outcome: &CityOutcome| {
            let city: Option<CityId> = outcome.city.parse().ok();
            let detail = city.as_ref().and_then(|city| merged.details.get(city)).cloned().unwrap_or_default();
            let digest = city.as_ref().and_then(|city| self.federation().digest_state(city));
            let age = city.as_ref().and_then(|city| course.weights.ages.get(city)).copied();
            let answered = matches!(outcome.outcome(), Outcome::Answered | Outcome::AnsweredEmpty);
            CityExplanation {
                city: outcome.city.clone(),
                routing: detail.effort.routing.into(),
                reason: if answered { String::new() } else { outcome.reason.clone() },
                digest_age: digest.as_ref().and_then(|digest| digest.age),
                digest_false_positive_rate: digest.map(|digest| digest.false_positive_rate).unwrap_or_default(),
                statistics_age: age.and_then(|age| age.try_into().ok()),
                statistics_fetched: city.is_some_and(|city| course.weights.fetched.contains(&city)),
                first_took: detail.effort.first_took.and_then(|took| took.try_into().ok()),
                took: outcome.took,
                city_took: detail.city_took.and_then(|took| took.try_into().ok()),
                bytes: i64::try_from(detail.effort.bytes).unwrap_or(i64::MAX),
                hits: i32::try_from(detail.hits_sent).unwrap_or(i32::MAX),
                calls: i32::try_from(detail.effort.calls).unwrap_or(i32::MAX),
            }
        };
        Explanation {
            analyser: ANALYSER.to_owned(),
            understood: asked.text.understood(),
            statistics: course.weights.statistics.clone(),
            cities: merged.outcomes.iter().map(of_city).collect(),
            statistics_took: course.weights.took.try_into().ok(),
            merge_took: course.merge_took.try_into().ok(),
            took: course.took.try_into().ok(),
        }
    }
}
