//! `summary.json`: the figures of a run.

use super::accounts::Fairness;
use super::distribution::{Distribution, Values};
use super::numbers::Seconds;
use super::services::ServiceDeficit;
use crate::record::{Outcome, RefusalRow, Totals, WorkloadRow};
use engine::Time;
use engine::spec::Name;
use serde::Serialize;
use std::collections::BTreeMap;

/// The form of `summary.json`. It rises when a field changes its meaning or goes; new fields do not raise it.
pub const SCHEMA: &str = "leasehold.dev/summary/v1";

/// The version of the program, a part of every result.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Run times below this count as this in a slowdown, as in the literature: else the shortest jobs decide it.
const SLOWDOWN_RUN_MS_MIN: i64 = 10_000;

/// The figures of a run. Times are seconds since the start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// The policy's name.
    pub policy: String,
    /// The seed.
    pub seed: u64,
    /// [`VERSION`].
    pub version: &'static str,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
    /// When the run ended.
    pub end: Seconds,
    /// When the last job had ended; the end of the run if none has.
    pub makespan: Seconds,
    /// Pods that completed.
    pub pods_completed: u64,
    /// Workloads by outcome.
    pub workloads: Outcomes,
    /// Waiting times of workloads.
    pub wait: Waits,
    /// From submission to end, of the jobs that completed.
    pub completion_time: Distribution,
    /// Completion time over run time (run times below 10 s count as 10 s, the least slowdown is 1).
    pub slowdown: Distribution,
    /// Time-weighted mean of requests of running pods over allocatable, by resource.
    pub utilization: BTreeMap<Name, f64>,
    /// What services were short of.
    pub service_deficit: ServiceDeficit,
    /// How evenly guarantees were served.
    pub fairness: Fairness,
    /// Pods evicted.
    pub evictions: u64,
    /// Times a replica count was lowered.
    pub shrinks: u64,
    /// Times a replica count was raised.
    pub grows: u64,
    /// Replicas given up in all.
    pub replicas_shrunk: u64,
    /// Replica-seconds that had to be done again.
    pub work_lost: Seconds,
    /// Entitled requests that waited longer than the reclaim bound.
    pub guarantee_violations: u64,
    /// Pods ended by node events.
    pub disruptions: u64,
    /// Trace rows passed over by a format's own rule.
    pub passed_over: u64,
    /// Refused changes.
    pub refusals: Vec<RefusalEntry>,
    /// Events processed.
    pub events: u64,
}

/// How many workloads stand how at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcomes {
    /// All their work is done.
    pub completed: u64,
    /// They run.
    pub running: u64,
    /// They wait.
    pub pending: u64,
    /// They were asked to end before.
    pub killed: u64,
}

/// Waiting times in all, by namespace and by priority.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Waits {
    /// Of all workloads.
    #[serde(flatten)]
    pub all: Distribution,
    /// Of those of each namespace.
    pub by_namespace: BTreeMap<Name, Distribution>,
    /// Of those of each priority.
    pub by_priority: BTreeMap<i32, Distribution>,
}

/// A refused change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusalEntry {
    /// When.
    pub time: Seconds,
    /// Kind of the object.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Constant text for the cause.
    pub reason: &'static str,
    /// What is wrong, with the numbers.
    pub message: String,
}

impl RefusalEntry {
    /// The entry of a row.
    pub fn new(start: Time, row: &RefusalRow) -> RefusalEntry {
        RefusalEntry {
            time: Seconds::since(start, row.time),
            kind: row.kind,
            namespace: row.namespace.clone(),
            name: row.name.clone(),
            reason: row.refusal.reason(),
            message: row.refusal.to_string(),
        }
    }
}

/// Sums over the rows of `workloads`.
#[derive(Clone, Debug, Default)]
pub struct Workloads {
    /// By outcome.
    pub outcomes: Outcomes,
    /// Waits of all.
    pub waits: Values,
    /// Waits by namespace.
    pub waits_by_namespace: BTreeMap<Name, Values>,
    waits_by_priority: BTreeMap<i32, Values>,
    completion_times: Values,
    slowdowns: Values,
    last_job_ended: Option<Time>,
    pods_completed: u64,
    evictions: u64,
    shrinks: u64,
    grows: u64,
    work_lost: i64,
}

