//! `down`: tells a supervisor to end, and removes what is left.

use super::state::State;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testbed::Error;

/// Which cluster.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// What it is called
    #[arg(long, default_value = "leasehold")]
    name: String,
    /// Every cluster of this user instead
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

/// Ends it and returns when it is gone.
pub(crate) fn run(args: &Args) -> Result<(), Error> {
    let states = if args.all {
        State::all()?
    } else {
        vec![State::of(&args.name)?]
    };
    for state in &states {
        end(state)?;
    }
    if states.is_empty() {
        println!("There is no cluster.");
    }
    Ok(())
}

fn end(state: &State) -> Result<(), Error> {
    if !state.exists() {
        println!("There is no cluster {}.", state.name);
        return Ok(());
    }
    // Only who holds the lock is asked to end: the number alone could be somebody else's by now.
    if state.is_held()? {
        let supervisor = state.supervisor().ok_or_else(|| {
            Error::Other(format!(
                "cluster {} is just starting: try again",
                state.name
            ))
        })?;
        kill(Pid::from_raw(supervisor), Signal::SIGTERM).map_err(|error| {
            Error::Other(format!(
                "cannot end process {supervisor}, which holds it: {error}"
            ))
        })?;
        state.wait_until_free()?;
    }
    state.remove()?;
    println!("Cluster {} is gone.", state.name);
    Ok(())
}
