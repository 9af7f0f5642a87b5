//! The project's own form: on each line one resource in protobuf JSON with its `@type`.

use std::io::BufRead;

use isopolity_domain::{CityId, Kind, Name};
use isopolity_proto::json::{JsonError, tagged_from_str};
use prost_reflect::{ReflectMessage as _, Value};
use tokio::sync::mpsc;

use super::{
    LINE_MAX, Parsed, Row,
    reader::{Line, next_line},
    rejected,
};

/// Parses a file until its end, or until nobody wants its rows any more.
pub(super) fn parse(mut reader: impl BufRead, city: &CityId, rows: &mpsc::Sender<Parsed>) {
    let (mut number, mut bytes) = (0_i64, 0_i64);
    loop {
        let row = match next_line(&mut reader) {
            Ok(None) => return,
            Ok(Some((line, taken))) => {
                number += 1;
                bytes += i64::try_from(taken).unwrap_or_default();
                match line {
                    Line::TooLong => rejected(number, "", 0, format!("the line is longer than {LINE_MAX} bytes")),
                    Line::Whole(line) if line.iter().all(u8::is_ascii_whitespace) => continue,
                    Line::Whole(line) => parse_line(number, &line, city),
                }
            }
            Err(error) => {
                let row = rejected(number + 1, "", 0, format!("the file can't be read further: {error}"));
                drop(rows.blocking_send(Parsed { row, bytes }));
                return;
            }
        };
        if rows.blocking_send(Parsed { row, bytes }).is_err() {
            return;
        }
    }
}

fn parse_line(number: i64, line: &[u8], city: &CityId) -> Row {
    let text = match str::from_utf8(line) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(error) => {
            let character = i64::try_from(error.valid_up_to()).unwrap_or_default() + 1;
            return rejected(number, "", character, "is not UTF-8: save the file as UTF-8");
        }
    };
    let resource = match tagged_from_str(text) {
        Ok(resource) => resource,
        Err(JsonError::Malformed { source }) => {
            let character = i64::try_from(source.column()).unwrap_or_default();
            // The position is in the report already.
            let what = source.to_string();
            let what = what.split(" at line ").next().unwrap_or_default();
            return rejected(number, "", character, what);
        }
        Err(error @ JsonError::UnknownType) => return rejected(number, "@type", 0, error.to_string()),
    };
    let full_name = resource.descriptor().full_name().to_owned();
    let Some(kind) = Kind::of_message(&full_name) else {
        return rejected(number, "@type", 0, format!("{full_name} is not a kind of resource that a registry keeps"));
    };
    let name = match resource.get_field_by_name("name").as_deref() {
        Some(Value::String(name)) if !name.is_empty() => name.clone(),
        _ => {
            return rejected(
                number,
                "name",
                0,
                format!("is required: cities/{city}/… , so that the file can be imported again"),
            );
        }
    };
    match Name::parse_as(kind, &name) {
        Ok(name) => Row::Resource { line: number, name, resource },
        Err(error) => rejected(number, "name", 0, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        parse_line(3, text.as_bytes(), &"feira.example".parse().unwrap())
    }

    fn why(text: &str) -> (String, i64, String) {
        match row(text) {
            Row::Rejected(rejected) => (rejected.column, rejected.character, rejected.description),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_resource_is_read_by_its_type_and_name() {
        let text = r#"{"@type":"type.googleapis.com/isopolity.registry.v1.Agreement","name":"cities/feira.example/agreements/a"}"#;
        assert!(matches!(row(text), Row::Resource { line: 3, name, .. } if name.kind() == Kind::Agreement));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        assert_eq!(why("{\"@type\": oops}").1, 11);
        assert_eq!(why("{}").0, "@type");
        assert_eq!(why(r#"{"@type":"x/isopolity.registry.v1.Agreement"}"#).0, "name");
        let (_, _, description) = why(r#"{"@type":"x/isopolity.registry.v1.Agreement","naem":"x"}"#);
        assert!(description.contains("naem"), "{description}");
        assert_eq!(why(r#"{"@type":"x/isopolity.type.v1.Place"}"#).0, "@type");
        let wrong_kind =
            r#"{"@type":"x/isopolity.registry.v1.Agreement","name":"cities/feira.example/partnerships/a"}"#;
        assert!(why(wrong_kind).2.contains("agreements"));
    }

    #[test]
    fn bytes_that_are_no_text_are_named_by_position() {
        let line = b"{\"a\":\"\xff\"}";
        assert!(
            matches!(parse_line(1, line, &"a.b".parse().unwrap()), Row::Rejected(rejected) if rejected.character == 7)
        );
    }
}
