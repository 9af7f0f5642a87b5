//! On each line a resource.

use std::io;

use prost_reflect::DynamicMessage;

use super::{Write, WriteError, flat::json};

/// Writes each resource on a line of its own, in protobuf JSON with its `@type`.
#[derive(Debug)]
pub struct JsonLines<W>(W);

impl<W: io::Write> JsonLines<W> {
    /// Begins a file.
    pub fn new(out: W) -> Self {
        Self(out)
    }
}

impl<W: io::Write> Write for JsonLines<W> {
    fn write(&mut self, resource: &DynamicMessage) -> Result<(), WriteError> {
        let mut line = json(resource)?;
        line.push('\n');
        Ok(self.0.write_all(line.as_bytes())?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        Ok(self.0.flush()?)
    }
}
