//! What a reader of activities makes of them.

use std::ops::ControlFlow;

use isopolity_domain::Kind;
use isopolity_proto::{
    options::Audience,
    registry::{
        ContributionKind, EndingKind, IndicatorObservation, Organization, OrganizationKind, ParticipantRole,
        Partnership, PartnershipStage, Side,
    },
    types::{Provenance, SectorScheme},
};

use super::{read, words};
use crate::row::{Context, Outcome, Row};

fn context() -> Context {
    Context {
        city: "feira.example".parse().unwrap(),
        city_names: vec!["camara municipal de santa maria da feira".into()],
        provenance: Provenance { source: "a publisher".into(), ..Default::default() },
        audience: Audience::Federation,
    }
}

fn rows(file: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    read(file.as_bytes(), &context(), &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    rows
}

/// An activity that says the least, with more of its parts before a certain element.
fn activity(more: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "<iati-activity xml:lang=\"pt\" default-currency=\"EUR\" last-updated-datetime=\"2020-05-06T00:00:00Z\">\
         <iati-identifier> PT-X-1 </iati-identifier>\
         <reporting-org type=\"11\" ref=\"PT-NIPC-500\"><narrative>Câmara</narrative></reporting-org>\
         <title><narrative>Parceria</narrative></title>\
         <description><narrative>Texto</narrative></description>\
         <participating-org role=\"4\"><narrative>Commune de Kénitra</narrative></participating-org>\
         <activity-status code=\"2\"/><activity-date type=\"2\" iso-date=\"2013-03-15\"/><recipient-country code=\"MA\"/>\
         </iati-activity>",
    );
    for (before, part) in more {
        let at = if *before == "end" { text.find("</iati-activity>") } else { text.find(&format!("<{before}")) };
        text.insert_str(at.unwrap(), part);
    }
    format!("<iati-activities version=\"2.03\">{text}</iati-activities>")
}

struct Taken {
    partnership: Partnership,
    organizations: Vec<Organization>,
    observations: Vec<IndicatorObservation>,
}

fn taken(file: &str) -> Taken {
    let row = rows(file).remove(0);
    let Outcome::Resources { entries, .. } = row.outcome else { panic!("{:?}", row.outcome) };
    let of = |kind: Kind| entries.iter().filter(move |entry| entry.name.kind() == kind).map(|entry| &entry.resource);
    Taken {
        partnership: of(Kind::Partnership).next().unwrap().transcode_to().unwrap(),
        organizations: of(Kind::Organization).map(|resource| resource.transcode_to().unwrap()).collect(),
        observations: of(Kind::IndicatorObservation).map(|resource| resource.transcode_to().unwrap()).collect(),
    }
}

fn flaws(file: &str) -> Vec<(String, String)> {
    let row = rows(file).remove(0);
    let Outcome::Rejected(flaws) = row.outcome else { panic!("{:?}", row.outcome) };
    flaws.into_iter().map(|flaw| (flaw.column, flaw.description)).collect()
}

#[test]
fn an_activity_becomes_organisations_and_a_partnership() {
    let Taken { partnership, organizations, .. } = taken(&activity(&[]));
    assert_eq!(partnership.iati_identifier, "PT-X-1");
    assert!(partnership.name.starts_with("cities/feira.example/partnerships/iati-pt-x-1-"), "{}", partnership.name);
    assert_eq!(partnership.audience(), Audience::Federation);
    assert_eq!(partnership.titles.first().unwrap().language, "pt");
    assert_eq!(partnership.origin_countries, ["MA"]);
    assert_eq!(partnership.stage(), PartnershipStage::Operating);
    assert_eq!(partnership.actual_period.unwrap().start_date, "2013-03-15");
    let roles: Vec<_> = partnership.participants.iter().flat_map(|one| one.roles().collect::<Vec<_>>()).collect();
    assert_eq!(roles, [ParticipantRole::Reporter, ParticipantRole::CounterpartAuthority]);
    let [camara, kenitra] = organizations.as_slice() else { panic!("{organizations:?}") };
    let identifier = camara.identifiers.first().unwrap();
    assert_eq!((identifier.scheme.as_str(), identifier.value.as_str()), ("PT-NIPC", "500"));
    assert_eq!((camara.country.as_str(), camara.kind()), ("PT", OrganizationKind::LocalAuthority));
    assert_eq!((kenitra.country.as_str(), kenitra.kind()), ("MA", OrganizationKind::LocalAuthority));
}

#[test]
fn the_same_activity_always_gets_the_same_names() {
    let names = |file: &str| {
        let Outcome::Resources { entries, .. } = rows(file).remove(0).outcome else { panic!() };
        entries.iter().map(|entry| entry.name.to_string()).collect::<Vec<_>>()
    };
    let once = names(&activity(&[]));
    assert_eq!(once, names(&activity(&[("end", "<x:new xmlns:x=\"urn:x\"/>")])));
    let spelt = names(&activity(&[]).replace("Commune de Kénitra", "COMMUNE DE KENITRA"));
    assert_eq!(once.first(), spelt.first());
    assert_ne!(once.get(1), spelt.get(1), "two spellings are two organisations, until a person says otherwise");
    let elsewhere = names(&activity(&[]).replace("\"MA\"", "\"TN\""));
    assert_ne!(once.get(1), elsewhere.get(1), "a name in another country is another organisation");
}

