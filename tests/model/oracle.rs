//! What is to be true of a history, read off its events by rules of its own: nothing here asks the rules that are checked.

use isopolity_domain::cooperation::{Verified, event_hash};
use isopolity_proto::cooperation::{Cooperation, CooperationState as State, Terms, cooperation_event::Action};
use prost::Message as _;

/// What is wrong with a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults(u16);

impl Faults {
    /// Terms are agreed that not every city offered or accepted under this very hash.
    pub(crate) const AGREED_WITHOUT_ALL: Self = Self(1);
    /// It is active, though not every city signed what is agreed.
    pub(crate) const ACTIVE_UNSIGNED: Self = Self(2);
    /// Something comes after the end.
    pub(crate) const AFTER_THE_END: Self = Self(4);
    /// The rules for taking a step refuse what the rules for keeping it took, or the other way about.
    pub(crate) const TWO_RULES: Self = Self(8);
    /// A step stands there twice.
    pub(crate) const TWICE: Self = Self(16);
    /// An event does not follow the one before by place and hash, or has another hash than its own.
    pub(crate) const UNCHAINED: Self = Self(32);
    /// The same events make another cooperation by another way.
    pub(crate) const TWO_WAYS: Self = Self(64);
    /// Agreed terms are gone, or replaced by terms that were not accepted by all.
    pub(crate) const TERMS_LOST: Self = Self(128);

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn join(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Notes a fault, unless it holds.
    pub(crate) fn add(&mut self, other: Self, holds: bool) {
        if !holds {
            self.0 |= other.0;
        }
    }
}

/// An offer in a history, and who is bound to it.
#[derive(Clone)]
struct Offered<'a> {
    version: i32,
    hash: &'a [u8],
    accepted: Vec<&'a str>,
}

/// Judges a history of which the last event was kept just now.
pub(crate) fn judge(events: &[&Verified], before: Option<&Cooperation>, after: &Cooperation) -> Faults {
    let mut faults = Faults::default();
    let cities: Vec<&str> = after.participations.iter().map(|one| one.city.as_str()).collect();
    let all = |some: &[&str]| cities.iter().all(|city| some.contains(city));

    let chained = events.iter().enumerate().all(|(at, one)| {
        let head = at.checked_sub(1).map_or(&[][..], |last| &events[last].hash[..]);
        usize::try_from(one.event.sequence) == Ok(at + 1)
            && one.event.previous_hash == head
            && one.hash == event_hash(&one.event.encode_to_vec())
    });
    let last = events.last().expect("a history has an event");
    let folded = usize::try_from(after.sequence) == Ok(events.len()) && after.head_hash == last.hash[..];
    faults.add(Faults::UNCHAINED, chained && folded);

    let same = |one: &Verified| (one.event.city == last.event.city) && one.event.action == last.event.action;
    faults.add(Faults::TWICE, events[..events.len() - 1].iter().all(|one| !same(one)));

    let ended = |state| {
        matches!(state, State::Concluded | State::Declined | State::Withdrawn | State::Expired | State::Terminated)
    };
    faults.add(Faults::AFTER_THE_END, before.is_none_or(|before| !ended(before.state())));

    let offers = offers(events);
    let agreed = after.agreed.as_ref();
    let by_all = agreed.is_none_or(|agreed| {
        let version = agreed.terms.as_ref().map_or(0, |terms| terms.version);
        offers.iter().any(|one| one.hash == &agreed.hash[..] && one.version == version && all(&one.accepted))
    });
    let needs = matches!(after.state(), State::Agreed | State::Active | State::Concluded);
    faults.add(Faults::AGREED_WITHOUT_ALL, by_all && (agreed.is_some() || !needs));

    // Terms that were agreed stay, or give way to terms with a higher version, which `by_all` has looked at.
    let version = |of: &Cooperation| of.agreed.as_ref().and_then(|one| one.terms.as_ref()).map_or(0, |one| one.version);
    let kept = before.is_none_or(|before| match (&before.agreed, &after.agreed) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(before_terms), Some(after_terms)) => before_terms == after_terms || version(before) < version(after),
    });
    faults.add(Faults::TERMS_LOST, kept);

    // What was agreed first is what is signed; amendments are accepted by all, which `by_all` has looked at.
    let begun = after.state() == State::Active && before.is_some_and(|before| before.state() != State::Active);
    let signed = |city: &str| {
        agreed.is_some_and(|agreed| {
            events.iter().any(|one| match &one.event.action {
                Some(Action::Signature(signature)) => one.event.city == city && signature.offer_hash == agreed.hash,
                _ => false,
            })
        })
    };
    faults.add(Faults::ACTIVE_UNSIGNED, !begun || cities.iter().all(|city| signed(city)));
    let active_or_after = matches!(after.state(), State::Active | State::Concluded);
    let was = before.map(Cooperation::state);
    faults.add(Faults::ACTIVE_UNSIGNED, !active_or_after || begun || was == Some(State::Active));
    faults
}

/// Every offer, with the cities that made or accepted it while it was the last one.
fn offers<'a>(events: &[&'a Verified]) -> Vec<Offered<'a>> {
    let mut offers: Vec<Offered<'a>> = Vec::new();
    for one in events {
        let terms: Option<&Terms> = match &one.event.action {
            Some(Action::Proposal(proposal)) => proposal.terms.as_ref(),
            Some(Action::Counter(counter)) => counter.terms.as_ref(),
            Some(Action::Amendment(amendment)) => amendment.terms.as_ref(),
            Some(Action::Acceptance(acceptance)) => {
                if let Some(last) = offers.last_mut()
                    && last.hash == &acceptance.offer_hash[..]
                    && last.version == acceptance.terms_version
                {
                    last.accepted.push(&one.event.city);
                }
                None
            }
            _ => None,
        };
        if let Some(terms) = terms {
            offers.push(Offered { version: terms.version, hash: &one.hash, accepted: vec![&one.event.city] });
        }
    }
    offers
}
