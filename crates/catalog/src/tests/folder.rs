use std::{collections::BTreeMap, fs, path::PathBuf};

use isopolity_domain::feed::Position;
use tempfile::TempDir;

use super::support::{Desk, at, titled};
use crate::{Catalog, CatalogError};

/// A desk with one record, whose catalogue is closed.
fn closed() -> TempDir {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/one", titled("bakery"));
    desk.folder
}

#[test]
fn garbage_is_replaced_by_an_empty_index_and_other_files_stay() {
    let folder = TempDir::new().unwrap();
    for file in ["meta.json", ".managed.json", "0123456789abcdef0123456789abcdef.idx", "letter.txt"] {
        fs::write(folder.path().join(file), "garbage").unwrap();
    }
    let catalog = Catalog::open(folder.path()).unwrap();
    assert_eq!(catalog.position(), Position::default());
    assert_eq!(fs::read(folder.path().join("letter.txt")).unwrap(), b"garbage");
    assert!(!folder.path().join("0123456789abcdef0123456789abcdef.idx").exists());
    catalog.apply(&[], at(1)).unwrap();
    drop(catalog);
    assert_eq!(Catalog::open(folder.path()).unwrap().position(), at(1));
}

/// The files of an index, by what comes after the segment's id.
fn files(folder: &TempDir) -> BTreeMap<String, PathBuf> {
    let paths = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let named = paths.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name.split_once('.').filter(|(id, _)| id.len() == 32).map_or(name.clone(), |(_, rest)| rest.to_owned()), path)
    });
    named.filter(|(name, _)| !name.starts_with(".tantivy")).collect()
}

#[test]
fn damage_in_any_file_is_noticed_and_the_index_starts_empty() {
    let names: Vec<_> = files(&closed()).into_keys().collect();
    assert!(names.len() > 6 && names.contains(&"store".to_owned()), "{names:?}");
    for name in names {
        // The lists are JSON without a checksum; half of one is noticed.
        let damages: &[fn(&mut Vec<u8>)] =
            &[|bytes| bytes.truncate(bytes.len() / 2), |bytes| bytes[0] ^= 0x55, |bytes| bytes.clear()];
        for damage in damages {
            let folder = closed();
            let path = &files(&folder)[&name];
            let mut bytes = fs::read(path).unwrap();
            damage(&mut bytes);
            fs::write(path, bytes).unwrap();
            let catalog = Catalog::open(folder.path()).unwrap();
            assert_eq!(catalog.position(), Position::default(), "{name}");
            catalog.apply(&[], at(1)).unwrap();
        }
    }
}

#[test]
fn a_missing_file_is_noticed() {
    let folder = closed();
    fs::remove_file(&files(&folder)["store"]).unwrap();
    assert_eq!(Catalog::open(folder.path()).unwrap().position(), Position::default());
}

#[test]
fn an_index_of_another_version_starts_empty() {
    let folder = closed();
    let path = folder.path().join("meta.json");
    let meta = fs::read_to_string(&path).unwrap();
    let other = meta.replace(r#"\"version\":2"#, r#"\"version\":0"#);
    assert_ne!(other, meta);
    fs::write(&path, other).unwrap();
    assert_eq!(Catalog::open(folder.path()).unwrap().position(), Position::default());
}

#[test]
fn a_folder_that_can_not_be_used_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("taken");
    fs::write(&path, "a file").unwrap();
    let Err(error) = Catalog::open(&path) else { panic!("a file was taken for a folder") };
    assert!(matches!(error, CatalogError::Folder { .. }));
    assert!(error.to_string().contains("taken"), "{error}");
}

#[test]
fn a_second_writer_is_refused_and_the_first_goes_on() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/one", titled("bakery"));
    let second = Catalog::open(desk.folder.path()).unwrap();
    assert!(matches!(second.apply(&[], at(7)), Err(CatalogError::Busy)));
    assert_eq!(second.position(), at(1));
    desk.publish_open("partnerships/two", titled("bakery"));
    assert_eq!(desk.ids_of("bakery"), ["one", "two"]);
}
