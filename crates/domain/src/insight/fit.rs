//! Which opportunities of other cities fit those of one: what is sought against what is offered.
//!
//! | reason | points | when |
//! | --- | ---: | --- |
//! | direction | 10 | one seeks and the other offers; without it nothing fits |
//! | subject | 25 | at least one thing is both sought and offered |
//! | corridor | 20 | at least one country of origin is the same |
//! | sector | 20, 12, 6 | an economic activity is the same; one lies within the other; within a whole section of the other |
//! | side | 8 | where a side was stated, the other city lies on it, for both; and at least one stated a side |
//! | language | 7 | a language in which both answer |
//! | stage | 5 | partnerships of the two cities on this corridor in this field stand where it helps ([`stage_fit`]) |
//! | volume | 5 | both say how much it takes, in one currency, in the same band ([`amount_band`]) |
//!
//! The reasons are those by which the field looks for partners: prospective market research and match-making go by corridor,
//! sector and who seeks what (Intercultural Cities, seminar of Geneva 2013; town-twinning guidance of the UK's Local Government
//! Association: questionnaire and matching). **The weights are this project's own proposal, not measured**: what decides whether
//! two can do business (what it is about, where, and in what) is 65 of 100; what makes it easier is the rest.
//!
//! Only what is open and has not expired is compared. The order is by points, then by the other's resource name, then by the
//! own one: it does not depend on the order in which cities answered.

use std::collections::{BTreeMap, BTreeSet};

use isopolity_proto::{
    insight::{Fit, FitReason, PartnerSuggestion},
    registry::{
        Opportunity, OpportunityDirection, OpportunityStatus, OpportunitySubject, Partnership, PartnershipStage, Side,
    },
};
use time::Date;

use super::{
    activity::{Activities, Activity, Kinship},
    goes_on, holds,
};
use crate::{CityId, codes, settle::amount_band, validate::value::partial_date};

/// What the reasons count, of 100.
pub mod points {
    /// One seeks what the other offers.
    pub const DIRECTION: i32 = 10;
    /// The same thing.
    pub const SUBJECT: i32 = 25;
    /// The same country of origin.
    pub const CORRIDOR: i32 = 20;
    /// The same economic activity.
    pub const SECTOR: i32 = 20;
    /// One activity within the other.
    pub const SECTOR_WITHIN: i32 = 12;
    /// One activity within a section.
    pub const SECTOR_SECTION: i32 = 6;
    /// On the right side.
    pub const SIDE: i32 = 8;
    /// A language in common.
    pub const LANGUAGE: i32 = 7;
    /// Stages that help.
    pub const STAGE: i32 = 5;
    /// Volumes of one size.
    pub const VOLUME: i32 = 5;
}

/// An opportunity with what else is needed to compare it.
#[derive(Clone, Debug)]
pub struct Stated {
    /// The city that states it.
    pub city: CityId,
    /// The country of that city (ISO 3166-1), or empty.
    pub country: String,
    /// What it states.
    pub opportunity: Opportunity,
    activities: Vec<Activity>,
}

impl Stated {
    /// Prepares an opportunity. `None` if it is not open any more.
    #[must_use]
    pub fn open(
        city: CityId,
        country: &str,
        opportunity: Opportunity,
        activities: &mut Activities,
        today: Date,
    ) -> Option<Self> {
        let expired = partial_date(&opportunity.expire_date).is_some_and(|(_, last)| last < today);
        let open = opportunity.status() == OpportunityStatus::Open && !expired && holds(opportunity.state());
        open.then(|| Self {
            city,
            country: country.to_owned(),
            activities: activities.of_all(&opportunity.sectors),
            opportunity,
        })
    }
}

/// Why two opportunities fit, the strongest reason first. Empty: they do not.
#[must_use]
pub fn fits(own: &Stated, other: &Stated) -> Vec<Fit> {
    use OpportunityDirection::{Offers, Seeks};
    let (ours, theirs) = (&own.opportunity, &other.opportunity);
    let direction = match (ours.direction(), theirs.direction()) {
        (Seeks, Offers) => format!("{} seeks what {} offers", own.city, other.city),
        (Offers, Seeks) => format!("{} offers what {} seeks", own.city, other.city),
        _ => return Vec::new(),
    };
    let found = [
        Some(fit(FitReason::Direction, points::DIRECTION, direction)),
        subject(ours, theirs),
        corridor(ours, theirs),
        sector(own, other),
        side(own, other),
        language(ours, theirs),
        volume(ours, theirs),
    ];
    let mut fits: Vec<Fit> = found.into_iter().flatten().collect();
    strongest_first(&mut fits);
    fits
}

