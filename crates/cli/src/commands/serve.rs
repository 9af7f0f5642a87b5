//! Running a node.

use std::sync::Arc;

use isopolity_node::{Config, Node, SystemClock, lifecycle, telemetry};

use crate::{args::Global, connection::environment, exit::Exit};

pub(super) async fn run(global: &Global) -> Result<(), Exit> {
    let config = Config::load(&global.dir, environment()).map_err(|error| Exit::usage(error.to_string()))?;
    telemetry::start(config.log.format, &config.log.level).map_err(Exit::usage)?;
    let node = Node::start(config, Arc::new(SystemClock)).await.map_err(|error| Exit::broken(&error))?;
    match lifecycle::run(node).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Exit::fault("stopped at once; calls in flight were cut off")),
        Err(error) => Err(Exit::fault(format!("signals can't be waited for: {error}"))),
    }
}
