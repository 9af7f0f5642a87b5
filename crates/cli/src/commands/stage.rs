//! Moving a partnership through its stages.

use isopolity_proto::{
    registry::{
        AdvancePartnershipRequest, Condition, CorrectStageEventRequest, EndPartnershipRequest, EndingKind, Partnership,
        ResumePartnershipRequest, StageEvent, SuspendPartnershipRequest, Waiver,
        partnership_service_client::PartnershipServiceClient,
    },
    types::Document,
};
use uuid::Uuid;

use super::readiness::{stage, stage_word};
use crate::{
    args::{EndKind, Global, Output, Stage, Step},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, command: &Stage) -> Result<(), Exit> {
    let mut partnerships = PartnershipServiceClient::new(connect(global).await?);
    let (partnership, event) = match command {
        Stage::Advance { name, to, evidence, waive, step } => {
            let request = AdvancePartnershipRequest {
                name: name.clone(),
                etag: String::new(),
                to_stage: stage(to)?.into(),
                date: step.date.clone(),
                decided_by: step.by.clone(),
                evidence: evidence.iter().map(|text| document(text)).collect(),
                reason: step.reason.clone(),
                waivers: waive.iter().map(|text| waiver(text)).collect::<Result<_, _>>()?,
                validate_only: step.dry_run,
                request_id: request_id(step),
            };
            let done = partnerships.advance_partnership(request).await?.into_inner();
            (done.partnership, done.stage_event)
        }
        Stage::Suspend { name, review, step } => {
            let request = SuspendPartnershipRequest {
                name: name.clone(),
                etag: String::new(),
                reason: step.reason.clone(),
                review_date: review.clone(),
                date: step.date.clone(),
                decided_by: step.by.clone(),
                validate_only: step.dry_run,
                request_id: request_id(step),
            };
            let done = partnerships.suspend_partnership(request).await?.into_inner();
            (done.partnership, done.stage_event)
        }
        Stage::Resume { name, step } => {
            let request = ResumePartnershipRequest {
                name: name.clone(),
                etag: String::new(),
                date: step.date.clone(),
                decided_by: step.by.clone(),
                reason: step.reason.clone(),
                validate_only: step.dry_run,
                request_id: request_id(step),
            };
            let done = partnerships.resume_partnership(request).await?.into_inner();
            (done.partnership, done.stage_event)
        }
        Stage::End { name, kind, step } => {
            let kind = match kind {
                EndKind::Completed => EndingKind::Completed,
                EndKind::Discontinued => EndingKind::Discontinued,
                EndKind::Cancelled => EndingKind::Cancelled,
            };
            let request = EndPartnershipRequest {
                name: name.clone(),
                etag: String::new(),
                kind: kind.into(),
                date: step.date.clone(),
                reason: step.reason.clone(),
                decided_by: step.by.clone(),
                evidence: Vec::new(),
                validate_only: step.dry_run,
                request_id: request_id(step),
            };
            let done = partnerships.end_partnership(request).await?.into_inner();
            (done.partnership, done.stage_event)
        }
        Stage::Correct { name, to, step } => {
            let request = CorrectStageEventRequest {
                name: name.clone(),
                to_stage: to.as_deref().map(stage).transpose()?.unwrap_or_default().into(),
                date: step.date.clone(),
                reason: step.reason.clone(),
                decided_by: step.by.clone(),
                validate_only: step.dry_run,
                request_id: request_id(step),
            };
            let done = partnerships.correct_stage_event(request).await?.into_inner();
            (done.partnership, done.stage_event)
        }
    };
    print(global, &partnership.unwrap_or_default(), &event.unwrap_or_default())
}

fn print(global: &Global, partnership: &Partnership, event: &StageEvent) -> Result<(), Exit> {
    if global.output == Output::Json {
        let both = serde_json::json!({
            "partnership": isopolity_proto::json::to_value(partnership, true),
            "stageEvent": isopolity_proto::json::to_value(event, true),
        });
        return output::line(&both.to_string());
    }
    let what = event.kind().as_str_name().trim_start_matches("STAGE_EVENT_KIND_").to_lowercase().replace('_', " ");
    let stands = stage_word(partnership.stage());
    output::line(&format!("{}: {what} on {}; it stands at {stands}", partnership.name, event.date))
}

fn request_id(step: &Step) -> String {
    if step.dry_run { String::new() } else { Uuid::new_v4().to_string() }
}

/// A document by its address, or by a reference.
fn document(text: &str) -> Document {
    if text.starts_with("https://") || text.starts_with("http://") {
        Document { uri: text.to_owned(), ..Default::default() }
    } else {
        Document { reference: text.to_owned(), ..Default::default() }
    }
}

/// A waiver as `CONDITION=REASON`.
fn waiver(text: &str) -> Result<Waiver, Exit> {
    let wrong = || {
        Exit::usage(format!("--waive {text:?}: write CONDITION=REASON, for example \"A3=strategy is under revision\""))
    };
    let (code, reason) = text.split_once('=').ok_or_else(wrong)?;
    let condition = Condition::from_str_name(&format!("CONDITION_{}", code.trim().to_uppercase())).ok_or_else(wrong)?;
    Ok(Waiver { condition: condition.into(), reason: reason.trim().to_owned(), ..Default::default() })
}
