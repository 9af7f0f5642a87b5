//! Tables by a fixed mapping, twin towns in both forms, and the proposal of a mapping.
#![no_main]

use std::{ops::ControlFlow, sync::LazyLock};

use isopolity_domain::Kind;
use isopolity_exchange::{Mapping, guess, mapping, read};
use libfuzzer_sys::fuzz_target;

#[path = "../context.rs"]
mod context;

static STANDARD: LazyLock<Mapping> = LazyLock::new(|| mapping::mapping_for(Kind::Organization));

fuzz_target!(|bytes: &[u8]| {
    let context = context::context();
    let Some((choice, bytes)) = bytes.split_first() else { return };
    match choice % 4 {
        0 => read::table(bytes, &STANDARD, &context, &mut |_row| ControlFlow::Continue(())),
        1 => read::twin_towns(bytes, &context, &mut |_row| ControlFlow::Continue(())),
        2 => read::twin_towns_raw(bytes, &context, &mut |_row| ControlFlow::Continue(())),
        _ => {
            if let Ok(text) = guess::guess(bytes, false, None) {
                Mapping::parse(&text).expect("a proposal is a mapping");
            }
        }
    }
});
