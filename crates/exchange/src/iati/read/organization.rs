//! The organisations that an activity names.

use isopolity_domain::{
    Kind, Name, codes,
    text::{fold, hexadecimal, slug},
};
use isopolity_proto::{
    registry::{Organization, OrganizationKind},
    to_dynamic,
    types::{Identifier, LocalizedText},
};
use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;

use super::{super::terms, Activity, code, extension, words};
use crate::{row::Entry, schema::tree::Element};

/// The organisations of an activity, each once, in the order in which they first stand in it.
#[derive(Default)]
pub(super) struct Organizations {
    known: Vec<Known>,
}

/// An organisation, and what the activity calls it.
pub(super) struct Known {
    pub(super) name: Name,
    pub(super) reference: String,
    pub(super) organization: Organization,
}

impl Organizations {
    /// The organisation that an element names. `None`: neither a reference nor a name.
    pub(super) fn enter(&mut self, element: &Element, activity: &Activity<'_>, countries: &[String]) -> Option<&Known> {
        let reference = code(element, "ref");
        let names = words::narratives(element, &activity.language);
        if reference.is_empty() && names.is_empty() {
            return None;
        }
        let stated = extension(element, "type").map_or_else(|| code(element, "type"), str::to_owned);
        let first = names.first().map_or("", |name| name.text.as_str());
        let kind = terms::kind(&stated, first);
        let country = country(&reference, kind, countries);
        let id = if reference.is_empty() {
            let key = ["name", &country, kind.as_str_name(), &first.nfc().collect::<String>()].join("\u{1f}");
            identify(first, &key)
        } else {
            identify(&reference, &["ref", &reference].join("\u{1f}"))
        };
        let name = Name::new(activity.context.city.clone(), Kind::Organization, &id).ok()?;
        let at = self.known.iter().position(|known| known.name == name);
        let at = at.unwrap_or_else(|| {
            let identifiers = if reference.is_empty() { Vec::new() } else { vec![identifier(&reference)] };
            let organization = Organization {
                audience: activity.context.audience.into(),
                provenance: Some(activity.context.provenance.clone()),
                kind: kind.into(),
                country,
                identifiers,
                ..Default::default()
            };
            self.known.push(Known { name, reference, organization });
            self.known.len() - 1
        });
        let known = self.known.get_mut(at)?;
        // The same body may stand several times, once with its name or type and once without.
        for name in names {
            if !known.organization.display_names.contains(&name) {
                known.organization.display_names.push(name);
            }
        }
        if known.organization.kind() == OrganizationKind::Other {
            known.organization.set_kind(kind);
        }
        self.known.get(at)
    }

    /// The organisation that is meant by a reference, or by a name where there is none.
    pub(super) fn find(&self, reference: &str, name: &str) -> Option<&Known> {
        self.known.iter().find(|known| {
            let names = || known.organization.display_names.iter().any(|known| known.text == name);
            if reference.is_empty() { !name.is_empty() && names() } else { known.reference == reference }
        })
    }

    /// The site of the organisation of this resource name.
    pub(super) fn set_website(&mut self, name: &Name, website: String) {
        if let Some(known) = self.known.iter_mut().find(|known| known.name == *name) {
            known.organization.website = website;
        }
    }

    pub(super) fn known(&self, name: &Name) -> Option<&Known> {
        self.known.iter().find(|known| known.name == *name)
    }

    pub(super) fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.known.into_iter().map(|mut known| {
            if known.organization.display_names.is_empty() {
                let text = LocalizedText { text: known.reference, language: String::from("und"), ..Default::default() };
                known.organization.display_names.push(text);
            }
            known.organization.name = known.name.to_string();
            Entry { resource: to_dynamic(&known.organization), name: known.name }
        })
    }
}

/// Whether it is this city that an element names.
pub(super) fn is_own(known: &Known, activity: &Activity<'_>) -> bool {
    let names = &activity.context.city_names;
    known.organization.display_names.iter().any(|name| names.contains(&fold(&name.text)))
}

/// The register and the number of a reference `{country or XI or XM}-{register}-{number}`.
fn identifier(reference: &str) -> Identifier {
    let mut parts = reference.splitn(3, '-');
    if let (Some(area), Some(register), Some(number)) = (parts.next(), parts.next(), parts.next())
        && area.len() == 2
        && !register.is_empty()
        && !number.is_empty()
    {
        return Identifier { scheme: format!("{area}-{register}"), value: number.to_owned(), ..Default::default() };
    }
    Identifier { scheme: terms::PLAIN_REFERENCE.to_owned(), value: reference.to_owned(), ..Default::default() }
}

/// The country of an organisation: that of the register that its reference is from, else, for a local or regional
/// authority, the only country in which the activity takes place. Else it is not known.
fn country(reference: &str, kind: OrganizationKind, countries: &[String]) -> String {
    if let Some((area, _)) = reference.split_once('-')
        && codes::check("iso3166-1", area).is_ok()
    {
        return area.to_owned();
    }
    match (kind, countries) {
        (OrganizationKind::LocalAuthority | OrganizationKind::RegionalAuthority, [only]) => only.clone(),
        _ => String::new(),
    }
}

/// An id that a person can read and that is the same for the same key.
pub(super) fn identify(readable: &str, key: &str) -> String {
    let digest = hexadecimal(Sha256::digest(key.as_bytes()).get(..5).unwrap_or_default());
    let readable = slug(readable, 40);
    if readable.is_empty() { format!("iati-{digest}") } else { format!("iati-{readable}-{digest}") }
}
