//! The program: see the library.

use clap::Parser;
use scheduler_plugin::cli::Cli;
use scheduler_plugin::run::run;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    run(Cli::parse()).await
}
