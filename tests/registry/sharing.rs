//! What peers get by their sharing agreements: what is granted, and nothing else.

use std::time::Duration;

use futures::StreamExt as _;
use isopolity_domain::{Kind, clock::to_timestamp, sharing::by_default, text::ANALYSER};
use isopolity_proto::{
    admin::{Granularity, Role, SharingAgreement, SharingPurpose, SharingRates},
    catalog::{FacetRequest, Outcome, SearchRequest},
    error::Reason,
    federation::{
        GetBundleRequest, GetDigestRequest, GetRecordRequest, GetStatisticsRequest, HelloRequest, QueryRequest,
        Question, WatchRequest, query_response::Part, watch_response::Part as Told,
    },
    options::{Audience, Facet},
    registry::{Organization, OrganizationKind, Partnership},
    to_dynamic,
};
use isopolity_registry::{Caller, Error, author::Terms};
use isopolity_tests::{
    Resident, Town,
    sample::{asking, names, organization, outcome, outcomes, partnership, partnerships, place},
    town::{administrator, introduce},
};

const FEIRA: &str = "feira.example";
const GENEVE: &str = "geneve.example";
const WITHIN: Duration = Duration::from_secs(10);

/// Feira asks, Genève answers.
async fn two(town: &Town, audience: Audience) -> [Resident; 2] {
    let residents = [town.settle(FEIRA).await, town.settle(GENEVE).await];
    introduce(&residents[0], &residents[1], audience).await;
    residents
}

fn agreed(audience: Audience) -> SharingAgreement {
    by_default(&FEIRA.parse().unwrap(), audience)
}

async fn set(geneve: &Resident, agreement: SharingAgreement) -> SharingAgreement {
    geneve.registry.set_sharing_agreement(&administrator(), agreement).await.unwrap()
}

fn query(purpose: &str) -> QueryRequest {
    QueryRequest { question: Some(partnerships()), limit: 9, purpose: purpose.into(), ..QueryRequest::default() }
}

fn reason<T>(result: Result<T, Error>) -> Option<Reason> {
    result.err().map(|error| error.reason())
}

