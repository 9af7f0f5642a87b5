//! Working together with other cities.

mod attach;
mod content;
mod draft;
mod export;
mod file;
mod fork;
mod history;
mod list;
mod milestone;
mod show;
mod step;
mod terms;
mod words;

use isopolity_proto::{
    cooperation::{
        Activation, AmendmentDecline, Answer, ApproveStepRequest, Conclusion, ConfirmRecordRequest, Decline,
        DropStepRequest, Message, PendingState, Proposal, Statement, StepOutcome, Termination, Withdrawal,
        cooperation_service_client::CooperationServiceClient, step::Action,
    },
    registry::{ConfirmationStance, MatchVerdict},
};

use crate::{
    args::{AnswerQuestion, Cooperation, Ending, Global, OneStep, Output, Plain, Stance, Stated, Verdict},
    connection::connect,
    exit::Exit,
    output,
};

use step::{Service, Taking, get, take, tell};
use words::full_name;
pub(super) use words::{command_for, kind_word, plain, said, short_hash, short_name, state_word, waiting_word};

/// No event is larger; a page of them and a cooperation with all it holds may be.
const LARGEST: usize = 32 << 20;

pub(super) async fn run(global: &Global, command: &Cooperation) -> Result<(), Exit> {
    let mut service = service(global).await?;
    let service = &mut service;
    match command {
        Cooperation::Draft(new) => draft::begin(global, service, new).await,
        Cooperation::Edit(edit) => draft::edit(global, service, edit).await,
        Cooperation::Discard { name } => draft::discard(global, service, name).await,
        Cooperation::Propose(plain) => {
            // The node takes what is proposed from the draft.
            simple(global, service, plain, Action::Proposal(Proposal::default()), "proposed").await
        }
        Cooperation::List(arguments) => list::list(global, service, arguments).await,
        Cooperation::Show { name } => show::run(global, service, name).await,
        Cooperation::History { name, after } => history::history(global, service, name, *after).await,
        Cooperation::Terms { name, draft, amendment } => terms::print(service, name, *draft, *amendment).await,
        Cooperation::Counter(other) => terms::counter(global, service, other).await,
        Cooperation::Accept(accept) => terms::accept(global, service, accept).await,
        Cooperation::Decline(ending) => {
            end(global, service, ending, "declined", |reason| Action::Decline(Decline { reason })).await
        }
        Cooperation::Withdraw(ending) => {
            end(global, service, ending, "withdrawn", |reason| Action::Withdrawal(Withdrawal { reason })).await
        }
        Cooperation::Sign(sign) => terms::sign(global, service, sign).await,
        Cooperation::Activate { from, plain } => {
            let action = Action::Activation(Activation { start_date: from.clone() });
            simple(global, service, plain, action, "activated").await
        }
        Cooperation::Amend(other) => terms::amend(global, service, other).await,
        Cooperation::Renew { until, text, plain } => terms::renew(global, service, plain, until, text).await,
        Cooperation::DeclineAmendment(ending) => decline_amendment(global, service, ending).await,
        Cooperation::Conclude { outcome, plain } => {
            let action = Action::Conclusion(Conclusion { outcomes: words::texts(outcome) });
            simple(global, service, plain, action, "concluded for this city").await
        }
        Cooperation::Terminate(ending) => {
            end(global, service, ending, "terminated", |reason| Action::Termination(Termination { reason })).await
        }
        Cooperation::Answer(answer) => reply(global, service, answer).await,
        Cooperation::Say { name, text, reply_to } => {
            let action = Action::Message(Message { texts: words::texts(text), in_reply_to: *reply_to });
            let plain = Plain { name: name.clone(), dry_run: false };
            simple(global, service, &plain, action, "said").await
        }
        Cooperation::Milestone(milestone) => milestone::run(global, service, milestone).await,
        Cooperation::Attach(arguments) => attach::run(global, service, arguments).await,
        Cooperation::Approve(one) => approve(global, service, one).await,
        Cooperation::Drop(one) => drop_step(global, service, one).await,
        Cooperation::Export { name, file } => export::run(service, name, file.as_deref()).await,
        Cooperation::Confirm { record, stated, unseen } => confirm(global, service, record, stated, *unseen).await,
    }
}

/// The node's service.
pub(super) async fn service(global: &Global) -> Result<Service, Exit> {
    Ok(CooperationServiceClient::new(connect(global).await?).max_decoding_message_size(LARGEST))
}

async fn simple(global: &Global, service: &mut Service, plain: &Plain, action: Action, done: &str) -> Result<(), Exit> {
    let name = full_name(&plain.name)?;
    take(global, service, Taking { name, action, done, seen: 0, dry_run: plain.dry_run }).await
}

async fn end(
    global: &Global,
    service: &mut Service,
    ending: &Ending,
    done: &str,
    action: impl FnOnce(String) -> Action,
) -> Result<(), Exit> {
    let (name, action) = (full_name(&ending.name)?, action(ending.reason.clone()));
    take(global, service, Taking { name, action, done, seen: 0, dry_run: ending.dry_run }).await
}

async fn decline_amendment(global: &Global, service: &mut Service, ending: &Ending) -> Result<(), Exit> {
    let name = full_name(&ending.name)?;
    let now = get(service, &name).await?;
    let terms = now.amendment.and_then(|offer| offer.terms);
    let terms = terms.ok_or_else(|| Exit::refused(format!("{}: no amendment is on offer", ending.name)))?;
    let decline = AmendmentDecline { terms_version: terms.version, reason: ending.reason.clone() };
    let (action, done) = (Action::AmendmentDecline(decline), "amendment declined; the present terms stay");
    take(global, service, Taking { name, action, done, seen: 0, dry_run: ending.dry_run }).await
}

