//! An import that breaks off, at any byte.

use std::io;

use bytes::Bytes;
use isopolity_domain::Kind;
use isopolity_proto::registry::{ImportFormat, ImportProgress, ImportStart};
use isopolity_registry::{author::List, import::News};
use isopolity_tests::{Resident, Town, town::administrator};
use tokio::sync::mpsc;

const HEADER: &str = "city,city_country,city_lat,city_lon,city_population,partner,partner_country,\
                      partner_country_label,partner_lat,partner_lon,partner_population,distance_km,partner_in_eu27\n";

/// Imports these bytes; then the file ends, or breaks off.
async fn import(city: &Resident, format: ImportFormat, file: &[u8], breaks_off: bool) -> (ImportProgress, usize) {
    let (chunks, received) = mpsc::channel(1_000);
    for chunk in file.chunks(97) {
        chunks.send(Ok(Bytes::copy_from_slice(chunk))).await.unwrap();
    }
    if breaks_off {
        chunks.send(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file broke off"))).await.unwrap();
    }
    drop(chunks);
    let (news, mut heard) = mpsc::channel(1_000);
    let start = ImportStart { format: format.into(), source_city: "Lisbon".into(), ..Default::default() };
    let progress = city.registry.import(&administrator(), start, received, news).await.unwrap();
    let mut rejected = 0;
    while let Some(news) = heard.recv().await {
        rejected += usize::from(matches!(news, News::Row(_)));
    }
    (progress, rejected)
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
