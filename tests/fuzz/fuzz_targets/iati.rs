//! Files of IATI activities.
#![no_main]

use std::ops::ControlFlow;

use isopolity_domain::validate;
use isopolity_exchange::{Outcome, iati};
use libfuzzer_sys::fuzz_target;

#[path = "../context.rs"]
mod context;

fuzz_target!(|bytes: &[u8]| {
    iati::read(bytes, &context::context(), &mut |row| {
        match row.outcome {
            Outcome::Resources { entries, .. } => {
                assert!(!entries.is_empty());
                for entry in &entries {
                    let _ = validate::validate(entry.name.kind(), &entry.resource);
                }
            }
            Outcome::Rejected(flaws) => assert!(!flaws.is_empty()),
            Outcome::Skipped => {}
        }
        ControlFlow::Continue(())
    });
});
