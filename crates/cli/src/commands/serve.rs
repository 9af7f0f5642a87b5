//! Running a node.

use std::sync::Arc;

use isopolity_node::{
    Config, Node, SystemClock,
    lifecycle::{self, Signals},
    telemetry,
};

use crate::{args::Global, connection::environment, exit::Exit};

pub(super) async fn run(global: &Global) -> Result<(), Exit> {
    let config = Config::load(&global.dir, environment()).map_err(|error| Exit::usage(error.to_string()))?;
    telemetry::start(config.log.format, &config.log.level).map_err(Exit::usage)?;
    let mut signals = Signals::new().map_err(|error| Exit::fault(format!("signals can't be waited for: {error}")))?;
    let node = tokio::select! {
        started = Node::start(config, Arc::new(SystemClock)) => started.map_err(|error| Exit::broken(&error))?,
        // Nobody was served yet.
        () = signals.next() => return Ok(()),
    };
    if lifecycle::run(node, signals).await {
        Ok(())
    } else {
        Err(Exit::fault("stopped at once; calls in flight were cut off"))
    }
}
