//! What a node does without being asked.

use std::time::Duration;

use isopolity_registry::{Registry, error::with_causes};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, warn};

/// How often it is kept which peers are left alone.
const CIRCUITS: Duration = Duration::from_secs(5);
/// How often consents are looked at. They end with a day.
const CONSENTS: Duration = Duration::from_hours(1);
/// How often certificates are looked at.
const RENEW: Duration = Duration::from_secs(30);

pub(crate) fn start(tasks: &mut JoinSet<()>, registry: &Registry, draining: &CancellationToken, span: &Span) {
    let index = registry.clone();
    let cancelled = draining.clone();
    tasks.spawn(async move { index.keep_index(cancelled).await }.instrument(span.clone()));

    let (peers, cancelled) = (registry.clone(), draining.clone());
    tasks.spawn(async move { peers.keep_bundles(cancelled).await }.instrument(span.clone()));

    let trust = registry.clone();
    tasks.spawn(
        every(RENEW, draining.clone(), move || {
            let trust = trust.clone();
            async move { trust.tend_trust().await }
        })
        .instrument(span.clone()),
    );

    let (digests, cancelled) = (registry.federation().clone(), draining.clone());
    tasks.spawn(async move { digests.keep_digests(cancelled).await }.instrument(span.clone()));

    let circuits = registry.clone();
    tasks.spawn(
        every(CIRCUITS, draining.clone(), move || {
            let circuits = circuits.clone();
            async move {
                if let Err(error) = circuits.keep_circuits().await {
                    warn!(error = %with_causes(&error), "which peers are left alone can't be kept");
                }
            }
        })
        .instrument(span.clone()),
    );

    let consents = registry.clone();
    tasks.spawn(
        every(CONSENTS, draining.clone(), move || {
            let consents = consents.clone();
            async move {
                if let Err(error) = consents.withdraw_expired_consents().await {
                    warn!(error = %with_causes(&error), "expired consents can't be withdrawn; trying again in an hour");
                }
            }
        })
        .instrument(span.clone()),
    );
}

async fn every<F: Future<Output = ()>>(period: Duration, cancelled: CancellationToken, mut work: impl FnMut() -> F) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancelled.cancelled() => return,
            _ = ticks.tick() => {}
        }
        tokio::select! {
            () = cancelled.cancelled() => return,
            () = work() => {}
        }
    }
}
