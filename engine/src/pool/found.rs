//! What was there before anybody was looking: pods that run, and workloads at the size they were granted.

use super::Pool;
use super::records::PodState;
use crate::action::Cause;
use crate::ids::{AccountId, PodIx, WorkloadIx};
use crate::spec::{PodSpec, WorkloadKey};
use crate::time::Time;
use rustc_hash::FxHashSet;

impl Pool {
    /// A pod is there without a gate: charged as found.
    pub(crate) fn pod_found(&mut self, spec: &PodSpec, account: AccountId) -> PodIx {
        let pod = self.new_pod(spec, account);
        self.charge_pod(pod, None);
        self.found_pods.insert(pod);
        let index = self.pod(pod).and_then(|pod| pod.workload);
        if let Some(index) = index
            && let Some(workload) = self.workloads.get_mut(index.0)
        {
            workload.asked = workload.asked.max(workload.target());
            if workload.target() > workload.spec.max {
                let max = workload.spec.max;
                self.found_workloads.entry(index).or_insert(max);
            }
        }
        self.touch(account);
        pod
    }

    /// An elastic workload had this count when nobody was looking.
    pub(crate) fn workload_found(&mut self, key: &WorkloadKey, granted: u32, shrunk: Option<Time>) {
        let Some(&index) = self.workload_by_key.get(key) else {
            return;
        };
        let Some(workload) = self.workloads.get_mut(index.0) else {
            return;
        };
        let granted = granted.min(workload.spec.max);
        self.found_workloads.insert(index, granted);
        if shrunk > workload.last_shrink {
            self.note_shrink(index, shrunk);
        }
        self.settle(index);
    }

    /// Takes stock of what was found, before a decision is made about it.
    pub(super) fn take_stock(&mut self) {
        for (index, granted) in std::mem::take(&mut self.found_workloads) {
            self.resume_workload(index, granted);
        }
        for pod in std::mem::take(&mut self.found_pods) {
            self.expect_found(pod);
        }
    }

    /// Brings a workload to the count that it was granted.
    fn resume_workload(&mut self, index: WorkloadIx, granted: u32) {
        let Some(workload) = self.workloads.get_mut(index.0) else {
            return;
        };
        let (target, shrunk) = (workload.target(), workload.last_shrink);
        workload.asked = granted;
        if target < granted {
            let missing = vec![None; (granted - target) as usize];
            self.grant(index, &missing, Cause::Admitted);
        } else if target > granted {
            let pods = self.removal(index, target - granted, None, &FxHashSet::default());
            self.shrink(index, &pods, &Cause::Bounds);
            // It was shrunk before.
            self.note_shrink(index, shrunk.or(Some(self.decision.now)));
        }
    }

    /// A pod that was admitted and is not bound yet is expected on a node, as if it were admitted now.
    fn expect_found(&mut self, pod: PodIx) {
        let Some(entry) = self.pod(pod) else { return };
        let is_expected = entry.state == PodState::Charged
            && entry.node.is_none()
            && entry.started.is_none()
            && self.spec.checks_room
            && !self.rooms.shape_of(entry.shape).template.unchecked;
        let shape = entry.shape;
        if is_expected && let Some(node) = self.rooms.find_now(shape) {
            self.rooms.take(node, shape, 1);
            self.rooms.node_mut(node).pods.insert(pod);
            self.rooms.expect(node, 1);
            if let Some(entry) = self.pods.get_mut(pod.0) {
                entry.node = Some(node);
            }
        }
    }
}
