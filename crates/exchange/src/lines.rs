//! Lines of a text of any size, each held only up to a limit.

use std::io::{self, BufRead};

/// The longest line, and the longest row of a table, in bytes.
pub const LINE_MAX: usize = 1 << 20;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which one, from 1.
    pub number: i64,
    /// How much of the text is read with it, in bytes.
    pub bytes: i64,
    /// Its bytes without the line end; `None` if it is longer than [`LINE_MAX`] and was passed over.
    pub text: Option<Vec<u8>>,
    /// How it ends: `\n`, `\r\n`, or nothing at the end of the file.
    pub end: &'static [u8],
}

/// Reads line by line. Never holds more than a line may be long.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    number: i64,
    bytes: i64,
}

impl<R: BufRead> Lines<R> {
    /// Begins with line 1.
    #[must_use]
    pub fn new(reader: R) -> Self {
        Self { reader, number: 0, bytes: 0 }
    }

    /// The next line, or `None` at the end.
    ///
    /// # Errors
    /// What the reader says.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut text = Vec::new();
        let mut taken = 0_usize;
        loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let amount = end.map_or(available.len(), |end| end + 1);
            // Two more than a line may be long, for its end.
            let room = (LINE_MAX + 3).saturating_sub(text.len());
            text.extend(available.iter().take(amount.min(room)));
            self.reader.consume(amount);
            taken += amount;
            if end.is_some() {
                break;
            }
        }
        if taken == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.bytes = self.bytes.saturating_add(i64::try_from(taken).unwrap_or(i64::MAX));
        let end: &'static [u8] = if text.ends_with(b"\r\n") {
            b"\r\n"
        } else if text.ends_with(b"\n") {
            b"\n"
        } else {
            b""
        };
        text.truncate(text.len() - end.len());
        let text = Some(text).filter(|text| text.len() <= LINE_MAX);
        Ok(Some(Line { number: self.number, bytes: self.bytes, text, end }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(Option<String>, i64)> {
        let mut lines = Lines::new(io::BufReader::with_capacity(7, text));
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push((line.text.map(|text| String::from_utf8(text).unwrap()), line.bytes));
        }
        all
    }

    #[test]
    fn lines_end_as_unix_and_windows_end_them() {
        let expected = [(Some("one".to_owned()), 4), (Some(String::new()), 6), (Some("last".to_owned()), 10)];
        assert_eq!(lines(b"one\n\r\nlast"), expected);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut text = vec![b'x'; LINE_MAX + 10_000];
        text.extend(b"\nnext\n");
        let lines = lines(&text);
        assert_eq!(lines[0].0, None);
        assert_eq!(lines[1].0.as_deref(), Some("next"));
        let longest = vec![b'x'; LINE_MAX];
        assert_eq!(super::Lines::new(&longest[..]).next_line().unwrap().unwrap().text.unwrap().len(), LINE_MAX);
    }
}