/// How well two opportunities fit: the sum of the reasons.
#[must_use]
pub fn sum(fits: &[Fit]) -> i32 {
    fits.iter().map(|fit| fit.points).sum()
}

/// Every pair that fits by at least so many points, the best first, at most so many.
#[must_use]
pub fn suggest(own: &[Stated], others: &[Stated], least: i32, most: usize) -> Vec<PartnerSuggestion> {
    let mut found: Vec<PartnerSuggestion> = Vec::new();
    for ours in own {
        for theirs in others.iter().filter(|theirs| theirs.city != ours.city) {
            let fits = fits(ours, theirs);
            let points = sum(&fits);
            if fits.is_empty() || points < least {
                continue;
            }
            found.push(PartnerSuggestion {
                opportunity: ours.opportunity.name.clone(),
                other_opportunity: theirs.opportunity.name.clone(),
                city: theirs.city.to_string(),
                titles: theirs.opportunity.titles.clone(),
                points,
                fits,
                open_cooperations: Vec::new(),
            });
        }
        // So that many pairs do not all wait in memory for the last.
        if found.len() > most.saturating_mul(4) {
            best(&mut found, most);
        }
    }
    best(&mut found, most);
    found
}

/// Brings suggestions into their order and keeps the first.
pub fn best(suggestions: &mut Vec<PartnerSuggestion>, most: usize) {
    suggestions.sort_by(|one, other| {
        (other.points, &one.other_opportunity, &one.opportunity).cmp(&(
            one.points,
            &other.other_opportunity,
            &other.opportunity,
        ))
    });
    suggestions.truncate(most);
}

/// Adds a reason to a suggestion that has none of its kind.
pub fn add(suggestion: &mut PartnerSuggestion, reason: Fit) {
    if suggestion.fits.iter().all(|fit| fit.reason != reason.reason) {
        suggestion.points += reason.points;
        suggestion.fits.push(reason);
        strongest_first(&mut suggestion.fits);
    }
}

/// Whether partnerships of two cities stand where it helps: on a country of origin of both opportunities and in an activity of
/// one of them, one city has launched a partnership and the other still prepares one, so that experience meets need; or both look
/// for partners just now.
#[must_use]
pub fn stage_fit(
    own: &Stated,
    other: &Stated,
    ours: &[Partnership],
    theirs: &[Partnership],
    activities: &mut Activities,
) -> Option<Fit> {
    use PartnershipStage::{Launch, PartnerSearch, Unspecified};
    let corridor = shared(&own.opportunity.countries, &other.opportunity.countries);
    let mut furthest = |partnerships: &[Partnership]| {
        let on_corridor = partnerships.iter().filter(|partnership| {
            goes_on(partnership) && partnership.origin_countries.iter().any(|country| corridor.contains(country))
        });
        let wanted = [&own.activities, &other.activities];
        let in_field = on_corridor.filter(|partnership| {
            let mine = activities.of_all(&partnership.sectors);
            let mut pairs =
                wanted.iter().flat_map(|all| all.iter()).flat_map(|want| mine.iter().map(move |is| (want, is)));
            pairs.any(|(want, is)| want.kinship(is) >= Some(Kinship::Within))
        });
        in_field.map(Partnership::stage).filter(|stage| *stage != Unspecified).max()
    };
    let (here, there) = (furthest(ours)?, furthest(theirs)?);
    let helps = (here >= Launch) != (there >= Launch) || (here == PartnerSearch && there == PartnerSearch);
    helps.then(|| {
        let text = format!("{} stands at {}, {} at {}", own.city, stage_word(here), other.city, stage_word(there));
        fit(FitReason::Stage, points::STAGE, text)
    })
}

fn fit(reason: FitReason, points: i32, explanation: String) -> Fit {
    Fit { reason: reason.into(), points, explanation }
}

fn strongest_first(fits: &mut [Fit]) {
    fits.sort_by_key(|fit| (-fit.points, fit.reason));
}

fn subject(ours: &Opportunity, theirs: &Opportunity) -> Option<Fit> {
    let theirs: BTreeSet<OpportunitySubject> = theirs.subjects().collect();
    let both: BTreeSet<OpportunitySubject> =
        ours.subjects().filter(|one| *one != OpportunitySubject::Unspecified && theirs.contains(one)).collect();
    let words: Vec<String> = both.into_iter().map(subject_word).collect();
    (!words.is_empty()).then(|| fit(FitReason::Subject, points::SUBJECT, format!("both about {}", words.join(", "))))
}

