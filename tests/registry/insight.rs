//! What the records of several cities say together: how far two cooperate, what fits, who overlaps.

use isopolity_domain::Kind;
use isopolity_federation::LinkError;
use isopolity_proto::{
    admin::{AuditAction, ListAuditEntriesRequest, Role},
    catalog::Outcome,
    cooperation::{
        CooperationKind, CreateCooperationRequest, Proposal, Statement, Step, Subject, TakeStepRequest, step::Action,
    },
    error::Reason,
    insight::{
        CooperationLevel, FindOverlapsRequest, FindOverlapsResponse, FitReason, GetCooperationStatusRequest,
        GetCooperationStatusResponse, SuggestPartnersRequest, SuggestPartnersResponse,
    },
    options::Audience,
    registry::{
        Agreement, AgreementKind, AgreementParty, AgreementStatus, City, Confirmation, ConfirmationStance, Meetings,
        Opportunity, OpportunityDirection, OpportunityStatus, Partnership, PartnershipEnd, PartnershipStage, Side,
    },
    to_dynamic,
    types::{Commitment, CommitmentKind, Place},
};
use isopolity_registry::{Caller, Error, author::Terms};
use isopolity_tests::{
    Manner, Resident, Town,
    sample::{self, nace, outcomes, partnership, text},
    town::{administrator, introduce},
};
use tokio::time::pause;

const FEIRA: &str = "feira.example";
const GENEVE: &str = "geneve.example";
const KENITRA: &str = "kenitra.example";
/// Without a node.
const JOUE: &str = "joue.example";

fn place(name: &str, country: &str) -> Place {
    Place { names: vec![text(name, "en")], country: country.into(), ..Default::default() }
}

/// Three cities that are partners of one another, and say where they lie.
async fn three(town: &Town) -> [Resident; 3] {
    let residents = [town.settle(FEIRA).await, town.settle(GENEVE).await, town.settle(KENITRA).await];
    let [feira, geneve, kenitra] = &residents;
    for (one, other) in [(feira, geneve), (feira, kenitra), (geneve, kenitra)] {
        introduce(one, other, Audience::Federation).await;
    }
    let places = [place("Santa Maria da Feira", "PT"), place("Genève", "CH"), place("Kénitra", "MA")];
    for (city, place) in residents.iter().zip(places) {
        let name = format!("cities/{}", city.city());
        let profile = to_dynamic(&City { name, place: Some(place), ..Default::default() });
        let mask = ["place".to_owned()];
        city.registry.update(&administrator(), Kind::City, profile, &mask, Terms::default()).await.unwrap();
        city.index().await;
    }
    residents
}

async fn keep<M: prost::Name>(city: &Resident, kind: Kind, id: &str, message: &M) {
    city.keep(kind, id, to_dynamic(message)).await;
    city.index().await;
}

/// A protocol of a city with another, in force since 2013.
fn protocol(city: &str, other: &str) -> Agreement {
    let party = |city: &str| AgreementParty {
        display_names: vec![text("A city", "en")],
        city: format!("cities/{city}"),
        ..Default::default()
    };
    Agreement {
        kind: AgreementKind::CooperationProtocol.into(),
        status: AgreementStatus::Active.into(),
        parties: vec![party(city), party(other)],
        sign_date: "2013-03-15".into(),
        ..sample::agreement(city, "Protocol", "MA")
    }
}

fn commitment(city: &str, kind: CommitmentKind) -> Commitment {
    let city = format!("cities/{city}");
    Commitment { city, kind: kind.into(), descriptions: vec![text("Something", "en")], ..Default::default() }
}

fn confirmation(stance: ConfirmationStance) -> Confirmation {
    Confirmation { city: format!("cities/{KENITRA}"), stance: stance.into(), ..Default::default() }
}

async fn status(asker: &Resident) -> GetCooperationStatusResponse {
    let request = GetCooperationStatusRequest { city: FEIRA.into(), other_city: KENITRA.into(), ..Default::default() };
    asker.registry.cooperation_status(&administrator(), &request, None).await.unwrap()
}

