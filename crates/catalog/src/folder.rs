//! Opens the index, or begins an empty one.

use std::{fs, io, path::Path};

use isopolity_domain::feed::Position;
use serde::{Deserialize, Serialize};
use tantivy::{
    Directory as _, Index, IndexReader, IndexSettings, ReloadPolicy, TantivyError,
    directory::{INDEX_WRITER_LOCK, MmapDirectory},
};
use tracing::warn;

use crate::{
    CatalogError,
    error::io_kind,
    schema::{Fields, VERSION, WORDS},
    words::Words,
};

/// Blocks of stored envelopes that are kept unpacked, for each segment.
const STORE_CACHE_BLOCKS: usize = 8;

/// Envelopes that are packed together.
const STORE_BLOCK_BYTES: usize = 4_096;

/// An index that can be used.
pub(crate) struct Opened {
    pub(crate) index: Index,
    pub(crate) fields: Fields,
    pub(crate) reader: IndexReader,
    pub(crate) position: Position,
}

/// What a commit says about itself.
#[derive(Serialize, Deserialize)]
struct Payload {
    epoch: String,
    sequence: i64,
    version: u32,
}

/// Why there is no index to go on with.
enum Unusable {
    Absent,
    /// It can be built anew.
    Damaged(String),
    /// The system refuses; building anew would not help.
    Refused(CatalogError),
}

pub(crate) fn open(folder: &Path) -> Result<Opened, CatalogError> {
    let refused = |source| CatalogError::Folder { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(refused)?;
    match existing(folder) {
        Ok(opened) => return Ok(opened),
        Err(Unusable::Refused(error)) => return Err(error),
        Err(Unusable::Absent) => {}
        Err(Unusable::Damaged(reason)) => {
            // The reason may quote a whole damaged file.
            let reason: String = reason.chars().take(300).collect();
            warn!(index.folder = %folder.display(), reason, "the search index can't be used; it is built anew from the feed");
        }
    }
    clear(folder)?;
    create(folder).map_err(|error| in_folder(folder, error))
}

/// What a commit at this position says about itself.
pub(crate) fn payload(position: &Position) -> Result<String, TantivyError> {
    let payload = Payload { epoch: position.epoch.clone(), sequence: position.sequence, version: VERSION };
    Ok(serde_json::to_string(&payload)?)
}

fn existing(folder: &Path) -> Result<Opened, Unusable> {
    let unusable = |error: TantivyError| match io_kind(&error) {
        None | Some(io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) => {
            Unusable::Damaged(error.to_string())
        }
        Some(_) => Unusable::Refused(in_folder(folder, error)),
    };
    let directory = MmapDirectory::open(folder).map_err(|error| unusable(error.into()))?;
    if !Index::exists(&directory).map_err(|error| unusable(error.into()))? {
        return Err(Unusable::Absent);
    }
    let index = Index::open(directory).map_err(unusable)?;
    let (schema, fields) = Fields::build();
    let metas = index.load_metas().map_err(unusable)?;
    let position = match &metas.payload {
        None if metas.segments.is_empty() => Some(Position::default()),
        None => None,
        Some(payload) => serde_json::from_str::<Payload>(payload)
            .ok()
            .filter(|payload| payload.version == VERSION)
            .map(|payload| Position { epoch: payload.epoch, sequence: payload.sequence }),
    };
    let Some(position) = position.filter(|_| index.schema() == schema) else {
        return Err(Unusable::Damaged("it is of another version".to_owned()));
    };
    if let Some(file) = index.validate_checksum().map_err(unusable)?.iter().next() {
        return Err(Unusable::Damaged(format!("the checksum of {} does not fit", file.display())));
    }
    opened(index, fields, position).map_err(unusable)
}

fn create(folder: &Path) -> Result<Opened, TantivyError> {
    let (schema, fields) = Fields::build();
    // One thread less while indexing; and small blocks, because records are read one by one.
    let settings = IndexSettings {
        docstore_compress_dedicated_thread: false,
        docstore_blocksize: STORE_BLOCK_BYTES,
        ..IndexSettings::default()
    };
    let index = Index::create(MmapDirectory::open(folder)?, schema, settings)?;
    opened(index, fields, Position::default())
}

fn opened(index: Index, fields: Fields, position: Position) -> Result<Opened, TantivyError> {
    index.tokenizers().register(WORDS, Words);
    let reader = index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .doc_store_cache_num_blocks(STORE_CACHE_BLOCKS)
        .try_into()?;
    Ok(Opened { index, fields, reader, position })
}

/// Deletes the files of an index and no others: the folder may have been chosen by mistake.
fn clear(folder: &Path) -> Result<(), CatalogError> {
    let refused = |source| CatalogError::Folder { path: folder.to_owned(), source };
    let directory = MmapDirectory::open(folder).map_err(|error| in_folder(folder, error.into()))?;
    let _lock = directory.acquire_lock(&INDEX_WRITER_LOCK).map_err(|error| in_folder(folder, error.into()))?;
    for entry in fs::read_dir(folder).map_err(refused)? {
        let entry = entry.map_err(refused)?;
        if entry.file_name().to_str().is_some_and(of_index) && entry.file_type().map_err(refused)?.is_file() {
            fs::remove_file(entry.path()).map_err(refused)?;
        }
    }
    Ok(())
}

/// A file that the index library wrote: its lists, and segments named by 32 hexadecimal digits.
fn of_index(file: &str) -> bool {
    let segment = |(id, _): (&str, &str)| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    matches!(file, "meta.json" | ".managed.json") || file.split_once('.').is_some_and(segment)
}

fn in_folder(folder: &Path, error: TantivyError) -> CatalogError {
    match (io_kind(&error), CatalogError::from(error)) {
        (Some(kind), CatalogError::Index(error)) => {
            CatalogError::Folder { path: folder.to_owned(), source: io::Error::new(kind, error) }
        }
        (_, other) => other,
    }
}
