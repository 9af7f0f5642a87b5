use isopolity_proto::{
    options::Audience,
    registry::{
        AdvancePartnershipRequest, ConditionStanding, ConditionStatus, CorrectStageEventRequest, EndPartnershipRequest,
        Participant, ParticipantRole, PartnershipEnd, ResumePartnershipRequest, StageEventKind,
        SuspendPartnershipRequest, Waiver,
    },
    types::{Document, Place},
};
use proptest::prelude::*;
use time::{Date, macros::date};

use super::*;
use crate::{Kind, conditions, validate::validate};

const TODAY: Date = date!(2020 - 06 - 01);
const STAGES: [PartnershipStage; 9] = [
    PartnershipStage::Opportunity,
    PartnershipStage::MarketResearch,
    PartnershipStage::PartnerSearch,
    PartnershipStage::Feasibility,
    PartnershipStage::Formalised,
    PartnershipStage::Launch,
    PartnershipStage::Operating,
    PartnershipStage::ProfitTaking,
    PartnershipStage::Scaling,
];

/// A partnership with its events, as a registry keeps it.
#[derive(Clone, Debug)]
struct Case {
    partnership: Partnership,
    events: Vec<StageEvent>,
    assessments: Vec<ConditionAssessment>,
}

impl Case {
    fn at(stage: PartnershipStage, since: &str) -> Self {
        let partnership = Partnership {
            name: "cities/feira.example/partnerships/cork".into(),
            audience: Audience::Public.into(),
            stage: stage.into(),
            stage_date: since.into(),
            participants: vec![Participant {
                roles: vec![ParticipantRole::HostAuthority.into()],
                profit_share_percent: "50".into(),
                ..Default::default()
            }],
            ends: vec![PartnershipEnd { side: Side::Origin.into(), place: Some(Place::default()) }],
            ..Default::default()
        };
        let mut case = Self { partnership, events: Vec::new(), assessments: Vec::new() };
        for event in entered(&case.partnership, TODAY) {
            case.keep(event);
        }
        case
    }

    /// All conditions met on all sides.
    fn ready(mut self) -> Self {
        for rule in conditions::RULES {
            for side in rule.sides.all() {
                self.assessments.push(assessment(rule.condition, *side, ConditionStatus::Met));
            }
        }
        self
    }

    fn dossier(&self) -> Dossier<'_> {
        Dossier {
            partnership: &self.partnership,
            events: &self.events,
            assessments: &self.assessments,
            agreements: &[],
            observations: &[],
        }
    }

    fn keep(&mut self, mut event: StageEvent) {
        event.name = format!("cities/feira.example/stageEvents/e{:04}", self.events.len());
        self.events.push(event);
        follow(&mut self.partnership, &self.events);
    }

    fn advance(&mut self, request: &AdvancePartnershipRequest) -> Result<(), StageError> {
        let event = advance(&self.dossier(), request, TODAY)?;
        self.keep(event);
        Ok(())
    }
}

fn assessment(condition: Condition, side: Side, status: ConditionStatus) -> ConditionAssessment {
    ConditionAssessment {
        condition: condition.into(),
        side: side.into(),
        status: status.into(),
        assess_date: "2020-01-01".into(),
        ..Default::default()
    }
}

fn evidence() -> Vec<Document> {
    vec![Document { date: "2020-05".into(), uri: "https://feira.example/study.pdf".into(), ..Default::default() }]
}

fn to(stage: PartnershipStage) -> AdvancePartnershipRequest {
    AdvancePartnershipRequest {
        to_stage: stage.into(),
        decided_by: "Economic development office".into(),
        evidence: evidence(),
        ..Default::default()
    }
}

fn cancel() -> EndPartnershipRequest {
    EndPartnershipRequest {
        kind: EndingKind::Cancelled.into(),
        reason: "no partner".into(),
        decided_by: "office".into(),
        ..Default::default()
    }
}

