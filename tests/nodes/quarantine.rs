//! Rows that an import did not take over, and what people do with them.

use bytes::Bytes;
use isopolity_proto::{
    admin::Role,
    registry::{
        DiscardQuarantinedRowRequest, GuessMappingRequest, ImportFormat, ImportStart, ListImportsRequest,
        ListOrganizationsRequest, ListQuarantinedRowsRequest, Organization, QuarantinedRow,
        RedriveQuarantinedRowRequest, RowOutcome, RowReport,
    },
};
use isopolity_tests::{
    Api, TestNode,
    refusal::{fields, reason},
};
use tonic::{Code, Status};

const DANISH: &[u8] = include_bytes!("../data/twin-towns/raw/sweden.tsv");
const ACTIVITIES: &[u8] = include_bytes!("../../crates/exchange/tests/data/iati/activities/caf-local-authorities.xml");

const MAPPING: &str = r#"
kind = "organization"
key = ["Nr"]

[[field]]
to = "display_names[0].text"
column = "Firma"
language = "de"
required = true

[[field]]
to = "kind"
value = "ENTERPRISE"

[[field]]
to = "country"
column = "Land"
country = "name"
"#;

fn table() -> ImportStart {
    ImportStart {
        format: ImportFormat::Table.into(),
        mapping: MAPPING.into(),
        source: "the register".into(),
        ..Default::default()
    }
}

fn raw(city: &str) -> ImportStart {
    ImportStart { format: ImportFormat::TwinTownsRaw.into(), source_city: city.into(), ..Default::default() }
}

async fn rows(api: &Api, parent: &str) -> Vec<QuarantinedRow> {
    let request = ListQuarantinedRowsRequest { parent: parent.into(), ..Default::default() };
    api.imports().list_quarantined_rows(request).await.unwrap().into_inner().rows
}

async fn redrive(api: &Api, request: RedriveQuarantinedRowRequest) -> Result<RowReport, Status> {
    Ok(api.imports().redrive_quarantined_row(request).await?.into_inner().row.unwrap())
}

async fn discard(api: &Api, id: &str) -> Result<(), Status> {
    let request = DiscardQuarantinedRowRequest { quarantined_row: id.into() };
    api.imports().discard_quarantined_row(request).await.map(drop)
}

