//! Turning the rows of one file into resources.

use std::collections::{BTreeMap, BTreeSet};

use isopolity_domain::{CityId, Name, text::fold};
use isopolity_proto::json::tagged_from_str;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};

use super::{Field, Mapping, Naming, Piece, Source, id_of};
use crate::{
    Context, Entry, Flaw, Outcome,
    path::Tree,
    plausible, stamp,
    table::{Header, Record},
    value,
};

/// A mapping and the header of a file that it fits.
pub(crate) struct Bound<'a> {
    mapping: &'a Mapping,
    header: Header,
    positions: BTreeMap<&'a str, usize>,
}

/// What a field's source gave in a row.
struct Found {
    /// Nothing, if the column is not in the file.
    value: Option<Value>,
    /// It comes from a cell, not from the mapping.
    from_cell: bool,
    /// The file has no such column.
    absent: bool,
}

impl<'a> Bound<'a> {
    /// Finds the mapping's columns.
    pub(crate) fn new(mapping: &'a Mapping, header: &Header) -> Result<Self, Vec<Flaw>> {
        let mut flaws = header.flaws();
        let mut positions = BTreeMap::new();
        let naming: BTreeSet<&str> = match &mapping.naming {
            Naming::City => BTreeSet::new(),
            Naming::Key { columns, .. } => columns.iter().map(String::as_str).collect(),
            Naming::Column(name) => BTreeSet::from([name.as_str()]),
        };
        for column in mapping.columns() {
            match header.position(column) {
                Some(at) => {
                    positions.insert(column, at);
                }
                None if mapping.allow_missing_columns && !naming.contains(column) => {}
                None => {
                    let there: Vec<_> = header.names.iter().filter(|name| !name.is_empty()).take(60).cloned().collect();
                    let description = format!("the file has no such column; it has {}", there.join(", "));
                    flaws.push(Flaw::of(column, description));
                }
            }
        }
        if flaws.is_empty() { Ok(Self { mapping, header: header.clone(), positions }) } else { Err(flaws) }
    }

    /// What a row becomes.
    pub(crate) fn outcome(&self, record: &Record, context: &Context) -> Outcome {
        if let Some(column) = &self.mapping.city_column
            && !context.city_names.contains(&fold(self.cell(record, column).trim()))
        {
            return Outcome::Skipped;
        }
        let mut flaws = self.cell_flaws(record);
        let mut found = Vec::with_capacity(self.mapping.fields.len());
        for field in &self.mapping.fields {
            match self.find(field, record, &context.city) {
                Ok(one) => {
                    if one.value.is_none() && field.skip_row_if_empty {
                        return Outcome::Skipped;
                    }
                    if one.value.is_none() && field.required {
                        flaws.push(Flaw::of(column_of(field), "is required"));
                    }
                    found.push(one);
                }
                Err(description) => {
                    flaws.push(Flaw::of(column_of(field), description));
                    found.push(Found { value: None, from_cell: false, absent: true });
                }
            }
        }
        let name = self.name(record, context).map_err(|flaw| flaws.push(flaw)).ok();
        let exact = self.exact(record).map_err(|flaw| flaws.push(flaw)).ok().flatten();
        let Some(name) = name.filter(|_| flaws.is_empty()) else { return Outcome::Rejected(flaws) };
        let mut resource = match exact {
            Some(resource) => self.overlay(resource, found, &context.city),
            None => self.build(found),
        };
        stamp::complete(&mut resource, context);
        let doubts = plausible::doubts(&resource).into_iter().map(|(path, description)| self.doubt(&path, description));
        Outcome::Resources { doubts: doubts.collect(), entries: vec![Entry { name, resource }] }
    }

