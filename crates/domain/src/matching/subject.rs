//! What is compared, and how it is taken from a record.

use isopolity_proto::{registry::Organization, types::Place};
use prost_reflect::{DynamicMessage, ReflectMessage as _};

/// What kind of thing a subject is. Subjects of different kinds are never the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubjectKind {
    /// A body.
    Organization,
    /// A place.
    Place,
}

/// What is known about an organisation or a place, as far as it helps to recognise it. Empty, 0 and `None`: not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// What it is called here, for example its resource name. Unique within an index.
    pub name: String,
    /// Organisation or place.
    pub kind: SubjectKind,
    /// Its names, in any language and script.
    pub names: Vec<String>,
    /// ISO 3166-1 alpha-2, or `XK`.
    pub country: String,
    /// Degrees north and east. Of an organisation: of its seat.
    pub point: Option<(f64, f64)>,
    /// Inhabitants. Of an organisation: 0.
    pub population: i64,
    /// Registers and what they call it.
    pub identifiers: Vec<(String, String)>,
    /// The place's id at `GeoNames`.
    pub geonames_id: i64,
    /// The item at Wikidata, for example `Q193`.
    pub wikidata: String,
    /// The place's UN/LOCODE.
    pub locode: String,
}

impl Subject {
    /// A subject of which only the names and the country are known.
    #[must_use]
    pub fn named(name: &str, kind: SubjectKind, names: &[&str], country: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            names: names.iter().map(|&name| name.to_owned()).collect(),
            country: country.to_owned(),
            point: None,
            population: 0,
            identifiers: Vec::new(),
            geonames_id: 0,
            wikidata: String::new(),
            locode: String::new(),
        }
    }

    /// What an organisation's record says. The identifiers of its seat are the place's, not its own, and are left out.
    #[must_use]
    pub fn of_organization(organization: &Organization) -> Self {
        let seat = organization.seat.as_ref();
        let country = match (organization.country.as_str(), seat) {
            ("", Some(seat)) => seat.country.as_str(),
            (country, _) => country,
        };
        Self {
            names: organization.display_names.iter().map(|name| name.text.clone()).collect(),
            point: seat.and_then(point),
            identifiers: organization
                .identifiers
                .iter()
                .map(|identifier| (identifier.scheme.clone(), identifier.value.clone()))
                .collect(),
            ..Self::named(&organization.name, SubjectKind::Organization, &[], country)
        }
    }

    /// What a place says, under the name that it has where it comes from.
    #[must_use]
    pub fn of_place(name: &str, place: &Place) -> Self {
        Self {
            names: place.names.iter().map(|name| name.text.clone()).collect(),
            point: point(place),
            population: place.population,
            geonames_id: place.geonames_id,
            wikidata: place.wikidata.clone(),
            locode: place.locode.clone(),
            ..Self::named(name, SubjectKind::Place, &[], &place.country)
        }
    }

    /// What a record says. `None` if it is no organisation.
    #[must_use]
    pub fn of_record(record: &DynamicMessage) -> Option<Self> {
        match record.descriptor().full_name() {
            "isopolity.registry.v1.Organization" => {
                record.transcode_to::<Organization>().ok().map(|organization| Self::of_organization(&organization))
            }
            _ => None,
        }
    }
}

fn point(place: &Place) -> Option<(f64, f64)> {
    place.point.as_ref().map(|point| (point.latitude, point.longitude))
}
