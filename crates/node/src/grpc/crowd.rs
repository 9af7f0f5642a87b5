//! How many calls are in hand at once, and for how long: before any of them is decoded.
//!
//! A call that is never sent to its end costs little, but it costs; so each caller's address, or peer, may have so many in hand and
//! no more, and one that is not answered in its time ends. What runs on after that (a stream of parts) has limits of its own where
//! it is made.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use isopolity_domain::CityId;
use isopolity_federation::{CallerAddress, PeerIdentity};
use isopolity_registry::Error;
use tonic::{Status, body::Body, codegen::http, metadata::MetadataMap};
use tower::{Layer, Service};

use super::{
    deadline,
    status::{deadline_exceeded, status},
};

/// Calls in hand of one address, or of one peer.
const OF_ONE: usize = 256;
/// Calls in hand in all.
const OF_ALL: usize = 2_048;
/// The time of a call whose caller sets none.
const TIME: Duration = Duration::from_mins(1);
/// The longest time that a caller may set.
const TIME_MAX: Duration = Duration::from_mins(10);
/// After how long a caller who is one too many may come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Whose calls count together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Address(IpAddr),
    Peer(CityId),
    /// Nobody knows: they count together.
    Unknown,
}

impl Who {
    fn of(extensions: &http::Extensions) -> Self {
        if let Some(peer) = extensions.get::<PeerIdentity>() {
            return Self::Peer(peer.city.clone());
        }
        extensions.get::<CallerAddress>().map_or(Self::Unknown, |caller| Self::Address(caller.0.ip().to_canonical()))
    }
}

/// The calls in hand.
#[derive(Debug, Default)]
struct InHand {
    all: usize,
    of: HashMap<Who, usize>,
}

/// One of them, until dropped.
struct Place {
    calls: Arc<Mutex<InHand>>,
    who: Who,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.all -= 1;
        if let Some(count) = calls.of.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                calls.of.remove(&self.who);
            }
        }
    }
}

/// Bounds the calls of a listener.
#[derive(Clone, Debug, Default)]
pub(super) struct Crowd(Arc<Mutex<InHand>>);

impl Crowd {
    /// A place for one more call of this caller.
    fn enter(&self, who: Who) -> Result<Place, Error> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let its = calls.of.get(&who).copied().unwrap_or_default();
        let what = if its >= OF_ONE {
            format!("{its} of your calls are in hand already; at most {OF_ONE} are taken at once")
        } else if calls.all >= OF_ALL {
            "too many calls are in hand".to_owned()
        } else {
            calls.all += 1;
            *calls.of.entry(who.clone()).or_default() += 1;
            return Ok(Place { calls: self.0.clone(), who });
        };
        Err(Error::Overloaded { what, retry_after: RETRY_AFTER })
    }
}

impl<S> Layer<S> for Crowd {
    type Service = Crowded<S>;

    fn layer(&self, inner: S) -> Crowded<S> {
        Crowded { crowd: self.clone(), inner }
    }
}

/// A service behind a [`Crowd`].
#[derive(Clone, Debug)]
pub(super) struct Crowded<S> {
    crowd: Crowd,
    inner: S,
}

impl<S> Service<http::Request<Body>> for Crowded<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let place = match self.crowd.enter(Who::of(request.extensions())) {
            Ok(place) => place,
            Err(error) => return Box::pin(std::future::ready(Ok(refusal(&status(&error))))),
        };
        let within = within(request.headers());
        let call = self.inner.call(request);
        Box::pin(async move {
            let _place = place;
            match tokio::time::timeout(within, call).await {
                Ok(answer) => answer,
                Err(_elapsed) => Ok(refusal(&deadline_exceeded())),
            }
        })
    }
}

/// The time that a call has.
fn within(headers: &http::HeaderMap) -> Duration {
    let mut metadata = MetadataMap::new();
    if let Some(text) = headers.get("grpc-timeout").and_then(|text| text.to_str().ok()?.parse().ok()) {
        metadata.insert("grpc-timeout", text);
    }
    deadline::of(&metadata).unwrap_or(TIME).min(TIME_MAX)
}

fn refusal(status: &Status) -> http::Response<Body> {
    status.clone().into_http()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str) -> Who {
        Who::Peer(format!("{name}.example").parse().unwrap())
    }

    #[test]
    fn who_has_many_calls_in_hand_is_told_to_come_back_and_nobody_else_is() {
        let crowd = Crowd::default();
        let mut held: Vec<_> = (0..OF_ONE).map(|_| crowd.enter(peer("noisy")).ok().unwrap()).collect();
        let refused = crowd.enter(peer("noisy")).err().unwrap();
        assert!(matches!(&refused, Error::Overloaded { retry_after, .. } if *retry_after == RETRY_AFTER), "{refused}");
        assert!(crowd.enter(peer("quiet")).is_ok());
        assert!(crowd.enter(Who::Address([192, 0, 2, 1].into())).is_ok());
        held.pop();
        assert!(crowd.enter(peer("noisy")).is_ok(), "a place is free again");
        drop(held);
        assert!(crowd.0.lock().unwrap().of.is_empty(), "nothing is kept of who is gone");
    }

    #[test]
    fn all_callers_together_have_a_limit_too() {
        let crowd = Crowd::default();
        let cities = OF_ALL / OF_ONE;
        let places = |number: usize| (0..OF_ONE).map(move |_| peer(&format!("c{number}")));
        let held: Vec<_> = (0..cities).flat_map(places).map(|who| crowd.enter(who).ok().unwrap()).collect();
        assert!(crowd.enter(peer("late")).is_err());
        drop(held);
        assert!(crowd.enter(peer("late")).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_sets_no_deadline_gets_one_and_none_is_endless() {
        let never = tower::service_fn(|_: http::Request<Body>| {
            std::future::pending::<Result<http::Response<Body>, std::convert::Infallible>>()
        });
        for (asked, given) in [(None, TIME), (Some("2S"), Duration::from_secs(2)), (Some("99H"), TIME_MAX)] {
            let begun = tokio::time::Instant::now();
            let mut request = http::Request::new(Body::empty());
            if let Some(asked) = asked {
                request.headers_mut().insert("grpc-timeout", asked.parse().unwrap());
            }
            let answer = Crowd::default().layer(never).call(request).await.unwrap();
            assert_eq!(answer.headers()["grpc-status"], "4", "DEADLINE_EXCEEDED");
            assert_eq!(begun.elapsed().as_secs(), given.as_secs());
        }
    }
}
