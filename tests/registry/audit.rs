//! The audit log: what is in it, who sees it, and that nobody rewrites it unnoticed.

use std::{collections::BTreeMap, path::Path};

use isopolity_domain::{
    Kind, Name,
    audit::{Chain, entry_digest},
    envelope,
    text::hexadecimal,
};
use isopolity_federation::{KeyKind, LinkError};
use isopolity_proto::{
    admin::{
        AuditAction, AuditDetail, AuditEntry, AuditSubjectKind, CompareAuditedCallsRequest,
        CompareAuditedCallsResponse, ListAuditEntriesRequest, Role, StoredAuditEntry, VerifyAuditLogResponse,
    },
    catalog::Outcome,
    error::Reason,
    federation::{AuditOutcome, CallDirection, ListAuditedCallsRequest, QueryRequest},
    options::Audience,
    registry::Partnership,
    to_dynamic,
};
use isopolity_registry::{Caller, author::Terms, verify::LogVerifier};
use isopolity_store::AuditFilter;
use isopolity_tests::{
    Manner, Resident, Town,
    sample::{asking, organization, partnership, partnerships},
    town::administrator,
};
use prost::Message as _;
use sea_orm::{ConnectionTrait as _, Database};
use tokio::sync::mpsc;

const FEIRA: &str = "feira.example";
const GENEVE: &str = "geneve.example";
const KENITRA: &str = "kenitra.example";

fn auditor() -> Caller {
    Caller::token("auditor", Role::Auditor)
}

/// All entries, the oldest first.
async fn entries(city: &Resident) -> Vec<StoredAuditEntry> {
    let request = ListAuditEntriesRequest { oldest_first: true, page_size: 500, ..Default::default() };
    city.registry.audit_entries(&auditor(), &request).await.unwrap().entries
}

/// The entries of an action.
async fn of(city: &Resident, action: AuditAction) -> Vec<(AuditEntry, AuditDetail)> {
    let all = entries(city).await.into_iter();
    let wanted = all.filter(|stored| stored.entry.as_ref().unwrap().action() == action);
    wanted.map(|stored| (stored.entry.unwrap(), stored.detail.unwrap_or_default())).collect()
}

/// What a check of the log finds.
async fn verified(city: &Resident) -> VerifyAuditLogResponse {
    let (sender, mut told) = mpsc::channel(1_000);
    city.registry.verify_audit_log(&auditor(), sender).await.unwrap();
    let mut last = VerifyAuditLogResponse::default();
    while let Some(message) = told.recv().await {
        last = message;
    }
    assert!(last.done);
    last
}

async fn exported(city: &Resident) -> String {
    let (sender, mut pieces) = mpsc::channel(1_000);
    city.registry.export_audit_log(&auditor(), sender).await.unwrap();
    let mut file = Vec::new();
    while let Some(piece) = pieces.recv().await {
        file.extend_from_slice(&piece.chunk);
    }
    String::from_utf8(file).unwrap()
}

async fn verifier(city: &Resident, witnesses: &[&Resident]) -> LogVerifier {
    let bundle = async |city: &Resident| city.registry.own_bundle(&administrator()).await.unwrap().0.to_vec();
    let mut bundles = Vec::new();
    for witness in witnesses {
        bundles.push(bundle(witness).await);
    }
    LogVerifier::begin(&bundle(city).await, &bundles).unwrap()
}

fn name(kind: &str, id: &str) -> Name {
    format!("cities/{FEIRA}/{kind}/{id}").parse().unwrap()
}

