//! Finds markup in a stream of bytes, and keeps what was found as far as it is wanted.

use std::io::BufRead;

use super::{
    super::encoding::{Unreadable, Utf8},
    Position,
};

/// How much of a name is kept. Longer ones are none of those that are looked for.
const LONGEST_NAME: usize = 64;

/// What begins with `<`.
#[derive(Debug)]
pub(super) enum Markup {
    Start {
        name: String,
        empty: bool,
    },
    End {
        name: String,
    },
    Comment,
    Instruction,
    /// `<![CDATA[…]]>`
    Characters,
    /// `<!DOCTYPE` and whatever else begins so. Only its beginning is read.
    Declaration,
    /// The file ends before the markup does.
    Unfinished,
}

pub(super) struct Scan<R> {
    input: Utf8<R>,
    position: Position,
    /// What was read since it was last forgotten, up to the limit.
    recorded: Vec<u8>,
    overflown: bool,
    limit: usize,
}

impl<R: BufRead> Scan<R> {
    pub(super) fn new(input: R, limit: usize) -> Self {
        let position = Position { line: 1, character: 1 };
        Self { input: Utf8::new(input), position, recorded: Vec::new(), overflown: false, limit }
    }

    /// Where the next byte stands.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    pub(super) fn taken(&self) -> u64 {
        self.input.taken()
    }

    /// How many bytes are recorded.
    pub(super) fn recorded(&self) -> usize {
        self.recorded.len()
    }

    /// Whether more was read than could be recorded.
    pub(super) fn has_overflown(&self) -> bool {
        self.overflown
    }

    pub(super) fn forget(&mut self) {
        self.recorded.clear();
        self.overflown = false;
    }

    /// What is recorded, unless it is more than could be.
    pub(super) fn take_recorded(&mut self) -> Option<Vec<u8>> {
        let recorded = std::mem::take(&mut self.recorded);
        let complete = !std::mem::take(&mut self.overflown);
        complete.then_some(recorded)
    }

    /// Takes what is recorded up to `end`, and keeps what is recorded behind.
    pub(super) fn split_recorded(&mut self, end: usize) -> Vec<u8> {
        let behind = self.recorded.split_off(end.min(self.recorded.len()));
        std::mem::replace(&mut self.recorded, behind)
    }

    /// Passes over text up to the next `<` or the end. Gives where something else than a blank stands in it.
    pub(super) fn text(&mut self) -> Result<Option<Position>, Unreadable> {
        let mut found = None;
        while let Some(byte) = self.input.peek()? {
            if byte == b'<' {
                break;
            }
            if found.is_none() && !byte.is_ascii_whitespace() {
                found = Some(self.position);
            }
            self.take(byte);
        }
        Ok(found)
    }

    /// Reads the markup that begins here. `None`: the file ends here.
    pub(super) fn markup(&mut self) -> Result<Option<Markup>, Unreadable> {
        if self.bump()?.is_none() {
            return Ok(None);
        }
        let markup = match self.input.peek()? {
            None => Markup::Unfinished,
            Some(b'?') => self.until(b"?>", Markup::Instruction)?,
            Some(b'!') => {
                self.bump()?;
                match self.input.peek()? {
                    Some(b'-') if self.begins(b"--")? => self.until(b"-->", Markup::Comment)?,
                    Some(b'[') if self.begins(b"[CDATA[")? => self.until(b"]]>", Markup::Characters)?,
                    Some(_) => Markup::Declaration,
                    None => Markup::Unfinished,
                }
            }
            Some(b'/') => {
                self.bump()?;
                let name = self.name()?;
                if self.rest_of_tag()?.is_none() { Markup::Unfinished } else { Markup::End { name } }
            }
            Some(_) => {
                let name = self.name()?;
                match self.rest_of_tag()? {
                    Some(empty) => Markup::Start { name, empty },
                    None => Markup::Unfinished,
                }
            }
        };
        Ok(Some(markup))
    }

    fn take(&mut self, byte: u8) {
        self.input.take();
        if byte == b'\n' {
            self.position = Position { line: self.position.line + 1, character: 1 };
        } else if byte & 0b1100_0000 != 0b1000_0000 {
            // Bytes that continue a character of UTF-8 are not counted.
            self.position.character += 1;
        }
        if self.recorded.len() < self.limit {
            self.recorded.push(byte);
        } else {
            self.overflown = true;
        }
    }

    fn bump(&mut self) -> Result<Option<u8>, Unreadable> {
        let byte = self.input.peek()?;
        if let Some(byte) = byte {
            self.take(byte);
        }
        Ok(byte)
    }

    /// Whether these bytes come next. Takes them as far as they do.
    fn begins(&mut self, expected: &[u8]) -> Result<bool, Unreadable> {
        for byte in expected {
            if self.input.peek()? != Some(*byte) {
                return Ok(false);
            }
            self.take(*byte);
        }
        Ok(true)
    }

    /// Reads up to and with `end`.
    fn until(&mut self, end: &[u8], markup: Markup) -> Result<Markup, Unreadable> {
        let mut last = [0_u8; 3];
        while let Some(byte) = self.bump()? {
            last.rotate_left(1);
            if let Some(newest) = last.last_mut() {
                *newest = byte;
            }
            if last.ends_with(end) {
                return Ok(markup);
            }
        }
        Ok(Markup::Unfinished)
    }

    fn name(&mut self) -> Result<String, Unreadable> {
        let mut name = Vec::new();
        while let Some(byte) = self.input.peek()? {
            if byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'<') {
                break;
            }
            if name.len() < LONGEST_NAME {
                name.push(byte);
            }
            self.take(byte);
        }
        Ok(String::from_utf8_lossy(&name).into_owned())
    }

    /// Reads up to and with the `>` that ends a tag. Gives whether the element is empty (`/>`); `None`: the file ends.
    fn rest_of_tag(&mut self) -> Result<Option<bool>, Unreadable> {
        let mut quote = None;
        let mut before = b' ';
        while let Some(byte) = self.input.peek()? {
            if byte == b'<' {
                return Ok(Some(false));
            }
            self.take(byte);
            match quote {
                Some(open) if byte == open => quote = None,
                Some(_) => {}
                None if byte == b'>' => return Ok(Some(before == b'/')),
                None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
                None => {}
            }
            before = byte;
        }
        Ok(None)
    }
}
