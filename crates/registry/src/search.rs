//! One question to this city and all its peers.
//!
//! The answer is what one index over all the answering cities would give. So that relevance is the same everywhere, the
//! statistics of the whole federation are put together first ([`weights`]) and go along with the question; then this city's own
//! index and all peers are asked at once, and what they answer is merged.
//!
//! | module | what it does |
//! | --- | --- |
//! | `asked` | what a caller asks, checked |
//! | `weights` | by which statistics relevance is computed |
//! | `own` | this city's own answer |
//! | `token` | page and resume tokens |
//! | `hit` | from a merged hit to what the caller gets |
//! | `explain` | how an answer came about |
//! | `gather` | whole answers, for what is made of many records |
//! | `stream` | long answers, hit by hit |

mod asked;
mod explain;
mod gather;
mod hit;
mod own;
mod stream;
mod token;
mod weights;

use std::time::Duration;

use isopolity_domain::merge::{Merged, Terms, merge, require};
use isopolity_federation::Asking;
use isopolity_proto::catalog::{Outcome, PartialResponse, SearchRequest, SearchResponse};
use tokio::time::Instant;
use tracing::info;

use asked::{Asked, Wanted};
pub(crate) use asked::{check_purpose, stated};
use explain::Course;
pub(crate) use gather::{Gathered, Item, Wanting};
pub(crate) use hit::published_hit;
pub(crate) use token::{read_token, token_purpose, write_token};

use crate::{Caller, Error, Registry};

/// The most hits of one page.
const PAGE_MAX: i32 = 100;
/// The hits of a page where the caller names no size.
const PAGE_DEFAULT: i32 = 25;

impl Registry {
    /// Asks this city and its peers at once and merges the answers. Takes no longer than `within`, or than the node's own
    /// patience where the caller sets no limit.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a question that can't be asked or a page token of another, [`Error::TokenMissing`] where a caller
    /// without a token asks for other cities, [`Error::Incomplete`] if fewer cities answered than the caller requires,
    /// [`Error::Overloaded`] if too many questions wait.
    pub async fn search(
        &self,
        caller: &Caller,
        request: &SearchRequest,
        within: Option<Duration>,
    ) -> Result<SearchResponse, Error> {
        let begun = Instant::now();
        let within = within.unwrap_or(self.patience().search).min(self.patience().search);
        let asked = self.asked(caller, &Wanted::of_page(request))?;
        let _place = self.inner.callers.enter(&caller.id().to_owned(), within / 2).await?;
        let page = self.page(caller, &asked, &request.page_token)?;
        let weights = match &page {
            Some(page) => weights::Weights::pinned(page.statistics().cloned()),
            None => self.weights(caller, &asked, within).await?,
        };
        // One more than is shown, so that it is known whether more follow.
        let each = asked.limit + 1;
        let after = page.as_ref().map(|page| self.points_after(page)).unwrap_or_default();
        let query = self.query(caller, &asked, &weights, each);
        let logged = self.asking(caller, asked.selected.as_ref(), &query)?;
        let asking = Asking {
            request: query,
            order: asked.order,
            selected: asked.selected.clone(),
            after: after.clone(),
            within: within.saturating_sub(begun.elapsed()),
        };
        let (own, others) = tokio::join!(
            self.ask_own(caller.clearance(), &asked, &weights, after.get(self.city()), each, within),
            self.federation().ask(&asking),
        );
        let merging = Instant::now();
        let terms = Terms {
            limit: asked.limit,
            each,
            facets: asked.facets.clone(),
            after,
            ..Terms::new(asked.order, asked.limit)
        };
        let merged = merge(std::iter::once(own).chain(others).collect(), &terms);
        let merge_took = merging.elapsed();
        logged.told(&merged.outcomes);
        self.judge(caller, &merged, begun);
        sufficient(&merged, request.partial_response.as_ref(), begun)?;
        let next_page_token = self.next_page(caller, &asked, page, &weights, &merged);
        let course = Course { weights: &weights, merge_took, took: begun.elapsed() };
        let explanation = request.explain.then(|| self.explain(&asked, &merged, &course));
        let now = self.now();
        let shown = hit::Shown { envelopes: asked.include_envelope, highlights: asked.highlighted(), now };
        let Merged { hits, total, total_at_least, outcomes, coverage, facets, .. } = merged;
        Ok(SearchResponse {
            hits: hits.into_iter().map(|hit| hit::to_proto(hit, &shown)).collect(),
            total,
            coverage: Some(coverage),
            outcomes,
            next_page_token,
            facets,
            explanation,
            total_at_least,
        })
    }

    /// Remembers what only merging sees, and writes the log's line of a question.
    fn judge(&self, caller: &Caller, merged: &Merged, begun: Instant) {
        for broken in merged.outcomes.iter().filter(|outcome| outcome.outcome() == Outcome::Invalid) {
            if let Ok(city) = broken.city.parse() {
                self.federation().answered_wrongly(&city, broken.error_reason(), &broken.reason);
            }
        }
        info!(
            caller.id = caller.id(),
            search.hits = merged.hits.len(),
            search.total = merged.total,
            search.coverage = %merged.coverage.summary,
            took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            "question answered"
        );
    }
}

/// Whether the caller has what it requires.
fn sufficient(merged: &Merged, required: Option<&PartialResponse>, begun: Instant) -> Result<(), Error> {
    require(merged, required).map_err(|insufficient| Error::Incomplete {
        required: insufficient.to_string(),
        outcomes: merged.outcomes.clone(),
        coverage: Some(merged.coverage.clone()),
        took: begun.elapsed(),
    })
}
