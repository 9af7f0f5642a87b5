//! Where rows and cells of a delimited text begin and end (RFC 4180, with any delimiter and any line end).
//!
//! Written out here because the report of an import has to say in which line a quote was opened that is never closed, and
//! because reading has to go on behind it.

use std::{
    collections::VecDeque,
    io::{self, BufRead},
};

use crate::lines::{LINE_MAX, Line, Lines};

/// A row as it stands in the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Raw {
    /// The line in which it begins.
    pub(super) line: i64,
    /// How much of the text is read with it.
    pub(super) bytes: i64,
    /// Its bytes, with the line ends.
    pub(super) text: Vec<u8>,
    /// Its cells, or what is wrong: the cell's place from 0, the byte in the row from 1, and why.
    pub(super) cells: Result<Vec<Vec<u8>>, (usize, i64, String)>,
}

/// Splits a text into rows and rows into cells. Empty lines are no rows.
pub(super) struct Splitter<R> {
    lines: Lines<R>,
    /// Lines that were read while looking for the end of a quote.
    again: VecDeque<Line>,
    pub(super) delimiter: u8,
}

impl<R: BufRead> Splitter<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { lines: Lines::new(reader), again: VecDeque::new(), delimiter: b',' }
    }

    /// The next line as it is.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line>> {
        match self.again.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next_line(),
        }
    }

    /// Gives a line back, to be read again.
    pub(super) fn give_back(&mut self, line: Line) {
        self.again.push_front(line);
    }

    /// The next row.
    pub(super) fn next_row(&mut self) -> io::Result<Option<Raw>> {
        let first = loop {
            match self.next_line()? {
                None => return Ok(None),
                Some(Line { text: Some(text), .. }) if text.is_empty() => {}
                Some(line) => break line,
            }
        };
        let (number, mut bytes) = (first.number, first.bytes);
        let mut cells = Cells::new(self.delimiter);
        let mut text = Vec::new();
        let mut used = VecDeque::new();
        let mut next = Some(first);
        while let Some(line) = next.take() {
            let Some(found) = &line.text else {
                if used.is_empty() {
                    let why = format!("the line is longer than {LINE_MAX} bytes");
                    return Ok(Some(Raw { line: number, bytes: line.bytes, text, cells: Err((0, 0, why)) }));
                }
                used.push_back(line);
                break;
            };
            bytes = line.bytes;
            text.extend(found);
            text.extend(line.end);
            let closed = cells.feed(found, line.end);
            used.push_back(line);
            if closed {
                let cells = cells.finish();
                return Ok(Some(Raw { line: number, bytes, text, cells }));
            }
            if text.len() > LINE_MAX {
                break;
            }
            next = self.next_line()?;
        }
        // A quote is open, and either the file or our patience is at its end. The line with the quote is refused alone.
        let (at, byte) = cells.opened();
        let why = "a quote opens here that is never closed".to_owned();
        let alone = used.pop_front();
        for line in used.into_iter().rev() {
            self.again.push_front(line);
        }
        let bytes = alone.as_ref().map_or(bytes, |line| line.bytes);
        let text =
            alone.and_then(|line| line.text.map(|text| [text.as_slice(), line.end].concat())).unwrap_or_default();
        Ok(Some(Raw { line: number, bytes, text, cells: Err((at, byte, why)) }))
    }
}

enum State {
    Start,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the end of the cell, or the first of a pair.
    Quote,
}

/// The cells of one row so far.
struct Cells {
    delimiter: u8,
    done: Vec<Vec<u8>>,
    cell: Vec<u8>,
    state: State,
    byte: i64,
    /// The cell and the byte at which the last quote opened.
    opened: (usize, i64),
    wrong: Option<(usize, i64, String)>,
}