fn pause() -> SuspendPartnershipRequest {
    SuspendPartnershipRequest {
        reason: "elections".into(),
        review_date: "2020-12-01".into(),
        decided_by: "office".into(),
        ..Default::default()
    }
}

#[test]
fn a_partnership_goes_all_the_way_one_stage_at_a_time() {
    let mut case = Case::at(PartnershipStage::Opportunity, "2012").ready();
    for (stage, date) in STAGES.into_iter().skip(1).zip([
        "2012-06",
        "2012-09",
        "2012-12",
        "2013-03-15",
        "2013-05",
        "2013",
        "2014",
        "2015",
    ]) {
        case.advance(&AdvancePartnershipRequest { date: date.into(), ..to(stage) }).unwrap();
        let last = case.events.last().unwrap();
        assert_eq!((last.kind(), last.to_stage()), (StageEventKind::Advanced, stage));
        assert_eq!(validate(Kind::StageEvent, &isopolity_proto::to_dynamic(last)), Ok(()), "{stage:?}");
    }
    assert_eq!(
        (case.partnership.stage(), case.partnership.status()),
        (PartnershipStage::Scaling, PartnershipStatus::Finalisation)
    );
    assert_eq!((case.partnership.stage_date.as_str(), case.events.len()), ("2015", 9));
}

#[test]
fn a_stage_is_not_skipped_without_a_reason() {
    let mut case = Case::at(PartnershipStage::Opportunity, "2012").ready();
    let mut skip = to(PartnershipStage::Formalised);
    let refused = case.advance(&skip).unwrap_err();
    assert_eq!(refused.reason(), Reason::StageSkipped);
    assert_eq!(refused.to_string(), "from opportunity to formalised is not one stage forward: give a reason");
    skip.reason = "signed in 2013, entered late".into();
    case.advance(&skip).unwrap();
    assert_eq!(case.events.last().unwrap().kind(), StageEventKind::Skipped);
    let mut back = to(PartnershipStage::PartnerSearch);
    assert_eq!(case.advance(&back).unwrap_err().reason(), Reason::StageSkipped);
    back.reason = "the partner withdrew".into();
    case.advance(&back).unwrap();
    assert_eq!(case.events.last().unwrap().kind(), StageEventKind::SteppedBack);
    assert_eq!(case.advance(&to(PartnershipStage::PartnerSearch)).unwrap_err().reason(), Reason::StageImpossible);
}

#[test]
fn a_closed_gate_names_everything_that_keeps_it_closed() {
    let case = Case::at(PartnershipStage::MarketResearch, "2012");
    let refused = advance(
        &case.dossier(),
        &AdvancePartnershipRequest { evidence: Vec::new(), ..to(PartnershipStage::PartnerSearch) },
        TODAY,
    );
    let Err(StageError::GateClosed { blockers, .. }) = refused else { panic!("{refused:?}") };
    let named: Vec<_> = blockers.iter().map(|one| (one.kind, one.side)).collect();
    assert_eq!(
        named,
        [
            ("CONDITION_M1", "SIDE_DESTINATION"),
            ("CONDITION_A1", "SIDE_DESTINATION"),
            ("CONDITION_O1", "SIDE_ORIGIN"),
            ("CONDITION_J4", "SIDE_UNSPECIFIED"),
            ("STUDY", "SIDE_UNSPECIFIED"),
        ]
    );
}

#[test]
fn a_skip_passes_every_gate_between() {
    let case = Case::at(PartnershipStage::MarketResearch, "2012");
    let skip = AdvancePartnershipRequest { reason: "late entry".into(), ..to(PartnershipStage::Formalised) };
    let Err(StageError::GateClosed { blockers, .. }) = advance(&case.dossier(), &skip, TODAY) else { panic!() };
    let gates: Vec<PartnershipStage> = conditions::RULES.iter().filter_map(|rule| rule.gate).collect();
    let expected: usize = conditions::RULES
        .iter()
        .filter(|rule| rule.gate.is_some_and(|gate| gate <= PartnershipStage::Formalised))
        .map(|rule| rule.sides.all().len())
        .sum();
    // Evidence covers what is asked for besides; conditions it does not.
    assert_eq!((blockers.len(), gates.len()), (expected, 25));
}

