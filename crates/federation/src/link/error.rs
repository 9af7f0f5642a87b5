//! What went wrong with a peer: the one place where a status or a broken connection becomes an outcome.

use std::{error::Error, io, time::Duration};

use isopolity_domain::circuit::{Held, HeldWhy, LONGEST_PUSH_BACK};
use isopolity_proto::{catalog::Outcome, error::Reason};
use rustls::AlertDescription;
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt as _;

use crate::tls::alert_in_words;

/// Why a peer gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct LinkError {
    /// The outcome to show for the city.
    pub outcome: Outcome,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people.
    pub description: String,
    /// How long the peer asked not to be called, at most 10 minutes.
    pub retry_after: Option<Duration>,
}

impl LinkError {
    /// An error of this kind.
    #[must_use]
    pub fn new(outcome: Outcome, reason: Reason, description: impl Into<String>) -> Self {
        Self { outcome, reason, description: description.into(), retry_after: None }
    }

    /// What a status means that came from a peer, or from the connection to it.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        if let Some(error) = status.source().and_then(local_cause) {
            return error;
        }
        let reason = stated_reason(status);
        let says = || match status.message() {
            "" => format!("the peer answered {:?} without a word", status.code()),
            message => format!("the peer says: {}", tidy(message)),
        };
        let (outcome, otherwise) = match status.code() {
            Code::DeadlineExceeded => (Outcome::TimedOut, Reason::DeadlineExceeded),
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Aborted => {
                (Outcome::Unreachable, Reason::Connection)
            }
            Code::Unimplemented => (Outcome::Incompatible, Reason::ProtocolIncompatible),
            // tonic says so of what it reads itself; no node sends it.
            Code::OutOfRange | Code::DataLoss => (Outcome::Invalid, Reason::MessageTooLarge),
            Code::NotFound => (Outcome::AnsweredEmpty, Reason::ResourceNotFound),
            Code::PermissionDenied | Code::Unauthenticated => (Outcome::Refused, Reason::PeerNotApproved),
            Code::ResourceExhausted => (Outcome::Refused, Reason::Overloaded),
            Code::InvalidArgument | Code::FailedPrecondition | Code::AlreadyExists => {
                (Outcome::Refused, Reason::FieldInvalid)
            }
            // A node names the reason; without one it is the answer that could not be read.
            Code::Internal if reason.is_some() => (Outcome::Refused, Reason::Internal),
            Code::Internal | Code::Ok => (Outcome::Invalid, Reason::AnswerInvalid),
        };
        let retry_after = match status.code() {
            Code::ResourceExhausted => status.get_details_retry_info().and_then(|info| info.retry_delay),
            _ => None,
        };
        let retry_after = retry_after.filter(|delay| !delay.is_zero()).map(|delay| delay.min(LONGEST_PUSH_BACK));
        Self { retry_after, ..Self::new(outcome, reason.unwrap_or(otherwise), says()) }
    }

    /// Why a peer is not called at all: it failed too often, or asked for it.
    pub(crate) fn held(held: &Held) -> Self {
        let (outcome, reason) = match held.why {
            HeldWhy::Open { .. } | HeldWhy::Trying { .. } => (Outcome::Unreachable, Reason::Connection),
            HeldWhy::PushedBack => (Outcome::Refused, Reason::Overloaded),
        };
        Self::new(outcome, reason, held.to_string())
    }

    /// What a broken connection means.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        if let Some(found) = error.get_ref().and_then(|inner| local_cause(inner)) {
            return found;
        }
        Self::new(Outcome::Unreachable, Reason::Connection, format!("the connection broke: {error}"))
    }

    /// No answer within the time.
    pub(crate) fn timed_out(within: Duration) -> Self {
        Self::new(Outcome::TimedOut, Reason::DeadlineExceeded, format!("no answer within {}", in_seconds(within)))
    }
}

/// A duration as people read it.
pub(crate) fn in_seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// The cause that is known on this side, if the chain of causes holds one.
fn local_cause(error: &(dyn Error + 'static)) -> Option<LinkError> {
    let unreachable = |text: String| LinkError::new(Outcome::Unreachable, Reason::Connection, text);
    let mut next = Some(error);
    let mut last = None;
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<LinkError>() {
            return Some(found.clone());
        }
        if error.is::<TimeoutExpired>() {
            return Some(LinkError::new(Outcome::TimedOut, Reason::DeadlineExceeded, "no answer in time"));
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(of_tls(tls));
        }
        if let Some(found) = error.downcast_ref::<io::Error>() {
            // An io::Error does not count the error that it was made of among its sources.
            if let Some(inner) = found.get_ref() {
                return local_cause(inner).or_else(|| Some(unreachable(format!("the connection broke: {inner}"))));
            }
        }
        last = Some(error);
        next = error.source();
    }
    last.map(|root| unreachable(format!("the connection broke: {root}")))
}

