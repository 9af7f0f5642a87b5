//! What an organisation must say.

use isopolity_proto::{
    options::Audience,
    registry::{DiasporaLink, DiasporaLinkBasis, Organization},
    types::ProvenanceMethod,
};

use super::{
    common,
    findings::{Findings, below, entry},
    named,
};
use crate::{Kind, Name, text};

pub(super) fn check(organization: &Organization, found: &mut Findings) {
    found.must_have_audience(organization.audience);
    found.must_hold(1, organization.display_names.len(), "display_names");
    found.must_be_stated(organization.kind, "kind");
    // Sources that name an organisation often do not say where it belongs; to make it up would be worse.
    let imported = organization.provenance.as_ref().is_some_and(|one| one.method() == ProvenanceMethod::Imported);
    if !imported {
        found.must_have(&organization.country, "country");
    }
    for (at, other) in organization.other_names.iter().enumerate() {
        let path = entry("other_names", at);
        if other.text.is_none() {
            found.required(&below(&path, "text"));
        }
        found.must_be_stated(other.kind, &below(&path, "kind"));
    }
    for (at, link) in organization.diaspora_links.iter().enumerate() {
        check_link(link, &entry("diaspora_links", at), found);
    }
    if found.must_name(Kind::Organization, &organization.successor, "successor").is_some() {
        common::must_not_be(&organization.name, &organization.successor, "successor", found);
    }
    if organization.sole_trader {
        must_not_be_told_by_its_id(organization, found);
    }
}

/// A tie to a country can reveal where a person comes from: whoever may see it depends on how it is known.
fn check_link(link: &DiasporaLink, path: &str, found: &mut Findings) {
    found.must_have(&link.country, &below(path, "country"));
    found.must_be_stated(link.kind, &below(path, "kind"));
    found.must_be_stated(link.basis, &below(path, "basis"));
    let audience = below(path, "audience");
    match Audience::try_from(link.audience) {
        Ok(Audience::Public) => {
            if link.basis() != DiasporaLinkBasis::SelfPublished {
                found.invalid(&audience, "PUBLIC needs the basis SELF_PUBLISHED: else FEDERATION or INTERNAL");
            }
            found.must_have(&link.source_uri, &below(path, "source_uri"));
        }
        Ok(Audience::Federation | Audience::Shared) => {
            found.must_have(&link.consent_reference, &below(path, "consent_reference"));
            found.must_have(&link.expire_date, &below(path, "expire_date"));
        }
        Ok(Audience::Unspecified | Audience::Internal) | Err(_) => {}
    }
}

/// The names of a sole trader are for own staff only, but everyone sees the resource name.
fn must_not_be_told_by_its_id(organization: &Organization, found: &mut Findings) {
    let Some((_, id)) = organization.name.rsplit_once('/') else { return };
    let parts = text::words(id);
    let names = organization.display_names.iter().map(|one| &one.text);
    let others = organization.other_names.iter().filter_map(|one| one.text.as_ref()).map(|one| &one.text);
    for word in names.chain(others).flat_map(|name| text::words(name)) {
        let told = parts.contains(&word) || (word.chars().count() >= 4 && id.contains(&word));
        if told {
            let description = "holds words of the names of a sole trader: create it with a UUID as its id";
            found.invalid("name", description);
            return;
        }
    }
}

pub(super) fn references(organization: &Organization) -> Vec<(String, Name)> {
    named(Kind::Organization, [("successor".to_owned(), &organization.successor)]).collect()
}
