//! Putting deliveries off, and giving them up.

use isopolity_domain::{CityId, backoff};
use isopolity_federation::LinkError;
use isopolity_proto::{
    cooperation::{DeliveryStanding, NoticeKind, WatchInboxResponse},
    error::Reason,
};
use isopolity_store::DeliveryRow;
use time::{Duration, OffsetDateTime};
use tracing::{debug, info, warn};

use super::Delivered;
use crate::{Error, Registry};

/// For how long it is tried to deliver something.
const HORIZON: Duration = Duration::days(30);

impl Registry {
    /// Puts off the first delivery of a cooperation to a city, because the city was not reached or takes no calls.
    pub(super) async fn put_off_head(&self, city: &CityId, name: &str, error: &LinkError) -> Result<Delivered, Error> {
        let now = self.now();
        let head = self.store().deliveries_of(city, name, 1).await?.pop();
        let is_due = |head: &DeliveryRow| head.standing == DeliveryStanding::Waiting as i32 && head.next_time <= now;
        let Some(head) = head.filter(is_due) else { return Ok(Delivered::default()) };
        let asked = error.retry_after.map(|delay| now + delay).max(self.asked_to_wait(city));
        self.put_off(&head, &error.description, asked).await
    }

    /// Puts a delivery off; one that has waited for 30 days is given up.
    pub(super) async fn put_off(
        &self,
        row: &DeliveryRow,
        problem: &str,
        not_before: Option<OffsetDateTime>,
    ) -> Result<Delivered, Error> {
        if self.now() - row.create_time >= HORIZON {
            let reason = Reason::DeliveryExpired.as_str_name().trim_start_matches("REASON_");
            return self.give_up(row, &format!("not possible for 30 days ({reason}); the last: {problem}")).await;
        }
        let now = self.now();
        let put_off = |row: &mut DeliveryRow| {
            let failures = u32::try_from(row.attempts).unwrap_or_default();
            row.next_time = backoff::next_time(now, failures, self.federation().chance(), not_before);
        };
        let changed = self.tried(row, problem, put_off).await?;
        let (city, sequence, attempts) = (&row.city, row.sequence, row.attempts.saturating_add(1));
        if changed && row.problem == problem {
            debug!(peer.city = %city, cooperation = row.cooperation, sequence, attempts, "not delivered, as before: {problem}");
        } else if changed {
            info!(peer.city = %city, cooperation = row.cooperation, sequence, attempts, "not delivered, it is tried again: {problem}");
        }
        Ok(Delivered { put_off: usize::from(changed), ..Delivered::default() })
    }

    /// Gives a delivery up. What comes after it in the cooperation waits until an operator has it tried anew.
    pub(super) async fn give_up(&self, row: &DeliveryRow, problem: &str) -> Result<Delivered, Error> {
        let dead = |row: &mut DeliveryRow| row.standing = DeliveryStanding::Dead.into();
        if !self.tried(row, problem, dead).await? {
            return Ok(Delivered::default());
        }
        warn!(
            peer.city = %row.city,
            cooperation = row.cooperation,
            sequence = row.sequence,
            "a delivery was given up, look at it with \"isopolity delivery list\": {problem}"
        );
        self.tell(vec![WatchInboxResponse {
            kind: NoticeKind::DeliveryDead.into(),
            cooperation: row.cooperation.clone(),
            sequence: row.sequence,
            ..Default::default()
        }]);
        Ok(Delivered { dead: 1, ..Delivered::default() })
    }

    /// Puts a step off that was answered, unless what the answer means was already kept.
    pub(super) async fn unless_settled(&self, row: &DeliveryRow, problem: &str) -> Result<Delivered, Error> {
        let waits = self.store().deliveries_of(&row.city, &row.cooperation, 1).await?.pop();
        match waits.filter(|head| head.id == row.id && head.standing == DeliveryStanding::Waiting as i32) {
            Some(head) if head.attempts == row.attempts && head.event_hash == row.event_hash => {
                self.put_off(row, problem, None).await
            }
            _ => Ok(Delivered::default()),
        }
    }

    /// Counts an attempt and changes what is kept of a delivery, unless another process was first.
    async fn tried(
        &self,
        row: &DeliveryRow,
        problem: &str,
        change: impl FnOnce(&mut DeliveryRow),
    ) -> Result<bool, Error> {
        let mut tx = self.store().begin("delivery was tried").await?;
        let Some(mut present) = tx.delivery(&row.id).await? else { return Ok(false) };
        let is_same = present.attempts == row.attempts && present.event_hash == row.event_hash;
        if present.standing != DeliveryStanding::Waiting as i32 || !is_same {
            return Ok(false);
        }
        present.attempts = present.attempts.saturating_add(1);
        problem.clone_into(&mut present.problem);
        change(&mut present);
        tx.update_delivery(&present).await?;
        tx.commit().await?;
        Ok(true)
    }
}