async fn organizations(node: &TestNode) -> Vec<Organization> {
    let request = ListOrganizationsRequest { parent: node.parent(), ..Default::default() };
    node.api.organizations().list_organizations(request).await.unwrap().into_inner().organizations
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_was_rejected_waits_until_it_is_corrected() {
    let linz = TestNode::start("linz.example").await;
    let file = "Nr;Firma;Land\n1;Bäckerei;Österreich\n2;Mühle;Österreihc\n3;;Marokko\n";
    let imported = linz.api.import(table(), file.as_bytes()).await.unwrap();
    assert_eq!(imported.counts(), (1, 0, 0, 2));
    let waiting = rows(&linz.api, &linz.parent()).await;
    assert_eq!(waiting.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 4]);
    let [mill, nameless] = waiting.as_slice() else { panic!("{waiting:?}") };
    assert_eq!((mill.outcome(), mill.flaws[0].column.as_str()), (RowOutcome::Rejected, "Land"));
    assert_eq!(mill.import_id, imported.progress.import_id);
    let reported: Vec<&str> = imported.rejected.iter().map(|row| row.quarantined_row.as_str()).collect();
    assert_eq!(reported, [mill.quarantined_row.as_str(), nameless.quarantined_row.as_str()]);

    // The same file again brings the same rows, not more of them.
    linz.api.import(table(), file.as_bytes()).await.unwrap();
    let waiting = rows(&linz.api, &linz.parent()).await;
    assert_eq!(waiting.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 4]);
    let [mill, nameless] = waiting.as_slice() else { panic!("{waiting:?}") };

    let again = RedriveQuarantinedRowRequest { quarantined_row: mill.quarantined_row.clone(), ..Default::default() };
    let report = redrive(&linz.api, again.clone()).await.unwrap();
    assert_eq!((report.outcome(), &report.quarantined_row), (RowOutcome::Rejected, &mill.quarantined_row));
    let corrected = String::from_utf8(mill.content.to_vec()).unwrap().replace("Österreihc", "Österreich");
    let again = RedriveQuarantinedRowRequest { content: corrected.into(), ..again };
    let tried = RedriveQuarantinedRowRequest { validate_only: true, ..again.clone() };
    assert_eq!(redrive(&linz.api, tried).await.unwrap().outcome(), RowOutcome::New);
    assert_eq!((organizations(&linz).await.len(), rows(&linz.api, &linz.parent()).await.len()), (1, 2));

    let report = redrive(&linz.api, again.clone()).await.unwrap();
    assert_eq!((report.outcome(), report.line, report.quarantined_row.as_str()), (RowOutcome::New, 3, ""));
    let found = organizations(&linz).await;
    let mill = found.iter().find(|one| report.names == [one.name.clone()]).unwrap();
    assert_eq!((mill.display_names[0].text.as_str(), mill.country.as_str()), ("Mühle", "AT"));
    assert_eq!(mill.provenance.as_ref().unwrap().source, "the register");
    assert_eq!(rows(&linz.api, &linz.parent()).await.len(), 1);
    assert_eq!(redrive(&linz.api, again).await.unwrap_err().code(), Code::NotFound);

    discard(&linz.api, &nameless.quarantined_row).await.unwrap();
    assert_eq!(discard(&linz.api, &nameless.quarantined_row).await.unwrap_err().code(), Code::NotFound);
    assert!(rows(&linz.api, &linz.parent()).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_driven_again_must_be_one_row_and_needs_the_right_to_edit() {
    let linz = TestNode::start("linz.example").await;
    linz.api.import(table(), b"Nr;Firma;Land\n1;Markt;Nirgendwo\n").await.unwrap();
    let id = rows(&linz.api, &linz.parent()).await[0].quarantined_row.clone();
    let with = |content: &str| RedriveQuarantinedRowRequest {
        quarantined_row: id.clone(),
        content: Bytes::copy_from_slice(content.as_bytes()),
        ..Default::default()
    };
    for content in ["Nr;Firma;Land\n", "Nr;Firma;Land\n1;Markt;Marokko\n2;Hof;Marokko\n", &"x".repeat((1 << 20) + 1)] {
        let refused = redrive(&linz.api, with(content)).await.unwrap_err();
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["content".to_owned()]));
    }
    let reader = linz.api.new_token(Role::Viewer).await;
    let reader = linz.api_with(Some(&reader)).await;
    assert_eq!(rows(&reader, &linz.parent()).await.len(), 1);
    let refused = redrive(&reader, with("Nr;Firma;Land\n1;Markt;Marokko\n")).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "RIGHT_MISSING".to_owned()));
    assert_eq!(discard(&reader, &id).await.unwrap_err().code(), Code::PermissionDenied);
    let refused = reader.imports().list_quarantined_rows(ListQuarantinedRowsRequest::default()).await.unwrap_err();
    assert_eq!(fields(&refused), ["parent"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn danish_towns_that_a_source_calls_swedish_are_doubted_and_taken_over_when_somebody_says_so() {
    let city = TestNode::start("holstebro.example").await;
    let imported = city.api.import(raw("Holstebro"), DANISH).await.unwrap();
    let progress = &imported.progress;
    assert_eq!((progress.doubtful, progress.created, progress.rejected), (27, 0, 0));
    assert_eq!(progress.doubtful + progress.skipped, progress.rows);
    let flaw = &imported.rejected[0].flaws[0];
    assert_eq!(flaw.column, "origincountry");
    assert!(flaw.description.contains("SE"), "{flaw:?}");
    assert!(city.api.all_agreements().await.is_empty());

    let waiting = rows(&city.api, &city.parent()).await;
    assert_eq!((waiting.len(), waiting[0].outcome()), (27, RowOutcome::Doubtful));
    let id = waiting[0].quarantined_row.clone();
    let sure = RedriveQuarantinedRowRequest { quarantined_row: id, accept_doubts: true, ..Default::default() };
    assert_eq!(redrive(&city.api, sure).await.unwrap().outcome(), RowOutcome::New);
    assert_eq!(rows(&city.api, &city.parent()).await.len(), 26);

    let corrected = String::from_utf8(DANISH.to_vec()).unwrap().replace("Holstebro\tSweden", "Holstebro\tDenmark");
    let imported = city.api.import(raw("Holstebro"), corrected.as_bytes()).await.unwrap();
    assert_eq!((imported.progress.created, imported.progress.updated, imported.progress.doubtful), (26, 1, 0));
    let sure = ImportStart { accept_doubts: true, ..raw("Holstebro") };
    city.api.import(sure, DANISH).await.unwrap();
    assert!(rows(&city.api, &city.parent()).await.is_empty(), "what is taken over leaves the quarantine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_rows_and_of_imports_go_on_where_the_last_ended() {
    let linz = TestNode::start("linz.example").await;
    let bad = |from: usize| {
        (from..from + 45).fold("Nr;Firma;Land\n".to_owned(), |file, number| format!("{file}{number};Markt;Nirgendwo\n"))
    };
    for from in [0, 100, 200] {
        linz.api.import(table(), bad(from).as_bytes()).await.unwrap();
    }
    let mut request = ListImportsRequest { parent: linz.parent(), page_size: 2, ..Default::default() };
    let first = linz.api.imports().list_imports(request.clone()).await.unwrap().into_inner();
    request.page_token.clone_from(&first.next_page_token);
    let second = linz.api.imports().list_imports(request).await.unwrap().into_inner();
    assert_eq!((first.imports.len(), second.imports.len(), second.next_page_token.as_str()), (2, 1, ""));
    let latest = &first.imports[0];
    assert_eq!((latest.format(), latest.source.as_str()), (ImportFormat::Table, "the register"));
    assert!(latest.progress.as_ref().unwrap().done && !latest.author.is_empty());

    let middle = first.imports[1].import_id.clone();
    for (import_id, expected) in [(String::new(), 135), (middle, 45)] {
        let mut lines = Vec::new();
        let mut request =
            ListQuarantinedRowsRequest { parent: linz.parent(), import_id, page_size: 20, ..Default::default() };
        loop {
            let page = linz.api.imports().list_quarantined_rows(request.clone()).await.unwrap().into_inner();
            assert!(page.rows.len() <= 20);
            lines.extend(page.rows.into_iter().map(|row| row.line));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(lines.len(), expected);
        assert!(lines.chunks(45).all(<[i64]>::is_sorted), "{lines:?}");
        request.import_id = "other".into();
        assert_eq!(
            linz.api.imports().list_quarantined_rows(request).await.map(|page| page.into_inner().rows.len()).ok(),
            None,
            "a token is of one list"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapping_that_was_guessed_brings_the_table_in() {
    let linz = TestNode::start("linz.example").await;
    let file = "Registernummer;Name;Land;Website\n1;Bäckerei;Österreich;https://one.example\n2;Mühle;Marokko;\n";
    let request = GuessMappingRequest {
        head: Bytes::from_static(file.as_bytes()),
        format: ImportFormat::Table.into(),
        kind: "organization".into(),
    };
    let mapping = linz.api.imports().guess_mapping(request.clone()).await.unwrap().into_inner().mapping;
    let start = ImportStart { mapping: mapping.clone(), dry_run: true, ..table() };
    let imported = linz.api.import(start, file.as_bytes()).await.unwrap();
    assert_eq!((imported.progress.rows, imported.rows.len()), (2, 2), "{mapping}");
    let refused = linz.api.imports().guess_mapping(GuessMappingRequest { kind: "boat".into(), ..request }).await;
    assert_eq!(fields(&refused.unwrap_err()), ["kind"]);

    for (start, field) in [
        (ImportStart { mapping: String::new(), ..table() }, "start.mapping"),
        (ImportStart { mapping: "kind = 1".into(), ..table() }, "start.mapping"),
        (ImportStart { format: ImportFormat::JsonLines.into(), ..table() }, "start.mapping"),
        (ImportStart { audience: 99, ..table() }, "start.audience"),
    ] {
        let refused = linz.api.import(start, b"").await.unwrap_err();
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec![field.to_owned()]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activities_that_are_imported_twice_change_nothing() {
    let city = TestNode::start("caf.example").await;
    let start = ImportStart { format: ImportFormat::IatiActivity.into(), ..Default::default() };
    let first = city.api.import(start.clone(), ACTIVITIES).await.unwrap().progress;
    assert_eq!((first.rows, first.created + first.rejected + first.doubtful), (73, 73));
    let second = city.api.import(start, ACTIVITIES).await.unwrap().progress;
    assert_eq!((second.created, second.updated, second.unchanged), (0, 0, first.created));
}
