//! A node that ends while a file comes in: what it acknowledged is there, nothing is half there.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use isopolity_node::client::Client;
use isopolity_proto::{
    catalog::{GetRecordRequest, catalog_service_client::CatalogServiceClient},
    json,
    registry::{
        Agreement, ImportFormat, ImportProgress, ImportRequest, ImportStart, ListAgreementsRequest,
        agreement_service_client::AgreementServiceClient, import_request::Part, import_response::News,
        import_service_client::ImportServiceClient,
    },
};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::support::{Access, City, Ended, PATIENCE, Running, agreement, number};

const CITY: &str = "feira.example";
const ROWS: usize = 20_000;
/// What the node writes at once.
const BATCH: i64 = 200;

fn name(row: usize) -> String {
    format!("cities/{CITY}/agreements/row-{row:05}")
}

fn text() -> String {
    (0..ROWS).map(|row| agreement(CITY, &format!("row-{row:05}"))).collect()
}

fn file(folder: &Path) -> PathBuf {
    let file = folder.join("rows.jsonl");
    fs::write(&file, text()).unwrap();
    file
}

/// The agreements that the file holds, by name.
fn expected() -> BTreeMap<String, Agreement> {
    let agreement = |line: &str| json::tagged_from_str(line).unwrap().transcode_to::<Agreement>().unwrap();
    text().lines().map(agreement).map(|one| (one.name.clone(), one)).collect()
}

/// Imports the file and kills the node when it has acknowledged some batches. Returns the last acknowledgement.
async fn import_until_killed(client: Client, node: &Running) -> ImportProgress {
    let (parts, stream) = mpsc::channel(4);
    tokio::spawn(async move {
        let start = ImportStart { format: ImportFormat::JsonLines.into(), ..Default::default() };
        let text = Bytes::from(text());
        let chunks = (0..text.len()).step_by(64 << 10).map(|at| text.slice(at..text.len().min(at + (64 << 10))));
        for part in [Part::Start(start)].into_iter().chain(chunks.map(Part::Chunk)) {
            if parts.send(ImportRequest { part: Some(part) }).await.is_err() {
                return;
            }
        }
    });
    let mut news = ImportServiceClient::new(client).import(ReceiverStream::new(stream)).await.unwrap().into_inner();
    let mut acknowledged = ImportProgress::default();
    loop {
        match news.message().await {
            Ok(Some(response)) => match response.news {
                Some(News::Progress(progress)) => {
                    assert!(!progress.done, "the import was over before the node was killed");
                    acknowledged = progress;
                    if acknowledged.rows >= 5 * BATCH {
                        node.signal("KILL");
                    }
                }
                other => panic!("{other:?}"),
            },
            Ok(None) => panic!("the import was over before the node was killed"),
            Err(_) => return acknowledged,
        }
    }
}

