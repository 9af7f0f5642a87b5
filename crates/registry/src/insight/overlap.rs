//! Cities that are active in the same place and sector and do not know of one another.

use std::time::Duration;

use isopolity_domain::{
    CityId, Kind, Violation, Violations, codes,
    insight::{
        activity::prefixes,
        overlap::{self, Stated, Wanted},
    },
    question::check_page_size,
};
use isopolity_proto::{
    federation::Question,
    insight::{FindOverlapsRequest, FindOverlapsResponse},
};

use super::{PAGE, RECORDS_MAX, compute, profiles};
use crate::{
    Caller, Error, Registry,
    search::{Gathered, Wanting},
};

impl Registry {
    /// Cities that are active in the same place and sector and, as far as the records say, do not know of one another.
    ///
    /// # Errors
    /// [`Error::Invalid`]; as [`Registry::search`].
    pub async fn overlaps(
        &self,
        caller: &Caller,
        request: &FindOverlapsRequest,
        within: Option<Duration>,
    ) -> Result<FindOverlapsResponse, Error> {
        let (_place, within) = self.enter(caller, within).await?;
        let most = check(request)?;
        let wanting =
            |question: Question| Wanting { question, cities: Vec::new(), purpose: &request.purpose, most: RECORDS_MAX };
        let kind = |kind: Kind| vec![kind.as_str().to_owned()];
        let partnerships = self.gather(caller, wanting(question(request)), within);
        // By which the cities' records may speak of one another. Not in one question, which is about a country or a sector.
        let cities = self.gather(caller, wanting(Question { kinds: kind(Kind::City), ..Question::default() }), within);
        let (partnerships, cities) = tokio::try_join!(partnerships, cities)?;
        let known = profiles(&cities);
        let Gathered { items, outcomes, coverage, .. } = partnerships;
        let stated: Vec<Stated> = items
            .iter()
            .filter_map(|item| Some(Stated { partnership: item.of(Kind::Partnership)?, city: item.city.clone() }))
            .collect();
        let compared = i32::try_from(stated.len()).unwrap_or(i32::MAX);
        let (country, sector) = (request.country.clone(), request.sector.clone());
        let own: Option<CityId> = request.own_only.then(|| self.city().clone());
        let mut overlaps = compute(move || {
            let wanted = Wanted { country: &country, sector: sector.as_ref(), with: own.as_ref() };
            overlap::overlaps(&stated, &known, &wanted)
        })
        .await?;
        overlaps.truncate(most);
        Ok(FindOverlapsResponse { overlaps, compared, outcomes, coverage: Some(coverage) })
    }
}

/// How many overlaps at most.
fn check(request: &FindOverlapsRequest) -> Result<usize, Error> {
    let most = check_page_size(request.page_size, "page_size", PAGE.0, PAGE.1)?;
    let mut violations = Vec::new();
    if !request.country.is_empty()
        && let Err(error) = codes::check("iso3166-1", &request.country)
    {
        violations.push(Violation::invalid("country", error.to_string()));
    }
    if let Some(sector) = &request.sector
        && let Err(error) = codes::check_sector(sector.scheme(), &sector.version, &sector.code)
    {
        violations.push(Violation::invalid("sector", error.to_string()));
    }
    Violations::check(violations)?;
    Ok(most)
}

/// The partnerships that may be in one.
fn question(request: &FindOverlapsRequest) -> Question {
    Question {
        kinds: vec![Kind::Partnership.as_str().to_owned()],
        origin_countries: (!request.country.is_empty()).then(|| request.country.clone()).into_iter().collect(),
        sectors: request.sector.as_ref().map(prefixes).unwrap_or_default(),
        ..Question::default()
    }
}
