//! Which pods are replicas of which workload, and what their coming and going means to it.

use super::Driver;
use crate::decider::driver::pods::Stage;
use crate::elastic::Means;
use engine::Event;
use engine::spec::{ElasticSpec, Name, PodId, WorkloadKey};

impl Driver {
    /// The pods that a workload's owner counts.
    pub(super) fn members_by_labels(&self, key: &WorkloadKey) -> Vec<PodId> {
        let entry = self.workloads.get(key);
        let Some(Ok(target)) = entry.map(|listed| &listed.it.seen.target) else {
            return Vec::new();
        };
        let ids = self.pods_by_namespace.get(&key.namespace);
        ids.into_iter()
            .flatten()
            .filter(|id| {
                self.pods
                    .get(id)
                    .is_some_and(|pod| target.owns(&pod.labels, pod.controller.as_deref()))
            })
            .copied()
            .collect()
    }

    /// The pods that the engine was told are its replicas.
    pub(super) fn members_of(&self, key: &WorkloadKey) -> Vec<PodId> {
        let ids = self.pods_by_namespace.get(&key.namespace);
        let is_member = |id: &&PodId| {
            let pod = self.pods.get(id);
            pod.is_some_and(|pod| pod.spec.workload.as_ref() == Some(&key.name))
        };
        ids.into_iter()
            .flatten()
            .filter(is_member)
            .copied()
            .collect()
    }

    /// How many replicas are charged and not on their way out.
    pub(super) fn held_by(&self, key: &WorkloadKey) -> u32 {
        let members = self.members_of(key);
        let held = members.iter().filter(|id| {
            let pod = self.pods.get(id);
            pod.is_some_and(|pod| pod.stage == Stage::Charged && !pod.is_leaving)
        });
        u32::try_from(held.count()).unwrap_or(u32::MAX)
    }

    /// The managed workload of which a pod is a replica.
    pub(in crate::decider::driver) fn workload_of(&self, id: PodId) -> Option<Name> {
        let pod = self.pods.get(&id)?;
        self.listed_in(&pod.spec.namespace)
            .find(|(_, entry)| {
                let target = entry.seen.target.as_ref();
                entry.told.is_some()
                    && target
                        .is_ok_and(|target| target.owns(&pod.labels, pod.controller.as_deref()))
            })
            .map(|(key, _)| key.name.clone())
    }

    /// Which pod belongs to which workload has changed.
    pub(super) fn rehouse(&mut self, namespace: &Name) {
        let ids = self
            .pods_by_namespace
            .get(namespace)
            .cloned()
            .unwrap_or_default();
        for id in ids {
            let workload = self.workload_of(id);
            if self
                .pods
                .get(&id)
                .is_some_and(|pod| pod.spec.workload != workload)
            {
                self.move_to_workload(id, workload);
            }
        }
    }

    pub(super) fn workload_key(&self, id: PodId) -> Option<WorkloadKey> {
        let spec = &self.pods.get(&id)?.spec;
        Some(WorkloadKey {
            namespace: spec.namespace.clone(),
            name: spec.workload.clone()?,
        })
    }

    /// A pod that may be the first, or the newest, of a workload is there.
    pub(in crate::decider::driver) fn member_came(&mut self, id: PodId) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let asks = |told: &ElasticSpec| {
            told.template == pod.spec.template && told.priority == pod.spec.priority
        };
        let concerned: Vec<WorkloadKey> = self
            .workloads_in(&pod.spec.namespace)
            .into_iter()
            .filter(|key| {
                self.workloads.get(key).is_some_and(|listed| {
                    let entry = &listed.it;
                    let as_told = entry.told.as_ref().is_some_and(asks);
                    entry.seen.target.as_ref().is_ok_and(|target| {
                        (!as_told || target.means == Means::Pods)
                            && target.owns(&pod.labels, pod.controller.as_deref())
                    })
                })
            })
            .collect();
        for key in concerned {
            self.settle_workload(&key);
            self.observe_count(&key);
        }
    }

    /// A charged pod is on its way out. If its workload was to give up another one, that one stays.
    pub(in crate::decider::driver) fn member_leaves(&mut self, id: PodId) {
        let Some(key) = self.workload_key(id) else {
            return;
        };
        self.changed_workloads.insert(key.clone());
        let now = self.now;
        let Some(listed) = self.workloads.get_mut(&key) else {
            return;
        };
        if let Some(stays) = listed.it.follow.leaves(id, true) {
            self.feed(Event::EvictionRefused {
                pod: stays,
                retry: now,
            });
        }
    }

    /// A pod has ended or is gone: told before the engine is, and before it is let go.
    pub(in crate::decider::driver) fn member_over(&mut self, id: PodId) -> Option<WorkloadKey> {
        let key = self.workload_key(id)?;
        self.changed_workloads.insert(key.clone());
        let now = self.now;
        let pod = self.pods.get(&id)?;
        let ends_now = pod.stage == Stage::Charged && !pod.is_leaving;
        let entry = &mut self.workloads.get_mut(&key)?.it;
        entry.ended += u32::from(ends_now);
        if let Some(stays) = entry.follow.leaves(id, ends_now) {
            self.feed(Event::EvictionRefused {
                pod: stays,
                retry: now,
            });
        }
        Some(key)
    }

    /// The engine was told that a replica is over: there may be less work left, or fewer pods.
    pub(in crate::decider::driver) fn member_is_over(&mut self, key: &WorkloadKey) {
        let target = self.workloads.get(key).map(|listed| &listed.it.seen.target);
        if let Some(Ok(target)) = target
            && (target.work_left.is_some() || target.means == Means::Pods)
        {
            self.settle_workload(key);
        }
    }
}
