//! What a node does without being asked.

use std::{path::PathBuf, time::Duration};

use isopolity_registry::{Error, Registry, error::with_causes};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, warn};

use crate::mail::Mailer;

/// How often it is kept which peers are left alone.
const CIRCUITS: Duration = Duration::from_secs(5);
/// How often it is looked for cooperations whose time is over.
const EXPIRY: Duration = Duration::from_mins(1);
/// How often consents are looked at. They end with a day.
const CONSENTS: Duration = Duration::from_hours(1);
/// How often what is past its limit is taken away. Limits are in days.
const CLEAN_UP: Duration = Duration::from_hours(24);
/// How often the directory's file is looked at.
const DIRECTORY: Duration = Duration::from_mins(1);
/// How often it is looked for entries of the audit log that are to be moved to files.
const ROTATE: Duration = Duration::from_hours(1);
/// How often it is looked for mail whose time has come.
const MAIL: Duration = Duration::from_secs(5);
/// How often it is looked at how much waits for each peer.
const DEPTHS: Duration = Duration::from_mins(1);
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

    let (deliveries, cancelled) = (registry.clone(), draining.clone());
    tasks.spawn(async move { deliveries.deliver(cancelled).await }.instrument(span.clone()));

    let depths = registry.clone();
    tasks.spawn(
        every(DEPTHS, draining.clone(), move || {
            let depths = depths.clone();
            async move { depths.log_delivery_depths().await }
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

    let cooperations = registry.clone();
    tasks.spawn(
        every(EXPIRY, draining.clone(), move || {
            let cooperations = cooperations.clone();
            async move {
                if let Err(error) = cooperations.expire_cooperations().await {
                    warn!(error = %with_causes(&error), "cooperations whose time is over can't be ended; trying again in a minute");
                }
            }
        })
        .instrument(span.clone()),
    );

    let privacy = registry.clone();
    tasks.spawn(
        every(CLEAN_UP, draining.clone(), move || {
            let privacy = privacy.clone();
            async move {
                if let Err(error) = privacy.clean_up_unasked().await {
                    warn!(error = %with_causes(&error), "what is past its limit can't be taken away; trying again in a day");
                }
            }
        })
        .instrument(span.clone()),
    );
}

/// Looks at the directory's file from time to time.
pub(crate) fn watch_directory(
    tasks: &mut JoinSet<()>,
    registry: &Registry,
    file: PathBuf,
    draining: &CancellationToken,
    span: &Span,
) {
    let registry = registry.clone();
    tasks.spawn(
        every(DIRECTORY, draining.clone(), move || {
            let (registry, file) = (registry.clone(), file.clone());
            async move {
                let read = tokio::fs::read(&file).await;
                let read = read.map_err(|error| format!("{} can't be read: {error}", file.display()));
                registry.found_directory("the file", read).await;
            }
        })
        .instrument(span.clone()),
    );
}

/// Sends the mail that is due.
pub(crate) fn send_mail(
    tasks: &mut JoinSet<()>,
    registry: &Registry,
    mailer: Mailer,
    draining: &CancellationToken,
    span: &Span,
) {
    let (registry, cancelled) = (registry.clone(), draining.clone());
    let send = async move {
        let mut ticks = tokio::time::interval(MAIL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancelled.cancelled() => return,
                () = registry.mail_waits() => {}
                _ = ticks.tick() => {}
            }
            tokio::select! {
                () = cancelled.cancelled() => return,
                sent = send_due(&registry, &mailer) => if let Err(error) = sent {
                    warn!(error = %with_causes(&error), "what became of mail can't be kept; trying again");
                }
            }
        }
    };
    tasks.spawn(send.instrument(span.clone()));
}

async fn send_due(registry: &Registry, mailer: &Mailer) -> Result<(), Error> {
    for mail in registry.due_mails().await? {
        match mailer.send(&mail).await {
            Ok(()) => registry.mail_sent(&mail).await?,
            Err(error) => registry.mail_failed(&mail, &error.to_string()).await?,
        }
    }
    Ok(())
}

/// Writes the audit log, and moves older entries of it to files, if they are to be.
pub(crate) fn keep_audit(
    tasks: &mut JoinSet<()>,
    registry: &Registry,
    keep: Option<time::Duration>,
    folder: PathBuf,
    draining: &CancellationToken,
    span: &Span,
) {
    let (writing, cancelled) = (registry.clone(), draining.clone());
    tasks.spawn(async move { writing.keep_audit(cancelled).await }.instrument(span.clone()));
    let Some(keep) = keep else { return };
    let rotating = registry.clone();
    let rotate = every(ROTATE, draining.clone(), move || {
        let (rotating, folder) = (rotating.clone(), folder.clone());
        async move {
            if let Err(error) = rotating.rotate_audit_log(&folder, keep).await {
                warn!(error = %with_causes(&error), "older entries of the audit log can't be moved; trying again in an hour");
            }
        }
    });
    tasks.spawn(rotate.instrument(span.clone()));
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
