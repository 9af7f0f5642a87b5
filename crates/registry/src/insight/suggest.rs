//! Opportunities of other cities that fit those of this one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use isopolity_domain::{
    CityId, Kind, Name, Violation,
    insight::{
        Described,
        activity::Activities,
        fit::{self, Stated, points},
    },
    name::NameError,
    question::check_page_size,
};
use isopolity_proto::{
    federation::Question,
    insight::{PartnerSuggestion, SuggestPartnersRequest, SuggestPartnersResponse},
    registry::{Opportunity, Partnership},
};
use time::Date;
use tokio::time::Instant;

use super::{PAGE, RECORDS_MAX, compute, profiles, without_profiles};
use crate::{
    Caller, Error, Registry,
    search::{Gathered, Wanting},
};

/// The points of a suggestion where the caller names no number.
const LEAST_DEFAULT: i32 = 50;
/// Suggestions whose cities' partnerships are looked at, at most: those that could come onto the page by them.
const CANDIDATES_MAX: usize = 500;

/// What is compared.
struct Compared {
    own: Vec<Stated>,
    others: Vec<Stated>,
}

impl Registry {
    /// Opportunities of other cities that fit those of this one, the best first. Decides nothing and tells nobody: other cities
    /// see a question for opportunities and, if anything fits, one for partnerships on its corridors.
    ///
    /// # Errors
    /// [`Error::Invalid`], also for an opportunity that is not open; [`Error::NotFound`]; as [`Registry::search`].
    pub async fn suggest_partners(
        &self,
        caller: &Caller,
        request: &SuggestPartnersRequest,
        within: Option<Duration>,
    ) -> Result<SuggestPartnersResponse, Error> {
        let begun = Instant::now();
        let (_place, within) = self.enter(caller, within).await?;
        let most = check_page_size(request.page_size, "page_size", PAGE.0, PAGE.1)?;
        let least = match request.least_points {
            0 => LEAST_DEFAULT,
            least @ 1..=100 => least,
            _ => return Err(Violation::invalid("least_points", "must be from 0 to 100").into()),
        };
        let named = self.own_opportunity(caller, &request.opportunity).await?;
        let kinds = [Kind::City, Kind::Opportunity].map(|kind| kind.as_str().to_owned()).to_vec();
        let wanting = Wanting {
            question: Question { kinds, ..Question::default() },
            cities: Vec::new(),
            purpose: &request.purpose,
            most: RECORDS_MAX,
        };
        // Time is left for the second question.
        let gathered = self.gather(caller, wanting, within / 3 * 2).await?;
        let today = self.now().date();
        let compared = self.to_compare(&gathered, named, today)?;
        let number = i32::try_from(compared.others.len()).unwrap_or(i32::MAX);
        let (compared, mut suggestions) = compute(move || {
            let found = fit::suggest(&compared.own, &compared.others, (least - points::STAGE).max(1), CANDIDATES_MAX);
            (compared, found)
        })
        .await?;
        if !suggestions.is_empty() {
            let left = within.saturating_sub(begun.elapsed());
            suggestions = self.with_stages(caller, &request.purpose, compared, suggestions, left).await?;
        }
        suggestions.retain(|one| one.points >= least);
        fit::best(&mut suggestions, most);
        self.set_open_cooperations(&mut suggestions).await?;
        let outcomes = without_profiles(&gathered);
        Ok(SuggestPartnersResponse { suggestions, compared: number, outcomes, coverage: Some(gathered.coverage) })
    }

    /// The opportunity that the caller names, if one is named.
    async fn own_opportunity(&self, caller: &Caller, name: &str) -> Result<Option<Opportunity>, Error> {
        if name.is_empty() {
            return Ok(None);
        }
        let name: Name =
            name.parse().map_err(|error: NameError| Violation::invalid("opportunity", error.to_string()))?;
        self.must_be_ours(&name, "opportunity")?;
        if name.kind() != Kind::Opportunity {
            return Err(Violation::invalid("opportunity", "must name an opportunity").into());
        }
        let found = self.get(caller, &name).await?;
        found.transcode_to().map(Some).map_err(Error::internal)
    }

