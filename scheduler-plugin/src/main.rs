//! The program: see the library.

use clap::Parser;
use scheduler_plugin::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    scheduler_plugin::run::start(Cli::parse())
}
