//! Working together with other cities.
//!
//! `domain::cooperation` decides what an event makes of a cooperation; here that is written, with everything that follows from it, in
//! one transaction: the event, the cooperation as it stands, this city's records, what is to be delivered, what becomes of steps on
//! their way, mail and the audit log. Several processes may do so on one database: whoever writes has read in the same transaction.
//!
//! | module | what it does |
//! | --- | --- |
//! | `draft` | drafts, of which no other city knows |
//! | `step`, `propose` | what this city does, and what only its registry can say of it |
//! | `keep` | an event becomes part of a history, with everything that follows |
//! | `effect` | the agreement record, and what cities say of records |
//! | `pending` | steps that are not part of a history yet |
//! | `receive`, `keys` | what other cities send and fetch, and whose signatures are believed |
//! | `answer` | what the host said of a step |
//! | `outbox`, `deliver`, `hasten`, `depth` | what is on its way to other cities |
//! | `due` | what ends because its time is over |
//! | `read`, `inbox`, `news` | reading, what waits for whom, and being told |
//! | [`mod@mail`] | mail about what waits |
//! | `unit` | the transaction |

mod answer;
pub mod deliver;
pub(crate) mod depth;
mod draft;
mod due;
mod effect;
mod hasten;
mod inbox;
mod keep;
mod keys;
pub mod mail;
mod news;
mod outbox;
mod pending;
mod propose;
mod read;
mod receive;
mod step;
mod unit;

pub use isopolity_domain::cooperation::{told, told_step};
use isopolity_domain::{
    Violation,
    cooperation::{CooperationName, CooperationNameError},
};
pub(crate) use news::News;

/// How a city works together with others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What binds the city waits for a second person's approval; the node signs only then.
    pub second_person: bool,
}

/// A cooperation's name as a caller gives it.
fn named(name: &str) -> Result<CooperationName, Violation> {
    name.parse().map_err(|error: CooperationNameError| Violation::invalid("name", error.to_string()))
}
