//! `acceptance`: see `--help`.

mod cli;
mod up;

use acceptance::experiment::command;
use clap::Parser;
use cli::{Cli, What};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(ended) = acceptance::run_as(&arguments) {
        return ended;
    }
    let done = match Cli::parse().what {
        What::Up(options) => up::up(options),
        What::EdlCase2(options) => command::edl_case2(options),
        What::Play(options) => command::play(options),
        What::Load(options) => acceptance::load::load(options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}
