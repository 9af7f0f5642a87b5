//! Resources as rows: which columns a kind has, and what stands in them.
//!
//! The columns follow from the kind's descriptor alone, so they are the same for every file, and a new field adds columns.
//! In the order of the fields:
//!
//! * a simple field is a column, named by its path: `country`, `seat.point.latitude`;
//! * a list of simple values is a column, `languages[]`, with `; ` between the values;
//! * of a list of messages the first two entries have columns, `display_names[0].text`, `display_names[1].text`; of a list
//!   within a list only the first, `parties[0].display_names[0].text`;
//! * the last column, `exact`, is empty unless the other columns can't hold the resource, because of a third name or a
//!   semicolon within a value, for example. Then it holds the resource as JSON, and the reader applies to it only those
//!   other cells that were changed.
//!
//! What a node alone decides (`etag`, `create_time`, `stale` and the like) is written, but not read back.
//!
//! Enum values stand by their short names, times by RFC 3339, numbers with a point. A cell says nothing by being empty.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use isopolity_domain::Kind;
use isopolity_proto::{json::dynamic_to_value, type_url};
use prost_reflect::{DynamicMessage, Kind as FieldKind, MessageDescriptor, ReflectMessage as _, Value};

use super::{WriteError, name_of};
use crate::{
    path::{Path, Tree, is_simple},
    stamp, value,
};

/// The column for what the others can't hold.
pub const EXACT_COLUMN: &str = "exact";
/// How many entries of a list have columns of their own, at the top of a resource and within another list.
const ENTRIES: [usize; 2] = [2, 1];
/// The deepest value that has a column, in steps.
const DEPTH_MAX: usize = 8;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in the header.
    pub name: String,
    pub(crate) path: Path,
}

/// The columns of a kind, without [`EXACT_COLUMN`].
#[must_use]
pub fn columns(kind: Kind) -> Arc<[Column]> {
    static KNOWN: LazyLock<RwLock<HashMap<Kind, Arc<[Column]>>>> = LazyLock::new(RwLock::default);
    if let Some(columns) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&kind) {
        return Arc::clone(columns);
    }
    let mut columns = Vec::new();
    collect(&kind.descriptor(), &Path::start(), 0, 0, &mut columns);
    let columns: Arc<[Column]> = columns.into();
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(kind, Arc::clone(&columns));
    columns
}

fn collect(message: &MessageDescriptor, above: &Path, lists: usize, depth: usize, columns: &mut Vec<Column>) {
    if depth == DEPTH_MAX {
        return;
    }
    for field in message.fields() {
        if is_simple(&field) && !field.is_map() {
            let path = above.with(field, None);
            columns.push(Column { name: path.to_string(), path });
            continue;
        }
        let FieldKind::Message(inner) = field.kind() else { continue };
        if field.is_list() {
            for at in 0..ENTRIES.get(lists).copied().unwrap_or(1) {
                collect(&inner, &above.with(field.clone(), Some(at)), lists + 1, depth + 1, columns);
            }
        } else if !field.is_map() {
            collect(&inner, &above.with(field.clone(), None), lists, depth + 1, columns);
        }
    }
}

/// The cells of a resource, in the order of [`columns`], and what stands in [`EXACT_COLUMN`].
///
/// # Errors
/// [`WriteError::OtherKind`], or [`WriteError::NoJson`] if the resource needs the JSON form and has none.
pub fn row(kind: Kind, resource: &DynamicMessage) -> Result<Vec<String>, WriteError> {
    let found = resource.descriptor();
    if found.full_name() != kind.full_name() {
        return Err(WriteError::OtherKind { expected: kind.to_string(), found: found.full_name().to_owned() });
    }
    let columns = columns(kind);
    let mut cells = Vec::with_capacity(columns.len() + 1);
    let mut tree = Tree::default();
    for column in columns.iter() {
        let text =
            column.path.get(resource).zip(column.path.field()).and_then(|(value, field)| value::to_text(field, &value));
        let text = text.unwrap_or_default();
        if !column.path.is_output_only()
            && let Some(value) = read_back(&column.path, &text)
        {
            tree.insert(&column.path, value);
        }
        cells.push(text);
    }
    let mut stated = resource.clone();
    stamp::forget_output(&mut stated);
    let exact = if tree.build(&kind.descriptor()) == stated { String::new() } else { json(resource)? };
    cells.push(exact);
    Ok(cells)
}

/// What the standard mapping makes of a cell.
fn read_back(path: &Path, text: &str) -> Option<Value> {
    let field = path.field()?;
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if !path.is_whole_list() {
        return value::from_text(field, text).ok();
    }
    let parts = text.split(value::SEPARATOR.trim()).map(str::trim).filter(|part| !part.is_empty());
    let entries: Vec<Value> = parts.map(|part| value::from_text(field, part)).collect::<Result<_, _>>().ok()?;
    Some(Value::List(entries)).filter(|list| list.as_list().is_some_and(|entries| !entries.is_empty()))
}

/// A resource in protobuf JSON with its `@type` first.
pub(super) fn json(resource: &DynamicMessage) -> Result<String, WriteError> {
    let serde_json::Value::Object(fields) = dynamic_to_value(resource, false) else {
        return Err(WriteError::NoJson { name: name_of(resource) });
    };
    let tag = serde_json::Value::String(type_url(resource.descriptor().full_name()));
    let mut text = format!("{{\"@type\":{tag}");
    for (name, value) in fields {
        text.push(',');
        text.push_str(&serde_json::Value::String(name).to_string());
        text.push(':');
        text.push_str(&value.to_string());
    }
    text.push('}');
    Ok(text)
}
