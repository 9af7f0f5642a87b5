//! What is asked, on the command line.

use clap::{Args, ValueEnum};

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Args)]
pub(crate) struct Search {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// Best match, latest change, latest start, or title first [default: best match if there are words, else latest change]
    #[arg(long, value_enum)]
    pub(crate) order: Option<Order>,
    /// How many hits at most: 1 to 100, with --all 1 to 100,000
    #[arg(long, default_value_t = 25)]
    pub(crate) limit: i32,
    /// Go on after the page that ended with this token
    #[arg(long, value_name = "TOKEN", default_value = "")]
    pub(crate) page_token: String,
    /// All hits up to the limit, as they come, with what is known so far while cities are waited for
    #[arg(long, conflicts_with = "page_token")]
    pub(crate) all: bool,
    /// Count the values of a facet, FACET or FACET:N for the N most frequent: kind, city, country, origin-country, region, sector,
    /// stage, role, organization-kind, size-class, language, sdg, direction, subject, open-condition
    #[arg(long, value_name = "FACET")]
    pub(crate) facet: Vec<String>,
    /// Say how the question was understood, which cities were asked and why, and what each cost
    #[arg(long)]
    pub(crate) explain: bool,
    /// Show where the words stand
    #[arg(long)]
    pub(crate) highlight: bool,
    /// Which cities must answer: best-effort, all, a number, or ids with commas between
    #[arg(long, value_name = "WHICH", default_value = "best-effort")]
    pub(crate) require: String,
    /// The longest to wait, in milliseconds
    #[arg(long, value_name = "MS")]
    pub(crate) deadline_ms: Option<u64>,
    /// Put the signed records into the JSON
    #[arg(long)]
    pub(crate) envelopes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// Go on where a watch ended that printed this token
    #[arg(long, value_name = "TOKEN", default_value = "")]
    pub(crate) resume_token: String,
    /// End after so many records
    #[arg(long, value_name = "N")]
    pub(crate) most: Option<usize>,
}

/// What is looked for, and where.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// Words that must all occur, in any script; "olive oil" is a phrase, -oil must not occur, oliv* is a beginning, title:oil stands
    /// in the title. Put -- before a word that begins with -
    pub(crate) words: Vec<String>,
    /// Only this kind: city, place, organization, agreement, partnership, support-service, opportunity, good-practice …
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<String>,
    /// Only this country of origin, ISO 3166-1
    #[arg(long, visible_alias = "origin-country", value_name = "CODE")]
    pub(crate) country: Vec<String>,
    /// Only what lies in this country, ISO 3166-1
    #[arg(long, value_name = "CODE")]
    pub(crate) in_country: Vec<String>,
    /// Only what lies in this part of a country, ISO 3166-2 or NUTS
    #[arg(long, value_name = "CODE")]
    pub(crate) region: Vec<String>,
    /// Only this sector and what lies below it: CODE, or SCHEME:VERSION:CODE, for example nace:2.1:10
    #[arg(long, value_name = "CODE")]
    pub(crate) sector: Vec<String>,
    /// Only this stage, for example market-research
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Vec<String>,
    /// Only with a participant in this role, for example intermediary
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Vec<String>,
    /// Only organisations of this kind, for example business-development-agency
    #[arg(long, value_name = "KIND")]
    pub(crate) organization_kind: Vec<String>,
    /// Only organisations of this size: micro, small, medium, small-mid-cap, large
    #[arg(long, value_name = "SIZE")]
    pub(crate) size_class: Vec<String>,
    /// Only with this goal or target of the 2030 Agenda, for example 8 or 8.3
    #[arg(long, value_name = "GOAL")]
    pub(crate) sdg: Vec<String>,
    /// Only opportunities that seek or offer
    #[arg(long, value_name = "seeks|offers")]
    pub(crate) direction: Vec<String>,
    /// Only opportunities about this, for example distribution
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Vec<String>,
    /// Only with text or contacts in this language, BCP 47
    #[arg(long, value_name = "TAG")]
    pub(crate) language: Vec<String>,
    /// Only what was not over before this day, YYYY-MM-DD
    #[arg(long, value_name = "DATE", default_value = "")]
    pub(crate) from: String,
    /// Only what had begun by this day, YYYY-MM-DD
    #[arg(long, value_name = "DATE", default_value = "")]
    pub(crate) to: String,
    /// Only what lies within so many kilometres of a point: LATITUDE,LONGITUDE,KILOMETRES
    #[arg(long, value_name = "LAT,LON,KM", allow_hyphen_values = true)]
    pub(crate) near: Option<String>,
    /// Only partnerships with or without open conditions before their next stage: some, none
    #[arg(long, value_name = "some|none")]
    pub(crate) open_conditions: Option<String>,
    /// Ask only this city
    #[arg(long, value_name = "CITY")]
    pub(crate) city: Vec<String>,
    /// Why you ask; peers log it
    #[arg(long, default_value = "")]
    pub(crate) purpose: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Order {
    /// Best match first
    Relevance,
    /// Latest change first
    UpdateTime,
    /// Latest start first
    StartDate,
    /// By title, from A to Z
    Title,
}