#[tokio::test]
async fn every_change_has_an_entry_with_what_was_before_and_after() {
    let town = Town::default();
    let feira = town.settle(FEIRA).await;
    let editor = Caller::token("ana", Role::Editor);
    let bread = name("partnerships", "bread");
    let created = partnership("Bread", "MA");
    let parent = format!("cities/{FEIRA}");
    let registry = &feira.registry;
    let terms = Terms::default();
    registry.create(&editor, Kind::Partnership, &parent, "bread", to_dynamic(&created), terms).await.unwrap();
    let change = Partnership { name: bread.to_string(), internal_notes: "call Maria".into(), ..Default::default() };
    let mask = ["internal_notes".to_owned()];
    let checked = Terms { validate_only: true, ..terms };
    registry.update(&editor, Kind::Partnership, to_dynamic(&change), &mask, checked).await.unwrap();
    registry.update(&editor, Kind::Partnership, to_dynamic(&change), &mask, terms).await.unwrap();
    registry.delete(&editor, &bread, "", terms).await.unwrap();
    registry.undelete(&editor, &bread, "", terms).await.unwrap();

    let [(entry, detail)] = of(&feira, AuditAction::ResourceUpdated).await.try_into().unwrap();
    assert_eq!(
        (entry.resource.as_str(), detail.changed_fields.as_slice()),
        (bread.to_string().as_str(), mask.as_slice())
    );
    let subject = entry.subject.clone().unwrap();
    assert_eq!((subject.id.as_str(), subject.role(), subject.kind()), ("ana", Role::Editor, AuditSubjectKind::Token));
    let value = |any: Option<prost_types::Any>| Partnership::decode(any.unwrap().value.as_slice()).unwrap();
    assert_eq!(value(detail.before).internal_notes, created.internal_notes);
    assert_eq!(value(detail.after), Partnership { internal_notes: "call Maria".into(), ..Default::default() });
    let said = String::from_utf8_lossy(&entry.encode_to_vec()).into_owned();
    assert!(!said.contains("Maria"), "values stand only in the detail, which can be erased");

    let about = async |action, resource: &Name| {
        let all = of(&feira, action).await;
        all.iter().filter(|(entry, _)| entry.resource == resource.to_string()).count()
    };
    assert_eq!(about(AuditAction::ResourceCreated, &bread).await, 1);
    assert_eq!(about(AuditAction::ResourceDeleted, &bread).await, 1);
    assert_eq!(about(AuditAction::ResourceRestored, &bread).await, 1);
    assert_eq!(of(&feira, AuditAction::StageStepped).await.len(), 1, "a partnership comes with its first event");
    let token = registry.create_token(&administrator(), "for a test", Role::Viewer, &[], None).await.unwrap().token;
    registry.revoke_token(&administrator(), &token.id).await.unwrap();
    assert_eq!(of(&feira, AuditAction::TokenCreated).await[0].0.resource, format!("tokens/{}", token.id));
    assert_eq!(of(&feira, AuditAction::TokenRevoked).await.len(), 1);
    assert!(of(&feira, AuditAction::OwnBundleMade).await.len() == 1);
    for _ in 0..3 {
        registry.authenticate("iso_nobody_x").await.unwrap_err();
    }
    assert_eq!(of(&feira, AuditAction::AuthenticationFailed).await[0].0.count, 3, "counted, not each");
    assert_eq!(verified(&feira).await.findings, Vec::<String>::new());
}

#[tokio::test]
async fn the_log_is_for_those_with_the_right_to_audit() {
    let feira = Town::default().settle(FEIRA).await;
    for role in [Role::Viewer, Role::Editor, Role::Coordinator] {
        let caller = Caller::token("x", role);
        let refused = feira.registry.audit_entries(&caller, &ListAuditEntriesRequest::default()).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::RightMissing, "{role:?}");
        assert_eq!(feira.registry.audit_log(&caller).await.unwrap_err().reason(), Reason::RightMissing);
        let (sender, _told) = mpsc::channel(1);
        let refused = feira.registry.export_audit_log(&caller, sender).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::RightMissing);
    }
    let refused = feira.registry.erase_audit_details(&auditor(), "x", "y").await.unwrap_err();
    assert_eq!(refused.reason(), Reason::RightMissing, "who reads the log does not change it");
}

