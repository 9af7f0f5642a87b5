//! The file as it arrives, as something that a parser can read.

use std::io::{self, BufRead, Read};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;

use super::LINE_MAX;

/// Chunks of a file, read by a blocking thread.
#[derive(Debug)]
pub(super) struct Chunks {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Chunks {
    pub(super) fn new(receiver: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self { receiver, current: Bytes::new() }
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let taken = available.len().min(buffer.len());
        if let (Some(from), Some(to)) = (available.get(..taken), buffer.get_mut(..taken)) {
            to.copy_from_slice(from);
        }
        self.consume(taken);
        Ok(taken)
    }
}

impl BufRead for Chunks {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => break,
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, amount: usize) {
        self.current.advance(amount.min(self.current.len()));
    }
}

/// A line of a file.
pub(super) enum Line {
    /// Its bytes, without the line end.
    Whole(Vec<u8>),
    /// It is longer than a line may be; it was passed over.
    TooLong,
}

/// The next line and how many bytes it took, or `None` at the end. Never holds more than a line may be long.
pub(super) fn next_line(reader: &mut impl BufRead) -> io::Result<Option<(Line, usize)>> {
    let mut line = Vec::new();
    let mut taken = 0;
    loop {
        let available = reader.fill_buf()?;
        if available.is_empty() {
            break;
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let amount = end.map_or(available.len(), |end| end + 1);
        if line.len() <= LINE_MAX {
            line.extend(available.iter().take(amount.min(LINE_MAX + 2)));
        }
        reader.consume(amount);
        taken += amount;
        if end.is_some() {
            break;
        }
    }
    if taken == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some((if line.len() > LINE_MAX { Line::TooLong } else { Line::Whole(line) }, taken)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(Option<String>, usize)> {
        let mut reader = io::BufReader::with_capacity(7, text);
        let mut lines = Vec::new();
        while let Some((line, taken)) = next_line(&mut reader).unwrap() {
            let text = match line {
                Line::Whole(bytes) => Some(String::from_utf8(bytes).unwrap()),
                Line::TooLong => None,
            };
            lines.push((text, taken));
        }
        lines
    }

    #[test]
    fn lines_end_as_unix_and_windows_end_them() {
        let expected = [(Some("one".to_owned()), 4), (Some(String::new()), 2), (Some("last".to_owned()), 4)];
        assert_eq!(lines(b"one\n\r\nlast"), expected);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut text = vec![b'x'; LINE_MAX + 10_000];
        text.extend(b"\nnext\n");
        let lines = lines(&text);
        assert_eq!(lines[0], (None, LINE_MAX + 10_001));
        assert_eq!(lines[1].0.as_deref(), Some("next"));
    }
}
