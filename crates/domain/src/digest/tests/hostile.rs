//! Digests that are damaged, old or made to mislead.

use isopolity_proto::federation::{FacetValue, WordFilter};
use prost::Message as _;

use super::*;

/// Questions that records of [`digest`] match.
fn matching() -> Vec<Question> {
    let stages = vec![PartnershipStage::Operating.into()];
    vec![
        Question { text: "title:\"oil mill\" olive kenitra 神戸".into(), ..Default::default() },
        Question { kinds: vec!["organization".into()], origin_countries: vec!["MA".into()], ..Default::default() },
        Question { stages, open_conditions: OpenConditions::Some.into(), ..Default::default() },
        Question { sectors: vec![SectorPrefix { code: "10.41".into(), ..Default::default() }], ..Default::default() },
    ]
}

/// Whether a digest is taken for true and rules out a question that records match.
fn misleads(digest: Digest) -> bool {
    let Ok(digest) = CheckedDigest::check(digest, &city()) else { return false };
    matching().iter().any(|question| digest.rules_out(question, &query::parse(&question.text)).is_some())
}

fn refused(change: impl FnOnce(&mut Digest)) -> DigestError {
    let mut digest = digest();
    change(&mut digest);
    CheckedDigest::check(digest, &city()).unwrap_err()
}

fn with_words(change: impl FnOnce(&mut WordFilter)) -> impl FnOnce(&mut Digest) {
    |digest| change(digest.words.as_mut().unwrap())
}

fn with_statistics(change: impl FnOnce(&mut Statistics)) -> impl FnOnce(&mut Digest) {
    |digest| change(digest.statistics.as_mut().unwrap())
}

#[test]
fn d3_a_truncated_digest_never_rules_out() {
    let whole = digest().encode_to_vec();
    let mut readable = 0;
    for end in 0..whole.len() {
        if let Ok(digest) = Digest::decode(&whole[..end]) {
            readable += 1;
            assert!(!misleads(digest), "{end} of {} bytes", whole.len());
        }
    }
    assert!(readable > 5, "cut between its parts it can be read");
    assert!(!misleads(digest()));
}

#[test]
fn d3_a_word_filter_whose_sizes_were_changed_is_refused() {
    for bit in 0..64 {
        for (name, change) in [
            ("words", Box::new(with_words(|words| words.words ^= 1 << bit)) as Box<dyn FnOnce(&mut Digest)>),
            ("hashes", Box::new(with_words(|words| words.hashes ^= 1 << (bit % 32)))),
            (
                "rate",
                Box::new(with_words(|words| {
                    let flipped = f64::from_bits(words.false_positive_rate.to_bits() ^ (1 << bit));
                    // The lowest digits of the rate don't matter.
                    words.false_positive_rate = if bit < 47 { 0.01 } else { flipped };
                })),
            ),
            ("bits", Box::new(with_words(|words| words.bits = words.bits.slice(..words.bits.len() - 1 - bit)))),
            ("longer bits", Box::new(with_words(|words| words.bits = [words.bits.as_ref(), &[0; 64]].concat().into()))),
            ("salt", Box::new(with_words(|words| words.salt = words.salt.slice(..bit % 16)))),
        ] {
            assert!(matches!(refused(change), DigestError::Malformed(_)), "{name}, {bit}");
        }
    }
}

#[test]
fn d3_a_hostile_word_filter_is_refused() {
    for rate in [0.0, -1.0, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        refused(with_words(|words| words.false_positive_rate = rate));
    }
    refused(with_words(|words| words.bits = vec![0; FILTER_BYTES_MAX + 1].into()));
    refused(with_words(|words| words.bits = bytes::Bytes::new()));
    // Sizes and rate fit each other, but not so many bits can be 0.
    let many = word_filter((0..1_000).map(|number| (format!("w{number}"), false)), [1; SALT_BYTES]);
    refused(|digest| digest.words = Some(WordFilter { bits: vec![0; many.bits.len()].into(), ..many.clone() }));
    refused(|digest| digest.words = Some(WordFilter { bits: vec![0xff; many.bits.len()].into(), ..many.clone() }));
    for hashes in [6, 8] {
        refused(|digest| digest.words = Some(WordFilter { hashes, ..many.clone() }));
    }
    let none = word_filter(std::iter::empty::<(&str, bool)>(), [0; SALT_BYTES]);
    assert!(matches!(refused(|digest| digest.words = Some(none)), DigestError::Implausible(_)));
}

#[test]
fn d3_hostile_counts_are_refused() {
    let with_facet = |facet: FacetCounts| refused(|digest| digest.facets = vec![facet]);
    let value = |value: &str, count| FacetValue { value: value.into(), count, ..Default::default() };
    let kinds = |values: Vec<FacetValue>, left_off| FacetCounts {
        facet: Facet::Kind.into(),
        values,
        values_left_off: left_off,
        ..Default::default()
    };
    with_facet(kinds(vec![value("partnership", -1)], 0));
    with_facet(kinds(vec![value("partnership", 5)], 0));
    with_facet(kinds(vec![value("partnership", 3)], 0));
    with_facet(kinds(vec![value("partnership", 3), value("city", 2)], 7));
    with_facet(kinds(vec![value("partnership", i64::MAX), value("city", i64::MAX)], 0));
    with_facet(kinds(vec![value("partnership", 4)], -1));
    with_facet(kinds(vec![value("partnership", 2), value("partnership", 2)], 0));
    with_facet(kinds(vec![value("", 4)], 0));
    with_facet(kinds(vec![value(&"x".repeat(201), 4)], 0));
    let numbered = |count: usize| (0..count).map(|number| value(&number.to_string(), 1)).collect();
    with_facet(FacetCounts { facet: Facet::Region.into(), values: numbered(10_001), ..Default::default() });
    refused(|digest| digest.facets = (100..121).map(|facet| FacetCounts { facet, ..Default::default() }).collect());
    refused(|digest| digest.facets.push(digest.facets[1].clone()));
}