impl Workloads {
    /// One more.
    pub fn row(&mut self, row: &WorkloadRow) {
        let outcome = match row.outcome {
            Outcome::Completed => &mut self.outcomes.completed,
            Outcome::Running => &mut self.outcomes.running,
            Outcome::Pending => &mut self.outcomes.pending,
            Outcome::Killed => &mut self.outcomes.killed,
        };
        *outcome += 1;
        self.waits.push(row.wait.0);
        self.waits_by_namespace
            .entry(row.namespace.clone())
            .or_default()
            .push(row.wait.0);
        self.waits_by_priority
            .entry(row.priority)
            .or_default()
            .push(row.wait.0);
        if row.kind == "job" {
            self.last_job_ended = self.last_job_ended.max(row.ended);
            if let (Outcome::Completed, Some(started), Some(ended)) =
                (row.outcome, row.started, row.ended)
            {
                let completion = (ended - row.submitted).0;
                self.completion_times.push(completion);
                self.slowdowns
                    .push(slowdown(completion, (ended - started).0));
            }
        }
        self.pods_completed += row.pods_completed;
        self.evictions += row.evictions;
        self.shrinks += row.shrinks;
        self.grows += row.grows;
        self.work_lost += row.work_lost;
    }

    /// Waiting times in all, by namespace and by priority.
    pub fn waits(&self) -> Waits {
        Waits {
            all: self.waits.distribution(),
            by_namespace: self
                .waits_by_namespace
                .iter()
                .map(|(name, values)| (name.clone(), values.distribution()))
                .collect(),
            by_priority: self
                .waits_by_priority
                .iter()
                .map(|(priority, values)| (*priority, values.distribution()))
                .collect(),
        }
    }
}

/// In thousandths.
fn slowdown(completion_ms: i64, run_ms: i64) -> i64 {
    let run_ms = run_ms.max(SLOWDOWN_RUN_MS_MIN);
    let slowdown = super::numbers::divided(completion_ms.into(), run_ms.into(), 1000);
    slowdown.unwrap_or_default().max(1000)
}

/// The parts of a summary that others have summed.
pub struct Parts {
    /// The scenario's name.
    pub scenario: String,
    /// The policy's name.
    pub policy: String,
    /// The seed.
    pub seed: u64,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
    /// Instant 0.
    pub start: Time,
    /// By resource.
    pub utilization: BTreeMap<Name, f64>,
    /// Of services.
    pub service_deficit: ServiceDeficit,
    /// Of accounts.
    pub fairness: Fairness,
    /// Refused changes.
    pub refusals: Vec<RefusalEntry>,
}

impl Summary {
    /// The summary of a run.
    pub fn new(parts: Parts, workloads: &Workloads, totals: &Totals) -> Summary {
        let makespan = workloads.last_job_ended.unwrap_or(totals.end);
        Summary {
            schema: SCHEMA,
            scenario: parts.scenario,
            policy: parts.policy,
            seed: parts.seed,
            version: VERSION,
            interrupted: parts.interrupted,
            end: Seconds::since(parts.start, totals.end),
            makespan: Seconds::since(parts.start, makespan),
            pods_completed: workloads.pods_completed,
            workloads: workloads.outcomes,
            wait: workloads.waits(),
            completion_time: workloads.completion_times.distribution(),
            slowdown: workloads.slowdowns.distribution(),
            utilization: parts.utilization,
            service_deficit: parts.service_deficit,
            fairness: parts.fairness,
            evictions: workloads.evictions,
            shrinks: workloads.shrinks,
            grows: workloads.grows,
            replicas_shrunk: totals.replicas_shrunk,
            work_lost: Seconds(workloads.work_lost),
            guarantee_violations: totals.guarantee_violations,
            disruptions: totals.disruptions,
            passed_over: totals.passed_over,
            refusals: parts.refusals,
            events: totals.events,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slowdown_is_bounded_below_and_short_runs_count_as_ten_seconds() {
        assert_eq!(slowdown(30_000, 20_000), 1500);
        assert_eq!(slowdown(1_000, 500), 1000);
        assert_eq!(slowdown(25_000, 500), 2500);
    }
}
