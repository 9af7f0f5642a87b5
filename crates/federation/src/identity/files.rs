//! Keys as files: whole or not at all, for the owner alone, never overwritten.

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use zeroize::Zeroizing;

use super::IdentityError;

/// No key or certificate is larger.
const LARGEST: u64 = 64 * 1024;

/// Makes the folder, for the owner alone, and refuses if it holds any of these files.
pub(super) fn prepare(folder: &Path, names: &[&str]) -> Result<(), IdentityError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o700)))
        .map_err(|error| IdentityError::file(folder, format!("can't be made: {error}")))?;
    match names.iter().map(|name| folder.join(name)).find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => Err(IdentityError::Exists(path)),
        None => Ok(()),
    }
}

/// Writes a file that must not be there yet, under another name first.
pub(super) fn write_new(path: &Path, content: &[u8]) -> Result<(), IdentityError> {
    let temporary = path.with_extension("new");
    let written = write_temporary(&temporary, content).and_then(|()| put_in_place(&temporary, path));
    if written.is_err() {
        // What stays behind would stop the next attempt; the first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => IdentityError::Exists(path.to_owned()),
        _ => IdentityError::file(path, format!("can't be written: {error}")),
    })
}

/// Writes a file that may be there already: whole, or as it was.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), IdentityError> {
    let temporary = path.with_extension("new");
    write_temporary(&temporary, content)
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(|error| IdentityError::file(path, format!("can't be written: {error}")))
}

/// Removes a secret that is needed no longer. That it is gone already is no error.
pub(super) fn remove(path: &Path) -> Result<(), IdentityError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(IdentityError::file(path, format!("can't be removed: {error}")))
        }
        _ => Ok(()),
    }
}

fn write_temporary(path: &Path, content: &[u8]) -> io::Result<()> {
    // A file of a run that was cut short.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Gives the file its name, unless something has that name: a link, unlike a renaming, never replaces.
fn put_in_place(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(temporary, path) {
        Ok(()) => fs::remove_file(temporary),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // A file system without links.
        Err(_) if path.symlink_metadata().is_err() => fs::rename(temporary, path),
        Err(error) => Err(error),
    }
}

/// Reads a text file of reasonable size.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, IdentityError> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => IdentityError::file(
            path,
            "is missing: put it back from your backup (for a city that has none yet, `isopolity init` makes it)",
        ),
        io::ErrorKind::PermissionDenied => {
            IdentityError::file(path, "may not be read by the user that this node runs as")
        }
        _ => IdentityError::file(path, format!("can't be read: {error}")),
    };
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut content = Zeroizing::new(String::new());
    file.take(LARGEST).read_to_string(&mut content).map_err(unreadable)?;
    Ok(content)
}

/// Reads a key, unless everybody on the machine may read it.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<String>, IdentityError> {
    if let Ok(metadata) = fs::metadata(path)
        && metadata.permissions().mode() & 0o007 != 0
    {
        let mode = metadata.permissions().mode() & 0o777;
        return Err(IdentityError::file(path, format!("is open to everybody (mode {mode:o}); run chmod 600 on it")));
    }
    read(path)
}