fn corridor(ours: &Opportunity, theirs: &Opportunity) -> Option<Fit> {
    let both = shared(&ours.countries, &theirs.countries);
    let names: Vec<&str> =
        both.into_iter().map(|code| codes::country_name(code, "en").unwrap_or(code.as_str())).collect();
    (!names.is_empty())
        .then(|| fit(FitReason::Corridor, points::CORRIDOR, format!("both concern {}", names.join(", "))))
}

fn sector(own: &Stated, other: &Stated) -> Option<Fit> {
    let pairs = own.activities.iter().flat_map(|one| other.activities.iter().map(move |two| (one, two)));
    let related = pairs.filter_map(|(one, two)| Some((one.kinship(two)?, one, two)));
    // The nearest; of equals the first by what is read, so that the order of sectors makes no difference.
    let (kinship, one, two) = related.max_by(|left, right| {
        left.0.cmp(&right.0).then_with(|| (right.1.label(), right.2.label()).cmp(&(left.1.label(), left.2.label())))
    })?;
    let (points, text) = match kinship {
        Kinship::Same => (points::SECTOR, one.label()),
        Kinship::Within => {
            (points::SECTOR_WITHIN, format!("{} and {}, one within the other", one.label(), two.label()))
        }
        Kinship::WithinSection => {
            (points::SECTOR_SECTION, format!("{} and {}, in one section", one.label(), two.label()))
        }
    };
    Some(fit(FitReason::Sector, points, text))
}

fn side(own: &Stated, other: &Stated) -> Option<Fit> {
    let (mine, theirs) = (lies_on_side(own, other), lies_on_side(other, own));
    let fine = |stated: Option<bool>| stated != Some(false);
    if (mine.is_none() && theirs.is_none()) || !fine(mine) || !fine(theirs) {
        return None;
    }
    let mut found = Vec::new();
    if mine == Some(true) {
        found.push(format!("{} lies in {}, where {} looks", other.city, other.country, own.city));
    }
    if theirs == Some(true) {
        found.push(format!("{} lies in {}, where {} looks", own.city, own.country, other.city));
    }
    Some(fit(FitReason::Side, points::SIDE, found.join("; ")))
}

/// Whether the other city lies on the side on which this one looks for a counterpart. `None`: it looks on either, or it is not
/// known where the other lies.
fn lies_on_side(seeker: &Stated, other: &Stated) -> Option<bool> {
    if other.country.is_empty() {
        return None;
    }
    let in_origin = seeker.opportunity.countries.contains(&other.country);
    match seeker.opportunity.counterpart_side() {
        Side::Unspecified => None,
        Side::Origin => Some(in_origin),
        Side::Destination => Some(!in_origin),
        Side::Third => Some(!in_origin && other.country != seeker.country),
    }
}

fn language(ours: &Opportunity, theirs: &Opportunity) -> Option<Fit> {
    let spoken = |opportunity: &Opportunity| -> BTreeSet<String> {
        let tags = opportunity.languages.iter();
        tags.filter_map(|tag| Some(tag.split('-').next()?.to_lowercase())).filter(|tag| !tag.is_empty()).collect()
    };
    let both: Vec<String> = spoken(ours).intersection(&spoken(theirs)).cloned().collect();
    (!both.is_empty())
        .then(|| fit(FitReason::Language, points::LANGUAGE, format!("both answer in {}", both.join(", "))))
}

fn volume(ours: &Opportunity, theirs: &Opportunity) -> Option<Fit> {
    let (one, other) = (ours.volume.as_ref()?, theirs.volume.as_ref()?);
    let (first, second) = (amount_band(&one.amount)?, amount_band(&other.amount)?);
    (first == second && one.currency_code == other.currency_code).then(|| {
        let text = format!("{} {} and {} are of one size", one.currency_code, one.amount, other.amount);
        fit(FitReason::Volume, points::VOLUME, text)
    })
}

fn shared<'a>(one: &'a [String], other: &[String]) -> BTreeSet<&'a String> {
    one.iter().filter(|value| other.contains(value)).collect()
}

fn subject_word(subject: OpportunitySubject) -> String {
    subject.as_str_name().trim_start_matches("OPPORTUNITY_SUBJECT_").to_lowercase().replace('_', " ")
}

fn stage_word(stage: PartnershipStage) -> String {
    stage.as_str_name().trim_start_matches("PARTNERSHIP_STAGE_").to_lowercase().replace('_', " ")
}

/// The opportunities of a city by their names, to find again what a suggestion names.
#[must_use]
pub fn by_name(stated: &[Stated]) -> BTreeMap<&str, &Stated> {
    stated.iter().map(|one| (one.opportunity.name.as_str(), one)).collect()
}

#[cfg(test)]
mod tests;
