//! Drafts and terms in files, as JSON or TOML: the fields are those of the contract (`proto/isopolity/cooperation/v1`).

use std::{io::Read as _, path::Path};

use isopolity_proto::json;
use prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage};

use crate::{connection::read as read_file, exit::Exit};

/// Reads a message from a file; from standard input, as JSON, if the file is `-`.
pub(super) fn read<M: prost::Name + Default>(file: &Path) -> Result<M, Exit> {
    if file.as_os_str() == "-" {
        let mut input = String::new();
        std::io::stdin()
            .read_to_string(&mut input)
            .map_err(|error| Exit::usage(format!("standard input can't be read: {error}")))?;
        return from_json("standard input", &input);
    }
    let (place, text) = (file.display().to_string(), read_file(file)?);
    if file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
        from_toml(&place, &text)
    } else {
        from_json(&place, &text)
    }
}

fn from_json<M: prost::Name + Default>(place: &str, text: &str) -> Result<M, Exit> {
    json::from_str(text).map_err(|error| Exit::usage(format!("{place}: {error}")))
}

fn from_toml<M: prost::Name + Default>(place: &str, text: &str) -> Result<M, Exit> {
    let table: toml::Table = toml::from_str(text).map_err(|error| unfit(place, text, &error))?;
    // TOML has dates of its own; the contract's are texts.
    if let Some(key) = first_date(&toml::Value::Table(table), "") {
        return Err(Exit::usage(format!("{place}: {key}: write the date as a text, in quotes: \"2014-06-30\"")));
    }
    let reader = toml::Deserializer::parse(text).map_err(|error| unfit(place, text, &error))?;
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let dynamic = DynamicMessage::deserialize_with_options(isopolity_proto::descriptor::<M>(), reader, &options)
        .map_err(|error| unfit(place, text, &error))?;
    M::decode(dynamic.encode_to_vec().as_slice()).map_err(|error| Exit::fault(format!("{place}: {error}")))
}

/// What is wrong on one line, as the JSON parser says it.
fn unfit(place: &str, text: &str, error: &toml::de::Error) -> Exit {
    let message = error.message().trim();
    let Some(span) = error.span() else { return Exit::usage(format!("{place}: {message}")) };
    // Of an unknown field the parser knows only where its table begins: from there the field's own name leads to it.
    let rest = text.get(span.start..).unwrap_or_default();
    let named = message.split('\'').nth(1).filter(|_| message.starts_with("unrecognized field"));
    let at = span.start + named.and_then(|name| rest.find(name)).unwrap_or_default();
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Exit::usage(format!("{place}: {message} at line {line} column {column}"))
}

/// The first key whose value is a date of TOML's own.
fn first_date(value: &toml::Value, key: &str) -> Option<String> {
    match value {
        toml::Value::Datetime(_) => Some(key.to_owned()),
        toml::Value::Array(values) => {
            values.iter().enumerate().find_map(|(at, one)| first_date(one, &format!("{key}[{at}]")))
        }
        toml::Value::Table(table) => table.iter().find_map(|(name, one)| {
            let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            first_date(one, &key)
        }),
        _ => None,
    }
}

/// A message as the file that [`read`] reads.
pub(super) fn written<M: prost::Name>(message: &M) -> Result<String, Exit> {
    serde_json::to_string_pretty(&json::to_value(message, false)).map_err(|error| Exit::fault(error.to_string()))
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{
        cooperation::Terms,
        types::{Commitment, CommitmentKind},
    };

    use super::*;

    const TOML: &str = r#"
        titles = [{ text = "Protocolo", language = "pt" }]
        period = { startDate = "2013-03-15" }

        [[commitments]]
        city = "cities/feira.example"
        kind = "COMMITMENT_KIND_FUNDING"
        value = { currencyCode = "EUR", amount = "5000" }
    "#;

    fn toml(text: &str) -> Result<Terms, String> {
        from_toml("terms.toml", text).map_err(|exit| format!("{exit:?}"))
    }

    #[test]
    fn terms_are_the_same_in_json_and_in_toml() {
        let terms = toml(TOML).unwrap();
        assert_eq!(terms.titles[0].text, "Protocolo");
        let expected = Commitment { kind: CommitmentKind::Funding.into(), ..terms.commitments[0].clone() };
        assert_eq!(terms.commitments, [expected]);
        assert_eq!(from_json::<Terms>("terms.json", &written(&terms).unwrap()).unwrap(), terms);
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        let wrong = toml("titles = [{ text = \"x\" }]\nsumaries = []").unwrap_err();
        assert!(wrong.contains("sumaries") && wrong.contains("line 2"), "{wrong}");
        let wrong = toml("sdgGoals = [\"1\"]\nversion = \"one\"").unwrap_err();
        assert!(wrong.contains("line 2"), "{wrong}");
        let wrong = toml("titles = [").unwrap_err();
        assert!(wrong.contains("terms.toml") && wrong.contains("line 1"), "{wrong}");
        let wrong = toml("[period]\nstartDate = 2013-03-15").unwrap_err();
        assert!(wrong.contains("period.startDate") && wrong.contains("quotes"), "{wrong}");
        let wrong = format!("{:?}", from_json::<Terms>("terms.json", "{\n\"sumaries\": []}").unwrap_err());
        assert!(wrong.contains("sumaries") && wrong.contains("line 2"), "{wrong}");
    }
}
