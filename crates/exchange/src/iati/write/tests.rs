//! What is written is valid, and says what was read.

mod any;

use std::{collections::HashMap, fs, ops::ControlFlow, path::Path};

use isopolity_domain::{Kind, validate};
use isopolity_proto::{
    options::Audience,
    registry::{IndicatorObservation, Organization, OrganizationKind, Participant, ParticipantRole, Partnership},
    types::{LocalizedText, Provenance, ProvenanceMethod},
};
use time::macros::datetime;

use super::{Related, Reporter, Writer};
use crate::{
    iati::{ACTIVITIES, read},
    row::{Context, Outcome, Row},
};

/// The resources of an activity, as they go into a writer.
#[derive(Clone, Debug, Default, PartialEq)]
struct Read {
    partnership: Partnership,
    organizations: HashMap<String, Organization>,
    observations: Vec<IndicatorObservation>,
}

fn context() -> Context {
    Context {
        city: "feira.example".parse().unwrap(),
        city_names: vec!["feira".into()],
        provenance: Provenance { source: "a publisher".into(), ..Default::default() },
        audience: Audience::Public,
    }
}

fn rows(file: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    read(file, &context(), &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    rows
}

/// The resources of all activities, none of which is rejected.
fn resources(file: &[u8]) -> Vec<Read> {
    let resources = rows(file).into_iter().map(|row| {
        let Outcome::Resources { entries, .. } = row.outcome else { panic!("line {}: {:?}", row.line, row.outcome) };
        let mut read = Read::default();
        for entry in entries {
            match entry.name.kind() {
                Kind::Partnership => read.partnership = entry.resource.transcode_to().unwrap(),
                Kind::Organization => {
                    read.organizations.insert(entry.name.to_string(), entry.resource.transcode_to().unwrap());
                }
                Kind::IndicatorObservation => read.observations.push(entry.resource.transcode_to().unwrap()),
                other => panic!("{other}"),
            }
        }
        read
    });
    resources.collect()
}

fn reporter() -> Reporter {
    let name = LocalizedText { text: "Câmara Municipal".into(), language: "pt".into(), ..Default::default() };
    Reporter { reference: "PT-NIPC-500000000".into(), kind: OrganizationKind::LocalAuthority, names: vec![name] }
}

fn written<'a>(all: impl IntoIterator<Item = &'a Read>) -> String {
    let mut writer = Writer::begin(Vec::new(), reporter(), datetime!(2026-11-23 10:00 UTC)).unwrap();
    for one in all {
        let related = Related { organizations: &one.organizations, observations: &one.observations };
        writer.activity(&one.partnership, related).unwrap();
    }
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

fn assert_valid(file: &str) {
    let faults = ACTIVITIES.judge(file);
    assert!(faults.is_empty(), "{faults:#?}\n{file}");
}

#[test]
fn what_publishers_publish_survives_the_way_in_and_out() {
    for (name, activities) in [
        ("caf-local-authorities.xml", 73),
        ("acfspain-ph.xml", 6),
        ("example-annotated-2.03.xml", 1),
        ("illustrative-feira-kenitra.xml", 1),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/iati/activities").join(name);
        let once = resources(&fs::read(path).unwrap());
        assert_eq!(once.len(), activities, "{name}");
        let file = written(&once);
        assert_valid(&file);
        if let Some(directory) = std::env::var_os("ISOPOLITY_KEEP_WRITTEN") {
            fs::write(Path::new(&directory).join(name), &file).unwrap();
        }
        let twice = resources(file.as_bytes());
        assert_eq!(twice.len(), once.len());
        for (once, twice) in once.iter().zip(&twice) {
            assert_eq!(once, twice, "{name}");
        }
        assert_eq!(written(&twice), file, "{name}");
    }
}

#[test]
fn the_least_that_a_partnership_says_is_a_valid_activity() {
    let least = Read {
        partnership: Partnership { name: "cities/feira.example/partnerships/p1".into(), ..Default::default() },
        ..Default::default()
    };
    let file = written([&least]);
    assert_valid(&file);
    assert!(file.contains("<iati-identifier>PT-NIPC-500000000-p1</iati-identifier>"), "{file}");
    assert!(file.contains("secondary-reporter=\"0\""));
    let again = resources(file.as_bytes()).remove(0).partnership;
    assert_eq!(again.planned_period, None, "a date that is written only because the schema wants one is no statement");
}

#[test]
fn a_partnership_that_another_published_is_passed_on_as_such() {
    let other = Organization {
        identifiers: vec![isopolity_proto::types::Identifier {
            scheme: "XM-DAC".into(),
            value: "46008".into(),
            ..Default::default()
        }],
        kind: OrganizationKind::FinancialInstitution.into(),
        ..Default::default()
    };
    let read = Read {
        partnership: Partnership {
            iati_identifier: "XM-DAC-46008-1".into(),
            participants: vec![Participant {
                organization: "o".into(),
                roles: vec![ParticipantRole::Reporter.into()],
                ..Default::default()
            }],
            ..Default::default()
        },
        organizations: HashMap::from([("o".into(), other)]),
        observations: Vec::new(),
    };
    let file = written([&read]);
    assert_valid(&file);
    assert!(file.contains("<reporting-org ref=\"PT-NIPC-500000000\" type=\"11\" secondary-reporter=\"1\">"), "{file}");
    assert!(file.contains("<owner-org ref=\"XM-DAC-46008\" isopolity:type=\"40\"/>"), "{file}");
}

#[test]
fn words_that_look_like_markup_stay_words() {
    let title = "=HYPERLINK(\"x\") <b>&amp; ]]> \u{b}\u{0}\r\nend";
    let text = LocalizedText { text: title.into(), language: "\"><x".into(), ..Default::default() };
    let partnership = Partnership {
        titles: vec![text],
        iati_identifier: "a&b<c".into(),
        scope: "\"'<>&\n".into(),
        ..Default::default()
    };
    let file = written([&Read { partnership, ..Default::default() }]);
    assert_valid(&file);
    let again = resources(file.as_bytes()).remove(0).partnership;
    assert_eq!(again.titles.first().unwrap().text, "=HYPERLINK(\"x\") <b>&amp; ]]> \nend");
    assert_eq!(again.iati_identifier, "a&b<c");
}

#[test]
fn what_publishers_publish_can_be_taken_over() {
    let mut context = context();
    context.provenance.method = ProvenanceMethod::Imported.into();
    for name in
        ["caf-local-authorities.xml", "acfspain-ph.xml", "example-annotated-2.03.xml", "illustrative-feira-kenitra.xml"]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/iati/activities").join(name);
        let mut wrong = Vec::new();
        read(&*fs::read(path).unwrap(), &context, &mut |row| {
            let Outcome::Resources { entries, .. } = row.outcome else { panic!("{:?}", row.outcome) };
            for entry in entries {
                let (kind, mut resource) = (entry.name.kind(), entry.resource);
                if kind == Kind::IndicatorObservation {
                    // A registry opens a number only as far as it reveals nobody.
                    let mut observation: IndicatorObservation = resource.transcode_to().unwrap();
                    observation.audience = validate::widest(&observation).into();
                    resource = isopolity_proto::to_dynamic(&observation);
                }
                if let Err(violations) = validate::validate(kind, &resource) {
                    wrong.push(format!("line {}: {}: {violations:?}", row.line, entry.name));
                }
            }
            ControlFlow::Continue(())
        });
        assert_eq!(wrong, Vec::<String>::new(), "{name}");
    }
}