/// Whether a connection that had been made broke, in contrast to one that could not be made and to an answer.
pub(super) fn connection_died(status: &Status) -> bool {
    let mut next = status.source();
    while let Some(error) = next {
        if error.is::<LinkError>() || error.is::<TimeoutExpired>() {
            return false;
        }
        next = error.source();
    }
    status.source().is_some()
}

/// What a TLS error means that the verifier did not cause.
fn of_tls(error: &rustls::Error) -> LinkError {
    let description = match error {
        // The peer knows who we are and does not want to talk: that is a refusal, not a broken way.
        rustls::Error::AlertReceived(alert @ AlertDescription::AccessDenied) => {
            return LinkError::new(Outcome::Refused, Reason::PeerSuspended, alert_in_words(*alert));
        }
        rustls::Error::AlertReceived(alert @ AlertDescription::CertificateUnknown) => {
            return LinkError::new(Outcome::Refused, Reason::PeerUnknown, alert_in_words(*alert));
        }
        rustls::Error::AlertReceived(alert) => alert_in_words(*alert),
        rustls::Error::InvalidMessage(_) => "what answers there does not speak TLS; check the endpoint".to_owned(),
        other => format!("the TLS handshake failed: {other}"),
    };
    LinkError::new(Outcome::Unreachable, Reason::TlsHandshake, description)
}

/// The reason that a node's error carries.
fn stated_reason(status: &Status) -> Option<Reason> {
    let info = status.get_details_error_info().filter(|info| info.domain == "isopolity")?;
    Reason::from_str_name(&format!("REASON_{}", info.reason))
}

/// What a stranger wrote, fit for a log and a screen.
fn tidy(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn with_reason(code: Code, reason: &str) -> Status {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, "isopolity", std::collections::HashMap::new());
        Status::with_error_details(code, "no", details)
    }

    #[test]
    fn each_status_has_its_outcome_and_reason() {
        let cases = [
            (with_reason(Code::PermissionDenied, "PEER_NOT_APPROVED"), Outcome::Refused, Reason::PeerNotApproved),
            (with_reason(Code::PermissionDenied, "PEER_SUSPENDED"), Outcome::Refused, Reason::PeerSuspended),
            (with_reason(Code::Unavailable, "SHUTTING_DOWN"), Outcome::Unreachable, Reason::ShuttingDown),
            (with_reason(Code::PermissionDenied, "SOMETHING_NEW"), Outcome::Refused, Reason::PeerNotApproved),
            (Status::unimplemented("x"), Outcome::Incompatible, Reason::ProtocolIncompatible),
            (Status::deadline_exceeded("x"), Outcome::TimedOut, Reason::DeadlineExceeded),
            (Status::unavailable("x"), Outcome::Unreachable, Reason::Connection),
            (Status::out_of_range("x"), Outcome::Invalid, Reason::MessageTooLarge),
            (Status::resource_exhausted("x"), Outcome::Refused, Reason::Overloaded),
            (Status::not_found("x"), Outcome::AnsweredEmpty, Reason::ResourceNotFound),
            (with_reason(Code::Internal, "INTERNAL"), Outcome::Refused, Reason::Internal),
            (Status::internal("x"), Outcome::Invalid, Reason::AnswerInvalid),
        ];
        for (status, outcome, reason) in cases {
            let error = LinkError::of(&status);
            assert_eq!((error.outcome, error.reason), (outcome, reason), "{status}");
        }
    }

    #[test]
    fn a_retry_delay_is_read_of_a_peer_that_is_at_its_limit_alone() {
        let delayed = |code, delay| {
            let mut details = ErrorDetails::new();
            details.set_retry_info(Some(delay));
            LinkError::of(&Status::with_error_details(code, "no", details)).retry_after
        };
        let minute = Duration::from_mins(1);
        assert_eq!(delayed(Code::ResourceExhausted, minute), Some(minute));
        assert_eq!(delayed(Code::ResourceExhausted, minute * 60), Some(minute * 10));
        assert_eq!(delayed(Code::ResourceExhausted, Duration::ZERO), None);
        assert_eq!(delayed(Code::Unavailable, minute), None);
        assert_eq!(LinkError::of(&Status::resource_exhausted("x")).retry_after, None);
    }

    #[test]
    fn what_a_stranger_writes_is_cut_and_cleaned() {
        let error = LinkError::of(&Status::unavailable(format!("a\u{1b}[31m\nb{}", "c".repeat(5_000))));
        assert!(error.description.starts_with("the peer says: a[31mbc"), "{error}");
        assert!(error.description.len() < 400);
    }

    #[test]
    fn the_root_cause_is_found_through_all_wrappings() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateExpired);
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, io::Error::other(alert));
        let error = LinkError::of(&Status::from_error(Box::new(wrapped)));
        assert_eq!((error.outcome, error.reason), (Outcome::Unreachable, Reason::TlsHandshake));
        assert!(error.description.contains("our certificate has expired"), "{error}");
        let known = LinkError::new(Outcome::Unreachable, Reason::Connection, "nothing listens there");
        assert_eq!(LinkError::of(&Status::from_error(Box::new(known.clone()))), known);
    }
}
