//! What a city's officer does with a partnership, from the first tie to a story for others, and the shortcuts that are
//! refused on the way. All of it through the public API.

use isopolity_proto::{
    catalog::Outcome,
    federation::Question,
    options::Audience,
    registry::{
        AdvancePartnershipRequest, AdvancePartnershipResponse, Condition, ConditionAssessment, ConditionStatus,
        CorrectStageEventRequest, CreateConditionAssessmentRequest, CreateGoodPracticeRequest,
        CreateIndicatorObservationRequest, CreateOpportunityRequest, DeleteOrganizationRequest, EndPartnershipRequest,
        EndingKind, EvidenceGrade, GetReadinessRequest, GetReadinessResponse, GoodPractice, Indicator,
        IndicatorObservation, ListStageEventsRequest, Measure, MeasurementMethod, Organization, OrganizationKind,
        Participant, ParticipantRole, Partnership, PartnershipEnd, PartnershipStage, PartnershipStatus,
        PublicationConsent, Side, StageEvent, StageEventKind, SuspendPartnershipRequest, Waiver,
        condition_assessment_service_client::ConditionAssessmentServiceClient,
        good_practice_service_client::GoodPracticeServiceClient,
        indicator_observation_service_client::IndicatorObservationServiceClient,
        opportunity_service_client::OpportunityServiceClient, stage_event_service_client::StageEventServiceClient,
    },
    types::{Document, Period, Place},
};
use isopolity_tests::{
    Api, TestNode, federation,
    refusal::{fields, metadata, reason},
    sample::{nace, opportunity, organization, outcomes, partnership, text},
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const FEIRA: &str = "cities/feira.example";

/// An officer at work on one partnership of the own city.
struct Officer<'a> {
    api: &'a Api,
    partnership: String,
}

impl Officer<'_> {
    fn city(&self) -> String {
        let (city, _) = self.partnership.split_once("/partnerships/").unwrap();
        city.to_owned()
    }

    async fn advance(&self, to: PartnershipStage, date: &str) -> Result<AdvancePartnershipResponse, Status> {
        self.advance_with(AdvancePartnershipRequest { to_stage: to.into(), date: date.into(), ..self.step() }).await
    }

    fn step(&self) -> AdvancePartnershipRequest {
        AdvancePartnershipRequest {
            name: self.partnership.clone(),
            decided_by: "Economy office".into(),
            ..Default::default()
        }
    }

    async fn advance_with(&self, request: AdvancePartnershipRequest) -> Result<AdvancePartnershipResponse, Status> {
        Ok(self.api.partnerships().advance_partnership(request).await?.into_inner())
    }

    /// Returns the assessment's name.
    async fn assess(&self, condition: Condition, side: Side, status: ConditionStatus) -> String {
        let assessment = ConditionAssessment {
            audience: Audience::Federation.into(),
            partnership: self.partnership.clone(),
            condition: condition.into(),
            side: side.into(),
            status: status.into(),
            assess_date: "2013-01-10".into(),
            assessor: "Economy office".into(),
            evidence: vec![Document { reference: "minutes 4/2013".into(), ..Default::default() }],
            ..Default::default()
        };
        let request = CreateConditionAssessmentRequest {
            parent: self.city(),
            condition_assessment: Some(assessment),
            ..Default::default()
        };
        ConditionAssessmentServiceClient::new(self.api.client.clone())
            .create_condition_assessment(request)
            .await
            .unwrap()
            .into_inner()
            .condition_assessment
            .unwrap()
            .name
    }

    async fn meet(&self, conditions: &[(Condition, Side)]) {
        for (condition, side) in conditions {
            self.assess(*condition, *side, ConditionStatus::Met).await;
        }
    }

    async fn readiness(&self) -> GetReadinessResponse {
        self.readiness_for(PartnershipStage::Unspecified).await
    }

    async fn readiness_for(&self, to: PartnershipStage) -> GetReadinessResponse {
        let request = GetReadinessRequest { name: self.partnership.clone(), to_stage: to.into() };
        self.api.partnerships().get_readiness(request).await.unwrap().into_inner()
    }

    /// Its stage events, in the order in which they were written.
    async fn events(&self) -> Vec<StageEvent> {
        let request = ListStageEventsRequest {
            parent: self.city(),
            filter: format!("partnership = \"{}\"", self.partnership),
            order_by: "create_time".into(),
            ..Default::default()
        };
        let mut service = StageEventServiceClient::new(self.api.client.clone());
        service.list_stage_events(request).await.unwrap().into_inner().stage_events
    }

    /// Says to which place on the side of origin it leads, without which there is no research.
    async fn lead_to_kenitra(&self) {
        let place = Place { names: vec![text("Kénitra", "fr")], country: "MA".into(), ..Default::default() };
        let end = PartnershipEnd { side: Side::Origin.into(), place: Some(place) };
        let known = self.api.get(&self.partnership).await.unwrap();
        self.api.update(Partnership { ends: vec![end], ..known }, &["ends"]).await.unwrap();
    }

    async fn stands_at(&self) -> (PartnershipStage, PartnershipStatus) {
        let partnership = self.api.get(&self.partnership).await.unwrap();
        (partnership.stage(), partnership.status())
    }
}