    fn cell<'b>(&self, record: &'b Record, column: &str) -> &'b str {
        self.positions.get(column).and_then(|at| record.cells.get(*at)).map(String::as_str).unwrap_or_default()
    }

    fn cell_flaws(&self, record: &Record) -> Vec<Flaw> {
        let used = |at: usize| self.positions.values().any(|position| *position == at);
        let flaws = record.cell_flaws.iter().filter(|(at, _)| used(*at));
        flaws.map(|(at, description)| Flaw::of(self.header.label(*at), description.clone())).collect()
    }

    fn find(&self, field: &Field, record: &Record, city: &CityId) -> Result<Found, String> {
        let (text, from_cell) = match &field.source {
            Source::Column(column) => (self.cell(record, column).to_owned(), true),
            Source::Value(text) => (text.clone(), false),
            Source::Template(pieces) => (self.filled(pieces, record), true),
        };
        let absent = from_cell && field.source.columns().iter().all(|column| !self.positions.contains_key(column));
        let value = field.conversion.convert(&field.path, &text, city.as_str())?;
        match (&field.default, value) {
            (Some(default), None) => {
                let value = field.conversion.convert(&field.path, default, city.as_str())?;
                Ok(Found { value, from_cell: false, absent: false })
            }
            (_, value) => Ok(Found { value, from_cell, absent }),
        }
    }

    /// A template with its columns filled in; empty if they all are.
    fn filled(&self, pieces: &[Piece], record: &Record) -> String {
        let mut text = String::new();
        let mut says_something = false;
        for piece in pieces {
            match piece {
                Piece::Text(one) => text.push_str(one),
                Piece::Column(column) => {
                    let cell = self.cell(record, column).trim();
                    says_something |= !cell.is_empty();
                    text.push_str(cell);
                }
            }
        }
        if says_something { text } else { String::new() }
    }

    fn name(&self, record: &Record, context: &Context) -> Result<Name, Flaw> {
        let kind = self.mapping.kind;
        match &self.mapping.naming {
            Naming::City => Ok(Name::of_city(context.city.clone())),
            Naming::Column(column) => {
                let cell = self.cell(record, column).trim();
                Name::parse_as(kind, cell).map_err(|error| Flaw::of(column, error.to_string()))
            }
            Naming::Key { columns, prefix } => {
                let cells: Vec<&str> = columns.iter().map(|column| self.cell(record, column).trim()).collect();
                let column = columns.first().cloned().unwrap_or_default();
                let id = id_of(prefix, &cells)
                    .ok_or_else(|| Flaw::of(&column, "is empty, but the resource's name is made from it"))?;
                Name::new(context.city.clone(), kind, &id).map_err(|error| Flaw::of(column, error.to_string()))
            }
        }
    }

    /// The resource that the row holds as a whole, if it does.
    fn exact(&self, record: &Record) -> Result<Option<DynamicMessage>, Flaw> {
        let Some(column) = &self.mapping.exact_column else { return Ok(None) };
        let cell = self.cell(record, column).trim();
        if cell.is_empty() {
            return Ok(None);
        }
        let mut resource = tagged_from_str(cell).map_err(|error| Flaw::of(column, error.to_string()))?;
        stamp::forget_output(&mut resource);
        if resource.descriptor() == self.mapping.kind.descriptor() {
            Ok(Some(resource))
        } else {
            Err(Flaw::of(column, format!("is a {}, not a {}", resource.descriptor().full_name(), self.mapping.kind)))
        }
    }

    /// A resource of what the fields gave.
    fn build(&self, found: Vec<Found>) -> DynamicMessage {
        let kept: Vec<bool> = self
            .mapping
            .fields
            .iter()
            .zip(&found)
            .map(|(field, one)| one.from_cell || self.belongs(field, &found))
            .collect();
        let mut tree = Tree::default();
        for ((field, one), kept) in self.mapping.fields.iter().zip(found).zip(kept) {
            let Some(value) = one.value.filter(|_| kept) else { continue };
            tree.insert(&field.path, value);
            if let Some((path, language)) = &field.language {
                tree.insert(path, Value::String(language.clone()));
            }
        }
        tree.build(&self.mapping.kind.descriptor())
    }

    /// Whether something that stands in the mapping has anything to stand beside in this row.
    fn belongs(&self, field: &Field, found: &[Found]) -> bool {
        let entry = field.path.entry();
        if entry.is_empty() {
            return true;
        }
        let mut beside = self
            .mapping
            .fields
            .iter()
            .zip(found)
            .filter(|(other, _)| !matches!(other.source, Source::Value(_)))
            .filter(|(other, _)| other.path.to_string().strip_prefix(&entry).is_some_and(|rest| rest.starts_with('.')))
            .map(|(_, one)| one.from_cell && one.value.is_some())
            .peekable();
        beside.peek().is_none() || beside.any(|says_something| says_something)
    }

    /// The resource with the cells that say something else than it does.
    fn overlay(&self, mut resource: DynamicMessage, found: Vec<Found>, city: &CityId) -> DynamicMessage {
        for (field, one) in self.mapping.fields.iter().zip(found) {
            if one.absent || !one.from_cell {
                continue;
            }
            // What the cell would hold if nobody had touched it, read in the same way.
            let written = field.path.get(&resource).zip(field.path.field());
            let text = written.and_then(|(value, leaf)| value::to_text(leaf, &value)).unwrap_or_default();
            let untouched = field.conversion.convert(&field.path, &text, city.as_str());
            if untouched != Ok(one.value.clone()) {
                field.path.set(&mut resource, one.value);
            }
        }
        resource
    }

    /// A doubt, with the columns that it comes from.
    fn doubt(&self, path: &str, description: String) -> Flaw {
        let below = |field: &&Field| {
            field.path.to_string().strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let column = self.mapping.fields.iter().find(below).map_or_else(|| path.to_owned(), column_of);
        Flaw::of(column, description)
    }
}

/// How a field's source is called in a report.
fn column_of(field: &Field) -> String {
    field.source.columns().first().map_or_else(|| field.path.to_string(), ToString::to_string)
}
