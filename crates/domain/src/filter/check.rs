//! A filter against a message: which fields it names, whether they may be seen, and whether its values fit.

use isopolity_proto::{field::audience, options::Audience};
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value,
};

use super::{
    Expression, Filter, FilterError, Operator, Term,
    value::{Days, Moment, Test, Text},
};

/// The most names that an error lists.
const LISTED_MAX: usize = 30;

/// A filter that fits a kind of message and what a caller may see of it.
#[derive(Clone, Debug)]
pub struct Checked {
    descriptor: MessageDescriptor,
    root: Option<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test { steps: Vec<FieldDescriptor>, test: Test },
}

impl Filter {
    /// Checks the filter against a kind of message, for a caller who may see fields up to `clearance`.
    ///
    /// # Errors
    /// [`FilterError`] with the first field that does not exist (and the one that was probably meant) or may not be
    /// seen, or the first value or operator that does not fit its field.
    pub fn checked(&self, descriptor: &MessageDescriptor, clearance: Audience) -> Result<Checked, FilterError> {
        let root = self.root.as_ref().map(|root| node(root, descriptor, clearance)).transpose()?;
        Ok(Checked { descriptor: descriptor.clone(), root })
    }
}

impl Checked {
    /// Whether the message passes. A message of another kind never does.
    #[must_use]
    pub fn matches(&self, message: &DynamicMessage) -> bool {
        message.descriptor() == self.descriptor && self.root.as_ref().is_none_or(|root| root.holds(message))
    }
}

impl Node {
    fn holds(&self, message: &DynamicMessage) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(message)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(message)),
            Self::Not(part) => !part.holds(message),
            Self::Test { steps, test } => along(message, steps, test),
        }
    }
}

/// Whether the test holds for anything at the end of the path.
fn along(message: &DynamicMessage, steps: &[FieldDescriptor], test: &Test) -> bool {
    let Some((field, rest)) = steps.split_first() else { return false };
    let set = message.has_field(field);
    let value = message.get_field(field);
    match (rest.is_empty(), value.as_ref()) {
        (true, _) if matches!(test, Test::Set) => set,
        (true, Value::List(elements)) => elements.iter().any(|element| test.holds(element)),
        // What is not set equals its default and is neither more nor less than anything.
        (true, value) => (set || test.is_equality() && !matches!(value, Value::Message(_))) && test.holds(value),
        (false, Value::List(elements)) => {
            elements.iter().filter_map(Value::as_message).any(|inner| along(inner, rest, test))
        }
        (false, Value::Message(inner)) => set && along(inner, rest, test),
        (false, _) => false,
    }
}

fn node(expression: &Expression, descriptor: &MessageDescriptor, clearance: Audience) -> Result<Node, FilterError> {
    let each = |parts: &[Expression]| {
        parts.iter().map(|part| node(part, descriptor, clearance)).collect::<Result<Vec<_>, FilterError>>()
    };
    Ok(match expression {
        Expression::All(parts) => Node::All(each(parts)?),
        Expression::Any(parts) => Node::Any(each(parts)?),
        Expression::Not(part) => Node::Not(Box::new(node(part, descriptor, clearance)?)),
        Expression::Term(term) => {
            let steps = steps(term, descriptor, clearance)?;
            let test = Node::Test { test: test(term, &steps, clearance)?, steps };
            if term.operator == Operator::NotEqual { Node::Not(Box::new(test)) } else { test }
        }
    })
}

/// The fields of the path.
fn steps(
    term: &Term,
    descriptor: &MessageDescriptor,
    clearance: Audience,
) -> Result<Vec<FieldDescriptor>, FilterError> {
    let mut steps: Vec<FieldDescriptor> = Vec::new();
    let mut within = Some(descriptor.clone());
    let mut position = term.position;
    for name in &term.path {
        let Some(message) = within else {
            let path = steps.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".");
            return Err(FilterError::new(position, format!("{path} has no fields below it")));
        };
        let field = visible(&message, name, clearance, position)?;
        within = match field.kind() {
            Kind::Message(inner) if !field.is_map() => Some(inner),
            _ => None,
        };
        steps.push(field);
        position += name.chars().count() + 1;
    }
    Ok(steps)
}

/// The field of this name, if there is one and the caller may see it.
fn visible(
    message: &MessageDescriptor,
    name: &str,
    clearance: Audience,
    position: usize,
) -> Result<FieldDescriptor, FilterError> {
    let field = message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name));
    let Some(field) = field else {
        let names: Vec<String> = message.fields().map(|field| field.name().to_owned()).collect();
        let hint = match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", listed(&names)),
        };
        return Err(FilterError::new(position, format!("{} has no field {name}; {hint}", message.name())));
    };
    let narrowest = audience(&field);
    if narrowest as i32 > clearance as i32 {
        let seen_by = narrowest.as_str_name().trim_start_matches("AUDIENCE_").to_lowercase();
        let text = format!("{name} is for the audience {seen_by}, so it cannot be filtered on here");
        return Err(FilterError::new(position, text));
    }
    Ok(field)
}

