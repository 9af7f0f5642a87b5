//! Answers by reading every record, written apart from the index.

use std::{cmp::Ordering, collections::BTreeSet};

use isopolity_domain::{
    answer::{NO_START, SortKey},
    codes,
    project::project,
    query::{self, Clause, Scope, What},
    text::{fold, words},
};
use isopolity_proto::{
    federation::{OpenConditions, Question, SearchOrder, SectorPrefix},
    options::{Audience, Facet},
    registry::{Partnership, PartnershipStage},
    to_dynamic,
    types::{LocalizedText, Place, Sector, SectorScheme},
};
use time::{Date, Duration, Month, OffsetDateTime};

use super::dice::Records;

/// A record as somebody sees it.
pub(in crate::tests) struct Seen {
    pub(super) name: String,
    pub(super) partnership: Partnership,
    /// The words of each text.
    pub(super) title: Vec<Vec<String>>,
    pub(super) body: Vec<Vec<String>>,
}

pub(in crate::tests) fn seen(all: &Records, clearance: Audience) -> Vec<Seen> {
    let of = |texts: &[LocalizedText]| texts.iter().map(|one| words(&one.text)).collect::<Vec<_>>();
    all.iter()
        .filter(|(_, (ceiling, _))| *ceiling <= clearance)
        .map(|(name, (_, partnership))| {
            let mut view = to_dynamic(partnership);
            project(&mut view, clearance);
            let partnership: Partnership = view.transcode_to().unwrap();
            let (title, mut body) = (of(&partnership.titles), of(&partnership.summaries));
            body.extend(of(&partnership.lessons));
            places(&partnership).for_each(|place| body.extend(of(&place.names)));
            Seen { name: name.clone(), partnership, title, body }
        })
        .collect()
}

fn places(partnership: &Partnership) -> impl Iterator<Item = &Place> {
    partnership.ends.iter().filter_map(|end| end.place.as_ref())
}

impl Seen {
    fn kind(&self) -> &'static str {
        if self.name.contains("/organizations/") { "organization" } else { "partnership" }
    }

    pub(super) fn city(&self) -> &str {
        self.name.split('/').nth(1).unwrap()
    }

    fn regions(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for region in places(&self.partnership).map(|place| place.subdivision.as_str()) {
            if region.contains('-') {
                all.insert(region.to_owned());
            } else {
                all.extend((2..=region.len()).map(|end| region[..end].to_owned()));
            }
        }
        all
    }

    fn sdgs(&self) -> BTreeSet<String> {
        let Partnership { sdg_goals, sdg_targets, .. } = &self.partnership;
        let goals = sdg_targets.iter().map(|target| target.split('.').next().unwrap());
        sdg_goals.iter().chain(sdg_targets).map(String::as_str).chain(goals).map(str::to_owned).collect()
    }

    fn languages(&self) -> BTreeSet<String> {
        let Partnership { titles, summaries, lessons, .. } = &self.partnership;
        let names = places(&self.partnership).flat_map(|place| &place.names);
        let texts = titles.iter().chain(summaries).chain(lessons).chain(names);
        let mut all = BTreeSet::new();
        for tag in texts.map(|text| &text.language) {
            all.extend(tag.match_indices('-').map(|(end, _)| tag[..end].to_owned()));
            all.insert(tag.clone());
        }
        all
    }

    fn roles(&self) -> BTreeSet<i32> {
        self.partnership.participants.iter().flat_map(|one| one.roles.iter().copied()).collect()
    }

    /// First and last day of its own time.
    fn days(&self) -> (Option<Date>, Option<Date>) {
        let of = |period: &Option<isopolity_proto::types::Period>| match period {
            None => (None, None),
            Some(period) => (first(&period.start_date), last(&period.end_date)),
        };
        match of(&self.partnership.actual_period) {
            (None, None) => of(&self.partnership.planned_period),
            own => own,
        }
    }

    fn values(&self, facet: Facet) -> BTreeSet<String> {
        let texts = |values: &[String]| values.iter().cloned().collect();
        match facet {
            Facet::Kind => [self.kind().to_owned()].into(),
            Facet::City => [self.city().to_owned()].into(),
            Facet::OriginCountry => texts(&self.partnership.origin_countries),
            Facet::Country => places(&self.partnership).map(|place| place.country.clone()).collect(),
            Facet::Region => self.regions(),
            Facet::Language => self.languages(),
            Facet::Sdg => self.sdgs(),
            Facet::Stage => match self.partnership.stage() {
                PartnershipStage::Unspecified => BTreeSet::new(),
                stage => [stage.as_str_name().replace("PARTNERSHIP_STAGE_", "")].into(),
            },
            Facet::Role => self
                .roles()
                .into_iter()
                .map(|role| match role {
                    1 => "INITIATOR".to_owned(),
                    2 => "HOST_AUTHORITY".to_owned(),
                    3 => "COUNTERPART_AUTHORITY".to_owned(),
                    other => other.to_string(),
                })
                .collect(),
            Facet::OpenCondition => self.partnership.open_conditions.iter().map(|one| format!("M{one}")).collect(),
            Facet::Sector => {
                let mut all = BTreeSet::new();
                for sector in &self.partnership.sectors {
                    let scheme = if sector.scheme() == SectorScheme::Nace { "NACE" } else { "ISIC" };
                    let mut codes = codes::sector_ancestors(sector.scheme(), &sector.version, &sector.code);
                    codes.push(sector.code.clone());
                    all.extend(codes.iter().map(|code| format!("{scheme}/{}/{code}", sector.version)));
                }
                all
            }
            _ => BTreeSet::new(),
        }
    }
}

