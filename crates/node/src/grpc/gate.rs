//! What stands before the services of a listener: finds out who calls, and lets through whom the table of permissions lets through. What
//! is not in the table nobody gets to.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Request, Response};
use isopolity_federation::PeerIdentity;
use isopolity_proto::pool;
use isopolity_registry::{
    Caller, Error,
    invitation::JoinRefusal,
    permission::{self, Permission, Standing},
};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{Services, status::status};

/// Which listener it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Api,
    Federation,
}

/// Puts a gate before services.
#[derive(Clone)]
pub(super) struct Gate {
    services: Arc<Services>,
    side: Side,
}

impl Gate {
    /// The gate of the API.
    pub(super) fn api(services: &Services) -> Self {
        Self { services: Arc::new(services.clone()), side: Side::Api }
    }

    /// The gate of the federation listener.
    pub(super) fn federation(services: &Services) -> Self {
        Self { services: Arc::new(services.clone()), side: Side::Federation }
    }

    /// Lets a call through or not.
    async fn admit(&self, request: &mut Request<Body>) -> Result<(), Status> {
        let path = request.uri().path();
        let method = path.strip_prefix('/').unwrap_or(path);
        let Some(permission) = permission::of(method) else {
            return Err(if is_ours(method) { status(&Error::MethodClosed) } else { unimplemented() });
        };
        match (self.side, permission) {
            (Side::Federation, Permission::Peer(needed)) => self.admit_peer(request, needed),
            (Side::Federation, _) | (Side::Api, Permission::Peer(_)) => Err(unimplemented()),
            (Side::Api, Permission::Everyone) => Ok(()),
            (Side::Api, permission) => {
                let caller = self.services.authenticate(request.headers()).await.map_err(|error| status(&error))?;
                permission.check(&caller).map_err(|error| status(&error))?;
                request.extensions_mut().insert::<Caller>(caller);
                Ok(())
            }
        }
    }

    fn admit_peer(&self, request: &Request<Body>, needed: Standing) -> Result<(), Status> {
        let peer = request.extensions().get::<PeerIdentity>();
        match (peer, needed) {
            (_, Standing::Guest) => Ok(()),
            (Some(peer), _) if peer.guest.is_some() => Err(status(&JoinRefusal::OnlyJoins.into())),
            (Some(peer), _) => {
                let stands = self.services.registry.peer_must(&peer.city, needed);
                stands.map_err(|error| self.services.refused(&peer.city, &error))
            }
            (None, _) => Err(status(&Error::MethodClosed)),
        }
    }
}

/// Whether this software has such a method: then it was forgotten in the table.
fn is_ours(method: &str) -> bool {
    let Some((service, method)) = method.split_once('/') else { return false };
    pool().get_service_by_name(service).is_some_and(|service| service.methods().any(|one| one.name() == method))
}

/// As the router says it of a method that it does not know.
fn unimplemented() -> Status {
    Status::unimplemented("")
}

impl<S> Layer<S> for Gate {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { gate: self.clone(), inner }
    }
}

/// Services behind a gate.
#[derive(Clone)]
pub(super) struct Guarded<S> {
    gate: Gate,
    inner: S,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let gate = self.gate.clone();
        // The one that is ready is called; a clone of it takes its place.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            match gate.admit(&mut request).await {
                Ok(()) => inner.call(request).await,
                Err(refused) => Ok(refused.into_http()),
            }
        })
    }
}
