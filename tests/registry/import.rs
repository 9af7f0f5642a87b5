//! What becomes of files: plans, repetitions, and imports that break off at any byte.

use std::io;

use bytes::Bytes;
use isopolity_domain::Kind;
use isopolity_proto::{
    options::Audience,
    registry::{
        Agreement, ImportFormat, ImportProgress, ImportRun, ImportStart, ListImportsRequest,
        ListQuarantinedRowsRequest, RowOutcome, RowReport,
    },
    to_dynamic,
    types::LocalizedText,
};
use isopolity_registry::{
    author::{List, Terms},
    import::News,
};
use isopolity_tests::{Resident, Town, clock::eventually, town::administrator};
use tokio::sync::mpsc;

const HEADER: &str = "city,city_country,city_lat,city_lon,city_population,partner,partner_country,\
                      partner_country_label,partner_lat,partner_lon,partner_population,distance_km,partner_in_eu27\n";

/// Imports these bytes; then the file ends, or breaks off.
async fn import(city: &Resident, format: ImportFormat, file: &[u8], breaks_off: bool) -> (ImportProgress, usize) {
    let (progress, rows) = import_as(city, start(format), file, breaks_off).await;
    (progress, rows.len())
}

fn start(format: ImportFormat) -> ImportStart {
    ImportStart { format: format.into(), source_city: "Lisbon".into(), ..Default::default() }
}

