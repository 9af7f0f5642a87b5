//! Filters and orders of lists, as any caller may send them.
#![no_main]

use isopolity_domain::{
    Kind,
    filter::{self, Order},
};
use isopolity_proto::options::Audience;
use libfuzzer_sys::fuzz_target;
use prost_reflect::DynamicMessage;

fuzz_target!(|text: &str| {
    let _ = Order::parse(text);
    let Ok(parsed) = filter::parse(text) else { return };
    // Printed and read again it is the same, unless its quotes make it longer than what is read.
    let printed = parsed.to_string();
    if printed.chars().count() <= filter::TEXT_MAX {
        let again = filter::parse(&printed).expect("what is printed can be read");
        assert_eq!(again.to_string(), printed);
    }
    for kind in [Kind::Partnership, Kind::Organization, Kind::StageEvent] {
        if let Ok(checked) = parsed.checked(&kind.descriptor(), Audience::Public) {
            let _ = checked.matches(&DynamicMessage::new(kind.descriptor()));
        }
    }
});
