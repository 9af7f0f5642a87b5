use std::fs;

use isopolity_proto::options::Audience;

use super::support::{Desk, titled};

fn holds(desk: &Desk, word: &str) -> bool {
    let files = fs::read_dir(desk.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).any(|path| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    })
}

#[tokio::test]
async fn what_was_withdrawn_is_in_no_file_after_a_purge() {
    let mut desk = Desk::new();
    // In one segment: one that holds nothing else would go by itself.
    desk.publish(&[
        ("partnerships/one", Audience::Public, titled("Xylofonova")),
        ("partnerships/two", Audience::Public, titled("Moinho")),
    ]);
    desk.withdraw("partnerships/one");
    assert!(holds(&desk, "Xylofonova"), "it is only marked: there would be nothing to do");
    assert!(desk.catalog.purge().await.unwrap());
    assert!(!holds(&desk, "Xylofonova") && !holds(&desk, "xylofonova"));
    assert_eq!(desk.ids_of("moinho"), ["two"]);
    assert!(desk.catalog.purge().await.unwrap(), "nothing is left to do");
}
