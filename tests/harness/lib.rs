//! The harness of the tests that see the project from outside.
//!
//! Two rings of tests use it. In `registry.rs` several registries live in one process and reach each other over links that
//! the test controls ([`town`]): federation logic, in virtual time. In `nodes.rs` real nodes run in one process, with real
//! sockets, TLS and databases ([`node`], [`federation`]); a proxy before each of them breaks its connections ([`cut`]),
//! and an [`impostor`] is a peer that answers as the test says. The rules themselves are tested beside their code.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`node`] | a node in a temporary folder |
//! | [`api`] | its API with a token, and what tests do with it |
//! | [`federation`] | several nodes that know and approve one another |
//! | [`cut`] | a proxy that refuses, is silent, delays, dribbles, cuts |
//! | [`impostor`] | a peer with keys of its own that breaks the protocol |
//! | [`exim`] | a real mail server |
//! | [`raw`] | any method, called by its name |
//! | [`mod@openssl`] | certificates as a city's own PKI makes them |
//! | [`stranger`] | a caller with a certificate of the test's choice |
//! | [`town`] | registries in one process, over links that the test controls |
//! | [`crash`] | registries that die at a commit |
//! | [`weather`] | a network that loses calls and answers, repeats and delays |
//! | [`script`] | answers, part by part |
//! | [`sample`] | resources and questions |
//! | [`refusal`] | what an error carries for programs |
//! | [`dice`] | random numbers, the same on every run |
//! | [`clock`] | clocks that move when told, and waiting for a condition |
//! | [`storage`] | SQLite, and PostgreSQL where there is one |

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    reason = "a harness that can't go on panics, and the test fails"
)]

pub mod api;
pub mod clock;
pub mod crash;
pub mod cut;
pub mod dice;
#[cfg(target_os = "linux")]
pub mod exim;
pub mod federation;
pub mod impostor;
pub mod node;
pub mod openssl;
pub mod raw;
pub mod refusal;
pub mod sample;
pub mod script;
pub mod storage;
pub mod stranger;
pub mod town;
pub mod weather;

pub use api::Api;
pub use cut::{Cut, Mode};
pub use dice::Dice;
pub use impostor::{Impostor, Speech};
pub use node::{Plan, TestNode};
pub use storage::Databases;
pub use town::{Manner, Resident, Town};
