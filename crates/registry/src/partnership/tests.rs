use isopolity_domain::validate;
use isopolity_proto::{
    admin::Role,
    error::Reason,
    options::Audience,
    registry::{
        Condition, ConditionStatus, EndingKind, Participant, ParticipantRole, PartnershipEnd, PartnershipStatus, Side,
        StageEventKind, Waiver,
    },
    types::{self, LocalizedText},
};
use time::macros::datetime;

use super::*;
use crate::testing::Feira;

const NAME: &str = "cities/feira.example/partnerships/cork";

fn editor() -> Caller {
    Caller::token("e", Role::Editor)
}

impl Feira {
    /// Keeps a resource as if it had been there before.
    async fn keep<M: prost::Name>(&self, name: &str, message: &M) {
        let name: Name = name.parse().unwrap();
        let mut resource = Resource(to_dynamic(message));
        resource.set_name(&name);
        let document = self.registry.first_version(&name, &mut resource);
        let references: Vec<Name> =
            validate::references(name.kind(), &resource.0).into_iter().map(|(_, name)| name).collect();
        let mut tx = self.registry.store().begin("keep").await.unwrap();
        tx.insert_documents(&[document]).await.unwrap();
        tx.set_references(&name, &references).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn partnership_at(stage: PartnershipStage) -> Self {
        let feira = Self::open_at(datetime!(2013-06-01 12:00 UTC)).await;
        let text = |text: &str| vec![LocalizedText { text: text.into(), language: "pt".into(), ..Default::default() }];
        let place = types::Place { names: text("Kénitra"), country: "MA".into(), ..Default::default() };
        let partnership = Partnership {
            audience: Audience::Federation.into(),
            titles: text("Cortiça"),
            stage: stage.into(),
            stage_date: "2012".into(),
            ends: vec![PartnershipEnd { side: Side::Origin.into(), place: Some(place) }],
            participants: vec![Participant {
                display_names: text("Câmara"),
                roles: vec![ParticipantRole::HostAuthority.into()],
                ..Default::default()
            }],
            internal_notes: "kept".into(),
            ..Default::default()
        };
        feira.keep(NAME, &partnership).await;
        feira
    }

    async fn met(&self, id: &str, condition: Condition, side: Side) {
        let assessment = ConditionAssessment {
            audience: Audience::Internal.into(),
            partnership: NAME.into(),
            condition: condition.into(),
            side: side.into(),
            status: ConditionStatus::Met.into(),
            assess_date: "2013-01-01".into(),
            ..Default::default()
        };
        self.keep(&format!("cities/feira.example/conditionAssessments/{id}"), &assessment).await;
    }

    async fn stored(&self) -> Partnership {
        let name: Name = NAME.parse().unwrap();
        read(&self.registry.store().document(&name).await.unwrap().unwrap()).unwrap()
    }
}

fn to(stage: PartnershipStage) -> AdvancePartnershipRequest {
    AdvancePartnershipRequest {
        name: NAME.into(),
        to_stage: stage.into(),
        decided_by: "Economic development office".into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_step_writes_the_partnership_and_its_event_together() {
    let feira = Feira::partnership_at(PartnershipStage::Opportunity).await;
    let stepped = feira.registry.advance_partnership(&editor(), &to(PartnershipStage::MarketResearch)).await.unwrap();
    assert_eq!(stepped.stage_event.kind(), StageEventKind::Advanced);
    assert_eq!((stepped.stage_event.date.as_str(), stepped.stage_event.month.as_str()), ("2013-06-01", "2013-06"));
    // Whoever may see the partnership may see its steps.
    assert_eq!(stepped.stage_event.audience(), Audience::Federation);
    let stored = feira.stored().await;
    assert_eq!(stored, stepped.partnership);
    assert_eq!((stored.stage(), stored.status()), (PartnershipStage::MarketResearch, PartnershipStatus::Pipeline));
    assert_eq!(
        (stored.stage_date.as_str(), stored.internal_notes.as_str(), stored.etag.as_str()),
        ("2013-06-01", "kept", "2")
    );
    // What it said before there were events is its first.
    let name: Name = NAME.parse().unwrap();
    let mut tx = feira.registry.store().begin("look").await.unwrap();
    let file = feira.registry.file(&mut tx, &name).await.unwrap();
    let mut kinds: Vec<_> = file.events.iter().map(|event| (event.kind(), event.date.clone())).collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [(StageEventKind::Entered, "2012".to_owned()), (StageEventKind::Advanced, "2013-06-01".to_owned())]
    );
}

#[tokio::test]
async fn a_refused_step_writes_nothing_and_names_what_is_missing() {
    let feira = Feira::partnership_at(PartnershipStage::MarketResearch).await;
    feira.met("a1", Condition::A1, Side::Destination).await;
    let before = feira.stored().await;
    let refused =
        feira.registry.advance_partnership(&editor(), &to(PartnershipStage::PartnerSearch)).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::StageGateClosed);
    let Error::Stage { refusal: StageError::GateClosed { blockers, .. }, .. } = refused else { panic!("{refused}") };
    let named: Vec<_> = blockers.iter().map(|one| one.kind).collect();
    assert_eq!(named, ["CONDITION_M1", "CONDITION_O1", "CONDITION_J4", "STUDY"]);
    assert_eq!(feira.stored().await, before);

    let request = GetReadinessRequest { name: NAME.into(), ..Default::default() };
    let readiness = feira.registry.readiness(&editor(), &request).await.unwrap();
    assert_eq!((readiness.ready, readiness.missing.len()), (false, 1));
    assert!(readiness.destination.iter().any(|one| one.condition() == Condition::A1 && !one.blocking));

    let waiver = |condition: Condition| Waiver {
        condition: condition.into(),
        reason: "agreed with the mayor".into(),
        ..Default::default()
    };
    let set_aside = AdvancePartnershipRequest {
        waivers: [Condition::M1, Condition::O1, Condition::J4].map(waiver).into(),
        evidence: vec![types::Document { date: "2012-09".into(), ..Default::default() }],
        validate_only: true,
        ..to(PartnershipStage::PartnerSearch)
    };
    let tried = feira.registry.advance_partnership(&editor(), &set_aside).await.unwrap();
    assert_eq!(tried.partnership.stage(), PartnershipStage::PartnerSearch);
    assert_eq!(feira.stored().await, before);
    let etag = AdvancePartnershipRequest { validate_only: false, etag: "7".into(), ..set_aside.clone() };
    let refused = feira.registry.advance_partnership(&editor(), &etag).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::EtagMismatch);
    let request = AdvancePartnershipRequest { validate_only: false, ..set_aside };
    let stepped = feira.registry.advance_partnership(&editor(), &request).await.unwrap();
    assert_eq!(stepped.stage_event.waivers.len(), 3);
}

