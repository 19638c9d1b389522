//! The life of a job or service, as it is seen.

use super::Count;
use crate::experiment::plan::{WorkKey, WorkPlan};
use engine::{Span, Time};
use simulator::record::{Outcome, WorkloadRow};

/// A job or service.
#[derive(Clone, Debug)]
pub(super) struct WorkLife {
    plan: WorkPlan,
    submitted: Option<Time>,
    admitted: Option<Time>,
    started: Option<Time>,
    ended: Option<Time>,
    desired: Option<u32>,
    running: u32,
    /// Until when `replica_ms` was summed.
    since: Time,
    replica_ms: i64,
    shrinks: u64,
    grows: u64,
    replicas_shrunk: u64,
    evictions: u64,
    work_lost: i64,
    completed: u64,
    is_closing: bool,
}

impl WorkLife {
    pub fn new(plan: WorkPlan) -> WorkLife {
        WorkLife {
            plan,
            submitted: None,
            admitted: None,
            started: None,
            ended: None,
            desired: None,
            running: 0,
            since: Time(0),
            replica_ms: 0,
            shrinks: 0,
            grows: 0,
            replicas_shrunk: 0,
            evictions: 0,
            work_lost: 0,
            completed: 0,
            is_closing: false,
        }
    }

    pub fn count(&self) -> Count {
        Count {
            desired: self.desired.unwrap_or(0),
            running: self.running,
        }
    }

    /// Whether its counts are rows of `services`.
    pub fn is_told_of(&self) -> bool {
        self.plan.kind == "service" && self.desired.is_some()
    }

    pub fn replicas_shrunk(&self) -> u64 {
        self.replicas_shrunk
    }

    /// Its owner asks for so many pods. Returns whether that is news.
    pub fn asks(&mut self, now: Time, count: u32) -> bool {
        self.submitted.get_or_insert(now);
        let before = self.desired.replace(count);
        if self.plan.is_elastic {
            match before {
                Some(before) if count < before => {
                    self.shrinks += 1;
                    self.replicas_shrunk += u64::from(before - count);
                }
                Some(before) if count > before => self.grows += 1,
                _ => {}
            }
        }
        before != Some(count)
    }

    /// Its owner is gone.
    pub fn closes(&mut self) {
        self.is_closing = true;
    }

    /// One of its pods has no gate.
    pub fn is_admitted(&mut self, now: Time) {
        self.admitted.get_or_insert(now);
    }

    /// One more of its pods runs, or one less.
    pub fn works(&mut self, now: Time, sign: i32) {
        self.sum_until(now);
        self.running = self.running.saturating_add_signed(sign);
        if sign > 0 {
            self.started.get_or_insert(now);
        }
        self.ended = (self.running == 0).then_some(now);
    }

    /// One of its pods was evicted after it had run for so long. A pod that its owner gave up loses nothing.
    pub fn is_evicted(&mut self, ran: Option<Span>) {
        self.evictions += 1;
        let is_kept = self.plan.checkpoint
            || self.plan.kind != "job"
            || (self.plan.is_elastic && self.running > 1);
        if !is_kept {
            self.work_lost += ran.map_or(0, |ran| ran.0);
        }
    }

    /// One of its pods is over.
    pub fn pod_over(&mut self, now: Time, outcome: Outcome) {
        self.sum_until(now);
        self.completed += u64::from(outcome == Outcome::Completed);
    }

    fn sum_until(&mut self, now: Time) {
        self.replica_ms += (now - self.since).0 * i64::from(self.running);
        self.since = now;
    }

    /// Its row, if its owner was ever seen.
    pub fn row(&mut self, key: &WorkKey, end: Time) -> Option<WorkloadRow> {
        self.sum_until(end);
        let submitted = self.submitted?;
        let outcome = match (self.running, self.started) {
            (1.., _) => Outcome::Running,
            (0, Some(_)) if self.completed > 0 && !self.is_closing => Outcome::Completed,
            (0, _) if self.is_closing => Outcome::Killed,
            _ => Outcome::Pending,
        };
        let until = self.ended.unwrap_or(end);
        let served = self.started.map_or(Span(0), |started| until - started);
        Some(WorkloadRow {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            kind: self.plan.kind,
            priority: self.plan.priority,
            submitted,
            admitted: self.admitted,
            started: self.started,
            ended: self.ended.filter(|_| outcome != Outcome::Pending),
            wait: self.started.unwrap_or(until) - submitted,
            outcome,
            replicas_wanted: self.plan.wanted,
            replica_time: (self.replica_ms, served),
            shrinks: self.shrinks,
            grows: self.grows,
            evictions: self.evictions,
            work_lost: self.work_lost,
            pods_completed: self.completed,
        })
    }
}