#[test]
fn each_status_has_its_stage_and_end() {
    for (code, stage, ending, suspended) in [
        ("1", PartnershipStage::Feasibility, None, false),
        ("2", PartnershipStage::Operating, None, false),
        ("3", PartnershipStage::Scaling, None, false),
        ("4", PartnershipStage::Operating, Some(EndingKind::Completed), false),
        ("5", PartnershipStage::Feasibility, Some(EndingKind::Cancelled), false),
        ("6", PartnershipStage::Operating, None, true),
    ] {
        let file = activity(&[]).replace("status code=\"2\"", &format!("status code=\"{code}\""));
        let partnership = taken(&file).partnership;
        assert_eq!(partnership.stage(), stage, "{code}");
        assert_eq!(partnership.ending.as_ref().map(isopolity_proto::registry::Ending::kind), ending, "{code}");
        assert_eq!(partnership.suspension.is_some(), suspended, "{code}");
        if let Some(ending) = partnership.ending {
            assert_eq!(ending.date, "2020-05-06", "the day on which its source last changed it");
        }
    }
    let file = activity(&[]).replace("status code=\"2\"", "status code=\"xx\"");
    let (column, description) = flaws(&file).remove(0);
    assert_eq!(column, "iati-activity/activity-status/@code");
    assert!(description.contains("1 to 6"), "{description}");
}

#[test]
fn money_is_exact_and_public_only_where_a_public_body_gives_it() {
    let transaction = |value: &str, provider: &str| {
        format!(
            "<transaction><transaction-type code=\"3\"/><transaction-date iso-date=\"2014-01-02\"/>\
             <value value-date=\"2014-01-03\">{value}</value>{provider}<finance-type code=\"421\"/></transaction>"
        )
    };
    let private = "<provider-org type=\"70\"><narrative>Firma</narrative></provider-org>";
    let file = activity(&[("end", &transaction("+0012500.50", "")), ("end", &transaction("7", private))]);
    let contributions = taken(&file).partnership.contributions;
    let [public, private] = contributions.as_slice() else { panic!("{contributions:?}") };
    let money = public.public_amount.as_ref().unwrap();
    assert_eq!((money.amount.as_str(), money.currency_code.as_str()), ("12500.50", "EUR"));
    assert!(public.public_money && public.rendered);
    assert_eq!(
        (public.kind(), public.date.as_str(), public.value_date.as_str()),
        (ContributionKind::Loan, "2014-01-02", "2014-01-03")
    );
    assert_eq!(private.private_amount.as_ref().unwrap().amount, "7");
    assert!(!private.public_money && private.public_amount.is_none());
    assert_eq!(private.contributor, "Firma");
    for (value, reason) in
        [("-5", "is negative"), ("1234567890123456789", "at most 18 digits"), ("0.1234567", "6 after it")]
    {
        let (column, description) =
            flaws(&activity(&[("end", &transaction("1", "")), ("end", &transaction(value, ""))])).remove(0);
        assert_eq!(column, "iati-activity/transaction[2]/value");
        assert!(description.contains(reason), "{description}");
    }
    let (column, _) =
        flaws(&activity(&[("end", &transaction("1", ""))]).replace("default-currency=\"EUR\"", "")).remove(0);
    assert_eq!(column, "iati-activity/transaction/value/@currency");
}

#[test]
fn sectors_go_to_the_classification_that_is_meant() {
    let file = activity(&[(
        "/iati-activity",
        "<sector code=\"32130\"/><sector vocabulary=\"2\" code=\"321\" percentage=\"40\"/><sector vocabulary=\"4\" code=\"46.90\"/>\
         <sector vocabulary=\"7\" code=\"8\"/><sector vocabulary=\"10\" code=\"3\"/>\
         <sector vocabulary=\"99\" vocabulary-uri=\"https://x.example\" code=\"T\"><narrative>Transporte</narrative></sector>\
         <tag vocabulary=\"3\" code=\"8.3\"/><tag vocabulary=\"2\" code=\"8\"/>",
    )]);
    let partnership = taken(&file).partnership;
    let sectors: Vec<_> =
        partnership.sectors.iter().map(|one| (one.scheme(), one.version.as_str(), one.code.as_str())).collect();
    assert_eq!(
        sectors,
        [
            (SectorScheme::Dac, "5", "32130"),
            (SectorScheme::Dac, "3", "321"),
            (SectorScheme::Nace, "2", "46.90"),
            (SectorScheme::Other, "", "3"),
            (SectorScheme::Other, "", "T"),
        ]
    );
    assert_eq!(partnership.sectors.get(1).unwrap().share_percent, "40");
    assert!(partnership.sectors.get(3).unwrap().vocabulary_uri.ends_with("#10"));
    assert_eq!(partnership.sectors.get(4).unwrap().labels.first().unwrap().text, "Transporte");
    assert_eq!((partnership.sdg_goals, partnership.sdg_targets), (vec![String::from("8")], vec![String::from("8.3")]));
}