    fn to_compare(&self, gathered: &Gathered, named: Option<Opportunity>, today: Date) -> Result<Compared, Error> {
        let countries = profiles(gathered);
        let country = |city: &CityId| countries.get(city).map(Described::country).unwrap_or_default();
        let mut activities = Activities::default();
        let mut open =
            |city: &CityId, opportunity| Stated::open(city.clone(), country(city), opportunity, &mut activities, today);
        let own = if let Some(opportunity) = named {
            let closed = || Violation::invalid("opportunity", "is not open any more");
            vec![open(self.city(), opportunity).ok_or_else(closed)?]
        } else {
            let own = gathered.items.iter().filter(|item| item.city == *self.city());
            own.filter_map(|item| open(self.city(), item.of(Kind::Opportunity)?)).collect()
        };
        let others = gathered.items.iter().filter(|item| item.city != *self.city());
        let others = others.filter_map(|item| open(&item.city, item.of(Kind::Opportunity)?)).collect();
        Ok(Compared { own, others })
    }

    /// Looks at the partnerships of the cities that are suggested, on the corridors for which they are.
    async fn with_stages(
        &self,
        caller: &Caller,
        purpose: &str,
        compared: Compared,
        suggestions: Vec<PartnerSuggestion>,
        within: Duration,
    ) -> Result<Vec<PartnerSuggestion>, Error> {
        let own = compared.own.iter().flat_map(|one| &one.opportunity.countries);
        let countries: BTreeSet<String> = own.cloned().collect();
        let cities = suggestions.iter().map(|one| one.city.clone()).chain([self.city().to_string()]);
        let cities: BTreeSet<String> = cities.collect();
        let question = Question {
            kinds: vec![Kind::Partnership.as_str().to_owned()],
            origin_countries: countries.into_iter().collect(),
            ..Question::default()
        };
        let cities = cities.into_iter().collect();
        let gathered = self.gather(caller, Wanting { question, cities, purpose, most: RECORDS_MAX }, within).await?;
        let mut partnerships: BTreeMap<String, Vec<Partnership>> = BTreeMap::new();
        for item in &gathered.items {
            if let Some(partnership) = item.of(Kind::Partnership) {
                partnerships.entry(item.city.to_string()).or_default().push(partnership);
            }
        }
        let here = self.city().to_string();
        compute(move || {
            let (own, others) = (fit::by_name(&compared.own), fit::by_name(&compared.others));
            let of = |city: &str| partnerships.get(city).map(Vec::as_slice).unwrap_or_default();
            let mut activities = Activities::default();
            let mut suggestions = suggestions;
            for one in &mut suggestions {
                let pair = own.get(one.opportunity.as_str()).zip(others.get(one.other_opportunity.as_str()));
                let Some((ours, theirs)) = pair else { continue };
                if let Some(reason) = fit::stage_fit(ours, theirs, of(&here), of(&one.city), &mut activities) {
                    fit::add(one, reason);
                }
            }
            suggestions
        })
        .await
    }

    /// Says which cooperations are under way about what is suggested.
    async fn set_open_cooperations(&self, suggestions: &mut [PartnerSuggestion]) -> Result<(), Error> {
        if suggestions.is_empty() {
            return Ok(());
        }
        let open = self.under_way(None).await?;
        for one in suggestions {
            let about = open.iter().filter(|open| {
                open.cities.iter().any(|city| city.as_str() == one.city)
                    && (open.subjects.contains(&one.opportunity) || open.subjects.contains(&one.other_opportunity))
            });
            one.open_cooperations = about.map(|open| open.name.clone()).collect();
        }
        Ok(())
    }
}