impl Cells {
    fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            done: Vec::new(),
            cell: Vec::new(),
            state: State::Start,
            byte: 0,
            opened: (0, 0),
            wrong: None,
        }
    }

    fn opened(&self) -> (usize, i64) {
        self.opened
    }

    /// Takes a line. True if the row ends with it.
    fn feed(&mut self, line: &[u8], end: &[u8]) -> bool {
        for byte in line {
            self.byte += 1;
            self.take(*byte);
        }
        if matches!(self.state, State::Quoted) && self.wrong.is_none() {
            self.cell.extend(end);
            self.byte += i64::try_from(end.len()).unwrap_or_default();
            return false;
        }
        true
    }

    fn take(&mut self, byte: u8) {
        if byte == 0 {
            self.complain("holds a NUL byte: is the file UTF-16 or no text at all? save it as UTF-8");
        }
        match self.state {
            State::Start if byte == b'"' => {
                self.state = State::Quoted;
                self.opened = (self.done.len(), self.byte);
            }
            State::Start | State::Plain if byte == self.delimiter => self.end_cell(),
            State::Start | State::Plain => {
                self.state = State::Plain;
                self.cell.push(byte);
            }
            State::Quoted if byte == b'"' => self.state = State::Quote,
            State::Quoted => self.cell.push(byte),
            State::Quote if byte == b'"' => {
                self.state = State::Quoted;
                self.cell.push(byte);
            }
            State::Quote if byte == self.delimiter => self.end_cell(),
            // Spaces behind a quoted cell are a habit of some programs.
            State::Quote if byte == b' ' || byte == b'\t' => {}
            State::Quote => {
                self.complain("text follows a closing quote: a quote within a quoted cell is written twice");
            }
        }
    }

    fn complain(&mut self, why: &str) {
        self.wrong.get_or_insert_with(|| (self.done.len(), self.byte, why.to_owned()));
    }

    fn end_cell(&mut self) {
        self.done.push(std::mem::take(&mut self.cell));
        self.state = State::Start;
    }

    fn finish(mut self) -> Result<Vec<Vec<u8>>, (usize, i64, String)> {
        self.end_cell();
        match self.wrong {
            Some(wrong) => Err(wrong),
            None => Ok(self.done),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &[u8]) -> Vec<Raw> {
        let mut splitter = Splitter::new(text);
        std::iter::from_fn(|| splitter.next_row().unwrap()).collect()
    }

    fn cells(text: &str) -> Vec<Vec<String>> {
        let text_of = |cell: Vec<u8>| String::from_utf8(cell).unwrap();
        rows(text.as_bytes()).into_iter().map(|row| row.cells.unwrap().into_iter().map(text_of).collect()).collect()
    }

    #[test]
    fn quotes_hold_delimiters_quotes_and_line_ends() {
        assert_eq!(
            cells("a,\"b,c\",\"d\"\"e\"\r\n\n\"f\r\ng\",,\n"),
            [vec!["a", "b,c", "d\"e"], vec!["f\r\ng", "", ""]]
        );
        assert_eq!(cells("5\" pipe,x"), [["5\" pipe", "x"]], "a quote within plain text is just a letter");
        assert_eq!(rows(b"a\n\"b\nc\"\nd")[2].line, 4);
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_own_line_only() {
        let found = rows(b"a,b\nc,\"d\ne,f\n");
        assert_eq!(found.len(), 3);
        let (at, byte, why) = found[1].cells.as_ref().unwrap_err();
        assert_eq!((found[1].line, *at, *byte), (2, 1, 3));
        assert!(why.contains("never closed"), "{why}");
        assert_eq!((found[2].line, found[2].text.as_slice()), (3, &b"e,f\n"[..]));
        let mut long = b"\"x\n".to_vec();
        long.extend(vec![b'y'; 3 * LINE_MAX]);
        long.extend(b"\nz\n");
        let found = rows(&long);
        assert_eq!(
            found.iter().filter(|row| row.cells.is_err()).count(),
            2,
            "the quote, and the line that is too long"
        );
        assert_eq!(found.last().unwrap().cells, Ok(vec![b"z".to_vec()]));
    }

    #[test]
    fn a_quote_that_is_not_doubled_and_a_nul_byte_are_named_by_their_place() {
        let (at, byte, why) = rows(b"x,\"He said \"hi\" to\"\n").remove(0).cells.unwrap_err();
        assert_eq!((at, byte), (1, 13));
        assert!(why.contains("twice"), "{why}");
        assert!(rows(b"a\0,b").remove(0).cells.unwrap_err().2.contains("NUL"));
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_or_read_twice(text in proptest::collection::vec(prop_oneof![Just(b','), Just(b'"'), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200)) {
            let together: Vec<u8> = rows(&text).into_iter().flat_map(|row| row.text).collect();
            let kept = |bytes: &[u8]| bytes.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect::<Vec<_>>();
            prop_assert_eq!(kept(&together), kept(&text));
        }
    }
}
