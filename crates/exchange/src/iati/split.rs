//! Takes a file of activities apart, one activity at a time, without reading more of it than one activity into memory.
//!
//! This looks only for where activities begin and end, so it goes on behind an activity that is malformed: it knows
//! comments, CDATA, processing instructions and quoted values, and where a tag is broken it begins anew at the next `<`,
//! which can't stand in a tag. Whether an activity is well-formed is found out when it is read.

mod scan;

use std::io::BufRead;

use scan::{Markup, Scan};

use super::encoding::Unreadable;
use crate::schema::tree::DOCUMENT_TYPE;

/// The largest activity that is read, in bytes of UTF-8.
pub const LARGEST_ACTIVITY: usize = 4 * 1024 * 1024;
/// The largest tag of the outermost element.
const LARGEST_ROOT: usize = 64 * 1024;

const ROOT: &str = "iati-activities";
const ACTIVITY: &str = "iati-activity";

/// A place in a file. Lines and characters are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: i64,
    pub(super) character: i64,
}

/// A part of a file.
#[derive(Debug)]
pub(super) enum Part {
    /// An `<iati-activity>`.
    Activity(Piece),
    /// Another element that stands beside the activities.
    Other(Piece),
    /// The outermost element holds no activity.
    Empty(Piece),
    /// Something that is wrong with the file outside its activities.
    Broken(Position, String),
}

/// An element as it stands in the file, from its `<` to its end.
#[derive(Debug)]
pub(super) struct Piece {
    /// Supposed to be UTF-8. Empty if it is too large.
    pub(super) text: Vec<u8>,
    pub(super) begin: Position,
    /// Why it can't be read, and where that shows.
    pub(super) broken: Option<(Position, String)>,
}

/// Takes a file apart.
pub(super) struct Split<R> {
    scan: Scan<R>,
    place: Place,
    /// The start tag of the outermost element as it stands in the file, and where.
    root: (Vec<u8>, Position),
    activities: u64,
    /// The beginning of a piece that was found while the end of another was looked for.
    begun: Option<Begun>,
}

enum Place {
    Before,
    Within,
    Behind,
    Done,
}

struct Begun {
    name: String,
    empty: bool,
    begin: Position,
}

impl<R: BufRead> Split<R> {
    pub(super) fn new(input: R) -> Self {
        let root = (Vec::new(), Position { line: 1, character: 1 });
        Self { scan: Scan::new(input, LARGEST_ACTIVITY), place: Place::Before, root, activities: 0, begun: None }
    }

    /// The start tag of the outermost element, and where it stands.
    pub(super) fn root(&self) -> (&[u8], Position) {
        (&self.root.0, self.root.1)
    }

    /// How many bytes of the file were read.
    pub(super) fn taken(&self) -> u64 {
        self.scan.taken()
    }

    /// The next part. `None`: the end, also after something behind which there is no sense in reading on.
    pub(super) fn next(&mut self) -> Option<Part> {
        match self.step() {
            Ok(part) => part,
            Err(unreadable) => {
                self.place = Place::Done;
                let description = match unreadable {
                    Unreadable::Input(error) => format!("the file can't be read further: {error}"),
                    Unreadable::Encoding(description) => description,
                };
                Some(Part::Broken(self.scan.position(), description))
            }
        }
    }

    fn step(&mut self) -> Result<Option<Part>, Unreadable> {
        loop {
            if let Some(begun) = self.begun.take() {
                return self.collect(begun).map(Some);
            }
            if matches!(self.place, Place::Done) {
                return Ok(None);
            }
            self.scan.forget();
            if let Some(position) = self.scan.text()? {
                let description = match self.place {
                    Place::Before => {
                        return Ok(Some(self.stop(position, "text before the first element; the file is not XML")));
                    }
                    Place::Within => "text between the activities, where only elements may stand",
                    Place::Behind | Place::Done => "text behind </iati-activities>",
                };
                return Ok(Some(Part::Broken(position, description.to_owned())));
            }
            self.scan.forget();
            let position = self.scan.position();
            let Some(markup) = self.scan.markup()? else {
                let part = match self.place {
                    Place::Before => Some("the file holds no element; it is empty or not XML"),
                    Place::Within => Some("the file ends before </iati-activities>; is the rest of it missing?"),
                    Place::Behind | Place::Done => None,
                };
                self.place = Place::Done;
                return Ok(part.map(|description| Part::Broken(position, description.to_owned())));
            };
            let part = match self.place {
                Place::Before => self.before(markup, position),
                Place::Within => self.within(markup, position),
                Place::Behind | Place::Done => match markup {
                    Markup::Comment | Markup::Instruction => None,
                    _ => Some(self.stop(position, "something behind </iati-activities>, where the file has to end")),
                },
            };
            if part.is_some() {
                return Ok(part);
            }
        }
    }

