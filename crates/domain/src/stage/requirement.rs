//! What a stage asks for besides its conditions, before it is entered or left. From the lifecycle's column "leaves when".

use isopolity_proto::{
    registry::{
        AgreementStatus, Condition, ConfirmationStance, Indicator, IndicatorObservation, ParticipantRole,
        PartnershipEventKind, PartnershipStage, Side,
    },
    types::{Document, Period},
};
use time::Date;

use super::Dossier;
use crate::{conditions, validate::value};

/// Something that must be on record. Most can be covered by evidence that is given with the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// To leave opportunity: somebody answers for it.
    Owner,
    /// To leave opportunity: the place of origin is named.
    OriginPlace,
    /// To leave market research: a dated study or note.
    Study,
    /// To leave partner search: the counterpart has confirmed.
    Confirmation,
    /// To enter the formal agreement: it is signed.
    Signature,
    /// To leave the formal agreement: the day on which it starts has come.
    StartDate,
    /// To leave launch: a first sale or service.
    FirstSale,
    /// To leave operating: a financial year is reported.
    FinancialYear,
    /// To enter profit-taking: who got the profit is recorded.
    ProfitShares,
    /// To leave profit-taking: it was decided to scale.
    ScaleDecision,
}

impl Requirement {
    /// All, each with the stage that can't be entered without it.
    const ALL: [(Self, PartnershipStage); 10] = [
        (Self::Owner, PartnershipStage::MarketResearch),
        (Self::OriginPlace, PartnershipStage::MarketResearch),
        (Self::Study, PartnershipStage::PartnerSearch),
        (Self::Confirmation, PartnershipStage::Feasibility),
        (Self::Signature, PartnershipStage::Formalised),
        (Self::StartDate, PartnershipStage::Launch),
        (Self::FirstSale, PartnershipStage::Operating),
        (Self::FinancialYear, PartnershipStage::ProfitTaking),
        (Self::ProfitShares, PartnershipStage::ProfitTaking),
        (Self::ScaleDecision, PartnershipStage::Scaling),
    ];

    /// The word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "OWNER",
            Self::OriginPlace => "ORIGIN_PLACE",
            Self::Study => "STUDY",
            Self::Confirmation => "CONFIRMATION",
            Self::Signature => "SIGNATURE",
            Self::StartDate => "START_DATE",
            Self::FirstSale => "FIRST_SALE",
            Self::FinancialYear => "FINANCIAL_YEAR",
            Self::ProfitShares => "PROFIT_SHARES",
            Self::ScaleDecision => "SCALE_DECISION",
        }
    }

    /// What is missing and what to do, in English.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Owner => "nobody answers for it: name a participant as INITIATOR, HOST_AUTHORITY or ACCOUNTABLE",
            Self::OriginPlace => "the place of origin is not named: add an end on the side of ORIGIN with its place",
            Self::Study => "there is no dated study: add a document with its date, or give it as evidence",
            Self::Confirmation => {
                "the counterpart has not confirmed: add a mirror, a confirmed agreement or a met O1, or give evidence"
            }
            Self::Signature => "no signed agreement is linked: link one with its sign_date, or give evidence",
            Self::StartDate => "it has not started: state the start of its planned or actual period, or give evidence",
            Self::FirstSale => {
                "there is no first sale or service: add a document dated since the launch, observe I07 or I08, or give \
                 evidence"
            }
            Self::FinancialYear => {
                "no financial year is reported: add an observation with an actual value over a year, or give evidence"
            }
            Self::ProfitShares => {
                "who got the profit is not recorded: state profit_share_percent of participants, observe I10, or give \
                 evidence"
            }
            Self::ScaleDecision => "the decision to scale is not recorded: give evidence or a reason",
        }
    }

    /// Whether what was given with the step stands for it. Who answers and where it leads are fields to fill in; a paper
    /// does not replace them.
    #[must_use]
    pub fn is_covered(self, evidence: &[Document], reason: &str) -> bool {
        match self {
            Self::Owner | Self::OriginPlace => false,
            Self::Study => evidence.iter().any(is_dated),
            Self::ScaleDecision => !evidence.is_empty() || !reason.trim().is_empty(),
            _ => !evidence.is_empty(),
        }
    }
}

