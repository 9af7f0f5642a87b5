//! What the federation's records say together: how far two cities cooperate, whose opportunities fit whose, and who is active in
//! the same field without knowing of the other.
//!
//! All of it follows from records as the asking city sees them, and from nothing else: where something is not shown, it is
//! missing here. Nothing is decided: each result names the records and the reasons from which it follows.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`ladder`] | how far two cities cooperate, from 0 to 5 |
//! | [`fit`] | which opportunities fit, by how many points and why |
//! | [`overlap`] | which cities are active in the same place and sector and do not know of one another |
//! | [`described`] | what a city is called, by which records speak of it |
//! | [`activity`] | whether two economic activities are the same, across classifications |
//! | `places` | which places of many records are the same |

pub mod activity;
pub mod described;
pub mod fit;
pub mod ladder;
pub mod overlap;
mod places;

use isopolity_proto::{
    registry::{Partnership, PartnershipStatus},
    types::RecordState,
};

pub use described::Described;

/// Whether a record speaks for itself: it was neither replaced by another nor withdrawn.
fn holds(state: RecordState) -> bool {
    !matches!(state, RecordState::Superseded | RecordState::Withdrawn)
}

/// Whether a partnership goes on: it has not ended and is not suspended.
fn goes_on(partnership: &Partnership) -> bool {
    use PartnershipStatus::{Cancelled, Closed, Suspended};
    holds(partnership.state())
        && partnership.ending.is_none()
        && partnership.suspension.is_none()
        && !matches!(partnership.status(), Cancelled | Closed | Suspended)
}
