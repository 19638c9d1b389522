//! The command line.

use crate::commands;
use crate::problem::{Exit, Failure};
use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  simulator list                              the scenarios that are built in
  simulator run edl-case2 --policy leasehold  one run: a summary here, a report in results/
  simulator compare edl-case2 --policy leasehold,static,edl
                                              the same work under several policies
  simulator inspect edl-case2 --at 5m         every account's figures at an instant
  simulator validate my.yaml                  every mistake in a scenario, before it is run
  simulator verify decisions.jsonl            the same decisions again, or the first that differs
  simulator compare-live edl-case2 live/      a run in a cluster, and the same scenario simulated
  simulator generate edl-case2 -o mine.yaml   a built-in scenario as a file to start from
  simulator import swf kth.swf.gz -o kth.csv  a public trace in the simulator's own format

A SCENARIO is a file or the name of a built-in.
Exit status: 0 all went well, 1 a difference was found, 2 bad input, 3 a broken invariant (a bug).";

/// Replays a cluster's work through the decision core of Leasehold, in virtual time.
#[derive(Parser, Debug)]
#[command(name = "simulator", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run a scenario under a policy
    Run(commands::run::Args),
    /// Run a scenario under several policies, side by side
    Compare(commands::compare::Args),
    /// Compare a run in a cluster with the same scenario simulated
    CompareLive(commands::compare_live::Args),
    /// Show the account tree of a scenario at an instant
    Inspect(commands::inspect::Args),
    /// Check a scenario without running it
    Validate(commands::validate::Args),
    /// Replay decision logs and show the first difference
    Verify(commands::verify::Args),
    /// Write a built-in scenario as a file
    Generate(commands::generate::Args),
    /// Turn a public trace into the simulator's own format
    Import(commands::import::Args),
    /// Name the built-in scenarios
    List(commands::list::Args),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What is wrong, and the exit status.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Command::Run(args) => commands::run::run(args),
            Command::Compare(args) => commands::compare::run(args),
            Command::CompareLive(args) => commands::compare_live::run(args),
            Command::Inspect(args) => commands::inspect::run(args),
            Command::Validate(args) => commands::validate::run(args),
            Command::Verify(args) => commands::verify::run(args),
            Command::Generate(args) => commands::generate::run(args),
            Command::Import(args) => commands::import::run(args),
            Command::List(args) => commands::list::run(args),
        }
    }
}

/// Reads the command line, does what it says, prints what went wrong.
pub fn main() -> std::process::ExitCode {
    match Cli::parse().command.run() {
        Ok(()) => Exit::Success.into(),
        Err(failure) => {
            if !failure.problems.is_empty() {
                eprintln!("{failure}");
            }
            failure.exit.into()
        }
    }
}