/// What is missing on the way forward from a stage to another; nothing on the way back.
#[must_use]
pub fn missing(dossier: &Dossier<'_>, from: PartnershipStage, to: PartnershipStage, today: Date) -> Vec<Requirement> {
    let asked = Requirement::ALL.into_iter().filter(|(_, gate)| super::is_gate_between(Some(*gate), from, to));
    asked.map(|(requirement, _)| requirement).filter(|one| !is_there(*one, dossier, today)).collect()
}

fn is_there(requirement: Requirement, dossier: &Dossier<'_>, today: Date) -> bool {
    let Dossier { partnership, events, agreements, observations, .. } = *dossier;
    match requirement {
        Requirement::Owner => {
            let answers = [ParticipantRole::Initiator, ParticipantRole::HostAuthority, ParticipantRole::Accountable]
                .map(i32::from);
            partnership.participants.iter().any(|one| one.roles.iter().any(|role| answers.contains(role)))
        }
        Requirement::OriginPlace => {
            partnership.ends.iter().any(|end| end.side() == Side::Origin && end.place.is_some())
        }
        Requirement::Study => {
            partnership.documents.iter().chain(events.iter().flat_map(|event| &event.evidence)).any(is_dated)
        }
        Requirement::Confirmation => {
            let confirmed = ConfirmationStance::Confirmed;
            !partnership.mirrors.is_empty()
                || agreements.iter().flat_map(|one| &one.confirmations).any(|one| one.stance() == confirmed)
                || conditions::standing(dossier.assessments, today)
                    .iter()
                    .any(|one| one.rule.condition == Condition::O1 && one.is_satisfied())
        }
        Requirement::Signature => {
            let signed = |event: &isopolity_proto::registry::PartnershipEvent| {
                event.kind() == PartnershipEventKind::Signature && has_come(&event.date, today)
            };
            agreements
                .iter()
                .any(|one| one.status() != AgreementStatus::InNegotiation && has_come(&one.sign_date, today))
                || partnership.events.iter().any(signed)
        }
        Requirement::StartDate => {
            let started = |period: &Option<Period>| period.as_ref().is_some_and(|one| has_come(&one.start_date, today));
            started(&partnership.actual_period) || started(&partnership.planned_period)
        }
        Requirement::FirstSale => {
            let since = super::course(partnership, events);
            let launched = value::partial_date(&since.stage_date).filter(|_| since.stage == PartnershipStage::Launch);
            let later = |document: &Document| match (launched, value::partial_date(&document.date)) {
                (Some((launch, _)), Some((_, dated))) => dated >= launch,
                _ => false,
            };
            partnership.documents.iter().any(later) || observed(observations, &[Indicator::I07, Indicator::I08])
        }
        Requirement::FinancialYear => {
            observations.iter().any(|one| has_value(one) && one.period.as_ref().is_some_and(is_a_year))
        }
        Requirement::ProfitShares => {
            partnership.participants.iter().any(|one| !one.profit_share_percent.is_empty())
                || observed(observations, &[Indicator::I10])
        }
        Requirement::ScaleDecision => false,
    }
}

fn is_dated(document: &Document) -> bool {
    value::partial_date(&document.date).is_some()
}

fn has_come(date: &str, today: Date) -> bool {
    value::partial_date(date).is_some_and(|(first, _)| first <= today)
}

fn observed(observations: &[IndicatorObservation], indicators: &[Indicator]) -> bool {
    observations.iter().any(|one| indicators.contains(&one.indicator()) && has_value(one))
}

fn has_value(observation: &IndicatorObservation) -> bool {
    observation.actual.as_ref().is_some_and(|actual| !actual.value.is_empty())
}

/// From a first to a last day that are a year apart, give or take what accountants do.
fn is_a_year(period: &Period) -> bool {
    match (value::partial_date(&period.start_date), value::partial_date(&period.end_date)) {
        (Some((first, _)), Some((_, last))) => (last - first).whole_days() >= 360,
        // `2019` alone is a year.
        (Some((first, last)), None) => (last - first).whole_days() >= 360,
        _ => false,
    }
}
