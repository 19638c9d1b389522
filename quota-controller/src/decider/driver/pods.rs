//! Pods: what was seen of one becomes what the engine is told.

use super::{Driver, Kind};
use crate::cluster::{PodSeen, Uid};
use engine::spec::{Name, PodId, PodSpec, Quantities};
use engine::{Event, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the engine was told of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decider) enum Stage {
    /// Nothing: it is neither gated nor bound, or the engine is told nothing yet.
    Untold,
    /// It waits for admission.
    Waiting,
    /// It is admitted, or was found running.
    Charged,
    /// It takes room beside the leases.
    Outside,
}

/// A pod that has not ended.
#[derive(Debug)]
pub(in crate::decider) struct Pod {
    pub(super) round: u64,
    pub uid: Uid,
    pub spec: PodSpec,
    pub stage: Stage,
    pub labels: Arc<BTreeMap<String, String>>,
    pub controller: Option<Name>,
    /// The place of our gate among its gates, if it has it.
    pub gate: Option<u32>,
    pub has_annotations: bool,
    pub epoch: Option<u64>,
    pub node: Option<Name>,
    pub is_started: bool,
    pub is_leaving: bool,
    pub grace_seconds: Option<i64>,
}

impl Driver {
    /// A pod is there and not over.
    pub(super) fn pod_seen(&mut self, seen: PodSeen) {
        match self.pod_by_uid.get(&seen.uid) {
            Some(&id) => self.pod_seen_again(id, seen),
            None => {
                if let Some(id) = self.take_pod(seen)
                    && self.has_learned
                {
                    self.join_workload(id);
                    self.member_came(id);
                    self.introduce(id);
                }
            }
        }
    }

    /// Finds the workload of which a pod is a replica.
    fn join_workload(&mut self, id: PodId) {
        let workload = self.workload_of(id);
        if let Some(pod) = self.pods.get_mut(&id) {
            pod.spec.workload = workload;
        }
    }

    /// A pod is a replica of another workload than the engine was told.
    pub(super) fn move_to_workload(&mut self, id: PodId, workload: Option<Name>) {
        let Some(pod) = self.pods.get_mut(&id) else {
            return;
        };
        pod.spec.workload = workload;
        let spec = pod.spec.clone();
        match pod.stage {
            Stage::Waiting => {
                self.feed(Event::PodEnded { pod: id });
                self.feed(Event::PodArrived(spec));
            }
            Stage::Charged => {
                self.feed(Event::PodEnded { pod: id });
                self.feed(Event::PodFound(spec));
                self.tell_progress(id, None, false, false);
            }
            Stage::Untold | Stage::Outside => {}
        }
    }

    /// Keeps a pod that was not known.
    fn take_pod(&mut self, seen: PodSeen) -> Option<PodId> {
        let spec = match seen.spec {
            Ok(spec) => spec,
            Err(problem) => {
                // The API server has taken it, so it is an amount beyond what can be counted.
                tracing::warn!(
                    namespace = %seen.namespace, pod = %seen.name, %problem, "pod left out"
                );
                return None;
            }
        };
        self.next_pod += 1;
        let id = PodId(self.next_pod);
        let template = self.templates.share(&spec.template);
        let namespace = seen.namespace.clone();
        self.pod_by_uid.insert(seen.uid.clone(), id);
        self.pods_by_namespace
            .entry(namespace)
            .or_default()
            .insert(id);
        self.pods.insert(
            id,
            Pod {
                round: self.round(Kind::Pods),
                uid: seen.uid,
                spec: PodSpec {
                    id,
                    template,
                    ..spec
                },
                stage: Stage::Untold,
                labels: seen.labels,
                controller: seen.controller,
                gate: seen.gate,
                has_annotations: seen.has_annotations,
                epoch: seen.epoch,
                node: seen.node,
                is_started: seen.is_started,
                is_leaving: seen.is_leaving,
                grace_seconds: seen.grace_seconds,
            },
        );
        Some(id)
    }