#[tokio::test]
async fn pages_of_the_log_hold_every_entry_once() {
    let feira = Town::default().settle(FEIRA).await;
    for at in 0..7 {
        feira.keep(Kind::Organization, &format!("o{at}"), to_dynamic(&organization("Padaria", "PT"))).await;
    }
    for oldest_first in [true, false] {
        let mut request = ListAuditEntriesRequest { oldest_first, page_size: 2, ..Default::default() };
        let mut sequences = Vec::new();
        loop {
            let page = feira.registry.audit_entries(&auditor(), &request).await.unwrap();
            sequences.extend(page.entries.iter().map(|stored| stored.entry.as_ref().unwrap().sequence));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        if !oldest_first {
            sequences.reverse();
        }
        let last = i64::try_from(sequences.len()).unwrap();
        assert_eq!(sequences, (1..=last).collect::<Vec<_>>());
        assert!(last >= 9);
    }
}

async fn compared(city: &Resident, with: &str, direction: CallDirection) -> CompareAuditedCallsResponse {
    let request = CompareAuditedCallsRequest { city: with.into(), direction: direction.into(), ..Default::default() };
    city.registry.compare_audited_calls(&auditor(), &request).await.unwrap()
}

/// Of somebody in that city, and not by the id that the city itself uses.
fn is_a_pseudonym(requester: &str, city: &str) -> bool {
    requester.split_once('@').is_some_and(|(who, of)| of == city && who != "test" && who.len() >= 16)
}

#[tokio::test]
async fn a_question_is_in_both_cities_logs_and_both_see_it_alike() {
    let town = Town::default();
    let [feira, geneve, kenitra] = town.of([FEIRA, GENEVE, KENITRA]).await;
    kenitra.create("one", partnership("Olives", "MA")).await;
    let mut request = asking(partnerships());
    request.purpose = "to find bakers".into();
    feira.search(&request, None).await.unwrap();
    let foreign = format!("cities/{KENITRA}/partnerships/one").parse().unwrap();
    feira.registry.record(&administrator(), &foreign, Audience::Unspecified, "", None).await.unwrap();

    let asked = of(&feira, AuditAction::QueryAsked).await;
    let peers: Vec<&str> = asked.iter().map(|(entry, _)| entry.peer.as_str()).collect();
    assert_eq!(peers, [GENEVE, KENITRA]);
    let [(answered, detail)] = of(&kenitra, AuditAction::QueryAnswered).await.try_into().unwrap();
    assert_eq!((answered.peer.as_str(), answered.total, answered.hits), (FEIRA, 1, 1));
    assert_eq!(answered.outcome(), AuditOutcome::Succeeded);
    assert_eq!(detail.purpose, "to find bakers");
    assert!(is_a_pseudonym(&detail.requester, FEIRA), "{}", detail.requester);
    assert_eq!(detail.question.unwrap().kinds, ["partnership"]);
    assert_eq!(answered.query_id, asked[1].0.query_id);
    assert_eq!(of(&kenitra, AuditAction::RecordAnswered).await[0].0.resource, foreign.to_string());

    for (city, with, direction) in [(&feira, KENITRA, CallDirection::Asked), (&kenitra, FEIRA, CallDirection::Answered)]
    {
        let compared = compared(city, with, direction).await;
        assert_eq!((compared.unanswered.as_str(), compared.differences, compared.calls.len()), ("", 0, 2));
        assert!(compared.calls.iter().all(|call| call.here.is_some() && call.there.is_some()), "{compared:?}");
    }
    assert_eq!(compared(&geneve, FEIRA, CallDirection::Answered).await.calls.len(), 1);
    // One that denies what it asked is found out.
    forge(&feira, |entry| entry.action() != AuditAction::QueryAsked || entry.peer != KENITRA).await;
    let compared = compared(&kenitra, FEIRA, CallDirection::Answered).await;
    assert_eq!(compared.differences, 1);
    assert_eq!(compared.calls[0].difference, "the peer has no such call");
}

#[tokio::test]
async fn a_peer_sees_only_entries_of_its_own_calls() {
    let town = Town::default();
    let [feira, geneve, kenitra] = town.of([FEIRA, GENEVE, KENITRA]).await;
    for asker in [&geneve, &geneve, &kenitra] {
        asker.search(&asking(partnerships()), None).await.unwrap();
    }
    let seen_by = async |peer: &Resident, direction: CallDirection| {
        let mut request = ListAuditedCallsRequest { direction: direction.into(), page_size: 1, ..Default::default() };
        let mut calls = Vec::new();
        loop {
            let page = feira.registry.audited_calls_for_peer(peer.registry.city(), &request).await.unwrap();
            calls.extend(page.calls);
            if page.next_page_token.is_empty() {
                return calls;
            }
            request.page_token = page.next_page_token;
        }
    };
    let requesters = |calls: &[isopolity_proto::federation::AuditedCall]| {
        calls.iter().map(|call| call.requester.clone()).collect::<Vec<_>>()
    };
    let geneves = seen_by(&geneve, CallDirection::Answered).await;
    let [first, second] = requesters(&geneves).try_into().unwrap();
    assert!(first == second && is_a_pseudonym(&first, GENEVE), "{first}, {second}");
    let [kenitras] = requesters(&seen_by(&kenitra, CallDirection::Answered).await).try_into().unwrap();
    assert!(is_a_pseudonym(&kenitras, KENITRA), "{kenitras}");
    assert!(seen_by(&geneve, CallDirection::Asked).await.is_empty(), "it was asked nothing");
    let stranger = "lisboa.example".parse().unwrap();
    let request = ListAuditedCallsRequest { direction: CallDirection::Answered.into(), ..Default::default() };
    let refused = feira.registry.audited_calls_for_peer(&stranger, &request).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::PeerUnknown);
    // A page token is for the peer that got it.
    let request = ListAuditedCallsRequest { page_size: 1, ..request };
    let token = feira.registry.audited_calls_for_peer(geneve.registry.city(), &request).await.unwrap().next_page_token;
    let foreign = ListAuditedCallsRequest { page_token: token, ..request };
    let refused = feira.registry.audited_calls_for_peer(kenitra.registry.city(), &foreign).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::PageTokenInvalid);
}

