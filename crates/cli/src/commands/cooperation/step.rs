//! Taking a step, and telling what came of it.

use isopolity_node::client::Client;
use isopolity_proto::cooperation::{
    Cooperation, GetCooperationRequest, Step, StepOutcome, TakeStepRequest, TakeStepResponse,
    cooperation_service_client::CooperationServiceClient, step::Action,
};

use super::words::{command_for, short_name, state_word, waiting_word};
use crate::{
    args::{Global, Output},
    exit::Exit,
    output,
};

pub(crate) type Service = CooperationServiceClient<Client>;

/// A cooperation and the step that this city takes in it.
pub(super) struct Taking<'a> {
    /// Its resource name.
    pub(super) name: String,
    pub(super) action: Action,
    /// What was done, as one says it: `accepted`.
    pub(super) done: &'a str,
    /// The last event that was seen when this was decided, or 0.
    pub(super) seen: i64,
    pub(super) dry_run: bool,
}

/// Takes a step and prints what came of it.
pub(super) async fn take(global: &Global, service: &mut Service, taking: Taking<'_>) -> Result<(), Exit> {
    let request = TakeStepRequest {
        name: taking.name.clone(),
        step: Some(Step { action: Some(taking.action) }),
        expected_sequence: taking.seen,
        validate_only: taking.dry_run,
    };
    let taken = service.take_step(request).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&taken);
    }
    let TakeStepResponse { cooperation, outcome, step_id } = taken;
    let outcome = StepOutcome::try_from(outcome).unwrap_or_default();
    if taking.dry_run {
        return output::line(&format!("{}: nothing stands against it; nothing was done", short_name(&taking.name)));
    }
    tell(&taking.name, taking.done, outcome, &step_id, &cooperation.unwrap_or_default())
}

/// Tells people what came of a step, where the cooperation stands, and what is next.
pub(super) fn tell(name: &str, done: &str, outcome: StepOutcome, step_id: &str, now: &Cooperation) -> Result<(), Exit> {
    let short = short_name(name);
    let host = short.split('/').next().unwrap_or_default().to_owned();
    output::line(&match outcome {
        StepOutcome::Unspecified | StepOutcome::Done => format!("{short}: {done}, event {}", now.sequence),
        StepOutcome::Submitted => {
            format!("{short}: {done}; on its way to {host}, which puts it in its place. It is kept here until then")
        }
        StepOutcome::AwaitsApproval => format!(
            "{short}: {done}, but it counts only once somebody else approves it:\n  isopolity cooperation approve {short} {step_id}"
        ),
    })?;
    output::line(&standing(now))
}

/// Where it stands and whom it waits for.
fn standing(now: &Cooperation) -> String {
    let mut lines = vec![format!("It is {}.", state_word(now.state()))];
    for waiting in &now.waitings {
        let due = if waiting.due_date.is_empty() { String::new() } else { format!(", by {}", waiting.due_date) };
        let command = command_for(waiting.waiting_for())
            .map(|command| format!("  (isopolity cooperation {command})"))
            .unwrap_or_default();
        lines.push(format!("  waits for {} {}{due}{command}", waiting.city, waiting_word(waiting.waiting_for())));
    }
    lines.join("\n")
}

/// Reads a cooperation.
pub(super) async fn get(service: &mut Service, name: &str) -> Result<Cooperation, Exit> {
    let found = service.get_cooperation(GetCooperationRequest { name: name.to_owned() }).await?.into_inner();
    found.cooperation.ok_or_else(|| Exit::fault("the node answered without a cooperation"))
}
