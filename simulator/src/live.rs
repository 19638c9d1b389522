//! A run in a cluster beside the same scenario simulated: the decisions lined up, the waits side by side.
//!
//! Both sides are first brought into one form, [`History`]: what was decided ([`steps`]) and when pods came, ran and
//! went ([`pods`]). Live it comes from a folder ([`folder`]): the controller's decision log, and a table of pods that an
//! observer kept who knows nothing of the controller. Simulated it comes from a run ([`simulated`]). The rest is a
//! comparison of two values ([`lineup`], [`waits`]).

pub mod folder;
pub mod lineup;
pub mod pods;
pub mod report;
pub mod simulated;
pub mod steps;
#[cfg(test)]
mod tests;
pub mod waits;

use engine::Span;
use pods::Pod;
use steps::Step;

/// What was decided, and what became of it. Instants are milliseconds since instant 0 of the scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// What was decided, in order.
    pub steps: Vec<Step>,
    /// Pods, in any order.
    pub pods: Vec<Pod>,
}

/// What counts as the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// Waits and amounts may differ by so many millionths of the simulated ones.
    pub millionths: i64,
    /// Waits may differ by so much in any case: the times of a cluster's objects are whole seconds.
    pub slack: Span,
    /// Decisions about one object that follow one another within this are one step, and steps that begin within it
    /// of one another have no order: a simulator decides at one instant what a cluster decides as objects appear.
    pub together: Span,
}

impl Tolerance {
    /// Whether a live figure is near enough to the simulated one.
    pub fn holds(&self, live: i64, simulated: i64) -> bool {
        let apart = i128::from(live.abs_diff(simulated));
        apart * 1_000_000 <= i128::from(self.millionths) * i128::from(simulated.unsigned_abs())
    }
}
