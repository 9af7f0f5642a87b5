//! Logs: one line an event, to standard error, with dotted fields.

use std::io::IsTerminal as _;

use serde::Deserialize;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// Begins to log. `level` is a level (`info`) or a filter of `tracing` (`info,isopolity_federation=debug`).
///
/// # Errors
/// A text that says what is wrong with `level`.
pub fn start(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(level).map_err(|error| format!("log.level = {level:?} is not a level: {error}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    let begun = match format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours)).try_init()
        }
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false)
                    .with_writer(std::io::stderr),
            )
            .try_init(),
    };
    // A second start in one process (a demonstration of several nodes) keeps the first.
    drop(begun);
    Ok(())
}
