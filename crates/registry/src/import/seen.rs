//! What a dry run would have written, so that later rows of the file find it as they would in a real run.
//!
//! The resources are in a temporary file; memory holds where each stands: about 40 bytes for a resource.

use std::{
    collections::HashMap,
    io::{self, SeekFrom},
};

use bytes::Bytes;
use isopolity_domain::Name;
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _},
};

/// The beginning of a name's hash: enough to tell names apart.
pub(super) type Key = [u8; 16];

/// Resources by name.
pub(super) struct Seen {
    file: File,
    end: u64,
    places: HashMap<Key, (u64, u32)>,
}

impl Seen {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { file: File::from_std(tempfile::tempfile()?), end: 0, places: HashMap::new() })
    }

    pub(super) fn holds(&self, name: &Name) -> bool {
        self.places.contains_key(&key(name))
    }

    /// The serialized resource of this name.
    pub(super) async fn get(&mut self, name: &Name) -> io::Result<Option<Bytes>> {
        let Some(&(at, length)) = self.places.get(&key(name)) else { return Ok(None) };
        let mut body = vec![0; length.try_into().unwrap_or_default()];
        self.file.seek(SeekFrom::Start(at)).await?;
        self.file.read_exact(&mut body).await?;
        Ok(Some(body.into()))
    }

    /// Keeps resources, in place of those of the same names.
    pub(super) async fn put(&mut self, resources: &[(Name, Vec<u8>)]) -> io::Result<()> {
        let mut written = Vec::new();
        for (name, body) in resources {
            let length = u32::try_from(body.len()).map_err(io::Error::other)?;
            self.places.insert(key(name), (self.end + written.len() as u64, length));
            written.extend_from_slice(body);
        }
        self.file.seek(SeekFrom::Start(self.end)).await?;
        self.file.write_all(&written).await?;
        self.file.flush().await?;
        self.end += written.len() as u64;
        Ok(())
    }
}

/// By what a name is known here.
pub(super) fn key(name: &Name) -> Key {
    let mut key = Key::default();
    for (to, from) in key.iter_mut().zip(Sha256::digest(name.to_string())) {
        *to = from;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_word_on_a_name_is_found() {
        let name = |id: &str| format!("cities/lisboa.example/places/{id}").parse::<Name>().unwrap();
        let mut seen = Seen::new().unwrap();
        seen.put(&[(name("a"), b"one".to_vec()), (name("b"), b"two".to_vec())]).await.unwrap();
        assert_eq!(seen.get(&name("b")).await.unwrap().as_deref(), Some(&b"two"[..]));
        seen.put(&[(name("a"), b"three".to_vec())]).await.unwrap();
        assert_eq!(seen.get(&name("a")).await.unwrap().as_deref(), Some(&b"three"[..]));
        assert_eq!(seen.get(&name("b")).await.unwrap().as_deref(), Some(&b"two"[..]));
        assert!(!seen.holds(&name("c")) && seen.get(&name("c")).await.unwrap().is_none());
    }
}
