//! How workloads end, and what follows on the end of a pod: another one, the rest of its gang, its workload's row.

use super::pods::{Clock, Fate, Stage};
use super::world::World;
use crate::model::Policy;
use crate::record::{Outcome, WorkloadRow};
use engine::spec::{Template, WorkloadKey};
use engine::{Event, Span};
use std::sync::Arc;

impl World<'_> {
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
