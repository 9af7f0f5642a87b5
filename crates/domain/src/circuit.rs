//! Whether a peer that fails is still called, and how soon it is tried again.
//!
//! A circuit is closed as long as the peer answers. After [`FAILURES`] failures in a row it opens: the peer is left alone
//! for a while, so that nobody waits for it and it is not overrun when it comes back. Then it is half open: one question
//! tries it, and closes the circuit or opens it for a longer while. Any sign of life closes it at once, whoever gave it.
//!
//! Two more things are kept with it: until when the peer itself asked not to be called, and how many second attempts it
//! has left. Time and chance are handed in; nothing here waits.

use std::{fmt, time::Duration};

use bytes::Bytes;
use isopolity_proto::admin::{self, CircuitState};
use prost::Message as _;
use time::OffsetDateTime;

use crate::clock;

/// After how many failures in a row a circuit opens.
pub const FAILURES: u32 = 5;
/// How long it stays open the first time; each further time twice as long.
pub const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest that it stays open, before [`JITTER`].
pub const LONGEST_BACKOFF: Duration = Duration::from_mins(5);
/// By how much chance makes that longer or shorter, so that many nodes do not come back to a peer at the same moment.
pub const JITTER: f64 = 0.2;
/// The longest that a peer may ask not to be called; what is longer counts as this.
pub const LONGEST_PUSH_BACK: Duration = Duration::from_mins(10);
/// The most second attempts that a peer can have left. A circuit begins with them.
pub const RETRIES: f64 = 10.0;
/// What part of a second attempt each call earns.
pub const RETRY_EARNED: f64 = 0.1;
/// The longest text of a failure that is kept, in characters.
const LONGEST_TROUBLE: usize = 300;

/// What is done about one peer that fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Circuit {
    standing: Standing,
    /// In a row.
    failures: u32,
    /// How often it opened since it was last closed.
    openings: u32,
    last_failure: String,
    pushed_back_until: Option<OffsetDateTime>,
    retries: f64,
    trials: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Closed,
    Open { until: OffsetDateTime },
    HalfOpen { trial: u64 },
}

/// The one question that tries a peer. To be given back if nothing came of it: [`Circuit::give_back`].
#[derive(Debug, PartialEq, Eq)]
pub struct Trial(u64);

/// Why a peer is not called now. Its text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// From when on it may be called. While it is being tried that is at once, if the trial goes well.
    pub until: OffsetDateTime,
    /// Why.
    pub why: HeldWhy,
}

/// Why a peer is not called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldWhy {
    /// It failed too often.
    Open {
        /// How often in a row.
        failures: u32,
        /// The last failure, for people.
        last: String,
    },
    /// It failed too often, and one question is trying it at this moment.
    Trying {
        /// How often in a row.
        failures: u32,
        /// The last failure, for people.
        last: String,
    },
    /// It asked for it.
    PushedBack,
}

impl fmt::Display for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Up to the next full second, so that it is never said to be earlier than it is.
        let until = match self.until.nanosecond() {
            0 => self.until,
            _ => self.until + Duration::from_secs(1),
        };
        let time = format_args!("{:02}:{:02}:{:02} UTC", until.hour(), until.minute(), until.second());
        match &self.why {
            HeldWhy::Open { failures, last } => {
                write!(formatter, "not called until {time} after {failures} failures in a row, the last: {last}")
            }
            HeldWhy::Trying { failures, last } => {
                write!(
                    formatter,
                    "just being tried with one question after {failures} failures in a row, the last: {last}"
                )
            }
            HeldWhy::PushedBack => write!(formatter, "asked not to be called until {time}"),
        }
    }
}

impl Default for Circuit {
    fn default() -> Self {
        Self {
            standing: Standing::Closed,
            failures: 0,
            openings: 0,
            last_failure: String::new(),
            pushed_back_until: None,
            retries: RETRIES,
            trials: 0,
        }
    }
}

impl Circuit {
    /// Asks to call the peer. Where it is the trial of a circuit that was open, the trial comes with it.
    ///
    /// # Errors
    /// [`Held`] if it is not to be called now.
    pub fn admit(&mut self, now: OffsetDateTime) -> Result<Option<Trial>, Held> {
        if let Some(held) = self.pushed_back(now) {
            return Err(held);
        }
        let (failures, last) = (self.failures, self.last_failure.clone());
        match self.standing {
            Standing::Closed => Ok(None),
            Standing::Open { until } if !lies_ahead(until, now, longest_open()) => {
                self.trials = self.trials.wrapping_add(1);
                self.standing = Standing::HalfOpen { trial: self.trials };
                Ok(Some(Trial(self.trials)))
            }
            Standing::Open { until } => Err(Held { until, why: HeldWhy::Open { failures, last } }),
            Standing::HalfOpen { .. } => Err(Held { until: now, why: HeldWhy::Trying { failures, last } }),
        }
    }

    /// Whether the peer has asked not to be called now.
    #[must_use]
    pub fn pushed_back(&self, now: OffsetDateTime) -> Option<Held> {
        let until = self.pushed_back_until.filter(|until| lies_ahead(*until, now, LONGEST_PUSH_BACK))?;
        Some(Held { until, why: HeldWhy::PushedBack })
    }

    /// A trial came to nothing, neither to an answer nor to a failure: the next question is the trial.
    pub fn give_back(&mut self, trial: &Trial, now: OffsetDateTime) {
        if self.standing == (Standing::HalfOpen { trial: trial.0 }) {
            self.standing = Standing::Open { until: now };
        }
    }

