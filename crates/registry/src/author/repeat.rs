//! Requests that are sent again because an answer was lost.

use isopolity_domain::{Name, Violation};
use isopolity_proto::error::Reason;
use isopolity_store::{Request, Tx};
use prost::Message as _;
use prost_reflect::DynamicMessage;
use sha2::{Digest as _, Sha256};
use time::Duration;
use uuid::Uuid;

use super::{Resource, Terms};
use crate::{Caller, Error, Registry};

/// How long a request is remembered.
const REMEMBERED: Duration = Duration::DAY;

/// What was asked with an id of its own.
#[derive(Debug)]
pub(crate) struct Asked {
    author: String,
    request_id: String,
    digest: Vec<u8>,
}

impl Asked {
    /// A request with an id. `None` if it has none, or is only to be checked: then there is nothing to repeat.
    ///
    /// `method`, `parts` and `resource` are all that makes it this request and no other.
    pub(crate) fn new(
        caller: &Caller,
        terms: Terms<'_>,
        method: &str,
        parts: &[&str],
        resource: &Resource,
    ) -> Result<Option<Self>, Violation> {
        Self::of_bytes(caller, terms, method, parts, &resource.0.encode_to_vec())
    }

    /// The same for a request without a resource.
    pub(crate) fn of_bytes(
        caller: &Caller,
        terms: Terms<'_>,
        method: &str,
        parts: &[&str],
        bytes: &[u8],
    ) -> Result<Option<Self>, Violation> {
        if terms.request_id.is_empty() {
            return Ok(None);
        }
        let request_id = Uuid::try_parse(terms.request_id).map_err(|_error: uuid::Error| {
            let example = "8c5d9a52-7c0e-4d3a-9d0b-0f6f1f2f3a4b";
            Violation::invalid("request_id", format!("is not a UUID, for example {example}"))
        })?;
        if terms.validate_only {
            return Ok(None);
        }
        let mut digest = Sha256::new();
        for part in [method.as_bytes()].into_iter().chain(parts.iter().map(|part| part.as_bytes())).chain([bytes]) {
            // With its length, so that no two parts run into another pair.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Ok(Some(Self {
            author: caller.id().to_owned(),
            request_id: request_id.to_string(),
            digest: digest.finalize().to_vec(),
        }))
    }
}

impl Registry {
    /// The answer that this request got before, if it was served within 24 hours.
    pub(crate) async fn answer_given(
        &self,
        tx: &mut Tx,
        asked: Option<&Asked>,
    ) -> Result<Option<DynamicMessage>, Error> {
        let Some(asked) = asked else { return Ok(None) };
        let Some(before) = tx.request(&asked.author, &asked.request_id).await? else { return Ok(None) };
        if before.time + REMEMBERED <= self.now() {
            return Ok(None);
        }
        if before.digest != asked.digest {
            return Err(Violation {
                field: "request_id".to_owned(),
                reason: Reason::RequestIdReused,
                description: format!("{} was used for another request: give each its own", asked.request_id),
            }
            .into());
        }
        let revision = tx.revision(&before.name, before.revision).await?;
        let revision = revision.ok_or_else(|| {
            Error::internal(format!("the history of {} lacks version {}", before.name, before.revision))
        })?;
        Ok(Some(Resource::decode(before.name.kind(), revision.body)?.read_at(self.now())))
    }

    /// Remembers what came of a request, with the change itself.
    pub(crate) async fn remember(
        &self,
        tx: &mut Tx,
        asked: Option<Asked>,
        name: &Name,
        revision: i64,
    ) -> Result<(), Error> {
        let Some(Asked { author, request_id, digest }) = asked else { return Ok(()) };
        let time = self.now();
        tx.forget_requests(time - REMEMBERED + Duration::MICROSECOND).await?;
        tx.add_request(&Request { author, request_id, digest, name: name.clone(), revision, time }).await?;
        Ok(())
    }
}
