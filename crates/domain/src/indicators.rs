//! The indicators of the programme: what each measures, how far it reaches, and when its numbers may be published.

use isopolity_proto::registry::{Indicator, IndicatorObservation, ResultLevel};

use crate::{
    codes,
    disclosure::{ENTERPRISES_MIN, PEOPLE_MIN},
    text,
};

/// What a number of the programme shows, unless a design for comparison is stated.
pub const ASSOCIATION: &str = "association, not effect";

/// What a number could reveal, and so what guards it before it is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensitivity {
    /// Nothing of anybody.
    None,
    /// Something of a person: at least [`PEOPLE_MIN`] people stand behind it.
    People,
    /// The accounts of an enterprise: at least [`ENTERPRISES_MIN`] enterprises stand behind it, none of them with more than
    /// [`LARGEST_SHARE_MAX`](crate::disclosure::LARGEST_SHARE_MAX) percent.
    Money,
}

/// An indicator of the programme.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The indicator.
    pub indicator: Indicator,
    /// How far it reaches in a chain of results.
    pub level: ResultLevel,
    /// What it is called, in English.
    pub label: &'static str,
    /// From which practice or goal it comes.
    pub anchor: &'static str,
    /// Its units, in English. Empty where the unit is a currency.
    pub unit: &'static str,
    /// What its numbers could reveal.
    pub sensitivity: Sensitivity,
    /// It rests on a survey, with the number of those who answered.
    pub survey: bool,
}

impl Rule {
    /// The fewest people or enterprises behind a public number; 0 where there is no least number.
    #[must_use]
    pub fn least(&self) -> i64 {
        match self.sensitivity {
            Sensitivity::None => 0,
            Sensitivity::People => PEOPLE_MIN,
            Sensitivity::Money => ENTERPRISES_MIN,
        }
    }

    /// Its values are amounts in a currency, so that no unit is needed.
    #[must_use]
    pub fn is_money(&self) -> bool {
        self.sensitivity == Sensitivity::Money || self.unit.is_empty()
    }
}

/// The rule of an indicator. `None` for one that is not the programme's.
#[must_use]
pub fn rule(indicator: Indicator) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.indicator == indicator)
}

/// What an indicator is called, in English. `None` for one that is not the programme's.
#[must_use]
pub fn label(indicator: Indicator) -> Option<&'static str> {
    rule(indicator).map(|rule| rule.label)
}

/// How an observation is to be read by whoever sees it: as an association, where it is about what came of partnerships and no
/// design for comparison is stated.
#[must_use]
pub fn reading(observation: &IndicatorObservation) -> Option<&'static str> {
    let is_of_results = match observation.indicator() {
        Indicator::Unspecified => matches!(observation.level(), ResultLevel::Outcome | ResultLevel::Impact),
        Indicator::I23 => true,
        known => (i32::from(Indicator::I05)..=i32::from(Indicator::I18)).contains(&known.into()),
    };
    (is_of_results && observation.comparison.is_empty()).then_some(ASSOCIATION)
}

/// What the number of an observation could reveal. Of an indicator that is not the programme's, nobody has said it: what has a
/// currency is taken for money; a share, and what speaks of people, for a number about people.
#[must_use]
pub fn sensitivity(observation: &IndicatorObservation) -> Sensitivity {
    if let Some(rule) = rule(observation.indicator()) {
        return rule.sensitivity;
    }
    let unit = text::fold(observation.unit.trim());
    let is_currency = |word: &str| word.len() == 3 && codes::check("iso4217", &word.to_uppercase()).is_ok();
    // Units that are spelled like a currency.
    let is_unit = ["all", "top", "fte", "etp"].contains(&unit.as_str());
    if !observation.currency_code.is_empty() || is_currency(&unit) && !is_unit {
        return Sensitivity::Money;
    }
    let titles = observation.titles.iter().chain(&observation.summaries).map(|title| title.text.as_str());
    let dimensions = observation.dimensions.iter().flat_map(|one| [one.name.as_str(), one.value.as_str()]);
    let speaks_of_people = titles.chain(dimensions).chain([observation.unit.as_str()]).any(of_people_in_words);
    if is_share(&observation.unit) || speaks_of_people { Sensitivity::People } else { Sensitivity::None }
}

/// Whether a unit is that of a share, which does not say of how many.
#[must_use]
pub fn is_share(unit: &str) -> bool {
    let unit = text::fold(unit);
    unit.contains('%') || text::words(&unit).iter().any(|word| SHARES.iter().any(|share| word.starts_with(share)))
}

fn of_people_in_words(text: &str) -> bool {
    text::words(text)
        .iter()
        .any(|word| PEOPLE.iter().any(|stem| word.starts_with(stem)) || PEOPLE_WHOLE.contains(&word.as_str()))
}

