//! JSON Lines.
#![no_main]

use std::ops::ControlFlow;

use isopolity_domain::validate;
use isopolity_exchange::{Outcome, read};
use libfuzzer_sys::fuzz_target;

#[path = "../context.rs"]
mod context;

fuzz_target!(|bytes: &[u8]| {
    read::json_lines(bytes, &context::context(), &mut |row| {
        if let Outcome::Resources { entries, .. } = row.outcome {
            for entry in &entries {
                let _ = validate::validate(entry.name.kind(), &entry.resource);
            }
        }
        ControlFlow::Continue(())
    });
});
