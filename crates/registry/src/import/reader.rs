//! The file as it arrives, as something that a reader can read.

use std::{
    fs::File,
    io::{self, BufRead, Read, Seek as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;

/// Chunks of a file, read by a blocking thread.
#[derive(Debug)]
pub(super) struct Chunks {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    broken_off: BrokenOff,
}

/// Whether the file ended before its end.
#[derive(Clone, Debug, Default)]
pub(super) struct BrokenOff(Arc<AtomicBool>);

impl BrokenOff {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Chunks {
    pub(super) fn new(receiver: mpsc::Receiver<io::Result<Bytes>>) -> (Self, BrokenOff) {
        let broken_off = BrokenOff::default();
        (Self { receiver, current: Bytes::new(), broken_off: broken_off.clone() }, broken_off)
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
            if self.broken_off.is_set() {
                // Also for whoever asks again: the end must not pass for the file's.
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file broke off"));
            }
            match self.receiver.blocking_recv() {
                Some(Ok(chunk)) => self.current = chunk,
                Some(Err(error)) => {
                    self.broken_off.0.store(true, Ordering::Release);
                    return Err(error);
                }
                None => break,
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, amount: usize) {
        self.current.advance(amount.min(self.current.len()));
    }
}

/// Puts a file that has to be there as a whole into a temporary one, which nobody else sees and which is gone when it is
/// closed.
///
/// # Errors
/// What the disk or the file says, and that it is larger than `largest` bytes.
pub(super) fn spool(mut file: impl Read, largest: u64) -> io::Result<File> {
    let mut spooled = tempfile::tempfile()?;
    let taken = io::copy(&mut file.by_ref().take(largest.saturating_add(1)), &mut spooled)?;
    if taken > largest {
        let what = format!("it is larger than {largest} bytes: save its sheet as CSV");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    spooled.rewind()?;
    Ok(spooled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_broke_off_has_no_end() {
        let (sender, receiver) = mpsc::channel(10);
        let (mut chunks, broken_off) = Chunks::new(receiver);
        sender.try_send(Ok(Bytes::from_static(b"whole\nha"))).unwrap();
        sender.try_send(Err(io::Error::other("gone"))).unwrap();
        drop(sender);
        let mut line = String::new();
        chunks.read_line(&mut line).unwrap();
        assert_eq!((line.as_str(), broken_off.is_set()), ("whole\n", false));
        assert!(chunks.read_line(&mut line).is_err());
        assert!(chunks.read_line(&mut line).is_err(), "asking again does not make it an end");
        assert!(broken_off.is_set());
    }

    #[test]
    fn a_workbook_that_is_too_large_is_refused_before_the_disk_is_full() {
        let mut kept = String::new();
        spool(&b"12345"[..], 5).unwrap().read_to_string(&mut kept).unwrap();
        assert_eq!(kept, "12345");
        let error = spool(io::repeat(0), 5).unwrap_err();
        assert!(error.to_string().contains("larger than 5 bytes"), "{error}");
    }
}