/// The same on other terms. Returns the rows that were reported.
async fn import_as(
    city: &Resident,
    start: ImportStart,
    file: &[u8],
    breaks_off: bool,
) -> (ImportProgress, Vec<RowReport>) {
    let (chunks, received) = mpsc::channel(1_000);
    for chunk in file.chunks(97) {
        chunks.send(Ok(Bytes::copy_from_slice(chunk))).await.unwrap();
    }
    if breaks_off {
        chunks.send(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file broke off"))).await.unwrap();
    }
    drop(chunks);
    let (news, mut heard) = mpsc::channel(1_000);
    let progress = city.registry.import(&administrator(), start, received, news).await.unwrap();
    assert_eq!(progress.done, !breaks_off);
    let mut rows = Vec::new();
    while let Some(news) = heard.recv().await {
        if let News::Row(row) = news {
            rows.push(row);
        }
    }
    (progress, rows)
}

/// What became of rows: line, outcome and columns of flaws.
fn outcomes(rows: &[RowReport]) -> Vec<(i64, RowOutcome, Vec<String>)> {
    let columns = |row: &RowReport| row.flaws.iter().map(|flaw| flaw.column.clone()).collect();
    rows.iter().map(|row| (row.line, row.outcome(), columns(row))).collect()
}

fn organization(id: &str, more: &str) -> String {
    format!(
        "{{\"@type\":\"type.googleapis.com/isopolity.registry.v1.Organization\",\
         \"name\":\"cities/lisboa.example/organizations/{id}\",\
         \"displayNames\":[{{\"text\":\"Padaria\",\"language\":\"pt\"}}],\
         \"kind\":\"ORGANIZATION_KIND_ENTERPRISE\"{more}}}\n"
    )
}

async fn quarantined(city: &Resident) -> usize {
    let request = ListQuarantinedRowsRequest { parent: format!("cities/{}", city.city()), ..Default::default() };
    city.registry.list_quarantined_rows(&administrator(), &request).await.unwrap().rows.len()
}

async fn imports(city: &Resident) -> Vec<ImportRun> {
    let request = ListImportsRequest { parent: format!("cities/{}", city.city()), ..Default::default() };
    city.registry.list_imports(&administrator(), &request).await.unwrap().imports
}

async fn kept(city: &Resident, kind: Kind) -> usize {
    let parent = format!("cities/{}", city.city());
    city.registry
        .list(&administrator(), List { page_size: 1_000, ..List::of(kind, &parent) })
        .await
        .unwrap()
        .resources
        .len()
}

#[tokio::test]
async fn json_lines_that_break_off_anywhere_leave_whole_rows_only() {
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let mut before = 0;
    for at in (0..700).step_by(41) {
        let row = |id: &str| {
            format!(
                "{{\"@type\":\"type.googleapis.com/isopolity.registry.v1.Organization\",\
                 \"name\":\"cities/lisboa.example/organizations/o{at}-{id}\",\"audience\":\"AUDIENCE_PUBLIC\",\
                 \"displayNames\":[{{\"text\":\"Padaria\",\"language\":\"pt\"}}],\
                 \"kind\":\"ORGANIZATION_KIND_ENTERPRISE\",\"country\":\"PT\"}}\n"
            )
        };
        let file = ["a", "b", "c"].map(row).concat();
        let part = &file.as_bytes()[..at.min(file.len())];
        let whole = part.split(|byte| *byte == b'\n').count() - 1;
        let (progress, rejected) = import(&lisboa, ImportFormat::JsonLines, part, true).await;
        assert_eq!((progress.created, rejected), (i64::try_from(whole).unwrap(), 1), "{at} bytes");
        assert_eq!(kept(&lisboa, Kind::Organization).await, before + whole, "{at} bytes");

        let (progress, rejected) = import(&lisboa, ImportFormat::JsonLines, file.as_bytes(), false).await;
        assert_eq!((progress.created + progress.unchanged, progress.updated, rejected), (3, 0, 0), "{at} bytes");
        assert_eq!(progress.unchanged, i64::try_from(whole).unwrap());
        before += 3;
        assert_eq!(kept(&lisboa, Kind::Organization).await, before);
    }
}

#[tokio::test]
async fn a_csv_that_breaks_off_anywhere_leaves_whole_rows_only() {
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let rows: String = ["Praia", "Luanda", "Maputo"]
        .map(|partner| format!("Lisbon,PT,38.7,-9.1,500,{partner},CV,Cape Verde,14.9,-23.5,159050,2900,0\n"))
        .concat();
    // The last bytes of a row are the traps: without them it still looks like one.
    let ends: Vec<usize> = rows.match_indices('\n').map(|(end, _)| end).collect();
    for at in ends.iter().flat_map(|end| [end - 40, end - 2, end - 1, *end]) {
        let [city] = town.of([&*format!("lisboa{at}.example")]).await;
        let part = format!("{HEADER}{}", &rows[..at]);
        let whole = rows[..at].matches('\n').count();
        let (progress, rejected) = import(&city, ImportFormat::TwinTownsCsv, part.as_bytes(), true).await;
        assert_eq!((progress.created, rejected), (i64::try_from(whole).unwrap(), 1), "{at} bytes");
        assert_eq!(kept(&city, Kind::Agreement).await, whole, "{at} bytes");
        let file = format!("{HEADER}{rows}");
        let (progress, _) = import(&city, ImportFormat::TwinTownsCsv, file.as_bytes(), false).await;
        assert_eq!(progress.unchanged, i64::try_from(whole).unwrap());
        assert_eq!(kept(&city, Kind::Agreement).await, 3);
    }
    let (progress, rejected) = import(&lisboa, ImportFormat::TwinTownsCsv, HEADER.as_bytes(), false).await;
    assert_eq!((progress.rows, rejected, kept(&lisboa, Kind::Agreement).await), (0, 0, 0));
}

#[tokio::test]
async fn a_dry_run_foretells_what_the_import_does() {
    use RowOutcome::{Changed, New, Rejected, Same};
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let country = |code: &str| format!(",\"country\":\"{code}\"");
    let successor = |id: &str| format!("{},\"successor\":\"cities/lisboa.example/organizations/{id}\"", country("PT"));
    let file = [
        organization("a", &country("PT")),
        organization("b", &successor("a")),
        organization("c", &successor("nobody")),
        organization("d", &successor("c")),
        organization("a", &country("PT")),
        organization("a", &country("CV")),
        organization("e", &country("XX")),
        organization("a", &successor("b")),
        "{\n".to_owned(),
    ]
    .concat();
    let rows = async |dry_run| {
        let start = ImportStart { dry_run, report_all: true, ..start(ImportFormat::JsonLines) };
        import_as(&lisboa, start, file.as_bytes(), false).await
    };
    let (foretold, planned) = rows(true).await;
    assert_eq!(kept(&lisboa, Kind::Organization).await, 0);
    assert_eq!((quarantined(&lisboa).await, imports(&lisboa).await), (0, Vec::new()));
    let (progress, done) = rows(false).await;
    assert_eq!(outcomes(&planned), outcomes(&done));
    let found: Vec<RowOutcome> = done.iter().map(RowReport::outcome).collect();
    assert_eq!(found, [New, New, Rejected, Rejected, Same, Changed, Rejected, Rejected, Rejected]);
    assert_eq!(done[5].changed_fields, ["country"]);
    assert!(done[7].flaws[0].description.contains("leads back"), "{done:?}");
    assert_eq!(ImportProgress { import_id: String::new(), ..progress.clone() }, foretold);
    assert_eq!((kept(&lisboa, Kind::Organization).await, quarantined(&lisboa).await), (2, 5));
    let runs = imports(&lisboa).await;
    assert_eq!((runs.len(), runs[0].progress.as_ref()), (1, Some(&progress)));
}

#[tokio::test]
async fn a_record_of_which_the_file_states_no_audience_gets_the_default_and_is_never_opened_by_it() {
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let name = "cities/lisboa.example/organizations/a".parse().unwrap();
    let audience = async || {
        let found = lisboa.registry.get(&administrator(), &name).await.unwrap();
        found.transcode_to::<isopolity_proto::registry::Organization>().unwrap().audience()
    };
    for (default, more, expected) in [
        (Audience::Internal, "\"PT\"", Audience::Internal),
        (Audience::Public, "\"CV\"", Audience::Internal),
        (Audience::Internal, "\"CV\",\"audience\":\"AUDIENCE_PUBLIC\"", Audience::Public),
        (Audience::Federation, "\"CV\"", Audience::Federation),
    ] {
        let start = ImportStart { audience: default.into(), ..start(ImportFormat::JsonLines) };
        let file = organization("a", &format!(",\"country\":{more}"));
        import_as(&lisboa, start, file.as_bytes(), false).await;
        assert_eq!(audience().await, expected, "{default:?} {more}");
    }
}

#[tokio::test]
async fn a_record_is_shared_with_the_cities_that_the_file_or_else_the_import_names() {
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let name = "cities/lisboa.example/organizations/a".parse().unwrap();
    for (default, more, expected) in [
        ("praia.example", "\"PT\"", "praia.example"),
        // What is shared already is not shared with others by a default.
        ("dakar.example", "\"CV\"", "praia.example"),
        (
            "dakar.example",
            "\"CV\",\"audience\":\"AUDIENCE_SHARED\",\"sharedWith\":[\"izmir.example\"]",
            "izmir.example",
        ),
    ] {
        let start = ImportStart {
            audience: Audience::Shared.into(),
            shared_with: vec![default.into()],
            ..start(ImportFormat::JsonLines)
        };
        let file = organization("a", &format!(",\"country\":{more}"));
        import_as(&lisboa, start, file.as_bytes(), false).await;
        let found = lisboa.registry.get(&administrator(), &name).await.unwrap();
        let found = found.transcode_to::<isopolity_proto::registry::Organization>().unwrap();
        assert_eq!((found.audience(), found.shared_with), (Audience::Shared, vec![expected.to_owned()]), "{more}");
    }
}

#[tokio::test]
async fn a_file_that_can_not_say_all_keeps_what_people_added() {
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let file = |population: u32| format!("{HEADER}Lisbon,PT,38.7,-9.1,,Praia,CV,x,14.9,-23.5,{population},2900,0\n");
    let reported = ImportStart { report_all: true, source: "a file".into(), ..start(ImportFormat::TwinTownsCsv) };
    let (_, rows) = import_as(&lisboa, reported.clone(), file(1).as_bytes(), false).await;
    let name = rows[0].names[0].parse().unwrap();
    let read = async || {
        let found = lisboa.registry.get(&administrator(), &name).await.unwrap();
        found.transcode_to::<Agreement>().unwrap()
    };
    let imported = read().await;
    let change = Agreement {
        remarks: vec![LocalizedText { text: "Dormant".into(), language: "en".into(), ..Default::default() }],
        audience: Audience::Internal.into(),
        ..imported.clone()
    };
    let registry = &lisboa.registry;
    registry.update(&administrator(), Kind::Agreement, to_dynamic(&change), &[], Terms::default()).await.unwrap();

    lisboa.clock.advance(time::Duration::days(1));
    let renamed = ImportStart { source: "the same file".into(), ..reported.clone() };
    let (_, rows) = import_as(&lisboa, renamed, file(1).as_bytes(), false).await;
    assert_eq!(rows[0].outcome(), RowOutcome::Same, "another day or another file name is no news");

    let (_, rows) = import_as(&lisboa, reported, file(2).as_bytes(), false).await;
    assert_eq!(
        (rows[0].outcome(), rows[0].changed_fields.as_slice()),
        (RowOutcome::Changed, &["parties".to_owned()][..])
    );
    let found = read().await;
    assert_eq!((&found.remarks, found.audience()), (&change.remarks, Audience::Internal));
    assert_eq!(found.parties[1].place.as_ref().unwrap().population, 2);
    let retrieved = |agreement: &Agreement| agreement.provenance.as_ref().unwrap().retrieve_time.unwrap();
    assert_eq!(retrieved(&found).seconds - retrieved(&imported).seconds, 24 * 60 * 60);
}

#[tokio::test]
async fn what_was_deleted_is_not_brought_back_by_a_file() {
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let file = organization("a", ",\"country\":\"PT\"");
    import(&lisboa, ImportFormat::JsonLines, file.as_bytes(), false).await;
    let name = "cities/lisboa.example/organizations/a".parse().unwrap();
    lisboa.registry.delete(&administrator(), &name, "", Terms::default()).await.unwrap();
    let (_, rows) = import_as(&lisboa, start(ImportFormat::JsonLines), file.as_bytes(), false).await;
    assert_eq!(rows[0].outcome(), RowOutcome::Rejected);
    assert!(rows[0].flaws[0].description.contains("restore it"), "{rows:?}");
    assert_eq!(kept(&lisboa, Kind::Organization).await, 0);
}

#[tokio::test]
async fn a_line_of_200_megabytes_is_passed_over_and_the_next_one_read() {
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let row = organization("a", ",\"country\":\"PT\"");
    let length = i64::try_from(row.len()).unwrap();
    // A channel of one: the next chunk comes only when the last was read.
    let (chunks, received) = mpsc::channel(1);
    let fed = tokio::spawn(async move {
        let megabyte = Bytes::from(vec![b'x'; 1 << 20]);
        for _ in 0..200 {
            chunks.send(Ok(megabyte.clone())).await.unwrap();
        }
        chunks.send(Ok(Bytes::from(format!("\n{row}")))).await.unwrap();
    });
    let (news, mut heard) = mpsc::channel(1_000);
    let start = start(ImportFormat::JsonLines);
    let progress = lisboa.registry.import(&administrator(), start, received, news).await.unwrap();
    fed.await.unwrap();
    let Some(News::Row(row)) = heard.recv().await else { panic!("the long line is not reported") };
    assert!(row.line == 1 && row.flaws[0].description.contains("longer than"), "{row:?}");
    assert_eq!((progress.created, progress.rejected, progress.bytes), (1, 1, (200 << 20) + 1 + length));
}

fn partnership(id: &str, stage: &str, since: &str) -> String {
    format!(
        "{{\"@type\":\"type.googleapis.com/isopolity.registry.v1.Partnership\",\
         \"name\":\"cities/lisboa.example/partnerships/{id}\",\"audience\":\"AUDIENCE_PUBLIC\",\
         \"titles\":[{{\"text\":\"Bread\",\"language\":\"en\"}}],\"originCountries\":[\"MA\"],\
         \"stage\":\"PARTNERSHIP_STAGE_{stage}\",\"stageDate\":\"{since}\",\
         \"sectors\":[{{\"scheme\":\"SECTOR_SCHEME_NACE\",\"version\":\"2.1\",\"code\":\"10.71\"}}],\
         \"participants\":[\
         {{\"displayNames\":[{{\"text\":\"City\",\"language\":\"en\"}}],\"roles\":[\"PARTICIPANT_ROLE_INITIATOR\"],\"side\":\"SIDE_DESTINATION\"}},\
         {{\"displayNames\":[{{\"text\":\"Mill\",\"language\":\"en\"}}],\"roles\":[\"PARTICIPANT_ROLE_ENTERPRISE\"],\"side\":\"SIDE_ORIGIN\"}}]}}\n"
    )
}

fn stage_event(id: &str, of: &str, kind: &str, from: &str, to: &str, date: &str) -> String {
    format!(
        "{{\"@type\":\"type.googleapis.com/isopolity.registry.v1.StageEvent\",\
         \"name\":\"cities/lisboa.example/stageEvents/{id}\",\"audience\":\"AUDIENCE_FEDERATION\",\
         \"partnership\":\"cities/lisboa.example/partnerships/{of}\",\"kind\":\"STAGE_EVENT_KIND_{kind}\",\
         \"fromStage\":\"PARTNERSHIP_STAGE_{from}\",\"toStage\":\"PARTNERSHIP_STAGE_{to}\",\"date\":\"{date}\"}}\n"
    )
}

/// A partnership with its history, each row of it: it was an idea in 2011, research in 2012, and looks for partners since.
fn with_history(id: &str) -> [String; 4] {
    let event = |at: &str, kind, from, to, date| stage_event(&format!("{id}-{at}"), id, kind, from, to, date);
    [
        partnership(id, "PARTNER_SEARCH", "2013"),
        event("1", "ENTERED", "UNSPECIFIED", "OPPORTUNITY", "2011"),
        event("2", "ADVANCED", "OPPORTUNITY", "MARKET_RESEARCH", "2012"),
        event("3", "ADVANCED", "MARKET_RESEARCH", "PARTNER_SEARCH", "2013"),
    ]
}

#[tokio::test]
async fn a_file_brings_the_history_of_a_partnership_with_it_but_never_moves_one_that_stands() {
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let smuggled = |of: &str| stage_event(&format!("{of}-x"), of, "ADVANCED", "PARTNER_SEARCH", "FEASIBILITY", "2014");
    let whole = with_history("whole").concat();
    let (progress, rows) = import_as(&lisboa, start(ImportFormat::JsonLines), whole.as_bytes(), false).await;
    assert_eq!((progress.created, progress.rejected), (4, 0), "{rows:?}");

    // What is more than the history is refused, tried or done, and stays in quarantine.
    for dry_run in [true, false] {
        let start = ImportStart { dry_run, ..start(ImportFormat::JsonLines) };
        let (_, rows) = import_as(&lisboa, start, smuggled("whole").as_bytes(), false).await;
        let rows: Vec<_> = rows.iter().filter(|row| row.outcome() == RowOutcome::Rejected).collect();
        assert_eq!(rows.len(), 1, "{dry_run}");
        let flaw = &rows[0].flaws[0];
        assert_eq!(flaw.column, "to_stage");
        for call in ["AdvancePartnership", "CorrectStageEvent"] {
            assert!(flaw.description.contains(call), "{flaw:?}");
        }
    }
    assert_eq!((kept(&lisboa, Kind::StageEvent).await, quarantined(&lisboa).await), (3, 1));
    let ended = stage_event("whole-y", "whole", "CANCELLED", "PARTNER_SEARCH", "PARTNER_SEARCH", "2014")
        .replace("\"date\"", "\"reason\":\"why not\",\"date\"");
    let (_, rows) = import_as(&lisboa, start(ImportFormat::JsonLines), ended.as_bytes(), false).await;
    assert!(rows[0].flaws[0].description.contains("EndPartnership"), "{rows:?}");

    // A partnership that came through a file without its history can't be moved by one either.
    let alone = partnership("alone", "OPPORTUNITY", "2011");
    import(&lisboa, ImportFormat::JsonLines, alone.as_bytes(), false).await;
    let leap = stage_event("alone-1", "alone", "ENTERED", "UNSPECIFIED", "SCALING", "2014");
    let (_, rows) = import_as(&lisboa, start(ImportFormat::JsonLines), leap.as_bytes(), false).await;
    assert_eq!(rows[0].outcome(), RowOutcome::Rejected);
}

#[tokio::test]
async fn a_history_that_broke_off_anywhere_is_completed_by_the_same_file() {
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    for lines in 1..4 {
        let rows = with_history(&format!("p{lines}"));
        import(&lisboa, ImportFormat::JsonLines, rows[..lines].concat().as_bytes(), true).await;
        for dry_run in [true, false] {
            let start = ImportStart { dry_run, ..start(ImportFormat::JsonLines) };
            let (progress, reported) = import_as(&lisboa, start, rows.concat().as_bytes(), false).await;
            assert_eq!(progress.rejected, 0, "{reported:?}");
            assert_eq!(progress.unchanged, i64::try_from(lines).unwrap());
        }
    }
    assert_eq!(kept(&lisboa, Kind::StageEvent).await, 9);
}

#[tokio::test]
async fn where_a_file_brought_too_little_of_a_history_the_next_step_starts_from_where_the_partnership_stands() {
    use isopolity_proto::registry::{PartnershipStage, SuspendPartnershipRequest};
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let rows = with_history("short");
    import(&lisboa, ImportFormat::JsonLines, rows[..2].concat().as_bytes(), false).await;
    lisboa.clock.advance(time::Duration::HOUR);
    let suspend = SuspendPartnershipRequest {
        name: "cities/lisboa.example/partnerships/short".into(),
        reason: "elections".into(),
        review_date: "2099-01-01".into(),
        decided_by: "Council".into(),
        ..Default::default()
    };
    let stepped = lisboa.registry.suspend_partnership(&administrator(), &suspend).await.unwrap();
    assert_eq!(stepped.partnership.stage(), PartnershipStage::PartnerSearch);
    assert_eq!(kept(&lisboa, Kind::StageEvent).await, 3, "what came, where it stands, and the step");
}

#[tokio::test]
async fn a_partnership_enters_at_any_stage_and_its_event_says_on_whose_word() {
    use isopolity_proto::{
        registry::{Partnership, PartnershipStage, StageEvent, StageEventKind},
        types::{Provenance, ProvenanceMethod},
    };
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let registry = &lisboa.registry;
    let parent = "cities/lisboa.example";
    let ran = |source: &str| Partnership {
        stage: PartnershipStage::Operating.into(),
        stage_date: "2014".into(),
        provenance: (!source.is_empty()).then(|| Provenance { source: source.into(), ..Default::default() }),
        ..isopolity_tests::sample::partnership("Bread", "MA")
    };
    for (id, source) in [("told", "the council's minutes"), ("silent", "")] {
        let resource = to_dynamic(&ran(source));
        registry.create(&administrator(), Kind::Partnership, parent, id, resource, Terms::default()).await.unwrap();
    }
    let events = async |id: &str| -> Vec<StageEvent> {
        let filter = format!("partnership = \"{parent}/partnerships/{id}\"");
        let list =
            List { page_size: 10, filter: &filter, order_by: "create_time", ..List::of(Kind::StageEvent, parent) };
        let found = registry.list(&administrator(), list).await.unwrap();
        found.resources.iter().map(|event| event.transcode_to().unwrap()).collect()
    };
    let told = events("told").await;
    assert_eq!(
        (told.len(), told[0].kind(), told[0].to_stage()),
        (1, StageEventKind::Entered, PartnershipStage::Operating)
    );
    assert_eq!((told[0].date.as_str(), told[0].reason.as_str()), ("2014", "as the council's minutes states it"));
    assert_eq!(told[0].provenance.as_ref().unwrap().source, "the council's minutes");
    let silent = events("silent").await;
    assert_eq!(silent[0].reason, "as it was entered");
    assert_eq!(silent[0].provenance.as_ref().unwrap().method(), ProvenanceMethod::Entered);

    // A file that states another stage moves it, on its own word.
    let file = partnership("told", "SCALING", "2016");
    let start = ImportStart { source: "a table of 2016".into(), ..start(ImportFormat::JsonLines) };
    let (progress, rows) = import_as(&lisboa, start, file.as_bytes(), false).await;
    assert_eq!(progress.updated, 1, "{rows:?}");
    let moved = events("told").await;
    assert_eq!(
        (moved.len(), moved[1].kind(), moved[1].to_stage()),
        (2, StageEventKind::Entered, PartnershipStage::Scaling)
    );
    assert_eq!(moved[1].reason, "as a table of 2016 states it");
    let provenance = moved[1].provenance.clone().unwrap();
    assert_eq!((provenance.source.as_str(), provenance.method()), ("a table of 2016", ProvenanceMethod::Imported));
    assert!(provenance.retrieve_time.is_some());
}

#[tokio::test]
async fn a_number_that_could_reveal_somebody_is_not_opened_by_a_default() {
    use isopolity_proto::registry::IndicatorObservation;
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let row = |id: &str, title: &str, more: &str| {
        format!(
            "{{\"@type\":\"type.googleapis.com/isopolity.registry.v1.IndicatorObservation\",\
             \"name\":\"cities/lisboa.example/indicatorObservations/{id}\",\
             \"titles\":[{{\"text\":\"{title}\",\"language\":\"en\"}}],\"level\":\"RESULT_LEVEL_OUTCOME\",\
             \"period\":{{\"startDate\":\"2024\",\"endDate\":\"2024\"}},\"actual\":{{\"value\":\"1\"}}{more}}}\n"
        )
    };
    let public = ",\"audience\":\"AUDIENCE_PUBLIC\"";
    let file = [row("hired", "Women hired", ""), row("wells", "Wells built", ""), row("stated", "Women hired", public)];
    let (progress, rows) = import_as(&lisboa, start(ImportFormat::JsonLines), file.concat().as_bytes(), false).await;
    assert_eq!((progress.created, progress.rejected), (2, 1), "{rows:?}");
    for (id, audience) in [("hired", Audience::Federation), ("wells", Audience::Public)] {
        let name = format!("cities/lisboa.example/indicatorObservations/{id}").parse().unwrap();
        let found = lisboa.registry.get(&administrator(), &name).await.unwrap();
        let found: IndicatorObservation = found.transcode_to().unwrap();
        assert_eq!((found.audience(), found.reading.as_str()), (audience, "association, not effect"), "{id}");
    }
}

#[tokio::test]
async fn a_currency_that_does_not_exist_is_refused_in_every_form_and_kept_to_be_corrected() {
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let json = r#"{"@type":"type.googleapis.com/isopolity.registry.v1.Opportunity",
        "name":"cities/lisboa.example/opportunities/a","titles":[{"text":"Flour","language":"en"}],
        "direction":"OPPORTUNITY_DIRECTION_SEEKS","subjects":["OPPORTUNITY_SUBJECT_SUPPLY"],
        "organizationNames":[{"text":"A bakery","language":"en"}],"status":"OPPORTUNITY_STATUS_OPEN",
        "countries":["MA"],"sectors":[{"scheme":"SECTOR_SCHEME_NACE","version":"2.1","code":"10.71"}],
        "volume":{"amount":"1500","currencyCode":"XQX"}}"#;
    let json = json.replace('\n', "") + "\n";
    let activity = r#"<iati-activities version="2.03"><iati-activity xml:lang="en" default-currency="XQX">
        <iati-identifier>XI-1</iati-identifier><reporting-org ref="XI" type="10"><narrative>R</narrative></reporting-org>
        <title><narrative>Flour</narrative></title><description><narrative>Flour</narrative></description>
        <participating-org role="4" type="10"><narrative>A bakery</narrative></participating-org>
        <activity-status code="2"/><activity-date type="2" iso-date="2020-01-01"/><recipient-country code="MA"/>
        <sector vocabulary="4" code="46.90"/>
        <transaction><transaction-type code="3"/><transaction-date iso-date="2020-01-01"/>
        <value value-date="2020-01-01">1500</value></transaction></iati-activity></iati-activities>"#;
    let table = "Nr,Title,Who,Sum,Currency\n1,Flour,A bakery,1500,XQX\n";
    let mapping = r#"
        kind = "opportunity"
        key = ["Nr"]
        [[field]]
        to = "titles[0].text"
        column = "Title"
        language = "en"
        [[field]]
        to = "organization_names[0].text"
        column = "Who"
        language = "en"
        [[field]]
        to = "direction"
        value = "SEEKS"
        [[field]]
        to = "subjects[0]"
        value = "SUPPLY"
        [[field]]
        to = "status"
        value = "OPEN"
        [[field]]
        to = "countries[0]"
        value = "MA"
        [[field]]
        to = "sectors[0].scheme"
        value = "NACE"
        [[field]]
        to = "sectors[0].version"
        value = "2.1"
        [[field]]
        to = "sectors[0].code"
        value = "10.71"
        [[field]]
        to = "volume.amount"
        column = "Sum"
        [[field]]
        to = "volume.currency_code"
        column = "Currency"
    "#;
    let mapped = ImportStart { mapping: mapping.into(), source_city: String::new(), ..start(ImportFormat::Table) };
    let files = [
        (start(ImportFormat::JsonLines), json.as_str(), Kind::Opportunity, "volume.currency_code"),
        (mapped, table, Kind::Opportunity, "volume.currency_code"),
        (
            start(ImportFormat::IatiActivity),
            activity,
            Kind::Partnership,
            "contributions[0].public_amount.currency_code",
        ),
    ];
    for (at, (start, file, kind, column)) in files.into_iter().enumerate() {
        let (progress, rows) = import_as(&lisboa, start.clone(), file.as_bytes(), false).await;
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        let flaw = &row.flaws[0];
        assert_eq!((row.outcome(), flaw.column.as_str()), (RowOutcome::Rejected, column), "{row:?}");
        assert!(flaw.description.contains("XQX"), "{flaw:?}");
        assert_eq!((progress.rejected, quarantined(&lisboa).await), (1, at + 1));
        assert_eq!(kept(&lisboa, kind).await, at.min(1) * usize::from(kind == Kind::Opportunity), "{row:?}");
        // Nothing else is wrong with it.
        let right = file.replace("XQX", "EUR");
        let (progress, rows) = import_as(&lisboa, start, right.as_bytes(), false).await;
        assert_eq!(progress.created, 1, "{rows:?}");
    }
}

