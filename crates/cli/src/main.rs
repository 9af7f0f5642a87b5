//! `isopolity`: the one binary. It parses, calls a node (or becomes one), and prints.
//!
//! Nothing is decided here. Exit codes: 0 done; 1 a fault; 2 wrong usage or configuration; 3 refused, or a check that
//! failed; 4 no node answers; 5 done in part.

mod args;
mod commands;
mod connection;
mod exit;
mod output;
mod resources;
mod session;

use std::process::ExitCode;

use clap::Parser as _;

use args::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::Exit::fault(format!("the runtime can't be started: {error}")).report(),
    };
    let ended = runtime.block_on(commands::run(arguments));
    // A blocking read of a file must not keep the process alive.
    runtime.shutdown_background();
    match ended {
        Ok(code) => code,
        Err(exit) => exit.report(),
    }
}