#[test]
fn a_waiver_opens_its_gate_and_is_remembered_until_a_step_back() {
    let mut case = Case::at(PartnershipStage::MarketResearch, "2012").ready();
    case.assessments.retain(|one| one.condition() != Condition::O1);
    let waiver = |condition: Condition, reason: &str| Waiver {
        condition: condition.into(),
        reason: reason.into(),
        ..Default::default()
    };
    let mut request = to(PartnershipStage::PartnerSearch);
    request.waivers = vec![waiver(Condition::O1, " ")];
    let Err(StageError::Invalid(wrong)) = advance(&case.dossier(), &request, TODAY) else { panic!() };
    assert_eq!(wrong.0[0].field, "waivers[0].reason");
    request.waivers = vec![waiver(Condition::J7, "later")];
    let Err(StageError::Invalid(wrong)) = advance(&case.dossier(), &request, TODAY) else { panic!() };
    assert_eq!(wrong.0[0].field, "waivers[0].condition");

    request.waivers =
        vec![waiver(Condition::O1, "the mayor told us by telephone"), waiver(Condition::A1, "not needed")];
    case.advance(&request).unwrap();
    assert_eq!(case.events.last().unwrap().waivers, [waiver(Condition::O1, "the mayor told us by telephone")]);
    let shown = conditions::readiness(&case.dossier(), None, TODAY);
    assert!(shown.origin.iter().any(|one| one.condition() == Condition::O1 && one.waived && !one.blocking));
    let back = AdvancePartnershipRequest { reason: "again".into(), ..to(PartnershipStage::MarketResearch) };
    case.advance(&back).unwrap();
    let shown = conditions::readiness(&case.dossier(), None, TODAY);
    assert!(shown.origin.iter().any(|one| one.condition() == Condition::O1 && !one.waived && one.blocking));
    assert!(case.advance(&to(PartnershipStage::PartnerSearch)).is_err());
}

#[test]
fn who_answers_for_it_is_named_and_not_proved() {
    let mut case = Case::at(PartnershipStage::Opportunity, "2012");
    case.partnership.participants.clear();
    let Err(StageError::GateClosed { blockers, .. }) =
        advance(&case.dossier(), &to(PartnershipStage::MarketResearch), TODAY)
    else {
        panic!()
    };
    assert_eq!(blockers[0].kind, "OWNER");
}

#[test]
fn while_it_is_suspended_nothing_moves_but_it_can_be_resumed_and_ended() {
    let mut case = Case::at(PartnershipStage::Feasibility, "2013").ready();
    let event = suspend(&case.dossier(), &pause(), TODAY).unwrap();
    case.keep(event);
    assert_eq!(case.partnership.status(), PartnershipStatus::Suspended);
    assert_eq!(case.partnership.stage(), PartnershipStage::Feasibility);
    assert_eq!(case.advance(&to(PartnershipStage::Formalised)).unwrap_err().reason(), Reason::StageSuspended);
    assert_eq!(suspend(&case.dossier(), &pause(), TODAY).unwrap_err().reason(), Reason::StageSuspended);
    assert!(end(&case.dossier(), &cancel(), TODAY).is_ok());
    let request = ResumePartnershipRequest { decided_by: "office".into(), ..Default::default() };
    let event = resume(&case.dossier(), &request, TODAY).unwrap();
    case.keep(event);
    assert_eq!((case.partnership.suspension.is_none(), case.partnership.status()), (true, PartnershipStatus::Pipeline));
    assert_eq!(resume(&case.dossier(), &request, TODAY).unwrap_err().reason(), Reason::StageImpossible);
    assert!(case.advance(&to(PartnershipStage::Formalised)).is_ok());
}

