//! The counts that owners have: told to the engine where they are news, and found again after a start.

use super::Driver;
use crate::elastic::follow::Count;
use engine::spec::{Name, PodId, WorkloadKey};
use engine::{Event, Time};

impl Driver {
    /// Tells the engine which count the owner has, if that is news.
    pub(in crate::decider::driver) fn observe_count(&mut self, key: &WorkloadKey) {
        let Some(figures) = self.engine.workload(key) else {
            return;
        };
        let (now, patience) = (self.now, self.patience);
        let Some(listed) = self.workloads.get_mut(key) else {
            return;
        };
        let entry = &mut listed.it;
        if entry.told.is_none() || entry.follow.passed_over().is_some() {
            return;
        }
        let Ok(target) = &entry.seen.target else {
            return;
        };
        let Some(replicas) = target.replicas else {
            return;
        };
        let last_shrink = if entry.is_observed {
            let known = figures.asked;
            if entry
                .follow
                .seen(now, replicas, target.version, known, &patience)
                == Count::AsAsked
            {
                return;
            }
            None
        } else {
            entry.is_observed = true;
            entry.shrunk()
        };
        self.feed(Event::WorkloadObserved {
            key: key.clone(),
            replicas,
            last_shrink,
        });
    }

    /// All workloads of a namespace, after it got its first lease.
    pub(in crate::decider::driver) fn observe_counts_in(&mut self, namespace: &Name) {
        for key in self.workloads_in(namespace) {
            self.observe_count(&key);
            self.changed_workloads.insert(key);
        }
    }

    /// The first telling, before the pods: what the engine had granted to each when somebody else led. A lower count
    /// than there are pods means that some are on their way out.
    pub(in crate::decider::driver) fn learn_workloads(&mut self) {
        let keys: Vec<WorkloadKey> = self.workloads.keys().cloned().collect();
        for key in keys {
            self.settle_workload(&key);
            if self.engine.workload(&key).is_some()
                && let Some((granted, shrunk)) = self.found(&key)
            {
                self.feed(Event::WorkloadFound {
                    key,
                    granted,
                    shrunk,
                });
            }
        }
        self.are_counts_found = true;
    }

    /// The count that a workload was granted, and when it was last made smaller. Its owner's count says it, where
    /// that is ours: a status that names as many, or fewer than there are admitted pods.
    fn found(&self, key: &WorkloadKey) -> Option<(u32, Option<Time>)> {
        let entry = &self.workloads.get(key)?.it;
        let replicas = entry.seen.target.as_ref().ok()?.replicas?;
        let members = self.members_by_labels(key);
        let holds = |id: &&PodId| {
            let pod = self.pods.get(id);
            pod.is_some_and(|pod| pod.gate.is_none() && !pod.is_leaving)
        };
        let held = u32::try_from(members.iter().filter(holds).count()).unwrap_or(u32::MAX);
        let status = entry.seen.object.status.as_ref();
        let told = status.and_then(|status| status.desired_replicas);
        let told = told.and_then(|told| u32::try_from(told).ok()).unwrap_or(0);
        Some((replicas.min(told.max(held)), entry.shrunk()))
    }
}
