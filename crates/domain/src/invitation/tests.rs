use proptest::prelude::*;

use super::*;

fn invitation() -> Invitation {
    Invitation {
        city: "geneve.example".parse().unwrap(),
        endpoint: "https://node.geneve.example:7443".into(),
        id: [1, 2, 3, 4, 5],
        fingerprint: [0xab; 32],
        secret: Zeroizing::new(std::array::from_fn(|at| u8::try_from(at * 13 % 251).unwrap())),
    }
}

/// Where the groups of a code begin.
fn groups(code: &str) -> Vec<(usize, usize)> {
    let begin = "ISOPOLITY-INVITATION-1-".len();
    let mut places = Vec::new();
    let mut at = begin;
    for group in code[begin..].split('-') {
        places.push((at, at + group.len()));
        at += group.len() + 1;
    }
    places
}

#[test]
fn a_code_says_what_it_is_and_is_read_as_it_was_made() {
    let code = invitation().to_code();
    assert!(code.starts_with("ISOPOLITY-INVITATION-1-"), "{}", *code);
    assert!(code.len() < 260, "it has {} letters", code.len());
    assert_eq!(Invitation::parse(&code).unwrap(), invitation());
}

#[test]
fn a_code_survives_e_mail() {
    let code = invitation().to_code();
    let wrapped: Vec<String> =
        code.as_bytes().chunks(60).map(|line| format!("> {} \r\n", String::from_utf8_lossy(line))).collect();
    let soft: Vec<String> =
        code.as_bytes().chunks(75).map(|line| format!("{}=\n", String::from_utf8_lossy(line))).collect();
    for mangled in [
        wrapped.concat(),
        soft.concat(),
        code.to_lowercase(),
        code.replace('-', "\u{2011}"),
        code.replace('-', ""),
        format!("\u{feff}\u{201c}{}\u{201d}", *code),
        code.replacen('0', "O", 1).replacen("1-", "1 - ", 1),
    ] {
        assert_eq!(Invitation::parse(&mangled), Ok(invitation()), "{mangled}");
    }
}

#[test]
fn every_single_typo_is_named_by_its_group() {
    let code = invitation().to_code();
    for (number, (begin, end)) in groups(&code).into_iter().enumerate() {
        for at in begin..end {
            for &letter in ALPHABET {
                if code.as_bytes()[at] == letter {
                    continue;
                }
                let mut typo = code.as_bytes().to_vec();
                typo[at] = letter;
                let error = Invitation::parse(str::from_utf8(&typo).unwrap()).unwrap_err();
                let last = end == code.len() && end - begin < GROUP;
                let expected = InvitationError::Typo { group: number + 1 };
                assert!(
                    error == expected || last && matches!(error, InvitationError::Incomplete { .. }),
                    "{at}: {error}"
                );
            }
        }
    }
}

#[test]
fn neighbours_and_groups_that_changed_places_are_noticed() {
    let code = invitation().to_code();
    let places = groups(&code);
    for (number, (begin, end)) in places.iter().enumerate() {
        for at in *begin..*end - 1 {
            let mut typo = code.as_bytes().to_vec();
            if typo[at] == typo[at + 1] {
                continue;
            }
            typo.swap(at, at + 1);
            let error = Invitation::parse(str::from_utf8(&typo).unwrap()).unwrap_err();
            let last = *end == code.len() && end - begin < GROUP;
            assert!(error == InvitationError::Typo { group: number + 1 } || last, "{at}: {error}");
        }
    }
    let (one, other) = (places[1], places[2]);
    let swapped = format!("{}{}-{}{}", &code[..one.0], &code[other.0..other.1], &code[one.0..one.1], &code[other.1..]);
    assert_eq!(Invitation::parse(&swapped), Err(InvitationError::Typo { group: 2 }));
}

#[test]
fn what_is_no_code_is_told_apart_from_a_damaged_one() {
    let code = invitation().to_code();
    assert_eq!(Invitation::parse("hello"), Err(InvitationError::NotOne));
    assert_eq!(Invitation::parse(&code[10..]), Err(InvitationError::NotOne), "the beginning is missing");
    assert_eq!(Invitation::parse(&code.replacen("-1-", "-2-", 1)), Err(InvitationError::Version('2')));
    assert_eq!(
        Invitation::parse(&code.replacen("-1-", "-1-?", 1)),
        Err(InvitationError::Letter { group: 1, letter: '?' })
    );
    let (_, end) = groups(&code)[4];
    assert_eq!(Invitation::parse(&code[..end]), Err(InvitationError::Incomplete { groups: 5 }));
    assert_eq!(Invitation::parse(&code[..end - 3]), Err(InvitationError::Incomplete { groups: 5 }));
    assert_eq!(Invitation::parse("ISOPOLITY-INVITATION-1"), Err(InvitationError::Incomplete { groups: 0 }));
    assert!(Invitation::parse(&format!("{}{}", *code, &code[23..34])).is_err(), "something follows");
    assert_eq!(Invitation::parse(&"1".repeat(LONGEST + 1)), Err(InvitationError::NotOne));
}

#[test]
fn a_code_shows_no_secret_when_it_is_printed_for_programmers() {
    let shown = format!("{:?}", invitation());
    assert!(shown.contains("geneve.example") && !shown.contains("secret"), "{shown}");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_never_panics(text in ".{0,300}") {
        let _ = Invitation::parse(&text);
        let _ = Invitation::parse(&format!("ISOPOLITY-INVITATION-1-{text}"));
    }

    #[test]
    fn letters_and_bytes_go_there_and_back(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let back = to_bytes(&to_letters(&bytes));
        prop_assert_eq!(&back[..bytes.len()], &bytes[..]);
    }
}
