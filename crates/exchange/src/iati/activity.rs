//! One activity after the other out of a file, each as a document of its own, judged.

use std::io::BufRead;

use bytes::Bytes;

use super::{
    ACTIVITIES,
    split::{Part, Piece, Position, Split},
};
use crate::{
    row::Flaw,
    schema::{
        Fault,
        tree::{self, Element},
    },
};

/// What stands before the outermost element of an activity's own document.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// An activity, or something that is wrong with the file besides its activities.
#[derive(Debug)]
pub(super) struct Judged {
    /// The line on which it begins.
    pub(super) line: i64,
    /// How much of the file is read with it.
    pub(super) bytes: i64,
    /// The activity alone as a whole file. Empty if it can't be told apart.
    pub(super) source: Bytes,
    /// `<iati-activities>` with this activity alone, if the schema allows it; else what is wrong, at least one thing.
    pub(super) outcome: Result<Element, Vec<Flaw>>,
}

/// The activities of a file, in its order.
pub(super) struct Activities<R> {
    split: Split<R>,
    /// Where an element of another namespace stands that has no activity behind it so far.
    foreign: Option<Position>,
    ready: Option<Judged>,
}

impl<R: BufRead> Activities<R> {
    pub(super) fn new(input: R) -> Self {
        Self { split: Split::new(input), foreign: None, ready: None }
    }

    fn activity(&mut self, piece: &Piece) -> Judged {
        let (root, at) = self.split.root();
        let document = Document::of(root, at, piece);
        let outcome = document.judge();
        let judged = self.judged(piece.begin, document.source(), outcome);
        match self.foreign.take() {
            None => judged,
            Some(position) => {
                self.ready = Some(judged);
                let description = String::from("elements of other namespaces have to come after all activities");
                self.judged(position, Bytes::new(), Err(vec![flaw(position, "iati-activities", &description)]))
            }
        }
    }

    /// An element beside the activities: the schema allows any of another namespace.
    fn other(&mut self, piece: &Piece) -> Option<Judged> {
        let (root, at) = self.split.root();
        let document = Document::of(root, at, piece);
        let flaws = document.judge_other();
        if flaws.is_empty() {
            self.foreign = Some(piece.begin);
            return None;
        }
        Some(self.judged(piece.begin, Bytes::new(), Err(flaws)))
    }

    fn judged(&self, begin: Position, source: Bytes, outcome: Result<Element, Vec<Flaw>>) -> Judged {
        let bytes = i64::try_from(self.split.taken()).unwrap_or(i64::MAX);
        Judged { line: begin.line, bytes, source, outcome }
    }
}

impl<R: BufRead> Iterator for Activities<R> {
    type Item = Judged;

    fn next(&mut self) -> Option<Judged> {
        if let Some(ready) = self.ready.take() {
            return Some(ready);
        }
        loop {
            match self.split.next()? {
                // Without an activity the schema has its reasons against the outermost element.
                Part::Activity(piece) | Part::Empty(piece) => return Some(self.activity(&piece)),
                Part::Other(piece) => {
                    if let Some(judged) = self.other(&piece) {
                        return Some(judged);
                    }
                }
                Part::Broken(position, description) => {
                    let flaws = vec![flaw(position, "", &description)];
                    return Some(self.judged(position, Bytes::new(), Err(flaws)));
                }
            }
        }
    }
}

/// A piece of a file in the outermost element of that file.
struct Document<'a> {
    text: Vec<u8>,
    piece: &'a Piece,
    /// Where in the text the outermost element and the piece begin, and where that is in the file.
    root: (usize, Position),
    begin: usize,
}

impl<'a> Document<'a> {
    fn of(root: &[u8], at: Position, piece: &'a Piece) -> Self {
        let mut text = DECLARATION.as_bytes().to_vec();
        match root.strip_suffix(b"/>") {
            // An outermost element that was empty gets its end tag below.
            Some(tag) => text.extend_from_slice(&[tag, b">"].concat()),
            None => text.extend_from_slice(root),
        }
        text.push(b'\n');
        let begin = text.len();
        text.extend_from_slice(&piece.text);
        text.extend_from_slice(b"\n</iati-activities>\n");
        Self { text, piece, root: (DECLARATION.len(), at), begin }
    }

    fn source(self) -> Bytes {
        if self.piece.text.is_empty() { Bytes::new() } else { Bytes::from(self.text) }
    }

    fn judge(&self) -> Result<Element, Vec<Flaw>> {
        let root = self.read()?;
        let faults = ACTIVITIES.judge_root(&root);
        if faults.is_empty() { Ok(root) } else { Err(self.flaws(&faults)) }
    }

    fn judge_other(&self) -> Vec<Flaw> {
        match self.read() {
            Err(flaws) => flaws,
            Ok(root) => {
                let Some(element) = root.elements().next() else { return Vec::new() };
                if element.name.namespace.is_some() {
                    return self.flaws(&ACTIVITIES.judge_foreign(element));
                }
                let description =
                    format!("<{}> does not belong in <iati-activities>; expected <iati-activity>", element.written);
                vec![flaw(self.piece.begin, "iati-activities", &description)]
            }
        }
    }

    fn read(&self) -> Result<Element, Vec<Flaw>> {
        if let Some((position, description)) = &self.piece.broken {
            return Err(vec![flaw(*position, "", description)]);
        }
        let text = str::from_utf8(&self.text).map_err(|error| {
            let byte = self.text.get(error.valid_up_to()).copied().unwrap_or_default();
            let description = format!(
                "byte 0x{byte:02X} is not UTF-8; save the file as UTF-8, or name its encoding in the first line, such as \
                 <?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"
            );
            vec![flaw(self.position(error.valid_up_to()), "", &description)]
        })?;
        let root = tree::read(text).map_err(|malformed| self.flaws(&[malformed.into()]))?;
        let alone = root.elements().count() <= 1;
        // A piece holds one element, unless its tags do not belong together in a way that was not seen before.
        if alone { Ok(root) } else { Err(vec![flaw(self.piece.begin, "", "malformed XML: tags do not match")]) }
    }

    fn flaws(&self, faults: &[Fault]) -> Vec<Flaw> {
        let one = |fault: &Fault| {
            let path = fault.path.strip_prefix("iati-activities/").filter(|path| path.starts_with("iati-activity"));
            let path = path.unwrap_or(&fault.path);
            flaw(self.position(fault.offset), path, &fault.description)
        };
        faults.iter().map(one).collect()
    }

    /// Where in the file a byte of this document stands.
    fn position(&self, offset: usize) -> Position {
        let (from, mut position) = if offset < self.begin { self.root } else { (self.begin, self.piece.begin) };
        let end = offset.min(self.begin + self.piece.text.len()).max(from);
        for byte in self.text.get(from..end).unwrap_or_default() {
            if *byte == b'\n' {
                position = Position { line: position.line + 1, character: 1 };
            } else if byte & 0b1100_0000 != 0b1000_0000 {
                position.character += 1;
            }
        }
        position
    }
}

fn flaw(position: Position, path: &str, description: &str) -> Flaw {
    Flaw {
        column: path.to_owned(),
        character: position.character,
        description: format!("line {}: {description}", position.line),
    }
}
