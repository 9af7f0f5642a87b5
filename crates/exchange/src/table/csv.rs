//! Comma-separated and other delimited texts.

use std::{
    io::{self, BufRead, Read},
    ops::ControlFlow,
};

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8};

use super::{
    Header, Layout, Part, Record, fit,
    split::{Raw, Splitter},
};
use crate::{
    Flaw,
    lines::LINE_MAX,
    text_file::{self, is_utf_8_in_disguise},
};

/// What may stand between cells, the most usual first.
const DELIMITERS: [u8; 4] = *b",;\t|";
/// Marks a row's source as UTF-8, whatever encoding the mapping names.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a delimited text to its end, or until nobody wants its rows any more.
pub fn read(reader: impl Read, layout: &Layout, each: &mut dyn FnMut(Part) -> ControlFlow<()>) {
    let opened = text_file::open(reader, layout.encoding);
    let result = opened.and_then(|(text, encoding)| {
        Rows {
            splitter: Splitter::new(text),
            encoding,
            layout,
            header: Header::default(),
            head: Vec::new(),
            last: (0, 0),
        }
        .run(each)
    });
    if let Err(error) = result {
        let flaw = Flaw::of("", format!("the file can't be read further: {error}"));
        // Nobody is left to break for.
        let _: ControlFlow<()> = each(Part::flawed(1, 0, flaw));
    }
}

struct Rows<'a, R> {
    splitter: Splitter<R>,
    encoding: &'static Encoding,
    layout: &'a Layout,
    header: Header,
    /// The header as it stands in the text.
    head: Vec<u8>,
    /// Line and bytes of the last row.
    last: (i64, i64),
}

