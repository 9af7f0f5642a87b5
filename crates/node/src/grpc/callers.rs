//! Who calls the API.

use http::{HeaderMap, header::AUTHORIZATION};
use isopolity_domain::bearer::Bearer;
use isopolity_registry::{Caller, Error};
use tonic::{Request, Status};

use super::{Services, status::status};

impl Services {
    /// Who calls, as the gate before the services found out. Without a gate, nobody.
    pub(super) fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        match request.extensions().get::<Caller>() {
            Some(Caller::Anonymous) if !self.anonymous_reads => Err(status(&Error::TokenMissing)),
            Some(caller) => Ok(caller.clone()),
            None => Err(status(&Error::MethodClosed)),
        }
    }

    /// Finds out who calls: the bearer of a token, or anyone where the city enables anonymous reads.
    pub(super) async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Error> {
        let Some(authorization) = headers.get(AUTHORIZATION) else {
            return if self.anonymous_reads { Ok(Caller::Anonymous) } else { Err(Error::TokenMissing) };
        };
        let header = authorization.to_str().unwrap_or_default();
        let Some((scheme, shown)) = header.split_once(' ') else { return Err(Error::TokenMissing) };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Error::TokenMissing);
        }
        // A bad token is refused also where none would do: the caller believes to be somebody.
        match (Bearer::parse(shown.trim()), &self.provider) {
            (Some(Bearer::Token(_) | Bearer::Session(_)), _) => self.registry.authenticate(shown.trim()).await,
            (Some(Bearer::Signed(signed)), Some(provider)) => provider.caller(&self.registry, signed).await,
            (Some(Bearer::Signed(_)), None) | (None, _) => Err(Error::TokenInvalid),
        }
    }
}
