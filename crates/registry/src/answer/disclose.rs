//! How much a peer is told of what it may see.

use isopolity_proto::{admin::Granularity, federation::QueryStart};

/// How many records a peer is told that it may see. 0 where it is not told.
pub(super) fn records(records: i64, granularity: Granularity) -> i64 {
    if granularity == Granularity::Records { records } else { 0 }
}

/// The beginning of an answer, with no more than may be told.
pub(super) fn start(start: QueryStart, granularity: Granularity) -> QueryStart {
    match granularity {
        Granularity::Records | Granularity::Unspecified => start,
        Granularity::Counts | Granularity::YesNo => QueryStart {
            granularity: Granularity::YesNo.into(),
            any: start.total > 0,
            epoch: start.epoch,
            sequence: start.sequence,
            took: start.took,
            ..QueryStart::default()
        },
    }
}
