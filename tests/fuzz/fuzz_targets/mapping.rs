//! Mappings, and tables read by them: the input is a mapping, a line of four dashes, and a table.
#![no_main]

use std::ops::ControlFlow;

use isopolity_exchange::{Mapping, read};
use libfuzzer_sys::fuzz_target;

#[path = "../context.rs"]
mod context;

fuzz_target!(|text: &str| {
    let (mapping, table) = text.split_once("\n----\n").unwrap_or((text, ""));
    let Ok(mapping) = Mapping::parse(mapping) else { return };
    read::table(table.as_bytes(), &mapping, &context::context(), &mut |_row| ControlFlow::Continue(()));
});
