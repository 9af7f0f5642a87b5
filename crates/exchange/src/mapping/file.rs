//! Reading a mapping file: its keys, and what they must be.

use std::{collections::BTreeMap, ops::Range};

use isopolity_domain::{Kind, codes, text::slug};
use serde::Deserialize;
use toml::Spanned;

use super::{Field, Mapping, MappingError, Naming, Piece, Source, convert};
use crate::{path::Path, table::Layout, text_file, value};

/// The most fields.
const FIELDS_MAX: usize = 2_000;
/// The longest mapping file, in bytes.
const FILE_MAX: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: Spanned<String>,
    key: Option<Spanned<Vec<String>>>,
    key_prefix: Option<Spanned<String>>,
    name_column: Option<Spanned<String>>,
    city_column: Option<String>,
    exact_column: Option<String>,
    #[serde(default)]
    allow_missing_columns: bool,
    encoding: Option<Spanned<String>>,
    delimiter: Option<Spanned<String>>,
    sheet: Option<String>,
    header_row: Option<Spanned<i64>>,
    guarded: Option<bool>,
    #[serde(default)]
    field: Vec<Spanned<FieldTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldTable {
    to: Spanned<String>,
    column: Option<String>,
    value: Option<Spanned<String>>,
    template: Option<Spanned<String>>,
    language: Option<Spanned<String>>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    skip_row_if_empty: bool,
    default: Option<Spanned<String>>,
    trim: Option<bool>,
    #[serde(default)]
    empty: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    values: BTreeMap<String, Spanned<String>>,
    other_values: Option<Spanned<String>>,
    split: Option<Spanned<String>>,
    format: Option<Spanned<String>>,
    decimal: Option<Spanned<String>>,
    country: Option<Spanned<String>>,
    reference: Option<Spanned<String>>,
}

/// What is wrong, and at which byte of the file.
struct Wrong {
    at: Range<usize>,
    key: String,
    description: String,
}

fn wrong<T>(at: &Spanned<T>, key: &str, description: impl Into<String>) -> Wrong {
    Wrong { at: at.span(), key: key.to_owned(), description: description.into() }
}

pub(super) fn parse(text: &str) -> Result<Mapping, MappingError> {
    let whole = |description: String| MappingError { line: None, key: String::new(), description };
    if text.len() > FILE_MAX {
        return Err(whole(format!("the mapping is longer than {FILE_MAX} bytes")));
    }
    let text = text.trim_start_matches('\u{feff}');
    let line_of = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let file: File = toml::from_str(text).map_err(|error: toml::de::Error| MappingError {
        line: error.span().map(|span| line_of(span.start)),
        key: String::new(),
        description: error.message().replace('\n', "; "),
    })?;
    mapping(file).map_err(|found| MappingError {
        line: Some(line_of(found.at.start)).filter(|_| found.at.end > 0),
        key: found.key,
        description: found.description,
    })
}

fn mapping(file: File) -> Result<Mapping, Wrong> {
    let kind = Kind::parse(file.kind.get_ref().trim()).ok_or_else(|| {
        let kinds = Kind::ALL.map(Kind::as_str).join(", ");
        wrong(&file.kind, "kind", format!("{:?} is none of {kinds}", file.kind.get_ref()))
    })?;
    if file.field.is_empty() && file.exact_column.is_none() {
        return Err(wrong(&file.kind, "field", "at least one [[field]] is required"));
    }
    if let Some(one) = file.field.get(FIELDS_MAX) {
        return Err(wrong(one, "field", format!("there are more than {FIELDS_MAX} fields")));
    }
    let naming = naming(&file, kind)?;
    let layout = layout(&file)?;
    let mut fields: Vec<Field> = Vec::with_capacity(file.field.len());
    for one in file.field {
        let at = one.span();
        let field = field(kind, one.get_ref(), at.clone())?;
        let set = |field: &Field| {
            [Some(&field.path), field.language.as_ref().map(|(path, _)| path)].map(|path| path.map(ToString::to_string))
        };
        let twice = set(&field)
            .into_iter()
            .flatten()
            .find(|path| fields.iter().any(|other| set(other).contains(&Some(path.clone()))));
        if let Some(path) = twice {
            return Err(Wrong { at, key: "to".to_owned(), description: format!("{path:?} is filled twice") });
        }
        fields.push(field);
    }
    Ok(Mapping {
        kind,
        layout,
        naming,
        city_column: file.city_column,
        exact_column: file.exact_column,
        allow_missing_columns: file.allow_missing_columns,
        fields,
    })
}