#[test]
fn a_suspension_says_when_it_is_looked_at_again() {
    let case = Case::at(PartnershipStage::Launch, "2013");
    for (review, field) in [("2020-06-01", "review_date"), ("2021", "review_date"), ("", "review_date")] {
        let request = SuspendPartnershipRequest { review_date: review.into(), ..pause() };
        let Err(StageError::Invalid(wrong)) = suspend(&case.dossier(), &request, TODAY) else { panic!("{review}") };
        assert_eq!(wrong.0[0].field, field);
    }
}

#[test]
fn an_end_fits_the_stage_and_is_final() {
    let mut case = Case::at(PartnershipStage::Launch, "2013").ready();
    assert_eq!(end(&case.dossier(), &cancel(), TODAY).unwrap_err().reason(), Reason::StageImpossible);
    let request = EndPartnershipRequest { kind: EndingKind::Completed.into(), reason: String::new(), ..cancel() };
    let event = end(&case.dossier(), &request, TODAY).unwrap();
    case.keep(event);
    assert_eq!(case.partnership.status(), PartnershipStatus::Closed);
    assert_eq!(end(&case.dossier(), &request, TODAY).unwrap_err().reason(), Reason::StageEnded);
    assert_eq!(suspend(&case.dossier(), &pause(), TODAY).unwrap_err().reason(), Reason::StageEnded);
    assert_eq!(case.advance(&to(PartnershipStage::Operating)).unwrap_err().reason(), Reason::StageEnded);
}

#[test]
fn a_step_is_neither_in_the_future_nor_before_the_one_before() {
    let mut case = Case::at(PartnershipStage::Opportunity, "2013-03").ready();
    let on = |date: &str| AdvancePartnershipRequest { date: date.into(), ..to(PartnershipStage::MarketResearch) };
    for bad in ["2020-06-02", "2021", "2013-02-28", "2012", "15.3.2013"] {
        let Err(StageError::Invalid(wrong)) = case.advance(&on(bad)) else { panic!("{bad}") };
        assert_eq!(wrong.0[0].field, "date", "{bad}");
    }
    // As exact as they are known, these may be in order.
    for good in ["2013", "2013-03", "2013-03-01", "2020", "2020-06-01", ""] {
        assert!(case.clone().advance(&on(good)).is_ok(), "{good}");
    }
    // Exactness that is lost does not open a way back.
    case.advance(&on("2013")).unwrap();
    let request = AdvancePartnershipRequest { date: "2013-02".into(), ..to(PartnershipStage::PartnerSearch) };
    assert!(case.advance(&request).is_err());
}

fn correction(case: &Case, at: usize) -> CorrectStageEventRequest {
    CorrectStageEventRequest {
        name: case.events[at].name.clone(),
        reason: "misread".into(),
        decided_by: "office".into(),
        ..Default::default()
    }
}

#[test]
fn a_correction_puts_the_partnership_where_the_corrected_events_put_it() {
    let mut case = Case::at(PartnershipStage::Feasibility, "2012-05").ready();
    case.advance(&AdvancePartnershipRequest { date: "2013".into(), ..to(PartnershipStage::Formalised) }).unwrap();
    let request = CorrectStageEventRequest { date: "2013-03-15".into(), ..correction(&case, 1) };
    let event = correct(&case.dossier(), &request, TODAY).unwrap();
    assert_eq!((event.kind(), event.corrects.as_str()), (StageEventKind::Corrected, case.events[1].name.as_str()));
    case.keep(event);
    assert_eq!(case.partnership.stage_date, "2013-03-15");
    // The earlier event stays as it was.
    assert_eq!(case.events[1].date, "2013");
    // Once corrected, the correction is what can be corrected.
    assert_eq!(correct(&case.dossier(), &request, TODAY).unwrap_err().reason(), Reason::StageImpossible);
    let again = CorrectStageEventRequest { to_stage: PartnershipStage::PartnerSearch.into(), ..correction(&case, 2) };
    let event = correct(&case.dossier(), &again, TODAY).unwrap();
    case.keep(event);
    assert_eq!(
        (case.partnership.stage(), case.partnership.stage_date.as_str()),
        (PartnershipStage::PartnerSearch, "2013-03-15")
    );
    assert_eq!(validate(Kind::StageEvent, &isopolity_proto::to_dynamic(&case.events[3])), Ok(()));
}

