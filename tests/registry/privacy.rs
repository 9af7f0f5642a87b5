//! What is left when a city has erased, cleaned up, or been asked what it keeps about somebody.

use std::{collections::BTreeMap, fs, path::Path};

use bytes::Bytes;
use isopolity_domain::{Clock as _, Kind, Name, clock::to_timestamp, retention::Retention};
use isopolity_proto::{
    admin::{
        CleanUpClass, CleanUpItem, EraseResourceResponse, Role, TombstoneReason,
        export_subject_request::Subject as Asked,
    },
    registry::{
        ImportFormat, ImportStart, MatchAssertion, MatchFeature, MatchVerdict, Organization, Participant,
        ParticipantRole, Partnership,
    },
    to_dynamic,
    types::ContactPoint,
};
use isopolity_registry::{Caller, Error, author::Terms, privacy::Erasure};
use isopolity_tests::{
    Databases, Resident, Town, on_both_databases,
    sample::{organization, partnership},
    town::{Ground, administrator},
};
use prost::Message as _;
use sea_orm::{ConnectionTrait as _, Database, Statement};
use time::Duration;
use tokio::sync::mpsc;

on_both_databases!(
    what_was_erased_is_in_no_file_and_no_table_any_more,
    an_erased_name_is_not_given_again_by_hand_or_by_a_file,
    what_refers_to_a_record_is_named_and_is_cut_only_when_asked,
    a_clean_up_takes_what_is_past_its_limit_and_says_so_before,
    a_clean_up_keeps_the_last_two_versions,
    an_export_about_a_person_finds_internal_fields_history_and_quarantine,
    somebody_who_left_is_nowhere_once_the_history_is_erased,
);

/// Where a city keeps what it has, for looking into it.
struct Place {
    city: Resident,
    url: Option<String>,
}

async fn settle(databases: &Databases, retention: Retention) -> Place {
    let url = databases.url().await;
    let ground = Ground { storage_url: url.clone(), retention, ..Ground::default() };
    Place { city: Town::default().settle_on("lisboa.example", ground).await, url }
}

fn name(kind: &str, id: &str) -> Name {
    format!("cities/lisboa.example/{kind}/{id}").parse().unwrap()
}

const TITLE: &str = "Padaria Zyxwvutina";
const FORMER: &str = "Forno Qwertzuiopa";
const PERSON: &str = "Quirina Xylofonova";
const MAILBOX: &str = "quirina.xylofonova@zyx.example";

fn bakery(title: &str) -> Organization {
    let contact = ContactPoint {
        function: "Office".into(),
        person_name: PERSON.into(),
        person_mailbox: MAILBOX.into(),
        ..Default::default()
    };
    Organization { contact_points: vec![contact], ..organization(title, "PT") }
}

pub(super) async fn create(
    city: &Resident,
    kind: Kind,
    id: &str,
    message: prost_reflect::DynamicMessage,
    request_id: &str,
) {
    let parent = format!("cities/{}", city.city());
    let terms = Terms { request_id, ..Terms::default() };
    city.registry.create(&administrator(), kind, &parent, id, message, terms).await.unwrap();
}

async fn update(city: &Resident, message: prost_reflect::DynamicMessage, kind: Kind) {
    city.registry.update(&administrator(), kind, message, &[], Terms::default()).await.unwrap();
}

/// A bakery with a past, a twin of it under doubt, and a row that was not taken.
async fn bake(city: &Resident) -> Name {
    let request = "8c5d9a52-7c0e-4d3a-9d0b-0f6f1f2f3a4b";
    create(city, Kind::Organization, "bakery", to_dynamic(&bakery(FORMER)), request).await;
    let bakery_name = name("organizations", "bakery");
    update(city, to_dynamic(&Organization { name: bakery_name.to_string(), ..bakery(TITLE) }), Kind::Organization)
        .await;
    create(city, Kind::Organization, "mill", to_dynamic(&organization("Moinho", "PT")), "").await;
    let assertion = MatchAssertion {
        audience: isopolity_proto::options::Audience::Federation.into(),
        left: bakery_name.to_string(),
        right: name("organizations", "mill").to_string(),
        verdict: MatchVerdict::Different.into(),
        score: 0.1,
        method: "by hand".into(),
        features: vec![MatchFeature { name: "name".into(), weight: -1.0, description: format!("{TITLE} and Moinho") }],
        ..Default::default()
    };
    create(city, Kind::MatchAssertion, "doubt", to_dynamic(&assertion), "").await;
    // Without a country it is not taken.
    let row = format!(
        "{{\"@type\":\"type.googleapis.com/isopolity.registry.v1.Organization\",\
         \"name\":\"cities/lisboa.example/organizations/other\",\
         \"displayNames\":[{{\"text\":\"{}\",\"language\":\"pt\"}}],\"contactPoints\":[{{\"personName\":\"{PERSON}\"}}],\
         \"kind\":\"ORGANIZATION_KIND_ENTERPRISE\",\"country\":\"XX\"}}\n",
        TITLE.to_uppercase()
    );
    import(city, &row).await;
    assert_eq!(city.registry.store().quarantined_rows(None, None, 10).await.unwrap().len(), 1);
    city.index().await;
    bakery_name
}

