//! How each peer did last, since this node started. Not kept on disk: after a restart one greeting tells it all again.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use isopolity_domain::CityId;
use isopolity_proto::{admin::SharingAgreement, error::Reason};
use time::{Duration, OffsetDateTime};

/// A trouble with a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// When it happened last.
    pub time: OffsetDateTime,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people.
    pub description: String,
}

/// How a peer did last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// When it last answered.
    pub last_answer: Option<OffsetDateTime>,
    /// Whether it has approved us, by what it last said.
    pub approved_by_peer: Option<bool>,
    /// The last trouble when it called us, until it calls without.
    pub inbound: Option<Trouble>,
    /// The last trouble when we called it, until it answers.
    pub outbound: Option<Trouble>,
    /// How its audit log contradicts what was seen of it. Kept apart, so that no other trouble hides it and no answer ends it.
    pub audit_log: Option<Trouble>,
    /// How far its clock was ahead of ours at the last greeting. Not exact: the way there counts.
    pub clock_skew: Option<Duration>,
    /// How many records it last said we may see there.
    pub records: Option<i64>,
    /// What it grants us, by what it last said.
    pub sharing_agreement: Option<SharingAgreement>,
    /// When it last said that the bundle which is held of it is its present one, or sent a newer one.
    pub bundle_confirmed: Option<OffsetDateTime>,
    /// The sequence of our bundle that it last said it holds.
    pub holds_of_ours: Option<i64>,
}

/// Who started the connection that a trouble is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The peer called us.
    Inbound,
    /// We called the peer.
    Outbound,
    /// We compared its audit log with what was seen of it.
    AuditLog,
}

/// The health of all peers in the table.
#[derive(Debug, Default)]
pub(crate) struct HealthBook(Mutex<BTreeMap<CityId, Health>>);

impl HealthBook {
    pub(crate) fn of(&self, city: &CityId) -> Health {
        self.lock().get(city).cloned().unwrap_or_default()
    }

    pub(crate) fn update(&self, city: &CityId, change: impl FnOnce(&mut Health)) {
        change(self.lock().entry(city.clone()).or_default());
    }

    /// Remembers a trouble; returns whether it is news, and so worth a warning.
    pub(crate) fn trouble(&self, city: &CityId, direction: Direction, trouble: Trouble) -> bool {
        let mut book = self.lock();
        let health = book.entry(city.clone()).or_default();
        let place = match direction {
            Direction::Inbound => &mut health.inbound,
            Direction::Outbound => &mut health.outbound,
            Direction::AuditLog => &mut health.audit_log,
        };
        let before = place.replace(trouble);
        before.map(|before| before.description) != place.as_ref().map(|now| now.description.clone())
    }

    /// Forgets peers that are no longer in the table.
    pub(crate) fn retain(&self, known: impl Fn(&CityId) -> bool) {
        self.lock().retain(|city, _| known(city));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CityId, Health>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_again_is_no_news() {
        let book = HealthBook::default();
        let city: CityId = "feira.example".parse().unwrap();
        let trouble = |description: &str| Trouble {
            time: OffsetDateTime::UNIX_EPOCH,
            reason: Reason::Connection,
            description: description.to_owned(),
        };
        assert!(book.trouble(&city, Direction::Outbound, trouble("refused")));
        assert!(!book.trouble(&city, Direction::Outbound, trouble("refused")));
        assert!(book.trouble(&city, Direction::Inbound, trouble("refused")), "the other direction is another matter");
        assert!(book.trouble(&city, Direction::Outbound, trouble("no answer")));
        book.retain(|_| false);
        assert_eq!(book.of(&city), Health::default());
    }
}
