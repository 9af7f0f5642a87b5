//! Text files in the encodings that offices use, read as UTF-8.
//!
//! A byte order mark decides; without one the mapping may name the encoding; without either the text has to be UTF-8. What
//! is no text in its encoding is never guessed at: it comes out as a byte that is not UTF-8, so that the row that holds it is
//! refused, and no other.

use std::io::{self, BufReader, Read};

use encoding_rs::{Decoder, DecoderResult, EncoderResult, Encoding, UTF_8};

/// What stands for a byte sequence that is no text: no UTF-8 holds it.
const BROKEN: u8 = 0xff;
/// How much is decoded at once.
const CHUNK: usize = 8 << 10;

/// There is no such encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an encoding that is read: utf-8, utf-16le, utf-16be, windows-1252 and the other windows-125x, iso-8859-x, koi8-r, macintosh"
)]
pub struct UnknownEncoding(String);

/// The encoding of this name: as the WHATWG Encoding Standard labels them (`windows-1252`, `latin1`, `iso-8859-2`, `utf-16le`).
///
/// # Errors
/// [`UnknownEncoding`].
pub fn encoding(label: &str) -> Result<&'static Encoding, UnknownEncoding> {
    Encoding::for_label_no_replacement(label.trim().as_bytes())
        .ok_or_else(|| UnknownEncoding(label.chars().take(40).collect()))
}

/// A text as UTF-8, without byte order mark, and the encoding that it is in.
///
/// # Errors
/// What the reader says.
pub fn open<R: Read>(
    mut reader: R,
    stated: Option<&'static Encoding>,
) -> io::Result<(BufReader<Decoded<R>>, &'static Encoding)> {
    let mut start = Vec::with_capacity(3);
    reader.by_ref().take(3).read_to_end(&mut start)?;
    let (encoding, mark) = Encoding::for_bom(&start).unwrap_or((stated.unwrap_or(UTF_8), 0));
    let rest = start.split_off(mark);
    let decoder = (encoding != UTF_8).then(|| encoding.new_decoder_without_bom_handling());
    let reader =
        Decoded { inner: reader, start: rest, decoder, input: Vec::new(), output: Vec::new(), given: 0, ended: false };
    Ok((BufReader::with_capacity(64 << 10, reader), encoding))
}

/// Whether a text in a one-byte encoding was probably UTF-8 all along: `KÃ¶ln` instead of `Köln`.
#[must_use]
pub fn is_utf_8_in_disguise(text: &str, encoding: &'static Encoding) -> bool {
    if text.is_ascii() || !encoding.is_single_byte() {
        return false;
    }
    let mut encoder = encoding.new_encoder();
    let mut bytes = vec![0; text.len() + 16];
    let (result, _, written) = encoder.encode_from_utf8_without_replacement(text, &mut bytes, true);
    result == EncoderResult::InputEmpty && bytes.get(..written).is_some_and(|bytes| str::from_utf8(bytes).is_ok())
}

/// A reader that turns an encoding into UTF-8. UTF-8 itself passes through as it is.
pub struct Decoded<R> {
    inner: R,
    /// What was read to look for a byte order mark.
    start: Vec<u8>,
    decoder: Option<Decoder>,
    /// Read and not yet decoded.
    input: Vec<u8>,
    /// Decoded and, up to `given`, handed out.
    output: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: Read> Decoded<R> {
    fn read_raw(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.start.is_empty() {
            return self.inner.read(buffer);
        }
        let taken = self.start.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(self.start.drain(..taken)) {
            *to = from;
        }
        Ok(taken)
    }

    /// Decodes the next part. Nothing is left to hand out only at the end.
    fn decode_more(&mut self) -> io::Result<()> {
        self.output.clear();
        self.given = 0;
        while self.output.is_empty() && !self.ended {
            let mut chunk = [0; CHUNK];
            let taken = self.read_raw(&mut chunk)?;
            self.ended = taken == 0;
            self.input.extend(chunk.iter().take(taken));
            let Some(decoder) = &mut self.decoder else { return Ok(()) };
            let mut at = 0;
            loop {
                let rest = self.input.get(at..).unwrap_or_default();
                let mut utf_8 = vec![0; rest.len() * 3 + 16];
                let (result, read, written) = decoder.decode_to_utf8_without_replacement(rest, &mut utf_8, self.ended);
                at += read;
                self.output.extend(utf_8.iter().take(written));
                match result {
                    DecoderResult::InputEmpty => break,
                    DecoderResult::OutputFull => {}
                    DecoderResult::Malformed(..) => self.output.push(BROKEN),
                }
            }
            self.input.clear();
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.decoder.is_none() {
            return self.read_raw(buffer);
        }
        if self.given >= self.output.len() {
            self.decode_more()?;
        }
        let rest = self.output.get(self.given..).unwrap_or_default();
        let taken = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.given += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], stated: Option<&str>) -> Vec<u8> {
        let (mut reader, _) = open(bytes, stated.map(|label| encoding(label).unwrap())).unwrap();
        let mut text = Vec::new();
        reader.read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn a_byte_order_mark_decides_and_is_no_part_of_the_text() {
        assert_eq!(read(b"\xef\xbb\xbfK\xc3\xb6ln", Some("windows-1252")), "Köln".as_bytes());
        assert_eq!(read(b"\xff\xfeK\0\xf6\0", None), "Kö".as_bytes());
        assert_eq!(read(b"\xfe\xff\0K\0\xf6", None), "Kö".as_bytes());
        assert_eq!(read(b"", None), b"");
        assert_eq!(read(b"a", None), b"a");
    }

    #[test]
    fn an_encoding_is_used_where_it_is_named() {
        assert_eq!(read(b"K\xf6ln \x80", Some("windows-1252")), "Köln €".as_bytes());
        assert_eq!(read(b"\xb3\xf3d\xbc", Some("iso-8859-2")), "łódź".as_bytes());
        assert!(encoding("ebcdic").unwrap_err().to_string().contains("windows-1252"));
    }

    #[test]
    fn what_is_no_text_is_never_taken_for_text() {
        // A surrogate without its other half.
        let broken = read(b"\xff\xfeK\0\x00\xd8L\0", None);
        assert!(str::from_utf8(&broken).is_err());
        assert_eq!(read(b"K\xf6ln", None), b"K\xf6ln");
    }

    #[test]
    fn utf_8_that_is_read_as_something_else_is_noticed() {
        let windows = encoding("windows-1252").unwrap();
        assert!(is_utf_8_in_disguise("KÃ¶ln", windows));
        assert!(!is_utf_8_in_disguise("Köln", windows));
        assert!(!is_utf_8_in_disguise("Koln", windows));
        assert!(!is_utf_8_in_disguise("Köln", UTF_8));
    }

    proptest! {
        #[test]
        fn no_bytes_upset_it(bytes: Vec<u8>, at in 0_usize..5) {
            let label = [None, Some("windows-1252"), Some("utf-16le"), Some("iso-8859-8"), Some("shift_jis")][at];
            read(&bytes, label);
        }
    }
}