async fn import(city: &Resident, file: &str) -> isopolity_proto::registry::ImportProgress {
    let (chunks, received) = mpsc::channel(1);
    chunks.send(Ok(Bytes::copy_from_slice(file.as_bytes()))).await.unwrap();
    drop(chunks);
    let (news, mut heard) = mpsc::channel(1_000);
    let start = ImportStart { format: ImportFormat::JsonLines.into(), ..Default::default() };
    let progress = city.registry.import(&administrator(), start, received, news).await.unwrap();
    while heard.recv().await.is_some() {}
    progress
}

pub(super) async fn erase(city: &Resident, name: &Name, cut_references: bool) -> Result<EraseResourceResponse, Error> {
    let erasure = Erasure { name, reason: "request 17/2026", cut_references, validate_only: false };
    city.registry.erase(&administrator(), erasure).await
}

/// Everything that the database holds: the bytes of its files, or each row of each table.
async fn all_bytes(place: &Place) -> Vec<Vec<u8>> {
    let Some(url) = &place.url else {
        let files = ["registry.db", "registry.db-wal", "registry.db-shm"];
        return files.iter().filter_map(|file| fs::read(place.city.folder().join(file)).ok()).collect();
    };
    let database = Database::connect(url).await.unwrap();
    let backend = database.get_database_backend();
    let of = |sql: String| database.query_all_raw(Statement::from_string(backend, sql));
    let mut all = Vec::new();
    for table in of("select tablename from pg_tables where schemaname = 'public'".into()).await.unwrap() {
        let table: String = table.try_get("", "tablename").unwrap();
        for row in of(format!("select to_jsonb(t)::text as row from \"{table}\" t")).await.unwrap() {
            all.push(row.try_get::<String>("", "row").unwrap().into_bytes());
        }
    }
    all
}

fn files_below(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).map(|path| fs::read(path).unwrap()).collect()
}

/// Whether a value is there, as it is or in hexadecimal digits.
fn holds(all: &[Vec<u8>], value: &str) -> bool {
    let digits = isopolity_domain::text::hexadecimal(value.as_bytes());
    let within = |bytes: &[u8], value: &[u8]| bytes.windows(value.len()).any(|window| window == value);
    all.iter().any(|bytes| within(bytes, value.as_bytes()) || within(bytes, digits.as_bytes()))
}

