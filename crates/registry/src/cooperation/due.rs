//! When a cooperation's time is over, and the host's node saying so.

use isopolity_domain::{
    clock::from_timestamp,
    cooperation::{self, CooperationName, Verified, seal_event},
};
use isopolity_proto::cooperation::{Cooperation, CooperationState};
use time::{Date, Month, OffsetDateTime};
use tracing::warn;

use super::keep::Origin;
use crate::{Error, Registry};

/// So many are ended in one go.
const AT_ONCE: u64 = 100;

/// When something follows from time alone.
pub(super) fn time(cooperation: &Cooperation) -> Option<OffsetDateTime> {
    match cooperation.state() {
        CooperationState::Proposed | CooperationState::Agreed => {
            cooperation.reply_due_time.as_ref().and_then(from_timestamp)
        }
        CooperationState::Active => {
            let period = cooperation.agreed.as_ref()?.terms.as_ref()?.period.as_ref()?;
            Some(last_day(&period.end_date)?.next_day()?.midnight().assume_utc())
        }
        _ => None,
    }
}

/// The last day of a date that may be a month or a year.
fn last_day(date: &str) -> Option<Date> {
    let mut parts = date.split('-');
    let year = parts.next()?.parse().ok()?;
    let month = match parts.next() {
        Some(month) => Month::try_from(month.parse::<u8>().ok()?).ok()?,
        None => Month::December,
    };
    let day = match parts.next() {
        Some(day) => day.parse().ok()?,
        None => month.length(year),
    };
    Date::from_calendar_date(year, month, day).ok()
}

impl Registry {
    /// Ends the cooperations that this city hosts and whose time is over. Returns how many.
    ///
    /// # Errors
    /// What the store says. What was ended before stays ended.
    pub async fn expire_cooperations(&self) -> Result<usize, Error> {
        let mut ended = 0;
        for row in self.store().due_cooperations(self.now(), AT_ONCE).await? {
            if row.host != *self.city() || row.forked {
                continue;
            }
            let name: CooperationName = row.name.parse().map_err(Error::internal)?;
            ended += usize::from(self.expire(&name).await?);
        }
        Ok(ended)
    }

    async fn expire(&self, name: &CooperationName) -> Result<bool, Error> {
        let mut unit = self.begin_unit("expire cooperation").await?;
        let Some(before) = self.stored(&mut unit.tx, name).await? else { return Ok(false) };
        let now = self.now();
        // Another process may have been here first.
        if time(&before).is_none_or(|due| due > now) {
            return Ok(false);
        }
        let made = cooperation::expiry_event(&before, name, now).map(Verified::made_here);
        let expired = made.and_then(|event| Ok((cooperation::apply(Some(&before), &event)?, event)));
        let (after, event) = match expired {
            Ok(expired) => expired,
            Err(refusal) => {
                warn!(cooperation.name = %name, %refusal, "its time is over, but it does not expire");
                return Ok(false);
            }
        };
        let envelope = seal_event(&event.event, &self.identity().record_key());
        Box::pin(self.keep(&mut unit, Some(&before), after, &event, &envelope, Origin::Own)).await?;
        self.finish(unit).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_month_ends_with_its_last_day_and_a_year_in_december() {
        for (text, day) in [
            ("2016-02-28", Some(date!(2016 - 02 - 28))),
            ("2016-02", Some(date!(2016 - 02 - 29))),
            ("2016", Some(date!(2016 - 12 - 31))),
            ("", None),
            ("2016-02-30", None),
            ("soon", None),
        ] {
            assert_eq!(last_day(text), day, "{text}");
        }
    }
}