#[tokio::test]
async fn a_partnership_is_suspended_resumed_corrected_and_ended() {
    let feira = Feira::partnership_at(PartnershipStage::Launch).await;
    let registry = &feira.registry;
    let decided_by = || "office".to_owned();
    let suspend = SuspendPartnershipRequest {
        name: NAME.into(),
        reason: "elections".into(),
        review_date: "2014-01-01".into(),
        decided_by: decided_by(),
        ..Default::default()
    };
    let stepped = registry.suspend_partnership(&editor(), &suspend).await.unwrap();
    assert_eq!(stepped.partnership.status(), PartnershipStatus::Suspended);
    let refused = registry.advance_partnership(&editor(), &to(PartnershipStage::Operating)).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::StageSuspended);
    // The clock of the machine may be set back; what was written later stays later.
    feira.clock.advance(time::Duration::hours(-1));
    let resume = ResumePartnershipRequest { name: NAME.into(), decided_by: decided_by(), ..Default::default() };
    let stepped = registry.resume_partnership(&editor(), &resume).await.unwrap();
    assert_eq!(
        (stepped.partnership.status(), stepped.partnership.suspension),
        (PartnershipStatus::Implementation, None)
    );

    let end = EndPartnershipRequest {
        name: NAME.into(),
        kind: EndingKind::Completed.into(),
        decided_by: decided_by(),
        ..Default::default()
    };
    let stepped = registry.end_partnership(&editor(), &end).await.unwrap();
    assert_eq!(stepped.partnership.status(), PartnershipStatus::Closed);
    let correct = CorrectStageEventRequest {
        name: stepped.stage_event.name.clone(),
        date: "2013-06".into(),
        reason: "only the month is known".into(),
        decided_by: decided_by(),
        ..Default::default()
    };
    let corrected = registry.correct_stage_event(&editor(), &correct).await.unwrap();
    assert_eq!(corrected.stage_event.corrects, stepped.stage_event.name);
    assert_eq!(corrected.partnership.ending.unwrap().date, "2013-06");
    let refused = registry.end_partnership(&editor(), &end).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::StageEnded);
}

