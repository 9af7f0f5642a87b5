use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-16 09:00 UTC);

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn operators(numbers: &[u8], threshold: usize) -> Operators {
    let texts: Vec<String> = numbers.iter().map(|&number| public_key_text(&key(number).verifying_key())).collect();
    let keys = parse_public_keys(texts.iter().map(String::as_str)).unwrap();
    Operators { federation: "cities.example".into(), keys, threshold }
}

fn directory(version: i64) -> Directory {
    let member = |city: &str| Member {
        city: city.parse().unwrap(),
        endpoint: format!("https://{city}:7443"),
        bundle: Bytes::from_static(b"bundle"),
    };
    Directory {
        federation: "cities.example".into(),
        version,
        issued: NOW,
        expires: NOW + Duration::days(30),
        members: vec![member("feira.example"), member("geneve.example")],
    }
}

fn signed(directory: &Directory, by: &[u8]) -> Envelope {
    let mut envelope = directory.unsigned();
    for &number in by {
        sign(&mut envelope, &key(number)).unwrap();
    }
    envelope
}

fn in_force(directory: &Directory) -> InForce {
    InForce { version: directory.version, digest: Sha256::digest(directory.to_payload()).into() }
}

#[test]
fn a_directory_is_read_as_it_was_made_and_taken_with_enough_signatures() {
    let made = directory(7);
    assert_eq!(Directory::read(&made.unsigned()), Ok(made.clone()));
    let two_of_three = operators(&[1, 2, 3], 2);
    let judged = two_of_three.judge(&signed(&made, &[1, 3]), None, NOW).unwrap();
    assert_eq!((judged.directory, judged.is_in_force, judged.signed_by.len()), (made.clone(), false, 2));
    let again = two_of_three.judge(&signed(&made, &[2, 3]), Some(&in_force(&made)), NOW).unwrap();
    assert!(again.is_in_force, "other signatures under the same content are the same directory");
}

#[test]
fn t4_too_few_signatures_are_refused_however_they_are_made_to_look_like_enough() {
    let two_of_three = operators(&[1, 2, 3], 2);
    let made = directory(7);
    let refused = |envelope: &Envelope| two_of_three.judge(envelope, None, NOW).unwrap_err();
    let one = DirectoryError::Signatures { found: 1, wanted: 2 };
    assert_eq!(refused(&signed(&made, &[1])), one);
    assert_eq!(refused(&signed(&made, &[1, 9])), one, "a stranger does not count");
    let mut twice = signed(&made, &[1]);
    twice.signatures.push(twice.signatures[0].clone());
    assert_eq!(refused(&twice), one, "one operator counts once");
    let mut renamed = twice.clone();
    renamed.signatures[1].keyid = key_id(&key(2).verifying_key());
    assert_eq!(refused(&renamed), one, "nor under another's name");
    assert_eq!(refused(&made.unsigned()), DirectoryError::Signatures { found: 0, wanted: 2 });
    let careless = Operators { threshold: 0, ..two_of_three.clone() };
    assert!(careless.judge(&made.unsigned(), None, NOW).is_err(), "at least one signature, whatever is configured");
    let mut crowd = signed(&made, &[1, 2]);
    let stranger = signed(&made, &[9]).signatures[0].clone();
    crowd.signatures.splice(0..0, std::iter::repeat_n(stranger, MOST_SIGNATURES));
    assert_eq!(refused(&crowd), DirectoryError::Signatures { found: 0, wanted: 2 }, "only so many are looked at");
}

#[test]
fn t4_mix_and_match_of_parts_of_two_directories_is_refused() {
    let two_of_three = operators(&[1, 2, 3], 2);
    let (old, new) = (signed(&directory(7), &[1]), signed(&directory(8), &[2]));
    let mut mixed = new.clone();
    mixed.signatures.extend(old.signatures);
    let error = two_of_three.judge(&mixed, None, NOW).unwrap_err();
    assert_eq!(error, DirectoryError::Signatures { found: 1, wanted: 2 });
    // Another federation of the same operators.
    let other = Directory { federation: "harbours.example".into(), ..directory(8) };
    let error = two_of_three.judge(&signed(&other, &[1, 2]), None, NOW).unwrap_err();
    assert!(matches!(error, DirectoryError::OtherFederation { .. }), "{error}");
    // A payload that was signed as something else.
    let mut record = envelope::seal(envelope::RECORD, directory(8).to_payload(), &key(1));
    record.payload_type = PAYLOAD_TYPE.to_owned();
    assert!(two_of_three.judge(&record, None, NOW).is_err());
    assert_eq!(signers(&record, &two_of_three.keys).len(), 0);
}