#[tokio::test]
async fn rate_and_time_left_are_told_with_what_is_durable() {
    let town = Town::default();
    let [lisboa] = town.of(["lisboa.example"]).await;
    let file: String = (0..450).map(|nth| organization(&format!("o{nth}"), ",\"country\":\"PT\"")).collect();
    let size = i64::try_from(file.len()).unwrap();
    let (chunks, received) = mpsc::channel(1);
    let (news, mut heard) = mpsc::channel(1_000);
    let start = ImportStart { size, ..start(ImportFormat::JsonLines) };
    let import = async { lisboa.registry.import(&administrator(), start, received, news).await.unwrap() };
    let feed = async {
        eventually("the import has begun", || async { imports(&lisboa).await.pop() }).await;
        lisboa.clock.advance(time::Duration::seconds(10));
        chunks.send(Ok(Bytes::from(file))).await.unwrap();
        drop(chunks);
    };
    let (done, ()) = tokio::join!(import, feed);
    let mut told = Vec::new();
    while let Some(news) = heard.recv().await {
        if let News::Progress(progress) = news {
            told.push(progress);
        }
    }
    let seconds = |progress: &ImportProgress| progress.time_left.map(|left| left.seconds);
    let first = &told[0];
    assert_eq!((first.rows, first.total_bytes, first.rows_per_second.round()), (200, size, 20.0), "{first:?}");
    assert_eq!(seconds(first), Some(10 * (size - first.bytes) / first.bytes));
    assert_eq!((done.rows, done.rows_per_second.round(), seconds(&done)), (450, 45.0, None));
    assert_eq!(imports(&lisboa).await[0].progress, Some(done));
}
