//! What this city's own resources were before.

use isopolity_domain::{
    Name,
    clock::to_timestamp,
    page_token::{self, PageTokenError},
    question::check_page_size,
};
use isopolity_proto::{registry, type_url};
use isopolity_store::Revision;
use prost_reflect::ReflectMessage as _;
use prost_types::Any;

use crate::{
    Caller, Error, Registry, Right,
    author::{PAGE_DEFAULT, PAGE_MAX, Resource},
};

/// What every change changes, so that it says nothing to name it.
const ALWAYS_CHANGED: [&str; 2] = ["etag", "update_time"];

/// A page of versions.
#[derive(Debug)]
pub struct RevisionPage {
    /// The versions, the latest first.
    pub revisions: Vec<registry::Revision>,
    /// The token of the next page. Empty: there is none.
    pub next_page_token: String,
}

impl Registry {
    /// Lists the versions of a resource, the latest first; also of a deleted one.
    ///
    /// # Errors
    /// [`Error::TokenMissing`] or [`Error::RightMissing`] without the right to read, [`Error::NotFound`] if there never was
    /// such a resource here, [`Error::Invalid`] for a page size out of range or a foreign page token.
    pub async fn revisions(
        &self,
        caller: &Caller,
        name: &Name,
        page_size: i32,
        page_token: &str,
    ) -> Result<RevisionPage, Error> {
        caller.must(Right::Read)?;
        let size = check_page_size(page_size, "page_size", PAGE_DEFAULT, PAGE_MAX)?;
        let purpose = format!("revisions {name}");
        let before = self.revisions_start(&purpose, page_token)?;
        // One more: the last of the page is compared with it.
        let mut found = self.store().revisions(name, before, (size + 1) as u64).await?;
        if found.is_empty() && before.is_none() {
            return Err(Error::NotFound(name.to_string()));
        }
        let earlier = if found.len() > size { found.pop() } else { None };
        let next_page_token = match (found.last(), &earlier) {
            (Some(last), Some(_)) => page_token::encode(&self.inner.page_key, &purpose, &last.revision.to_string()),
            _ => String::new(),
        };
        let befores = found.iter().skip(1).chain(&earlier).map(Some).chain([None]);
        let revisions = found
            .iter()
            .zip(befores)
            .map(|(revision, before)| shown(revision, before))
            .collect::<Result<_, Error>>()?;
        Ok(RevisionPage { revisions, next_page_token })
    }

    fn revisions_start(&self, purpose: &str, token: &str) -> Result<Option<i64>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        let before = page_token::decode(&self.inner.page_key, purpose, token).ok().and_then(|text| text.parse().ok());
        Ok(Some(before.ok_or_else(|| PageTokenError.at("page_token"))?))
    }
}

fn shown(revision: &Revision, before: Option<&Revision>) -> Result<registry::Revision, Error> {
    let changed_fields = match before {
        Some(before) => changed_fields(before, revision)?,
        None => Vec::new(),
    };
    let full_name = revision.name.kind().full_name();
    Ok(registry::Revision {
        revision: revision.revision,
        time: Some(to_timestamp(revision.time)),
        author: revision.author.clone(),
        change: revision.change.into(),
        changed_fields,
        resource: Some(Any { type_url: type_url(&full_name), value: revision.body.to_vec() }),
    })
}

/// The top-level fields in which two versions differ, in the order of the message.
fn changed_fields(before: &Revision, after: &Revision) -> Result<Vec<String>, Error> {
    let kind = after.name.kind();
    let (before, after) = (Resource::decode(kind, before.body.clone())?, Resource::decode(kind, after.body.clone())?);
    let differ = |field: &prost_reflect::FieldDescriptor| {
        before.0.has_field(field) != after.0.has_field(field) || before.0.get_field(field) != after.0.get_field(field)
    };
    Ok(after
        .0
        .descriptor()
        .fields()
        .filter(|field| !ALWAYS_CHANGED.contains(&field.name()))
        .filter(differ)
        .map(|field| field.name().to_owned())
        .collect())
}
