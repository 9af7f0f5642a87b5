//! How a command ends when it does not succeed: a message for people, and an exit code for programs.

use std::{error::Error, io::Write as _, process::ExitCode};

use isopolity_node::client::ClientError;
use isopolity_proto::catalog::IncompleteAnswer;
use isopolity_registry::error::with_causes;
use prost::{Message as _, Name as _};
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt as _;

/// Done in part: some rows were rejected.
pub(crate) const PARTLY: u8 = 5;

/// An end other than success.
#[derive(Debug)]
pub(crate) struct Exit {
    code: u8,
    message: String,
}

impl Exit {
    /// Something broke.
    pub(crate) fn fault(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// Something broke, with all its causes on one line.
    pub(crate) fn broken(error: &dyn Error) -> Self {
        Self::fault(with_causes(error))
    }

    /// Called wrongly, or configured wrongly.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// The node refused, or a check failed.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
    }

    /// No node answers.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { code: 4, message: message.into() }
    }

    /// Writes the message to standard error.
    pub(crate) fn report(self) -> ExitCode {
        // Where even standard error is closed, the exit code says it all.
        drop(writeln!(std::io::stderr(), "isopolity: {}", self.message));
        ExitCode::from(self.code)
    }
}

impl From<ClientError> for Exit {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unreachable { .. } => Self::unreachable(error.to_string()),
            _ => Self::usage(error.to_string()),
        }
    }
}

impl From<Status> for Exit {
    fn from(status: Status) -> Self {
        // No node said this: it was found out here.
        if let Some(cause) = status.source() {
            return Self::unreachable(broken_off(cause));
        }
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
        let mut lines = vec![status.message().to_owned()];
        if let Some(request) = details.bad_request() {
            lines = vec!["the node refused the request:".to_owned()];
            lines.extend(request.field_violations.iter().map(|one| format!("  {}: {}", one.field, one.description)));
        }
        if let Some(failure) = details.precondition_failure() {
            let open = failure.violations.iter();
            lines.extend(open.map(|one| format!("  {} {}: {}", one.r#type, one.subject, one.description)));
        }
        if let Some(incomplete) = incomplete(&status) {
            let missing = incomplete.outcomes.iter().filter(|outcome| !outcome.reason.is_empty());
            lines.extend(missing.map(|outcome| {
                format!("  {}: {} ({})", outcome.city, crate::output::outcome_word(outcome.outcome()), outcome.reason)
            }));
        }
        if reason == "TOKEN_MISSING" {
            lines =
                vec![
                    "this needs a token: put it into ISOPOLITY_TOKEN, name its file with --token-file, or sign in with \"isopolity login\""
                        .to_owned(),
                ];
        }
        if !reason.is_empty() {
            lines.push(format!("  [{reason}]"));
        }
        let message = lines.join("\n");
        match status.code() {
            // The node spoke: it is there, but refused.
            Code::Unavailable if reason.is_empty() => Self::unreachable(format!("the node does not answer: {message}")),
            Code::DeadlineExceeded => Self::unreachable(message),
            Code::Internal | Code::Unknown | Code::DataLoss => Self::fault(message),
            _ => Self::refused(message),
        }
    }
}

/// Why no whole answer came.
fn broken_off(cause: &(dyn Error + 'static)) -> String {
    let mut next = Some(cause);
    while let Some(error) = next {
        if error.is::<TimeoutExpired>() {
            return "the node did not answer in time".to_owned();
        }
        next = error.source();
    }
    format!("the connection to the node broke: {}", with_causes(cause))
}

fn incomplete(status: &Status) -> Option<IncompleteAnswer> {
    let details = tonic_types::pb::Status::decode(status.details()).ok()?.details;
    let detail = details.iter().find(|any| any.type_url.ends_with(&IncompleteAnswer::full_name()))?;
    IncompleteAnswer::decode(detail.value.as_slice()).ok()
}
