//! How the node is, for Prometheus and what understands the same: `GET /metrics`, where `[metrics]` says so.
//!
//! Plain HTTP without login: who reaches the address reads the names of the peer cities and how much waits for them, and nothing of
//! records, cooperations or people. Everything is read when it is asked for, by [`Registry::figures`]; there are no counters of
//! our own that could tell something else than `ListPeers` does. The only label values that come from elsewhere are ids of peers, so
//! there are as many series as the operator added peers, or the directory that he chose to follow.

mod listener;
mod text;

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use isopolity_registry::{Registry, error::with_causes};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The form of what is answered.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How long reading may take. Prometheus itself waits for ten seconds.
const READING: Duration = Duration::from_secs(8);

/// Serves until the node drains.
pub(crate) async fn serve(listener: TcpListener, registry: Registry, draining: CancellationToken) {
    if let Ok(address) = listener.local_addr() {
        say_where(address);
    }
    let routes = Router::new().route("/metrics", get(scrape)).with_state(registry);
    listener::serve(listener, routes, draining).await;
}

/// Says who can read how the node is.
fn say_where(address: SocketAddr) {
    info!(metrics.address = %address, "metrics are served");
    if !address.ip().to_canonical().is_loopback() {
        warn!(
            metrics.address = %address,
            "metrics are served without TLS and login, and not to this machine alone: whoever reaches the address reads the names of \
             the peer cities and how they are; let a firewall pass the monitoring server only"
        );
    }
}

async fn scrape(State(registry): State<Registry>) -> Response {
    let read = match timeout(READING, registry.figures()).await {
        Ok(Ok(figures)) => text::of(figures).map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(with_causes(&error)),
        Err(_elapsed) => Err(format!("not within {} s", READING.as_secs())),
    };
    match read {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            warn!(error, "metrics can't be read");
            (StatusCode::SERVICE_UNAVAILABLE, "metrics can't be read; the node's log says why\n").into_response()
        }
    }
}
