//! Runs a scenario: a discrete-event loop around the engine, or around a policy it is compared with.
//!
//! Virtual time stands still while an instant is worked off: all its events are fed in the order of the
//! lease model (ends, then changes of leases and nodes, then arrivals), one decision is made, its actions are
//! carried out, and what they cause at the same instant is fed and decided again until nothing is left.
//!
//! **Architecture invariant:** no clock, no thread, no chance. The same scenario and policy give the same
//! rows in the same order on every machine.

mod arrivals;
mod batch;
mod carry;
mod checks;
mod cluster;
mod decide;
mod edl;
mod endings;
mod fit;
mod jobs;
mod leases;
mod ledger;
mod life;
mod nodes;
mod placement;
mod pods;
mod policies;
mod preempt;
mod progress;
mod scheduler;
mod services;
mod size;
mod start;
mod tables;
mod timeline;
mod timers;
mod watch;
mod world;

#[cfg(test)]
mod tests;

use crate::model::{Policy, Scenario};
use crate::problem::{Exit, Failure, Problem};
use crate::record::{Sink, Totals};
use engine::Time;
use engine::snapshot::PoolFigures;
use std::sync::atomic::AtomicBool;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The present instant.
    pub now: Time,
    /// Events so far.
    pub events: u64,
}

/// What a run is told besides the scenario.
#[derive(Default)]
pub struct Options<'a> {
    /// Stops after this instant, if the scenario does not end earlier.
    pub until: Option<Time>,
    /// Ends the run, with what there is, as soon as it is true.
    pub stop: Option<&'a AtomicBool>,
    /// Called every few thousand events.
    pub progress: Option<&'a dyn Fn(Progress)>,
}

/// Why a run could not be brought to its end.
#[derive(Clone, Debug)]
pub enum RunError {
    /// The scenario or a file that it names is wrong.
    Input(Failure),
    /// An invariant is broken: a bug of ours.
    Broken {
        /// The scenario and policy.
        run: String,
        /// The scenario's seed.
        seed: u64,
        /// Milliseconds since the start of the scenario.
        at_ms: i64,
        /// The number of the event.
        event: u64,
        /// What is broken.
        what: String,
    },
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RunError::Input(failure) => failure.fmt(f),
            RunError::Broken {
                run,
                seed,
                at_ms,
                event,
                what,
            } => write!(
                f,
                "{run}: broken invariant: {what} (seed {seed}, event {event}, {at_ms} ms)"
            ),
        }
    }
}

impl std::error::Error for RunError {}

impl From<Failure> for RunError {
    fn from(failure: Failure) -> RunError {
        RunError::Input(failure)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        match error {
            RunError::Input(failure) => failure,
            RunError::Broken { .. } => Failure {
                exit: Exit::BrokenInvariant,
                problems: vec![
                    Problem::error(error.to_string())
                        .hint("this is a bug of Leasehold: please report it with the scenario"),
                ],
            },
        }
    }
}

/// Runs a scenario under a policy; rows go to `sink` as they become known.
///
/// # Errors
/// A trace cannot be read, or an invariant is broken.
pub fn run(
    scenario: &Scenario,
    policy: Policy,
    options: &Options<'_>,
    sink: &mut dyn Sink,
) -> Result<Totals, RunError> {
    world::World::new(scenario, policy, sink)?.run(options)
}

/// Runs a scenario up to and including an instant and tells every account's figures.
///
/// Policies without leases have none.
///
/// # Errors
/// A trace cannot be read, or an invariant is broken.
pub fn inspect(
    scenario: &Scenario,
    policy: Policy,
    at: Time,
) -> Result<Vec<PoolFigures>, RunError> {
    let mut sink = crate::record::Discard;
    let mut world = world::World::new(scenario, policy, &mut sink)?;
    world.advance_to(at)?;
    Ok(world.figures())
}
