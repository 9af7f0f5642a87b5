//! Chance, as far as calling peers needs it: jitter and samples. Never for secrets.

use std::sync::{Mutex, PoisonError};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Dice that fall differently at each start of a node, unless they are told how.
#[derive(Debug)]
pub(crate) struct Dice(Mutex<StdRng>);

impl Default for Dice {
    fn default() -> Self {
        let mut seed = [0; 32];
        // Without an operating system that has randomness to give there are no keys either; here it does not matter.
        if getrandom::fill(&mut seed).is_err() {
            tracing::warn!("the operating system gives no randomness; jitter is the same at each start");
        }
        Self(Mutex::new(StdRng::from_seed(seed)))
    }
}

impl Dice {
    /// From here on the dice fall as this seed says.
    pub(crate) fn seed(&self, seed: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = StdRng::seed_from_u64(seed);
    }

    /// A number from 0 up to, but not including, 1.
    pub(crate) fn roll(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }
}