/// Why each method of the federation is refused: query, record, statistics, digest, watch, position.
async fn refusals(geneve: &Resident, name: &str, purpose: &str) -> [Option<Reason>; 6] {
    let (registry, feira) = (&geneve.registry, FEIRA.parse().unwrap());
    let record = GetRecordRequest { name: name.into(), purpose: purpose.into(), ..Default::default() };
    let words = GetStatisticsRequest { words: vec!["bread".into()], analyser: ANALYSER.into() };
    let watch =
        |question: Option<Question>| WatchRequest { question, purpose: purpose.into(), ..WatchRequest::default() };
    [
        reason(registry.answer(&feira, query(purpose), WITHIN).await),
        reason(registry.record_for_peer(&feira, &record).await),
        reason(registry.statistics_for_peer(&feira, words, WITHIN).await),
        reason(registry.digest_for_peer(&feira, &GetDigestRequest::default(), WITHIN).await),
        reason(registry.watched_by_peer(&feira, watch(Some(partnerships())))),
        reason(registry.watched_by_peer(&feira, watch(None))),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_agreement_in_force_a_peer_gets_nothing_but_greetings_and_bundles() {
    let town = Town::default();
    let [feira, geneve] = two(&town, Audience::Public).await;
    let bread = geneve.create("bread", partnership("Bread", "MA")).await;
    assert_eq!(refusals(&geneve, &bread, "enquiry").await, [None; 6]);

    let now = to_timestamp(isopolity_domain::Clock::now(&*geneve.clock));
    set(&geneve, SharingAgreement { valid_until_time: Some(now), ..agreed(Audience::Federation) }).await;
    assert_eq!(refusals(&geneve, &bread, "enquiry").await, [Some(Reason::AgreementMissing); 6]);
    let hello = geneve.registry.greeted(feira.registry.city(), &HelloRequest::default()).await.unwrap();
    assert_eq!((hello.approved, hello.records, hello.audience(), hello.sequence), (true, 0, Audience::Unspecified, 0));
    assert!(hello.sharing_agreement.unwrap().valid_until_time.is_some(), "the peer sees that it ended");
    geneve.registry.bundle_for_peer(feira.registry.city(), &GetBundleRequest::default()).await.unwrap();

    let answer = feira.search(&asking(partnerships()), None).await.unwrap();
    let refused = outcome(&answer, GENEVE);
    assert_eq!((refused.outcome(), refused.error_reason()), (Outcome::Refused, Reason::AgreementMissing));
    assert!(refused.reason.contains("ended at"), "{}", refused.reason);

    let later = now.seconds + 60;
    let from = prost_types::Timestamp { seconds: later, nanos: 0 };
    set(&geneve, SharingAgreement { valid_from_time: Some(from), ..agreed(Audience::Public) }).await;
    assert_eq!(refusals(&geneve, &bread, "enquiry").await, [Some(Reason::AgreementMissing); 6]);
    geneve.clock.advance(time::Duration::minutes(1));
    assert_eq!(refusals(&geneve, &bread, "enquiry").await, [None; 6], "it is in force from then on, without a restart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purpose_is_stated_with_every_question_and_is_one_that_is_agreed() {
    let town = Town::default();
    let [feira, geneve] = two(&town, Audience::Public).await;
    let bread = geneve.create("bread", partnership("Bread", "MA")).await;
    let missing = geneve.registry.answer(feira.registry.city(), query(""), WITHIN).await;
    match missing {
        Err(Error::Invalid(violations)) => assert_eq!(violations.0[0].field, "purpose"),
        _ => panic!("a question without a purpose was answered"),
    }
    // Whose user states none enquires.
    let answer = feira.search(&asking(partnerships()), None).await.unwrap();
    assert_eq!(outcomes(&answer.outcomes)[1], (GENEVE, Outcome::Answered));

    let purposes = vec![SharingPurpose::PartnerSearch.into(), SharingPurpose::Referral.into()];
    set(&geneve, SharingAgreement { purposes, ..agreed(Audience::Public) }).await;
    let not_agreed = Some(Reason::PurposeNotAgreed);
    assert_eq!(refusals(&geneve, &bread, "enquiry").await, [not_agreed, not_agreed, None, None, not_agreed, None]);
    assert_eq!(refusals(&geneve, &bread, "referral: to the chamber").await, [None; 6]);
    let answer = feira.search(&asking(partnerships()), None).await.unwrap();
    let refused = outcome(&answer, GENEVE);
    assert_eq!((refused.outcome(), refused.error_reason()), (Outcome::Refused, Reason::PurposeNotAgreed));
    assert!(refused.reason.contains("partner-search, referral"), "it says what would be right: {}", refused.reason);
    let stated = SearchRequest { purpose: "partner-search".into(), ..asking(partnerships()) };
    let answer = feira.search(&stated, None).await.unwrap();
    assert_eq!(names(&answer), [&bread]);
    let bread = bread.parse().unwrap();
    feira.registry.record(&administrator(), &bread, Audience::Unspecified, "referral", None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_administers_sees_and_sets_agreements() {
    let town = Town::default();
    let [_feira, geneve] = two(&town, Audience::Public).await;
    for role in [Role::Viewer, Role::Editor, Role::Coordinator, Role::Auditor] {
        let caller = Caller::token("somebody", role);
        let refused = Some(Reason::RightMissing);
        assert_eq!(reason(geneve.registry.sharing_agreement(&caller, FEIRA, false).await), refused);
        assert_eq!(reason(geneve.registry.sharing_agreements(&caller).await), refused);
        let agreement = agreed(Audience::Federation);
        assert_eq!(reason(geneve.registry.set_sharing_agreement(&caller, agreement).await), refused);
    }
    let nobody = SharingAgreement { city: "nobody.example".into(), ..agreed(Audience::Public) };
    let set = geneve.registry.set_sharing_agreement(&administrator(), nobody).await;
    assert_eq!(reason(set), Some(Reason::PeerUnknown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_kinds_that_are_agreed_are_there() {
    let town = Town::default();
    let [feira, geneve] = two(&town, Audience::Public).await;
    let bread = geneve.create("bread", partnership("Bread", "MA")).await;
    geneve.keep(Kind::Organization, "mill", to_dynamic(&organization("A mill", "MA"))).await;
    geneve.index().await;
    set(&geneve, SharingAgreement { kinds: vec!["organization".into()], ..agreed(Audience::Public) }).await;
    let answer = feira.search(&asking(Question::default()), None).await.unwrap();
    let theirs: Vec<&str> = names(&answer).into_iter().filter(|name| name.contains(GENEVE)).collect();
    assert_eq!(theirs, ["cities/geneve.example/organizations/mill"]);
    assert_eq!(outcome(&answer, GENEVE).total, 1);
    let read = feira.registry.record(&administrator(), &bread.parse().unwrap(), Audience::Unspecified, "", None).await;
    assert_eq!(reason(read), Some(Reason::ResourceNotFound));
    let hello = geneve.registry.greeted(feira.registry.city(), &HelloRequest::default()).await.unwrap();
    assert_eq!(hello.records, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_more_than_is_agreed_is_told_when_to_come_back_and_does_not_come_before() {
    let town = Town::default();
    let [feira, geneve] = two(&town, Audience::Public).await;
    for id in ["one", "two", "three"] {
        geneve.create(id, partnership(id, "MA")).await;
    }
    let rates = |questions_per_minute, records_per_day| Some(SharingRates { questions_per_minute, records_per_day });
    set(&geneve, SharingAgreement { rates: rates(2, 0), ..agreed(Audience::Public) }).await;
    let asked = || async { reason(geneve.registry.answer(&FEIRA.parse().unwrap(), query("enquiry"), WITHIN).await) };
    assert_eq!([asked().await, asked().await, asked().await], [None, None, Some(Reason::RateExceeded)]);
    geneve.clock.advance(time::Duration::seconds(31));
    assert_eq!([asked().await, asked().await], [None, Some(Reason::RateExceeded)]);

    geneve.clock.advance(time::Duration::minutes(2));
    set(&geneve, SharingAgreement { rates: rates(0, 5), ..agreed(Audience::Public) }).await;
    assert_eq!([asked().await, asked().await], [None, Some(Reason::RateExceeded)], "three records, and three more");
    let answer = feira.search(&asking(partnerships()), None).await.unwrap();
    let refused = outcome(&answer, GENEVE);
    assert_eq!((refused.outcome(), refused.error_reason()), (Outcome::Refused, Reason::RateExceeded));
    town.take_asked();
    feira.search(&asking(partnerships()), None).await.unwrap();
    assert_eq!(town.take_asked(), [], "it asked for a pause, which is kept");
    geneve.clock.advance(time::Duration::days(1));
    assert_eq!(asked().await, None, "another day");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_see_what_each_grants_and_this_one_what_it_granted_before() {
    let town = Town::default();
    let [feira, geneve] = two(&town, Audience::Public).await;
    let first = agreed(Audience::Public);
    let note = "Convention of 2026, Art. 4".to_owned();
    let kept = set(&geneve, SharingAgreement { note, kinds: vec!["partnership".into()], ..first }).await;
    assert_eq!((kept.etag.as_str(), kept.author.as_str(), kept.granularity()), ("2", "test", Granularity::Records));
    assert_eq!(set(&geneve, kept.clone()).await, kept, "what is set already is not set again");
    let stale = SharingAgreement { etag: "1".into(), ..agreed(Audience::Public) };
    let refused = geneve.registry.set_sharing_agreement(&administrator(), stale).await;
    assert_eq!(reason(refused), Some(Reason::EtagMismatch));

    let there = feira.registry.sharing_agreement(&administrator(), GENEVE, true).await.unwrap().pair.unwrap();
    assert_eq!(there.received, Some(SharingAgreement { author: String::new(), ..kept.clone() }));
    assert_eq!(there.granted.unwrap().city, GENEVE);
    let here = geneve.registry.sharing_agreement(&administrator(), FEIRA, false).await.unwrap();
    let revisions: Vec<_> = here.revisions.iter().map(|one| (one.etag.as_str(), one.author.as_str())).collect();
    assert_eq!(revisions, [("2", "test"), ("1", "test")]);
    let peers = feira.registry.list_peers(&administrator(), false, false).await.unwrap();
    assert_eq!(peers[0].received.as_ref().unwrap().kinds, ["partnership"]);
    assert_eq!(peers[0].granted.as_ref().unwrap().audience(), Audience::Public);

    // Who leaves and comes back begins anew.
    set(&geneve, agreed(Audience::Federation)).await;
    geneve.registry.leave_peer(&administrator(), FEIRA, "test").await.unwrap();
    let (bundle, _) = feira.registry.own_bundle(&administrator()).await.unwrap();
    geneve.registry.add_peer(&administrator(), &bundle).await.unwrap();
    geneve.registry.approve_peer(&administrator(), FEIRA, Audience::Public, "").await.unwrap();
    let pair = geneve.registry.sharing_agreement(&administrator(), FEIRA, false).await.unwrap().pair.unwrap();
    assert_eq!((pair.granted.unwrap().audience(), pair.granted_in_force), (Audience::Public, true));
}

/// So many organisations of each kind.
async fn organizations(geneve: &Resident, kinds: &[(OrganizationKind, usize)]) {
    let mut number = 0;
    for (kind, count) in kinds {
        for _ in 0..*count {
            number += 1;
            let one = Organization { kind: (*kind).into(), ..organization(&format!("Firm {number}"), "MA") };
            geneve.keep(Kind::Organization, &format!("firm{number}"), to_dynamic(&one)).await;
        }
    }
    geneve.index().await;
}

fn of_organizations(facets: &[Facet]) -> SearchRequest {
    let question = Question { kinds: vec!["organization".into()], ..Question::default() };
    let facets = facets.iter().map(|facet| FacetRequest { facet: (*facet).into(), limit: 0 }).collect();
    SearchRequest { facets, ..asking(question) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_gives_counts_only_gives_no_records_and_no_small_counts() {
    let town = Town::default();
    let [feira, geneve] = two(&town, Audience::Public).await;
    let few = OrganizationKind::Chamber;
    organizations(&geneve, &[(OrganizationKind::Enterprise, 9), (OrganizationKind::DiasporaAssociation, 7), (few, 2)])
        .await;
    feira.keep(Kind::Organization, "own", to_dynamic(&organization("Own", "PT"))).await;
    feira.index().await;
    set(&geneve, SharingAgreement { granularity: Granularity::Counts.into(), ..agreed(Audience::Public) }).await;
    let detail = Some(Reason::DetailNotAgreed);
    let firm = "cities/geneve.example/organizations/firm1";
    assert_eq!(refusals(&geneve, firm, "enquiry").await, [None, detail, detail, detail, detail, detail]);

    let request = of_organizations(&[Facet::OrganizationKind, Facet::Country, Facet::Region]);
    let answer = feira.search(&request, None).await.unwrap();
    assert_eq!(names(&answer), ["cities/feira.example/organizations/own"]);
    let counted = outcome(&answer, GENEVE);
    assert_eq!((counted.outcome(), counted.granularity()), (Outcome::Answered, Granularity::Counts));
    assert_eq!((counted.total, counted.total_at_least, counted.hits), (18, false, 0));

    // Of two places nobody is told, nor of the organisations what would be the total less two.
    let places = async |numbers: std::ops::Range<u8>| {
        for number in numbers {
            let id = format!("place{number}");
            geneve.keep(Kind::Place, &id, to_dynamic(&place(&id, "PT"))).await;
        }
        geneve.index().await;
    };
    places(0..2).await;
    let answer = feira.search(&request, None).await.unwrap();
    let counted = outcome(&answer, GENEVE);
    assert_eq!((counted.total, counted.total_at_least, counted.threshold), (1, true, 5));
    assert!(answer.total_at_least && answer.facets.iter().all(|facet| facet.withheld));
    places(2..7).await;
    let answer = feira.search(&request, None).await.unwrap();
    let counted = outcome(&answer, GENEVE);
    assert_eq!((counted.total, counted.total_at_least, counted.hits), (18, false, 0));
    assert_eq!((answer.total, answer.total_at_least), (19, false));
    let told = |at: usize| -> Vec<(&str, Option<i64>)> {
        let values = &answer.facets[at].values;
        values.iter().map(|one| (one.value.as_str(), (!one.suppressed).then_some(one.count))).collect()
    };
    // One of Feira is in it. Two of three values are suppressed, or the small one would be what is missing.
    let kinds = told(0);
    assert_eq!(kinds.iter().filter(|(_, count)| count.is_none()).count(), 2, "{kinds:?}");
    assert!(kinds.contains(&("CHAMBER", None)), "{kinds:?}");
    assert_eq!(told(1), [("MA", Some(18)), ("PT", Some(1))]);
    assert!(answer.facets[2].withheld, "parts of countries lie in one another");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_city_that_gives_counts_only_nothing_finer_can_be_asked() {
    let town = Town::default();
    let [feira, geneve] = two(&town, Audience::Public).await;
    organizations(&geneve, &[(OrganizationKind::Enterprise, 9), (OrganizationKind::DiasporaAssociation, 6)]).await;
    set(
        &geneve,
        SharingAgreement {
            granularity: Granularity::Counts.into(),
            kinds: vec!["organization".into()],
            ..agreed(Audience::Public)
        },
    )
    .await;
    let with = |change: fn(&mut Question)| {
        let mut request = of_organizations(&[]);
        change(request.question.as_mut().unwrap());
        request
    };
    let told = async |request: &SearchRequest| {
        let answer = feira.search(request, None).await.unwrap();
        let city = outcome(&answer, GENEVE).clone();
        (city.outcome(), city.total, city.error_reason())
    };
    let enterprises = with(|one| one.organization_kinds = vec![OrganizationKind::Enterprise.into()]);
    assert_eq!(told(&enterprises).await, (Outcome::Answered, 9, Reason::Unspecified));
    let nobody = with(|one| one.organization_kinds = vec![OrganizationKind::Chamber.into()]);
    assert_eq!(told(&nobody).await, (Outcome::AnsweredEmpty, 0, Reason::Unspecified));
    for fine in [
        with(|one| one.text = "firm".into()),
        with(|one| one.countries = vec!["MA".into(), "PT".into()]),
        with(|one| {
            one.countries = vec!["MA".into()];
            one.organization_kinds = vec![OrganizationKind::Enterprise.into()];
        }),
    ] {
        assert_eq!(told(&fine).await, (Outcome::Refused, 0, Reason::DetailNotAgreed), "{fine:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_says_yes_or_no_says_nothing_else() {
    let town = Town::default();
    let [feira, geneve] = two(&town, Audience::Public).await;
    organizations(&geneve, &[(OrganizationKind::Enterprise, 9)]).await;
    set(&geneve, SharingAgreement { granularity: Granularity::YesNo.into(), ..agreed(Audience::Public) }).await;
    let detail = Some(Reason::DetailNotAgreed);
    let firm = "cities/geneve.example/organizations/firm1";
    assert_eq!(refusals(&geneve, firm, "enquiry").await, [None, detail, detail, detail, detail, detail]);
    let mut parts = geneve.registry.answer(feira.registry.city(), query("enquiry"), WITHIN).await.unwrap();
    let Some(Part::Start(start)) = parts.next().await.unwrap().unwrap().part else { panic!("no beginning") };
    assert_eq!((start.any, start.total, start.records, start.facets.len()), (false, 0, 0, 0));

    let answer = feira.search(&of_organizations(&[Facet::OrganizationKind]), None).await.unwrap();
    let told = outcome(&answer, GENEVE);
    assert_eq!((told.outcome(), told.granularity()), (Outcome::Answered, Granularity::YesNo));
    assert_eq!((told.total, told.total_at_least, answer.total, answer.total_at_least), (1, true, 1, true));
    assert!(answer.facets[0].withheld && answer.hits.is_empty() && answer.next_page_token.is_empty());
    let answer = feira.search(&asking(partnerships()), None).await.unwrap();
    assert_eq!(outcomes(&answer.outcomes)[1], (GENEVE, Outcome::AnsweredEmpty));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shared_reaches_the_named_cities_until_they_are_named_no_more() {
    let town = Town::default();
    let home = town.settle(GENEVE).await;
    let peers =
        [town.settle("praia.example").await, town.settle("dakar.example").await, town.settle("izmir.example").await];
    for (peer, audience) in peers.iter().zip([Audience::Federation, Audience::Federation, Audience::Public]) {
        introduce(&home, peer, audience).await;
    }
    // Izmir is named, but Genève grants it only what is public.
    let cities = |cities: &[&str]| cities.iter().map(|city| format!("{city}.example")).collect::<Vec<_>>();
    let shared = |with: &[&str]| Partnership {
        audience: Audience::Shared.into(),
        shared_with: cities(with),
        ..partnership("Bread for few", "MA")
    };
    let name = home.create("bread", shared(&["praia", "izmir"])).await;
    let seen = async || {
        let mut seen = Vec::new();
        for peer in &peers {
            let question = Question { text: "few".into(), ..partnerships() };
            let found = peer.search(&asking(question), None).await.unwrap();
            let record = GetRecordRequest { name: name.clone(), ..Default::default() };
            let read = home.registry.record_for_peer(peer.registry.city(), &record).await.is_ok();
            let hello = home.registry.greeted(peer.registry.city(), &HelloRequest::default()).await.unwrap();
            let digest =
                home.registry.digest_for_peer(peer.registry.city(), &GetDigestRequest::default(), WITHIN).await;
            let records = digest.unwrap().digest.unwrap().statistics.unwrap().records;
            assert_eq!(hello.records, records);
            // The profile, the partnership, its event for each stage up to the launch.
            assert_eq!((found.total == 1, read), (records > 1, records > 1), "{}", peer.city());
            seen.push(found.total == 1);
        }
        seen
    };
    assert_eq!(seen().await, [true, false, false]);
    let change = Partnership { name: name.clone(), ..shared(&["dakar"]) };
    home.registry
        .update(&administrator(), Kind::Partnership, to_dynamic(&change), &["shared_with".into()], Terms::default())
        .await
        .unwrap();
    home.index().await;
    let found = peers[0].search(&asking(Question { text: "few".into(), ..partnerships() }), None).await.unwrap();
    assert_eq!(found.total, 0, "Praia is not named any more");
    let hello = home.registry.greeted(peers[0].registry.city(), &HelloRequest::default()).await.unwrap();
    assert_eq!(hello.records, 1, "nor is there an event of it, only the profile");
    let found = peers[1].search(&asking(Question { text: "few".into(), ..partnerships() }), None).await.unwrap();
    assert_eq!(found.total, 1, "Dakar is");
    // The same after the index was made anew from what is stored.
    let closed = town.close(home);
    std::fs::remove_dir_all(closed.folder().join("index")).unwrap();
    let _home = town.open(closed).await;
    let found = peers[1].search(&asking(Question { text: "few".into(), ..partnerships() }), None).await.unwrap();
    assert_eq!(found.total, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_agreement_ends_a_watch_and_makes_the_digest_of_before_worth_nothing() {
    let town = Town::default();
    let [feira, geneve] = two(&town, Audience::Public).await;
    let feira = feira.registry.city();
    geneve.create("bread", partnership("Bread", "MA")).await;
    let request = WatchRequest { question: Some(partnerships()), purpose: "enquiry".into(), ..WatchRequest::default() };
    let mut watch = geneve.registry.watched_by_peer(feira, request).unwrap();
    assert!(matches!(watch.next().await.unwrap().unwrap().part, Some(Told::Position(_))));
    let digest = geneve.registry.digest_for_peer(feira, &GetDigestRequest::default(), WITHIN).await.unwrap();
    let known = |digest: &isopolity_proto::federation::GetDigestResponse| GetDigestRequest {
        epoch: digest.digest.as_ref().unwrap().epoch.clone(),
        sequence: digest.digest.as_ref().unwrap().sequence,
        sharing_agreement: digest.sharing_agreement.clone(),
    };
    let same = geneve.registry.digest_for_peer(feira, &known(&digest), WITHIN).await.unwrap();
    assert_eq!(same.digest, None);

    set(&geneve, SharingAgreement { kinds: vec!["place".into()], ..agreed(Audience::Public) }).await;
    // At once, and not only with the next publication or heartbeat.
    let ended = tokio::time::timeout(Duration::from_secs(5), watch.next()).await.expect("the watch goes on");
    assert_eq!(ended.unwrap().unwrap_err().reason(), Reason::AgreementChanged);
    let other = geneve.registry.digest_for_peer(feira, &known(&digest), WITHIN).await.unwrap();
    assert_eq!(other.digest.unwrap().statistics.unwrap().records, 0);
}
