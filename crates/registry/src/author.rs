//! Reading and changing this city's own resources.
//!
//! Everything works on the descriptor, so that each kind of resource is handled by the same lines.

mod resource;

use bytes::Bytes;
use isopolity_domain::{
    CityId, Kind, Name, Violation, Violations,
    feed::{Position, Publication},
    page_token,
    project::project,
    question::check_page_size,
    record, validate,
};
use isopolity_proto::{error::Reason, options::Audience, registry::City, to_dynamic, types::LocalizedText};
use isopolity_store::{Document, Tx};
use prost_reflect::DynamicMessage;
use uuid::Uuid;

pub(crate) use resource::Resource;

use crate::{Caller, Error, Registry, Right};

/// The largest page of a list.
const PAGE_MAX: i32 = 1_000;
/// The page of a list where the caller names no size.
const PAGE_DEFAULT: i32 = 50;

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// The resources, in order of name.
    pub resources: Vec<DynamicMessage>,
    /// The token of the next page. Empty: there is none.
    pub next_page_token: String,
}

impl Registry {
    /// Returns a resource, without the fields that the caller may not see.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that the caller may see.
    pub async fn get(&self, caller: &Caller, name: &Name) -> Result<DynamicMessage, Error> {
        let clearance = caller.clearance();
        let document = self.store().document(name).await?;
        match document.filter(|document| document.audience <= clearance) {
            Some(document) => seen_by(document.body, name.kind(), clearance),
            None => Err(Error::NotFound(name.to_string())),
        }
    }

