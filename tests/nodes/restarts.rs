//! Stopping and starting, and what is left on the disk.

use std::{fs, path::Path};

use isopolity_node::{Config, Node};
use isopolity_proto::{
    catalog::Outcome,
    registry::{ImportFormat, ImportStart},
};
use isopolity_registry::error::with_causes;
use isopolity_tests::{
    TestNode, federation,
    sample::{names, outcome, partnership, partnerships},
};

/// How a configuration is made wrong.
type Change<'a> = dyn Fn(&mut Config) + 'a;

const FILE: &[u8] = include_bytes!("../data/twin-towns/twin_pairs_eu25.csv");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_index_that_is_deleted_is_built_again() {
    let mut barcelona = TestNode::start("barcelona.example").await;
    let start = ImportStart {
        format: ImportFormat::TwinTownsCsv.into(),
        source_city: "Barcelona".into(),
        ..Default::default()
    };
    barcelona.api.import(start, FILE).await.unwrap();
    let gone = barcelona.api.create("gone", partnership("Gone", "MA")).await;
    barcelona.api.delete(&gone.name, "").await.unwrap();
    let everything = || isopolity_proto::federation::Question::default();
    let before = barcelona.api.ask(everything()).await;
    assert_eq!(before.total, 36);

    barcelona.stop().await;
    fs::remove_dir_all(barcelona.folder().join("index")).unwrap();
    barcelona.start_again().await;
    let after = barcelona.api.ask(everything()).await;
    assert_eq!((names(&after), after.total), (names(&before), 36));
    let node = barcelona.api.node().await;
    assert_eq!((node.indexed_sequence, node.published_sequence), (40, 40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_lagged_goes_on_from_where_it_was() {
    let mut feira = TestNode::start("feira.example").await;
    feira.api.create("first", partnership("First", "MA")).await;
    assert_eq!(feira.api.ask(partnerships()).await.total, 1);
    // An index of an earlier day, as a backup of the folder would bring it back.
    feira.stop().await;
    let (index, kept) = (feira.folder().join("index"), feira.folder().join("kept"));
    copy(&index, &kept);
    feira.start_again().await;
    feira.api.create("second", partnership("Second", "MA")).await;
    feira.api.delete("cities/feira.example/partnerships/first", "").await.unwrap();
    assert_eq!(feira.api.ask(partnerships()).await.total, 1);
    feira.stop().await;
    fs::remove_dir_all(&index).unwrap();
    copy(&kept, &index);
    feira.start_again().await;
    let answer = feira.api.ask(partnerships()).await;
    assert_eq!(names(&answer), ["cities/feira.example/partnerships/second"]);
    assert_eq!(outcome(&answer, "feira.example").outcome(), Outcome::Answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_city_may_restart_while_the_others_ask() {
    let mut cities = federation::of(["feira.example", "geneve.example", "kenitra.example"]).await;
    for city in &cities {
        city.api.create("one", partnership("One", "MA")).await;
    }
    for at in 0..cities.len() {
        cities[at].restart().await;
        for city in &cities {
            let answer = city.api.ask(partnerships()).await;
            assert_eq!(answer.total, 3, "{} asks: {:?}", city.city(), answer.outcomes);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_says_what_keeps_it_from_starting_and_damages_nothing() {
    let (mut feira, geneve) = (TestNode::start("feira.example").await, TestNode::start("geneve.example").await);
    let created = feira.api.create("bread", partnership("Bread", "MA")).await;
    let (taken, folder, clock) = (geneve.node().api_address(), feira.folder().to_owned(), feira.clock.clone());
    let start = async |change: &Change<'_>| {
        let mut config = Config::load(&folder, []).unwrap();
        change(&mut config);
        match Node::start(config, clock.clone()).await {
            Ok(_) => panic!("it started"),
            // As the command line prints it.
            Err(error) => with_causes(&error),
        }
    };
    let error = start(&|_| ()).await;
    assert!(error.contains("a node runs in this folder already"), "{error}");
    assert_eq!(feira.api.get(&created.name).await.unwrap(), created, "the node that runs does not notice");
    feira.stop().await;

    let key = folder.join("trust").join("record.key");
    let secret = fs::read(&key).unwrap();
    let cases: [(&Change<'_>, [&str; 2]); 4] = [
        (&|config| config.api.listen = taken, ["api.listen", &taken.to_string()]),
        (&|config| config.city = "geneve.example".parse().unwrap(), ["ca.pem", "geneve.example"]),
        (&|config| config.storage.url = "sqlite://nowhere/registry.db".into(), ["nowhere/registry.db", "folder"]),
        (&|config| config.storage.url = "postgres://me:secret@127.0.0.1:1/none".into(), ["127.0.0.1:1/none", ""]),
    ];
    for (change, words) in cases {
        let error = start(change).await;
        assert!(words.iter().all(|words| error.contains(words)), "{error}");
        assert!(!error.contains("secret") && !error.contains('\n'), "{error}");
    }
    fs::write(&key, "no key").unwrap();
    let error = start(&|_| ()).await;
    assert!(error.contains("record.key"), "{error}");
    fs::write(&key, secret).unwrap();

    feira.start_again().await;
    assert_eq!(feira.api.get(&created.name).await.unwrap(), created);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
