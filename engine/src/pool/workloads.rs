//! Elastic workloads: taking note of what is declared, changed and gone.

use super::Pool;
use super::records::{Kind, Unit, Workload};
use crate::action::Cause;
use crate::ids::{AccountId, PodIx, RequestIx, ShapeIx, WorkloadIx};
use crate::snapshot::WorkloadFigures;
use crate::spec::{ElasticSpec, WorkloadKey};
use crate::time::Time;
use rustc_hash::FxHashSet;
use smallvec::smallvec;
use std::collections::{BTreeMap, BTreeSet};

impl Pool {
    /// An elastic workload is there, or has changed.
    pub(crate) fn workload_set(&mut self, spec: &ElasticSpec, account: AccountId) {
        let shape = self.shape(&spec.template);
        if let Some(&index) = self.workload_by_key.get(&spec.key) {
            self.change_workload(index, spec, shape);
            return;
        }
        self.rooms.count_pods(shape, spec.max.into());
        let age = (spec.created, spec.key.name.clone());
        let index = WorkloadIx(self.workloads.insert(Workload {
            spec: spec.clone(),
            account,
            shape,
            members: 0,
            slots: BTreeMap::new(),
            leaving: 0,
            unfilled: BTreeMap::new(),
            beyond: BTreeSet::new(),
            last_shrink: None,
            retry: None,
            asked: 0,
            minimum: None,
            step: RequestIx(u32::MAX),
            key: None,
            grow_key: None,
            gone: false,
            busy: false,
        }));
        let step = self.new_request(
            account,
            Kind::Step(index),
            spec.priority,
            age,
            smallvec![(shape, spec.step)],
        );
        if let Some(workload) = self.workloads.get_mut(index.0) {
            workload.step = step;
        }
        self.workload_by_key.insert(spec.key.clone(), index);
        self.hold_or_settle(index);
    }

    /// Puts a workload's requests into its account's queue, or holds them.
    pub(super) fn hold_or_settle(&mut self, index: WorkloadIx) {
        let Some(workload) = self.workloads.get(index.0) else {
            return;
        };
        let (account, priority) = (workload.account, workload.spec.priority);
        if self.held_because(account, priority).is_some() {
            self.held_workloads.insert(index);
        } else {
            self.held_workloads.remove(&index);
        }
        self.settle(index);
        self.touch(account);
    }

    fn change_workload(&mut self, index: WorkloadIx, spec: &ElasticSpec, shape: ShapeIx) {
        let Some(workload) = self.workloads.get(index.0) else {
            return;
        };
        let (account, old_step, minimum) = (workload.account, workload.step, workload.minimum);
        let (old_shape, old_max) = (workload.shape, workload.spec.max);
        self.rooms.count_pods(old_shape, -i64::from(old_max));
        self.rooms.count_pods(shape, spec.max.into());
        // Listed under the old bounds: taken out first.
        if let Some(minimum) = minimum {
            self.drop_request(minimum);
        }
        self.held_workloads.insert(index);
        if let Some(workload) = self.workloads.get_mut(index.0) {
            workload.minimum = None;
            workload.gone = false;
        }
        self.settle(index);
        self.drop_earmark(old_step);
        self.requests.remove(old_step.0);
        let age = (spec.created, spec.key.name.clone());
        let step = self.new_request(
            account,
            Kind::Step(index),
            spec.priority,
            age,
            smallvec![(shape, spec.step)],
        );
        if let Some(workload) = self.workloads.get_mut(index.0) {
            workload.spec = spec.clone();
            workload.shape = shape;
            workload.step = step;
        }
        let over = self
            .workloads
            .get(index.0)
            .map_or(0, |workload| workload.target().saturating_sub(spec.max));
        if over > 0 {
            let pods = self.removal(index, over, None, &FxHashSet::default());
            self.shrink(index, &pods, &Cause::Bounds);
        }
        self.mark_workload(index);
        self.relist_unit(Unit::Minimum(index));
        self.hold_or_settle(index);
    }