fn stance(word: Stance) -> ConfirmationStance {
    match word {
        Stance::Confirmed => ConfirmationStance::Confirmed,
        Stance::Disputed => ConfirmationStance::Disputed,
        Stance::Ended => ConfirmationStance::Ended,
        Stance::Unknown => ConfirmationStance::UnknownHere,
    }
}

async fn reply(global: &Global, service: &mut Service, arguments: &AnswerQuestion) -> Result<(), Exit> {
    let name = full_name(&arguments.name)?;
    let now = get(service, &name).await?;
    let statement = match arguments.stance {
        None => None,
        Some(word) => {
            let record = match (arguments.record.as_str(), now.subjects.as_slice()) {
                ("", [only]) => only.name.clone(),
                ("", _) => {
                    let all: Vec<&str> = now.subjects.iter().map(|one| one.name.as_str()).collect();
                    let all = all.join(", ");
                    return Err(Exit::usage(format!("name the record with --record; the question is about: {all}")));
                }
                (record, _) => record.to_owned(),
            };
            let version_seen = now.subjects.iter().find(|one| one.name == record).map_or(0, |one| one.version);
            Some(Statement {
                record,
                version_seen,
                stance: stance(word).into(),
                mirror: arguments.mirror.clone(),
                ..Statement::default()
            })
        }
    };
    let verdict = match arguments.verdict {
        None => MatchVerdict::Unspecified,
        Some(Verdict::Same) => MatchVerdict::Same,
        Some(Verdict::Different) => MatchVerdict::Different,
        Some(Verdict::Possible) => MatchVerdict::Possible,
    };
    let answer = Answer { texts: words::texts(&arguments.text), statement, verdict: verdict.into() };
    let (action, done) = (Action::Answer(answer), "answered");
    take(global, service, Taking { name, action, done, seen: 0, dry_run: arguments.dry_run }).await
}

/// The step that is meant: the one that is named, or the only one in one of these states.
async fn pending(
    service: &mut Service,
    one: &OneStep,
    states: &[PendingState],
    what: &str,
) -> Result<(String, String), Exit> {
    let name = full_name(&one.name)?;
    if let Some(step) = &one.step {
        return Ok((name, step.clone()));
    }
    let now = get(service, &name).await?;
    let fitting: Vec<_> = now.pending_steps.iter().filter(|step| states.contains(&step.state())).collect();
    match fitting.as_slice() {
        [only] => Ok((name, only.step_id.clone())),
        [] => Err(Exit::refused(format!("{}: no step {what}", one.name))),
        several => {
            let all: Vec<&str> = several.iter().map(|step| step.step_id.as_str()).collect();
            Err(Exit::usage(format!("{}: several steps {what}; name one: {}", one.name, all.join(", "))))
        }
    }
}

async fn approve(global: &Global, service: &mut Service, one: &OneStep) -> Result<(), Exit> {
    let (name, step_id) = pending(service, one, &[PendingState::AwaitsApproval], "awaits approval").await?;
    let request = ApproveStepRequest { name: name.clone(), step_id: step_id.clone() };
    let done = service.approve_step(request).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&done);
    }
    let outcome = done.outcome();
    tell(&name, "approved", outcome, &step_id, &done.cooperation.unwrap_or_default())
}

async fn drop_step(global: &Global, service: &mut Service, one: &OneStep) -> Result<(), Exit> {
    let states = [PendingState::AwaitsApproval, PendingState::Overtaken, PendingState::Refused];
    let (name, step_id) = pending(service, one, &states, "can be dropped").await?;
    let done = service.drop_step(DropStepRequest { name: name.clone(), step_id }).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&done);
    }
    output::line(&format!("{}: the step is dropped", short_name(&name)))
}

async fn confirm(
    global: &Global,
    service: &mut Service,
    record: &str,
    stated: &Stated,
    unseen: bool,
) -> Result<(), Exit> {
    // What nobody has looked at should not be confirmed; and the version says what was looked at.
    let version_seen = if unseen { 0 } else { seen(global, record).await? };
    let statement = Statement {
        record: record.to_owned(),
        version_seen,
        stance: stance(stated.stance).into(),
        mirror: stated.mirror.clone(),
        date: stated.date.clone(),
        remarks: words::texts(&stated.remark),
    };
    let said = service.confirm_record(ConfirmRecordRequest { statement: Some(statement) }).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&said);
    }
    let outcome = said.outcome();
    let cooperation = said.cooperation.unwrap_or_default();
    let host_word = words::stance_word(stance(stated.stance));
    let done = format!("this city {host_word}: {record}");
    match outcome {
        StepOutcome::AwaitsApproval => {
            let step = cooperation.pending_steps.first().map(|step| step.step_id.clone()).unwrap_or_default();
            tell(&cooperation.name, &done, outcome, &step, &cooperation)
        }
        _ => output::line(&format!(
            "{done}\nIt is said by {}, and goes to the record's city, whose registry shows it then.",
            short_name(&cooperation.name)
        )),
    }
}

/// The version of a record as its city shows it.
async fn seen(global: &Global, record: &str) -> Result<i64, Exit> {
    use isopolity_proto::{
        catalog::{GetRecordRequest, catalog_service_client::CatalogServiceClient},
        options::Audience,
    };
    let mut catalog = CatalogServiceClient::new(connect(global).await?);
    let request = GetRecordRequest {
        name: record.to_owned(),
        audience: Audience::Internal.into(),
        purpose: "administration".to_owned(),
    };
    match catalog.get_record(request).await {
        Ok(found) => Ok(found.into_inner().version),
        Err(status) => {
            output::note(&format!("{record} was not found, or its city did not answer; --unseen goes on without"));
            Err(status.into())
        }
    }
}
