//! `quota-controller`: see `--help`.

use clap::Parser;
use quota_controller::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    quota_controller::run::start(Cli::parse())
}
