//! The state between pages as bytes. Only this node reads them, and no longer than a day: there is no contract to keep.

use std::collections::BTreeMap;

use isopolity_proto::federation::{SearchOrder, SortKey, Statistics};
use prost::Message;

use super::{PageState, Place};
use crate::{answer, clock};

#[derive(Clone, PartialEq, Message)]
struct State {
    #[prost(enumeration = "SearchOrder", tag = "1")]
    order: i32,
    #[prost(message, optional, tag = "2")]
    statistics: Option<Statistics>,
    #[prost(message, optional, tag = "3")]
    created: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "4")]
    reached: Option<Cursor>,
    #[prost(message, repeated, tag = "5")]
    apart: Vec<Apart>,
    /// A city's fingerprint in the upper half, its epoch's in the lower.
    #[prost(fixed64, repeated, tag = "6")]
    epochs: Vec<u64>,
}

/// A place.
#[derive(Clone, PartialEq, Message)]
struct Cursor {
    #[prost(message, optional, tag = "1")]
    key: Option<SortKey>,
    #[prost(string, tag = "2")]
    city: String,
    #[prost(string, tag = "3")]
    name: String,
}

/// Cities that stand at the same place, but not where most stand.
#[derive(Clone, PartialEq, Message)]
struct Apart {
    /// Not set: the beginning.
    #[prost(message, optional, tag = "1")]
    cursor: Option<Cursor>,
    #[prost(string, repeated, tag = "2")]
    cities: Vec<String>,
}

pub(super) fn encode(state: &PageState) -> Vec<u8> {
    let mut apart: Vec<Apart> = Vec::new();
    for (city, place) in &state.apart {
        let cursor = place.as_ref().map(to_cursor);
        match apart.iter_mut().find(|apart| apart.cursor == cursor) {
            Some(apart) => apart.cities.push(city.to_string()),
            None => apart.push(Apart { cursor, cities: vec![city.to_string()] }),
        }
    }
    let state = State {
        order: state.order.into(),
        statistics: state.statistics.clone(),
        created: Some(clock::to_timestamp(state.created)),
        reached: state.reached.as_ref().map(to_cursor),
        apart,
        epochs: state.epochs.iter().map(|(city, epoch)| (u64::from(*city) << 32) | u64::from(*epoch)).collect(),
    };
    state.encode_to_vec()
}

pub(super) fn decode(bytes: &[u8]) -> Option<PageState> {
    let state = State::decode(bytes).ok()?;
    let order = SearchOrder::try_from(state.order).ok().filter(|order| *order != SearchOrder::Unspecified)?;
    let mut apart = BTreeMap::new();
    for Apart { cursor, cities } in state.apart {
        let place = match cursor {
            None => None,
            Some(cursor) => Some(read(cursor, order)?),
        };
        for city in cities {
            apart.insert(city.parse().ok()?, place.clone());
        }
    }
    let reached = match state.reached {
        None => None,
        Some(cursor) => Some(read(cursor, order)?),
    };
    let halves = |both: u64| Some((u32::try_from(both >> 32).ok()?, u32::try_from(both & u64::from(u32::MAX)).ok()?));
    Some(PageState {
        order,
        statistics: state.statistics,
        created: clock::from_timestamp(&state.created?)?,
        reached,
        apart,
        epochs: state.epochs.into_iter().map(halves).collect::<Option<_>>()?,
    })
}

fn to_cursor(place: &Place) -> Cursor {
    Cursor { key: Some(place.key.to_proto()), city: place.city.to_string(), name: place.name.clone() }
}

/// The place of a cursor, if there is one that can be read.
fn read(cursor: Cursor, order: SearchOrder) -> Option<Place> {
    let key = answer::SortKey::from_proto(cursor.key.as_ref(), order)?;
    Some(Place { key, city: cursor.city.parse().ok()?, name: cursor.name })
}
