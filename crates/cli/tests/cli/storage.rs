//! A database that somebody else holds, and a disk that is full.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sea_orm::{Database, SqliteTransactionMode, TransactionOptions, TransactionTrait as _};

use super::support::{City, agreement, number};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_refuses_a_change_and_loses_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    let node = city.serve();
    let [one, two] = ["one", "two"].map(|id| {
        let file = parent.path().join(id).with_extension("jsonl");
        fs::write(&file, agreement("feira.example", id)).unwrap();
        file
    });
    let import = |file: &Path| node.access.run(["import".as_ref(), file.as_os_str(), "--output=json".as_ref()]);
    assert_eq!(number(&import(&one).json()["progress"]["created"]), 1);

    let other = Database::connect(format!("sqlite://{}", city.folder.join("registry.db").display())).await.unwrap();
    let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
    let lock =
        other.begin_with_options(TransactionOptions { sqlite_transaction_mode, ..Default::default() }).await.unwrap();
    let refused = import(&two);
    let complaint = refused.complaint(3);
    assert!(complaint.contains("[STORAGE_BUSY]") && complaint.contains("nothing was changed"), "{complaint}");
    assert!(complaint.starts_with("0 rows are in"), "{complaint}");
    let refused = node.access.run(["token", "create", "--label", "x", "--role", "viewer"]);
    assert!(refused.complaint(3).contains("[STORAGE_BUSY]"), "{}", refused.stderr);
    assert_eq!(node.access.count("agreement"), 1, "reading goes on");
    lock.rollback().await.unwrap();
    other.close().await.unwrap();

    assert_eq!(number(&import(&two).json()["progress"]["created"]), 1);
    assert_eq!(node.access.count("agreement"), 2);
    assert_eq!(node.access.json(&["token", "list"])["tokens"].as_array().unwrap().len(), 1);
    node.stop();
    let node = city.serve();
    assert_eq!(node.access.count("agreement"), 2);
    node.stop();
}

/// A small disk. Dropping it takes it away.
struct Disk(PathBuf);

impl Disk {
    /// None where this user may not mount one.
    fn mount(folder: &Path) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "isopolity-test"]).arg(folder).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(folder.to_owned()))
    }

    fn enlarge(&self) {
        assert!(Command::new("mount").args(["-o", "remount,size=64m"]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A test that failed leaves its node; a lazy unmounting waits for that.
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_refuses_a_change_and_loses_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let Some(disk) = Disk::mount(&folder) else {
        println!("left out: a small disk can't be mounted here");
        return;
    };
    let city = City::init(&folder, "feira.example");
    let node = city.serve();
    let file = parent.path().join("rows.jsonl");
    fs::write(&file, (0..2_000).map(|row| agreement(&city.id, &format!("row-{row:04}"))).collect::<String>()).unwrap();
    let import = || node.access.run(["import".as_ref(), file.as_os_str(), "--output=json".as_ref()]);
    let refused = import();
    let complaint = refused.complaint(3);
    assert!(complaint.contains("[STORAGE_FULL]"), "{complaint}");
    let kept: i64 = complaint.split(' ').next().unwrap().parse().unwrap();
    assert!((1..2_000).contains(&kept), "{complaint}");
    let first = node.access.run(["get", "cities/feira.example/agreements/row-0000"]);
    assert!(first.text().contains("row-0000"), "reading goes on");

    disk.enlarge();
    let progress = import().json()["progress"].clone();
    assert_eq!((number(&progress["created"]), number(&progress["unchanged"])), (2_000 - kept, kept));
    node.stop();
    let node = city.serve();
    assert_eq!(node.access.count("agreement"), 2_000);
    node.stop();
}
