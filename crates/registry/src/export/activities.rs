//! Partnerships as activities of IATI, with the organisations and observations that belong to them.

use std::collections::HashMap;

use isopolity_domain::{Kind, Name, validate};
use isopolity_exchange::iati::{Related, Reporter, Writer};
use isopolity_proto::{
    options::Audience,
    registry::{City, IndicatorObservation, Organization, OrganizationKind, Partnership},
    types::{Identifier, LocalizedText},
};
use prost_reflect::DynamicMessage;

use super::{Export, PIECE_MAX, Pages, Taker, file::Buffer};
use crate::{Error, Registry};

/// Observations that are read at once.
const PAGE: u64 = 100;

impl Registry {
    /// Writes an activity for each partnership. Whether the file was taken to its end.
    pub(super) async fn export_activities(&self, export: &Export, taker: &mut Taker) -> Result<bool, Error> {
        let audience = export.audience;
        let city = self.visible_city(audience).await?;
        let reporter = reporter(&city, self.authority(&city, audience).await?);
        let buffer = Buffer::default();
        let mut writer = Writer::begin(buffer.clone(), reporter, self.now()).map_err(Error::internal)?;
        let mut pages = Pages::of(self, export);
        while let Some((_, resource)) = pages.next().await? {
            let partnership: Partnership = resource.transcode_to().map_err(Error::internal)?;
            let organizations = self.organizations_of(&resource, audience).await?;
            let observations = self.observations_of(&partnership.name, audience).await?;
            let related = Related { organizations: &organizations, observations: &observations };
            writer.activity(&partnership, related).map_err(Error::internal)?;
            taker.records += 1;
            if !taker.take(&buffer, PIECE_MAX).await {
                return Ok(false);
            }
        }
        if taker.records == 0 {
            // The schema wants an activity; a file without one would not be IATI.
            return Err(Error::NotFound(format!("partnership of {}", city.name)));
        }
        writer.finish().map_err(Error::internal)?;
        Ok(taker.finish(&buffer).await)
    }

    /// The organisations of this city that a partnership names, as far as the audience sees them, by resource name.
    async fn organizations_of(
        &self,
        partnership: &DynamicMessage,
        audience: Audience,
    ) -> Result<HashMap<String, Organization>, Error> {
        let references = validate::references(Kind::Partnership, partnership).into_iter();
        let names: Vec<Name> = references
            .map(|(_, name)| name)
            .filter(|name| name.kind() == Kind::Organization && name.city() == self.city())
            .collect();
        let mut organizations = HashMap::with_capacity(names.len());
        for seen in self.all_visible(&names, audience).await? {
            let organization: Organization = seen.transcode_to().map_err(Error::internal)?;
            organizations.insert(organization.name.clone(), organization);
        }
        Ok(organizations)
    }

    /// What was measured of a partnership, as far as the audience sees it, by name.
    async fn observations_of(&self, partnership: &str, audience: Audience) -> Result<Vec<IndicatorObservation>, Error> {
        let name: Name = partnership.parse().map_err(Error::internal)?;
        let mut observations: Vec<IndicatorObservation> = Vec::new();
        let mut after = None;
        loop {
            let kind = Kind::IndicatorObservation;
            let names = self.store().referrers_of_kind(&name, kind, after.as_ref(), PAGE).await?;
            for seen in self.all_visible(&names, audience).await? {
                let observation: IndicatorObservation = seen.transcode_to().map_err(Error::internal)?;
                // It may refer to the partnership otherwise, for example as what takes its place.
                if observation.partnership == partnership {
                    observations.push(observation);
                }
            }
            match names.last() {
                Some(last) => after = Some(last.clone()),
                None => return Ok(observations),
            }
        }
    }
}

/// Who publishes the file: the city's authority, else the city as far as it describes itself.
///
/// IATI identifies a publisher by its number in a register. Where neither the authority nor the city states one, the
/// city's id stands for it: it is unique and the city's own, and the schema takes any text.
fn reporter(city: &City, authority: Option<Organization>) -> Reporter {
    let id = city.name.strip_prefix("cities/").unwrap_or(&city.name);
    let (identifiers, kind, names) = match authority {
        Some(authority) => (authority.identifiers.clone(), authority.kind(), authority.display_names),
        None => (Vec::new(), OrganizationKind::LocalAuthority, city.display_names.clone()),
    };
    let in_use = |identifier: &&Identifier| !identifier.retired && !identifier.value.is_empty();
    let identifier = identifiers.iter().find(in_use).or_else(|| city.identifiers.iter().find(in_use));
    let reference = identifier.map_or_else(|| id.to_owned(), isopolity_exchange::iati::reference);
    let unnamed = || vec![LocalizedText { text: id.to_owned(), language: "und".to_owned(), ..Default::default() }];
    Reporter { reference, kind, names: if names.is_empty() { unnamed() } else { names } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(scheme: &str, value: &str, retired: bool) -> Identifier {
        Identifier { scheme: scheme.into(), value: value.into(), retired, ..Default::default() }
    }

    #[test]
    fn the_publisher_is_the_authority_else_the_city_under_the_best_identifier_that_there_is() {
        let mut city = City { name: "cities/feira.example".into(), ..Default::default() };
        let bare = reporter(&city, None);
        assert_eq!((bare.reference.as_str(), bare.names[0].text.as_str()), ("feira.example", "feira.example"));
        city.identifiers = vec![identifier("XI-WIKIDATA", "Q1", false)];
        assert_eq!(reporter(&city, None).reference, "XI-WIKIDATA-Q1");
        let mut authority = Organization { kind: OrganizationKind::RegionalAuthority.into(), ..Default::default() };
        authority.identifiers = vec![identifier("PT-OLD", "1", true)];
        assert_eq!(reporter(&city, Some(authority.clone())).reference, "XI-WIKIDATA-Q1");
        authority.identifiers.push(identifier("PT-NIF", "501157280", false));
        let known = reporter(&city, Some(authority));
        assert_eq!((known.reference.as_str(), known.kind), ("PT-NIF-501157280", OrganizationKind::RegionalAuthority));
    }
}