/// The conditions that block, as the response lists them: on the side of destination, of origin, and of both.
fn blocking(readiness: &GetReadinessResponse) -> [Vec<&str>; 3] {
    [&readiness.destination, &readiness.origin, &readiness.joint].map(|side| {
        let blocking = side.iter().filter(|one| one.blocking);
        blocking.map(|one| one.condition().as_str_name().trim_start_matches("CONDITION_")).collect()
    })
}

/// What closes the gate, from the details that a client program reads.
fn closed_by(refused: &Status) -> Vec<String> {
    let details = refused.get_error_details();
    let failure = details.precondition_failure().unwrap();
    failure.violations.iter().map(|one| one.r#type.trim_start_matches("CONDITION_").to_owned()).collect()
}

fn body(name: &str, kind: OrganizationKind, country: &str) -> Organization {
    Organization { kind: kind.into(), ..organization(name, country) }
}

async fn tie(api: &Api) -> String {
    let agency = body("Agência de Desenvolvimento", OrganizationKind::BusinessDevelopmentAgency, "PT");
    let association = body("Associação dos Marroquinos", OrganizationKind::DiasporaAssociation, "PT");
    let cooperative = body("Coopérative de Kénitra", OrganizationKind::Enterprise, "MA");
    let participant = |organization: String, role: ParticipantRole, side: Side, share: &str| Participant {
        organization,
        roles: vec![role.into()],
        side: side.into(),
        profit_share_percent: share.into(),
        ..Default::default()
    };
    let agency = api.create_organization("agency", agency).await.name;
    let association = api.create_organization("association", association).await.name;
    let cooperative = api.create_organization("cooperative", cooperative).await.name;
    let partnership = Partnership {
        audience: Audience::Public.into(),
        titles: vec![text("Cork and leather", "en"), text("Cortiça e couro", "pt")],
        origin_countries: vec!["MA".into()],
        stage: PartnershipStage::Opportunity.into(),
        stage_date: "2012".into(),
        sectors: vec![nace("15.11")],
        participants: vec![
            participant(association, ParticipantRole::Initiator, Side::Destination, ""),
            participant(agency, ParticipantRole::Intermediary, Side::Destination, ""),
            participant(cooperative, ParticipantRole::LeadEnterprise, Side::Origin, ""),
        ],
        ..Default::default()
    };
    api.create("cork-and-leather", partnership).await.name
}

fn paper(title: &str, date: &str) -> Vec<Document> {
    vec![Document { titles: vec![text(title, "en")], date: date.into(), ..Default::default() }]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn a_tie_becomes_a_partnership_that_takes_profit_and_is_told_to_others() {
    let [feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    feira.api.approve("geneve.example", Audience::Federation).await;
    let officer = Officer { api: &feira.api, partnership: tie(&feira.api).await };
    assert_eq!(officer.stands_at().await, (PartnershipStage::Opportunity, PartnershipStatus::Pipeline));

    // Nobody jumps to the launch, not even with a good mood.
    let refused = officer.advance(PartnershipStage::Launch, "2012-06").await.unwrap_err();
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "STAGE_SKIPPED".to_owned()));

    // Research needs to know where it leads.
    let refused = officer.advance(PartnershipStage::MarketResearch, "2012-05").await.unwrap_err();
    assert_eq!(reason(&refused).1, "STAGE_GATE_CLOSED");
    assert_eq!(closed_by(&refused), ["ORIGIN_PLACE"]);
    officer.lead_to_kenitra().await;
    officer.advance(PartnershipStage::MarketResearch, "2012-05").await.unwrap();

    // The stage is no field that one simply writes over.
    let known = feira.api.get(&officer.partnership).await.unwrap();
    let jump = Partnership { stage: PartnershipStage::Launch.into(), ..known };
    let refused = feira.api.update(jump, &["stage"]).await.unwrap_err();
    assert_eq!(fields(&refused), ["partnership.stage"]);

    // Partners are looked for once both sides can be named; readiness says who still owes what.
    let readiness = officer.readiness().await;
    assert_eq!(readiness.to_stage(), PartnershipStage::PartnerSearch);
    assert_eq!(blocking(&readiness), [vec!["M1", "A1"], vec!["O1"], vec!["J4"]]);
    assert_eq!(readiness.missing.len(), 1, "a dated study: {:?}", readiness.missing);
    officer
        .meet(&[
            (Condition::M1, Side::Destination),
            (Condition::A1, Side::Destination),
            (Condition::O1, Side::Origin),
            (Condition::J4, Side::Unspecified),
        ])
        .await;
    let search = AdvancePartnershipRequest {
        to_stage: PartnershipStage::PartnerSearch.into(),
        date: "2012-09".into(),
        evidence: paper("Study of the market for cork", "2012-08"),
        ..officer.step()
    };
    officer.advance_with(search).await.unwrap();

    // What is not met closes the gate, on each side; it may be set aside, with a reason.
    officer
        .meet(&[
            (Condition::M2, Side::Destination),
            (Condition::M3, Side::Destination),
            (Condition::A2, Side::Destination),
            (Condition::A4, Side::Destination),
            (Condition::O2, Side::Origin),
            (Condition::O3, Side::Origin),
            (Condition::B1, Side::Destination),
            (Condition::B1, Side::Origin),
            (Condition::B2, Side::Destination),
            (Condition::J1, Side::Unspecified),
        ])
        .await;
    officer.assess(Condition::A3, Side::Destination, ConditionStatus::PartlyMet).await;
    assert_eq!(blocking(&officer.readiness().await), [vec!["A3"], vec!["B2"], vec![]]);
    let refused = officer.advance(PartnershipStage::Feasibility, "2013-01-20").await.unwrap_err();
    assert_eq!(closed_by(&refused), ["A3", "B2"]);
    let waive = |condition: Condition, why: &str| Waiver {
        condition: condition.into(),
        reason: why.into(),
        ..Default::default()
    };
    let feasible = AdvancePartnershipRequest {
        to_stage: PartnershipStage::Feasibility.into(),
        date: "2013-01-20".into(),
        waivers: vec![
            waive(Condition::A3, "the strategy is under revision"),
            waive(Condition::B2, "agency of the region helps out"),
        ],
        ..officer.step()
    };
    let silent = AdvancePartnershipRequest { waivers: vec![waive(Condition::A3, "")], ..feasible.clone() };
    assert_eq!(officer.advance_with(silent).await.unwrap_err().code(), Code::InvalidArgument);
    officer.advance_with(feasible).await.unwrap();

    // The agreement, with all papers.
    officer
        .meet(&[
            (Condition::M4, Side::Destination),
            (Condition::M5, Side::Destination),
            (Condition::M5, Side::Origin),
            (Condition::A6, Side::Destination),
            (Condition::O4, Side::Origin),
            (Condition::B3, Side::Unspecified),
            (Condition::J2, Side::Unspecified),
            (Condition::J3, Side::Unspecified),
            (Condition::J5, Side::Unspecified),
            (Condition::J6, Side::Unspecified),
        ])
        .await;
    let refused = officer.advance(PartnershipStage::Formalised, "2013-03-15").await.unwrap_err();
    assert_eq!(closed_by(&refused), ["SIGNATURE"]);
    let signed = AdvancePartnershipRequest {
        to_stage: PartnershipStage::Formalised.into(),
        date: "2013-03-15".into(),
        evidence: paper("Protocol of Kénitra", "2013-03-15"),
        ..officer.step()
    };
    // What would happen is told without happening.
    let trial = AdvancePartnershipRequest { validate_only: true, ..signed.clone() };
    officer.advance_with(trial).await.unwrap();
    assert_eq!(officer.stands_at().await.0, PartnershipStage::Feasibility);
    officer.advance_with(signed).await.unwrap();

    // Launch, first sale, a year reported, profit taken.
    officer.meet(&[(Condition::A5, Side::Destination), (Condition::J7, Side::Unspecified)]).await;
    let with_paper = |to: PartnershipStage, date: &str, title: &str| AdvancePartnershipRequest {
        to_stage: to.into(),
        date: date.into(),
        evidence: paper(title, date),
        ..officer.step()
    };
    officer.advance_with(with_paper(PartnershipStage::Launch, "2013-09-01", "Opening of the shop")).await.unwrap();
    officer.advance_with(with_paper(PartnershipStage::Operating, "2014-01-10", "First invoice")).await.unwrap();
    assert_eq!(officer.stands_at().await.1, PartnershipStatus::Implementation);
    let refused = officer.advance(PartnershipStage::ProfitTaking, "2015-02").await.unwrap_err();
    assert_eq!(closed_by(&refused), ["FINANCIAL_YEAR", "PROFIT_SHARES"]);
    let year = IndicatorObservation {
        audience: Audience::Federation.into(),
        indicator: Indicator::I05.into(),
        partnership: officer.partnership.clone(),
        country: "MA".into(),
        side: Side::Destination.into(),
        period: Some(Period { start_date: "2014-01-01".into(), end_date: "2014-12-31".into() }),
        baseline: Some(Measure { value: "0".into(), ..Default::default() }),
        target: Some(Measure { value: "10".into(), ..Default::default() }),
        actual: Some(Measure { value: "12.5".into(), ..Default::default() }),
        unit: "FTE".into(),
        method: MeasurementMethod::Accounts.into(),
        units: 14,
        ..Default::default()
    };
    let request = CreateIndicatorObservationRequest {
        parent: FEIRA.into(),
        indicator_observation: Some(year),
        ..Default::default()
    };
    IndicatorObservationServiceClient::new(feira.api.client.clone())
        .create_indicator_observation(request)
        .await
        .unwrap();
    let mut known = feira.api.get(&officer.partnership).await.unwrap();
    for (participant, share) in known.participants.iter_mut().zip(["20", "0", "80"]) {
        participant.profit_share_percent = share.into();
    }
    feira.api.update(known, &["participants"]).await.unwrap();
    officer.advance(PartnershipStage::ProfitTaking, "2015-02").await.unwrap();

    // A story for others: public only with consent and licence.
    let story = GoodPractice {
        audience: Audience::Public.into(),
        titles: vec![text("How cork met leather", "en")],
        stories: vec![text("It began with an association of residents.", "en")],
        partnerships: vec![officer.partnership.clone()],
        countries: vec!["MA".into()],
        evidence_grade: EvidenceGrade::Documented.into(),
        ..Default::default()
    };
    let tell = |story: GoodPractice| {
        let mut service = GoodPracticeServiceClient::new(feira.api.client.clone());
        let request = CreateGoodPracticeRequest {
            parent: FEIRA.into(),
            good_practice_id: "cork".into(),
            good_practice: Some(story),
            ..Default::default()
        };
        async move { service.create_good_practice(request).await }
    };
    let refused = tell(story.clone()).await.unwrap_err();
    assert_eq!(fields(&refused), ["good_practice.consents", "good_practice.licence"]);
    let consent =
        PublicationConsent {
            party: "Coopérative de Kénitra".into(), date: "2015-03-01".into(), ..Default::default()
        };
    tell(GoodPractice { consents: vec![consent], licence: "CC-BY-4.0".into(), ..story }).await.unwrap();
    let question = Question { text: "cork leather".into(), kinds: vec!["good_practice".into()], ..Default::default() };
    let answer = geneve.api.ask(question).await;
    assert_eq!(answer.hits.len(), 1, "{answer:?}");
    assert_eq!(outcomes(&answer.outcomes)[1], ("feira.example", Outcome::Answered));

    // Each step is kept, in order; and those who take part can't be deleted while they do.
    let events = officer.events().await;
    let mut steps: Vec<(&str, StageEventKind, PartnershipStage)> =
        events.iter().map(|event| (event.date.as_str(), event.kind(), event.to_stage())).collect();
    steps.sort();
    assert_eq!(steps[0], ("2012", StageEventKind::Entered, PartnershipStage::Opportunity));
    assert_eq!(steps.len(), 8, "{steps:?}");
    assert!(steps[1..].iter().all(|(_, kind, _)| *kind == StageEventKind::Advanced), "{steps:?}");
    let delete = DeleteOrganizationRequest { name: format!("{FEIRA}/organizations/association"), ..Default::default() };
    let refused = feira.api.organizations().delete_organization(delete).await.unwrap_err();
    assert_eq!(reason(&refused).1, "RESOURCE_IN_USE");
    assert_eq!(metadata(&refused, "used_by"), Some(officer.partnership.clone()));

    // Suspended, it stands still; ended, it stays so.
    let suspend = SuspendPartnershipRequest {
        name: officer.partnership.clone(),
        reason: "elections".into(),
        review_date: "2099-01-01".into(),
        decided_by: "Council".into(),
        ..Default::default()
    };
    feira.api.partnerships().suspend_partnership(suspend).await.unwrap();
    assert_eq!(officer.stands_at().await, (PartnershipStage::ProfitTaking, PartnershipStatus::Suspended));
    let refused = officer.advance(PartnershipStage::Scaling, "").await.unwrap_err();
    assert_eq!(reason(&refused).1, "STAGE_SUSPENDED");
    let end = EndPartnershipRequest {
        name: officer.partnership.clone(),
        kind: EndingKind::Completed.into(),
        decided_by: "Council".into(),
        ..Default::default()
    };
    feira.api.partnerships().end_partnership(end).await.unwrap();
    assert_eq!(officer.stands_at().await.1, PartnershipStatus::Closed);
    let refused = officer.advance(PartnershipStage::Scaling, "").await.unwrap_err();
    assert_eq!(reason(&refused).1, "STAGE_ENDED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_is_a_peer_for_what_is_public_sees_that_a_partnership_runs_but_not_its_exact_stage() {
    let [feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    let name = tie(&feira.api).await;
    let record = geneve.api.record_as(&name, Audience::Public).await.unwrap();
    let partnership: Partnership = record.resource.unwrap().to_msg().unwrap();
    assert_eq!(
        (partnership.stage(), partnership.status()),
        (PartnershipStage::Unspecified, PartnershipStatus::Pipeline)
    );
    assert_eq!(partnership.participants.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_entered_wrongly_is_set_right_and_stays_on_record() {
    let feira = TestNode::start("feira.example").await;
    let officer = Officer { api: &feira.api, partnership: tie(&feira.api).await };
    officer.lead_to_kenitra().await;
    let wrong = officer.advance(PartnershipStage::MarketResearch, "2015-05").await.unwrap().stage_event.unwrap();
    let mut partnerships = feira.api.partnerships();
    let right = CorrectStageEventRequest {
        name: wrong.name.clone(),
        date: "2012-05".into(),
        decided_by: "Economy office".into(),
        reason: "the year was mistyped".into(),
        ..Default::default()
    };
    for (slip, field) in [
        (CorrectStageEventRequest { reason: String::new(), ..right.clone() }, "reason"),
        (CorrectStageEventRequest { decided_by: String::new(), ..right.clone() }, "decided_by"),
        // It was a tie in 2012 only.
        (CorrectStageEventRequest { date: "2011".into(), ..right.clone() }, "date"),
    ] {
        let refused = partnerships.correct_stage_event(slip).await.unwrap_err();
        assert_eq!(fields(&refused), [field]);
    }
    let corrected = partnerships.correct_stage_event(right.clone()).await.unwrap().into_inner();
    let event = corrected.stage_event.unwrap();
    assert_eq!((event.kind(), event.corrects.as_str()), (StageEventKind::Corrected, wrong.name.as_str()));
    let stands = feira.api.get(&officer.partnership).await.unwrap();
    assert_eq!((stands.stage(), stands.stage_date.as_str()), (PartnershipStage::MarketResearch, "2012-05"));
    assert_eq!(corrected.partnership.unwrap().stage_date, "2012-05");

    // What was said at first stays as it was said, beside what is right, and is not set right twice.
    let told: Vec<(StageEventKind, String, String)> =
        officer.events().await.into_iter().map(|event| (event.kind(), event.date, event.reason)).collect();
    let expected = [
        (StageEventKind::Entered, "2012", "as it was entered"),
        (StageEventKind::Advanced, "2015-05", ""),
        (StageEventKind::Corrected, "2012-05", "the year was mistyped"),
    ];
    assert_eq!(told, expected.map(|(kind, date, reason)| (kind, date.to_owned(), reason.to_owned())));
    let again = partnerships.correct_stage_event(right).await.unwrap_err();
    assert_eq!(reason(&again).1, "STAGE_IMPOSSIBLE");

    // A correction moves the stage as well; the wrong step leads nowhere any more.
    let elsewhere = CorrectStageEventRequest {
        name: event.name,
        to_stage: PartnershipStage::Opportunity.into(),
        decided_by: "Economy office".into(),
        reason: "there was no research".into(),
        ..Default::default()
    };
    partnerships.correct_stage_event(elsewhere).await.unwrap();
    assert_eq!(officer.stands_at().await.0, PartnershipStage::Opportunity);
    assert_eq!(officer.events().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_allows_a_skip_and_opens_no_gate() {
    let feira = TestNode::start("feira.example").await;
    let officer = Officer { api: &feira.api, partnership: tie(&feira.api).await };
    let skip = AdvancePartnershipRequest {
        to_stage: PartnershipStage::Operating.into(),
        date: "2014".into(),
        reason: "it runs since 2014; nobody had entered it".into(),
        ..officer.step()
    };
    assert_eq!(reason(&officer.advance_with(skip).await.unwrap_err()).1, "STAGE_GATE_CLOSED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_city_seeks_another_finds_and_each_keeps_its_own_side_of_what_follows() {
    let [feira, kenitra] = federation::of(["feira.example", "kenitra.example"]).await;
    feira.api.approve("kenitra.example", Audience::Federation).await;
    kenitra.api.approve("feira.example", Audience::Federation).await;

    // Feira's tannery seeks; Kénitra's officer asks the federation and finds it.
    let request = CreateOpportunityRequest {
        parent: FEIRA.into(),
        opportunity_id: "tannery".into(),
        opportunity: Some(opportunity("A tannery seeks cork for soles", "MA")),
        ..Default::default()
    };
    OpportunityServiceClient::new(feira.api.client.clone()).create_opportunity(request).await.unwrap();
    let question = Question { text: "cork soles".into(), kinds: vec!["opportunity".into()], ..Default::default() };
    let answer = kenitra.api.ask(question).await;
    let found: Vec<&str> = answer.hits.iter().map(|hit| hit.name.as_str()).collect();
    assert_eq!(found, [format!("{FEIRA}/opportunities/tannery")], "{answer:?}");

    // Each city keeps the partnership that comes of it in its own registry, Kénitra as the mirror of Feira's.
    let here = Officer { api: &feira.api, partnership: tie(&feira.api).await };
    let mirror = Partnership {
        stage: PartnershipStage::Opportunity.into(),
        mirrors: vec![here.partnership.clone()],
        ..partnership("Liège et cuir", "MA")
    };
    let there = Officer { api: &kenitra.api, partnership: kenitra.api.create("liege-et-cuir", mirror).await.name };

    // Each assesses its own side, and sees what the other found.
    here.meet(&[(Condition::M1, Side::Destination), (Condition::A1, Side::Destination)]).await;
    here.assess(Condition::J4, Side::Unspecified, ConditionStatus::Met).await;
    let theirs = there.assess(Condition::O1, Side::Origin, ConditionStatus::Met).await;
    let to = PartnershipStage::PartnerSearch;
    assert_eq!(blocking(&here.readiness_for(to).await), [vec![], vec!["O1"], vec![]]);
    assert_eq!(blocking(&there.readiness_for(to).await), [vec!["M1", "A1"], vec![], vec!["J4"]]);
    let record = feira.api.record_as(&theirs, Audience::Federation).await.unwrap();
    let assessment: ConditionAssessment = record.resource.unwrap().to_msg().unwrap();
    assert_eq!((assessment.side(), assessment.status()), (Side::Origin, ConditionStatus::Met));
    assert_eq!(assessment.partnership, there.partnership);

    // Until the other city's mirror is linked, nothing shows that the counterpart takes part.
    here.lead_to_kenitra().await;
    here.advance(PartnershipStage::MarketResearch, "2012-05").await.unwrap();
    let search = AdvancePartnershipRequest {
        to_stage: PartnershipStage::PartnerSearch.into(),
        date: "2012-09".into(),
        evidence: paper("Study of the market for cork", "2012-08"),
        waivers: vec![Waiver {
            condition: Condition::O1.into(),
            reason: format!("Kénitra has assessed it: {theirs}"),
            ..Default::default()
        }],
        ..here.step()
    };
    here.advance_with(search).await.unwrap();
    let missing = async || here.readiness().await.missing;
    let before = missing().await;
    let known = feira.api.get(&here.partnership).await.unwrap();
    let linked = Partnership { mirrors: vec![there.partnership.clone()], ..known };
    feira.api.update(linked, &["mirrors"]).await.unwrap();
    assert_eq!(missing().await.len() + 1, before.len(), "{before:?}");

    // Both stages are shown as each city has them.
    for (api, name, stage) in [
        (&feira.api, &there.partnership, PartnershipStage::Opportunity),
        (&kenitra.api, &here.partnership, PartnershipStage::PartnerSearch),
    ] {
        let record = api.record_as(name, Audience::Federation).await.unwrap();
        let seen: Partnership = record.resource.unwrap().to_msg().unwrap();
        assert_eq!((seen.stage(), seen.mirrors.len()), (stage, 1), "{name}");
    }
}
