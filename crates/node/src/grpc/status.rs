//! The one place where an error of the registry becomes a gRPC status with `google.rpc` details.

use std::{collections::HashMap, time::Duration};

use isopolity_domain::{
    Violation,
    sharing::Refusal,
    stage::{Blocker, StageError},
};
use isopolity_proto::{
    admin::Granularity,
    catalog::{CityOutcome, Coverage, IncompleteAnswer, Outcome},
    error::Reason,
    type_url,
};
use isopolity_registry::{
    Error, TrustError, directory::DirectoryRefusal, error::with_causes, invitation::JoinRefusal,
    permission::scope_word, trust::listed,
};
use prost::Message as _;
use prost_types::Any;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tracing::error;

/// The `domain` of `google.rpc.ErrorInfo`.
const DOMAIN: &str = "isopolity";
/// When a caller may try again.
const RETRY: Duration = Duration::from_secs(1);
/// How many bytes of texts the details of a status hold. They travel in the trailers, in base64, and many clients take no more
/// than 8 KiB of these: what is larger breaks the call instead of explaining it.
const DETAILS_MAX: usize = 3_500;
/// How many bytes the message of a status holds. Where it is not ASCII, each takes three on the way.
const MESSAGE_MAX: usize = 600;

/// The status that a caller gets.
pub(super) fn status(cause: &Error) -> Status {
    let mut info: HashMap<String, String> = HashMap::new();
    let mut details = ErrorDetails::new();
    if let Some((kind, name)) = concerned(cause) {
        details.set_resource_info(kind, name, "", cause.to_string());
    }
    let code = match cause {
        Error::Invalid(violations) => {
            let (told, left) = as_many_as_fit(&violations.0, |one| one.field.len() + one.description.len());
            for Violation { field, description, .. } in told {
                details.add_bad_request_violation(field, description);
            }
            if left > 0 {
                details.add_bad_request_violation("", format!("and {left} more"));
            }
            Code::InvalidArgument
        }
        Error::TokenMissing | Error::TokenInvalid | Error::LoginFailed => Code::Unauthenticated,
        Error::ScopeMissing(scope) => {
            info.insert("scope".to_owned(), scope_word(*scope));
            Code::PermissionDenied
        }
        Error::RightMissing(right) => {
            info.insert("right".to_owned(), right.as_str().to_owned());
            Code::PermissionDenied
        }
        Error::NotFound(_) | Error::Deleted(_) | Error::PeerUnknown(_) => Code::NotFound,
        Error::Exists(_) | Error::ExistsDeleted(_) | Error::UserExists(_) | Error::CooperationExists(_) => {
            Code::AlreadyExists
        }
        Error::InUse { used_by, .. } => {
            let names: Vec<_> = used_by.iter().map(ToString::to_string).collect();
            info.insert("used_by".to_owned(), names.join(","));
            Code::FailedPrecondition
        }
        Error::EtagMismatch(_) | Error::AgreementChanged(_) => Code::Aborted,
        Error::Stage { name, refusal } => {
            step_refused(&name.to_string(), refusal, &mut details);
            Code::FailedPrecondition
        }
        Error::Cooperation { .. }
        | Error::StepImpossible { .. }
        | Error::CooperationMovedOn { .. }
        | Error::ParticipantNotPeer(_)
        | Error::SecondPersonRequired
        | Error::CooperationFull(_) => of_cooperation(cause, &mut info, &mut details),
        Error::PeerNotApproved(_) | Error::PeerSuspended { .. } | Error::PeerLeft { .. } | Error::MethodClosed => {
            Code::PermissionDenied
        }
        Error::NotShared(refusal) => not_shared(refusal, &mut info),
        Error::Trust(refusal) => of_trust(refusal, &mut info, &mut details),
        Error::Joining(refusal) => of_joining(refusal),
        Error::Directory(refusal) => of_directory(refusal),
        Error::LastAdministrator
        | Error::BundleRollback { .. }
        | Error::SessionRequired
        | Error::NotDeleted(_)
        | Error::Erased(_)
        | Error::NotErasable(_)
        | Error::AppendOnly(_) => Code::FailedPrecondition,
        Error::Incomplete { .. } => Code::Unavailable,
        Error::HomeUnreachable { .. }
        | Error::StorageBusy(_)
        | Error::AuditUnavailable
        | Error::ProviderUnreachable => {
            details.set_retry_info(Some(RETRY));
            Code::Unavailable
        }
        Error::StorageFull(_) => Code::ResourceExhausted,
        Error::Overloaded { retry_after, .. }
        | Error::LoginDelayed { retry_after }
        | Error::RateExceeded { retry_after, .. } => {
            details.set_retry_info(Some(*retry_after));
            Code::ResourceExhausted
        }
        Error::DeadlineExceeded => Code::DeadlineExceeded,
        Error::Incompatible(_) => Code::Unimplemented,
        Error::Internal(_) => {
            let incident = incident();
            info.insert("incident".to_owned(), incident.clone());
            error!(incident, error = %with_causes(cause), "a call failed");
            Code::Internal
        }
    };
    if matches!(cause, Error::StorageBusy(_) | Error::StorageFull(_)) {
        error!(error = %with_causes(cause), "the database can't be written");
    }
    details.set_error_info(reason_name(cause.reason()), DOMAIN, info);
    let message =
        if matches!(cause, Error::Internal(_)) { format!("{cause}; its log has the cause") } else { cause.to_string() };
    let status = Status::with_error_details(code, shortened(&message), details);
    match cause {
        Error::Incomplete { outcomes, coverage, took, .. } => {
            with_detail(&status, &incomplete(outcomes, coverage.as_ref(), *took))
        }
        _ => status,
    }
}

