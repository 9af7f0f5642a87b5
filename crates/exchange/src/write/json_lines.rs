//! On each line a resource.

use std::io;

use prost_reflect::DynamicMessage;

use super::flat::json;

/// Writes each resource on a line of its own, in protobuf JSON with its `@type`.
#[derive(Debug)]
pub struct JsonLines<W>(W);

impl<W: io::Write> JsonLines<W> {
    /// Begins a file.
    pub fn new(out: W) -> Self {
        Self(out)
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// What the file says; [`super::WriteError`] within it if the resource has no JSON form.
    pub fn write(&mut self, resource: &DynamicMessage) -> io::Result<()> {
        let mut line = json(resource)?;
        line.push('\n');
        self.0.write_all(line.as_bytes())
    }

    /// Completes the file.
    ///
    /// # Errors
    /// What the file says.
    pub fn finish(mut self) -> io::Result<W> {
        self.0.flush()?;
        Ok(self.0)
    }
}