/// How words for a share begin, folded.
const SHARES: [&str; 5] = ["percent", "porcent", "pourcent", "prozent", "ratio"];

/// How words for people and their work begin, folded, in languages in which cities keep their registries.
const PEOPLE: [&str; 64] = [
    "adult",
    "apprent",
    "arbeits",
    "beneficia",
    "benefici",
    "beschaftig",
    "candidat",
    "child",
    "citizen",
    "donna",
    "donne",
    "employ",
    "emplea",
    "empleo",
    "emploi",
    "empreg",
    "enfant",
    "entrepr",
    "estudant",
    "estudiant",
    "etudiant",
    "famil",
    "female",
    "femme",
    "frauen",
    "gender",
    "giovan",
    "habitant",
    "homme",
    "househ",
    "impieg",
    "inhabit",
    "jeune",
    "joven",
    "jovem",
    "jugend",
    "lavor",
    "migra",
    "mujer",
    "mulher",
    "occupat",
    "particip",
    "pasajer",
    "people",
    "person",
    "pessoa",
    "pracown",
    "resident",
    "salari",
    "schuler",
    "staff",
    "student",
    "teilnehm",
    "trabaj",
    "trabalh",
    "traine",
    "usuari",
    "utent",
    "viajer",
    "visitant",
    "visitor",
    "women",
    "worker",
    "youth",
];

/// Words for people that begin others, too.
const PEOPLE_WHOLE: [&str; 14] =
    ["age", "boys", "etp", "fte", "girls", "job", "jobs", "men", "persona", "sex", "sexe", "sexo", "user", "users"];

const fn indicator(
    indicator: Indicator,
    level: ResultLevel,
    label: &'static str,
    anchor: &'static str,
    unit: &'static str,
) -> Rule {
    Rule { indicator, level, label, anchor, unit, sensitivity: Sensitivity::None, survey: false }
}

const fn of_people(rule: Rule) -> Rule {
    Rule { sensitivity: Sensitivity::People, ..rule }
}

const fn of_money(rule: Rule) -> Rule {
    Rule { sensitivity: Sensitivity::Money, ..rule }
}

const fn by_survey(rule: Rule) -> Rule {
    Rule { survey: true, ..rule }
}

const OUTPUT: ResultLevel = ResultLevel::Output;
const OUTCOME: ResultLevel = ResultLevel::Outcome;
const IMPACT: ResultLevel = ResultLevel::Impact;

