//! Lists: which resources, in which order, page by page.

use isopolity_domain::{
    Kind, Violation,
    filter::{self, Checked, FilterError, Order},
    page_token::{self, PageTokenError},
    question::check_page_size,
};
use isopolity_proto::{error::Reason, options::Audience};
use isopolity_store::{Document, ListPoint, Listing};
use prost_reflect::DynamicMessage;

use super::seen_by;
use crate::{Caller, Error, Registry, Right};

/// The largest page of a list.
pub(crate) const PAGE_MAX: i32 = 1_000;
/// The page of a list where the caller names no size.
pub(crate) const PAGE_DEFAULT: i32 = 50;
/// How many documents one call looks at. A filter that finds little gives short pages rather than slow ones.
const LOOKED_AT_MAX: usize = 10_000;
/// How many documents are read at once where a filter decides which are taken.
const SCAN: usize = 250;

/// What to list.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    /// The kind.
    pub kind: Kind,
    /// This city, `cities/{city}`.
    pub parent: &'a str,
    /// The size of the page; 0 for the default.
    pub page_size: i32,
    /// Where to go on.
    pub page_token: &'a str,
    /// Only what fits, in the language of [`isopolity_domain::filter`].
    pub filter: &'a str,
    /// The order.
    pub order_by: &'a str,
    /// Also what is deleted.
    pub show_deleted: bool,
}

impl<'a> List<'a> {
    /// The first page of all resources of a kind, in order of name.
    #[must_use]
    pub fn of(kind: Kind, parent: &'a str) -> Self {
        Self { kind, parent, page_size: 0, page_token: "", filter: "", order_by: "", show_deleted: false }
    }
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// The resources, in order.
    pub resources: Vec<DynamicMessage>,
    /// The token of the next page. Empty: there is none.
    pub next_page_token: String,
}

impl Registry {
    /// Lists resources of a kind, without the fields that the caller may not see. A filter is asked about what the caller
    /// sees. A page may be shorter than was asked for, and even empty, although there is a next one.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a parent that is not this city, a page size out of range, a filter or an order that can't be
    /// read or names what the caller may not see, or a foreign page token. [`Error::TokenMissing`] or
    /// [`Error::RightMissing`] if a caller who may not read everything wants to see what is deleted.
    pub async fn list(&self, caller: &Caller, list: List<'_>) -> Result<Page, Error> {
        let List { kind, parent, page_size, page_token, filter, order_by, show_deleted } = list;
        self.must_be_parent(parent)?;
        let size = check_page_size(page_size, "page_size", PAGE_DEFAULT, PAGE_MAX)?;
        if show_deleted {
            caller.must(Right::Read)?;
        }
        let clearance = caller.clearance();
        let wrong = |field: &'static str| move |error: FilterError| filter_invalid(field, &error);
        let parsed = filter::parse(filter).map_err(wrong("filter"))?;
        let checked = parsed.checked(&kind.descriptor(), clearance).map_err(wrong("filter"))?;
        let order = Order::parse(order_by).map_err(wrong("order_by"))?;

        let filter = parsed.to_string();
        let purpose = format!("{parent} {kind} {} {show_deleted}\n{order}\n{filter}", i32::from(clearance));
        let after = self.page_start(&purpose, page_token)?;
        let listing = Listing { kind, clearance, show_deleted, order: &order };
        let checked = (!filter.is_empty()).then_some(&checked);
        let (resources, next) = self.scan(&listing, checked, after, size).await?;
        let next_page_token = next
            .map(|point| page_token::encode(&self.inner.page_key, &purpose, &point.to_string()))
            .unwrap_or_default();
        Ok(Page { resources, next_page_token })
    }

    /// Reads on until the page is full, the list ends, or enough was looked at. Says where the next page begins, if there
    /// is one.
    async fn scan(
        &self,
        listing: &Listing<'_>,
        filter: Option<&Checked>,
        mut after: Option<ListPoint>,
        size: usize,
    ) -> Result<(Vec<DynamicMessage>, Option<ListPoint>), Error> {
        let mut found: Vec<DynamicMessage> = Vec::new();
        let mut last_found = None;
        let mut looked_at = 0;
        loop {
            // Without a filter all that is needed is read at once: the page, and whether anything follows it.
            let some = if filter.is_some() { SCAN } else { size + 1 };
            let documents = self.store().list(listing, after.as_ref(), some as u64).await?;
            let ended = documents.len() < some;
            looked_at += documents.len();
            after = documents.last().map(ListPoint::from).or(after);
            for document in documents {
                let point = ListPoint::from(&document);
                let Some(resource) = self.taken(document, listing.clearance, filter)? else { continue };
                if found.len() == size {
                    return Ok((found, last_found));
                }
                found.push(resource);
                last_found = Some(point);
            }
            if ended {
                return Ok((found, None));
            }
            if looked_at >= LOOKED_AT_MAX {
                return Ok((found, after));
            }
        }
    }

    /// A document as the caller sees it, if it fits.
    fn taken(
        &self,
        document: Document,
        clearance: Audience,
        filter: Option<&Checked>,
    ) -> Result<Option<DynamicMessage>, Error> {
        let resource = seen_by(document.body, document.name.kind(), clearance, self.now())?;
        Ok(filter.is_none_or(|filter| filter.matches(&resource)).then_some(resource))
    }

    fn page_start(&self, purpose: &str, token: &str) -> Result<Option<ListPoint>, Violation> {
        if token.is_empty() {
            return Ok(None);
        }
        page_token::decode(&self.inner.page_key, purpose, token)
            .ok()
            .and_then(|after| after.parse().ok())
            .map(Some)
            .ok_or_else(|| PageTokenError.at("page_token"))
    }
}

fn filter_invalid(field: &str, error: &FilterError) -> Violation {
    Violation { field: field.to_owned(), reason: Reason::FilterInvalid, description: error.to_string() }
}
