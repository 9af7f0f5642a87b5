//! The benchmarks as `cargo bench` starts them.

use std::process::ExitCode;

fn main() -> ExitCode {
    isopolity_bench::main()
}