/// The code where two cities do not become peers with an invitation.
fn of_joining(refusal: &JoinRefusal) -> Code {
    match refusal {
        JoinRefusal::Unknown | JoinRefusal::GuestMismatch(_) | JoinRefusal::OnlyJoins => Code::PermissionDenied,
        JoinRefusal::TooMany(_) => Code::ResourceExhausted,
        _ => Code::FailedPrecondition,
    }
}

/// The code where a directory is not taken or shown.
fn of_directory(refusal: &DirectoryRefusal) -> Code {
    match refusal {
        DirectoryRefusal::Missing(_) => Code::NotFound,
        _ if refusal.reason() == Reason::DirectoryInvalid => Code::InvalidArgument,
        _ => Code::FailedPrecondition,
    }
}

/// What an error is about: the kind of it, and what it is called.
fn concerned(cause: &Error) -> Option<(&'static str, String)> {
    match cause {
        Error::NotFound(name) => Some((kind_of(name), name.clone())),
        Error::PeerUnknown(city) => Some(("peer", city.clone())),
        Error::AgreementChanged(city) => Some(("sharing_agreement", city.to_string())),
        Error::UserExists(name) => Some(("user", name.clone())),
        Error::Cooperation { name, .. }
        | Error::CooperationExists(name)
        | Error::CooperationMovedOn { name, .. }
        | Error::StepImpossible { name, .. } => Some(("cooperation", name.to_string())),
        Error::Deleted(name)
        | Error::Exists(name)
        | Error::ExistsDeleted(name)
        | Error::InUse { name, .. }
        | Error::NotDeleted(name)
        | Error::AppendOnly(name)
        | Error::Erased(name)
        | Error::NotErasable(name)
        | Error::EtagMismatch(name) => Some((name.kind().as_str(), name.to_string())),
        _ => None,
    }
}

/// What a program may want to know of a step that a partnership can't take.
fn step_refused(name: &str, refusal: &StageError, details: &mut ErrorDetails) {
    if let StageError::GateClosed { blockers, .. } = refusal {
        let (told, left) = as_many_as_fit(blockers, |one| one.kind.len() + one.side.len() + one.description.len());
        for Blocker { kind, side, description } in told {
            details.add_precondition_failure_violation(*kind, *side, description);
        }
        if left > 0 {
            details.add_precondition_failure_violation("MORE", "", format!("and {left} more"));
        }
    } else {
        let kind = reason_name(refusal.reason());
        details.add_precondition_failure_violation(kind, name, refusal.to_string());
    }
}

/// What a refused step of a cooperation comes to, and what a program may want to know of it.
fn of_cooperation(cause: &Error, info: &mut HashMap<String, String>, details: &mut ErrorDetails) -> Code {
    match cause {
        Error::CooperationMovedOn { sequence, .. } => {
            info.insert("sequence".to_owned(), sequence.to_string());
        }
        Error::ParticipantNotPeer(cities) => {
            let names: Vec<_> = cities.iter().map(ToString::to_string).collect();
            info.insert("cities".to_owned(), names.join(","));
        }
        Error::Cooperation { name, .. } | Error::StepImpossible { name, .. } => {
            details.add_precondition_failure_violation(
                reason_name(cause.reason()),
                name.to_string(),
                cause.to_string(),
            );
        }
        _ => {}
    }
    match cause.reason() {
        Reason::CooperationFull => Code::ResourceExhausted,
        Reason::CooperationMovedOn => Code::Aborted,
        Reason::EventInvalid => Code::InvalidArgument,
        _ => Code::FailedPrecondition,
    }
}