#[tokio::test]
async fn what_is_not_public_is_not_told_where_it_can_not_be_logged() {
    let town = Town::default();
    let [feira, geneve, kenitra] = town.of([FEIRA, GENEVE, KENITRA]).await;
    isopolity_tests::town::grant(&feira, &geneve, Audience::Federation).await;
    feira.registry.journal().limit(0);
    let purpose = || "research".to_owned();
    let query =
        || QueryRequest { question: Some(partnerships()), limit: 1, purpose: purpose(), ..QueryRequest::default() };
    let within = std::time::Duration::from_secs(5);
    let refused = feira.registry.answer(geneve.registry.city(), query(), within).await.err().unwrap();
    assert_eq!(refused.reason(), Reason::AuditUnavailable);
    let refused = feira.search(&asking(partnerships()), None).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::AuditUnavailable);
    // Who sees only what everyone may see is answered, and the entry is missed.
    drop(feira.registry.answer(kenitra.registry.city(), query(), within).await.unwrap());
    feira.registry.journal().limit(10);
    assert_eq!(of(&feira, AuditAction::EntriesLost).await[0].0.count, 1);
    drop(feira.registry.answer(geneve.registry.city(), query(), within).await.unwrap());
    assert_eq!(of(&feira, AuditAction::QueryAnswered).await.len(), 1);
    assert_eq!(feira.registry.journal().waiting(), 0);
}

