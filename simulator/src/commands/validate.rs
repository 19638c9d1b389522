//! `simulator validate`: every mistake in a scenario, without running it.

use crate::problem::Failure;
use crate::scenario;

/// What to check.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A scenario's file, or the name of a built-in
    pub scenario: String,
}

/// Prints every problem of a scenario; warnings count here.
///
/// # Errors
/// The scenario has problems.
pub fn run(args: Args) -> Result<(), Failure> {
    let (scenario, problems) = scenario::read(&args.scenario);
    if !problems.is_empty() {
        return Err(Failure::bad_input(problems));
    }
    match scenario {
        Some(scenario) => super::print(&format!(
            "{}: no problems: {} workloads, {} leases, {} events\n",
            scenario.name,
            scenario.workloads.len(),
            scenario.leases.len(),
            scenario.events.len(),
        )),
        None => Ok(()),
    }
}