#[tokio::test]
async fn who_may_only_read_moves_nothing() {
    let feira = Feira::partnership_at(PartnershipStage::Opportunity).await;
    let reader = Caller::token("r", Role::Viewer);
    let request = to(PartnershipStage::MarketResearch);
    let refused = feira.registry.advance_partnership(&reader, &request).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::RightMissing);
    let asked = GetReadinessRequest { name: NAME.into(), ..Default::default() };
    assert!(feira.registry.readiness(&reader, &asked).await.is_ok());
    let refused = feira.registry.readiness(&Caller::Anonymous, &asked).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::TokenMissing);
    let unknown = GetReadinessRequest { name: "cities/feira.example/partnerships/none".into(), ..asked };
    assert_eq!(feira.registry.readiness(&reader, &unknown).await.unwrap_err().reason(), Reason::ResourceNotFound);
}

#[tokio::test]
async fn which_conditions_are_open_stands_on_the_partnership_and_follows_its_assessments() {
    let feira = Feira::partnership_at(PartnershipStage::Opportunity).await;
    feira.registry.advance_partnership(&editor(), &to(PartnershipStage::MarketResearch)).await.unwrap();
    let open = |partnership: &Partnership| partnership.open_conditions().collect::<Vec<_>>();
    let before = feira.stored().await;
    // All that the gate to the search for partners asks for.
    assert_eq!(open(&before), [Condition::M1, Condition::A1, Condition::O1, Condition::J4]);
    let assessment = |status: ConditionStatus| ConditionAssessment {
        audience: Audience::Federation.into(),
        partnership: NAME.into(),
        condition: Condition::A1.into(),
        side: Side::Destination.into(),
        status: status.into(),
        assess_date: "2013-05-01".into(),
        ..Default::default()
    };
    let assess = async |id: &str, status| {
        let resource = to_dynamic(&assessment(status));
        let kind = Kind::ConditionAssessment;
        feira.registry.create(&editor(), kind, "cities/feira.example", id, resource, Terms::default()).await.unwrap();
    };
    assess("mandate", ConditionStatus::Met).await;
    let after = feira.stored().await;
    assert_eq!(open(&after), [Condition::M1, Condition::O1, Condition::J4]);
    assert_ne!(after.etag, before.etag, "it is another version, published anew");
    assert_eq!(after.stage(), before.stage());

    // What makes no difference to the gate makes no new version.
    feira.clock.advance(time::Duration::MINUTE);
    assess("mandate-again", ConditionStatus::Met).await;
    assert_eq!(feira.stored().await, after);

    // A later finding counts; nobody sets the list by hand.
    assess("mandate-lost", ConditionStatus::NotMet).await;
    assert_eq!(open(&feira.stored().await), open(&before));
    let by_hand = Partnership { open_conditions: Vec::new(), internal_notes: "new".into(), ..feira.stored().await };
    let sector = types::Sector {
        scheme: types::SectorScheme::Nace.into(),
        version: "2".into(),
        code: "16".into(),
        ..Default::default()
    };
    let participants = [by_hand.participants.clone(), by_hand.participants.clone()].concat();
    let by_hand = Partnership { origin_countries: vec!["MA".into()], sectors: vec![sector], participants, ..by_hand };
    feira.registry.update(&editor(), Kind::Partnership, to_dynamic(&by_hand), &[], Terms::default()).await.unwrap();
    let stored = feira.stored().await;
    assert_eq!((open(&stored), stored.internal_notes.as_str()), (open(&before), "new"));
}