/// What a malicious administrator does: takes out entries and chains the others again, with right hashes.
async fn forge(city: &Resident, keep: impl Fn(&AuditEntry) -> bool) {
    city.registry.flush_audit().await.unwrap();
    let rows = city.registry.store().audit_entries(&AuditFilter::default(), true, None, 100_000).await.unwrap();
    let file = city.folder().join("registry.db");
    let database = Database::connect(format!("sqlite://{}", file.display())).await.unwrap();
    let mut script = vec!["begin immediate; delete from audit;".to_owned()];
    let mut chain = Chain::EMPTY;
    for row in rows {
        let mut entry = AuditEntry::decode(row.entry.bytes.clone()).unwrap();
        if !keep(&entry) {
            continue;
        }
        entry.sequence = chain.sequence + 1;
        entry.previous_hash = chain.hash.to_vec().into();
        let bytes = entry.encode_to_vec();
        chain.follow(&entry_digest(&bytes));
        let (salt, detail) = row.entry.kept.map_or(("null".to_owned(), "null".to_owned()), |kept| {
            (format!("x'{}'", hexadecimal(&kept.salt)), format!("x'{}'", hexadecimal(&kept.detail)))
        });
        let micros = row.time.unix_timestamp_nanos() / 1_000;
        script.push(format!(
            "insert into audit values ({}, {micros}, {}, '{}', '{}', '{}', x'{}', x'{}', {salt}, {detail});",
            chain.sequence,
            row.action,
            row.subject,
            row.resource,
            row.peer,
            hexadecimal(&bytes),
            hexadecimal(&chain.hash)
        ));
    }
    let (sequence, hash) = (chain.sequence, hexadecimal(&chain.hash));
    script.push(format!("update audit_chain set sequence = {sequence}, hash = x'{hash}'; commit;"));
    database.execute_unprepared(&script.concat()).await.unwrap();
    database.close().await.unwrap();
}

/// What is said of a peer's log in the list of peers.
async fn contradiction(city: &Resident, peer: &str) -> String {
    let peers = city.registry.list_peers(&administrator(), false, false).await.unwrap();
    peers.into_iter().find(|one| one.city == peer).unwrap().audit_contradiction
}

#[tokio::test]
async fn peers_witness_one_anothers_logs_as_they_grow() {
    let town = Town::default();
    let [feira, kenitra] = town.of([FEIRA, KENITRA]).await;
    for round in 0..3 {
        feira.create(&format!("p{round}"), partnership("Bread", "MA")).await;
        kenitra.registry.tend_peers().await;
        let end = feira.registry.store().audit_chain().await.unwrap().head.sequence;
        let log = feira.registry.audit_log(&auditor()).await.unwrap();
        assert_eq!((log.witnesses[0].city.as_str(), log.witnesses[0].witnessed_sequence), (KENITRA, end));
        let seen = kenitra.registry.audit_log(&auditor()).await.unwrap();
        assert_eq!((seen.witnesses[0].seen_sequence, seen.witnesses[0].contradiction.as_str()), (end, ""));
    }
    assert_eq!(verified(&feira).await.findings, Vec::<String>::new());
    assert_eq!((contradiction(&kenitra, FEIRA).await, contradiction(&feira, KENITRA).await), Default::default());
}

#[tokio::test]
async fn a_city_that_rotates_its_record_key_is_accused_of_nothing() {
    let town = Town::default();
    let [feira, kenitra] = town.of([FEIRA, KENITRA]).await;
    kenitra.registry.tend_peers().await;
    feira.registry.prepare_key(&administrator(), KeyKind::Record).await.unwrap();
    feira.registry.rotate_key(&administrator(), KeyKind::Record, true).await.unwrap();
    kenitra.registry.tend_peers().await;
    assert_eq!((contradiction(&kenitra, FEIRA).await, contradiction(&feira, KENITRA).await), Default::default());
    let end = feira.registry.store().audit_chain().await.unwrap().head.sequence;
    assert_eq!(kenitra.registry.audit_log(&auditor()).await.unwrap().witnesses[0].seen_sequence, end);
    assert_eq!(verified(&feira).await.findings, Vec::<String>::new());
}

