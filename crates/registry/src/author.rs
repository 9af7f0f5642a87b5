//! Reading and changing this city's own resources.
//!
//! Everything works on the descriptor, so that each kind of resource is handled by the same lines.
//!
//! | module | what it does |
//! | --- | --- |
//! | `list` | lists: filter, order, pages |
//! | `delete` | deleting and restoring |
//! | `repeat` | requests that are sent again |
//! | `reference` | what a resource refers to must be there and not lead back to it |
//! | `narrow` | stage events are for no more than their partnership |
//! | `settle` | what is written with every change: history, references, signed records, the feed |
//! | `hooks` | what the rules derive |
//! | `signed` | what cities have signed, which no caller changes |

mod delete;
pub(crate) mod hooks;
mod list;
mod narrow;
mod reference;
mod repeat;
mod resource;
mod settle;
mod signed;

use isopolity_domain::{CityId, Kind, Name, Violation};
use isopolity_proto::{error::Reason, options::Audience, registry::City, to_dynamic, types::LocalizedText};
use prost_reflect::DynamicMessage;
use uuid::Uuid;

pub(crate) use delete::belongs_to;
pub use list::{List, Page};
pub(crate) use list::{PAGE_DEFAULT, PAGE_MAX};
pub(crate) use reference::dangling;
pub(crate) use repeat::Asked;
pub(crate) use resource::{Resource, seen_by};
pub(crate) use settle::{Change, NODE, Node};

use crate::{Caller, Error, Registry, Right};

/// On which terms a change is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'a> {
    /// Check everything, write nothing.
    pub validate_only: bool,
    /// A UUID for the request, or empty. The same request with the same id gives the same answer for 24 hours and does
    /// nothing more.
    pub request_id: &'a str,
}

impl Registry {
    /// Returns a resource, without the fields that the caller may not see. A deleted one only to callers who may read
    /// everything.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that the caller may see.
    pub async fn get(&self, caller: &Caller, name: &Name) -> Result<DynamicMessage, Error> {
        let clearance = caller.clearance();
        let document = self.store().document(name).await?;
        match document.filter(|one| one.audience <= clearance) {
            Some(document) if document.delete_time.is_none() || caller.must(Right::Read).is_ok() => {
                seen_by(document.body, name.kind(), clearance, self.now())
            }
            _ => Err(Error::NotFound(name.to_string())),
        }
    }

    /// Creates a resource, publishes it and returns it as stored.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Exists`], [`Error::ExistsDeleted`], or what the store says. Nothing is written then.
    pub async fn create(
        &self,
        caller: &Caller,
        kind: Kind,
        parent: &str,
        id: &str,
        resource: DynamicMessage,
        terms: Terms<'_>,
    ) -> Result<DynamicMessage, Error> {
        caller.must(Right::Edit)?;
        self.must_be_parent(parent)?;
        let mut resource = Resource(resource);
        let asked = Asked::new(caller, terms, "create", &[kind.as_str(), id], &resource)?;
        let id = if id.is_empty() { Uuid::now_v7().to_string() } else { id.to_owned() };
        let name = Name::new(self.city().clone(), kind, &id)
            .map_err(|error| Violation::invalid(format!("{kind}_id"), error.to_string()))?;
        resource.set_name(&name);

        let mut tx = self.store().begin("create").await?;
        if let Some(answer) = self.answer_given(&mut tx, asked.as_ref()).await? {
            return Ok(answer);
        }
        if tx.document(&name).await?.is_some_and(|there| there.delete_time.is_some()) {
            return Err(Error::ExistsDeleted(name));
        }
        resource.must_not_be_withdrawn(kind)?;
        hooks::before_store(&mut resource, None, caller, self.now())?;
        if kind == Kind::MatchAssertion {
            self.explain_match(&mut tx, &mut resource).await?;
        }
        hooks::must_be_right(kind, &resource.0, self.now()).map_err(|violations| violations.below(kind.as_str()))?;
        self.references_must_exist(&mut tx, kind, &resource.0, kind.as_str()).await?;
        self.must_not_lead_back(&mut tx, &name, &resource, kind.as_str()).await?;
        let mut changes = vec![Change::created(self.first_version(&name, &mut resource))];
        for (name, message) in hooks::also_created(self.city(), &resource, self.now())? {
            changes.push(Change::created(self.first_version(&name, &mut Resource(message))));
        }
        let documents: Vec<_> = changes.iter().map(|change| change.document.clone()).collect();
        tx.insert_documents(&documents).await?;
        self.remember(&mut tx, asked, &name, 1).await?;
        self.settle(tx, caller, changes, terms.validate_only).await?;
        Ok(resource.read_at(self.now()))
    }