fn naming(file: &File, kind: Kind) -> Result<Naming, Wrong> {
    let prefix = match &file.key_prefix {
        None => String::new(),
        Some(prefix) if slug(prefix.get_ref(), 12) == *prefix.get_ref() => prefix.get_ref().clone(),
        Some(prefix) => return Err(wrong(prefix, "key_prefix", "is at most 12 of a-z, 0-9 and -")),
    };
    match (&file.name_column, &file.key) {
        (Some(name), None) => Ok(Naming::Column(name.get_ref().clone())),
        (None, Some(key)) if key.get_ref().is_empty() => Err(wrong(key, "key", "names no column")),
        (None, Some(key)) if kind.collection().is_some() => Ok(Naming::Key { columns: key.get_ref().clone(), prefix }),
        (None, Some(key)) => Err(wrong(key, "key", format!("a {kind} needs none: each city has only one"))),
        (None, None) if kind.collection().is_none() => Ok(Naming::City),
        (Some(name), Some(_)) => Err(wrong(name, "name_column", "a mapping has either this or a key")),
        (None, None) => Err(wrong(&file.kind, "key", "is required: the columns that tell one row from another")),
    }
}

fn layout(file: &File) -> Result<Layout, Wrong> {
    let mut layout = Layout { sheet: file.sheet.clone(), guarded: file.guarded.unwrap_or(true), ..Layout::default() };
    if let Some(label) = &file.encoding {
        let encoding =
            text_file::encoding(label.get_ref()).map_err(|error| wrong(label, "encoding", error.to_string()))?;
        layout.encoding = Some(encoding);
    }
    if let Some(delimiter) = &file.delimiter {
        layout.delimiter = match delimiter.get_ref().as_bytes() {
            b"tab" => Some(b'\t'),
            [one] if !matches!(one, b'"' | b'\n' | b'\r') && one.is_ascii() && !one.is_ascii_alphanumeric() => {
                Some(*one)
            }
            _ => return Err(wrong(delimiter, "delimiter", "is one character: \",\", \";\", \"|\" or \"tab\"")),
        };
    }
    if let Some(row) = &file.header_row {
        if *row.get_ref() < 1 {
            return Err(wrong(row, "header_row", "counts from 1"));
        }
        layout.header_row = *row.get_ref();
    }
    Ok(layout)
}

fn field(kind: Kind, table: &FieldTable, at: Range<usize>) -> Result<Field, Wrong> {
    let path = Path::parse(&kind.descriptor(), table.to.get_ref()).map_err(|why| wrong(&table.to, "to", why))?;
    let source = source(table, at)?;
    let language = match &table.language {
        None => None,
        Some(tag) => {
            codes::check("bcp47", tag.get_ref()).map_err(|error| wrong(tag, "language", error.to_string()))?;
            let beside = path.sibling("language").ok_or_else(|| {
                wrong(
                    tag,
                    "language",
                    format!("{path} has no language beside it: only the text of a LocalizedText has"),
                )
            })?;
            Some((beside, tag.get_ref().clone()))
        }
    };
    let conversion = conversion(&path, table)?;
    let field = Field {
        required: table.required,
        skip_row_if_empty: table.skip_row_if_empty,
        default: table.default.as_ref().map(|text| text.get_ref().clone()),
        path,
        source,
        conversion,
        language,
    };
    // What does not come from the file is wrong once and for all, or not at all.
    for (key, text) in [("value", &table.value), ("default", &table.default)] {
        if let Some(text) = text {
            field.conversion.convert(&field.path, text.get_ref(), "").map_err(|why| wrong(text, key, why))?;
        }
    }
    Ok(field)
}