/// Every indicator of the programme, in order. Anchors: HIPSO and DCED for enterprise, OECD for cooperation between
/// cities, DELI and the Intercultural Cities (ICC) Index for integration, the Sustainable Development Goals (SDG).
pub const RULES: [Rule; 24] = [
    indicator(Indicator::I01, OUTPUT, "partnerships by stage, country and sector", "own", "count"),
    indicator(
        Indicator::I02,
        OUTPUT,
        "share of partnerships that the counterpart has confirmed",
        "OECD (reciprocity)",
        "percent",
    ),
    indicator(
        Indicator::I03,
        OUTCOME,
        "months from opportunity to the formal agreement, and from there to profit-taking",
        "own",
        "median months",
    ),
    indicator(Indicator::I04, OUTCOME, "survival 12 and 36 months after launch", "DCED", "percent"),
    of_people(indicator(Indicator::I05, OUTCOME, "jobs created, on each side", "HIPSO, DCED, SDG 8", "FTE")),
    of_people(indicator(
        Indicator::I06,
        OUTCOME,
        "share of these jobs held by women, by people under 30",
        "HIPSO",
        "percent",
    )),
    of_money(indicator(Indicator::I07, OUTCOME, "turnover or value added of the joint business", "HIPSO", "")),
    of_money(indicator(Indicator::I08, OUTCOME, "exports and imports between the two countries", "SDG 17.11", "")),
    of_money(indicator(
        Indicator::I09,
        OUTCOME,
        "investment mobilised: public, private, of the diaspora",
        "SDG 17.3",
        "",
    )),
    of_money(indicator(
        Indicator::I10,
        IMPACT,
        "profit shared or reinvested, share of the side of origin",
        "balance",
        "percent",
    )),
    indicator(Indicator::I11, OUTCOME, "new firms registered, on each side", "DCED", "count"),
    indicator(Indicator::I12, OUTCOME, "public support for each job", "own", "currency/FTE"),
    indicator(
        Indicator::I13,
        OUTPUT,
        "enterprises served by agencies, share of migrants, share in mainstream services",
        "DELI",
        "count or percent",
    ),
    indicator(Indicator::I14, OUTPUT, "stages without any service on one side", "own", "count"),
    indicator(Indicator::I15, OUTCOME, "municipal purchasing from enterprises that take part", "DELI", ""),
    indicator(Indicator::I16, OUTCOME, "entrepreneurs who joined mainstream networks or chambers", "DELI", "count"),
    by_survey(of_people(indicator(
        Indicator::I17,
        OUTCOME,
        "participants who report a stronger position: language, network, income, belonging",
        "ICC Index",
        "percent of n",
    ))),
    indicator(Indicator::I18, OUTCOME, "share of diaspora actors in bodies that decide", "own", "percent"),
    indicator(
        Indicator::I19,
        OUTPUT,
        "requests for cooperation answered in time, accepted, done",
        "own",
        "percent or days",
    ),
    indicator(
        Indicator::I20,
        OUTPUT,
        "joint meetings and missions held against planned",
        "municipal registers",
        "ratio",
    ),
    indicator(Indicator::I21, OUTPUT, "officials and staff trained or exchanged", "OECD", "count"),
    indicator(
        Indicator::I22,
        OUTPUT,
        "good practices published, their languages, and use by other cities",
        "own",
        "count",
    ),
    by_survey(indicator(
        Indicator::I23,
        OUTCOME,
        "reach, and change of attitude by a survey before and after",
        "ICC",
        "percent and n",
    )),
    indicator(Indicator::I24, OUTPUT, "records verified within 12 months", "own", "percent"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_indicator_has_a_rule_of_its_own() {
        let known = isopolity_proto::pool().get_enum_by_name("isopolity.registry.v1.Indicator").unwrap();
        let numbers: Vec<i32> = known.values().map(|value| value.number()).filter(|number| *number != 0).collect();
        let ruled: Vec<i32> = RULES.iter().map(|rule| rule.indicator.into()).collect();
        assert_eq!(numbers, ruled);
        assert!(rule(Indicator::Unspecified).is_none());
    }

    #[test]
    fn numbers_about_people_and_money_have_a_least_number() {
        let least = |indicator| rule(indicator).unwrap().least();
        for indicator in [Indicator::I05, Indicator::I06, Indicator::I17] {
            assert_eq!(least(indicator), PEOPLE_MIN, "{indicator:?}");
        }
        for indicator in [Indicator::I07, Indicator::I08, Indicator::I09, Indicator::I10] {
            assert_eq!(least(indicator), ENTERPRISES_MIN, "{indicator:?}");
        }
        assert_eq!(least(Indicator::I01), 0);
    }

    fn own(title: &str, unit: &str) -> IndicatorObservation {
        let titles = vec![isopolity_proto::types::LocalizedText { text: title.into(), ..Default::default() }];
        IndicatorObservation { titles, unit: unit.into(), ..Default::default() }
    }

    #[test]
    fn what_another_indicator_could_reveal_is_told_from_unit_and_words() {
        for (title, unit, expected) in [
            ("Women hired", "", Sensitivity::People),
            ("Empregos criados", "count", Sensitivity::People),
            ("Vias urbanas construídas", "km", Sensitivity::None),
            ("Wells built", "count", Sensitivity::None),
            ("Satisfaction", "percent", Sensitivity::People),
            ("Satisfaction", "% change", Sensitivity::People),
            ("Posts", "FTE", Sensitivity::People),
            ("Sales of the shop", "USD", Sensitivity::Money),
            ("Shops all over", "all", Sensitivity::None),
        ] {
            assert_eq!(sensitivity(&own(title, unit)), expected, "{title} in {unit}");
        }
        let paid = IndicatorObservation { currency_code: "EUR".into(), ..own("Wages", "") };
        assert_eq!(sensitivity(&paid), Sensitivity::Money);
        let jobs = IndicatorObservation { indicator: Indicator::I05.into(), ..own("", "km") };
        assert_eq!(sensitivity(&jobs), Sensitivity::People, "the programme's are known");
    }

    #[test]
    fn results_are_read_as_association_unless_something_was_compared() {
        let of = |indicator: Indicator| IndicatorObservation { indicator: indicator.into(), ..Default::default() };
        for indicator in [Indicator::I05, Indicator::I13, Indicator::I18, Indicator::I23] {
            assert_eq!(reading(&of(indicator)), Some(ASSOCIATION), "{indicator:?}");
        }
        for indicator in [Indicator::I01, Indicator::I04, Indicator::I19, Indicator::I24, Indicator::Unspecified] {
            assert_eq!(reading(&of(indicator)), None, "{indicator:?}");
        }
        let outcome = IndicatorObservation { level: ResultLevel::Outcome.into(), ..of(Indicator::Unspecified) };
        assert_eq!(reading(&outcome), Some(ASSOCIATION));
        let comparison = own("with twelve towns that have none", "").titles;
        assert_eq!(reading(&IndicatorObservation { comparison, ..of(Indicator::I05) }), None);
    }
}
