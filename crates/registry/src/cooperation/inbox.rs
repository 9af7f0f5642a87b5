//! What waits for whom, and being told of each change.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream, stream::BoxStream};
use isopolity_domain::{cooperation::waitings, question::check_page_size};
use isopolity_proto::cooperation::{
    Cooperation, ListInboxRequest, ListInboxResponse, NoticeKind, PendingStep, Waiting, WatchInboxResponse,
};
use tokio::sync::broadcast::error::RecvError;

use super::{outbox::optional_city, unit::decoded};
use crate::{Caller, Error, Registry, Right};

/// The page of a list where the caller names no size, and the largest.
pub(super) const PAGE_DEFAULT: i32 = 100;
pub(super) const PAGE_MAX: i32 = 1_000;

impl Registry {
    /// Lists what waits for whom, what is overdue first, then by date.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], or what the store says.
    pub async fn inbox(&self, caller: &Caller, request: &ListInboxRequest) -> Result<ListInboxResponse, Error> {
        caller.must(Right::Read)?;
        let size = check_page_size(request.page_size, "page_size", PAGE_DEFAULT, PAGE_MAX)?;
        let city = optional_city(&request.city)?;
        let mut steps: BTreeMap<String, Vec<PendingStep>> = BTreeMap::new();
        for (name, step) in self.all_pending().await? {
            steps.entry(name).or_default().push(step);
        }
        let (mut all, mut forked): (Vec<Waiting>, Vec<String>) = (Vec::new(), Vec::new());
        for row in self.store().open_cooperations().await? {
            if row.forked {
                forked.push(row.name.clone());
            }
            let pending_steps = steps.remove(&row.name).unwrap_or_default();
            let cooperation = Cooperation { pending_steps, ..decoded(&row)? };
            all.extend(waitings(&cooperation, self.city(), self.now()));
        }
        // Steps that nobody can take any more are in cooperations that are over.
        for (name, pending_steps) in steps {
            if let Some(row) = self.store().cooperation(&name).await? {
                all.extend(waitings(&Cooperation { pending_steps, ..decoded(&row)? }, self.city(), self.now()));
            }
        }
        all.retain(|one| city.as_ref().is_none_or(|city| one.city == city.as_str()));
        all.sort_by(|one, other| urgency(one).cmp(&urgency(other)));
        let total = i32::try_from(all.len()).unwrap_or(i32::MAX);
        all.truncate(size);
        Ok(ListInboxResponse { waitings: all, total, forked })
    }

    /// Tells of each change of a cooperation that this process makes, as it happens. Begins with BEGUN; another BEGUN says that notices
    /// were lost, because whoever watches was too slow: list the inbox then.
    ///
    /// # Errors
    /// [`Error::RightMissing`].
    pub fn watch_inbox(&self, caller: &Caller) -> Result<BoxStream<'static, WatchInboxResponse>, Error> {
        caller.must(Right::Read)?;
        let begun = || WatchInboxResponse { kind: NoticeKind::Begun.into(), ..Default::default() };
        let notices = stream::unfold(self.notices().subscribe(), move |mut notices| async move {
            match notices.recv().await {
                Ok(notice) => Some((notice, notices)),
                Err(RecvError::Lagged(_)) => Some((begun(), notices)),
                Err(RecvError::Closed) => None,
            }
        });
        Ok(stream::iter([begun()]).chain(notices).boxed())
    }
}

/// What comes first is the smallest.
fn urgency(waiting: &Waiting) -> impl Ord + use<'_> {
    let since = waiting.since.as_ref().map(|since| (since.seconds, since.nanos));
    (!waiting.overdue, waiting.due_date.is_empty(), &waiting.due_date, since, &waiting.cooperation, &waiting.city)
}