    /// Lists resources of a kind in order of name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a parent that is not this city, a page size out of range, or a foreign page token.
    pub async fn list(
        &self,
        caller: &Caller,
        kind: Kind,
        parent: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<Page, Error> {
        self.must_be_parent(parent)?;
        let size = check_page_size(page_size, "page_size", PAGE_DEFAULT, PAGE_MAX)?;
        let clearance = caller.clearance();
        let purpose = format!("{parent} {kind} {}", i32::from(clearance));
        let after = self.page_start(&purpose, page_token)?;
        let limit = u64::try_from(size).unwrap_or(u64::MAX).saturating_add(1);
        let mut documents = self.store().list(kind, clearance, after.as_ref(), limit).await?;
        let more = documents.len() > size;
        documents.truncate(size);
        let next_page_token = match documents.last() {
            Some(last) if more => page_token::encode(&self.inner.page_key, &purpose, &last.name.to_string()),
            _ => String::new(),
        };
        let resources =
            documents.into_iter().map(|one| seen_by(one.body, kind, clearance)).collect::<Result<Vec<_>, Error>>()?;
        Ok(Page { resources, next_page_token })
    }

    /// Creates a resource, publishes it and returns it as stored.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Exists`], or what the store says. Nothing is written then.
    pub async fn create(
        &self,
        caller: &Caller,
        kind: Kind,
        parent: &str,
        id: &str,
        resource: DynamicMessage,
        validate_only: bool,
    ) -> Result<DynamicMessage, Error> {
        caller.must(Right::Edit)?;
        self.must_be_parent(parent)?;
        let id = if id.is_empty() { Uuid::now_v7().to_string() } else { id.to_owned() };
        let name = Name::new(self.city().clone(), kind, &id)
            .map_err(|error| Violation::invalid(format!("{kind}_id"), error.to_string()))?;
        let mut resource = Resource(resource);
        resource.set_name(&name);
        validate::validate(kind, &resource.0).map_err(|violations| violations.below(kind.as_str()))?;

        let mut tx = self.store().begin("create").await?;
        self.references_must_exist(&mut tx, kind, &resource.0, kind.as_str()).await?;
        let document = self.first_version(&name, &mut resource);
        tx.insert_documents(std::slice::from_ref(&document)).await?;
        self.settle(tx, vec![document], validate_only).await?;
        Ok(resource.0)
    }

    /// Changes the fields that `mask` names (empty: all that the node does not set), publishes the resource and returns
    /// it as stored. A change that changes nothing writes nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`], [`Error::EtagMismatch`], or what the store says. Nothing is written then.
    pub async fn update(
        &self,
        caller: &Caller,
        kind: Kind,
        change: DynamicMessage,
        mask: &[String],
        validate_only: bool,
    ) -> Result<DynamicMessage, Error> {
        caller.must(Right::Edit)?;
        let change = Resource(change);
        let field = format!("{kind}.name");
        let name = Name::parse_as(kind, &change.text("name"))
            .map_err(|error| Violation::invalid(field.clone(), error.to_string()))?;
        self.must_be_ours(&name, &field)?;

        let mut tx = self.store().begin("update").await?;
        let Some(current) = tx.document(&name).await? else { return Err(Error::NotFound(name.to_string())) };
        let etag = change.text("etag");
        if !etag.is_empty() && etag != current.revision.to_string() {
            return Err(Error::EtagMismatch(name));
        }
        let before = Resource::decode(kind, current.body.clone())?;
        let mut after = before.clone();
        after.merge(&change, mask, kind)?;
        validate::validate(kind, &after.0).map_err(|violations| violations.below(kind.as_str()))?;
        if after.content() == before.content() {
            return Ok(before.0);
        }
        self.references_must_exist(&mut tx, kind, &after.0, kind.as_str()).await?;
        let document = self.next_version(&current, &mut after);
        if !tx.update_document(&document, current.revision).await? {
            return Err(Error::EtagMismatch(name));
        }
        self.settle(tx, vec![document], validate_only).await?;
        Ok(after.0)
    }

    /// Deletes a resource and withdraws it from the feed.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::EtagMismatch`], [`Error::InUse`], or what the store says. Nothing is written then.
    pub async fn delete(&self, caller: &Caller, name: &Name, etag: &str) -> Result<(), Error> {
        caller.must(Right::Edit)?;
        self.must_be_ours(name, "name")?;
        let mut tx = self.store().begin("delete").await?;
        let Some(current) = tx.document(name).await? else { return Err(Error::NotFound(name.to_string())) };
        if !etag.is_empty() && etag != current.revision.to_string() {
            return Err(Error::EtagMismatch(name.clone()));
        }
        if let Some(used_by) = tx.referrers(name, 1).await?.into_iter().next() {
            return Err(Error::InUse { name: name.clone(), used_by });
        }
        if !tx.delete_document(name, current.revision).await? {
            return Err(Error::EtagMismatch(name.clone()));
        }
        let position = tx.next_positions(1).await?;
        let withdrawal = Publication {
            sequence: position.sequence,
            name: name.to_string(),
            kind: name.kind().to_string(),
            records: Vec::new(),
        };
        tx.publish(&[withdrawal]).await?;
        tx.commit().await?;
        self.published(position);
        Ok(())
    }

    /// Writes references, records and feed entries of documents that the transaction already holds, and commits.
    pub(crate) async fn settle(&self, mut tx: Tx, documents: Vec<Document>, validate_only: bool) -> Result<(), Error> {
        if validate_only || documents.is_empty() {
            return Ok(());
        }
        let first = tx.next_positions(i64::try_from(documents.len()).map_err(Error::internal)?).await?;
        let mut publications = Vec::with_capacity(documents.len());
        let mut position = first;
        for document in &documents {
            let kind = document.name.kind();
            let message = Resource::decode(kind, document.body.clone())?.0;
            let references: Vec<Name> =
                validate::references(kind, &message).into_iter().map(|(_, name)| name).collect();
            tx.set_references(&document.name, &references).await?;
            publications.push(record::publication(
                &document.name,
                &message,
                document.audience,
                document.revision,
                &position,
                isopolity_domain::clock::to_timestamp(document.update_time),
                self.identity().record_key(),
            ));
            position.sequence += 1;
        }
        position.sequence -= 1;
        tx.publish(&publications).await?;
        tx.commit().await?;
        self.published(position);
        Ok(())
    }

    /// The first version of a resource as it is stored.
    pub(crate) fn first_version(&self, name: &Name, resource: &mut Resource) -> Document {
        let now = self.now();
        resource.stamp(1, now, now);
        resource.document(name.clone(), 1, now, now)
    }

    /// The next version of a resource as it is stored.
    pub(crate) fn next_version(&self, current: &Document, resource: &mut Resource) -> Document {
        // Never earlier than the version before, should the clock have been set back.
        let now = self.now().max(current.update_time);
        let revision = current.revision + 1;
        resource.set_name(&current.name);
        resource.stamp(revision, current.create_time, now);
        resource.document(current.name.clone(), revision, current.create_time, now)
    }

    /// Refuses references to resources of this city that do not exist. Those of other cities can't be checked here.
    async fn references_must_exist(
        &self,
        tx: &mut Tx,
        kind: Kind,
        resource: &DynamicMessage,
        below: &str,
    ) -> Result<(), Error> {
        let references: Vec<_> =
            validate::references(kind, resource).into_iter().filter(|(_, name)| name.city() == self.city()).collect();
        if references.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = references.iter().map(|(_, name)| name.clone()).collect();
        let existing = tx.existing(&names).await?;
        let dangling = references
            .into_iter()
            .filter(|(_, name)| !existing.contains(name))
            .map(|(field, name)| dangling(&format!("{below}.{field}"), &name))
            .collect();
        Ok(Violations::check(dangling)?)
    }

    pub(crate) fn must_be_ours(&self, name: &Name, field: &str) -> Result<(), Violation> {
        if name.city() == self.city() {
            return Ok(());
        }
        Err(Violation {
            field: field.to_owned(),
            reason: Reason::ResourceForeign,
            description: format!(
                "{name} belongs to {}: only its home city changes it; this is {}",
                name.city(),
                self.city()
            ),
        })
    }

    fn must_be_parent(&self, parent: &str) -> Result<(), Violation> {
        let expected = Name::of_city(self.city().clone()).to_string();
        if parent == expected {
            return Ok(());
        }
        if parent.is_empty() {
            return Err(Violation::required("parent"));
        }
        Err(Violation::invalid("parent", format!("must be {expected}, this node's city, not {parent:?}")))
    }

    fn page_start(&self, purpose: &str, token: &str) -> Result<Option<Name>, Violation> {
        if token.is_empty() {
            return Ok(None);
        }
        page_token::decode(&self.inner.page_key, purpose, token)
            .ok()
            .and_then(|after| after.parse().ok())
            .map(Some)
            .ok_or_else(|| Violation {
                field: "page_token".to_owned(),
                reason: Reason::PageTokenInvalid,
                description: "is damaged or belongs to another list: begin again without one".to_owned(),
            })
    }

    /// Tells the index worker and searches that the feed has grown.
    pub(crate) fn published(&self, head: Position) {
        // Wakes nobody for what is known already, or the index worker would wake itself for ever.
        self.inner.head.send_if_modified(|known| {
            let news = known.epoch != head.epoch || known.sequence < head.sequence;
            if news {
                *known = head;
            }
            news
        });
    }

    /// Creates the city's profile at the first start.
    pub(crate) async fn ensure_profile(&self) -> Result<(), Error> {
        let name = Name::of_city(self.city().clone());
        if self.store().document(&name).await?.is_some() {
            return Ok(());
        }
        let text = LocalizedText { text: title_of(self.city()), language: "und".to_owned(), ..Default::default() };
        let profile = City { display_names: vec![text], audience: Audience::Public.into(), ..Default::default() };
        let mut resource = Resource(to_dynamic(&profile));
        resource.set_name(&name);
        let mut tx = self.store().begin("create profile").await?;
        if tx.document(&name).await?.is_some() {
            return Ok(());
        }
        let document = self.first_version(&name, &mut resource);
        tx.insert_documents(std::slice::from_ref(&document)).await?;
        self.settle(tx, vec![document], false).await
    }
}

pub(crate) fn dangling(field: &str, name: &Name) -> Violation {
    Violation {
        field: field.to_owned(),
        reason: Reason::ReferenceDangling,
        description: format!("{name} does not exist: create it first"),
    }
}

fn seen_by(body: Bytes, kind: Kind, clearance: Audience) -> Result<DynamicMessage, Error> {
    let mut resource = Resource::decode(kind, body)?.0;
    if clearance < Audience::Internal {
        project(&mut resource, clearance);
    }
    Ok(resource)
}

/// What a city is called until somebody fills in its profile: the first label of its id.
fn title_of(city: &CityId) -> String {
    let label = city.as_str().split('.').next().unwrap_or_default();
    let mut letters = label.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
