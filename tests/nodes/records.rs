//! Signed records: the same bytes everywhere, believed only unchanged, and never with more than the reader may see.

use isopolity_proto::{
    catalog::SearchRequest,
    federation::{Envelope, Record},
    options::Audience,
    registry::Partnership,
    types::ContactPoint,
};
use isopolity_registry::verify::{export, verify};
use isopolity_tests::{
    TestNode, federation,
    refusal::reason,
    sample::{asking, partnership, partnerships, text},
};
use prost::Message as _;
use tonic::Code;

/// A partnership with a field for each audience.
fn with_all_fields(title: &str) -> Partnership {
    Partnership {
        lessons: vec![text("for partners", "en")],
        internal_notes: "for own staff".into(),
        ..partnership(title, "MA")
    }
}

fn content(envelope: &Envelope) -> (Record, Partnership) {
    let record = Record::decode(envelope.payload.clone()).unwrap();
    let partnership = Partnership::decode(record.resource.as_ref().unwrap().value.as_slice()).unwrap();
    (record, partnership)
}

async fn hit(node: &TestNode, name: &str) -> Envelope {
    let request = SearchRequest { include_envelope: true, ..asking(partnerships()) };
    let answer = node.api.search(request).await.unwrap();
    answer.hits.into_iter().find(|hit| hit.name == name).unwrap().envelope.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_byte_identical_wherever_it_is_read() {
    let cities = federation::of(["feira.example", "geneve.example", "kenitra.example"]).await;
    for home in &cities {
        let mut plain = home.api.create("plain", partnership("Plain", "MA")).await;
        plain.origin_countries.push("TN".into());
        home.api.update(plain, &["origin_countries"]).await.unwrap();
        home.api.create("rich", with_all_fields("Rich")).await;
    }
    for home in &cities {
        for id in ["plain", "rich"] {
            let name = format!("{}/partnerships/{id}", home.parent());
            let at_home = home.api.record(&name).await.unwrap();
            for reader in &cities {
                let read = reader.api.record(&name).await.unwrap();
                assert_eq!(read.encode_to_vec(), at_home.encode_to_vec(), "{} reads {name}", reader.city());
                if reader.city() != home.city() {
                    let hit = hit(reader, &name).await;
                    let expected = at_home.envelope.as_ref().unwrap().encode_to_vec();
                    assert_eq!(hit.encode_to_vec(), expected, "{} finds {name}", reader.city());
                }
            }
            let (record, _) = content(at_home.envelope.as_ref().unwrap());
            assert_eq!((record.name, record.audience), (name, Audience::Public.into()));
            assert_eq!(record.version, if id == "plain" { 2 } else { 1 });
        }
    }
    let asked = cities[0].api.ask(partnerships()).await;
    assert!(asked.hits.iter().all(|hit| hit.envelope.is_none()), "an envelope comes only if it was asked for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_believed_only_as_it_was_signed() {
    let [feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    let created = feira.api.create("bread", partnership("Bread", "MA")).await;
    // As anyone would hold it: read at a peer, with the bundle that the home city hands out.
    let file = export(&geneve.api.record(&created.name).await.unwrap().envelope.unwrap());
    let (bundle, other) = (feira.api.bundle().await, geneve.api.bundle().await);
    let verified = verify(file.as_bytes(), &bundle).unwrap();
    assert_eq!(verified.record.name, created.name);
    assert_eq!(
        verified.bundle_fingerprint,
        feira
            .api
            .peers()
            .get_own_bundle(isopolity_proto::admin::GetOwnBundleRequest {})
            .await
            .unwrap()
            .into_inner()
            .fingerprint
    );
    assert!(verify(file.as_bytes(), &other).is_err(), "another city's keys don't do");

    for at in 0..file.len() {
        for change in [0x01_u8, 0x20, 0x80] {
            let mut changed = file.clone().into_bytes();
            changed[at] ^= change;
            assert!(verify(&changed, &bundle).is_err(), "byte {at} may be {:?}", char::from(changed[at]));
        }
        assert!(verify(&file.as_bytes()[..at], &bundle).is_err(), "the first {at} bytes");
    }
    assert!(verify(format!("{file} ").as_bytes(), &bundle).is_err(), "one byte more");
    let mut changed = bundle.to_vec();
    for at in (0..bundle.len()).step_by(7) {
        changed[at] ^= 1;
        assert!(verify(file.as_bytes(), &changed).is_err(), "byte {at} of the bundle");
        changed[at] ^= 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reader_gets_the_fields_of_its_audience_and_no_more() {
    let [feira, geneve, kenitra] = federation::of(["feira.example", "geneve.example", "kenitra.example"]).await;
    feira.api.approve("geneve.example", Audience::Federation).await;
    let created = feira.api.create("rich", with_all_fields("Rich")).await;

    // What a search brings is what the asker may see.
    let (record, partners) = content(&hit(&geneve, &created.name).await);
    assert_eq!((record.audience, partners.lessons.len()), (Audience::Federation.into(), 1));
    assert_eq!((partners.internal_notes.as_str(), partners.etag.as_str()), ("", ""));
    let (record, public) = content(&hit(&kenitra, &created.name).await);
    assert_eq!((record.audience, public.lessons.len()), (Audience::Public.into(), 0));
    assert_eq!(public.internal_notes, "");
    let (record, own) = content(&hit(&feira, &created.name).await);
    assert_eq!((record.audience, own.internal_notes.as_str()), (Audience::Internal.into(), "for own staff"));

    // Whoever asks for a narrower record gets at most what it may see.
    for (reader, expected) in
        [(&feira, Audience::Internal), (&geneve, Audience::Federation), (&kenitra, Audience::Public)]
    {
        let read = reader.api.record_as(&created.name, Audience::Internal).await.unwrap();
        let (record, _) = content(read.envelope.as_ref().unwrap());
        assert_eq!(record.audience(), expected, "{} reads", reader.city());
        let read = reader.api.record_as(&created.name, Audience::Public).await.unwrap();
        let (record, public) = content(read.envelope.as_ref().unwrap());
        assert_eq!((record.audience, public.lessons.len()), (Audience::Public.into(), 0), "{} reads", reader.city());
    }

    // What is found by words is found only by those who may read them.
    for (reader, expected) in [(&feira, 1), (&geneve, 0), (&kenitra, 0)] {
        let secret = isopolity_proto::federation::Question { text: "staff".into(), ..partnerships() };
        assert!(reader.api.ask(secret).await.total <= expected);
        let partners = isopolity_proto::federation::Question { text: "partners".into(), ..partnerships() };
        assert_eq!(reader.api.ask(partners).await.total, i64::from(reader.city() != "kenitra.example"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn persons_never_leave_the_node() {
    let [feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    feira.api.approve("geneve.example", Audience::Federation).await;
    let mut profile = feira.api.city().await;
    profile.contact_points = vec![ContactPoint {
        function: "Economic development".into(),
        mailbox: "economy@feira.example".into(),
        phone: "+351 000".into(),
        person_name: "Exemplum Demonstrans".into(),
        ..Default::default()
    }];
    let profile = feira.api.set_city(profile).await;
    assert_eq!(profile.contact_points[0].person_name, "Exemplum Demonstrans");
    feira.api.ask(partnerships()).await;
    for audience in [Audience::Unspecified, Audience::Public, Audience::Federation, Audience::Internal] {
        let read = geneve.api.record_as("cities/feira.example", audience).await.unwrap();
        let text = format!("{:?}", read.envelope.unwrap().payload);
        assert!(!text.contains("Exemplum"), "{audience:?}");
        let partner = matches!(audience, Audience::Federation | Audience::Internal);
        assert_eq!(text.contains("+351 000"), partner, "{audience:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_record_comes_from_its_home_or_not_at_all() {
    let [mut feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    let created = feira.api.create("bread", partnership("Bread", "MA")).await;
    for (name, expected) in [
        ("cities/lisboa.example/partnerships/p", (Code::NotFound, "PEER_UNKNOWN")),
        ("cities/feira.example/partnerships/none", (Code::NotFound, "RESOURCE_NOT_FOUND")),
        ("cities/feira.example/boats/one", (Code::InvalidArgument, "FIELD_INVALID")),
    ] {
        let refused = geneve.api.record(name).await.unwrap_err();
        assert_eq!(reason(&refused), (expected.0, expected.1.to_owned()), "{name}");
    }
    feira.stop().await;
    let refused = geneve.api.record(&created.name).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unavailable, "HOME_CITY_UNREACHABLE".into()));
    assert!(refused.message().starts_with("feira.example did not answer"), "{}", refused.message());
    feira.start_again().await;
    geneve.api.record(&created.name).await.unwrap();
    geneve.api.suspend("feira.example", "a test").await;
    let refused = geneve.api.record(&created.name).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "PEER_SUSPENDED".into()));
}