    /// Tells the engine of a pod that it does not know.
    pub(super) fn introduce(&mut self, id: PodId) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let spec = pod.spec.clone();
        let is_leased = self.engine.has_account(&spec.namespace);
        let is_bound = pod.node.is_some();
        if pod.gate.is_some() {
            self.feed(Event::PodArrived(spec));
            self.set_stage(id, Stage::Waiting);
        } else if is_leased && (is_bound || (!self.has_learned && pod.epoch.is_some())) {
            // Bound, or admitted by a leader before: it holds what it asks for. A pod that another leader
            // admitted while this one leads is asked about below, so that it is charged before it is bound.
            let was_admitted = pod.epoch.is_some();
            self.feed(Event::PodFound(spec));
            self.set_stage(id, Stage::Charged);
            self.tell_progress(id, None, false, false);
            if !was_admitted {
                self.news.found.push(id);
            }
        } else if is_leased {
            // Nobody admitted it, and it is not bound yet: it waits like any other, and is refused by the
            // plugin until it is admitted.
            self.feed(Event::PodArrived(spec));
            self.set_stage(id, Stage::Waiting);
        } else if is_bound {
            self.place_outside(id);
        }
    }

    fn place_outside(&mut self, id: PodId) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let Some(node) = pod.node.clone() else { return };
        let request = pod.spec.template.request.clone();
        self.feed(Event::OutsidePlaced {
            pod: id,
            node: node.clone(),
            request,
        });
        self.pods_outside_by_node
            .entry(node)
            .or_default()
            .insert(id);
        self.set_stage(id, Stage::Outside);
    }

    /// The pools of a node have changed.
    pub(super) fn place_outside_again(&mut self, node: &Name) {
        for id in self
            .pods_outside_by_node
            .get(node)
            .cloned()
            .unwrap_or_default()
        {
            self.feed(Event::PodEnded { pod: id });
            self.place_outside(id);
        }
    }

    /// A namespace has an account now, or a pool a root: what was beside the leases is charged as found.
    pub(super) fn bring_in(&mut self, namespace: &Name) {
        let ids = self
            .pods_by_namespace
            .get(namespace)
            .cloned()
            .unwrap_or_default();
        for id in ids {
            match self.pods.get(&id).map(|pod| pod.stage) {
                Some(Stage::Outside) => {
                    self.feed(Event::PodEnded { pod: id });
                    self.leave_outside(id);
                    self.introduce(id);
                }
                Some(Stage::Untold) => self.introduce(id),
                _ => {}
            }
        }
        self.observe_counts_in(namespace);
        self.news.namespaces.insert(namespace.clone());
    }

    fn leave_outside(&mut self, id: PodId) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        if let Some(node) = &pod.node
            && let Some(there) = self.pods_outside_by_node.get_mut(node)
        {
            there.remove(&id);
            if there.is_empty() {
                self.pods_outside_by_node.remove(node);
            }
        }
        self.set_stage(id, Stage::Untold);
    }

    fn set_stage(&mut self, id: PodId, stage: Stage) {
        if let Some(pod) = self.pods.get_mut(&id) {
            pod.stage = stage;
        }
    }

    fn pod_seen_again(&mut self, id: PodId, seen: PodSeen) {
        let round = self.round(Kind::Pods);
        let Some(pod) = self.pods.get_mut(&id) else {
            return;
        };
        pod.round = round;
        let is_relabelled = pod.labels != seen.labels;
        pod.labels = Arc::clone(&seen.labels);
        let (node, was_started, was_leaving) = (pod.node.clone(), pod.is_started, pod.is_leaving);
        let had_gate = pod.gate.is_some();
        pod.has_annotations = seen.has_annotations;
        pod.epoch = seen.epoch.or(pod.epoch);
        // What was seen before the gate went may be told after it: a gate never comes back.
        pod.gate = if had_gate { seen.gate } else { None };
        if seen.node.is_some() && seen.node != node {
            pod.node = seen.node;
        }
        let Some(pod) = self.pods.get_mut(&id) else {
            return;
        };
        pod.is_started |= seen.is_started;
        pod.is_leaving |= seen.is_leaving;
        let Ok(spec) = seen.spec else { return };
        let request = (spec.template.request != pod.spec.template.request)
            .then(|| spec.template.request.clone());
        // The rest of a template matters to the engine until the pod is admitted.
        let is_other = *spec.template != *pod.spec.template
            || spec.priority != pod.spec.priority
            || spec.pool != pod.spec.pool
            || spec.group != pod.spec.group;
        let stage = pod.stage;
        if !self.has_learned {
            let template = self.templates.share(&spec.template);
            if let Some(pod) = self.pods.get_mut(&id) {
                pod.spec = PodSpec {
                    id,
                    template,
                    ..spec
                };
            }
            return;
        }
        if is_relabelled {
            let workload = self.workload_of(id);
            if self
                .pods
                .get(&id)
                .is_some_and(|pod| pod.spec.workload != workload)
            {
                self.move_to_workload(id, workload);
            }
        }
        match stage {
            Stage::Waiting => {
                let was_bound = self.pods.get(&id).is_some_and(|pod| pod.node.is_some());
                if is_other || was_bound {
                    // Told anew under another identity: it queues with what it asks for now, or it is found
                    // running though nobody admitted it.
                    self.reintroduce(id, spec);
                }
            }
            Stage::Charged => {
                if let Some(request) = request {
                    self.resized(id, request);
                }
                self.tell_progress(id, node, was_started, was_leaving);
            }
            Stage::Outside => {
                if let Some(request) = request {
                    self.feed(Event::PodEnded { pod: id });
                    self.set_request(id, request);
                    self.place_outside(id);
                }
            }
            Stage::Untold => self.introduce(id),
        }
    }

    fn reintroduce(&mut self, id: PodId, spec: PodSpec) {
        let Some(mut pod) = self.pods.remove(&id) else {
            return;
        };
        self.feed(Event::PodEnded { pod: id });
        self.next_pod += 1;
        let new = PodId(self.next_pod);
        let of_namespace = self
            .pods_by_namespace
            .entry(pod.spec.namespace.clone())
            .or_default();
        of_namespace.remove(&id);
        of_namespace.insert(new);
        self.pod_by_uid.insert(pod.uid.clone(), new);
        pod.spec = PodSpec {
            id: new,
            template: self.templates.share(&spec.template),
            workload: pod.spec.workload.take(),
            ..spec
        };
        pod.stage = Stage::Untold;
        self.pods.insert(new, pod);
        self.introduce(new);
    }

    /// Tells the engine what has happened to a charged pod since it was last seen.
    fn tell_progress(
        &mut self,
        id: PodId,
        node: Option<Name>,
        was_started: bool,
        was_leaving: bool,
    ) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let placed = pod.node.clone().filter(|_| node.is_none());
        let uid = pod.uid.clone();
        let starts = pod.is_started && !was_started;
        let leaves = pod.is_leaving && !was_leaving;
        if let Some(node) = placed {
            self.feed(Event::PodPlaced { pod: id, node });
        }
        if starts {
            self.feed(Event::PodStarted { pod: id });
        }
        if leaves {
            self.member_leaves(id);
            let event = match self.take_preempted(&uid) {
                Some(request) => Event::PodPreempted { pod: id, request },
                None => Event::PodLeaving { pod: id },
            };
            self.feed(event);
        }
    }

    fn set_request(&mut self, id: PodId, request: Quantities) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let mut template = (*pod.spec.template).clone();
        template.request = request;
        let template = self.templates.share(&Arc::new(template));
        if let Some(pod) = self.pods.get_mut(&id) {
            pod.spec.template = template;
        }
    }

    /// A charged pod asks for something else now.
    pub(in crate::decider) fn resized(&mut self, id: PodId, request: Quantities) {
        self.set_request(id, request.clone());
        self.feed(Event::PodResized { pod: id, request });
    }

    /// A pod has ended, will never run, or is gone.
    pub(super) fn pod_over(&mut self, uid: &Uid) {
        let Some(id) = self.pod_by_uid.remove(uid) else {
            return;
        };
        if self
            .pods
            .get(&id)
            .is_some_and(|pod| pod.stage == Stage::Outside)
        {
            self.leave_outside(id);
            self.feed(Event::PodEnded { pod: id });
        }
        let workload = self.member_over(id);
        let Some(pod) = self.pods.remove(&id) else {
            return;
        };
        if let Some(others) = self.pods_by_namespace.get_mut(&pod.spec.namespace) {
            others.remove(&id);
            if others.is_empty() {
                self.pods_by_namespace.remove(&pod.spec.namespace);
            }
        }
        if matches!(pod.stage, Stage::Waiting | Stage::Charged) {
            self.feed(Event::PodEnded { pod: id });
        }
        if let Some(workload) = workload.filter(|_| self.has_learned) {
            self.member_is_over(&workload);
        }
    }

    /// The engine has admitted it.
    pub(super) fn admitted(&mut self, id: PodId) {
        if self
            .pods
            .get(&id)
            .is_some_and(|pod| pod.stage == Stage::Waiting)
        {
            self.set_stage(id, Stage::Charged);
        }
    }

    /// Its gate was removed by us.
    pub(in crate::decider) fn ungated(&mut self, id: PodId) {
        if let Some(pod) = self.pods.get_mut(&id) {
            pod.gate = None;
        }
    }

    /// An eviction was refused.
    pub(in crate::decider) fn eviction_refused(&mut self, id: PodId, retry: Time) {
        if self.pods.contains_key(&id) {
            self.stays_after_all(id);
            self.feed(Event::EvictionRefused { pod: id, retry });
        }
    }

    /// A pod by its identity here.
    pub(in crate::decider) fn pod(&self, id: PodId) -> Option<&Pod> {
        self.pods.get(&id)
    }

    /// A pod by the identity that the API server gave it.
    pub(in crate::decider) fn pod_by_uid(&self, uid: &Uid) -> Option<PodId> {
        self.pod_by_uid.get(uid).copied()
    }

    /// When the pod of this name was created.
    pub(in crate::decider) fn created(&self, namespace: &Name, name: &Name) -> Option<Time> {
        let pods = self.pods_by_namespace.get(namespace)?;
        let mut pods = pods.iter().filter_map(|id| self.pods.get(id));
        pods.find(|pod| pod.spec.name == *name)
            .map(|pod| pod.spec.created)
    }

    /// All pods.
    pub(in crate::decider) fn pods(&self) -> impl Iterator<Item = (PodId, &Pod)> {
        self.pods.iter().map(|(&id, pod)| (id, pod))
    }
}