#[test]
fn a_correction_changes_something_and_keeps_the_order() {
    let mut case = Case::at(PartnershipStage::Launch, "2012-05").ready();
    case.advance(&AdvancePartnershipRequest { date: "2013-03".into(), ..to(PartnershipStage::Operating) }).unwrap();
    assert_eq!(correct(&case.dossier(), &correction(&case, 0), TODAY).unwrap_err().reason(), Reason::StageImpossible);
    let late = CorrectStageEventRequest { date: "2013-04".into(), ..correction(&case, 0) };
    assert_eq!(correct(&case.dossier(), &late, TODAY).unwrap_err().reason(), Reason::FieldInvalid);
    let early = CorrectStageEventRequest { date: "2012-04".into(), ..correction(&case, 1) };
    assert_eq!(correct(&case.dossier(), &early, TODAY).unwrap_err().reason(), Reason::FieldInvalid);
    let ending = EndPartnershipRequest { kind: EndingKind::Completed.into(), ..cancel() };
    let event = end(&case.dossier(), &ending, TODAY).unwrap();
    case.keep(event);
    // It was completed, so it can't have been before its launch.
    let request = CorrectStageEventRequest { to_stage: PartnershipStage::Opportunity.into(), ..correction(&case, 1) };
    assert_eq!(correct(&case.dossier(), &request, TODAY).unwrap_err().reason(), Reason::StageImpossible);
    let request = CorrectStageEventRequest { to_stage: PartnershipStage::Launch.into(), ..correction(&case, 2) };
    assert_eq!(correct(&case.dossier(), &request, TODAY).unwrap_err().reason(), Reason::StageImpossible);
    let request = CorrectStageEventRequest { date: "2020-05".into(), ..correction(&case, 2) };
    let event = correct(&case.dossier(), &request, TODAY).unwrap();
    case.keep(event);
    assert_eq!(case.partnership.ending.as_ref().unwrap().date, "2020-05");
    assert_eq!(case.partnership.status(), PartnershipStatus::Closed);
}

#[test]
fn readiness_shows_what_blocks_first_and_side_by_side() {
    let case = Case::at(PartnershipStage::MarketResearch, "2012");
    let shown = conditions::readiness(&case.dossier(), None, TODAY);
    assert_eq!(
        (shown.stage(), shown.to_stage(), shown.ready),
        (PartnershipStage::MarketResearch, PartnershipStage::PartnerSearch, false)
    );
    let blocking: Vec<Condition> =
        shown.destination.iter().take_while(|one| one.blocking).map(ConditionStanding::condition).collect();
    assert_eq!(blocking, [Condition::M1, Condition::A1]);
    assert_eq!((shown.destination.len(), shown.origin.len(), shown.joint.len()), (14, 7, 8));
    assert_eq!(shown.missing.len(), 1);
    assert_eq!(shown.destination[0].responsible, "firm or association of migrants");
    let ready = case.ready();
    let documents = evidence();
    let ready = Case { partnership: Partnership { documents, ..ready.partnership }, ..ready };
    assert!(conditions::readiness(&ready.dossier(), None, TODAY).ready);
}