async fn list(client: Client) -> Vec<Agreement> {
    let mut service = AgreementServiceClient::new(client).max_decoding_message_size(64 << 20);
    let mut request = ListAgreementsRequest {
        parent: format!("cities/{CITY}"),
        page_size: 1_000,
        page_token: String::new(),
        ..Default::default()
    };
    let mut all = Vec::new();
    loop {
        let page = service.list_agreements(request.clone()).await.unwrap().into_inner();
        all.extend(page.agreements);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

/// What the city says, without what the node adds.
fn stated(mut agreement: Agreement) -> Agreement {
    agreement.etag.clear();
    agreement.create_time = None;
    agreement.update_time = None;
    // That it was imported, and when.
    agreement.provenance = None;
    agreement
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_has_every_acknowledged_row_no_half_row_and_takes_the_file_again() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), CITY);
    let node = city.serve();
    let acknowledged = import_until_killed(node.access.connect().await, &node.running).await;
    assert_eq!(node.running.end().code, None, "it ended by itself");
    assert!(acknowledged.rows >= 5 * BATCH && acknowledged.created == acknowledged.rows, "{acknowledged:?}");

    let node = city.serve();
    let client = node.access.connect().await;
    let listed = list(client.clone()).await;
    let found = i64::try_from(listed.len()).unwrap();
    assert!((acknowledged.rows..20_000).contains(&found), "{found} are there, {} acknowledged", acknowledged.rows);
    assert_eq!(found % BATCH, 0, "a batch is half there");
    assert!(listed.iter().enumerate().all(|(row, one)| one.name == name(row)), "it is not the beginning of the file");
    assert_eq!(node.access.count("agreement"), found, "the index has others than the registry");

    let expected = expected();
    let catalog = CatalogServiceClient::new(client);
    stream::iter(listed)
        .map(|one| {
            let (mut catalog, expected) = (catalog.clone(), &expected);
            async move {
                let name = one.name.clone();
                assert_eq!(&stated(one), &expected[&name]);
                let record = catalog
                    .get_record(GetRecordRequest { name: name.clone(), ..Default::default() })
                    .await?
                    .into_inner();
                assert!(record.envelope.is_some() && record.version == 1, "{name}");
                let published = Agreement::decode(record.resource.unwrap().value.as_slice()).unwrap();
                assert_eq!(&stated(published), &expected[&name]);
                Ok::<_, tonic::Status>(())
            }
        })
        .buffer_unordered(8)
        .try_collect::<()>()
        .await
        .unwrap();

    let again = import(&node.access, &file(parent.path())).json();
    let progress = ["created", "unchanged", "updated", "rejected"].map(|key| number(&again["progress"][key]));
    assert_eq!(progress, [20_000 - found, found, 0, 0]);
    assert_eq!(node.access.count("agreement"), 20_000);
    node.stop();
}

fn import_command(node: &Access, file: &Path) -> Running {
    let words = ["import".as_ref(), file.as_os_str(), "--output".as_ref(), "json".as_ref()];
    Running::start(&mut node.command(words))
}

fn import(node: &Access, file: &Path) -> Ended {
    import_command(node, file).end()
}

/// Begins an import and sends the node a signal when some of it is in. Returns how the node and the import ended.
fn interrupted(city: &City, file: &Path, signal: &str) -> (Ended, Ended) {
    let node = city.serve();
    let before = node.access.count("agreement");
    let importing = import_command(&node.access, file);
    let begun = Instant::now();
    let found = || number(&node.access.json(&["search", "--kind", "agreement", "--limit", "1"])["total"]);
    while found() < before + 2 * BATCH {
        assert!(begun.elapsed() < PATIENCE, "the import does not get on");
    }
    node.running.signal(signal);
    (node.running.end(), importing.end())
}

/// How many rows an interrupted import says are in.
fn kept(import: &Ended) -> i64 {
    let line = import.stderr.lines().find_map(|line| line.strip_suffix(" rows are in; import the file again to go on"));
    line.unwrap_or_else(|| panic!("{}", import.stderr)).parse().unwrap()
}

#[test]
fn an_import_says_how_far_it_came_when_its_node_is_killed_or_told_to_end() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), CITY);
    let file = file(parent.path());

    let (node, import) = interrupted(&city, &file, "KILL");
    assert_eq!(node.code, None);
    assert!(import.complaint(4).contains("the connection to the node broke"), "{}", import.stderr);
    let killed = kept(&import);
    assert!(killed >= BATCH, "{killed}");

    let (node, import) = interrupted(&city, &file, "TERM");
    assert_eq!(node.code, Some(0), "{}", node.stderr);
    assert!(import.complaint(3).contains("SHUTTING_DOWN"), "{}", import.stderr);
    let drained = kept(&import);
    assert!(drained > killed, "{drained} after {killed}");

    let node = city.serve();
    assert_eq!(node.access.count("agreement"), drained, "a drained import acknowledges all that it writes");
    node.stop();
}
