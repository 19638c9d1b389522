//! Jobs: submitted, and their pods made.

use super::pods::{Clock, Kind, Work};
use super::progress::MILLION;
use super::timers::Due;
use super::world::World;
use crate::model::{Job, Policy, Work as Amount};
use crate::record::Outcome;
use engine::spec::{ElasticSpec, Removal, WorkloadKey};
use engine::{Event, Span, Time};
use smallvec::SmallVec;
use std::sync::Arc;

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
    pub(crate) fn make_all(&mut self, work: u32) {
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