#[tokio::test]
async fn t33_a_log_that_an_administrator_rewrote_is_found_by_a_witness_and_named_on_both_sides() {
    let town = Town::default();
    let [feira, kenitra] = town.of([FEIRA, KENITRA]).await;
    feira.create("bread", partnership("Bread", "MA")).await;
    let token = feira.registry.create_token(&administrator(), "a back door", Role::Viewer, &[], None).await.unwrap();
    feira.registry.revoke_token(&administrator(), &token.token.id).await.unwrap();
    kenitra.registry.tend_peers().await;
    // The back door disappears from the log; all hashes are reckoned anew, and it grows beyond what was seen.
    forge(&feira, |entry| entry.action() != AuditAction::TokenCreated).await;
    for at in 0..3 {
        feira.create(&format!("p{at}"), partnership("Bread", "MA")).await;
    }
    let (sender, mut told) = mpsc::channel(100);
    feira.registry.verify_audit_log(&auditor(), sender).await.unwrap();
    let mut last = VerifyAuditLogResponse::default();
    while let Some(message) = told.recv().await {
        last = message;
    }
    assert!(last.findings[0].contains("kenitra.example witnessed another log"), "{:?}", last.findings);

    kenitra.registry.tend_peers().await;
    let found = contradiction(&kenitra, FEIRA).await;
    assert!(found.starts_with("its audit log was rewritten: entry "), "{found}");
    assert!(contradiction(&feira, KENITRA).await.contains("kenitra.example objects to this city's own audit log"));
    assert!(verified(&kenitra).await.findings[0].contains("its audit log was rewritten"));
    assert_eq!(of(&kenitra, AuditAction::LogContradicted).await[0].0.peer, FEIRA);
    assert_eq!(of(&feira, AuditAction::LogContradicted).await.len(), 1);
    let trouble = kenitra.registry.list_peers(&administrator(), false, false).await.unwrap().remove(0).troubles;
    assert!(trouble.iter().any(|one| one.reason() == Reason::AuditLogRewritten), "{trouble:?}");
    // What was seen stays seen: a further visit finds it again.
    kenitra.registry.tend_peers().await;
    let log = kenitra.registry.audit_log(&auditor()).await.unwrap();
    let seen = envelope::to_file(log.witnesses[0].seen_head.as_ref().unwrap());
    assert!(seen.contains("audit-head"));
}

#[tokio::test]
async fn t33_a_log_that_was_cut_short_is_found_by_a_witness() {
    let town = Town::default();
    let [feira, kenitra] = town.of([FEIRA, KENITRA]).await;
    feira.create("bread", partnership("Bread", "MA")).await;
    kenitra.registry.tend_peers().await;
    let end = feira.registry.store().audit_chain().await.unwrap().head.sequence;
    forge(&feira, |entry| entry.sequence < end).await;
    kenitra.registry.tend_peers().await;
    let found = contradiction(&kenitra, FEIRA).await;
    assert!(found.contains("entries were removed"), "{found}");
}