#[test]
fn d3_statistics_that_can_not_be_are_refused() {
    refused(|digest| digest.statistics = None);
    refused(with_statistics(|statistics| statistics.records = -1));
    refused(with_statistics(|statistics| statistics.records = 0));
    refused(with_statistics(|statistics| statistics.records = 5));
    refused(with_statistics(|statistics| statistics.title_words = i64::MIN));
    refused(with_statistics(|statistics| (statistics.title_words, statistics.body_words) = (0, 0)));
    refused(|digest| (digest.words, digest.facets) = (None, Vec::new()));
}

#[test]
fn d3_a_digest_of_another_city_or_for_nobody_is_refused() {
    assert!(matches!(refused(|digest| digest.city = "feira.example".into()), DigestError::OtherCity { .. }));
    refused(|digest| digest.epoch.clear());
    refused(|digest| digest.epoch = "e".repeat(201));
    refused(|digest| digest.sequence = -1);
    for audience in [Audience::Unspecified.into(), Audience::Internal.into(), 99] {
        refused(|digest| digest.audience = audience);
    }
    refused(|digest| digest.analyser = "a".repeat(201));
    refused(|digest| digest.create_time = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }));
    let error = refused(|digest| digest.sequence = -1).to_string();
    assert_eq!(error, "the digest is malformed: the sequence is -1");
}

#[test]
fn d3_what_is_missing_cut_off_or_not_understood_rules_nothing_out() {
    let absent = Question {
        text: "feira".into(),
        kinds: vec!["city".into()],
        stages: vec![PartnershipStage::Scaling.into()],
        sectors: vec![SectorPrefix { code: "A".into(), ..Default::default() }],
        ..Default::default()
    };
    let ruled_out = |change: &dyn Fn(&mut Digest), asked: &Question| {
        let mut digest = digest();
        change(&mut digest);
        checked(digest).rules_out(asked, &query::parse(&asked.text)).is_some()
    };
    let text = Question { text: absent.text.clone(), ..Default::default() };
    let kinds = Question { kinds: absent.kinds.clone(), ..Default::default() };
    let stages = Question { stages: absent.stages.clone(), ..Default::default() };
    let sectors = Question { sectors: absent.sectors.clone(), ..Default::default() };
    for asked in [&absent, &text, &kinds, &stages, &sectors] {
        assert!(ruled_out(&|_| {}, asked), "as it is, it does rule out");
    }
    assert!(!ruled_out(&|digest| digest.analyser = "isopolity-words/3".into(), &text));
    assert!(!ruled_out(&|digest| digest.words = None, &text));
    assert!(!ruled_out(&|digest| digest.facets.truncate(2), &stages));
    assert!(!ruled_out(&|digest| digest.facets[0].values_left_off = 1, &kinds));
    assert!(!ruled_out(&|digest| digest.facets[2].values[0].value = "9".into(), &stages));
    assert!(!ruled_out(&|digest| digest.facets[3].values[0].value = "urn:sector:C".into(), &sectors));
    assert!(!ruled_out(&|digest| digest.facets[2].facet = 77, &stages));
}

#[test]
fn d3_a_stale_digest_or_one_of_another_epoch_is_not_usable() {
    let (freshness, digest) = (Freshness { confirmed_within: Duration::from_secs(90) }, checked(digest()));
    let known = |epoch: &str, sequence| Position { epoch: epoch.into(), sequence };
    let usable = |seconds, known: &Position| freshness.usable(&digest, Duration::from_secs(seconds), known);
    assert!(usable(0, &known("e1", 40)) && usable(90, &known("e1", 39)));
    assert!(!usable(91, &known("e1", 40)), "not confirmed of late");
    assert!(!usable(0, &known("e1", 41)), "something was published since");
    assert!(!usable(0, &known("e2", 1)) && !usable(0, &known("", 0)), "of another epoch");
}

#[test]
fn d3_damaged_bytes_are_refused_or_read_without_a_fault() {
    let whole = digest().encode_to_vec();
    proptest::proptest!(|(changes in proptest::collection::vec((0..whole.len(), proptest::num::u8::ANY), 1..8))| {
        let mut damaged = whole.clone();
        for (at, byte) in changes {
            damaged[at] = byte;
        }
        if let Ok(Ok(digest)) = Digest::decode(damaged.as_slice()).map(|digest| CheckedDigest::check(digest, &city())) {
            for question in matching() {
                // What is in the bits and the salt is the city's word; that it is taken for something else is not found out.
                let _ = digest.rules_out(&question, &query::parse(&question.text));
            }
        }
    });
}
