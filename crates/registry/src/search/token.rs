//! Page and resume tokens: bound to the question, the caller and what the caller may see, so that they lead nowhere else.

use std::collections::BTreeMap;

use isopolity_domain::{
    CityId, Violation,
    answer::After,
    merge::Merged,
    page::PageState,
    page_token::{self, PageTokenError},
};
use isopolity_proto::federation::Question;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::{Asked, weights::Weights};
use crate::{Caller, Error, Registry};

/// The longest token, in bytes: a thousand cities have room.
const LONGEST: usize = 256 * 1024;

/// To what a token is bound.
pub(crate) fn token_purpose(method: &str, caller: &Caller, question: &Question, cities: &[String]) -> String {
    let mut digest = Sha256::new();
    let question = question.encode_to_vec();
    // With its length, so that question and cities can't run into each other.
    digest.update((question.len() as u64).to_be_bytes());
    digest.update(question);
    let mut cities = cities.to_vec();
    cities.sort_unstable();
    cities.dedup();
    digest.update(cities.join("\n"));
    let asked = isopolity_domain::text::hexadecimal(&digest.finalize());
    format!("{method} {asked} {} {}", caller.clearance().as_str_name(), caller.id())
}

/// A token that leads back to these bytes.
pub(crate) fn write_token(key: &[u8; 32], purpose: &str, bytes: &[u8]) -> String {
    page_token::encode_bytes(key, purpose, bytes)
}

/// The bytes to which a token leads.
///
/// # Errors
/// [`PageTokenError`] if it was not made for this.
pub(crate) fn read_token(key: &[u8; 32], purpose: &str, token: &str) -> Result<Vec<u8>, PageTokenError> {
    page_token::decode_bytes(key, purpose, token, LONGEST)
}

impl Registry {
    /// Where the pages before ended. `None` for the first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a token of another question or caller, or one that is too old.
    pub(super) fn page(&self, caller: &Caller, asked: &Asked, token: &str) -> Result<Option<PageState>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        let purpose = token_purpose("search", caller, &asked.question, &asked.cities);
        let page = read_token(&self.inner.page_key, &purpose, token)
            .ok()
            .and_then(|bytes| PageState::decode(&bytes).ok())
            .filter(|page| page.order() == asked.order)
            .ok_or_else(|| PageTokenError.at("page_token"))?;
        if page.is_expired(self.now()) {
            let old = "is older than 24 hours: begin again without one";
            return Err(Violation { description: old.to_owned(), ..PageTokenError.at("page_token") }.into());
        }
        Ok(Some(page))
    }

    /// The points after which each member is to go on.
    pub(super) fn points_after(&self, page: &PageState) -> BTreeMap<CityId, After> {
        let peers = self.federation().all().into_iter().map(|peer| peer.city);
        let members = std::iter::once(self.city().clone()).chain(peers);
        page.after(&members.collect::<Vec<_>>())
    }

    /// Where the next page goes on. Empty: there is none.
    pub(super) fn next_page(
        &self,
        caller: &Caller,
        asked: &Asked,
        page: Option<PageState>,
        weights: &Weights,
        merged: &Merged,
    ) -> String {
        let now = self.now();
        let page = page.unwrap_or_else(|| PageState::new(asked.order, weights.statistics.clone(), now));
        let Some(next) = page.next(merged, now) else { return String::new() };
        let purpose = token_purpose("search", caller, &asked.question, &asked.cities);
        write_token(&self.inner.page_key, &purpose, &next.encode())
    }
}