impl<R: BufRead> Rows<'_, R> {
    fn run(mut self, each: &mut dyn FnMut(Part) -> ControlFlow<()>) -> io::Result<()> {
        if !self.read_header(each)? {
            return Ok(());
        }
        loop {
            let part = match self.splitter.next_row() {
                Ok(None) => return Ok(()),
                Ok(Some(raw)) => {
                    self.last = (raw.line, raw.bytes);
                    self.part(raw)
                }
                Err(error) => {
                    let flaw = Flaw::of("", format!("the file can't be read further: {error}"));
                    let _: ControlFlow<()> = each(Part::flawed(self.last.0 + 1, self.last.1, flaw));
                    return Ok(());
                }
            };
            if each(part).is_break() {
                return Ok(());
            }
        }
    }

    /// Reads the header and hands it on. False if there is nothing more to read.
    fn read_header(&mut self, each: &mut dyn FnMut(Part) -> ControlFlow<()>) -> io::Result<bool> {
        let mut first = None;
        while let Some(line) = self.splitter.next_line()? {
            let separator = line.text.as_deref().and_then(stated_delimiter);
            if let Some(delimiter) = separator.filter(|_| line.number == 1) {
                // Excel's own way to say what stands between the cells.
                self.splitter.delimiter = delimiter;
                first = Some(delimiter);
            } else if line.number >= self.layout.header_row && line.text.as_ref().is_none_or(|text| !text.is_empty()) {
                let sniffed = sniff(line.text.as_deref().unwrap_or_default());
                self.splitter.delimiter = self.layout.delimiter.or(first).unwrap_or(sniffed);
                self.splitter.give_back(line);
                break;
            }
        }
        let Some(raw) = self.splitter.next_row()? else {
            let _: ControlFlow<()> = each(Part::flawed(
                1,
                0,
                Flaw::of("", "the file is empty: a header with the columns' names is required"),
            ));
            return Ok(false);
        };
        let names = match &raw.cells {
            Ok(cells)
                if raw.text.trim_ascii_end().contains(&b'\r') && cells.iter().any(|cell| cell.contains(&b'\r')) =>
            {
                Err("lines end with a carriage return alone: save the file with line feeds".to_owned())
            }
            Ok(cells) => cells.iter().map(|cell| self.text(cell).map(str::to_owned)).collect::<Result<Vec<_>, _>>(),
            Err((_, _, why)) => Err(why.clone()),
        };
        match names {
            Ok(names) => {
                self.header = Header::new(names);
                self.head = raw.text;
                Ok(each(Part::Header(self.header.clone())).is_continue())
            }
            Err(why) => {
                let flaw = Flaw::of("", format!("the header can't be read: {why}"));
                let _: ControlFlow<()> = each(Part::flawed(raw.line, raw.bytes, flaw));
                Ok(false)
            }
        }
    }

    fn text<'b>(&self, cell: &'b [u8]) -> Result<&'b str, String> {
        let text = str::from_utf8(cell).map_err(|error: std::str::Utf8Error| {
            let at = error.valid_up_to() + 1;
            match cell.get(error.valid_up_to()) {
                Some(byte) if self.encoding == UTF_8 => format!(
                    "is not UTF-8: byte {at} is {byte:#04x}; save the file as UTF-8, or name its encoding in the mapping"
                ),
                _ => format!("is not {}: byte {at} stands for no letter", self.encoding.name()),
            }
        })?;
        if is_utf_8_in_disguise(text, self.encoding) {
            return Err(format!(
                "looks like UTF-8 that is read as {}: leave the encoding out of the mapping",
                self.encoding.name()
            ));
        }
        Ok(text)
    }

    fn source(&self, text: &[u8]) -> Bytes {
        let mark = if self.layout.encoding.is_some() { MARK } else { b"" };
        let line_end: &[u8] = if self.head.ends_with(b"\n") { b"" } else { b"\n" };
        Bytes::from([mark, &self.head, line_end, text].concat())
    }

    fn part(&self, raw: Raw) -> Part {
        let Raw { line, bytes, text, cells } = raw;
        let source = if text.is_empty() { Bytes::new() } else { self.source(&text) };
        let refuse = |flaws| Part::Flawed { line, bytes, flaws, source: source.clone() };
        let cells = match cells {
            Ok(cells) => cells,
            Err((at, character, description)) => {
                let column = if description.contains("longer than") { String::new() } else { self.header.label(at) };
                return refuse(vec![Flaw { column, character, description }]);
            }
        };
        let mut texts = Vec::with_capacity(cells.len());
        let mut flaws = Vec::new();
        for (at, cell) in cells.iter().enumerate() {
            match self.text(cell) {
                Ok(text) => texts.push(if self.layout.guarded { unguarded(text) } else { text }.to_owned()),
                Err(why) => flaws.push(Flaw::of(self.header.label(at), why)),
            }
        }
        if flaws.is_empty()
            && let Err(flaw) = fit(&self.header, &mut texts, true)
        {
            flaws.push(flaw);
        }
        if flaws.is_empty() {
            Part::Record(Record { line, bytes, cells: texts, cell_flaws: Vec::new(), source })
        } else {
            refuse(flaws)
        }
    }
}

/// The text of a cell that may have been guarded: see [`Layout::guarded`].
fn unguarded(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| rest.starts_with(needs_guard) || rest.starts_with('\'')).unwrap_or(text)
}

/// Whether a spreadsheet may take a text that begins so for a formula.
pub(crate) fn needs_guard(first: char) -> bool {
    matches!(first, '=' | '+' | '-' | '@' | '\t' | '\r')
}

fn stated_delimiter(line: &[u8]) -> Option<u8> {
    match line.strip_prefix(b"sep=") {
        Some([delimiter]) => Some(*delimiter),
        _ => None,
    }
}

/// What stands most often between the names of a header, outside quotes.
fn sniff(header: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    for byte in header.iter().take(LINE_MAX) {
        quoted ^= *byte == b'"';
        if let Some(count) = DELIMITERS.iter().position(|one| one == byte && !quoted).and_then(|at| counts.get_mut(at))
        {
            *count += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    DELIMITERS.into_iter().zip(counts).find(|(_, count)| *count == most).map_or(b',', |(delimiter, _)| delimiter)
}

#[cfg(test)]
mod tests;
