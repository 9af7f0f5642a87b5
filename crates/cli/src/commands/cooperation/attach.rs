//! Attaching a document: its hash and where it is.

use std::{
    fs::File,
    io::{BufReader, Read as _},
    path::Path,
};

use isopolity_proto::{
    cooperation::{DocumentAttachment, step::Action},
    types::{Document, LocalizedText},
};
use isopolity_registry::verify::hexadecimal;
use sha2::{Digest as _, Sha256};

use super::{
    step::{Service, Taking, take},
    words::{full_name, texts},
};
use crate::{
    args::{Attach, Global, Output},
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, service: &mut Service, attach: &Attach) -> Result<(), Exit> {
    let sha256 = digest(&attach.file)?;
    let file_name = attach.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let titles = if attach.title.is_empty() {
        vec![LocalizedText { text: file_name, language: "und".to_owned(), ..LocalizedText::default() }]
    } else {
        texts(&attach.title)
    };
    let document = Document {
        titles,
        uri: attach.uri.clone(),
        reference: attach.reference.clone(),
        languages: attach.language.clone(),
        date: attach.date.clone(),
        media_type: attach.media_type.clone().unwrap_or_else(|| media_type(&attach.file).to_owned()),
        sha256: sha256.clone(),
        ..Document::default()
    };
    let action = Action::DocumentAttachment(DocumentAttachment { document: Some(document) });
    let (name, done) = (full_name(&attach.name)?, format!("{} attached", attach.file.display()));
    take(global, service, Taking { name, action, done: &done, seen: 0, dry_run: false }).await?;
    if global.output == Output::Table {
        output::note(&format!(
            "SHA-256 {sha256}\nThe file itself stays here: send it, or put it where --uri says. Whoever has it can compare the hash"
        ));
    }
    Ok(())
}

/// The SHA-256 of a file, read piece by piece.
fn digest(file: &Path) -> Result<String, Exit> {
    let unreadable = |error: std::io::Error| Exit::usage(format!("{} can't be read: {error}", file.display()));
    let mut reader = BufReader::new(File::open(file).map_err(unreadable)?);
    let mut digest = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        let length = reader.read(&mut piece).map_err(unreadable)?;
        if length == 0 {
            return Ok(hexadecimal(&digest.finalize()));
        }
        digest.update(piece.get(..length).unwrap_or_default());
    }
}

/// The media type that the ending of a file's name promises; empty where it promises none.
fn media_type(file: &Path) -> &'static str {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "pdf" => "application/pdf",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "odt" => "application/vnd.oasis.opendocument.text",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "txt" => "text/plain",
        "html" | "htm" => "text/html",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(file.path()).unwrap(), expected);
        assert!(digest(Path::new("/nonexistent/file")).is_err());
        assert_eq!(media_type(Path::new("Protocolo.PDF")), "application/pdf");
    }
}