async fn what_was_erased_is_in_no_file_and_no_table_any_more(databases: Databases) {
    let place = settle(&databases, Retention::default()).await;
    let city = &place.city;
    let bakery = bake(city).await;
    let upper = TITLE.to_uppercase();
    let values = [TITLE, FORMER, PERSON, MAILBOX, upper.as_str(), "8c5d9a52-7c0e-4d3a-9d0b-0f6f1f2f3a4b"];
    let before = all_bytes(&place).await;
    for value in values {
        assert!(holds(&before, value), "{value} is not there: the test looks in the wrong place");
    }
    let index = city.folder().join("index");
    // Words are cut up in the index: the record itself is what can be read there.
    assert!(holds(&files_below(&index), "Xylofonova"), "the index is not where the test looks");

    let published = city.registry.progress().await.unwrap().published.sequence;
    let erased = erase(city, &bakery, false).await.unwrap();
    let gone: Vec<&str> = erased.tombstones.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(gone, ["cities/lisboa.example/organizations/bakery", "cities/lisboa.example/matchAssertions/doubt"]);
    assert_eq!((erased.revisions, erased.quarantined_rows), (3, 1));
    assert!(erased.database_cleaned && erased.index_cleaned, "{erased:?}");

    let after = all_bytes(&place).await;
    for value in values {
        assert!(!holds(&after, value), "{value} is still in the database");
        assert!(!holds(&files_below(&index), value), "{value} is still in the index");
    }
    for value in ["Xylofonova", "xylofonova", "zyxwvutina"] {
        assert!(!holds(&files_below(&index), value), "{value} is still in the index");
    }
    assert!(holds(&after, "Moinho"), "what was not erased stays");
    // Peers learn of it by the feed.
    let news = city.registry.store().feed_after(published, 10).await.unwrap();
    assert_eq!(
        news.iter().map(|one| (one.name.as_str(), one.records.len())).collect::<Vec<_>>(),
        [(gone[0], 0), (gone[1], 0)]
    );
    // The name alone is left, with the reason.
    let left = city.registry.tombstones(&administrator(), 0, "").await.unwrap().tombstones;
    assert!(left.iter().all(|one| one.reason() == TombstoneReason::Erased && one.note == "request 17/2026"));
    // Asking again cleans the files once more and is no error.
    let again = erase(city, &bakery, false).await.unwrap();
    assert!(again.database_cleaned && again.tombstones[0].sequence == published + 1);
}

async fn an_erased_name_is_not_given_again_by_hand_or_by_a_file(databases: Databases) {
    let place = settle(&databases, Retention::default()).await;
    let city = &place.city;
    let bakery_name = bake(city).await;
    erase(city, &bakery_name, false).await.unwrap();
    let again = to_dynamic(&organization("Another", "PT"));
    let parent = "cities/lisboa.example";
    let refused = city
        .registry
        .create(&administrator(), Kind::Organization, parent, "bakery", again, Terms::default())
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Erased(name) if name == bakery_name));
    let line = |id: &str| {
        let mut value = isopolity_proto::json::to_value(&organization("Another", "PT"), false);
        value["@type"] = "type.googleapis.com/isopolity.registry.v1.Organization".into();
        value["name"] = format!("cities/lisboa.example/organizations/{id}").into();
        format!("{value}\n")
    };
    let progress = import(city, &(line("bakery") + &line("fresh"))).await;
    assert_eq!((progress.created, progress.rejected), (1, 1), "one row does not hold up the other");
    let restored = city.registry.undelete(&administrator(), &bakery_name, "", Terms::default()).await.unwrap_err();
    assert!(matches!(restored, Error::NotFound(_)));
    let never = erase(city, &name("organizations", "never"), false).await.unwrap_err();
    assert!(matches!(never, Error::NotFound(_)));
    let profile = erase(city, &Name::of_city("lisboa.example".parse().unwrap()), false).await.unwrap_err();
    assert!(matches!(profile, Error::NotErasable(_)));
}

/// A partnership of the bakery with so many others.
fn shared(others: usize) -> Partnership {
    let with_bakery = Participant {
        organization: name("organizations", "bakery").to_string(),
        roles: vec![ParticipantRole::Enterprise.into()],
        ..Default::default()
    };
    let mut shared = partnership("Bread", "MA");
    shared.participants.truncate(others);
    shared.participants.push(with_bakery);
    shared
}

async fn what_refers_to_a_record_is_named_and_is_cut_only_when_asked(databases: Databases) {
    let place = settle(&databases, Retention::default()).await;
    let city = &place.city;
    let bakery_name = bake(city).await;
    city.create("bread", shared(2)).await;
    let bread = name("partnerships", "bread");
    let refused = erase(city, &bakery_name, false).await.unwrap_err();
    assert!(matches!(refused, Error::InUse { used_by, .. } if used_by == [bread.clone()]));

    let plan = Erasure { name: &bakery_name, reason: "request 17/2026", cut_references: true, validate_only: true };
    let planned = city.registry.erase(&administrator(), plan).await.unwrap();
    assert_eq!(planned.references, [bread.to_string()]);
    city.registry.get(&administrator(), &bakery_name).await.unwrap();

    // With one participant alone it would be no partnership.
    city.create("pair", shared(1)).await;
    let pair = name("partnerships", "pair");
    let refused = erase(city, &bakery_name, true).await.unwrap_err();
    assert!(matches!(refused, Error::InUse { used_by, .. } if used_by == [pair.clone()]));
    city.registry.get(&administrator(), &bakery_name).await.unwrap();
    let erased = erase(city, &pair, false).await.unwrap();
    assert!(erased.tombstones.len() > 1, "its stage events go with it: {erased:?}");

    erase(city, &bakery_name, true).await.unwrap();
    let left: Partnership = city.registry.get(&administrator(), &bread).await.unwrap().transcode_to().unwrap();
    assert_eq!(left.participants.len(), 2);
    city.registry.get(&administrator(), &bakery_name).await.unwrap_err();
}