#[tokio::test]
async fn t11_a_city_that_shows_two_peers_different_logs_is_found_when_they_compare() {
    let town = Town::default();
    let [feira, geneve, kenitra] = town.of([FEIRA, GENEVE, KENITRA]).await;
    feira.create("bread", partnership("Bread", "MA")).await;
    // The two others can't talk for now.
    let silent = || Manner::Fails(LinkError::new(Outcome::Unreachable, Reason::Connection, "gone"));
    town.teach(KENITRA, silent());
    geneve.registry.tend_peers().await;
    // To the other one it shows another log of the same length.
    town.teach(KENITRA, Manner::Honest);
    town.teach(GENEVE, silent());
    let last = feira.registry.store().audit_chain().await.unwrap().head;
    forge(&feira, |entry| entry.sequence != last.sequence - 1).await;
    feira.registry.create_token(&administrator(), "other", Role::Viewer, &[], None).await.unwrap();
    let other = feira.registry.store().audit_chain().await.unwrap().head;
    assert!(other.sequence == last.sequence && other != last);
    kenitra.registry.tend_peers().await;
    for city in [&geneve, &kenitra] {
        assert_eq!(contradiction(city, FEIRA).await, "", "neither finds anything by itself");
    }
    // From now on it shows nobody anything; but they tell each other what they saw.
    town.teach(GENEVE, Manner::Honest);
    town.teach(FEIRA, silent());
    geneve.registry.tend_peers().await;
    for (city, peer) in [(&geneve, KENITRA), (&kenitra, GENEVE)] {
        let found = contradiction(city, FEIRA).await;
        let expected =
            format!("its audit log is not the same for all: {peer} was shown another entry {}", last.sequence);
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_receipt_that_is_not_good_is_refused() {
    use isopolity_domain::audit::head;
    use isopolity_proto::federation::WitnessAuditHeadRequest;
    let town = Town::default();
    let [feira, kenitra] = town.of([FEIRA, KENITRA]).await;
    let end = feira.registry.store().audit_chain().await.unwrap().head;
    let now = time::OffsetDateTime::UNIX_EPOCH;
    let (own, other) = (feira.registry.city(), kenitra.registry.city());
    let key = kenitra.identity.record_key();
    let receipt = |chain, key| {
        let receipt = head::sign_receipt(own, other, chain, now, key);
        WitnessAuditHeadRequest { receipt: Some(receipt), ..Default::default() }
    };
    feira.registry.witnessed_by_peer(other, &receipt(end, &key)).await.unwrap();
    let head_of = |chain, key| head::sign_head(own, chain, now, key);
    let objection = |contradicted| WitnessAuditHeadRequest {
        objection: "it was rewritten".into(),
        contradicted: Some(contradicted),
        ..Default::default()
    };
    let forged = Chain { hash: [7; 32], ..end };
    for wrong in [
        receipt(end, &feira.identity.record_key()),
        receipt(forged, &key),
        receipt(Chain { sequence: end.sequence + 1, ..end }, &key),
        WitnessAuditHeadRequest::default(),
        // An objection without proof: the head is one that the log does hold, or that this city never signed.
        objection(head_of(end, &feira.identity.record_key())),
        objection(head_of(forged, &key)),
    ] {
        let refused = feira.registry.witnessed_by_peer(other, &wrong).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::AuditReceiptInvalid, "{wrong:?}");
    }
    assert_eq!(contradiction(&feira, KENITRA).await, "");
}

#[tokio::test]
async fn erasing_the_details_about_a_resource_keeps_the_chain_whole() {
    let town = Town::default();
    let feira = town.settle(FEIRA).await;
    feira.create("bread", partnership("Bread", "MA")).await;
    feira.create("cake", partnership("Cake", "MA")).await;
    let bread = name("partnerships", "bread").to_string();
    let before = feira.registry.audit_log(&auditor()).await.unwrap().head.unwrap();
    assert_eq!(feira.registry.erase_audit_details(&administrator(), &bread, "art. 17").await.unwrap(), 1);
    assert_eq!(feira.registry.erase_audit_details(&administrator(), &bread, "art. 17").await.unwrap(), 0);
    for stored in entries(&feira).await {
        let is_about = stored.entry.as_ref().unwrap().resource == bread;
        let was_before = stored.entry.as_ref().unwrap().sequence <= before.sequence;
        assert_eq!(stored.detail_erased, is_about && was_before, "{stored:?}");
    }
    let checked = verified(&feira).await;
    assert_eq!((checked.findings, checked.erased_details), (Vec::new(), 1));
    let file = exported(&feira).await;
    let checked = verifier(&feira, &[]).await.file(file.as_bytes()).unwrap();
    assert_eq!((checked.erased, checked.unexplained), (1, Vec::new()));
    // One that is gone without an entry is a finding.
    let file = feira.folder().join("registry.db");
    let database = Database::connect(format!("sqlite://{}", file.display())).await.unwrap();
    let cake = name("partnerships", "cake");
    let erased = format!("update audit set salt = null, detail = null where resource = '{cake}'");
    database.execute_unprepared(&erased).await.unwrap();
    assert!(verified(&feira).await.findings[0].contains("details are gone although no entry says"));
}

#[tokio::test]
async fn an_exported_log_is_checked_without_a_node_and_a_changed_byte_is_named() {
    let town = Town::default();
    let [feira, kenitra] = town.of([FEIRA, KENITRA]).await;
    for at in 0..4 {
        feira.create(&format!("p{at}"), partnership("Bread", "MA")).await;
    }
    kenitra.registry.tend_peers().await;
    let file = exported(&feira).await;
    let checked = verifier(&feira, &[&kenitra]).await.file(file.as_bytes()).unwrap();
    let end = checked.end.sequence;
    assert_eq!((checked.first, checked.receipts.len()), (1, 1));
    assert!(checked.receipts[0].checked && checked.receipts[0].receipt.sequence > 1);
    assert!(!verifier(&feira, &[]).await.file(file.as_bytes()).unwrap().receipts[0].checked);
    assert!(verifier(&kenitra, &[]).await.file(file.as_bytes()).is_err(), "it is of another city");
    assert_eq!(of(&feira, AuditAction::AuditExported).await[0].0.total, end);

    // Twenty bytes all over the file: in an entry, its hash, its detail, in what comes before and after.
    let lines: Vec<&str> = file.split_inclusive('\n').collect();
    let mut reasons = BTreeMap::new();
    let step = file.len() / 20;
    for nth in 0..20 {
        let position = nth * step + step / 2;
        let mut changed = file.clone().into_bytes();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        let line = file[..position].matches('\n').count();
        let refused = verifier(&feira, &[&kenitra]).await.file(changed.as_slice()).unwrap_err().to_string();
        let expected = match lines[line] {
            text if text.starts_with("{\"entry\"") => {
                assert!(refused.starts_with(&format!("line {}: ", line + 1)), "{refused}");
                let named = format!("entry {line}: ");
                assert!(refused.contains(&named) || refused.contains("spelt"), "{refused}");
                "entry"
            }
            text if text.starts_with("{\"seal\"") => "seal",
            _ => "other",
        };
        *reasons.entry(expected).or_insert(0) += 1;
    }
    assert!(reasons["entry"] >= 10, "{reasons:?}");
}

fn files_of(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn older_entries_move_to_files_that_are_checked_in_a_row_with_the_rest() {
    let town = Town::default();
    let [feira, kenitra] = town.of([FEIRA, KENITRA]).await;
    let folder = feira.folder().join("audit");
    let day = time::Duration::days(1);
    for at in 0..3 {
        feira.create(&format!("p{at}"), partnership("Bread", "MA")).await;
        if at == 0 {
            kenitra.registry.tend_peers().await;
        }
        feira.clock.advance(day * 10);
        if at < 2 {
            assert_eq!(feira.registry.rotate_audit_log(&folder, day * 5).await.unwrap().len(), 1);
        }
    }
    assert!(feira.registry.rotate_audit_log(&folder, day * 500).await.unwrap().is_empty());
    let files = files_of(&folder);
    assert_eq!(files.len(), 2, "{files:?}");
    // Without what can be erased.
    let moved = std::fs::read_to_string(folder.join(&files[0])).unwrap();
    assert!(!moved.contains("\"detail\""));
    let checked = verified(&feira).await;
    assert_eq!(checked.findings, Vec::<String>::new());
    assert!(feira.registry.audit_log(&auditor()).await.unwrap().first_sequence > 5);

    let rest = exported(&feira).await;
    let mut verifier_of_all = verifier(&feira, &[&kenitra]).await;
    for file in &files {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        verifier_of_all.file(bytes.as_slice()).unwrap();
    }
    verifier_of_all.file(rest.as_bytes()).unwrap();
    let mut without = verifier(&feira, &[]).await;
    without.file(std::fs::read(folder.join(&files[0])).unwrap().as_slice()).unwrap();
    let gap = without.file(rest.as_bytes()).unwrap_err().to_string();
    assert!(gap.contains("but the file before ends at entry"), "{gap}");
    // A witness that saw the log before is led over what was moved.
    kenitra.registry.tend_peers().await;
    assert_eq!(contradiction(&kenitra, FEIRA).await, "");
    let head = feira.registry.store().audit_chain().await.unwrap().head.sequence;
    assert_eq!(kenitra.registry.audit_log(&auditor()).await.unwrap().witnesses[0].seen_sequence, head);
}