    /// A call failed. `luck` is a number from 0 to 1. Returns until when the circuit is open, if this opened it.
    pub fn failed(&mut self, description: &str, now: OffsetDateTime, luck: f64) -> Option<OffsetDateTime> {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = description.chars().take(LONGEST_TROUBLE).collect();
        let opens = match self.standing {
            Standing::Closed => self.failures >= FAILURES,
            // What was under way when it opened says nothing new.
            Standing::Open { until } => !lies_ahead(until, now, longest_open()),
            Standing::HalfOpen { .. } => true,
        };
        opens.then(|| {
            let until = now + backoff(self.openings, luck);
            self.openings = self.openings.saturating_add(1);
            self.standing = Standing::Open { until };
            until
        })
    }

    /// The peer gave a sign of life: it answered, though it be with a refusal, or it called. Returns whether that changed
    /// anything. What it asked for itself stays: [`Self::push_back`].
    pub fn alive(&mut self) -> bool {
        let changed = self.standing != Standing::Closed || self.failures > 0;
        if changed {
            self.standing = Standing::Closed;
            (self.failures, self.openings) = (0, 0);
            self.last_failure.clear();
        }
        changed
    }

    /// The peer asked not to be called for this time. That is a sign of life too.
    pub fn push_back(&mut self, delay: Duration, now: OffsetDateTime) {
        self.alive();
        self.pushed_back_until = Some(now + delay.min(LONGEST_PUSH_BACK));
    }

    /// A call is made; it earns a part of a second attempt.
    pub fn earn_retry(&mut self) {
        self.retries = (self.retries + RETRY_EARNED).min(RETRIES);
    }

    /// Takes one second attempt, if one is left.
    pub fn take_retry(&mut self) -> bool {
        // Ten times a tenth is a little less than one.
        let enough = self.retries + 1e-9 >= 1.0;
        if enough {
            self.retries = (self.retries - 1.0).max(0.0);
        }
        enough
    }

    /// Whether the peer is called, as it stands. A circuit whose time is over is open until somebody asks.
    #[must_use]
    pub fn state(&self) -> CircuitState {
        match self.standing {
            Standing::Closed => CircuitState::Closed,
            Standing::Open { .. } => CircuitState::Open,
            Standing::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// The circuit as an operator sees it.
    #[must_use]
    pub fn describe(&self, now: OffsetDateTime) -> admin::Circuit {
        let retry_time = match self.standing {
            Standing::Open { until } => Some(clock::to_timestamp(until)),
            _ => None,
        };
        admin::Circuit {
            state: self.state().into(),
            failures: i32::try_from(self.failures).unwrap_or(i32::MAX),
            retry_time,
            pushed_back_until_time: self.pushed_back(now).map(|held| clock::to_timestamp(held.until)),
            retry_budget: self.retries,
        }
    }

    /// The state as bytes, to be kept over a restart.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let open_until = match self.standing {
            Standing::Closed => None,
            Standing::Open { until } => Some(until),
            // Nobody knows what becomes of the trial: whoever reads this tries again.
            Standing::HalfOpen { .. } => Some(OffsetDateTime::UNIX_EPOCH),
        };
        let kept = Kept {
            failures: self.failures,
            openings: self.openings,
            open_until: open_until.map(clock::to_timestamp),
            pushed_back_until: self.pushed_back_until.map(clock::to_timestamp),
            retries: self.retries,
            last_failure: self.last_failure.clone(),
        };
        kept.encode_to_vec().into()
    }

    /// Reads what [`Self::encode`] wrote. What can't be read is a new circuit: it only costs a few questions more.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let Ok(kept) = Kept::decode(bytes) else { return Self::default() };
        if bytes.is_empty() {
            return Self::default();
        }
        let standing = match kept.open_until.as_ref().and_then(clock::from_timestamp) {
            Some(until) => Standing::Open { until },
            None => Standing::Closed,
        };
        Self {
            standing,
            failures: kept.failures,
            openings: kept.openings,
            last_failure: kept.last_failure.chars().take(LONGEST_TROUBLE).collect(),
            pushed_back_until: kept.pushed_back_until.as_ref().and_then(clock::from_timestamp),
            retries: if kept.retries.is_finite() { kept.retries.clamp(0.0, RETRIES) } else { RETRIES },
            trials: 0,
        }
    }
}

/// What is kept over a restart.
#[derive(Clone, PartialEq, prost::Message)]
struct Kept {
    #[prost(uint32, tag = "1")]
    failures: u32,
    #[prost(uint32, tag = "2")]
    openings: u32,
    #[prost(message, optional, tag = "3")]
    open_until: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "4")]
    pushed_back_until: Option<prost_types::Timestamp>,
    #[prost(double, tag = "5")]
    retries: f64,
    #[prost(string, tag = "6")]
    last_failure: String,
}

/// How long a circuit stays open after it was open so many times before.
fn backoff(openings: u32, luck: f64) -> Duration {
    let doubled = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(openings)).min(LONGEST_BACKOFF);
    let luck = if luck.is_finite() { luck.clamp(0.0, 1.0) } else { 0.5 };
    doubled.mul_f64(1.0 - JITTER + 2.0 * JITTER * luck)
}

fn longest_open() -> Duration {
    LONGEST_BACKOFF.mul_f64(1.0 + JITTER)
}

/// Whether a time is still to come. One that lies further ahead than it can have been set does not count: the clock was set
/// back, and nobody is to wait for it to come round again.
fn lies_ahead(until: OffsetDateTime, now: OffsetDateTime, longest: Duration) -> bool {
    now < until && until - now <= longest
}

#[cfg(test)]
mod tests;