fn first(date: &str) -> Option<Date> {
    let mut parts = date.split('-').map(|part| part.parse::<i32>().ok());
    let year = parts.next()??;
    let month = u8::try_from(parts.next().flatten().unwrap_or(1)).unwrap();
    let day = u8::try_from(parts.next().flatten().unwrap_or(1)).unwrap();
    Date::from_calendar_date(year, Month::try_from(month).unwrap(), day).ok()
}

fn last(date: &str) -> Option<Date> {
    let begun = first(date)?;
    let next = match date.len() {
        4 => Date::from_calendar_date(begun.year() + 1, Month::January, 1).unwrap(),
        7 => first(&format!("{}-{:02}", begun.year(), u8::from(begun.month()) + 1)).unwrap(),
        _ => begun + Duration::DAY,
    };
    Some(next - Duration::DAY)
}

fn in_sector(sector: &Sector, prefix: &SectorPrefix) -> bool {
    let plain = |code: &str| code.replace('.', "");
    let above = codes::sector_ancestors(sector.scheme(), &sector.version, &sector.code);
    (prefix.scheme == 0 || prefix.scheme == sector.scheme)
        && (prefix.version.is_empty() || prefix.version == sector.version)
        && (plain(&sector.code).starts_with(&plain(&prefix.code)) || above.contains(&prefix.code))
}

fn fulfils(seen: &Seen, clause: &Clause) -> bool {
    let there = |text: &Vec<String>| match &clause.what {
        What::Word(word) => text.contains(word),
        What::Prefix(letters) => text.iter().any(|word| word.starts_with(letters.as_str())),
        What::Phrase(phrase) => text.windows(phrase.len()).any(|some| some == phrase.as_slice()),
    };
    let body = clause.scope == Scope::Anywhere && seen.body.iter().any(there);
    (seen.title.iter().any(there) || body) != clause.excluded
}

/// On a sphere, by the angle between two directions from its middle.
fn kilometres(one: (f64, f64), other: (f64, f64)) -> f64 {
    let direction = |(north, east): (f64, f64)| {
        let (north, east) = (north.to_radians(), east.to_radians());
        [north.cos() * east.cos(), north.cos() * east.sin(), north.sin()]
    };
    let (one, other) = (direction(one), direction(other));
    let chord = one.iter().zip(other).map(|(one, other)| (one - other).powi(2)).sum::<f64>().sqrt();
    2.0 * 6_371.008_8 * (chord / 2.0).min(1.0).asin()
}