/// What a peer's program may want to know of what is not agreed.
fn not_shared(refusal: &Refusal, info: &mut HashMap<String, String>) -> Code {
    let mut tell = |key: &str, value: String| {
        info.insert(key.to_owned(), value);
        Code::PermissionDenied
    };
    match refusal {
        Refusal::Purpose { agreed, .. } => tell("purposes", agreed.join(",")),
        Refusal::Detail { granularity, .. } => tell("granularity", granularity.as_str_name().to_owned()),
        Refusal::TooFine(..) => tell("granularity", Granularity::Counts.as_str_name().to_owned()),
        Refusal::Changed(_) => Code::Aborted,
        _ => Code::PermissionDenied,
    }
}

/// What a refused change of keys comes to.
fn of_trust(refusal: &TrustError, info: &mut HashMap<String, String>, details: &mut ErrorDetails) -> Code {
    match refusal {
        TrustError::Unknown(id) => {
            details.set_resource_info("key", id, "", refusal.to_string());
            return Code::NotFound;
        }
        TrustError::PeersBehind(peers) => {
            info.insert("peers".to_owned(), listed(peers));
        }
        TrustError::NotPrepared(_) | TrustError::PkiExternal => {}
    }
    Code::FailedPrecondition
}

/// What came of an answer that is not enough. Of very many cities only so many as may travel: those that are missing first.
fn incomplete(outcomes: &[CityOutcome], coverage: Option<&Coverage>, took: Duration) -> IncompleteAnswer {
    let is_missing = |one: &&CityOutcome| {
        !matches!(one.outcome(), Outcome::Answered | Outcome::AnsweredEmpty | Outcome::RuledOut | Outcome::NotAsked)
    };
    let all: usize = outcomes.iter().map(CityOutcome::encoded_len).sum();
    let told = if all <= DETAILS_MAX {
        outcomes.to_vec()
    } else {
        let missing: Vec<CityOutcome> = outcomes.iter().filter(is_missing).cloned().collect();
        as_many_as_fit(&missing, CityOutcome::encoded_len).0.to_vec()
    };
    IncompleteAnswer { outcomes: told, coverage: coverage.cloned(), took: prost_types::Duration::try_from(took).ok() }
}

/// As many of these as may travel in the details of a status, and how many are left.
fn as_many_as_fit<T>(all: &[T], size: impl Fn(&T) -> usize) -> (&[T], usize) {
    let mut room = DETAILS_MAX;
    let fit = all.iter().take_while(|one| {
        // Each costs a little more than its texts.
        let costs = size(one) + 16;
        let fits = costs <= room;
        room = room.saturating_sub(costs);
        fits
    });
    let fit = fit.count();
    let (told, left) = all.split_at(fit);
    (told, left.len())
}

/// A text that may travel as the message of a status.
fn shortened(message: &str) -> String {
    if message.len() <= MESSAGE_MAX {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(MESSAGE_MAX);
    format!("{}…", message.get(..end).unwrap_or_default())
}

/// A refusal because the node is going down.
pub(super) fn shutting_down() -> Status {
    let mut details = ErrorDetails::with_error_info(reason_name(Reason::ShuttingDown), DOMAIN, HashMap::new());
    details.set_retry_info(Some(RETRY));
    Status::with_error_details(Code::Unavailable, "the node is shutting down", details)
}

/// A refusal because the caller's time is over.
pub(super) fn deadline_exceeded() -> Status {
    let details = ErrorDetails::with_error_info(reason_name(Reason::DeadlineExceeded), DOMAIN, HashMap::new());
    Status::with_error_details(Code::DeadlineExceeded, "the deadline passed", details)
}

/// The name of a reason as `ErrorInfo` carries it.
pub(super) fn reason_name(reason: Reason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("REASON_").unwrap_or(name)
}

fn kind_of(name: &str) -> &'static str {
    name.parse::<isopolity_domain::Name>().map_or("resource", |name| name.kind().as_str())
}

