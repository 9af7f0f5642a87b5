//! Export of files over the wire.

use isopolity_proto::{
    admin::Role,
    options::Audience,
    registry::{
        ExportFormat, ExportRequest, ImportFormat, ImportStart, Organization, Partnership,
        export_service_client::ExportServiceClient,
    },
};
use isopolity_tests::{
    Api, TestNode,
    refusal::{fields, reason},
    sample::{organization, partnership},
};
use tonic::{Code, Status};

/// What was exported.
#[derive(Debug, Default)]
struct Exported {
    file: Vec<u8>,
    pieces: Vec<usize>,
    records: i64,
    left_out: i64,
}

impl Exported {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.file).unwrap()
    }

    /// The names of the resources in a file of JSON Lines.
    fn names(&self) -> Vec<&str> {
        self.text().lines().filter_map(|line| line.split("\"name\":\"").nth(1)?.split('"').next()).collect()
    }
}

async fn export(api: &Api, request: ExportRequest) -> Result<Exported, Status> {
    let mut responses = ExportServiceClient::new(api.client.clone()).export(request).await?.into_inner();
    let mut exported = Exported::default();
    while let Some(response) = responses.message().await? {
        exported.file.extend_from_slice(&response.chunk);
        exported.pieces.push(response.chunk.len());
        assert!(response.records >= exported.records, "counts only grow");
        (exported.records, exported.left_out) = (response.records, response.left_out);
    }
    Ok(exported)
}