    /// Changes the fields that `mask` names (empty: all that the node does not set), publishes the resource and returns
    /// it as stored. A change that changes nothing writes nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`], [`Error::Deleted`], [`Error::AppendOnly`], [`Error::EtagMismatch`], or what
    /// the store says. Nothing is written then.
    pub async fn update(
        &self,
        caller: &Caller,
        kind: Kind,
        change: DynamicMessage,
        mask: &[String],
        terms: Terms<'_>,
    ) -> Result<DynamicMessage, Error> {
        caller.must(Right::Edit)?;
        let change = Resource(change);
        let field = format!("{kind}.name");
        let name = Name::parse_as(kind, &change.text("name"))
            .map_err(|error| Violation::invalid(field.clone(), error.to_string()))?;
        self.must_be_ours(&name, &field)?;
        let paths = mask.join(",");
        let asked = Asked::new(caller, terms, "update", &[kind.as_str(), &paths], &change)?;

        let mut tx = self.store().begin("update").await?;
        if let Some(answer) = self.answer_given(&mut tx, asked.as_ref()).await? {
            return Ok(answer);
        }
        let current = match tx.document(&name).await? {
            None => return Err(Error::NotFound(name.to_string())),
            Some(current) if current.delete_time.is_some() => return Err(Error::Deleted(name)),
            Some(current) => current,
        };
        if kind == Kind::StageEvent {
            return Err(Error::AppendOnly(name));
        }
        let etag = change.text("etag");
        if !etag.is_empty() && etag != current.revision.to_string() {
            return Err(Error::EtagMismatch(name));
        }
        let before = Resource::decode(kind, current.body.clone())?;
        let mut after = before.clone();
        after.merge(&change, mask, kind)?;
        if kind == Kind::Partnership && names_everything(mask) {
            after.keep_where_silent(&before, &change, &hooks::SET_BY_STEPS);
        }
        after.must_not_be_withdrawn(kind)?;
        hooks::must_not_move(&before, &after)?;
        hooks::before_store(&mut after, Some(&before), caller, self.now())?;
        hooks::must_be_right(kind, &after.0, self.now()).map_err(|violations| violations.below(kind.as_str()))?;
        if after.content() == before.content() {
            if asked.is_some() && !terms.validate_only {
                self.remember(&mut tx, asked, &name, current.revision).await?;
                tx.commit().await?;
            }
            return Ok(before.read_at(self.now()));
        }
        self.references_must_exist(&mut tx, kind, &after.0, kind.as_str()).await?;
        self.must_not_lead_back(&mut tx, &name, &after, kind.as_str()).await?;
        let document = self.next_version(&current, &mut after);
        if !tx.update_document(&document, current.revision).await? {
            return Err(Error::EtagMismatch(name));
        }
        self.remember(&mut tx, asked, &name, document.revision).await?;
        let change = Change::updated(document).after(&current);
        self.settle(tx, caller, vec![change], terms.validate_only).await?;
        Ok(after.read_at(self.now()))
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
        self.settle(tx, NODE, vec![Change::created(document)], false).await
    }
}

/// Whether an update mask names no field in particular.
pub(crate) fn names_everything(mask: &[String]) -> bool {
    mask.is_empty() || mask.iter().any(|path| path == "*")
}

/// What a city is called until somebody fills in its profile: the first label of its id.
fn title_of(city: &CityId) -> String {
    let label = city.as_str().split('.').next().unwrap_or_default();
    let mut letters = label.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