    /// What its owner was last asked for, by whomever. A difference is told with the decision.
    pub(crate) fn workload_observed(
        &mut self,
        key: &WorkloadKey,
        replicas: u32,
        last_shrink: Option<Time>,
    ) {
        let Some(&index) = self.workload_by_key.get(key) else {
            return;
        };
        let Some(workload) = self.workloads.get_mut(index.0) else {
            return;
        };
        workload.asked = replicas;
        // A minimum that waits is asked of nobody yet: its owner's pods wait at no cost.
        let target = workload.target();
        if workload.last_shrink.is_none() && last_shrink.is_some() {
            workload.last_shrink = last_shrink;
            let cooled = last_shrink.map(|shrunk| shrunk + workload.spec.cooldown);
            self.cooling.extend(cooled.map(|cooled| (cooled, index)));
        }
        if target > replicas {
            // They are on their way out already, or will be as soon as the owner sees it.
            let pods = self.removal(index, target - replicas, None, &FxHashSet::default());
            self.shrink(index, &pods, &Cause::Bounds);
        } else if target > 0 && target < replicas {
            self.decision.scaled.entry(index).or_default();
        }
        self.settle(index);
    }

    /// Its owner does not follow: nothing is asked of it before `retry`.
    pub(crate) fn scale_refused(&mut self, key: &WorkloadKey, retry: Time) {
        let Some(&index) = self.workload_by_key.get(key) else {
            return;
        };
        if let Some(workload) = self.workloads.get_mut(index.0) {
            workload.retry = Some(retry);
            self.cooling.insert((retry, index));
        }
        self.settle(index);
    }

    /// The workload as numbers.
    pub(crate) fn workload_figures(&self, key: &WorkloadKey) -> Option<WorkloadFigures> {
        let index = *self.workload_by_key.get(key)?;
        let workload = self.workloads.get(index.0)?;
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let cooled = workload
            .last_shrink
            .map(|shrunk| shrunk + workload.spec.cooldown);
        Some(WorkloadFigures {
            pool: self.spec.name.clone(),
            admitted: workload.target(),
            expected: count(workload.unfilled.len()),
            leaving: workload.leaving,
            beyond: count(workload.beyond.len()),
            asked: workload.asked,
            last_shrink: workload.last_shrink,
            grows_from: cooled
                .max(workload.retry)
                .filter(|&from| from > self.decision.now),
            waits: workload
                .minimum
                .and_then(|minimum| Some(self.reason_of(minimum, self.requests.get(minimum.0)?)))
                .or_else(|| {
                    let held = self.held_workloads.contains(&index);
                    held.then(|| self.held_because(workload.account, workload.spec.priority))?
                }),
        })
    }

    /// An elastic workload is gone.
    pub(crate) fn workload_removed(&mut self, key: &WorkloadKey) {
        let Some(index) = self.workload_by_key.remove(key) else {
            return;
        };
        let Some(workload) = self.workloads.get_mut(index.0) else {
            return;
        };
        workload.gone = true;
        self.mark_workload(index);
        let Some(workload) = self.workloads.get_mut(index.0) else {
            return;
        };
        let (shape, max) = (workload.shape, workload.spec.max);
        let (minimum, step) = (workload.minimum.take(), workload.step);
        let unfilled: Vec<PodIx> = workload.unfilled.values().copied().collect();
        let account = workload.account;
        self.rooms.count_pods(shape, -i64::from(max));
        if let Some(minimum) = minimum {
            self.drop_request(minimum);
        }
        self.drop_earmark(step);
        self.stuck.remove(&step);
        self.unpark_growth(index);
        for pod in unfilled {
            self.release_pod(pod);
            self.forget_pod(pod);
        }
        self.held_workloads.remove(&index);
        self.settle(index);
        self.forget_workload(index);
        self.touch(account);
    }

    /// Removes a workload's entry when nothing names it any more.
    pub(super) fn forget_workload(&mut self, index: WorkloadIx) {
        if self
            .workloads
            .get(index.0)
            .is_some_and(|workload| workload.gone && workload.members == 0)
            && let Some(workload) = self.workloads.remove(index.0)
        {
            self.requests.remove(workload.step.0);
            self.found_workloads.remove(&index);
            self.cooling.retain(|&(_, other)| other != index);
        }
    }
}