/// What is tested at the end of the path. `!=` gives the test of `=`.
fn test(term: &Term, steps: &[FieldDescriptor], clearance: Audience) -> Result<Test, FilterError> {
    let Some(field) = steps.last() else {
        return Err(FilterError::new(term.position, "a field is expected"));
    };
    let value = &term.value;
    let wrong = |description: String| FilterError::new(term.value_position, description);
    let path = term.path.join(".");
    let operator = if term.operator == Operator::NotEqual { Operator::Equal } else { term.operator };
    if value.open && value.text.is_empty() {
        return match operator {
            Operator::Has => Ok(Test::Set),
            _ => Err(wrong(format!("whether {path} is set is asked with {path}:*"))),
        };
    }
    let kind = field.kind();
    if field.is_map() || matches!(kind, Kind::Bytes) {
        return Err(FilterError::new(term.position, format!("{path} can only be filtered by {path}:*")));
    }
    if value.open && !(matches!(kind, Kind::String) && matches!(operator, Operator::Equal | Operator::Has)) {
        return Err(wrong(format!("a * needs a text and one of = != :, and {path} is not compared so here")));
    }
    let text = value.text.as_str();
    match kind {
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            let moment = Moment::parse(text).filter(|_| operator != Operator::Has).ok_or_else(|| {
                wrong(format!(
                    "{path} is compared with = != < <= > >= and a time, for example 2026-03 or 2026-03-15T08:00:00Z"
                ))
            })?;
            Ok(Test::Moment(operator, moment))
        }
        Kind::Message(message) => {
            if operator != Operator::Has {
                let text = format!("{path} has fields of its own: name one of them, or ask {path}:*");
                return Err(FilterError::new(term.position, text));
            }
            Ok(Test::HasField(visible(&message, text, clearance, term.value_position)?))
        }
        Kind::Enum(of) => number_of(&of, text).map(|number| Test::Enum(operator, number)).map_err(wrong),
        Kind::Bool => match (operator, text) {
            (Operator::Equal | Operator::Has, "true") => Ok(Test::Bool(true)),
            (Operator::Equal | Operator::Has, "false") => Ok(Test::Bool(false)),
            _ => Err(wrong(format!("{path} is compared with = or != and true or false"))),
        },
        Kind::String if is_date(field) && !value.open && operator != Operator::Has && !text.is_empty() => {
            let days = Days::parse(text).ok_or_else(|| {
                wrong(format!("{path} is a date: write 2026, 2026-03 or 2026-03-15 with days that exist"))
            })?;
            Ok(Test::Days(operator, days))
        }
        Kind::String => Ok(Test::Text(operator, Text::of(text, value.open))),
        Kind::Float | Kind::Double => {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            let number = number.ok_or_else(|| wrong(format!("{path} is a number, for example 2.5")))?;
            Ok(Test::Float(operator, number))
        }
        _ => {
            let number = text.parse().map_err(|_error: std::num::ParseIntError| {
                wrong(format!("{path} is a whole number, for example 25"))
            })?;
            Ok(Test::Whole(operator, number))
        }
    }
}

/// Texts that hold a date by the naming of the proto files.
fn is_date(field: &FieldDescriptor) -> bool {
    field.name() == "date" || field.name().ends_with("_date")
}

/// The number of an enum's value by its full or its short name, in any case.
fn number_of(of: &EnumDescriptor, text: &str) -> Result<i32, String> {
    let prefix = prefix(of.name());
    let short = |name: &str| name.strip_prefix(&prefix).unwrap_or(name).to_owned();
    let same = |name: &str| name.eq_ignore_ascii_case(text) || short(name).eq_ignore_ascii_case(text);
    if let Some(value) = of.values().find(|value| same(value.name())) {
        return Ok(value.number());
    }
    let names: Vec<String> = of.values().filter(|value| value.number() != 0).map(|value| short(value.name())).collect();
    let upper = text.to_ascii_uppercase();
    let hint = match nearest(&upper, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", listed(&names)),
    };
    let text: String = text.chars().take(60).collect();
    Err(format!("{text:?} is no {}; {hint}", of.name()))
}

/// `PARTNERSHIP_STAGE_` of `PartnershipStage`.
fn prefix(name: &str) -> String {
    let mut prefix = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
    }
    prefix.push('_');
    prefix
}

/// What was probably meant: at most one letter in three is wrong.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name: String = name.chars().take(60).collect();
    known
        .map(|candidate| (strsim::osa_distance(&name, candidate), candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.len().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn listed(names: &[String]) -> String {
    let mut listed = names.iter().take(LISTED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED_MAX {
        listed.push_str(" and others");
    }
    listed
}