fn source(table: &FieldTable, at: Range<usize>) -> Result<Source, Wrong> {
    match (&table.column, &table.value, &table.template) {
        (Some(column), None, None) => Ok(Source::Column(column.clone())),
        (None, Some(value), None) => Ok(Source::Value(value.get_ref().clone())),
        (None, None, Some(template)) => {
            pieces(template.get_ref()).map(Source::Template).map_err(|why| wrong(template, "template", why))
        }
        _ => {
            Err(Wrong { at, key: "field".to_owned(), description: "has one of column, value and template".to_owned() })
        }
    }
}

fn conversion(path: &Path, table: &FieldTable) -> Result<convert::Conversion, Wrong> {
    let Some(leaf) = path.field() else { return Err(wrong(&table.to, "to", "is empty")) };
    let mut conversion = convert::Conversion {
        trim: table.trim.unwrap_or(true),
        empty: table.empty.clone(),
        remove: table.remove.iter().filter(|text| !text.is_empty()).cloned().collect(),
        ..Default::default()
    };
    for (from, to) in &table.values {
        if !to.get_ref().is_empty() {
            value::from_text(leaf, to.get_ref()).map_err(|why| wrong(to, "values", why))?;
        }
        conversion.values.insert(from.clone(), to.get_ref().clone());
    }
    conversion.only_values = match &table.other_values {
        None => false,
        Some(word) => match word.get_ref().as_str() {
            "reject" => true,
            "keep" => false,
            _ => return Err(wrong(word, "other_values", "is \"keep\" or \"reject\"")),
        },
    };
    if let Some(split) = &table.split {
        if split.get_ref().is_empty() || !path.is_whole_list() {
            return Err(wrong(split, "split", "stands between the entries of a whole list: to = \"languages[]\""));
        }
        conversion.split = Some(split.get_ref().clone());
    }
    if let Some(format) = &table.format {
        let parsed = convert::DateFormat::parse(format.get_ref()).map_err(|why| wrong(format, "format", why))?;
        conversion.date = Some(parsed);
    }
    if let Some(mark) = &table.decimal {
        conversion.decimal = match mark.get_ref().as_str() {
            "," => Some(','),
            "." => Some('.'),
            _ => return Err(wrong(mark, "decimal", "is \",\" or \".\"")),
        };
    }
    if let Some(how) = &table.country {
        if how.get_ref() != "name" && how.get_ref() != "code" {
            return Err(wrong(how, "country", "is \"name\" (names and codes) or \"code\""));
        }
        conversion.country_names = how.get_ref() == "name";
    }
    if let Some(word) = &table.reference {
        let kind = Kind::parse(word.get_ref()).filter(|kind| kind.collection().is_some());
        conversion.reference = Some(kind.ok_or_else(|| wrong(word, "reference", "is a kind of resource"))?);
    }
    Ok(conversion)
}

/// The pieces of a template.
fn pieces(template: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut text, mut column) = (Vec::new(), String::new(), None::<String>);
    let mut letters = template.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, &mut column) {
            ('{', None) if letters.peek() == Some(&'{') => {
                letters.next();
                text.push('{');
            }
            ('}', None) if letters.peek() == Some(&'}') => {
                letters.next();
                text.push('}');
            }
            ('{', None) => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                column = Some(String::new());
            }
            ('}', Some(name)) if !name.trim().is_empty() => {
                pieces.push(Piece::Column(std::mem::take(name)));
                column = None;
            }
            ('{' | '}', _) => return Err("braces hold the name of a column: \"{City} – {Partner}\"".to_owned()),
            (letter, Some(name)) => name.push(letter),
            (letter, None) => text.push(letter),
        }
    }
    if column.is_some() {
        return Err("a brace is not closed".to_owned());
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}
