//! What a run tells: rows of the result tables, in the order in which they become known.

use engine::spec::Name;
use engine::{Action, Event, Refusal, Span, Time};

/// How a workload or pod stands at the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All its work is done.
    Completed,
    /// It runs.
    Running,
    /// It waits.
    Pending,
    /// It was asked to end before its work was done (`until`, or a service that went down).
    Killed,
}

/// One row of `workloads`: a job or a service.
#[derive(Clone, Debug)]
pub struct WorkloadRow {
    /// Namespace and name.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// `job` or `service`.
    pub kind: &'static str,
    /// Priority.
    pub priority: i32,
    /// When it was submitted.
    pub submitted: Time,
    /// When its first pod was admitted (a gang: all).
    pub admitted: Option<Time>,
    /// When its first replica ran (a gang: all).
    pub started: Option<Time>,
    /// When its last replica had ended.
    pub ended: Option<Time>,
    /// `started` − `submitted`; for what never started, the end of the job or of the run − `submitted`.
    pub wait: Span,
    /// How it stands.
    pub outcome: Outcome,
    /// Replicas asked for (an elastic job: its maximum; a service: the most it asked for).
    pub replicas_wanted: u32,
    /// Replica-milliseconds run, and the time from start to end over which they are averaged.
    pub replica_time: (i64, Span),
    /// Times its count was lowered.
    pub shrinks: u64,
    /// Times its count was raised.
    pub grows: u64,
    /// Pods evicted.
    pub evictions: u64,
    /// Replica-milliseconds that have to be done again.
    pub work_lost: i64,
    /// Pods that completed.
    pub pods_completed: u64,
}

/// One row of `pods`.
#[derive(Clone, Debug)]
pub struct PodRow {
    /// Namespace.
    pub namespace: Name,
    /// The job or service.
    pub workload: Name,
    /// The pod.
    pub pod: Name,
    /// When it was created.
    pub submitted: Time,
    /// When it was admitted.
    pub admitted: Option<Time>,
    /// When it was bound.
    pub placed: Option<Time>,
    /// When it ran.
    pub started: Option<Time>,
    /// When it had ended.
    pub ended: Option<Time>,
    /// Where.
    pub node: Option<Name>,
    /// How it stands.
    pub outcome: Outcome,
}

/// One row of `timeline`: an account's figures for one resource have changed. Base units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineRow {
    /// When.
    pub time: Time,
    /// The account.
    pub namespace: Name,
    /// The resource.
    pub resource: Name,
    /// The guarantee.
    pub guaranteed: i64,
    /// The limit, if there is one.
    pub limit: Option<i64>,
    /// What its own pods use.
    pub used: i64,
    /// What its subtree borrows.
    pub borrowed: i64,
    /// What its subtree lends.
    pub lent: i64,
    /// What its own waiting requests ask for.
    pub pending: i64,
}

/// One row of `services`: a service's counts have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRow {
    /// When.
    pub time: Time,
    /// Namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Replicas asked for.
    pub desired: u32,
    /// Replicas that run.
    pub running: u32,
}

/// The cluster's use of one resource has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UtilizationRow {
    /// When.
    pub time: Time,
    /// The resource.
    pub resource: Name,
    /// Requests of running pods, in base units.
    pub used: i64,
    /// Allocatable of the nodes, in base units.
    pub allocatable: i64,
}

/// A refused change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalRow {
    /// When.
    pub time: Time,
    /// Kind, namespace and name of the object.
    pub kind: &'static str,
    /// Its namespace; empty for cluster-scoped objects.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Why.
    pub refusal: Refusal,
}

/// Counts that no row carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events processed by the simulator.
    pub events: u64,
    /// Pods ended by node events.
    pub disruptions: u64,
    /// Replicas given up in all.
    pub replicas_shrunk: u64,
    /// Trace rows passed over by a format's own rule.
    pub passed_over: u64,
    /// Entitled requests that waited longer than the reclaim bound.
    pub guarantee_violations: u64,
    /// The instant at which the run ended.
    pub end: Time,
    /// The run was stopped before its end.
    pub interrupted: bool,
}

/// Where a run's rows go. Rows of one table come in the order of time.
pub trait Sink {
    /// A workload has ended, or the run has.
    fn workload(&mut self, row: WorkloadRow);
    /// A pod has ended, or the run has. Called only if [`Sink::wants_pods`].
    fn pod(&mut self, row: PodRow);
    /// Whether pod rows are wanted at all.
    fn wants_pods(&self) -> bool;
    /// Whether timeline rows are wanted at all.
    fn wants_timeline(&self) -> bool;
    /// An account's figures have changed.
    fn timeline(&mut self, row: TimelineRow);
    /// A service's counts have changed.
    fn service(&mut self, row: ServiceRow);
    /// The cluster's use has changed.
    fn utilization(&mut self, row: UtilizationRow);
    /// A change was refused.
    fn refusal(&mut self, row: RefusalRow);
    /// Whether decisions are wanted at all.
    fn wants_decisions(&self) -> bool;
    /// The events of one instant and the actions that came out.
    fn decision(&mut self, now: Time, events: Vec<Event>, actions: Vec<Action>);
    /// The run has ended.
    fn finish(&mut self, totals: &Totals);
}

/// Drops everything: for runs of which only the state at the end counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Sink for Discard {
    fn workload(&mut self, _: WorkloadRow) {}
    fn pod(&mut self, _: PodRow) {}
    fn wants_pods(&self) -> bool {
        false
    }
    fn wants_timeline(&self) -> bool {
        false
    }
    fn timeline(&mut self, _: TimelineRow) {}
    fn service(&mut self, _: ServiceRow) {}
    fn utilization(&mut self, _: UtilizationRow) {}
    fn refusal(&mut self, _: RefusalRow) {}
    fn wants_decisions(&self) -> bool {
        false
    }
    fn decision(&mut self, _: Time, _: Vec<Event>, _: Vec<Action>) {}
    fn finish(&mut self, _: &Totals) {}
}
