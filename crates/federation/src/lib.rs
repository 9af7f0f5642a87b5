//! Who the other cities are and how they are reached.
//!
//! Trust is held for each city apart: a city's certificate is checked against that city's own trust bundle and must carry
//! that city's SPIFFE ID, so no city can speak for another. Nothing here reads a database or decides what a peer may see;
//! the registry hands the table of peers in ([`Peers::set`]) and the node serves what comes in.
//!
//! A newcomer reads [`Peers`] first: it holds the table, asks all members at once ([`Peers::ask`]) and remembers how each
//! of them does ([`Health`]).
//!
//! | module | what it does |
//! | --- | --- |
//! | [`identity`] | this city's CA and record key, as files, and what they sign |
//! | [`bundle`] | the trust bundle: which keys are a city's |
//! | [`tls`] | mutual TLS between nodes, and TLS for the API |
//! | [`listener`] | taking connections, within limits |
//! | [`link`] | one peer, as something that can be called |
//! | [`operator`] | keys of those who sign a directory |
//! | [`mod@peers`] | the table of peers, greeting, reading one record |
//! | [`ask`] | asking all of them, within one time |
//! | `admission` | which of them are asked |
//! | [`health`] | how each peer did last |
//! | [`guest`], `join` | cities that become peers with an invitation, on both sides |
//! | [`standing`] | telling a peer how it stands here, and ending what is under way |
//! | [`address`] | which addresses may be called |
//! | `probe` | trying each step of reaching a peer |
//! | [`circuit`] | who is left alone because it failed or asked for it |
//! | [`digests`] | what peers say that they have, so that only those are asked that may have an answer |
//! | [`statistics`] | how often words occur in all of them |
//! | `connections` | those that are open, both ways, to be judged again when trust changes |
//! | `lookout` | peers for whose return something waits |
//! | `nudge` | whose bundle is to be looked for at once |
//! | [`watch`] | being told of what a peer publishes |
//!
//! Two threads of thought run through it: whatever a peer does, an answer about it comes in time and names the cause; and
//! a stranger never makes this node hold more than its limits say.

pub mod address;
mod admission;
pub mod ask;
pub mod audit;
pub mod bundle;
mod certificate;
pub mod circuit;
mod connections;
pub mod deliver;
mod dice;
mod digests;
pub mod guest;
pub mod health;
pub mod identity;
mod join;
pub mod link;
pub mod listener;
mod lookout;
mod nudge;
pub mod operator;
pub mod peers;
mod probe;
pub mod standing;
pub mod statistics;
pub mod tls;
mod trust;
pub mod watch;

#[cfg(test)]
mod testing;

pub use ask::{AnswerPart, Asking, CityStream, Streams};
pub use bundle::{Bundle, BundleError};
pub use circuit::Permit;
pub use connections::Ages;
pub use guest::Guest;
pub use health::{Health, Trouble};
pub use identity::{Identity, IdentityError, KeyKind, KeyState, Leaf, PkiFiles};
pub use link::{Link, LinkError};
pub use listener::{CallerAddress, Connection, Incoming, ListenerLimits, PeerIdentity};
pub use peers::{Limits, PeerSettings, Peers};
pub use statistics::Gathered;
pub use tls::{HandshakeRefusal, LeafKeeper};
pub use watch::Told;

/// The highest version of the federation protocol that this node speaks.
pub const PROTOCOL_VERSION: i32 = 1;