fn counts(items: &[CleanUpItem]) -> BTreeMap<(CleanUpClass, String), i64> {
    let present = items.iter().filter(|item| item.count > 0);
    present.map(|item| ((item.class(), item.kind.clone()), item.count)).collect()
}

async fn a_clean_up_takes_what_is_past_its_limit_and_says_so_before(databases: Databases) {
    let kinds = BTreeMap::from([(Kind::Organization, 200)]);
    let place = settle(&databases, Retention { tombstones: 60, kinds, ..Retention::default() }).await;
    let city = &place.city;
    let (registry, anyone) = (&city.registry, administrator());
    let bakery_name = bake(city).await;
    city.create("bread", shared(2)).await;
    create(city, Kind::Partnership, "old", to_dynamic(&partnership("Old", "MA")), "").await;
    let old = name("partnerships", "old");
    registry.delete(&anyone, &old, "", Terms::default()).await.unwrap();
    let nothing = registry.run_clean_up(&anyone).await.unwrap();
    assert_eq!((nothing.clean_up.as_str(), nothing.items.len()), ("", 0), "{nothing:?}");

    // In time: it can be restored to the last moment.
    city.clock.advance(Duration::days(30));
    registry.undelete(&anyone, &old, "", Terms { validate_only: true, ..Terms::default() }).await.unwrap();
    city.clock.advance(Duration::seconds(1));
    let preview = registry.preview_clean_up(&anyone).await.unwrap();
    registry.undelete(&anyone, &old, "", Terms { validate_only: true, ..Terms::default() }).await.unwrap();
    let done = registry.run_clean_up(&anyone).await.unwrap();
    assert_eq!(counts(&preview), counts(&done.items), "what was said is what was done");
    let deleted = preview.iter().find(|item| item.class() == CleanUpClass::DeletedRecords).unwrap();
    assert!(deleted.examples.contains(&old.to_string()), "{deleted:?}");
    registry.undelete(&anyone, &old, "", Terms::default()).await.unwrap_err();
    assert!(registry.revisions(&anyone, &old, 0, "").await.is_err(), "its history is gone, too");
    let left = registry.tombstones(&anyone, 0, "").await.unwrap().tombstones;
    assert!(left.iter().any(|one| one.name == old.to_string() && one.reason() == TombstoneReason::Purged));
    // It was not erased: the name may be given again.
    create(city, Kind::Partnership, "old", to_dynamic(&partnership("New", "MA")), "").await;
    assert!(
        registry.tombstones(&anyone, 0, "").await.unwrap().tombstones.iter().all(|one| one.name != old.to_string())
    );

    // Rows in quarantine, imports after them, and records of a kind with a limit unless they are in use.
    city.clock.advance(Duration::days(171));
    let done = registry.clean_up_unasked().await.unwrap();
    let organizations = done.items.iter().find(|item| item.class() == CleanUpClass::ExpiredRecords).unwrap();
    assert_eq!((organizations.count, organizations.kept_in_use), (1, 1), "{done:?}");
    assert_eq!(counts(&done.items)[&(CleanUpClass::QuarantinedRows, String::new())], 1);
    assert!(
        !counts(&done.items).contains_key(&(CleanUpClass::DeletedRecords, String::new())),
        "it was deleted just now"
    );
    registry.get(&anyone, &bakery_name).await.unwrap();
    registry.undelete(&anyone, &name("organizations", "mill"), "", Terms::default()).await.unwrap();

    let past = registry.clean_ups(&anyone, 1, "").await.unwrap();
    assert_eq!((past.clean_ups[0].author.as_str(), past.clean_ups[0].clean_up.clone()), ("node", done.clean_up));
    let before = registry.clean_ups(&anyone, 1, &past.next_page_token).await.unwrap();
    assert_eq!((before.clean_ups[0].author.as_str(), before.next_page_token.as_str()), ("test", ""));
    assert!(
        before.clean_ups[0].items.iter().all(|item| item.examples.is_empty()),
        "what is gone is not named for ever"
    );
}

