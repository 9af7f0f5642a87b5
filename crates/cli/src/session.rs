//! The session of whoever is signed in, in a file of their own: one for each node, which nobody else may read.

use std::{
    env, fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use crate::exit::Exit;

/// Keeps the session with a node.
pub(crate) fn keep(address: &str, token: &str) -> Result<PathBuf, Exit> {
    let file = file(address)?;
    let wrong = |error: std::io::Error| Exit::fault(format!("{} can't be written: {error}", file.display()));
    let folder = file.parent().unwrap_or(Path::new("."));
    make_folder(folder).map_err(wrong)?;
    // Beside it first: the file is whole at every time, and never open to others.
    let beside = folder.join(format!(".new-{}", std::process::id()));
    drop(fs::remove_file(&beside));
    let written = private().open(&beside).and_then(|mut file| file.write_all(token.as_bytes()));
    written.and_then(|()| fs::rename(&beside, &file)).map_err(wrong)?;
    Ok(file)
}

/// The session with a node, if there is one.
pub(crate) fn find(address: &str) -> Result<Option<String>, Exit> {
    // Without a home there is no session, and that is no fault of whoever has a token.
    let Ok(file) = file(address) else { return Ok(None) };
    match fs::read_to_string(&file) {
        Ok(token) => {
            must_be_private(&file)?;
            Ok(Some(token.trim().to_owned()).filter(|token| !token.is_empty()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Exit::usage(format!("{} can't be read: {error}", file.display()))),
    }
}

/// Forgets the session with a node.
pub(crate) fn forget(address: &str) -> Result<(), Exit> {
    let file = file(address)?;
    match fs::remove_file(&file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Exit::fault(format!("{} can't be removed: {error}", file.display())))
        }
        _ => Ok(()),
    }
}

fn file(address: &str) -> Result<PathBuf, Exit> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| Some(set("HOME")?.join(".config")))
        .ok_or_else(|| Exit::usage("HOME is not set, so there is no place for a session: use a token"))?;
    let name: String = address
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || ".-".contains(letter) { letter } else { '_' })
        .collect();
    Ok(folder.join("isopolity").join("sessions").join(name))
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn must_be_private(file: &Path) -> Result<(), Exit> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode =
        fs::metadata(file).map_err(|error| Exit::usage(format!("{}: {error}", file.display())))?.permissions().mode();
    if mode.trailing_zeros() >= 6 {
        return Ok(());
    }
    Err(Exit::usage(format!("{} can be read by others: sign in again, or chmod 600 it", file.display())))
}

#[cfg(not(unix))]
fn must_be_private(_file: &Path) -> Result<(), Exit> {
    Ok(())
}
