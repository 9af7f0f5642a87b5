//! The project's own form: on each line one resource in protobuf JSON with its `@type`.

use std::{io::Read, ops::ControlFlow};

use bytes::Bytes;
use isopolity_domain::{Kind, Name};
use isopolity_proto::json::{JsonError, tagged_from_str};
use prost_reflect::ReflectMessage as _;

use crate::{
    Context, Entry, Flaw, Outcome, Row,
    lines::{LINE_MAX, Lines},
    plausible,
    read::rejected,
    stamp, text_file,
};

/// Reads JSON Lines. A resource carries its own name; audience and provenance are the context's where it has none.
pub fn json_lines(reader: impl Read, context: &Context, sink: &mut dyn FnMut(Row) -> ControlFlow<()>) {
    let mut last = (0, 0);
    let opened = text_file::open(reader, None).map(|(text, _)| Lines::new(text));
    let result = opened.and_then(|mut lines| {
        while let Some(line) = lines.next_line()? {
            last = (line.number, line.bytes);
            let row = match line.text {
                Some(text) if text.iter().all(u8::is_ascii_whitespace) => continue,
                Some(text) => {
                    let outcome = outcome(&text, context);
                    Row { line: line.number, bytes: line.bytes, source: Bytes::from(text), outcome }
                }
                None => {
                    let flaw = Flaw::of("", format!("the line is longer than {LINE_MAX} bytes"));
                    rejected(line.number, line.bytes, Bytes::new(), vec![flaw])
                }
            };
            if sink(row).is_break() {
                break;
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        let flaw = Flaw::of("", format!("the file can't be read further: {error}"));
        let _: ControlFlow<()> = sink(rejected(last.0 + 1, last.1, Bytes::new(), vec![flaw]));
    }
}

fn outcome(line: &[u8], context: &Context) -> Outcome {
    match entry(line, context) {
        Ok(entry) => {
            let doubts = plausible::doubts(&entry.resource).into_iter();
            let doubts = doubts.map(|(path, description)| Flaw::of(path, description)).collect();
            Outcome::Resources { entries: vec![entry], doubts }
        }
        Err(flaw) => Outcome::Rejected(vec![flaw]),
    }
}

fn entry(line: &[u8], context: &Context) -> Result<Entry, Flaw> {
    let text = str::from_utf8(line).map_err(|error: std::str::Utf8Error| Flaw {
        column: String::new(),
        character: i64::try_from(error.valid_up_to()).unwrap_or_default() + 1,
        description: "is not UTF-8: save the file as UTF-8".to_owned(),
    })?;
    let mut resource = tagged_from_str(text).map_err(|error| match error {
        JsonError::Malformed { source } => {
            // The position is in the report already.
            let what = source.to_string();
            let description = what.split(" at line ").next().unwrap_or_default().to_owned();
            Flaw { column: String::new(), character: i64::try_from(source.column()).unwrap_or_default(), description }
        }
        error @ JsonError::UnknownType => Flaw::of("@type", error.to_string()),
    })?;
    let full_name = resource.descriptor().full_name().to_owned();
    let kind = Kind::of_message(&full_name)
        .ok_or_else(|| Flaw::of("@type", format!("{full_name} is not a kind of resource that a registry keeps")))?;
    let name = resource.get_field_by_name("name").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    if name.is_empty() {
        let description = format!("is required: cities/{}/… , so that the file can be imported again", context.city);
        return Err(Flaw::of("name", description));
    }
    let name = Name::parse_as(kind, &name).map_err(|error| Flaw::of("name", error.to_string()))?;
    stamp::complete(&mut resource, context);
    Ok(Entry { name, resource })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::context;

    fn rows(text: &[u8]) -> Vec<Row> {
        let mut rows = Vec::new();
        json_lines(text, &context(), &mut |row| {
            rows.push(row);
            ControlFlow::Continue(())
        });
        rows
    }

    fn why(text: &[u8]) -> Flaw {
        match rows(text).remove(0).outcome {
            Outcome::Rejected(mut flaws) => flaws.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_resource_is_read_by_its_type_and_name() {
        let text = "\u{feff}\n{\"@type\":\"type.googleapis.com/isopolity.registry.v1.Agreement\",\"name\":\"cities/feira.example/agreements/a\"}\n";
        let found = rows(text.as_bytes());
        assert_eq!((found.len(), found[0].line), (1, 2));
        let Outcome::Resources { entries, .. } = &found[0].outcome else { panic!("{found:?}") };
        assert_eq!(entries[0].name.kind(), Kind::Agreement);
        assert!(entries[0].resource.has_field_by_name("audience"), "the context's, where the line has none");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        assert_eq!(why(b"{\"@type\": oops}").character, 11);
        assert_eq!(why(b"{}").column, "@type");
        assert_eq!(why(br#"{"@type":"x/isopolity.registry.v1.Agreement"}"#).column, "name");
        let unknown = why(br#"{"@type":"x/isopolity.registry.v1.Agreement","naem":"x"}"#);
        assert!(unknown.description.contains("naem"), "{unknown:?}");
        assert_eq!(why(br#"{"@type":"x/isopolity.type.v1.Money"}"#).column, "@type");
        let wrong = br#"{"@type":"x/isopolity.registry.v1.Agreement","name":"cities/feira.example/partnerships/a"}"#;
        assert!(why(wrong).description.contains("agreements"));
        assert_eq!(why(b"{\"a\":\"\xff\"}").character, 7);
    }

    #[test]
    fn a_line_that_is_too_long_does_not_end_the_file() {
        let mut text = vec![b'x'; LINE_MAX + 1];
        text.extend(b"\n{}\n");
        assert_eq!(rows(&text).len(), 2);
    }

    proptest! {
        #[test]
        fn no_bytes_upset_it(bytes: Vec<u8>) {
            rows(&bytes);
        }
    }
}
