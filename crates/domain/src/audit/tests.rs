use bytes::Bytes;
use isopolity_proto::{
    admin::{AuditAction, AuditDetail, Role},
    error::Reason,
    federation::{AuditOutcome, Question},
    registry::Partnership,
    to_dynamic,
};
use proptest::prelude::*;
use prost::Message as _;
use time::{OffsetDateTime, macros::datetime};

use super::{
    file::{FileFlaw, Reader, Writer},
    head::{Claim, Contradiction},
    *,
};
use crate::{
    CityId,
    envelope::{Keys, SigningKey, key_id},
};

const NOW: OffsetDateTime = datetime!(2026-03-16 09:00 UTC);

fn feira() -> CityId {
    "feira.example".parse().unwrap()
}

fn kenitra() -> CityId {
    "kenitra.example".parse().unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn keys(seed: u8) -> Keys {
    let public = key(seed).verifying_key();
    Keys::from([(key_id(&public), public)])
}

/// Entries of several kinds, with details and without.
fn entries(count: usize) -> (Chain, Vec<Entry>) {
    let mut chain = Chain::EMPTY;
    let node = Subject::node();
    let mut made = Vec::new();
    for at in 0..count {
        let event = match at % 3 {
            0 => Event::new(AuditAction::NodeStarted, &node, NOW),
            1 => Event::new(AuditAction::PeerSuspended, &Subject::token("a", Role::Administrator), NOW)
                .with_peer(&kenitra())
                .saying("they asked for it"),
            _ => {
                let question = Question { text: "olive oil".into(), ..Question::default() };
                Event::new(AuditAction::QueryAnswered, &Subject::peer(&kenitra()), NOW)
                    .with_peer(&kenitra())
                    .asked_for("a purpose", "x@kenitra.example")
                    .asking(Some(&question), "q")
                    .counting(7, 3)
                    .came_to(AuditOutcome::Succeeded, Reason::Unspecified)
            }
        };
        made.push(chain.append(event, [at.try_into().unwrap(); SALT]).1);
    }
    (chain, made)
}

fn check(entries: &[Entry]) -> Result<Checker, Broken> {
    let mut checker = Checker::after(Chain::EMPTY);
    entries.iter().try_for_each(|entry| checker.check(entry).map(drop))?;
    Ok(checker)
}

#[test]
fn entries_have_sequences_without_gaps_and_each_follows_from_the_one_before() {
    let (chain, entries) = entries(9);
    let checker = check(&entries).unwrap();
    assert_eq!((checker.chain(), chain.sequence), (chain, 9));
    let second = isopolity_proto::admin::AuditEntry::decode(entries[1].bytes.clone()).unwrap();
    assert_eq!((second.sequence, second.previous_hash), (2, entries[0].hash.clone()));
}

#[test]
fn what_changed_is_told_with_values_and_only_that() {
    let before = Partnership { etag: "1".into(), internal_notes: "one".into(), ..Default::default() };
    let after = Partnership { etag: "2".into(), internal_notes: "two".into(), ..Default::default() };
    let (old, new) = (to_dynamic(&before), to_dynamic(&after));
    let bytes = |message: &Partnership| Bytes::from(message.encode_to_vec());
    let event = Event::new(AuditAction::ResourceUpdated, &Subject::node(), NOW)
        .changing(Some((&old, bytes(&before))), Some((&new, bytes(&after))));
    let (entry, kept) = Chain::EMPTY.clone().append(event, [1; SALT]);
    let detail = AuditDetail::decode(kept.kept.unwrap().detail).unwrap();
    assert_eq!(detail.changed_fields, ["internal_notes"]);
    let value = |any: Option<prost_types::Any>| Partnership::decode(any.unwrap().value.as_slice()).unwrap();
    assert_eq!(value(detail.before), Partnership { internal_notes: "one".into(), ..Default::default() });
    assert_eq!(value(detail.after), Partnership { internal_notes: "two".into(), ..Default::default() });
    assert!(entry.before_digest.len() == 32 && entry.before_digest != entry.after_digest);
    // With another salt the digests are others: nobody can guess from them what was erased.
    let again = Event::new(AuditAction::ResourceUpdated, &Subject::node(), NOW)
        .changing(Some((&old, bytes(&before))), Some((&new, bytes(&after))));
    assert_ne!(Chain::EMPTY.clone().append(again, [2; SALT]).0.before_digest, entry.before_digest);
}

proptest! {
    #[test]
    fn any_byte_that_is_changed_is_found(at in 0..12_usize, part in 0..4, position: usize, flip in 1..=255_u8) {
        let (_, mut entries) = entries(12);
        let entry = &mut entries[at];
        let change = |bytes: &mut Bytes| {
            let mut changed = bytes.to_vec();
            let length = changed.len();
            changed[position % length] ^= flip;
            *bytes = changed.into();
        };
        match (part, &mut entry.kept) {
            (0, Some(kept)) => change(&mut kept.salt),
            (1, Some(kept)) => change(&mut kept.detail),
            (2, _) => change(&mut entry.hash),
            _ => change(&mut entry.bytes),
        }
        let broken = check(&entries).unwrap_err();
        prop_assert_eq!(broken.sequence, i64::try_from(at).unwrap() + 1);
    }

    #[test]
    fn whatever_is_removed_inserted_or_moved_is_found(at in 0..11_usize, other in 0..11_usize, how in 0..3) {
        let (chain, mut entries) = entries(12);
        match how {
            0 => drop(entries.remove(at)),
            1 => entries.insert(at, entries[other].clone()),
            _ if at == other => entries.swap(at, at + 1),
            _ => entries.swap(at, other),
        }
        let checked = check(&entries);
        prop_assert!(checked.is_err() || checked.unwrap().chain() != chain);
    }

    #[test]
    fn hashes_that_were_reckoned_anew_lead_to_another_head(at in 0..12_usize) {
        let (chain, honest) = entries(12);
        // A malicious administrator leaves one entry out and chains the rest again.
        let mut forged = Chain::EMPTY;
        let mut made = Vec::new();
        for entry in honest.iter().enumerate().filter(|(position, _)| *position != at).map(|(_, entry)| entry) {
            let said = isopolity_proto::admin::AuditEntry::decode(entry.bytes.clone()).unwrap();
            let event = Event { entry: said, detail: AuditDetail::default(), before: None, after: None };
            made.push(forged.append(event, [0; SALT]).1);
        }
        let mut checker = Checker::after(Chain::EMPTY);
        for entry in &made {
            // In itself it is whole (but for details, which a forger could make again, too).
            checker.check(&Entry { kept: None, ..entry.clone() }).unwrap();
        }
        prop_assert!(checker.chain() != chain);
    }
}

#[test]
fn an_erased_detail_leaves_the_chain_whole_and_is_explained_by_a_later_entry() {
    let (mut chain, mut entries) = entries(6);
    entries[1].kept = None;
    let checker = check(&entries).unwrap();
    assert_eq!((checker.chain(), checker.erased(), checker.unexplained()), (chain, 1, vec![2]));
    let erased = Event::new(AuditAction::DetailsErased, &Subject::node(), NOW).about("another").erasing_through(6);
    let (_, other) = chain.clone().append(erased, [0; SALT]);
    entries.push(other);
    assert_eq!(check(&entries).unwrap().unexplained(), [2], "it tells of another resource");
    let erased = Event::new(AuditAction::DetailsErased, &Subject::node(), NOW).erasing_through(6);
    entries[6] = chain.append(erased, [0; SALT]).1;
    assert!(check(&entries).unwrap().unexplained().is_empty());
}

fn digests(entries: &[Entry]) -> Vec<u8> {
    entries.iter().flat_map(|entry| entry_digest(&entry.bytes)).collect()
}

#[test]
fn t33_a_log_that_does_not_follow_from_what_was_seen_is_found_by_digests_alone() {
    let (whole, made) = entries(9);
    let (seen, _) = entries(4);
    assert_eq!(head::follow(seen, &digests(&made[4..]), whole, &[]), Ok(()));
    assert_eq!(head::follow(whole, &[], whole, &[]), Ok(()));
    // The same entries with another one among those that were seen.
    let forged = Chain { hash: [9; 32], ..seen };
    assert_eq!(head::follow(forged, &digests(&made[4..]), whole, &[]), Err(Contradiction::Rewritten { sequence: 4 }));
    assert_eq!(head::follow(whole, &[], seen, &[]), Err(Contradiction::Shorter { now: 4, seen: 9 }));
    assert_eq!(head::follow(seen, &digests(&made[5..]), whole, &[]), Err(Contradiction::Gap { from: 4, to: 9 }));
    assert_eq!(head::follow(seen, &digests(&made[4..])[1..], whole, &[]), Err(Contradiction::Gap { from: 4, to: 9 }));
}

#[test]
fn t11_two_who_were_shown_different_logs_notice_when_they_compare() {
    let (whole, made) = entries(9);
    let (seen, _) = entries(4);
    let honest = Claim { chain: entries(6).0, shown_to: "lisboa.example".into() };
    assert_eq!(head::follow(seen, &digests(&made[4..]), whole, std::slice::from_ref(&honest)), Ok(()));
    let other = Claim { chain: Chain { hash: [1; 32], ..honest.chain }, ..honest };
    assert_eq!(
        head::follow(seen, &digests(&made[4..]), whole, &[other]),
        Err(Contradiction::Split { sequence: 6, other: "lisboa.example".into() })
    );
}

#[test]
fn heads_and_receipts_are_believed_only_as_what_they_are() {
    let chain = entries(3).0;
    let signed = head::sign_head(&feira(), chain, NOW, &key(1));
    assert_eq!(head::open_head(&signed, &feira(), &keys(1)).unwrap().1, chain);
    assert!(head::open_head(&signed, &feira(), &keys(2)).is_err());
    assert!(head::open_head(&signed, &kenitra(), &keys(1)).is_err());
    let receipt = head::sign_receipt(&feira(), &kenitra(), chain, NOW, &key(2));
    assert_eq!(head::open_receipt(&receipt, &feira(), &kenitra(), &keys(2)).unwrap().1, chain);
    assert!(head::open_receipt(&receipt, &kenitra(), &kenitra(), &keys(2)).is_err(), "for another city");
    assert!(head::open_head(&receipt, &feira(), &keys(2)).is_err(), "a receipt is no head");
}

/// A file of some entries, with a receipt of Kénitra.
fn written(entries: &[Entry], before: Chain, end: Chain) -> String {
    let (mut writer, mut file) = Writer::begin(&feira(), before, &"0f".repeat(32));
    for entry in entries {
        file.push_str(&writer.entry(entry));
    }
    let signed = head::sign_head(&feira(), end, NOW, &key(1));
    let receipt = head::sign_receipt(&feira(), &kenitra(), end, NOW, &key(2));
    file + &writer.end(&signed, &[receipt], NOW, &key(1))
}

fn read(file: &str, before: Option<Chain>) -> Result<file::Checked, file::FileError> {
    let (city, keys_of, print) = (feira(), keys(1), "0f".repeat(32));
    let witnesses = [(kenitra(), keys(2))];
    let mut reader = Reader::begin((&city, &keys_of, &print), &witnesses, before);
    for line in file.split_inclusive('\n') {
        reader.line(line)?;
    }
    reader.finish()
}

#[test]
fn a_file_is_checked_without_a_node_and_goes_on_in_the_next() {
    let (end, made) = entries(9);
    let (middle, _) = entries(5);
    let (one, other) = (written(&made[..5], Chain::EMPTY, middle), written(&made[5..], middle, end));
    let first = read(&one, None).unwrap();
    assert_eq!((first.first, first.end), (1, middle));
    let second = read(&other, Some(first.end)).unwrap();
    assert_eq!((second.first, second.end, second.receipts.len()), (6, end, 1));
    assert!(second.receipts[0].checked);
    assert!(matches!(read(&one, Some(middle)).unwrap_err().flaw, FileFlaw::Start { found: 1, before: 5 }));
    let without = written(&made[6..], Chain { sequence: 6, ..middle }, end);
    assert!(matches!(read(&without, Some(middle)).unwrap_err().flaw, FileFlaw::Start { found: 7, before: 5 }));
}

#[test]
fn the_first_line_that_is_wrong_is_named_with_the_reason() {
    let (end, made) = entries(9);
    let file = written(&made, Chain::EMPTY, end);
    let lines: Vec<&str> = file.split_inclusive('\n').collect();
    let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().concat();
    let reason = |file: &str| read(file, None).unwrap_err().to_string();
    assert_eq!(reason(&without(4)), "line 5: entry 4: it is missing: 5 comes in its place");
    assert_eq!(
        reason(&without(9)),
        "line 10: the signed head is of entry 9 with another hash than entry 8, the last of the file"
    );
    assert_eq!(reason(&without(11)), "line 12: the seal does not fit: a line before it was changed, removed or added");
    assert_eq!(reason(&without(12)), "line 13: the file is not whole: it ends without its seal");
    let twice = [&lines[..5], &lines[4..]].concat().concat();
    assert!(reason(&twice).starts_with("line 6: entry 5: an entry was put in"), "{}", reason(&twice));
}

#[test]
fn a_file_with_any_byte_changed_is_refused() {
    let (end, made) = entries(4);
    let file = written(&made, Chain::EMPTY, end);
    for position in 0..file.len() {
        for flip in [0x01_u8, 0x20] {
            let mut changed = file.clone().into_bytes();
            changed[position] ^= flip;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert!(read(&changed, None).is_err(), "byte {position} may become {:?}", &changed[position..=position]);
        }
    }
}