#[test]
fn an_update_does_not_change_how_far_a_partnership_has_come() {
    let before = Case::at(PartnershipStage::Launch, "2013").partnership;
    assert_eq!(unchanged_by_update(&before, &before), Ok(()));
    let after = Partnership {
        stage: PartnershipStage::Operating.into(),
        ending: Some(Ending::default()),
        internal_notes: "x".into(),
        ..before.clone()
    };
    let wrong = unchanged_by_update(&before, &after).unwrap_err();
    let named: Vec<_> = wrong.0.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(named, ["stage", "ending"]);
    assert!(wrong.0[0].description.contains("AdvancePartnership"));
}

#[test]
fn what_a_source_states_again_becomes_an_event_only_where_it_differs() {
    let mut case = Case::at(PartnershipStage::Formalised, "2013-03-15");
    let before = case.partnership.clone();
    let mut same = Partnership { stage_date: String::new(), ..before.clone() };
    assert_eq!(restated(&before, &mut same, "IATI", TODAY), []);
    assert_eq!(same.stage_date, "2013-03-15");

    let mut later = Partnership { stage: PartnershipStage::Launch.into(), stage_date: "2014".into(), ..before.clone() };
    for event in restated(&before, &mut later, "IATI", TODAY) {
        assert_eq!((event.kind(), event.reason.as_str()), (StageEventKind::Entered, "as IATI states it"));
        assert_eq!(event.status(), PartnershipStatus::Implementation);
        assert_eq!(validate(Kind::StageEvent, &isopolity_proto::to_dynamic(&event)), Ok(()));
        case.keep(event);
    }
    assert_eq!((case.partnership.stage(), case.partnership.stage_date.as_str()), (PartnershipStage::Launch, "2014"));

    let ending = Some(Ending { kind: EndingKind::Completed.into(), date: "2015".into(), reason: String::new() });
    let mut ended = Partnership { ending, ..later.clone() };
    let events = restated(&later, &mut ended, "IATI", TODAY);
    assert_eq!(events.iter().map(StageEvent::kind).collect::<Vec<_>>(), [StageEventKind::Completed]);
    let mut revived = Partnership { ending: None, stage: PartnershipStage::Scaling.into(), ..ended.clone() };
    assert_eq!(restated(&ended, &mut revived, "IATI", TODAY), []);
    assert_eq!((revived.stage(), revived.ending.is_some()), (PartnershipStage::Launch, true));
}

#[test]
fn a_partnership_that_comes_in_ended_has_an_event_for_its_end() {
    let mut partnership = Case::at(PartnershipStage::Launch, "2013").partnership;
    partnership.ending =
        Some(Ending { kind: EndingKind::Completed.into(), date: "2015".into(), reason: String::new() });
    let events = entered(&partnership, TODAY);
    let kinds: Vec<_> = events.iter().map(|event| (event.kind(), event.status())).collect();
    assert_eq!(
        kinds,
        [
            (StageEventKind::Entered, PartnershipStatus::Implementation),
            (StageEventKind::Completed, PartnershipStatus::Closed)
        ]
    );
}

#[test]
fn a_partnership_that_ended_before_it_came_in_was_at_its_stage_by_then() {
    let mut partnership = Case::at(PartnershipStage::Operating, "").partnership;
    partnership.stage_date.clear();
    let ended =
        |date: &str| Some(Ending { kind: EndingKind::Completed.into(), date: date.into(), ..Default::default() });
    assert_eq!(entered(&partnership, TODAY)[0].date, TODAY.to_string());
    partnership.ending = ended("2011-04");
    let dates: Vec<_> = entered(&partnership, TODAY).into_iter().map(|event| event.date).collect();
    assert_eq!(dates, ["2011-04", "2011-04"]);
    partnership.stage_date = "2009".into();
    assert_eq!(entered(&partnership, TODAY)[0].date, "2009");
}