pub(super) fn matches(seen: &Seen, question: &Question) -> bool {
    let partnership = &seen.partnership;
    let any = |asked: &[String], there: &BTreeSet<String>| {
        asked.is_empty() || asked.iter().any(|one| there.iter().any(|value| value.eq_ignore_ascii_case(one)))
    };
    let sector = |prefix| partnership.sectors.iter().any(|sector| in_sector(sector, prefix));
    let in_time = question.dates.as_ref().is_none_or(|range| {
        let (start, end) = seen.days();
        let before = |one: Option<Date>, other: Option<Date>| match (one, other) {
            (Some(one), Some(other)) => one <= other,
            _ => true,
        };
        (start.is_some() || end.is_some())
            && before(start, last(&range.end_date))
            && before(first(&range.start_date), end)
    });
    let is_near = question.near.as_ref().is_none_or(|near| {
        let middle = near.point.unwrap();
        let points = places(partnership).filter_map(|place| place.point);
        let mut distances =
            points.map(|point| kilometres((point.latitude, point.longitude), (middle.latitude, middle.longitude)));
        distances.any(|distance| distance <= near.kilometres)
    });
    let is_open = match question.open_conditions() {
        OpenConditions::Unspecified => true,
        OpenConditions::Some => seen.kind() == "partnership" && !partnership.open_conditions.is_empty(),
        OpenConditions::None => seen.kind() == "partnership" && partnership.open_conditions.is_empty(),
    };
    query::parse(&question.text).clauses.iter().all(|clause| fulfils(seen, clause))
        && any(&question.kinds, &seen.values(Facet::Kind))
        && any(&question.origin_countries, &seen.values(Facet::OriginCountry))
        && any(&question.countries, &seen.values(Facet::Country))
        && any(&question.regions, &seen.values(Facet::Region))
        && any(&question.languages, &seen.values(Facet::Language))
        && any(&question.sdgs, &seen.values(Facet::Sdg))
        && (question.sectors.is_empty() || question.sectors.iter().any(sector))
        && (question.stages.is_empty() || question.stages.contains(&partnership.stage))
        && (question.roles.is_empty() || question.roles.iter().any(|role| seen.roles().contains(role)))
        && in_time
        && is_near
        && is_open
}

/// The formula of statistics.proto, over what the asker may see.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "the contract says so")]
fn relevance(of: &Seen, all: &[Seen], text: &str) -> f32 {
    // No text of these tests is longer than 40 words: their lengths are exact.
    let count = |texts: &[Vec<String>], word: &str| texts.iter().flatten().filter(|one| *one == word).count();
    let length = |texts: &[Vec<String>]| texts.iter().map(Vec::len).sum::<usize>();
    let mut score = 0.0_f64;
    for word in query::parse(text).words() {
        for (is_title, weight) in [(true, 3.0_f64), (false, 1.0)] {
            let texts = |one: &Seen| if is_title { one.title.clone() } else { one.body.clone() };
            let f = count(&texts(of), &word.word) as f64;
            if f > 0.0 && (is_title || !word.title_only) {
                let n = all.iter().filter(|one| count(&texts(one), &word.word) > 0).count() as f64;
                let mean = all.iter().map(|one| length(&texts(one))).sum::<usize>() as f64 / all.len() as f64;
                let rarity = libm::log(1.0 + (all.len() as f64 - n + 0.5) / (n + 0.5));
                let length = length(&texts(of)) as f64;
                score += weight * rarity * f * 2.2 / (f + 1.2 * (0.25 + 0.75 * length / mean));
            }
        }
    }
    score as f32
}

fn key(of: &Seen, all: &[Seen], question: &Question) -> SortKey {
    match question.order() {
        SearchOrder::Relevance => SortKey::Score(relevance(of, all, &question.text)),
        SearchOrder::StartDate => SortKey::StartDay(
            of.days()
                .0
                .map_or(NO_START, |day| i32::try_from((day - OffsetDateTime::UNIX_EPOCH.date()).whole_days()).unwrap()),
        ),
        SearchOrder::Title => SortKey::Title(
            of.partnership.titles.iter().find(|one| !one.text.is_empty()).map_or(String::new(), |one| fold(&one.text)),
        ),
        _ => {
            let time = of.partnership.update_time.unwrap_or_default();
            SortKey::UpdateTime(i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos))
        }
    }
}

/// By key, then by city, then by the rest of the name.
pub(super) fn in_order(one: &(SortKey, String), other: &(SortKey, String)) -> Ordering {
    let name = |name: &String| name.split('/').map(str::to_owned).collect::<Vec<_>>();
    one.0.better_first(&other.0).then_with(|| name(&one.1).cmp(&name(&other.1)))
}

pub(in crate::tests) fn expected(all: &[Seen], question: &Question) -> Vec<(SortKey, String)> {
    let matching = all.iter().filter(|one| matches(one, question));
    let mut found: Vec<_> = matching.map(|one| (key(one, all, question), one.name.clone())).collect();
    found.sort_by(in_order);
    found
}

/// The values of a facet among what matches: the most frequent first, then in byte order.
pub(super) fn counts(all: &[Seen], question: &Question, facet: Facet) -> Vec<(String, i64)> {
    let mut counts = std::collections::BTreeMap::<String, i64>::new();
    for seen in all.iter().filter(|one| matches(one, question)) {
        for value in seen.values(facet) {
            *counts.entry(value).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| -count);
    counts
}
