//! Import of files over the wire.

use bytes::Bytes;
use isopolity_proto::registry::{
    ImportFormat, ImportRequest, ImportStart, RowReport, import_request::Part, import_response::News,
};
use isopolity_tests::{
    TestNode,
    clock::eventually,
    refusal::{fields, reason},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

const FILE: &str = include_str!("../data/twin-towns/twin_pairs_eu25.csv");

fn csv() -> ImportStart {
    ImportStart { format: ImportFormat::TwinTownsCsv.into(), source_city: "Barcelona".into(), ..Default::default() }
}

fn json_lines() -> ImportStart {
    ImportStart { format: ImportFormat::JsonLines.into(), ..Default::default() }
}

/// The header, Barcelona's 35 rows, and those of another city.
fn rows() -> (String, Vec<&'static str>, Vec<&'static str>) {
    let header = FILE.lines().next().unwrap();
    let of = |city: &str| FILE.lines().filter(|line| line.starts_with(city)).collect::<Vec<_>>();
    (format!("{header}\n"), of("Barcelona,ES,"), of("Abtenau,"))
}

/// Line, column and whether the description holds these words.
fn tells(row: &RowReport, line: i64, column: &str, words: &str) {
    let flaw = &row.flaws[0];
    assert_eq!((row.line, flaw.column.as_str()), (line, column), "{row:?}");
    assert!(flaw.description.contains(words), "{row:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_row_is_named_by_line_and_column_and_stops_no_other() {
    let barcelona = TestNode::start("barcelona.example").await;
    let (header, good, _) = rows();
    let bad = [
        ("Barcelona,ES,41.4,2.2,,Nowhere,ZZ,x,1,1,,1,0", "partner_country", "ZZ"),
        ("Barcelona,ES,41.4,2.2,,,CV,x,1,1,,1,0", "partner", "required"),
        ("Barcelona,ES,41.4,2.2,,North,CV,x,95,1,,1,0", "partner_lat", "95"),
        ("Barcelona,ES,41.4,2.2,,East,CV,x,1,east,,1,0", "partner_lon", "east"),
        ("Barcelona,ES,41.4,2.2,,Half,CV,x,1,,,1,0", "partner_lon", "missing"),
        ("Barcelona,ES,41.4,2.2,,Crowd,CV,x,1,1,many,1,0", "partner_population", "many"),
        ("Barcelona,ES,41.4", "", "cells"),
    ];
    let mut file = header;
    for (row, ..) in &bad {
        file.push_str(good[0]);
        file.push('\n');
        file.push_str(row);
        file.push('\n');
    }
    file.push_str(good[1]);
    for dry_run in [true, false] {
        let imported = barcelona.api.import(ImportStart { dry_run, ..csv() }, file.as_bytes()).await.unwrap();
        assert_eq!(imported.rejected.len(), bad.len());
        for ((at, (_, column, words)), row) in (0_i64..).zip(bad).zip(&imported.rejected) {
            tells(row, 2 * at + 3, column, words);
        }
        let (created, updated, unchanged, rejected) = imported.counts();
        assert_eq!((created + unchanged, updated, rejected), (8, 0, 7), "{dry_run}");
    }
    assert_eq!(barcelona.api.all_agreements().await.len(), 2);

    for (what, file, words) in [
        ("another file", "a,b\n1,2\n", "partner_country"),
        ("nothing", "", "header"),
        ("an open quote", &format!("{}\"Barcelona,{}", rows().0, "x".repeat(3 << 20)), "longer than"),
    ] {
        let imported = barcelona.api.import(csv(), file.as_bytes()).await.unwrap();
        assert!(imported.rejected.iter().any(|row| row.flaws[0].description.contains(words)), "{what}: {imported:?}");
        assert_eq!(imported.counts().0, 0, "{what}");
    }
    let mut latin = rows().0.into_bytes();
    latin.extend(b"Barcelona,ES,41.4,2.2,,Montr\xe9al,CA,x,1,1,,1,0\n");
    let imported = barcelona.api.import(csv(), &latin).await.unwrap();
    tells(&imported.rejected[0], 2, "partner", "UTF-8");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_lines_tell_every_kind_of_error_with_its_place() {
    let feira = TestNode::start("feira.example").await;
    let kind = |kind: &str| format!("\"@type\":\"type.googleapis.com/isopolity.registry.v1.{kind}\"");
    let organization = |id: &str, country: &str| {
        format!(
            "{{{},\"name\":\"cities/feira.example/organizations/{id}\",\"audience\":\"AUDIENCE_PUBLIC\",\
             \"displayNames\":[{{\"text\":\"Mill\",\"language\":\"en\"}}],\
             \"kind\":\"ORGANIZATION_KIND_ENTERPRISE\",\"country\":\"{country}\"}}",
            kind("Organization")
        )
    };
    let partnership = |id: &str, organization: &str| {
        format!(
            "{{{},\"name\":\"cities/feira.example/partnerships/{id}\",\"audience\":\"AUDIENCE_PUBLIC\",\
             \"titles\":[{{\"text\":\"Bread\",\"language\":\"en\"}}],\"originCountries\":[\"MA\"],\
             \"stage\":\"PARTNERSHIP_STAGE_LAUNCH\",\"sectors\":[{{\"scheme\":\"SECTOR_SCHEME_NACE\",\
             \"version\":\"2.1\",\"code\":\"10.71\"}}],\"participants\":[{{\"organization\":\
             \"cities/feira.example/organizations/{organization}\",\"roles\":[\"PARTICIPANT_ROLE_ENTERPRISE\"],\
             \"side\":\"SIDE_ORIGIN\"}},{{\"displayNames\":[{{\"text\":\"Bakery\",\"language\":\"en\"}}],\
             \"roles\":[\"PARTICIPANT_ROLE_ENTERPRISE\"],\"side\":\"SIDE_DESTINATION\"}}]}}",
            kind("Partnership")
        )
    };
    let long = format!("{{\"x\":\"{}\"}}", "y".repeat(1 << 20));
    let lines: Vec<(String, Option<(&str, &str)>)> = vec![
        (organization("mill", "MA"), None),
        ("{".into(), Some(("", "EOF"))),
        ("[]".into(), Some(("@type", "@type"))),
        ("{}".into(), Some(("@type", "@type"))),
        ("{\"@type\":\"type.googleapis.com/isopolity.type.v1.Place\"}".into(), Some(("@type", "not a kind"))),
        (format!("{{{}}}", kind("Organization")), Some(("name", "required"))),
        (format!("{{{},\"naem\":\"x\"}}", kind("Organization")), Some(("", "naem"))),
        (format!("{{{},\"name\":\"mill\"}}", kind("Organization")), Some(("name", "mill"))),
        (organization("other", "MA").replace("feira", "geneve"), Some(("name", "geneve.example"))),
        (organization("bad", "XX"), Some(("country", "XX"))),
        (
            organization("bare", "MA").replace("\"country\":\"MA\"", "\"website\":\"mill\""),
            Some(("website", "https://")),
        ),
        (String::new(), None),
        (partnership("bread", "mill"), None),
        (partnership("cake", "nobody"), Some(("participants[0].organization", "does not exist"))),
        (partnership("pie", "bad"), Some(("participants[0].organization", "does not exist"))),
        (long, Some(("", "longer than"))),
        (organization("mill", "MA"), None),
        (organization("mill", "TN"), None),
    ];
    let file = lines.iter().fold(String::new(), |file, (line, _)| file + line + "\n");
    for dry_run in [true, false] {
        let imported = feira.api.import(ImportStart { dry_run, ..json_lines() }, file.as_bytes()).await.unwrap();
        let mut rejected = imported.rejected.clone();
        rejected.sort_by_key(|row| row.line);
        let expected = (1_i64..).zip(&lines).filter_map(|(line, (_, expected))| Some((line, expected.as_ref()?)));
        let expected: Vec<_> = expected.collect();
        assert_eq!(rejected.len(), expected.len(), "{dry_run}: {rejected:?}");
        for (row, (line, (column, words))) in rejected.iter().zip(expected) {
            tells(row, line, column, words);
        }
        if !dry_run {
            // A row that says the same of what stands there already changes nothing; the last word holds.
            assert_eq!(imported.counts(), (2, 1, 1, 13));
        }
        assert_eq!(feira.api.get("cities/feira.example/partnerships/bread").await.is_ok(), !dry_run);
    }
    let mut latin = b"{\"a\":\"".to_vec();
    latin.extend(b"\xe9\"}\n");
    let imported = feira.api.import(json_lines(), &latin).await.unwrap();
    assert_eq!((imported.rejected[0].line, imported.rejected[0].flaws[0].character), (1, 7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_off_in_a_row_leaves_whole_rows_and_the_file_completes_it() {
    let barcelona = TestNode::start("barcelona.example").await;
    let (header, own, other) = rows();
    assert_eq!(own.len(), 35);
    // Progress is told after 200 rows: 19 are Barcelona's. The next one lacks its last byte only.
    let others = other.iter().cycle().take(181).copied();
    let whole: Vec<&str> = own[..19].iter().copied().chain(others).collect();
    let row = own[19];
    let chunk = format!("{header}{}\n{}", whole.join("\n"), &row[..row.len() - 1]);

    let (requests, stream) = mpsc::channel(10);
    for part in [Part::Start(csv()), Part::Chunk(Bytes::from(chunk))] {
        requests.send(ImportRequest { part: Some(part) }).await.unwrap();
    }
    let mut news = barcelona.api.imports().import(ReceiverStream::new(stream)).await.unwrap().into_inner();
    let progress = loop {
        match news.message().await.unwrap().unwrap().news.unwrap() {
            News::Progress(progress) if progress.rows == 200 => break progress,
            _ => {}
        }
    };
    assert_eq!((progress.created, progress.done), (19, false));
    assert_eq!(barcelona.api.all_agreements().await.len(), 19, "what progress counts is durable");
    // The client goes away in the middle of the row.
    drop(news);

    let imported = barcelona.api.import(csv(), FILE.as_bytes()).await.unwrap();
    assert_eq!(imported.counts(), (16, 0, 19, 0), "the half row was not imported");
    assert_eq!(barcelona.api.all_agreements().await.len(), 35);
    let question = isopolity_proto::federation::Question { kinds: vec!["agreement".into()], ..Default::default() };
    assert_eq!(barcelona.api.ask(question).await.total, 35);
    drop(requests);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_no_file_is_refused() {
    let barcelona = TestNode::start("barcelona.example").await;
    let chunk = || Part::Chunk(Bytes::from_static(b"{}\n"));
    for (what, parts, expected, field) in [
        ("nothing", vec![], "FIELD_REQUIRED", "start"),
        ("no start", vec![chunk()], "FIELD_REQUIRED", "start"),
        ("two starts", vec![Part::Start(json_lines()), Part::Start(json_lines())], "FIELD_INVALID", "start"),
        ("no format", vec![Part::Start(ImportStart::default())], "FIELD_REQUIRED", "start.format"),
        (
            "a long source",
            vec![Part::Start(ImportStart { source: "s".repeat(501), ..json_lines() })],
            "FIELD_INVALID",
            "start.source",
        ),
        (
            "too large a chunk",
            vec![Part::Start(json_lines()), Part::Chunk(vec![b' '; (1 << 20) + 1].into())],
            "FIELD_INVALID",
            "chunk",
        ),
    ] {
        let refused = barcelona.api.import_parts(parts).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, expected.to_owned()), "{what}");
        assert_eq!(fields(&refused), [field], "{what}");
    }
    let empty = barcelona.api.import_parts(vec![Part::Start(json_lines())]).await.unwrap();
    assert!(empty.progress.done && empty.progress.rows == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_stopped_during_an_import_keeps_whole_rows_and_the_file_completes_it() {
    let mut barcelona = TestNode::start("barcelona.example").await;
    let (header, own, _) = rows();
    let (requests, stream) = mpsc::channel(10);
    let half = format!("{header}{}\n{}", own[..10].join("\n"), &own[10][..20]);
    for part in [Part::Start(csv()), Part::Chunk(Bytes::from(half))] {
        requests.send(ImportRequest { part: Some(part) }).await.unwrap();
    }
    let mut news = barcelona.api.imports().import(ReceiverStream::new(stream)).await.unwrap().into_inner();
    let told = tokio::spawn(async move {
        loop {
            match news.message().await {
                Ok(Some(_)) => {}
                other => return other,
            }
        }
    });
    barcelona.stop().await;
    let refused = told.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    drop(requests);

    barcelona.start_again().await;
    let kept = barcelona.api.all_agreements().await.len();
    assert!(kept <= 10, "{kept}");
    let imported = barcelona.api.import(csv(), FILE.as_bytes()).await.unwrap();
    let kept = i64::try_from(kept).unwrap();
    assert_eq!(imported.counts(), (35 - kept, 0, kept, 0));
    eventually("all are found", async || {
        let question = isopolity_proto::federation::Question { kinds: vec!["agreement".into()], ..Default::default() };
        (barcelona.api.ask(question).await.total == 35).then_some(())
    })
    .await;
}

/// The real activities of local authorities that a development bank publishes, and of an organisation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_activity_of_real_publishers_is_taken_over_and_says_nothing_new_the_second_time() {
    let feira = TestNode::start("feira.example").await;
    let start = || ImportStart { format: ImportFormat::IatiActivity.into(), ..Default::default() };
    let files: [(&[u8], i64); 3] = [
        (include_bytes!("../../crates/exchange/tests/data/iati/activities/caf-local-authorities.xml"), 73),
        (include_bytes!("../../crates/exchange/tests/data/iati/activities/acfspain-ph.xml"), 6),
        (include_bytes!("../../crates/exchange/tests/data/iati/activities/example-annotated-2.03.xml"), 1),
    ];
    for (file, activities) in files {
        let imported = feira.api.import(start(), file).await.unwrap();
        assert_eq!(imported.counts(), (activities, 0, 0, 0), "{:?}", imported.rejected);
        let again = feira.api.import(start(), file).await.unwrap();
        assert_eq!(again.counts(), (0, 0, activities, 0), "{:?}", again.rejected);
    }
}
