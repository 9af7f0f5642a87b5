//! The order of lists: `update_time desc, name`.

use std::fmt::{self, Display};

use super::{FilterError, check::nearest};

/// By what a list can be ordered: what the store keeps apart from the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderField {
    /// The resource name.
    Name,
    /// When the resource was created.
    CreateTime,
    /// When it was last changed.
    UpdateTime,
}

/// An order: by the first field, where that is equal by the second, and so on. Empty: the list's own order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The fields, each at most once, and whether from the largest down.
    pub fields: Vec<(OrderField, bool)>,
}

impl OrderField {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Name, Self::CreateTime, Self::UpdateTime];

    /// Its name in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::CreateTime => "create_time",
            Self::UpdateTime => "update_time",
        }
    }
}

impl Order {
    /// Reads fields with commas between them, each followed by `desc`, `asc` or nothing, which is `asc`.
    ///
    /// # Errors
    /// [`FilterError`] with what is no field to order by, stands twice, or is not understood, and where.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut order = Self::default();
        if text.trim().is_empty() {
            return Ok(order);
        }
        let mut position = 1;
        for part in text.split(',') {
            let at = position + part.chars().take_while(|letter| letter.is_whitespace()).count();
            position += part.chars().count() + 1;
            let mut words = part.split_whitespace();
            let name: String = words.next().unwrap_or_default().chars().take(60).collect();
            let field =
                OrderField::ALL.into_iter().find(|field| field.as_str() == name).ok_or_else(|| unknown(&name, at))?;
            let down = match (words.next(), words.next()) {
                (None | Some("asc"), None) => false,
                (Some("desc"), None) => true,
                _ => return Err(FilterError::new(at, format!("after {name} only asc or desc can follow"))),
            };
            if order.fields.iter().any(|(known, _)| *known == field) {
                return Err(FilterError::new(at, format!("{name} stands twice")));
            }
            order.fields.push((field, down));
        }
        Ok(order)
    }
}

fn unknown(name: &str, position: usize) -> FilterError {
    let known = OrderField::ALL.map(OrderField::as_str);
    let list = known.join(", ");
    FilterError::new(
        position,
        match (name, nearest(name, known.into_iter())) {
            ("", _) => format!("a field is expected; lists are ordered by {list}"),
            (_, Some(near)) => format!("lists are not ordered by {name}; did you mean {near}? possible are {list}"),
            (_, None) => format!("lists are not ordered by {name}; possible are {list}"),
        },
    )
}

impl Display for Order {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (field, down)) in self.fields.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let way = if *down { " desc" } else { "" };
            write!(out, "{comma}{}{way}", field.as_str())?;
        }
        Ok(())
    }
}
