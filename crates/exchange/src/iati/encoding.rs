//! The bytes of an XML file as UTF-8, whatever it is written in.

use std::io::{self, BufRead};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How much of a file is looked at for its declaration.
const HEAD: usize = 1024;
/// How much is decoded at a time.
const CHUNK: usize = 16 * 1024;

/// Why no more bytes come.
#[derive(Debug)]
pub(super) enum Unreadable {
    Input(io::Error),
    /// The encoding is not known, or the bytes are not in it.
    Encoding(String),
}

/// A file as bytes of UTF-8. What is said to be UTF-8 is not checked here, so that one bad byte spoils no more than the
/// activity that it stands in.
pub(super) struct Utf8<R> {
    input: R,
    /// `None` until the file has been looked at.
    decoding: Option<Decoding>,
    /// What was read but not decoded yet.
    undecoded: Vec<u8>,
    chunk: Vec<u8>,
    at: usize,
    /// How many bytes of the file were read.
    read: u64,
}

enum Decoding {
    /// It is UTF-8 already.
    Plain,
    By(Box<Decoder>),
    Finished,
}

impl<R: BufRead> Utf8<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, decoding: None, undecoded: Vec::new(), chunk: Vec::new(), at: 0, read: 0 }
    }

    /// The next byte, without taking it. `None`: the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Unreadable> {
        while self.at >= self.chunk.len() {
            if !self.refill()? {
                return Ok(None);
            }
        }
        Ok(self.chunk.get(self.at).copied())
    }

    /// Takes the byte that was peeked.
    pub(super) fn take(&mut self) {
        self.at += 1;
    }

    /// How many bytes of the file were taken. If it had to be decoded, rounded up to what was read.
    pub(super) fn taken(&self) -> u64 {
        match &self.decoding {
            Some(Decoding::Plain) => self.read - (self.chunk.len() - self.at.min(self.chunk.len())) as u64,
            _ => self.read,
        }
    }

    fn refill(&mut self) -> Result<bool, Unreadable> {
        self.chunk.clear();
        self.at = 0;
        if self.decoding.is_none() {
            self.decoding = Some(self.begin()?);
        }
        match self.decoding.as_mut() {
            None | Some(Decoding::Finished) => Ok(false),
            Some(Decoding::Plain) => {
                if self.undecoded.is_empty() {
                    self.read += fill(&mut self.input, &mut self.chunk)? as u64;
                } else {
                    std::mem::swap(&mut self.chunk, &mut self.undecoded);
                }
                Ok(!self.chunk.is_empty())
            }
            Some(Decoding::By(decoder)) => {
                if self.undecoded.is_empty() {
                    self.read += fill(&mut self.input, &mut self.undecoded)? as u64;
                }
                let last = self.undecoded.is_empty();
                let encoding = decoder.encoding();
                self.chunk.resize(CHUNK, 0);
                let (result, read, written) =
                    decoder.decode_to_utf8_without_replacement(&self.undecoded, &mut self.chunk, last);
                self.undecoded.drain(..read);
                self.chunk.truncate(written);
                if let DecoderResult::Malformed(..) = result {
                    let name = encoding.name();
                    return Err(Unreadable::Encoding(format!(
                        "bytes that are not {name}, in which the file is written"
                    )));
                }
                if last && result == DecoderResult::InputEmpty {
                    self.decoding = Some(Decoding::Finished);
                }
                Ok(!last || !self.chunk.is_empty())
            }
        }
    }

    /// Finds out what the file is written in: by its byte order mark, else by its declaration, else UTF-8.
    fn begin(&mut self) -> Result<Decoding, Unreadable> {
        while self.undecoded.len() < HEAD {
            let count = fill(&mut self.input, &mut self.undecoded)?;
            self.read += count as u64;
            if count == 0 {
                break;
            }
        }
        let utf16 = |encoding: &'static Encoding| Ok(Decoding::By(Box::new(encoding.new_decoder_with_bom_removal())));
        match self.undecoded.as_slice() {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, b'<', ..] | [b'<', 0, 0, 0, ..] => {
                Err(Unreadable::Encoding(String::from(
                    "the file is written in UTF-32, which is not read; save it as UTF-8",
                )))
            }
            [0xff, 0xfe, ..] | [b'<', 0, ..] => utf16(UTF_16LE),
            [0xfe, 0xff, ..] | [0, b'<', ..] => utf16(UTF_16BE),
            [0xef, 0xbb, 0xbf, ..] => {
                self.undecoded.drain(..3);
                Ok(Decoding::Plain)
            }
            head => match declared(head) {
                None => Ok(Decoding::Plain),
                Some(label) => by_label(label),
            },
        }
    }
}

fn by_label(label: &[u8]) -> Result<Decoding, Unreadable> {
    let name = String::from_utf8_lossy(label);
    match Encoding::for_label(label) {
        Some(encoding) if encoding == UTF_8 => Ok(Decoding::Plain),
        // A declaration that could be read byte by byte is not UTF-16.
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => Err(Unreadable::Encoding(format!(
            "the file says that it is written in {name}, but it is not; if it is UTF-8, write encoding=\"UTF-8\""
        ))),
        Some(encoding) => Ok(Decoding::By(Box::new(encoding.new_decoder_without_bom_handling()))),
        None => Err(Unreadable::Encoding(format!(
            "the encoding \"{name}\" is not known; save the file as UTF-8 and say so"
        ))),
    }
}

/// The encoding that an XML declaration names.
fn declared(head: &[u8]) -> Option<&[u8]> {
    let declaration = head.strip_prefix(b"<?xml")?;
    let end = find(declaration, b"?>")?;
    let declaration = declaration.get(..end)?;
    let behind = declaration.get(find(declaration, b"encoding")? + b"encoding".len()..)?;
    let behind = behind.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let quote = *behind.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let value = behind.get(1..)?;
    value.get(..value.iter().position(|byte| *byte == quote)?)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Adds what the input has at hand, and says how much that is. Nothing: the end.
fn fill(input: &mut impl BufRead, to: &mut Vec<u8>) -> Result<usize, Unreadable> {
    let count = loop {
        match input.fill_buf() {
            Ok(bytes) => {
                let bytes = bytes.get(..bytes.len().min(CHUNK)).unwrap_or(bytes);
                to.extend_from_slice(bytes);
                break bytes.len();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Unreadable::Input(error)),
        }
    };
    input.consume(count);
    Ok(count)
}
