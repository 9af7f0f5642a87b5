//! What is compared, and how it is taken from a record.

use isopolity_proto::{
    registry::{self, Organization, OrganizationKind, PlaceKind},
    types::{LocalizedText, Place, Point},
};
use prost_reflect::{DynamicMessage, ReflectMessage as _};

use crate::{Kind, Name};

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
    /// What sort of body or place, as the registry names it without its prefix, for example `CHAMBER`.
    pub sort: String,
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
            sort: String::new(),
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
            sort: match organization.kind() {
                OrganizationKind::Unspecified => String::new(),
                kind => kind.as_str_name().trim_start_matches("ORGANIZATION_KIND_").to_owned(),
            },
            names: texts(&organization.display_names),
            point: seat.and_then(|seat| point(seat.point.as_ref())),
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
            names: texts(&place.names),
            point: point(place.point.as_ref()),
            population: place.population,
            geonames_id: place.geonames_id,
            wikidata: place.wikidata.clone(),
            locode: place.locode.clone(),
            ..Self::named(name, SubjectKind::Place, &[], &place.country)
        }
    }

    /// What a place's record says.
    #[must_use]
    pub fn of_place_record(place: &registry::Place) -> Self {
        Self {
            sort: match place.kind() {
                PlaceKind::Unspecified => String::new(),
                kind => kind.as_str_name().trim_start_matches("PLACE_KIND_").to_owned(),
            },
            names: texts(&place.display_names),
            point: point(place.point.as_ref()),
            population: place.population,
            geonames_id: place.geonames_id,
            wikidata: place.wikidata.clone(),
            locode: place.locode.clone(),
            ..Self::named(&place.name, SubjectKind::Place, &[], &place.country)
        }
    }

    /// What a record says. `None` if it is neither an organisation nor a place. [`super::subject`] gives it another
    /// name.
    #[must_use]
    pub fn of_record(record: &DynamicMessage) -> Option<Self> {
        match record.descriptor().full_name() {
            "isopolity.registry.v1.Organization" => {
                record.transcode_to::<Organization>().ok().map(|organization| Self::of_organization(&organization))
            }
            "isopolity.registry.v1.Place" => {
                record.transcode_to::<registry::Place>().ok().map(|place| Self::of_place_record(&place))
            }
            _ => None,
        }
    }
}

/// What the record of this name says. `None` if it is neither an organisation nor a place.
#[must_use]
pub fn subject(name: &Name, record: &DynamicMessage) -> Option<Subject> {
    matches!(name.kind(), Kind::Organization | Kind::Place).then(|| Subject::of_record(record)).flatten().map(
        |subject| {
            // A record that is not written yet may not hold its name.
            Subject { name: name.to_string(), ..subject }
        },
    )
}

fn texts(names: &[LocalizedText]) -> Vec<String> {
    names.iter().map(|name| name.text.clone()).collect()
}

fn point(point: Option<&Point>) -> Option<(f64, f64)> {
    point.map(|point| (point.latitude, point.longitude))
}