/// The status with one more detail, which is of a type of ours.
fn with_detail<M: prost::Name>(status: &Status, detail: &M) -> Status {
    let Ok(mut inner) = tonic_types::pb::Status::decode(status.details()) else { return status.clone() };
    inner.details.push(Any { type_url: type_url(&M::full_name()), value: detail.encode_to_vec() });
    Status::with_details(status.code(), status.message(), inner.encode_to_vec().into())
}

/// A number by which a caller's complaint is found in the log.
fn incident() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use isopolity_domain::Violations;
    use isopolity_proto::registry::PartnershipStage;

    use super::*;

    #[test]
    fn a_violation_names_the_field_and_the_reason() {
        let violations = Violations(vec![Violation::required("partnership.titles")]);
        let status = status(&Error::Invalid(violations));
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "partnership.titles");
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("FIELD_REQUIRED", "isopolity"));
    }

    #[test]
    fn a_closed_gate_names_each_condition_and_its_side() {
        let blocker = |kind, side| Blocker { kind, side, description: "assess it".to_owned() };
        let refusal = StageError::GateClosed {
            to: PartnershipStage::PartnerSearch,
            blockers: vec![blocker("CONDITION_A1", "SIDE_DESTINATION"), blocker("STUDY", "SIDE_UNSPECIFIED")],
        };
        let name = "cities/feira.example/partnerships/cork".parse().unwrap();
        let status = status(&Error::Stage { name, refusal });
        assert_eq!(status.code(), Code::FailedPrecondition);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "STAGE_GATE_CLOSED");
        let named: Vec<_> = details
            .precondition_failure()
            .unwrap()
            .violations
            .iter()
            .map(|one| (one.r#type.as_str(), one.subject.as_str()))
            .collect();
        assert_eq!(named, [("CONDITION_A1", "SIDE_DESTINATION"), ("STUDY", "SIDE_UNSPECIFIED")]);
    }

    #[test]
    fn a_refusal_with_a_hundred_reasons_still_reaches_the_caller() {
        let violation =
            |at: usize| Violation::invalid(format!("partnership.participants[{at}].organization"), "ß".repeat(100));
        let status = status(&Error::Invalid(Violations((0..100).map(violation).collect())));
        let told = status.get_error_details().bad_request().unwrap().field_violations.clone();
        assert!(told.len() > 10 && told.last().unwrap().description.starts_with("and "), "{}", told.len());
        assert!(status.details().len() * 4 / 3 + status.message().len() * 3 < 8_000);
    }

    #[test]
    fn an_incomplete_answer_carries_the_outcomes() {
        let status = status(&Error::Incomplete {
            required: "x".into(),
            outcomes: Vec::new(),
            coverage: None,
            took: Duration::from_secs(1),
        });
        let inner = tonic_types::pb::Status::decode(status.details()).unwrap();
        assert!(inner.details.iter().any(|any| any.type_url.ends_with("isopolity.catalog.v1.IncompleteAnswer")));
    }

    #[test]
    fn of_very_many_cities_those_that_are_missing_travel_as_far_as_there_is_room() {
        let outcome = |number: usize| {
            let answered = number.is_multiple_of(3);
            let mut outcome = CityOutcome { city: format!("city{number}.example"), ..Default::default() };
            outcome.set_outcome(if answered { Outcome::Answered } else { Outcome::Unreachable });
            outcome.reason = if answered { String::new() } else { "nothing listens there".to_owned() };
            outcome
        };
        let few: Vec<CityOutcome> = (0..9).map(outcome).collect();
        assert_eq!(incomplete(&few, None, Duration::ZERO).outcomes, few);
        let many: Vec<CityOutcome> = (0..1_000).map(outcome).collect();
        let told = incomplete(&many, None, Duration::ZERO);
        assert!(told.outcomes.len() > 30 && told.encoded_len() <= DETAILS_MAX + 100, "{}", told.encoded_len());
        assert!(told.outcomes.iter().all(|one| one.outcome() == Outcome::Unreachable));
    }

    #[test]
    fn a_fault_of_the_node_tells_the_caller_nothing_of_its_inside() {
        let status = status(&Error::internal("secret path"));
        assert!(!format!("{status:?}").contains("secret path"));
        assert!(status.get_error_details().error_info().unwrap().metadata.contains_key("incident"));
    }
}