    fn stop(&mut self, position: Position, description: impl Into<String>) -> Part {
        self.place = Place::Done;
        Part::Broken(position, description.into())
    }

    fn before(&mut self, markup: Markup, position: Position) -> Option<Part> {
        match markup {
            Markup::Comment | Markup::Instruction => None,
            Markup::Declaration => Some(self.stop(position, DOCUMENT_TYPE)),
            Markup::Start { name, empty } if name == ROOT => {
                let tag = self.scan.take_recorded().filter(|tag| tag.len() <= LARGEST_ROOT);
                let Some(tag) = tag else {
                    return Some(self.stop(position, format!("<{ROOT}> itself is longer than {LARGEST_ROOT} bytes")));
                };
                self.root = (tag, position);
                if !empty {
                    self.place = Place::Within;
                    return None;
                }
                self.place = Place::Behind;
                Some(Part::Empty(Piece { text: Vec::new(), begin: position, broken: None }))
            }
            Markup::Start { name, .. } => {
                let hint = match name.as_str() {
                    "iati-organisations" => "; this is a file of organisations, not of activities",
                    ACTIVITY => "; put the activity into <iati-activities version=\"2.03\">",
                    _ => "",
                };
                Some(self.stop(position, format!("the outermost element is <{name}>, but has to be <{ROOT}>{hint}")))
            }
            Markup::End { .. } | Markup::Characters | Markup::Unfinished => Some(
                self.stop(position, format!("malformed XML before the outermost element, which has to be <{ROOT}>")),
            ),
        }
    }

    fn within(&mut self, markup: Markup, position: Position) -> Option<Part> {
        let description = match markup {
            Markup::Comment | Markup::Instruction => return None,
            Markup::Start { name, empty } => {
                self.begun = Some(Begun { name, empty, begin: position });
                return None;
            }
            Markup::End { name } if name == ROOT => {
                self.place = Place::Behind;
                if self.activities > 0 {
                    return None;
                }
                return Some(Part::Empty(Piece { text: Vec::new(), begin: position, broken: None }));
            }
            Markup::End { name } => format!("malformed XML: </{name}> closes nothing"),
            Markup::Characters => String::from("text between the activities, where only elements may stand"),
            Markup::Declaration => DOCUMENT_TYPE.to_owned(),
            Markup::Unfinished => {
                self.place = Place::Done;
                String::from("malformed XML: the file ends within a tag or a comment that begins here")
            }
        };
        Some(Part::Broken(position, description))
    }

    /// Reads on to the end of an element whose start tag has been read.
    fn collect(&mut self, begun: Begun) -> Result<Part, Unreadable> {
        let is_activity = begun.name == ACTIVITY;
        let mut open = usize::from(!begun.empty);
        let mut too_large = self.scan.has_overflown();
        let mut broken = None;
        let mut end = self.scan.recorded();
        while open > 0 {
            too_large |= self.scan.has_overflown();
            if too_large {
                self.scan.forget();
            }
            self.scan.text()?;
            too_large |= self.scan.has_overflown();
            if too_large {
                self.scan.forget();
            }
            end = self.scan.recorded();
            let position = self.scan.position();
            let unclosed =
                |what: &str| Some((position, format!("malformed XML: <{}> is not closed {what}", begun.name)));
            match self.scan.markup()? {
                None | Some(Markup::Unfinished) => {
                    self.place = Place::Done;
                    broken = unclosed("before the file ends; is the rest of it missing?");
                    break;
                }
                Some(Markup::Start { name, empty }) if name == ACTIVITY => {
                    broken = unclosed("before the next <iati-activity> begins");
                    self.begun = Some(Begun { name, empty, begin: position });
                    break;
                }
                Some(Markup::End { name }) if name == ROOT => {
                    self.place = Place::Behind;
                    broken = unclosed("before </iati-activities>");
                    break;
                }
                Some(Markup::End { name }) => {
                    end = self.scan.recorded();
                    // An activity ends by its own name, so that a tag that is missing in it does not swallow the next.
                    if !is_activity {
                        open -= 1;
                    } else if name == ACTIVITY {
                        open = 0;
                    }
                }
                Some(Markup::Start { empty, .. }) => open += usize::from(!empty && !is_activity),
                Some(_) => {}
            }
        }
        let text = self.scan.split_recorded(end);
        if too_large || text.len() > LARGEST_ACTIVITY {
            let description =
                format!("<{}> is larger than {LARGEST_ACTIVITY} bytes, which is the largest that is read", begun.name);
            broken = Some((begun.begin, description));
        }
        let text = if too_large { Vec::new() } else { text };
        let piece = Piece { text, begin: begun.begin, broken };
        self.activities += u64::from(is_activity);
        Ok(if is_activity { Part::Activity(piece) } else { Part::Other(piece) })
    }
}
