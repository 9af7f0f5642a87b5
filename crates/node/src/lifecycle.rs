//! The first signal drains, the second stops.

use tracing::{info, warn};

use crate::Node;

/// Runs until the process is told to end. Returns whether calls in flight could end by themselves.
///
/// `signals` are listened for since before the node started: one that came as soon as it was ready drains it too.
pub async fn run(node: Node, mut signals: Signals) -> bool {
    signals.next().await;
    info!("told to stop; once more stops at once");
    tokio::select! {
        () = node.shut_down() => true,
        () = signals.next() => {
            warn!("told to stop again: calls in flight are cut off");
            false
        }
    }
}

/// The signals that end a process: interrupt (Ctrl-C) and, on Unix, terminate.
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to listen for signals.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn new() -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        if let Err(error) = tokio::signal::ctrl_c().await {
            warn!(%error, "signals can't be waited for");
            std::future::pending::<()>().await;
        }
    }
}
