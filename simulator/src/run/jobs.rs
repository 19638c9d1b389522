//! Jobs: submitted, worked off, resized, ended. Work is counted in whole numbers.

use super::pods::{Clock, Fate, Kind, Stage, Work};
use super::timers::Due;
use super::world::World;
use crate::model::{Job, Policy, Work as Amount};
use crate::record::{Outcome, WorkloadRow};
use engine::spec::{ElasticSpec, PodId, Removal, Template, WorkloadKey};
use engine::{Cause, Event, Span, Time};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::sync::Arc;

/// Efficiencies and progress are in millionths.
pub(crate) const MILLION: i128 = 1_000_000;

impl World<'_> {
    /// A job arrives.
    pub(crate) fn submit(&mut self, job: Arc<Job>) {
        self.moved = true;
        let total = job.pods.iter().map(|&(_, count)| count).sum::<u32>();
        let governed = self.engine.is_some() && self.leased.contains(&job.namespace);
        let key = WorkloadKey {
            namespace: job.namespace.clone(),
            name: job.name.clone(),
        };
        let bounds = self.bounds_of(&job, &key);
        let elastic = bounds.is_some()
            && (governed && self.policy != Policy::BorrowKill || self.policy == Policy::Edl);
        let mut work = new_work(
            Kind::Job(job.clone()),
            job.namespace.clone(),
            job.name.clone(),
            job.priority,
            self.now,
        );
        work.gang = !elastic
            && total > 1
            && (job.gang || bounds.is_some() && self.policy == Policy::BorrowKill);
        work.total = total;
        work.elastic = elastic;
        work.governed = governed;
        work.clock = clock_of(&job, work.gang, elastic);
        work.wanted = bounds.as_ref().map_or(total, |bounds| bounds.max.max(1));
        let index = self.add_work(work);
        if let Amount::Until(until) = job.work {
            let serial = self.works[index].serial;
            self.timers.set(
                until.max(self.now),
                Due::JobUntil {
                    work: index,
                    serial,
                },
            );
        }
        match bounds {
            Some(spec) if elastic && governed => {
                self.elastic.insert(key, index);
                self.workload_waits(index, spec.min, &job);
                self.batch.arrivals.push(Event::WorkloadSet(spec));
            }
            Some(spec) if elastic => {
                self.works[index].desired = super::edl::first_size(&spec, total);
                self.autoscaler.join(index, self.works[index].serial, &spec);
                self.make_replicas(index);
            }
            _ => self.make_all(index),
        }
        if total == 0 {
            self.close(index, Outcome::Completed);
        }
    }

    /// The bounds of an elastic job: an ElasticWorkload of its name, or its own.
    fn bounds_of(&self, job: &Job, key: &WorkloadKey) -> Option<ElasticSpec> {
        let (template, _) = job.pods.first()?;
        let mut spec = match (self.elastic_specs.get(key), job.elastic) {
            (Some(spec), _) => spec.clone(),
            (None, Some(own)) => ElasticSpec {
                key: key.clone(),
                created: self.now,
                priority: job.priority,
                template: template.clone(),
                pool: None,
                min: own.min,
                max: own.max,
                step: own.step,
                cooldown: own.cooldown,
                removal: Removal::Chosen,
            },
            (None, None) => return None,
        };
        spec.created = self.now;
        spec.priority = job.priority;
        spec.template = template.clone();
        Some(spec)
    }

    pub(crate) fn add_work(&mut self, mut work: Work) -> u32 {
        self.work_serial += 1;
        work.serial = self.work_serial;
        self.works.insert(work)
    }

    /// Makes all pods of a job that has none.
    fn make_all(&mut self, work: u32) {
        let Some(job) = self.works[work].job().cloned() else {
            return;
        };
        let left = match self.works[work].clock {
            Clock::PerPod(span) => span,
            _ => Span(0),
        };
        for (template, count) in &job.pods {
            for _ in 0..*count {
                self.make_pod(work, template, left);
            }
        }
    }

    /// Makes pods of an elastic job until it has as many as it is to have.
    pub(crate) fn make_replicas(&mut self, work: u32) {
        let Some(job) = self.works[work].job().cloned() else {
            return;
        };
        let Some((template, _)) = job.pods.first() else {
            return;
        };
        while self.works[work].active < self.works[work].desired {
            self.make_pod(work, template, Span(0));
        }
    }

    /// The engine, or the autoscaler, has changed the size of an elastic job.
    pub(crate) fn scale(&mut self, key: &WorkloadKey, to: u32, remove: &[PodId], cause: &Cause) {
        let Some(&work) = self.elastic.get(key) else {
            return;
        };
        for &pod in remove {
            if let Some(slot) = self.slot(pod.0) {
                self.judge_victim(slot, cause);
            }
        }
        let span = self.termination(&key.namespace);
        for &pod in remove {
            if let Some(slot) = self.slot(pod.0) {
                self.leave(slot, Fate::Shrunk, span, true);
            }
        }
        self.resize(work, to, span);
    }

    /// Sets the size of an elastic job: pods are made, or the last ones go.
    pub(crate) fn resize(&mut self, work: u32, to: u32, span: Span) {
        self.moved = true;
        self.advance(work);
        self.workload_runs(work);
        let now = self.now;
        let entry = &mut self.works[work];
        let from = entry.desired;
        entry.desired = to;
        if to < from {
            entry.shrinks += 1;
            self.totals.replicas_shrunk += u64::from(from - to);
        }
        if to > from && from > 0 {
            entry.grows += 1;
        }
        if to != from
            && entry.started.is_some()
            && let Some(job) = entry.job()
        {
            let penalty = job.restart_penalty;
            entry.penalty_until = now + penalty;
        }
        self.remove_last(work, to, Fate::Shrunk, span);
        self.make_replicas(work);
        self.mark_dirty(work);
    }

    /// Asks pods to end until `to` are left: those that do not run first, then those that started last.
    pub(crate) fn remove_last(&mut self, work: u32, to: u32, fate: Fate, span: Span) {
        let excess = self.works[work].active.saturating_sub(to);
        if excess == 0 {
            return;
        }
        let mut pods: Vec<u32> = self.works[work].live.to_vec();
        pods.retain(|&pod| self.pods[pod].stage != Stage::Leaving);
        pods.sort_by_key(|&pod| {
            let entry = &self.pods[pod];
            let stage = match entry.stage {
                Stage::Gated => 0,
                Stage::Queued => 1,
                Stage::Bound => 2,
                _ => 3,
            };
            (stage, Reverse(entry.started), Reverse(entry.id))
        });
        for pod in pods.into_iter().take(excess as usize) {
            self.leave(pod, fate, span, false);
        }
    }

    /// Counts work and replica time up to now. To be called before anything about a workload changes.
    pub(crate) fn advance(&mut self, work: u32) {
        let now = self.now;
        let rate = self.rate(work);
        let entry = &mut self.works[work];
        let elapsed = (now - entry.since).0.max(0);
        entry.replica_ms += elapsed.saturating_mul(i64::from(entry.working));
        let worked = (now - entry.since.max(entry.penalty_until)).0.max(0);
        entry.progress += i128::from(worked) * rate;
        entry.since = now;
    }

    /// Work done each millisecond at present, in the unit of the job's clock.
    fn rate(&self, work: u32) -> i128 {
        let entry = &self.works[work];
        let complete = entry.working > 0 && (!entry.gang || entry.working >= entry.total);
        match (entry.clock, entry.job()) {
            (Clock::Together(_), _) if complete => MILLION,
            (Clock::Shared(_), Some(job)) if complete => {
                i128::from(entry.working) * efficiency(&job.efficiency, entry.working)
            }
            _ => 0,
        }
    }

    /// A workload's end is to be forecast anew, once all of this instant is known.
    pub(crate) fn mark_dirty(&mut self, work: u32) {
        let entry = &mut self.works[work];
        if !entry.dirty && matches!(entry.clock, Clock::Together(_) | Clock::Shared(_)) {
            entry.dirty = true;
            self.dirty.push(work);
        }
    }

    /// Forecasts the ends of jobs whose speed has changed.
    pub(crate) fn forecast_ends(&mut self) {
        for work in std::mem::take(&mut self.dirty) {
            self.works[work].dirty = false;
            if self.works[work].gone || self.works[work].closing.is_some() {
                continue;
            }
            self.advance(work);
            let rate = self.rate(work);
            self.stamp += 1;
            let stamp = self.stamp;
            let entry = &mut self.works[work];
            entry.stamp = stamp;
            let (Clock::Together(target) | Clock::Shared(target)) = entry.clock else {
                continue;
            };
            if rate > 0 {
                let left = (target - entry.progress).max(0);
                let span = i64::try_from((left + rate - 1) / rate).unwrap_or(i64::MAX);
                let at = self.now.max(entry.penalty_until) + Span(span);
                self.timers.set(at, Due::JobDone { work, stamp });
            }
        }
    }

    /// All of a job's work is done.
    pub(crate) fn job_done(&mut self, work: u32) {
        self.advance(work);
        let working = self.works[work].working;
        self.works[work].done += working;
        self.works[work].closing = Some(Outcome::Completed);
        let live = self.works[work].live.clone();
        for pod in live {
            match self.pods[pod].stage {
                Stage::Running => {
                    self.pods[pod].fate = Fate::Done;
                    self.end_pod(pod);
                }
                Stage::Ended => {}
                _ => self.leave(
                    pod,
                    Fate::Killed,
                    self.scenario.cluster.pod_termination,
                    false,
                ),
            }
        }
        self.finish_if_over(work);
    }

    /// Asks a whole workload to end.
    pub(crate) fn close(&mut self, work: u32, outcome: Outcome) {
        self.advance(work);
        self.moved = true;
        self.works[work].closing = Some(outcome);
        let span = self.scenario.cluster.pod_termination;
        let live = self.works[work].live.clone();
        for pod in live {
            if self.pods[pod].stage != Stage::Ended && self.pods[pod].work == work {
                self.leave(pod, Fate::Killed, span, false);
            }
        }
        self.finish_if_over(work);
    }

    fn finish_if_over(&mut self, work: u32) {
        let entry = &self.works[work];
        if entry.gone || !entry.live.is_empty() {
            return;
        }
        if let Some(outcome) = entry.closing {
            self.works[work].last_end.get_or_insert(self.now);
            self.finish_work(work, outcome);
        }
    }

    fn finish_work(&mut self, work: u32, outcome: Outcome) {
        let entry = &self.works[work];
        let key = WorkloadKey {
            namespace: entry.namespace.clone(),
            name: entry.name.clone(),
        };
        if entry.elastic {
            if entry.governed && self.engine.is_some() {
                self.batch
                    .ends
                    .push(Event::WorkloadRemoved { key: key.clone() });
            }
            self.elastic.remove(&key);
            self.autoscaler.due = self.policy == Policy::Edl;
        }
        self.workload_runs(work);
        self.write_work(work, outcome, true);
        self.works[work].gone = true;
        self.works.release(work);
    }

    /// Writes a workload's row.
    pub(crate) fn write_work(&mut self, work: u32, outcome: Outcome, over: bool) {
        let now = self.now;
        let entry = &self.works[work];
        let ended = if over { entry.last_end } else { None };
        let served = match entry.started {
            Some(started) => ended.unwrap_or(now) - started,
            None => Span(0),
        };
        let row = WorkloadRow {
            namespace: entry.namespace.clone(),
            name: entry.name.clone(),
            kind: if entry.job().is_some() {
                "job"
            } else {
                "service"
            },
            priority: entry.priority,
            submitted: entry.submitted,
            admitted: entry.admitted,
            started: entry.started,
            ended,
            wait: entry.started.or(ended).unwrap_or(now) - entry.submitted,
            outcome,
            replicas_wanted: entry.wanted,
            replica_time: (entry.replica_ms, served),
            shrinks: entry.shrinks,
            grows: entry.grows,
            evictions: entry.evictions,
            work_lost: entry.work_lost,
            pods_completed: u64::from(entry.done),
        };
        self.sink.workload(row);
    }

    /// What a pod's loss costs: counted before it stops.
    pub(crate) fn lose_work(&mut self, pod: u32, fate: Fate) {
        let entry = &self.pods[pod];
        let work = entry.work;
        let (true, Stage::Running, Some(started)) = (fate.is_loss(), entry.stage, entry.started)
        else {
            return;
        };
        let ran = self.now - started;
        self.advance(work);
        let owner = &mut self.works[work];
        let Some(job) = owner.job() else { return };
        let (checkpoint, last) = (job.checkpoint, owner.working <= 1);
        match owner.clock {
            Clock::PerPod(_) if checkpoint => {
                self.pods[pod].left = Span((self.pods[pod].left.0 - ran.0).max(0))
            }
            Clock::PerPod(_) => owner.work_lost += ran.0,
            // A gang loses all with its first pod; what stays elastic loses all with its last.
            Clock::Together(_) | Clock::Shared(_) if checkpoint => {}
            Clock::Together(_) if owner.gang || last => {
                let each = to_ms(owner.progress);
                owner.work_lost += each.saturating_mul(i64::from(owner.total.max(1)));
                owner.progress = 0;
            }
            Clock::Shared(_) if owner.gang || owner.elastic && last => {
                owner.work_lost += to_ms(owner.progress);
                owner.progress = 0;
            }
            Clock::Shared(_) if !owner.elastic => {
                let lost = (i128::from(ran.0) * MILLION).min(owner.progress);
                owner.work_lost += to_ms(lost);
                owner.progress -= lost;
            }
            // A job that runs until an instant has done what its pods ran; an elastic one keeps that while any is left.
            Clock::Never if !checkpoint && (!owner.elastic || last) => owner.work_lost += ran.0,
            Clock::Together(_) | Clock::Shared(_) | Clock::Never => {}
        }
    }

    /// After a pod was asked to end: its gang goes with it, a service makes another one at once.
    pub(crate) fn after_leave(&mut self, work: u32, fate: Fate) {
        if !fate.is_loss() || self.works[work].closing.is_some() {
            return;
        }
        if self.works[work].gang && !self.works[work].torn {
            self.works[work].torn = true;
            self.torn.push(work);
        }
        if self.is_service(work) {
            self.fill_service(work);
        }
    }

    /// Gangs that lost a pod lose all.
    pub(crate) fn tear_gangs(&mut self) {
        for work in std::mem::take(&mut self.torn) {
            if self.works[work].gone || self.works[work].closing.is_some() {
                continue;
            }
            let span = self.scenario.cluster.pod_termination;
            let live = self.works[work].live.clone();
            for pod in live {
                if !matches!(self.pods[pod].stage, Stage::Leaving | Stage::Ended) {
                    self.leave(pod, Fate::Disrupted, span, false);
                }
            }
            self.gang_again(work);
        }
    }

    /// A gang of which all pods have ended waits again.
    fn gang_again(&mut self, work: u32) {
        if self.works[work].torn && self.works[work].live.is_empty() {
            self.works[work].torn = false;
            self.works[work].done = 0;
            self.make_all(work);
        }
    }

    /// After a pod has ended: another one, the rest of its gang, or the end of its workload.
    pub(crate) fn after_end(
        &mut self,
        work: u32,
        fate: Fate,
        stage: Stage,
        template: &Arc<Template>,
        left: Span,
    ) {
        let entry = &self.works[work];
        if entry.gone {
            return;
        }
        if entry.closing.is_some() {
            return self.finish_if_over(work);
        }
        if fate == Fate::Done
            && matches!(entry.clock, Clock::PerPod(_))
            && entry.done >= entry.total
        {
            self.works[work].closing = Some(Outcome::Completed);
            return self.finish_if_over(work);
        }
        if !fate.is_loss() {
            return;
        }
        if entry.gang {
            if stage != Stage::Leaving {
                self.after_leave(work, fate);
            }
            self.gang_again(work);
        } else if self.is_service(work) {
            self.fill_service(work);
        } else if entry.elastic {
            self.make_replicas(work);
        } else {
            self.make_pod(work, template, left);
        }
    }

    /// Writes the rows of what is still there at the end of the run.
    pub(crate) fn close_books(&mut self) {
        let mut works: Vec<(u64, u32)> = self
            .works
            .iter()
            .filter(|(_, work)| !work.gone)
            .map(|(slot, work)| (work.serial, slot))
            .collect();
        works.sort_unstable();
        for (_, work) in works {
            self.advance(work);
            let mut live = self.works[work].live.to_vec();
            live.sort_by_key(|&pod| self.pods[pod].id);
            for pod in live {
                self.write_pod(pod, None);
            }
            let entry = &self.works[work];
            let idle = entry.live.is_empty();
            let outcome = if entry.live.iter().any(|&pod| self.pods[pod].runs) {
                Outcome::Running
            } else if self.is_service(work) && idle && entry.desired == 0 {
                Outcome::Killed
            } else {
                Outcome::Pending
            };
            self.write_work(work, outcome, outcome == Outcome::Killed);
        }
    }
}