fn of(node: &TestNode, format: ExportFormat, audience: Audience, kinds: &[&str]) -> ExportRequest {
    ExportRequest {
        parent: node.parent(),
        format: format.into(),
        audience: audience.into(),
        kinds: kinds.iter().map(|&kind| kind.into()).collect(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_looks_like_a_formula_stays_a_text() {
    let feira = TestNode::start("feira.example").await;
    let evil = ["=HYPERLINK(\"http://evil\")", "+1", "-2+3", "@x", "\t=1", "'=quoted"];
    for (at, name) in evil.iter().enumerate() {
        feira.api.create_organization(&format!("evil-{at}"), organization(name, "MA")).await;
    }
    let request = of(&feira, ExportFormat::Csv, Audience::Internal, &["organization"]);
    let exported = export(&feira.api, request).await.unwrap();
    assert_eq!(exported.records, 6);
    let mut file = csv::Reader::from_reader(exported.text().trim_start_matches('\u{feff}').as_bytes());
    let column = file.headers().unwrap().iter().position(|name| name == "display_names[0].text").unwrap();
    let mut seen = 0;
    for (row, name) in file.records().zip(evil) {
        let row = row.unwrap();
        for cell in &row {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
        }
        assert_eq!(row[column].strip_prefix('\''), Some(name), "an apostrophe is all that is added");
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_holds_what_its_audience_may_see_and_no_more() {
    let feira = TestNode::plan("feira.example").open_to_everyone().start().await;
    let told = Partnership {
        lessons: vec![isopolity_tests::sample::text("what partners learn", "en")],
        internal_notes: "what only the office knows".into(),
        ..partnership("Bread", "MA")
    };
    feira.api.create("bread", told).await;
    let hidden = Partnership { audience: Audience::Internal.into(), ..partnership("Secret", "MA") };
    feira.api.create("secret", hidden).await;

    let anyone = feira.api_with(None).await;
    for format in [ExportFormat::JsonLines, ExportFormat::Csv] {
        let ask = |audience| of(&feira, format, audience, &["partnership"]);
        let public = export(&anyone, ask(Audience::Unspecified)).await.unwrap();
        let federation = export(&feira.api, ask(Audience::Federation)).await.unwrap();
        let internal = export(&feira.api, ask(Audience::Internal)).await.unwrap();
        let holds = |exported: &Exported| {
            ["Bread", "what partners learn", "what only the office knows", "Secret"]
                .map(|text| exported.text().contains(text))
        };
        assert_eq!(holds(&public), [true, false, false, false], "{format:?}");
        assert_eq!(holds(&federation), [true, true, false, false], "{format:?}");
        assert_eq!(holds(&internal), [true, true, true, true], "{format:?}");
        assert_eq!([public.records, federation.records, internal.records], [1, 1, 2], "{format:?}");

        for audience in [Audience::Federation, Audience::Internal] {
            let refused = export(&anyone, ask(audience)).await.unwrap_err();
            assert_eq!(reason(&refused), (Code::Unauthenticated, "TOKEN_MISSING".into()), "{audience:?}");
        }
    }
    let reader = feira.api_with(Some(&feira.api.new_token(Role::Viewer).await)).await;
    let internal = of(&feira, ExportFormat::JsonLines, Audience::Internal, &["partnership"]);
    assert_eq!(export(&reader, internal).await.unwrap().records, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exported_as_json_lines_makes_the_same_city_again() {
    let feira = TestNode::start("feira.example").await;
    feira.api.create_organization("mill", organization("A mill", "MA")).await;
    feira.api.create_agreement("twins", isopolity_tests::sample::agreement("feira.example", "Twins", "MA")).await;
    let mut with_mill = partnership("Bread", "MA");
    with_mill.participants[1].organization = format!("{}/organizations/mill", feira.parent());
    feira.api.create("bread", with_mill).await;
    let everything = of(&feira, ExportFormat::JsonLines, Audience::Internal, &[]);
    let first = export(&feira.api, everything.clone()).await.unwrap();

    let again = TestNode::start("feira.example").await;
    let start = ImportStart { format: ImportFormat::JsonLines.into(), ..Default::default() };
    let imported = again.api.import(start, &first.file).await.unwrap();
    assert!(imported.rejected.is_empty(), "{:?}", imported.rejected);
    let second = export(&again.api, everything).await.unwrap();
    assert_eq!(first.names(), second.names());
    assert_eq!(first.records, second.records);
    assert!(first.names().len() >= 4, "{:?}", first.names());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_comes_in_pieces_with_every_record_once() {
    let feira = TestNode::start("feira.example").await;
    let long = "x".repeat(2_000);
    let file = (0..250).fold(String::new(), |file, at| {
        file + &format!(
            "{{\"@type\":\"type.googleapis.com/isopolity.registry.v1.Organization\",\"name\":\"{}/organizations/o-{at:03}\",\
             \"audience\":\"AUDIENCE_PUBLIC\",\"displayNames\":[{{\"text\":\"O {at}\",\"language\":\"en\"}}],\
             \"kind\":\"ORGANIZATION_KIND_ENTERPRISE\",\"country\":\"MA\",\
             \"summaries\":[{{\"text\":\"{long}\",\"language\":\"en\"}}]}}\n",
            feira.parent()
        )
    });
    let start = ImportStart { format: ImportFormat::JsonLines.into(), ..Default::default() };
    assert_eq!(feira.api.import(start, file.as_bytes()).await.unwrap().counts(), (250, 0, 0, 0));
    let request = of(&feira, ExportFormat::JsonLines, Audience::Public, &["organization"]);
    let exported = export(&feira.api, request.clone()).await.unwrap();
    assert_eq!((exported.records, exported.left_out), (250, 0));
    assert!(
        exported.pieces.len() > 1 && exported.pieces.iter().all(|&size| size <= 256 << 10),
        "{:?}",
        exported.pieces
    );
    let expected: Vec<String> = (0..250).map(|at| format!("{}/organizations/o-{at:03}", feira.parent())).collect();
    assert_eq!(exported.names(), expected);

    let filtered = ExportRequest { filter: "display_names.text = \"O 7\"".into(), ..request };
    assert_eq!(export(&feira.api, filtered).await.unwrap().names(), [expected[7].as_str()]);

    let workbook = export(&feira.api, of(&feira, ExportFormat::Xlsx, Audience::Public, &[])).await.unwrap();
    // 250 organisations and the city's profile.
    assert_eq!((workbook.records, workbook.left_out), (251, 0));
    assert!(workbook.file.starts_with(b"PK"), "a workbook is a ZIP archive");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activities_name_the_organisations_that_the_audience_sees() {
    let feira = TestNode::start("feira.example").await;
    let ask = |audience| of(&feira, ExportFormat::IatiActivity, audience, &[]);
    let refused = export(&feira.api, ask(Audience::Public)).await.unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::NotFound, "RESOURCE_NOT_FOUND".into()),
        "a file without activities is not IATI"
    );

    feira.api.create_organization("mill", organization("A mill by its record", "MA")).await;
    let hidden = Organization { audience: Audience::Internal.into(), ..organization("A hidden baker", "PT") };
    feira.api.create_organization("baker", hidden).await;
    let mut bread = partnership("Bread", "MA");
    bread.participants[0].organization = format!("{}/organizations/baker", feira.parent());
    bread.participants[1].organization = format!("{}/organizations/mill", feira.parent());
    feira.api.create("bread", bread).await;
    let public = export(&feira.api, ask(Audience::Public)).await.unwrap();
    let internal = export(&feira.api, ask(Audience::Internal)).await.unwrap();
    let holds = |exported: &Exported| {
        ["Bread", "A mill by its record", "A hidden baker"].map(|text| exported.text().contains(text))
    };
    assert_eq!((holds(&public), public.records), ([true, true, false], 1), "{}", public.text());
    assert_eq!((holds(&internal), internal.records), ([true, true, true], 1), "{}", internal.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_is_not_exported() {
    let feira = TestNode::start("feira.example").await;
    let bread = feira.api.create("bread", partnership("Bread", "MA")).await;
    feira.api.create("cake", partnership("Cake", "MA")).await;
    feira.api.delete(&bread.name, "").await.unwrap();
    let request = of(&feira, ExportFormat::JsonLines, Audience::Internal, &["partnership"]);
    assert_eq!(export(&feira.api, request).await.unwrap().names(), ["cities/feira.example/partnerships/cake"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_describes_the_kinds_that_there_are() {
    let feira = TestNode::plan("feira.example").open_to_everyone().start().await;
    feira.api.create_organization("mill", organization("A mill", "MA")).await;
    let hidden = Organization { audience: Audience::Internal.into(), ..organization("Nobody's business", "MA") };
    feira.api.create_organization("hidden", hidden).await;
    let anyone = feira.api_with(None).await;
    let exported = export(&anyone, of(&feira, ExportFormat::Dcat, Audience::Unspecified, &[])).await.unwrap();
    let text = exported.text();
    assert!(text.contains("#dataset-organization") && text.contains("#dataset-city"), "{text}");
    assert!(!text.contains("#dataset-partnership"), "there are no partnerships");
    // One organisation and one city; the hidden one is not even counted.
    assert_eq!(text.matches("{\"@type\":\"xsd:integer\",\"@value\":\"1\"}").count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused_before_anything_is_written() {
    let feira = TestNode::start("feira.example").await;
    let good = of(&feira, ExportFormat::JsonLines, Audience::Public, &["partnership"]);
    for (what, request, expected, field) in [
        ("no parent", ExportRequest { parent: String::new(), ..good.clone() }, "FIELD_REQUIRED", "parent"),
        (
            "another city",
            ExportRequest { parent: "cities/geneve.example".into(), ..good.clone() },
            "FIELD_INVALID",
            "parent",
        ),
        ("no format", ExportRequest { format: 0, ..good.clone() }, "FIELD_REQUIRED", "format"),
        ("an unknown format", ExportRequest { format: 99, ..good.clone() }, "FIELD_INVALID", "format"),
        ("an unknown audience", ExportRequest { audience: 99, ..good.clone() }, "FIELD_INVALID", "audience"),
        (
            "an unknown kind",
            ExportRequest { kinds: vec!["partnerships".into()], ..good.clone() },
            "FIELD_INVALID",
            "kinds",
        ),
        (
            "two kinds of CSV",
            of(&feira, ExportFormat::Csv, Audience::Public, &["partnership", "place"]),
            "FIELD_INVALID",
            "kinds",
        ),
        ("no kind of CSV", of(&feira, ExportFormat::Csv, Audience::Public, &[]), "FIELD_INVALID", "kinds"),
        (
            "a filter over all kinds",
            ExportRequest { kinds: Vec::new(), filter: "stage = LAUNCH".into(), ..good.clone() },
            "FIELD_INVALID",
            "filter",
        ),
        ("a filter of no form", ExportRequest { filter: "stage =".into(), ..good.clone() }, "FILTER_INVALID", "filter"),
        (
            "a filter on what the audience does not see",
            ExportRequest { filter: "internal_notes:secret".into(), ..good.clone() },
            "FILTER_INVALID",
            "filter",
        ),
    ] {
        let refused = export(&feira.api, request).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, expected.to_owned()), "{what}: {refused:?}");
        assert_eq!(fields(&refused), [field], "{what}");
    }
    let anyone = feira.api_with(None).await;
    let refused = export(&anyone, good).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unauthenticated, "TOKEN_MISSING".into()));
}