#[test]
fn persons_are_left_at_the_door() {
    let contact = "<contact-info><department><narrative>Gabinete</narrative></department><person-name><narrative>Ana Exemplo</narrative>\
                   </person-name><email>economia@feira.example</email></contact-info>";
    let partnership = taken(&activity(&[("recipient-country", contact)])).partnership;
    let [point] = partnership.contact_points.as_slice() else { panic!() };
    assert_eq!(
        (point.function.as_str(), point.mailbox.as_str(), point.person_name.as_str()),
        ("Gabinete", "economia@feira.example", "")
    );
    assert!(!format!("{partnership:?}").contains("Ana"));
}

#[test]
fn places_are_on_the_side_of_origin_and_points_are_on_earth() {
    let location = |pos: &str| {
        format!(
            "<location><name><narrative>Kenitra</narrative></name><point srsName=\"http://www.opengis.net/def/crs/EPSG/0/4326\">\
             <pos>{pos}</pos></point></location>"
        )
    };
    let ends = taken(&activity(&[("/iati-activity", &location("34.26 -6.58"))])).partnership.ends;
    let end = ends.first().unwrap();
    let place = end.place.as_ref().unwrap();
    assert_eq!((end.side(), place.country.as_str()), (Side::Origin, "MA"));
    assert!((place.point.unwrap().latitude - 34.26).abs() < 1e-9);
    for wrong in ["134.26 -6.58", "34,26 -6,58", "34.26", "34.26 -6.58 7", "NaN 1"] {
        let (column, _) = flaws(&activity(&[("/iati-activity", &location(wrong))])).remove(0);
        assert_eq!(column, "iati-activity/location/point/pos", "{wrong}");
    }
}

#[test]
fn what_was_measured_becomes_an_observation_for_each_period_and_group() {
    let result = "<result type=\"2\"><title><narrative>Emprego</narrative></title><indicator measure=\"1\"><title><narrative>Postos</narrative></title>\
         <baseline year=\"2012\" value=\"10\"/>\
         <period><period-start iso-date=\"2013-01-01\"/><period-end iso-date=\"2013-12-31\"/>\
         <target value=\"20\"><dimension name=\"sex\" value=\"female\"/></target><target value=\"30\"/><actual value=\"muitos\"/></period>\
         <period><period-start iso-date=\"2014-01-01\"/><period-end iso-date=\"2014-12-31\"/><actual value=\"-1.50\"/></period>\
         </indicator></result>";
    let Taken { partnership, observations, .. } = taken(&activity(&[("end", result)]));
    assert_eq!(observations.len(), 3);
    assert!(
        observations
            .iter()
            .all(|one| one.partnership == partnership.name && one.baseline.as_ref().unwrap().value == "10")
    );
    let women = observations.first().unwrap();
    assert_eq!((women.target.as_ref().unwrap().value.as_str(), women.dimensions.len()), ("20", 1));
    let all = observations.get(1).unwrap();
    assert_eq!(all.actual.as_ref().unwrap().value, "");
    assert_eq!(all.actual.as_ref().unwrap().remarks.first().unwrap().text, "muitos");
    assert_eq!(observations.get(2).unwrap().actual.as_ref().unwrap().value, "-1.50");
    let names: std::collections::BTreeSet<_> = observations.iter().map(|one| &one.name).collect();
    assert_eq!(names.len(), 3);
}

#[test]
fn nobody_and_nothing_is_named_is_said() {
    for (from, to, column) in [
        (" PT-X-1 ", " ", "iati-activity/iati-identifier"),
        ("<narrative>Commune de Kénitra</narrative>", "", "iati-activity/participating-org"),
        ("<narrative>Parceria</narrative>", "<narrative> </narrative>", "iati-activity/title"),
        ("role=\"4\"", "role=\"9\"", "iati-activity/participating-org/@role"),
    ] {
        assert_eq!(flaws(&activity(&[]).replace(from, to)).remove(0).0, column);
    }
}

#[test]
fn whoever_wants_no_more_rows_gets_none() {
    let one = activity(&[]).replace("</iati-activities>", "").replace("<iati-activities version=\"2.03\">", "");
    let file = format!("<iati-activities version=\"2.03\">{one}{one}{one}</iati-activities>");
    let mut count = 0;
    read(file.as_bytes(), &context(), &mut |_| {
        count += 1;
        ControlFlow::Break(())
    });
    assert_eq!(count, 1);
    assert_eq!(rows(&file).len(), 3);
}

#[test]
fn numbers_are_written_as_the_registry_writes_them() {
    for (text, number) in [
        ("+5", Some("5")),
        ("007.50", Some("7.50")),
        (".5", Some("0.5")),
        ("5.", Some("5")),
        ("-0", Some("0")),
        ("-0.10", Some("-0.10")),
        ("1.50000000", Some("1.5")),
        ("", None),
        (".", None),
        ("1e3", None),
        ("1,5", None),
        ("--1", None),
        ("٣", None),
    ] {
        assert_eq!(words::decimal(text).as_deref(), number, "{text}");
    }
}
