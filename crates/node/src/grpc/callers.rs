//! Who calls the API.

use isopolity_registry::{Caller, Error};
use tonic::{Status, metadata::MetadataMap};

use super::{Services, status::status};

impl Services {
    /// Finds out who calls: the bearer of a token, or anyone where the city enables anonymous reads.
    pub(super) async fn caller(&self, metadata: &MetadataMap) -> Result<Caller, Status> {
        let Some(authorization) = metadata.get("authorization") else {
            return if self.anonymous_reads { Ok(Caller::Anonymous) } else { Err(status(&Error::TokenMissing)) };
        };
        let token = authorization
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        match token {
            // A bad token is refused also where none would do: the caller believes to be somebody.
            Some(token) => self.registry.authenticate(token).await.map_err(|error| status(&error)),
            None => Err(status(&Error::TokenMissing)),
        }
    }
}
