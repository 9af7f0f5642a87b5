//! From text to a filter: recursive descent with a limit on depth.

use super::{DEPTH_MAX, Expression, Filter, FilterError, Operator, TERMS_MAX, TEXT_MAX, Term, Value};

/// Reads a filter. Empty text is the filter that everything passes.
///
/// # Errors
/// [`FilterError`] with the first thing that is wrong: the form, or one of the limits [`TEXT_MAX`], [`DEPTH_MAX`],
/// [`TERMS_MAX`].
pub fn parse(text: &str) -> Result<Filter, FilterError> {
    let letters: Vec<char> = text.chars().take(TEXT_MAX + 1).collect();
    if letters.len() > TEXT_MAX {
        return Err(FilterError::new(TEXT_MAX + 1, format!("a filter has at most {TEXT_MAX} characters")));
    }
    let mut reader = Reader { letters, at: 0, terms: 0 };
    reader.space();
    if reader.peek().is_none() {
        return Ok(Filter { root: None });
    }
    let root = reader.all(0)?;
    match reader.peek() {
        // So that what is printed can be read again.
        None if root.depth() >= DEPTH_MAX => Err(FilterError::new(1, too_deep())),
        None => Ok(Filter { root: Some(root) }),
        Some(_) => Err(reader.error("there is a \")\" without its \"(\"")),
    }
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    terms: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn error(&self, description: impl Into<String>) -> FilterError {
        FilterError::new(self.at + 1, description)
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(nth, letter)| self.letters.get(self.at + nth) == Some(&letter))
    }

    /// Takes a word such as `AND` if it stands alone here.
    fn word(&mut self, word: &str) -> bool {
        let after = self.letters.get(self.at + word.len());
        let stands_alone = after.is_none_or(|letter| letter.is_whitespace() || matches!(letter, '(' | ')'));
        let taken = stands_alone && self.starts_with(word);
        if taken {
            self.at += word.len();
            self.space();
        }
        taken
    }

    /// Whether nothing more can begin here.
    fn ends(&self) -> bool {
        self.peek().is_none_or(|letter| letter == ')')
    }

    /// `any AND any any …`
    fn all(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut parts = vec![self.any(depth)?];
        while !self.ends() {
            self.word("AND");
            parts.push(self.any(depth)?);
        }
        Ok(one_or(parts, Expression::All))
    }

    /// `term OR term …`
    fn any(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut parts = vec![self.part(depth)?];
        while self.word("OR") {
            parts.push(self.part(depth)?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    /// A restriction, something in parentheses, or `NOT` before either.
    fn part(&mut self, depth: usize) -> Result<Expression, FilterError> {
        if depth >= DEPTH_MAX {
            return Err(self.error(too_deep()));
        }
        let minus = self.peek() == Some('-');
        if minus {
            self.at += 1;
        }
        if minus || self.word("NOT") {
            return Ok(Expression::Not(Box::new(self.part(depth + 1)?)));
        }
        if self.peek() != Some('(') {
            return self.term().map(Expression::Term);
        }
        let opened = self.at + 1;
        self.at += 1;
        self.space();
        let inner = self.all(depth + 1)?;
        if self.peek() != Some(')') {
            return Err(FilterError::new(opened, "there is a \"(\" without its \")\""));
        }
        self.at += 1;
        self.space();
        Ok(inner)
    }

    fn term(&mut self) -> Result<Term, FilterError> {
        let position = self.at + 1;
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(self.error(format!("a filter has at most {TERMS_MAX} restrictions")));
        }
        let path = self.path()?;
        self.space();
        let Some((operator, sign)) = Operator::ALL.into_iter().find(|(_, sign)| self.starts_with(sign)) else {
            let path = path.join(".");
            return Err(
                self.error(format!("after {path} one of = != < <= > >= : is expected, for example {path} = \"value\""))
            );
        };
        self.at += sign.len();
        self.space();
        let value_position = self.at + 1;
        let value = self.value()?;
        self.space();
        Ok(Term { path, operator, value, position, value_position })
    }

    fn path(&mut self) -> Result<Vec<String>, FilterError> {
        let mut path = Vec::new();
        loop {
            let mut name = String::new();
            while let Some(letter) = self.peek().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_') {
                name.push(letter);
                self.at += 1;
            }
            if name.is_empty() {
                return Err(self.error(match self.peek() {
                    Some('"' | '\'') => "a field is expected before a value, for example display_names.text:\"word\"",
                    Some(_) => "a field is expected, for example stage",
                    None => "a restriction is expected, for example stage = LAUNCH",
                }));
            }
            if matches!(name.as_str(), "AND" | "OR" | "NOT") && path.is_empty() {
                self.at -= name.len();
                return Err(self.error(format!("{name} stands between or before restrictions; one is missing here")));
            }
            path.push(name);
            if self.peek() != Some('.') {
                return Ok(path);
            }
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Value, FilterError> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => {
                let opened = self.at + 1;
                self.at += 1;
                self.quoted(quote).ok_or_else(|| FilterError::new(opened, format!("there is no closing {quote}")))
            }
            _ => self.bare(),
        }
    }

    fn quoted(&mut self, quote: char) -> Option<Value> {
        let mut text = String::new();
        // Only a star that is last and not escaped leaves the value open.
        let mut open = false;
        loop {
            let letter = self.peek()?;
            self.at += 1;
            if letter == quote {
                return Some(Value { text, open });
            }
            if open {
                text.push('*');
                open = false;
            }
            match letter {
                '\\' => {
                    text.push(self.peek()?);
                    self.at += 1;
                }
                '*' => open = true,
                _ => text.push(letter),
            }
        }
    }

    fn bare(&mut self) -> Result<Value, FilterError> {
        let mut text = String::new();
        while let Some(letter) = self.peek().filter(|letter| !letter.is_whitespace() && !matches!(letter, '(' | ')')) {
            if matches!(letter, '"' | '\'' | '=' | '<' | '>' | '!' | ',' | '\\') {
                return Err(self.error(format!("a value with {letter} needs quotes")));
            }
            text.push(letter);
            self.at += 1;
        }
        if text.is_empty() {
            return Err(self.error("a value is expected; the empty one is \"\""));
        }
        let open = text.ends_with('*');
        if open {
            text.pop();
        }
        if text.contains('*') {
            return Err(self.error("a * is only understood at the end of a value; a literal one is \"\\*\""));
        }
        Ok(Value { text, open })
    }
}

fn too_deep() -> String {
    format!("parentheses and NOT are nested deeper than {DEPTH_MAX}")
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            many(parts)
        }
    }
}