/// Something that somebody tries.
#[derive(Clone, Debug)]
enum Try {
    Advance { to: usize, date: &'static str, reason: bool, evidence: bool },
    Suspend,
    Resume,
    End(EndingKind),
    Correct { at: usize, to: usize, date: &'static str },
}

fn dates() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "2011", "2013", "2013-03", "2013-03-15", "2014-01", "2019", "2020-06-01", "2020-07"])
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = prop_oneof![
        6 => (0_usize..9, dates(), any::<bool>(), any::<bool>())
            .prop_map(|(to, date, reason, evidence)| Try::Advance { to, date, reason, evidence }),
        1 => Just(Try::Suspend),
        1 => Just(Try::Resume),
        1 => prop::sample::select(vec![EndingKind::Completed, EndingKind::Discontinued, EndingKind::Cancelled])
            .prop_map(Try::End),
        2 => (0_usize..6, 0_usize..9, dates()).prop_map(|(at, to, date)| Try::Correct { at, to, date }),
    ];
    prop::collection::vec(one, 1..25)
}

fn attempt(case: &Case, one: &Try) -> Result<StageEvent, StageError> {
    let decided_by = || "office".to_owned();
    match one {
        Try::Advance { to: stage, date, reason, evidence: proved } => {
            let request = AdvancePartnershipRequest {
                date: (*date).into(),
                reason: if *reason { "why".into() } else { String::new() },
                evidence: if *proved { evidence() } else { Vec::new() },
                ..to(STAGES[*stage])
            };
            advance(&case.dossier(), &request, TODAY)
        }
        Try::Suspend => suspend(&case.dossier(), &pause(), TODAY),
        Try::Resume => {
            resume(&case.dossier(), &ResumePartnershipRequest { decided_by: decided_by(), ..Default::default() }, TODAY)
        }
        Try::End(kind) => end(&case.dossier(), &EndPartnershipRequest { kind: (*kind).into(), ..cancel() }, TODAY),
        Try::Correct { at, to, date } => {
            let name = case.events.get(*at).map(|event| event.name.clone()).unwrap_or_default();
            let request = CorrectStageEventRequest {
                name,
                to_stage: STAGES[*to].into(),
                date: (*date).into(),
                reason: "misread".into(),
                decided_by: decided_by(),
                ..Default::default()
            };
            correct(&case.dossier(), &request, TODAY)
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_tried_the_events_stay_consistent(start in 0_usize..9, all in tries()) {
        let mut case = Case::at(STAGES[start], "2012").ready();
        for one in all {
            let before = case.clone();
            let Ok(event) = attempt(&case, &one) else { continue };
            case.keep(event);
            let Some(event) = case.events.last() else { unreachable!() };
            prop_assert_eq!(validate(Kind::StageEvent, &isopolity_proto::to_dynamic(event)), Ok(()));
            // The status that was announced is the one that came.
            prop_assert_eq!(event.status, case.partnership.status, "{:?}", event);
            let stage = case.partnership.stage();
            match event.kind() {
                StageEventKind::Advanced => prop_assert_eq!(Some(stage), next(before.partnership.stage())),
                StageEventKind::Skipped | StageEventKind::SteppedBack => prop_assert!(!event.reason.is_empty()),
                StageEventKind::Corrected => {}
                _ => prop_assert_eq!(stage, before.partnership.stage()),
            }
            // An end is final: afterwards only corrections come, and none takes it back.
            if before.partnership.ending.is_some() {
                prop_assert_eq!(event.kind(), StageEventKind::Corrected);
                prop_assert!(case.partnership.ending.is_some());
            }
            if let Some(ending) = &case.partnership.ending {
                prop_assert!(can_end(stage, ending.kind()));
            }
            // What happened is in order of time, as far as it is known.
            let dates: Vec<_> = super::course::steps(&case.events)
                .iter()
                .filter_map(|step| crate::validate::value::partial_date(&step.stands.date))
                .collect();
            for (at, (_, last)) in dates.iter().enumerate() {
                prop_assert!(dates[..at].iter().all(|(first, _)| first <= last), "{:?}", dates);
            }
        }
    }
}
