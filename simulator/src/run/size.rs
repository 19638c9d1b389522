//! The size of a workload: replicas are made, or asked to end.

use super::pods::{Fate, Stage};
use super::world::World;
use engine::spec::{PodId, WorkloadKey};
use engine::{Cause, Span};
use std::cmp::Reverse;

impl World<'_> {
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
}