async fn a_clean_up_keeps_the_last_two_versions(databases: Databases) {
    let place = settle(&databases, Retention { revisions: 100, ..Retention::default() }).await;
    let city = &place.city;
    create(city, Kind::Organization, "bakery", to_dynamic(&bakery("First")), "").await;
    let bakery_name = name("organizations", "bakery");
    for title in ["Second", "Third", "Fourth"] {
        city.clock.advance(Duration::days(10));
        let next = Organization { name: bakery_name.to_string(), ..bakery(title) };
        update(city, to_dynamic(&next), Kind::Organization).await;
    }
    let versions = async || {
        let page = city.registry.revisions(&administrator(), &bakery_name, 0, "").await.unwrap();
        page.revisions.iter().map(|one| one.revision).collect::<Vec<_>>()
    };
    // The first was superseded 10 days after its birth, and so 110 days ago.
    city.clock.advance(Duration::days(90));
    city.registry.run_clean_up(&administrator()).await.unwrap();
    assert_eq!(versions().await, [4, 3, 2]);
    city.clock.advance(Duration::days(3_000));
    city.registry.run_clean_up(&administrator()).await.unwrap();
    assert_eq!(versions().await, [4, 3]);
}

/// The lines of an export: source, name and reasons.
pub(super) async fn exported(city: &Resident, asked: Asked) -> Vec<(String, String, String)> {
    let caller = administrator();
    let subject = city.registry.check_subject(&caller, Some(&asked)).await.unwrap();
    let (pieces, mut received) = mpsc::channel(100);
    assert!(city.registry.export_subject(&caller, &subject, pieces).await.unwrap());
    let (mut file, mut counts) = (Vec::new(), 0);
    while let Some(piece) = received.recv().await {
        file.extend_from_slice(&piece.chunk);
        counts += piece.counts.iter().map(|one| one.count).sum::<i64>();
    }
    let file = String::from_utf8(file).unwrap();
    assert_eq!(i64::try_from(file.lines().count()).unwrap(), counts);
    let lines = file.lines().map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |field: &str| value[field].as_str().unwrap().to_owned();
        assert!(value["content"].is_object());
        (
            text("source"),
            text("name").rsplit('/').next().unwrap().to_owned(),
            value["reasons"][0].as_str().unwrap().to_owned(),
        )
    });
    lines.collect()
}

