//! The words of JSON-LD and of the tables of the European Union.

use isopolity_domain::{Kind, codes};
use serde_json::{Value, json};

/// Where the Publications Office keeps its tables.
const AUTHORITY: &str = "http://publications.europa.eu/resource/authority/";
/// Where IANA keeps media types.
const MEDIA_TYPES: &str = "https://www.iana.org/assignments/media-types/";

/// What the prefixes stand for.
pub(super) fn context() -> Value {
    json!({
        "dcat": "http://www.w3.org/ns/dcat#",
        "dcatap": "http://data.europa.eu/r5r/",
        "dct": "http://purl.org/dc/terms/",
        "foaf": "http://xmlns.com/foaf/0.1/",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "vcard": "http://www.w3.org/2006/vcard/ns#",
        "void": "http://rdfs.org/ns/void#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
    })
}

/// A form in which records of a kind are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    JsonLines,
    Csv,
    Workbook,
    Iati,
}

impl Form {
    /// The forms that hold this kind.
    pub(super) fn of(kind: Kind) -> &'static [Self] {
        if kind == Kind::Partnership {
            &[Self::JsonLines, Self::Csv, Self::Workbook, Self::Iati]
        } else {
            &[Self::JsonLines, Self::Csv, Self::Workbook]
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::JsonLines => "json-lines",
            Self::Csv => "csv",
            Self::Workbook => "xlsx",
            Self::Iati => "iati",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::JsonLines => "JSON Lines",
            Self::Csv => "CSV",
            Self::Workbook => "Office Open XML workbook",
            Self::Iati => "IATI Activity 2.03",
        }
    }

    /// Its code in the table of file types. That knows no JSON Lines, only JSON.
    pub(super) fn file_type(self) -> &'static str {
        match self {
            Self::JsonLines => "JSON",
            Self::Csv => "CSV",
            Self::Workbook => "XLSX",
            Self::Iati => "XML",
        }
    }

    /// Its media type at IANA, which has none for JSON Lines.
    pub(super) fn media_type(self) -> Option<String> {
        let media_type = match self {
            Self::JsonLines => return None,
            Self::Csv => "text/csv",
            Self::Workbook => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Iati => "application/xml",
        };
        Some(format!("{MEDIA_TYPES}{media_type}"))
    }

    /// The standard that it keeps to.
    pub(super) fn standard(self) -> Option<&'static str> {
        match self {
            Self::JsonLines => Some("https://jsonlines.org/"),
            Self::Csv => Some("https://www.rfc-editor.org/rfc/rfc4180"),
            Self::Workbook => None,
            Self::Iati => Some("https://iatistandard.org/en/iati-standard/203/"),
        }
    }
}

/// A thing that has a name.
pub(super) fn id(name: impl Into<Value>) -> Value {
    json!({ "@id": name.into() })
}

/// A thing of a table of the European Union.
pub(super) fn authority(code: &str) -> Value {
    id(format!("{AUTHORITY}{code}"))
}

/// The thing that people wrote down as an address, if it can stand in RDF as it is.
pub(super) fn iri(text: &str) -> Option<Value> {
    let (scheme, rest) = text.split_once(':')?;
    let known = match scheme {
        "http" | "https" => rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty()),
        "mailto" => !rest.is_empty(),
        _ => false,
    };
    // RFC 3987, and what Turtle refuses between < and >.
    let allowed = |letter: char| !letter.is_whitespace() && !letter.is_control() && !r#"<>"{}|\^`"#.contains(letter);
    (known && text.chars().all(allowed)).then(|| id(text))
}

/// A text in a language. What is in no language (`und`) is a plain text.
pub(super) fn literal(text: &str, language: &str) -> Value {
    let plain = language.is_empty() || language.split('-').next() == Some("und");
    if plain { json!(text) } else { json!({ "@value": text, "@language": language }) }
}

/// A country by its ISO 3166-1 code. The table has them by their codes of three letters.
pub(super) fn country(code: &str) -> Option<Value> {
    let alpha3 = codes::look_up("iso3166-1", code)?.note("alpha3")?;
    Some(authority(&format!("country/{alpha3}")))
}

/// A language by its tag (BCP 47). The table has them by their codes of three letters, without regions and scripts.
pub(super) fn language(tag: &str) -> Option<Value> {
    let primary = tag.split('-').next()?.to_ascii_lowercase();
    let known = codes::look_up("iso639", &primary)?;
    let alpha3 = match known.note("alpha3") {
        // The terminological code comes first where there are two, and that is the table's.
        Some(codes) => codes.split('|').next()?,
        // No language, several, none of those that have a code.
        None if matches!(primary.as_str(), "mis" | "mul" | "und" | "zxx") => return None,
        None => &primary,
    };
    Some(authority(&format!("language/{}", alpha3.to_ascii_uppercase())))
}

/// A licence by its SPDX id. An expression of several has no name of its own.
pub(super) fn spdx(licence: &str) -> Option<Value> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '+');
    (!licence.is_empty() && licence.chars().all(allowed)).then(|| id(format!("https://spdx.org/licenses/{licence}")))
}
