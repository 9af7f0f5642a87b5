//! The registry described as a catalogue.

use isopolity_domain::{Name, clock::from_timestamp};
use isopolity_exchange::dcat::{self, Description, Holding};
use isopolity_proto::{
    options::Audience,
    registry::{City, Organization},
};
use prost_reflect::DynamicMessage;
use time::OffsetDateTime;

use super::{Export, Pages, Taker, file::Buffer};
use crate::{Error, Registry};

impl Registry {
    /// Counts the records that the audience sees and describes them. Whether the description was taken.
    pub(super) async fn export_description(
        &self,
        export: &Export,
        endpoint: &str,
        taker: &Taker,
    ) -> Result<bool, Error> {
        let mut holdings: Vec<Holding> = export.kinds.iter().map(|kind| Holding::of(*kind)).collect();
        let mut pages = Pages::of(self, export);
        while let Some((kind, resource)) = pages.next().await? {
            if let Some(holding) = holdings.iter_mut().find(|holding| holding.kind == kind) {
                holding.add(changed(&resource), &licence(&resource));
            }
            if taker.pieces.is_closed() {
                return Ok(false);
            }
        }
        let city = self.visible_city(export.audience).await?;
        let publisher = self.authority(&city, export.audience).await?;
        let described = Description {
            city: &city,
            publisher: publisher.as_ref(),
            holdings: &holdings,
            endpoint,
            audience: export.audience,
        };
        let buffer = Buffer::default();
        dcat::write(&described, buffer.clone()).map_err(Error::internal)?;
        Ok(taker.finish(&buffer).await)
    }

    /// The city's profile as an audience sees it; its name alone if it sees nothing else.
    pub(super) async fn visible_city(&self, audience: Audience) -> Result<City, Error> {
        let name = Name::of_city(self.city().clone());
        match self.visible(&name, audience).await? {
            Some(city) => city.transcode_to().map_err(Error::internal),
            None => Ok(City { name: name.to_string(), ..Default::default() }),
        }
    }

    /// The organisation that governs the city, if it is a record of this city that the audience sees.
    pub(super) async fn authority(&self, city: &City, audience: Audience) -> Result<Option<Organization>, Error> {
        let Ok(name) = city.authority.parse::<Name>() else { return Ok(None) };
        let found = self.visible(&name, audience).await?;
        found.map(|authority| authority.transcode_to().map_err(Error::internal)).transpose()
    }
}

/// When a resource was last changed.
fn changed(resource: &DynamicMessage) -> Option<OffsetDateTime> {
    let time = resource.get_field_by_name("update_time")?;
    let time = time.as_message()?.transcode_to::<prost_types::Timestamp>().ok()?;
    from_timestamp(&time)
}

/// Under which licence a resource stands, if it says so.
fn licence(resource: &DynamicMessage) -> String {
    let provenance = resource.get_field_by_name("provenance");
    let licence = provenance.as_deref().and_then(|value| value.as_message()?.get_field_by_name("licence"));
    licence.and_then(|licence| licence.as_str().map(str::to_owned)).unwrap_or_default()
}
