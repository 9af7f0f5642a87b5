//! What a caller asks, checked.

use std::collections::BTreeSet;

use isopolity_domain::{
    CityId, Kind, Violation, Violations,
    query::{self, TextQuery},
    question::{check_facets, check_page_size, check_partial_response, check_question},
    sharing::DEFAULT_PURPOSE,
    text::ANALYSER,
};
use isopolity_proto::{
    admin::PeerState,
    catalog::{FacetRequest, PartialResponse, SearchRequest, StreamSearchRequest},
    federation::{QueryRequest, Question, SearchOrder},
    options::Facet,
};

use super::{PAGE_DEFAULT, PAGE_MAX, weights::Weights};
use crate::{Caller, Error, Registry, Right, audit};

/// The longest purpose, in characters.
const PURPOSE_MAX: usize = 200;
/// The most hits of a long answer.
const STREAM_MAX: i32 = 100_000;

/// What a request asks, as it came.
pub(super) struct Wanted<'a> {
    question: Option<&'a Question>,
    cities: &'a [String],
    limit: i32,
    limit_field: &'static str,
    limit_max: i32,
    facets: &'a [FacetRequest],
    partial_response: Option<&'a PartialResponse>,
    purpose: &'a str,
    include_envelope: bool,
    highlight: bool,
}

impl<'a> Wanted<'a> {
    pub(super) fn of_page(request: &'a SearchRequest) -> Self {
        Self {
            question: request.question.as_ref(),
            cities: &request.cities,
            limit: request.page_size,
            limit_field: "page_size",
            limit_max: PAGE_MAX,
            facets: &request.facets,
            partial_response: request.partial_response.as_ref(),
            purpose: &request.purpose,
            include_envelope: request.include_envelope,
            highlight: request.highlight,
        }
    }

    pub(super) fn of_stream(request: &'a StreamSearchRequest) -> Self {
        Self {
            question: request.question.as_ref(),
            cities: &request.cities,
            limit: request.limit,
            limit_field: "limit",
            limit_max: STREAM_MAX,
            facets: &request.facets,
            partial_response: request.partial_response.as_ref(),
            purpose: &request.purpose,
            include_envelope: request.include_envelope,
            highlight: request.highlight,
        }
    }
}

/// A question that can be asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// As it came, but for the order, which is decided.
    pub(super) question: Question,
    pub(super) order: SearchOrder,
    pub(super) text: TextQuery,
    pub(super) limit: usize,
    pub(super) facets: Vec<FacetRequest>,
    /// As they came.
    pub(super) cities: Vec<String>,
    /// `None`: all.
    pub(super) selected: Option<BTreeSet<CityId>>,
    pub(super) purpose: String,
    pub(super) include_envelope: bool,
    highlight: bool,
}

impl Asked {
    /// The words that count for relevance, where that is the order.
    pub(super) fn words(&self) -> Vec<String> {
        if self.order != SearchOrder::Relevance {
            return Vec::new();
        }
        self.text.words().into_iter().map(|relevant| relevant.word).collect()
    }

    /// The text whose words are marked, if they are to be.
    pub(super) fn highlighted(&self) -> Option<&TextQuery> {
        self.highlight.then_some(&self.text)
    }

    /// The facets without how many values are shown: a city gives all.
    pub(super) fn facet_fields(&self) -> Vec<Facet> {
        self.facets.iter().map(FacetRequest::facet).collect()
    }

    /// The question as it is put to each city: to those kinds alone that this version can read. A peer that is newer may keep
    /// others.
    pub(super) fn readable(&self) -> Question {
        let mut question = self.question.clone();
        if question.kinds.is_empty() {
            question.kinds = Kind::ALL.map(|kind| kind.as_str().to_owned()).to_vec();
        }
        question
    }
}

/// Checks a purpose.
///
/// # Errors
/// [`Error::Invalid`] if it is too long.
pub(crate) fn check_purpose(purpose: &str) -> Result<(), Violation> {
    match purpose.chars().nth(PURPOSE_MAX) {
        None => Ok(()),
        Some(_) => Err(Violation::invalid("purpose", format!("is longer than {PURPOSE_MAX} characters"))),
    }
}

/// The purpose that peers are told: a user who states none enquires.
pub(crate) fn stated(purpose: &str) -> String {
    if purpose.trim().is_empty() { DEFAULT_PURPOSE.to_owned() } else { purpose.to_owned() }
}

impl Registry {
    /// Checks what is asked.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::TokenMissing`].
    pub(super) fn asked(&self, caller: &Caller, wanted: &Wanted<'_>) -> Result<Asked, Error> {
        let mut question = wanted.question.cloned().unwrap_or_default();
        let order = check_question(&question, "question")?;
        question.order = order.into();
        let limit = check_page_size(wanted.limit, wanted.limit_field, PAGE_DEFAULT, wanted.limit_max)?;
        let facets = check_facets(wanted.facets, "facets")?;
        check_partial_response(wanted.partial_response, "partial_response")?;
        check_purpose(wanted.purpose)?;
        let selected = self.selected(caller, wanted.cities)?;
        Ok(Asked {
            text: query::parse(&question.text),
            question,
            order,
            limit,
            facets: facets
                .into_iter()
                .map(|(facet, limit)| FacetRequest {
                    facet: facet.into(),
                    limit: i32::try_from(limit).unwrap_or(i32::MAX),
                })
                .collect(),
            cities: wanted.cities.to_vec(),
            selected,
            purpose: wanted.purpose.to_owned(),
            include_envelope: wanted.include_envelope,
            highlight: wanted.highlight,
        })
    }

    /// The question as it goes to the peers.
    pub(super) fn query(&self, caller: &Caller, asked: &Asked, weights: &Weights, each: usize) -> QueryRequest {
        QueryRequest {
            question: Some(asked.readable()),
            limit: i32::try_from(each).unwrap_or(STREAM_MAX),
            purpose: stated(&asked.purpose),
            requester: self.pseudonym(caller),
            analyser: if asked.text.is_empty() { String::new() } else { ANALYSER.to_owned() },
            statistics: weights.statistics.clone(),
            after: None,
            facets: asked.facet_fields().into_iter().map(Into::into).collect(),
            include_statistics: !asked.words().is_empty(),
            omit_records: false,
            query_id: audit::new_query_id(),
        }
    }

    /// The cities to ask, or `None` for all.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::TokenMissing`].
    pub(crate) fn selected(&self, caller: &Caller, named: &[String]) -> Result<Option<BTreeSet<CityId>>, Error> {
        let anonymous = caller.must(Right::Read).is_err();
        if named.is_empty() {
            return Ok(anonymous.then(|| BTreeSet::from([self.city().clone()])));
        }
        let mut cities = BTreeSet::new();
        let mut violations = Vec::new();
        for (at, text) in named.iter().enumerate() {
            match text.parse::<CityId>() {
                Ok(city) if city == *self.city() || self.is_member(&city) => {
                    cities.insert(city);
                }
                Ok(city) => violations.push(Violation::invalid(
                    format!("cities[{at}]"),
                    format!("{city} is not a member of this city's federation"),
                )),
                Err(error) => violations.push(Violation::invalid(format!("cities[{at}]"), error.to_string())),
            }
        }
        if anonymous && cities.iter().any(|city| city != self.city()) {
            return Err(Error::TokenMissing);
        }
        Violations::check(violations)?;
        Ok(Some(cities))
    }

    fn is_member(&self, city: &CityId) -> bool {
        let state = self.federation().get(city).map(|peer| peer.state);
        matches!(state, Some(PeerState::Active | PeerState::Suspended))
    }
}