async fn an_export_about_a_person_finds_internal_fields_history_and_quarantine(databases: Databases) {
    let place = settle(&databases, Retention::default()).await;
    let city = &place.city;
    let bakery_name = bake(city).await;
    // She has left: only the history knows her.
    let changed = Organization { name: bakery_name.to_string(), ..organization(TITLE, "PT") };
    update(city, to_dynamic(&changed), Kind::Organization).await;
    let found = exported(city, Asked::Person("xylofonova QUIRINA".into())).await;
    let sources: Vec<&str> = found.iter().map(|(source, _, _)| source.as_str()).collect();
    assert_eq!(sources, ["revision", "revision", "quarantined_row"], "{found:?}");
    assert!(found[0].2.starts_with("contact_points[0].person_name"), "{found:?}");
    assert_eq!(exported(city, Asked::Person(MAILBOX.into())).await.len(), 2);
    assert!(exported(city, Asked::Person("Quirina Silva".into())).await.is_empty(), "another person");

    let about = exported(city, Asked::Organization(bakery_name.to_string())).await;
    let of = |source: &str| {
        about.iter().filter(|line| line.0 == source).map(|line| (line.1.as_str(), line.2.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(of("record"), [("doubt", "reference"), ("bakery", "subject")]);
    assert_eq!(of("revision").len(), 4, "three of its own, one of the decision");
    assert_eq!(of("quarantined_row").len(), 1);
    // After it was deleted there is still something to tell.
    city.registry.delete(&administrator(), &name("matchAssertions", "doubt"), "", Terms::default()).await.unwrap();
    city.registry.delete(&administrator(), &bakery_name, "", Terms::default()).await.unwrap();
    assert!(exported(city, Asked::Organization(bakery_name.to_string())).await.len() > about.len());
}

async fn somebody_who_left_is_nowhere_once_the_history_is_erased(databases: Databases) {
    let place = settle(&databases, Retention::default()).await;
    let city = &place.city;
    create(city, Kind::Organization, "bakery", to_dynamic(&bakery(TITLE)), "").await;
    create(city, Kind::Organization, "mill", to_dynamic(&organization("Moinho", "PT")), "").await;
    city.index().await;
    let bakery_name = name("organizations", "bakery");
    let without = Organization { name: bakery_name.to_string(), ..organization(TITLE, "PT") };
    update(city, to_dynamic(&without), Kind::Organization).await;
    let index = city.folder().join("index");
    assert!(holds(&all_bytes(&place).await, PERSON), "the history knows her");
    let erased = city.registry.erase_history(&administrator(), &bakery_name).await.unwrap();
    assert!((erased.revisions, erased.database_cleaned, erased.index_cleaned) == (1, true, true), "{erased:?}");
    assert!(!holds(&all_bytes(&place).await, PERSON) && !holds(&files_below(&index), "Xylofonova"));
    let versions = city.registry.revisions(&administrator(), &bakery_name, 0, "").await.unwrap().revisions;
    assert_eq!(versions.iter().map(|one| one.revision).collect::<Vec<_>>(), [2]);
    let past = city.registry.clean_ups(&administrator(), 0, "").await.unwrap().clean_ups;
    assert_eq!((past.len(), past[0].items[0].count), (1, 1));
    // What is deleted can still be restored.
    city.registry.delete(&administrator(), &bakery_name, "", Terms::default()).await.unwrap();
    city.registry.erase_history(&administrator(), &bakery_name).await.unwrap();
    city.registry.undelete(&administrator(), &bakery_name, "", Terms::default()).await.unwrap();
    let restored: Organization =
        city.registry.get(&administrator(), &bakery_name).await.unwrap().transcode_to().unwrap();
    assert_eq!(restored.display_names[0].text, TITLE);
}

#[tokio::test]
async fn a_signed_record_says_until_when_it_may_be_kept() {
    let kinds = BTreeMap::from([(Kind::Organization, 200)]);
    let place = settle(&Databases::sqlite(), Retention { kinds, ..Retention::default() }).await;
    let city = &place.city;
    bake(city).await;
    city.create("bread", partnership("Bread", "MA")).await;
    let record = async |name: Name| {
        let publication = city.registry.store().publication(&name).await.unwrap().unwrap();
        let envelope = isopolity_proto::federation::Envelope::decode(publication.records[0].envelope.clone()).unwrap();
        isopolity_domain::record::read(&envelope).unwrap()
    };
    let until = to_timestamp(city.clock.now() + Duration::days(200));
    assert_eq!(record(name("organizations", "mill")).await.delete_after, Some(until));
    assert_eq!(record(name("partnerships", "bread")).await.delete_after, None);
}

#[tokio::test]
async fn only_an_administrator_erases_cleans_up_and_asks_about_people() {
    let place = settle(&Databases::sqlite(), Retention::default()).await;
    let registry = &place.city.registry;
    for role in [Role::Viewer, Role::Editor, Role::Coordinator, Role::Auditor] {
        let caller = Caller::token("x", role);
        let bakery = name("organizations", "bakery");
        let erasure = Erasure { name: &bakery, reason: "x", cut_references: false, validate_only: true };
        let person = Asked::Person("Quirina".into());
        for refused in [
            registry.erase(&caller, erasure).await.map(drop),
            registry.erase_history(&caller, &bakery).await.map(drop),
            registry.preview_clean_up(&caller).await.map(drop),
            registry.run_clean_up(&caller).await.map(drop),
            registry.clean_ups(&caller, 0, "").await.map(drop),
            registry.tombstones(&caller, 0, "").await.map(drop),
            registry.check_subject(&caller, Some(&person)).await.map(drop),
        ] {
            assert!(matches!(refused, Err(Error::RightMissing(_))), "{role:?}: {refused:?}");
        }
    }
    let nobody = registry.check_subject(&administrator(), Some(&Asked::Person(" a ".into()))).await.unwrap_err();
    assert!(matches!(nobody, Error::Invalid(_)));
}
