//! How far two cities cooperate.

use std::time::Duration;

use isopolity_domain::{
    CityId, Kind, Violation, Violations,
    insight::{
        Described,
        ladder::{self, Side},
    },
};
use isopolity_proto::{
    admin::PeerState,
    federation::Question,
    insight::{GetCooperationStatusRequest, GetCooperationStatusResponse},
};

use super::{RECORDS_MAX, compute, profiles, without_profiles};
use crate::{
    Caller, Error, Registry,
    search::{Gathered, Wanting},
};

/// The most names of places.
const NAMES_MAX: usize = 20;
/// The longest, in characters.
const NAME_MAX: usize = 200;

/// Which two cities.
struct Pair {
    one: CityId,
    other: CityId,
}

impl Registry {
    /// How far two cities cooperate, as far as the records of the two say. Nobody else is asked: what others say of two cities
    /// is no word of theirs.
    ///
    /// The names of places are those of the other city; or of the first, if only the other has a node.
    ///
    /// # Errors
    /// [`Error::Invalid`]; as [`Registry::search`].
    pub async fn cooperation_status(
        &self,
        caller: &Caller,
        request: &GetCooperationStatusRequest,
        within: Option<Duration>,
    ) -> Result<GetCooperationStatusResponse, Error> {
        let (_place, within) = self.enter(caller, within).await?;
        let Pair { one, other } = pair(request)?;
        let members: Vec<&CityId> = [&one, &other].into_iter().filter(|city| self.has_node(city)).collect();
        let cities: Vec<String> = match members.as_slice() {
            // Nobody is left to ask: what is known is what this city's own outcome says, nothing.
            [] => vec![self.city().to_string()],
            members => members.iter().map(ToString::to_string).collect(),
        };
        let kinds = [Kind::City, Kind::Agreement, Kind::Partnership];
        let wanting = Wanting {
            question: Question { kinds: kinds.map(|kind| kind.as_str().to_owned()).to_vec(), ..Question::default() },
            cities,
            purpose: &request.purpose,
            most: RECORDS_MAX,
        };
        let named_first = members.as_slice() == [&other];
        let gathered = self.gather(caller, wanting, within).await?;
        let names = |named: bool| if named { request.place_names.as_slice() } else { &[] };
        let first = side(&gathered, &one, names(named_first));
        let second = side(&gathered, &other, names(!named_first));
        let outcomes = without_profiles(&gathered);
        let Gathered { coverage, cut, .. } = gathered;
        let now = self.now();
        let found = compute(move || ladder::status(&first, &second, now)).await?;
        Ok(GetCooperationStatusResponse {
            ladder: found.number(),
            level: found.level.into(),
            // What was left off may be what leads further.
            may_be_higher: found.may_be_higher || (cut && found.number() < 5),
            evidence: found.evidence,
            sides: found.sides,
            disputed: found.disputed,
            open_cooperations: self.open_with(&[&one, &other]).await?,
            outcomes,
            coverage: Some(coverage),
        })
    }

    /// Whether a city can be asked: it is this one, or a member of the federation.
    fn has_node(&self, city: &CityId) -> bool {
        let state = || self.federation().get(city).map(|peer| peer.state);
        city == self.city() || matches!(state(), Some(PeerState::Active | PeerState::Suspended))
    }

    /// Open cooperations with the other of two cities, if one of them is this one.
    async fn open_with(&self, cities: &[&CityId; 2]) -> Result<Vec<String>, Error> {
        let other = match cities {
            [one, other] if *one == self.city() => other,
            [one, other] if *other == self.city() => one,
            _ => return Ok(Vec::new()),
        };
        Ok(self.under_way(Some(other)).await?.into_iter().map(|open| open.name).collect())
    }
}

fn pair(request: &GetCooperationStatusRequest) -> Result<Pair, Error> {
    let mut violations = Vec::new();
    let mut city = |field: &str, text: &str| match text.parse::<CityId>() {
        _ if text.is_empty() => {
            violations.push(Violation::required(field));
            None
        }
        Ok(city) => Some(city),
        Err(error) => {
            violations.push(Violation::invalid(field, error.to_string()));
            None
        }
    };
    let (one, other) = (city("city", &request.city), city("other_city", &request.other_city));
    if one.is_some() && one == other {
        violations.push(Violation::invalid("other_city", "is the same city"));
    }
    if request.place_names.len() > NAMES_MAX {
        violations.push(Violation::invalid("place_names", format!("are more than {NAMES_MAX}")));
    }
    for (at, name) in request.place_names.iter().enumerate().take(NAMES_MAX) {
        if name.chars().nth(NAME_MAX).is_some() {
            violations.push(Violation::invalid(
                format!("place_names[{at}]"),
                format!("is longer than {NAME_MAX} characters"),
            ));
        }
    }
    match (one, other) {
        (Some(one), Some(other)) if violations.is_empty() => Ok(Pair { one, other }),
        _ => Err(Violations(violations).into()),
    }
}

/// What one of the two states.
fn side(gathered: &Gathered, city: &CityId, names: &[String]) -> Side {
    let described = profiles(gathered).remove(city).unwrap_or_else(|| Described::new(city.clone()));
    let own = || gathered.items.iter().filter(|item| item.city == *city);
    Side {
        city: described.also_called(names.iter().map(String::as_str)),
        answered: gathered.answered(city),
        agreements: own().filter_map(|item| item.of(Kind::Agreement)).collect(),
        partnerships: own().filter_map(|item| item.of(Kind::Partnership)).collect(),
    }
}