async fn suggestions(asker: &Resident, request: &SuggestPartnersRequest) -> SuggestPartnersResponse {
    asker.registry.suggest_partners(&administrator(), request, None).await.unwrap()
}

async fn overlaps(asker: &Resident, request: &FindOverlapsRequest) -> FindOverlapsResponse {
    asker.registry.overlaps(&administrator(), request, None).await.unwrap()
}

fn reason<T>(result: Result<T, Error>) -> Option<Reason> {
    result.err().map(|error| error.reason())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_city_sees_each_further_record_of_the_two_lead_a_level_up() {
    let town = Town::default();
    let [feira, geneve, kenitra] = three(&town).await;
    let level = async || {
        let found = status(&geneve).await;
        assert!(!found.disputed && !found.may_be_higher, "{found:?}");
        found.ladder
    };
    assert_eq!(level().await, 0);
    keep(&feira, Kind::Agreement, "claim", &protocol(FEIRA, KENITRA)).await;
    assert_eq!(level().await, 1);
    keep(&kenitra, Kind::Agreement, "protocol", &protocol(KENITRA, FEIRA)).await;
    assert_eq!(level().await, 2);
    let meets = Agreement {
        meetings: Some(Meetings { last_date: "2025-04".into(), ..Default::default() }),
        ..protocol(FEIRA, KENITRA)
    };
    keep(&feira, Kind::Agreement, "meets", &meets).await;
    assert_eq!(level().await, 3);
    let mut commitments =
        vec![commitment(FEIRA, CommitmentKind::Funding), commitment(KENITRA, CommitmentKind::Funding)];
    let plans = Agreement { commitments: commitments.clone(), ..meets.clone() };
    keep(&feira, Kind::Agreement, "plans", &plans).await;
    assert_eq!(level().await, 4);
    commitments.push(commitment(FEIRA, CommitmentKind::Evaluation));
    keep(&feira, Kind::Agreement, "evaluates", &Agreement { commitments, ..meets }).await;
    assert_eq!(level().await, 5);

    town.take_asked();
    let found = status(&geneve).await;
    let mut asked = town.take_asked();
    asked.sort();
    let expected = [(GENEVE.to_owned(), FEIRA.to_owned()), (GENEVE.to_owned(), KENITRA.to_owned())];
    assert_eq!(asked, expected, "the two, once each, and nobody else");
    assert_eq!(found.level(), CooperationLevel::JointFundingAndEvaluation);
    assert_eq!(found.evidence[0].record, "cities/feira.example/agreements/evaluates");
    assert_eq!(
        found.evidence[0].explanation,
        "feira.example states a cooperation protocol with kenitra.example; kenitra.example states it too \
         (cities/kenitra.example/agreements/protocol); they last met in 2025-04; both commit money, and an evaluation is agreed"
    );
    assert_eq!(found.sides[0].records.len(), 4);
    assert_eq!(found.sides[1].records, ["cities/kenitra.example/agreements/protocol"]);
    let named = [(GENEVE, Outcome::NotAsked), (FEIRA, Outcome::Answered), (KENITRA, Outcome::Answered)];
    assert_eq!(outcomes(&found.outcomes), named);
    // The same for one of the two; and two months later, when the last meeting is more than a year ago.
    assert_eq!(status(&feira).await.ladder, 5);
    geneve.clock.advance(time::Duration::days(60));
    assert_eq!(status(&geneve).await.ladder, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_city_says_of_the_others_word_stays_its_own_claim() {
    let town = Town::default();
    let [feira, geneve, _kenitra] = three(&town).await;
    let confirmations = vec![confirmation(ConfirmationStance::Confirmed)];
    let claim = Agreement { confirmations, ..protocol(FEIRA, KENITRA) };
    keep(&feira, Kind::Agreement, "claim", &claim).await;
    let found = status(&geneve).await;
    assert_eq!((found.ladder, found.disputed, found.may_be_higher), (1, false, false));
    let why = &found.evidence[0].explanation;
    assert!(why.contains("is feira.example's word: no cooperation is shown by which kenitra.example did"), "{why}");
    assert_eq!(found.sides[1].confirmations[0].stance(), ConfirmationStance::Confirmed);

    let confirmations = vec![confirmation(ConfirmationStance::Disputed)];
    let disputed = Agreement { confirmations, ..protocol(FEIRA, KENITRA) };
    keep(&feira, Kind::Agreement, "disputed", &disputed).await;
    let found = status(&geneve).await;
    assert_eq!((found.ladder, found.disputed), (1, true));
}

/// Delivers what waits at each city, until it has been there and back.
async fn carry(cities: &[&Resident]) {
    for _ in 0..3 {
        for city in cities {
            Box::pin(city.registry.deliver_once()).await.unwrap();
            city.index().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_confirms_by_a_cooperation_leads_to_the_second_level_and_back_when_it_thinks_anew() {
    let town = Town::default();
    let [feira, geneve, kenitra] = three(&town).await;
    let lisboa = town.settle("lisboa.example").await;
    for city in [&feira, &kenitra] {
        introduce(&lisboa, city, Audience::Public).await;
    }
    keep(&feira, Kind::Agreement, "protocol", &protocol(FEIRA, KENITRA)).await;
    let name = "cities/feira.example/agreements/protocol";

    // Feira asks: what is under way is told to Feira, and to nobody else.
    let proposal = Proposal {
        kind: CooperationKind::Confirmation.into(),
        participants: vec![KENITRA.to_owned()],
        subjects: vec![Subject { name: name.to_owned(), ..Default::default() }],
        ..Default::default()
    };
    let request =
        CreateCooperationRequest { cooperation_id: "asked".into(), draft: Some(proposal), validate_only: false };
    feira.registry.create_cooperation(&administrator(), request).await.unwrap();
    assert!(status(&feira).await.open_cooperations.is_empty(), "a draft is with nobody");
    let asked = "cities/feira.example/cooperations/asked";
    let step = Some(Step { action: Some(Action::Proposal(Proposal::default())) });
    let taking = TakeStepRequest { name: asked.into(), step, ..Default::default() };
    Box::pin(feira.registry.take_step(&administrator(), taking)).await.unwrap();
    assert_eq!(status(&feira).await.open_cooperations, [asked]);
    assert!(status(&geneve).await.open_cooperations.is_empty());

    let state = async |stance: ConfirmationStance| {
        let statement = Statement { record: name.into(), stance: stance.into(), ..Default::default() };
        Box::pin(kenitra.registry.confirm_record(&administrator(), statement)).await.unwrap();
        carry(&[&kenitra, &feira]).await;
        let found = status(&geneve).await;
        (found.ladder, found.disputed, found.evidence[0].explanation.clone())
    };
    let (level, disputed, why) = state(ConfirmationStance::Confirmed).await;
    assert_eq!((level, disputed), (2, false), "{why}");
    assert!(why.contains("; kenitra.example confirmed it (cities/kenitra.example/cooperations/"), "{why}");
    let public = status(&lisboa).await;
    assert_eq!(public.ladder, 2, "that a city said so itself is as public as what it said: {:?}", public.evidence);
    let (level, disputed, why) = state(ConfirmationStance::Disputed).await;
    assert_eq!((level, disputed), (1, true), "{why}");
}

#[tokio::test]
async fn a_city_that_does_not_answer_denies_nothing() {
    let town = Town::default();
    let [feira, geneve, kenitra] = three(&town).await;
    keep(&feira, Kind::Agreement, "protocol", &protocol(FEIRA, KENITRA)).await;
    keep(&kenitra, Kind::Agreement, "protocol", &protocol(KENITRA, FEIRA)).await;
    assert_eq!(status(&geneve).await.ladder, 2);
    let down = LinkError::new(Outcome::Unreachable, Reason::Connection, "nothing listens there");
    town.teach(KENITRA, Manner::Fails(down));
    let found = status(&geneve).await;
    assert_eq!((found.ladder, found.disputed, found.may_be_higher), (1, false, true));
    assert_eq!((found.sides[0].answered, found.sides[1].answered), (true, false));
    assert!(found.evidence[0].explanation.ends_with("which denies nothing"), "{:?}", found.evidence);
    assert_eq!(outcomes(&found.outcomes)[2], (KENITRA, Outcome::Unreachable));
    assert!(found.coverage.unwrap().summary.starts_with("1 of 3 cities"));

    town.teach(KENITRA, Manner::Silent);
    pause();
    let begun = tokio::time::Instant::now();
    let found = status(&geneve).await;
    assert_eq!((found.ladder, found.may_be_higher), (1, true));
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_without_a_node_is_spoken_of_by_its_names() {
    let town = Town::default();
    let [feira, geneve, _kenitra] = three(&town).await;
    let mut twinning = protocol(FEIRA, KENITRA);
    twinning.parties[1] =
        AgreementParty { display_names: vec![text("Câmara de Joué-lès-Tours", "pt")], ..Default::default() };
    twinning.parties[1].place = Some(place("Joué-lès-Tours", "FR"));
    keep(&feira, Kind::Agreement, "twinning", &twinning).await;
    let asked = |city: &str, other_city: &str, names: &[&str]| GetCooperationStatusRequest {
        city: city.into(),
        other_city: other_city.into(),
        place_names: names.iter().map(|&name| name.to_owned()).collect(),
        ..Default::default()
    };
    let found = async |request: GetCooperationStatusRequest| {
        let found = geneve.registry.cooperation_status(&administrator(), &request, None).await.unwrap();
        (found.ladder, found.may_be_higher)
    };
    assert_eq!(found(asked(FEIRA, JOUE, &[])).await, (0, true));
    assert_eq!(found(asked(FEIRA, JOUE, &["JOUE LES TOURS"])).await, (1, true));
    assert_eq!(found(asked(JOUE, FEIRA, &["Joué-lès-Tours"])).await, (1, true), "whoever is named first");
    assert_eq!(found(asked("nowhere.example", JOUE, &["Joué-lès-Tours"])).await, (0, true));
    for (city, other) in [("", FEIRA), (FEIRA, "Feira"), (FEIRA, FEIRA)] {
        let request = asked(city, other, &[]);
        let refused = geneve.registry.cooperation_status(&administrator(), &request, None).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{city} {other}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partners_are_suggested_with_reasons_the_best_first() {
    let town = Town::default();
    let [feira, geneve, kenitra] = three(&town).await;
    let seeks = Opportunity {
        counterpart_side: Side::Origin.into(),
        languages: vec!["pt".into(), "fr".into()],
        ..sample::opportunity("Flour", "MA")
    };
    let offers = |title: &str| Opportunity {
        direction: OpportunityDirection::Offers.into(),
        languages: vec!["fr-MA".into()],
        ..sample::opportunity(title, "MA")
    };
    keep(&feira, Kind::Opportunity, "flour", &seeks).await;
    keep(&feira, Kind::Opportunity, "taken", &Opportunity { status: OpportunityStatus::Taken.into(), ..seeks.clone() })
        .await;
    keep(&kenitra, Kind::Opportunity, "mill", &offers("A mill")).await;
    keep(&kenitra, Kind::Opportunity, "over", &Opportunity { expire_date: "2026-03-15".into(), ..offers("Over") })
        .await;
    keep(&geneve, Kind::Opportunity, "trade", &Opportunity { sectors: vec![nace("10")], ..offers("Trade") }).await;
    keep(&geneve, Kind::Opportunity, "same", &seeks).await;

    let everything = SuggestPartnersRequest::default();
    let found = suggestions(&feira, &everything).await;
    let told: Vec<(&str, &str, i32)> = found
        .suggestions
        .iter()
        .map(|one| (one.city.as_str(), one.other_opportunity.rsplit('/').next().unwrap(), one.points))
        .collect();
    assert_eq!(told, [(KENITRA, "mill", 90), (GENEVE, "trade", 74)]);
    assert_eq!(found.compared, 3, "what is open elsewhere");
    let fits = |found: &SuggestPartnersResponse, at: usize| -> Vec<(FitReason, i32)> {
        found.suggestions[at].fits.iter().map(|fit| (fit.reason(), fit.points)).collect()
    };
    let expected = [
        (FitReason::Subject, 25),
        (FitReason::Corridor, 20),
        (FitReason::Sector, 20),
        (FitReason::Direction, 10),
        (FitReason::Side, 8),
        (FitReason::Language, 7),
    ];
    assert_eq!(fits(&found, 0), expected);
    assert_eq!(found.suggestions[0].titles[0].text, "A mill");
    assert_eq!(found.suggestions[0].opportunity, "cities/feira.example/opportunities/flour");
    let answered = [(FEIRA, Outcome::Answered), (GENEVE, Outcome::Answered), (KENITRA, Outcome::Answered)];
    assert_eq!(outcomes(&found.outcomes), answered);
    // Profiles are read along, and not counted.
    let counts: Vec<_> = found.outcomes.iter().map(|one| (i64::from(one.hits), one.total)).collect();
    assert_eq!(counts, [(2, 2); 3]);

    // What Genève has launched helps Feira, which still prepares: that is seen in the partnerships of both.
    let at = |stage: PartnershipStage| Partnership { stage: stage.into(), ..partnership("Bread", "MA") };
    feira.create("bread", at(PartnershipStage::MarketResearch)).await;
    geneve.create("bread", at(PartnershipStage::Operating)).await;
    let found = suggestions(&feira, &everything).await;
    assert_eq!(found.suggestions[1].points, 79);
    assert_eq!(fits(&found, 1).last(), Some(&(FitReason::Stage, 5)));

    let best = SuggestPartnersRequest { page_size: 1, ..everything.clone() };
    assert_eq!(suggestions(&feira, &best).await.suggestions.len(), 1);
    let least = SuggestPartnersRequest { least_points: 80, ..everything.clone() };
    assert_eq!(suggestions(&feira, &least).await.suggestions.len(), 1);
    let one = |name: &str| SuggestPartnersRequest { opportunity: name.into(), ..everything.clone() };
    assert_eq!(
        suggestions(&feira, &one("cities/feira.example/opportunities/flour")).await.suggestions,
        found.suggestions
    );
    for bad in [
        "cities/feira.example/opportunities/taken",
        "cities/kenitra.example/opportunities/mill",
        "cities/feira.example/partnerships/bread",
        "flour",
    ] {
        let refused = feira.registry.suggest_partners(&administrator(), &one(bad), None).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{bad}");
    }
    let missing = one("cities/feira.example/opportunities/none");
    let refused = feira.registry.suggest_partners(&administrator(), &missing, None).await;
    assert_eq!(reason(refused), Some(Reason::ResourceNotFound));

    let down = LinkError::new(Outcome::Unreachable, Reason::Connection, "nothing listens there");
    town.teach(KENITRA, Manner::Fails(down));
    let found = suggestions(&feira, &everything).await;
    assert_eq!((found.suggestions.len(), found.suggestions[0].city.as_str()), (1, GENEVE));
    assert_eq!(outcomes(&found.outcomes)[2], (KENITRA, Outcome::Unreachable));
    assert!(found.coverage.unwrap().summary.starts_with("2 of 3 cities"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cities_overlap_until_one_names_the_other() {
    let town = Town::default();
    let [feira, geneve, kenitra] = three(&town).await;
    let in_kenitra = |title: &str| Partnership {
        ends: vec![PartnershipEnd { side: Side::Origin.into(), place: Some(place("Kenitra", "MA")) }],
        ..partnership(title, "MA")
    };
    let bread = feira.create("bread", in_kenitra("Bread")).await;
    let dairy = Partnership { sectors: vec![nace("10.51")], ..in_kenitra("Dairy") };
    let dairy = geneve.create("dairy", dairy).await;
    kenitra.create("mill", in_kenitra("A mill")).await;

    let everything = FindOverlapsRequest::default();
    let found = overlaps(&feira, &everything).await;
    assert_eq!((found.overlaps.len(), found.compared), (1, 3));
    let overlap = &found.overlaps[0];
    assert_eq!((overlap.country.as_str(), overlap.place.as_str()), ("MA", "Kenitra"));
    assert_eq!(overlap.cities, [FEIRA, GENEVE], "both name Kénitra by where they work, and not each other");
    let records: Vec<&str> = overlap.records.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(records, [&bread, &dairy]);
    assert!(overlap.explanation.contains("feira.example and geneve.example"), "{}", overlap.explanation);

    for (request, many) in [
        (FindOverlapsRequest { own_only: true, ..everything.clone() }, 1),
        (FindOverlapsRequest { country: "MA".into(), sector: Some(nace("10")), ..everything.clone() }, 1),
        (FindOverlapsRequest { country: "SN".into(), ..everything.clone() }, 0),
        (FindOverlapsRequest { sector: Some(nace("10.51")), ..everything.clone() }, 0),
    ] {
        assert_eq!(overlaps(&feira, &request).await.overlaps.len(), many, "{request:?}");
    }
    let own = FindOverlapsRequest { own_only: true, ..everything.clone() };
    assert_eq!(overlaps(&kenitra, &own).await.overlaps.len(), 0);
    for bad in [
        FindOverlapsRequest { country: "Morocco".into(), ..everything.clone() },
        FindOverlapsRequest { sector: Some(nace("10.99")), ..everything.clone() },
        FindOverlapsRequest { page_size: 101, ..everything.clone() },
    ] {
        let refused = feira.registry.overlaps(&administrator(), &bad, None).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{bad:?}");
    }

    let mirror = Partnership { name: bread, mirrors: vec![dairy], ..Default::default() };
    let mask = ["mirrors".to_owned()];
    let changed = to_dynamic(&mirror);
    feira.registry.update(&administrator(), Kind::Partnership, changed, &mask, Terms::default()).await.unwrap();
    feira.index().await;
    assert_eq!(overlaps(&geneve, &everything).await.overlaps, [], "Feira knows of Genève now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_may_search_asks_and_every_question_is_logged() {
    let town = Town::default();
    let [feira, _geneve, _kenitra] = three(&town).await;
    let request = GetCooperationStatusRequest { city: FEIRA.into(), other_city: KENITRA.into(), ..Default::default() };
    let (suggest, overlap) = (SuggestPartnersRequest::default(), FindOverlapsRequest::default());
    let registry = &feira.registry;
    for (caller, expected) in [
        (Caller::Anonymous, Some(Reason::TokenMissing)),
        (Caller::token("nobody", Role::Unspecified), Some(Reason::RightMissing)),
        (Caller::token("viewer", Role::Viewer), None),
    ] {
        assert_eq!(reason(registry.cooperation_status(&caller, &request, None).await), expected);
        assert_eq!(reason(registry.suggest_partners(&caller, &suggest, None).await), expected);
        assert_eq!(reason(registry.overlaps(&caller, &overlap, None).await), expected);
    }
    let long = GetCooperationStatusRequest { purpose: "x".repeat(201), ..request };
    let refused = registry.cooperation_status(&administrator(), &long, None).await;
    assert!(matches!(refused, Err(Error::Invalid(_))));

    let request = ListAuditEntriesRequest { oldest_first: true, page_size: 500, ..Default::default() };
    let auditor = Caller::token("auditor", Role::Auditor);
    let entries = registry.audit_entries(&auditor, &request).await.unwrap().entries;
    let asked = entries.iter().filter_map(|stored| stored.entry.as_ref());
    let asked = asked.filter(|entry| entry.action() == AuditAction::QueryAsked).count();
    assert_eq!(
        asked,
        1 + 2 + 2 * 2,
        "Kénitra of the status; both of opportunities; both of partnerships and of profiles"
    );
}
