//! The documents that an audience may see, page by page.

use std::collections::VecDeque;

use isopolity_domain::{Kind, Name, filter::Checked, project::project};
use isopolity_proto::options::Audience;
use isopolity_store::Document;
use prost_reflect::DynamicMessage;

use super::Export;
use crate::{Error, Registry, author::Resource};

/// Documents that are read at once.
const PAGE: u64 = 100;

/// What is exported, one resource after the other. A page is in memory, never more.
pub(super) struct Pages<'a> {
    registry: &'a Registry,
    audience: Audience,
    filter: Option<&'a Checked>,
    kinds: VecDeque<Kind>,
    after: Option<Name>,
    page: VecDeque<Document>,
}

impl<'a> Pages<'a> {
    pub(super) fn of(registry: &'a Registry, export: &'a Export) -> Self {
        let kinds = export.kinds.iter().copied().collect();
        let filter = export.filter.as_ref();
        Self { registry, audience: export.audience, filter, kinds, after: None, page: VecDeque::new() }
    }

    /// The next resource as the audience sees it.
    pub(super) async fn next(&mut self) -> Result<Option<(Kind, DynamicMessage)>, Error> {
        while let Some(kind) = self.kinds.front().copied() {
            while let Some(document) = self.page.pop_front() {
                let seen = seen_by(document, self.audience)?;
                let seen = seen.filter(|resource| self.filter.is_none_or(|filter| filter.matches(resource)));
                if let Some(resource) = seen {
                    return Ok(Some((kind, resource)));
                }
            }
            let page = self.registry.store().documents_of_kind(kind, self.audience, self.after.as_ref(), PAGE).await?;
            self.after = page.last().map(|last| last.name.clone());
            if self.after.is_none() {
                self.kinds.pop_front();
            }
            self.page = page.into();
        }
        Ok(None)
    }
}

impl Registry {
    /// A resource as an audience sees it; `None` if it sees none of this name.
    pub(super) async fn visible(&self, name: &Name, audience: Audience) -> Result<Option<DynamicMessage>, Error> {
        Ok(self.all_visible(std::slice::from_ref(name), audience).await?.pop())
    }

    /// Those of the named resources that an audience sees, as it sees them, by name.
    pub(super) async fn all_visible(&self, names: &[Name], audience: Audience) -> Result<Vec<DynamicMessage>, Error> {
        let documents = self.store().documents(names).await?.into_iter();
        let seen = documents.filter(|document| (Audience::Public..=audience).contains(&document.audience));
        seen.filter_map(|document| seen_by(document, audience).transpose()).collect()
    }
}

/// The document as an audience sees it, `None` if it was deleted. What the audience may not see is taken away before
/// anybody looks at it, also a filter.
fn seen_by(document: Document, audience: Audience) -> Result<Option<DynamicMessage>, Error> {
    if document.delete_time.is_some() {
        return Ok(None);
    }
    let mut resource = Resource::decode(document.name.kind(), document.body)?.0;
    if audience < Audience::Internal {
        project(&mut resource, audience);
    }
    Ok(Some(resource))
}
