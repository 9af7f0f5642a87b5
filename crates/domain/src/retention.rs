//! How long things are kept.
//!
//! Each limit begins with something that happened: a change, a deletion, a revocation. What is past its limit is taken away by the
//! clean-up, once a day or when somebody asks for it.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use crate::Kind;

/// The longest limit, in days: a hundred years.
pub const DAYS_MAX: u32 = 36_500;

/// How long things are kept, in days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Deleted records, in which they can be restored.
    pub deleted: u32,
    /// Versions of records, since they were superseded.
    pub revisions: u32,
    /// Rows that imports did not take.
    pub quarantined_rows: u32,
    /// What is known of imports.
    pub imports: u32,
    /// Tokens, since they were revoked or have expired.
    pub tokens: u32,
    /// Tombstones, since there is nothing else.
    pub tombstones: u32,
    /// Records of these kinds, since they were last changed. Others are kept until somebody deletes them.
    pub kinds: BTreeMap<Kind, u32>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            deleted: 30,
            revisions: 3 * 365,
            quarantined_rows: 90,
            imports: 365,
            tokens: 365,
            tombstones: 10 * 365,
            kinds: BTreeMap::new(),
        }
    }
}

/// A limit that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct RetentionError {
    /// The limit: the name of a field of [`Retention`], or `kinds.` and a kind.
    pub limit: String,
    /// What is wrong and what would be right.
    pub what: String,
}

impl Retention {
    /// Refuses limits that are too short to be safe or too long to mean anything, and kinds that have none.
    ///
    /// # Errors
    /// The first wrong limit.
    pub fn check(&self) -> Result<(), RetentionError> {
        let limits = [
            ("deleted", self.deleted, 1),
            // A request that is sent again is answered with the version of then, for a day.
            ("revisions", self.revisions, 2),
            ("quarantined_rows", self.quarantined_rows, 1),
            ("imports", self.imports, 1),
            ("tokens", self.tokens, 1),
            // So long whoever reads the feed may be away and still learns that a record is gone.
            ("tombstones", self.tombstones, 30),
        ];
        let wrong = |limit: &str, least: u32| RetentionError {
            limit: limit.to_owned(),
            what: format!("must be {least} to {DAYS_MAX} days"),
        };
        if let Some((limit, _, least)) = limits.iter().find(|(_, days, least)| days < least || *days > DAYS_MAX) {
            return Err(wrong(limit, *least));
        }
        for (kind, days) in &self.kinds {
            let limit = format!("kinds.{kind}");
            if !has_limit(*kind) {
                let what = format!("a {kind} has no limit of its own: it stays as long as what it belongs to");
                return Err(RetentionError { limit, what });
            }
            if *days == 0 || *days > DAYS_MAX {
                return Err(wrong(&limit, 1));
            }
        }
        Ok(())
    }

    /// Until when a record may be kept that was changed at this time. `None`: until somebody deletes it.
    #[must_use]
    pub fn delete_after(&self, kind: Kind, update_time: OffsetDateTime) -> Option<OffsetDateTime> {
        let days = self.kinds.get(&kind)?;
        update_time.checked_add(Duration::days((*days).into()))
    }
}

/// Whether records of this kind may have a limit.
#[must_use]
pub fn has_limit(kind: Kind) -> bool {
    !matches!(kind, Kind::City | Kind::StageEvent)
}

/// What began before this is past a limit of so many days.
#[must_use]
pub fn before(now: OffsetDateTime, days: u32) -> OffsetDateTime {
    now.checked_sub(Duration::days(days.into())).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_defaults_are_limits_that_make_sense() {
        assert_eq!(Retention::default().check(), Ok(()));
    }

    #[test]
    fn a_limit_that_is_too_short_or_of_a_kind_without_limits_is_refused_by_its_name() {
        let refused = |retention: Retention| retention.check().unwrap_err().limit;
        assert_eq!(refused(Retention { deleted: 0, ..Retention::default() }), "deleted");
        assert_eq!(refused(Retention { tombstones: 29, ..Retention::default() }), "tombstones");
        assert_eq!(refused(Retention { imports: DAYS_MAX + 1, ..Retention::default() }), "imports");
        let kinds = |kind, days| Retention { kinds: BTreeMap::from([(kind, days)]), ..Retention::default() };
        assert_eq!(refused(kinds(Kind::StageEvent, 90)), "kinds.stage_event");
        assert_eq!(refused(kinds(Kind::Opportunity, 0)), "kinds.opportunity");
    }

    #[test]
    fn a_record_may_be_kept_for_the_limit_of_its_kind_after_its_last_change() {
        let retention = Retention { kinds: BTreeMap::from([(Kind::Opportunity, 90)]), ..Retention::default() };
        let changed = datetime!(2026-01-01 12:00 UTC);
        assert_eq!(retention.delete_after(Kind::Opportunity, changed), Some(datetime!(2026-04-01 12:00 UTC)));
        assert_eq!(retention.delete_after(Kind::Place, changed), None);
        assert_eq!(before(datetime!(2026-04-01 12:00 UTC), 90), changed);
    }
}
