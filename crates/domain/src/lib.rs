//! What a record may become: the rules of the registry and of the federation, as plain functions over the messages of
//! `isopolity-proto`.
//!
//! Nothing here reads a file, a socket, a database or a clock; what a rule needs is handed in. So each rule is tested
//! beside its code, in microseconds, and the layers above only carry things to it and away.
//!
//! | module | what it decides |
//! | --- | --- |
//! | [`city_id`], [`kind`], [`name`] | what a city, a kind of resource and a resource are called |
//! | [`codes`] | which codes exist: countries, languages, currencies, economic activities |
//! | [`validate`] | whether a resource may be kept, field by field |
//! | [`settle`] | what the node derives from what was entered, before it is kept |
//! | [`stage`], [`conditions`] | how a partnership moves on, and what closes its gates |
//! | [`indicators`] | what is measured, and when a number may be published |
//! | [`disclosure`] | which counts and sums may be shown to those who may not see the records |
//! | [`freshness`] | whether a resource may be out of date |
//! | [`project`] | what an audience may see of a message, from the proto's field options |
//! | [`sharing`], [`sight`] | what a peer may see and do here, by its sharing agreement |
//! | [`record`], [`envelope`] | how a resource becomes signed records, and how they are checked |
//! | [`invitation`], [`words`] | how two cities become peers: the code that is sent, the words that are compared |
//! | [`mod@directory`] | the signed list of members of a federation, and when one is taken in place of another |
//! | [`cooperation`] | how cities come to an agreement: the steps, their signed history, what waits for whom |
//! | [`audit`] | the chain of what was done, asked and answered |
//! | [`feed`] | what is published, in which order |
//! | [`answer`], [`merge`] | what a city answered, and how answers become one |
//! | [`backoff`] | when something is tried again that did not work |
//! | [`circuit`] | whether a peer that fails is still called |
//! | [`relevance`] | how well a record fits a question's words |
//! | [`query`] | how the text of a question is read |
//! | [`facet`] | by which values records are found and counted |
//! | [`question`] | whether a question may be asked |
//! | [`digest`] | when a city need not be asked |
//! | [`page`] | where each city's hits go on after a page of a merged answer |
//! | [`highlight`] | where the words of a question stand in a record |
//! | [`retention`] | how long things are kept |
//! | [`page_token`] | how a list goes on |
//! | [`filter`] | what a list holds and in which order: filters (AIP-160) and orders |
//! | [`geography`] | where places are: distances, and whether a point lies in a country |
//! | [`matching`] | which organisations and places may be the same |
//! | [`mod@insight`] | what the federation's records say together: how far cities cooperate, what fits, who overlaps |
//! | [`subject`] | where a record speaks of somebody, and taking a name out of it |
//! | [`consent`] | whether consents hold, and what follows where they have ended |
//! | [`mailbox`] | whether a mailbox is an office's or a person's |
//! | [`bearer`] | what a caller shows |
//! | [`login`] | names and passwords of users, and how guessing is slowed down |
//! | [`text`] | how words are compared across scripts |
//! | [`clock`] | how time is handed in |

pub mod answer;
pub mod audit;
pub mod backoff;
pub mod bearer;
pub mod circuit;
pub mod city_id;
pub mod clock;
pub mod codes;
pub mod conditions;
pub mod consent;
pub mod cooperation;
pub mod digest;
pub mod directory;
pub mod disclosure;
pub mod envelope;
pub mod facet;
pub mod feed;
pub mod filter;
pub mod freshness;
pub mod geography;
pub mod highlight;
pub mod indicators;
pub mod insight;
pub mod invitation;
pub mod kind;
pub mod login;
pub mod mailbox;
pub mod matching;
pub mod merge;
pub mod name;
pub mod page;
pub mod page_token;
pub mod project;
pub mod query;
pub mod question;
pub mod record;
pub mod relevance;
pub mod retention;
pub mod settle;
pub mod sharing;
pub mod sight;
pub mod stage;
pub mod subject;
pub mod text;
pub mod validate;
pub mod violation;
pub mod words;

pub use city_id::CityId;
pub use clock::Clock;
pub use kind::Kind;
pub use name::Name;
pub use violation::{Violation, Violations};