/// A workload of which nothing is there yet.
pub(crate) fn new_work(
    kind: Kind,
    namespace: engine::spec::Name,
    name: engine::spec::Name,
    priority: i32,
    now: Time,
) -> Work {
    Work {
        serial: 0,
        namespace,
        name,
        priority,
        kind,
        clock: Clock::Never,
        live: SmallVec::new(),
        active: 0,
        working: 0,
        total: 0,
        desired: 0,
        wanted: 0,
        made: 0,
        done: 0,
        admitted_pods: 0,
        gang: false,
        elastic: false,
        governed: false,
        closing: None,
        submitted: now,
        admitted: None,
        started: None,
        last_end: None,
        progress: 0,
        since: now,
        penalty_until: Time::MIN,
        stamp: 0,
        replica_ms: 0,
        shrinks: 0,
        grows: 0,
        evictions: 0,
        work_lost: 0,
        dirty: false,
        torn: false,
        gone: false,
    }
}

fn clock_of(job: &Job, gang: bool, elastic: bool) -> Clock {
    match job.work {
        // Pods of a gang begin together, and an elastic job is one thing that lasts so long.
        Amount::Duration(span) if gang || elastic => Clock::Together(i128::from(span.0) * MILLION),
        Amount::Duration(span) => Clock::PerPod(span),
        Amount::ReplicaTime(work) => Clock::Shared(i128::from(work) * MILLION),
        Amount::Until(_) => Clock::Never,
    }
}

/// Whole milliseconds of an amount of work.
fn to_ms(progress: i128) -> i64 {
    i64::try_from(progress / MILLION).unwrap_or(i64::MAX)
}

/// Work a replica does at this size, in millionths: on the straight line between the two sizes that are
/// given around it, cut off; outside of them, as at the nearest.
pub(crate) fn efficiency(curve: &[(u32, u32)], replicas: u32) -> i128 {
    let after = curve.partition_point(|&(size, _)| size < replicas);
    match (
        after.checked_sub(1).map(|before| curve[before]),
        curve.get(after),
    ) {
        (None, None) => MILLION,
        (None, Some(&(_, value))) | (Some((_, value)), None) => i128::from(value),
        (Some((size1, value1)), Some(&(size2, value2))) => {
            let (rise, run) = (
                i128::from(value2) - i128::from(value1),
                i128::from(size2 - size1),
            );
            i128::from(value1) + rise * i128::from(replicas - size1) / run
        }
    }
}