#[test]
fn t4_rollback_to_a_lower_version_is_refused_and_so_is_another_content_of_the_same() {
    let one = operators(&[1], 1);
    let held = directory(7);
    let judge = |directory: &Directory| one.judge(&signed(directory, &[1]), Some(&in_force(&held)), NOW);
    assert_eq!(judge(&directory(6)).unwrap_err(), DirectoryError::Rollback { held: 7, found: 6 });
    let other = Directory { expires: NOW + Duration::days(31), ..directory(7) };
    assert_eq!(judge(&other).unwrap_err(), DirectoryError::Fork(7));
    assert!(judge(&directory(8)).is_ok());
}

#[test]
fn t4_fast_forward_by_more_than_a_step_is_refused() {
    let one = operators(&[1], 1);
    let held = in_force(&directory(7));
    let judge = |version: i64| one.judge(&signed(&directory(version), &[1]), Some(&held), NOW);
    assert!(judge(7 + LARGEST_STEP).is_ok());
    let found = 8 + LARGEST_STEP;
    assert_eq!(judge(found).unwrap_err(), DirectoryError::FastForward { held: 7, found });
    assert!(matches!(judge(GREATEST_VERSION).unwrap_err(), DirectoryError::FastForward { .. }));
    let last = InForce { version: i64::MAX, ..held };
    assert!(one.judge(&signed(&directory(7), &[1]), Some(&last), NOW).is_err(), "and nothing overflows");
}

#[test]
fn t4_freeze_at_a_directory_that_has_expired_is_noticed() {
    let one = operators(&[1], 1);
    let made = signed(&directory(7), &[1]);
    let expires = NOW + Duration::days(30);
    assert!(one.judge(&made, None, expires - Duration::SECOND).is_ok());
    assert_eq!(one.judge(&made, None, expires).unwrap_err(), DirectoryError::Expired(expires));
    let same = one.judge(&made, Some(&in_force(&directory(7))), expires).unwrap_err();
    assert_eq!(same, DirectoryError::Expired(expires), "also where it is the one in force");
    assert!(one.judge(&made, None, NOW - Duration::minutes(4)).is_ok());
    let early = one.judge(&made, None, NOW - Duration::minutes(6)).unwrap_err();
    assert_eq!(early, DirectoryError::NotYet(NOW));
}

#[test]
fn what_can_t_be_is_neither_signed_nor_taken() {
    let wrong = |change: fn(&mut Directory)| {
        let mut made = directory(7);
        change(&mut made);
        let mut envelope = made.unsigned();
        assert!(sign(&mut envelope, &key(1)).is_err(), "{made:?}");
        Directory::read(&envelope).unwrap_err().to_string()
    };
    assert!(wrong(|made| made.version = 0).contains("version"));
    assert!(wrong(|made| made.federation = "Cities".into()).contains("DNS name"));
    assert!(wrong(|made| made.expires = made.issued).contains("in date"));
    assert!(wrong(|made| made.expires = made.issued + LONGEST_LIFE + Duration::SECOND).contains("366 days"));
    assert!(wrong(|made| made.members.swap(0, 1)).contains("feira.example is out of order"));
    assert!(wrong(|made| made.members[1] = made.members[0].clone()).contains("there twice"));
    let mut other = directory(7).unsigned();
    other.payload_type = envelope::RECORD.to_owned();
    assert!(Directory::read(&other).is_err());
    let large = Envelope { payload: vec![0; LARGEST + 1].into(), ..directory(7).unsigned() };
    assert!(Directory::read(&large).unwrap_err().to_string().contains("bytes"));
}

#[test]
fn a_key_is_written_and_read_and_counts_once() {
    let text = public_key_text(&key(1).verifying_key());
    assert_eq!(parse_public_keys([text.as_str()]).unwrap(), operators(&[1], 1).keys);
    assert!(parse_public_keys([text.as_str(), text.as_str()]).unwrap_err().contains("there twice"));
    for bad in ["", "ed25519:", "rsa:abc", &text[..text.len() - 1]] {
        assert!(parse_public_keys([bad]).is_err(), "{bad}");
    }
    // The neutral element: anything would be signed by it.
    let weak = "ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert!(parse_public_keys([weak]).is_err());
}
