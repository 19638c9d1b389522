//! Pods and elastic workloads: taking note of what arrives, is placed, starts, leaves and ends.

use super::Pool;
use super::records::{Group, Kind, Pod, PodState};
use crate::ids::{AccountId, GroupIx, PodIx, RequestIx, WorkloadIx};
use crate::lease::AccountState;
use crate::refusal::Refusal;
use crate::spec::{PodSpec, Quantities, Template, WorkloadKey};
use crate::time::Time;
use smallvec::smallvec;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Pool {
    /// The shape of a template, with what it is charged.
    pub(super) fn shape(&mut self, template: &Arc<Template>) -> crate::ids::ShapeIx {
        let shape = self.rooms.shape(template);
        if self.charges.len() <= shape.at() {
            let amounts = self
                .spec
                .resources
                .iter()
                .map(|name| template.request.get(name).copied().unwrap_or(0).max(0));
            self.charges
                .push(crate::amounts::Amounts(amounts.collect()));
        }
        shape
    }

    pub(super) fn new_pod(&mut self, spec: &PodSpec, account: AccountId) -> PodIx {
        let shape = self.shape(&spec.template);
        let key = spec.workload.as_ref().map(|name| WorkloadKey {
            namespace: spec.namespace.clone(),
            name: name.clone(),
        });
        let workload = key.and_then(|key| self.workload_by_key.get(&key).copied());
        let group = match &spec.group {
            Some(group) if workload.is_none() => Some(self.group(account, group)),
            _ => None,
        };
        match workload.and_then(|workload| self.workloads.get_mut(workload.0)) {
            Some(workload) => workload.members += 1,
            // Replicas are counted with their workload.
            None => self.rooms.count_pods(shape, 1),
        }
        if let Some(group) = group.and_then(|group| self.groups.get_mut(group.0)) {
            group.members += 1;
            group.priority = group.priority.max(spec.priority);
        }
        PodIx(self.pods.insert(Pod {
            id: Some(spec.id),
            name: spec.name.clone(),
            created: spec.created,
            account,
            shape,
            priority: spec.priority,
            state: PodState::Held,
            node: None,
            placed: false,
            started: None,
            sequence: 0,
            decision: 0,
            workload,
            group,
            retry: None,
            ordinal: spec.ordinal,
        }))
    }

    fn group(&mut self, account: AccountId, spec: &crate::spec::Group) -> GroupIx {
        if let Some(&group) = self.group_by_name.get(&(account, spec.name.clone())) {
            return group;
        }
        let group = GroupIx(self.groups.insert(Group {
            name: spec.name.clone(),
            account,
            min: spec.min,
            priority: i32::MIN,
            members: 0,
            waiting: BTreeSet::new(),
            charged: BTreeSet::new(),
            request: None,
            key: None,
        }));
        self.group_by_name
            .insert((account, spec.name.clone()), group);
        group
    }

    /// A pod waits for admission. A replica takes the place that was granted for it, if there is one.
    pub(crate) fn pod_arrived(&mut self, spec: &PodSpec, account: AccountId) -> PodIx {
        if let Some(slot) = self.fill_replica(spec) {
            return slot;
        }
        let pod = self.new_pod(spec, account);
        self.place_in_queue(pod);
        pod
    }

    fn fill_replica(&mut self, spec: &PodSpec) -> Option<PodIx> {
        let name = spec.workload.as_ref()?;
        let key = WorkloadKey {
            namespace: spec.namespace.clone(),
            name: name.clone(),
        };
        let workload = *self.workload_by_key.get(&key)?;
        let (_, slot) = self.workloads.get_mut(workload.0)?.unfilled.pop_first()?;
        let entry = self.pods.get_mut(slot.0)?;
        entry.id = Some(spec.id);
        entry.name = spec.name.clone();
        entry.created = spec.created;
        entry.ordinal = spec.ordinal;
        self.decision.admitted.push(slot);
        self.mark_pod(slot);
        Some(slot)
    }

    /// Queues a pod, or holds it where it cannot be in a queue.
    pub(super) fn place_in_queue(&mut self, pod: PodIx) {
        let Some(entry) = self.pods.get(pod.0) else {
            return;
        };
        let account = entry.account;
        if self.held_because(account, entry.priority).is_some() {
            self.held.insert(pod);
            self.aside.insert(pod);
            return;
        }
        self.held.remove(&pod);
        let (workload, group) = (entry.workload, entry.group);
        if let Some(workload) = workload {
            self.place_beyond(workload, pod);
        } else if let Some(group) = group {
            self.place_in_group(group, pod);
        } else {
            self.request_pod(pod);
        }
    }

    fn request_pod(&mut self, pod: PodIx) {
        let Some(entry) = self.pods.get(pod.0) else {
            return;
        };
        let (account, priority, shape) = (entry.account, entry.priority, entry.shape);
        let age = (entry.created, entry.name.clone());
        let request = self.new_request(
            account,
            Kind::Pod(pod),
            priority,
            age,
            smallvec![(shape, 1)],
        );
        if let Some(entry) = self.pods.get_mut(pod.0) {
            entry.state = PodState::Waiting(request);
        }
        self.enqueue(request);
    }

    fn place_beyond(&mut self, index: WorkloadIx, pod: PodIx) {
        let Some(entry) = self.pods.get_mut(pod.0) else {
            return;
        };
        entry.state = PodState::Beyond;
        let key = entry.beyond_key(pod);
        let Some(workload) = self.workloads.get_mut(index.0) else {
            return;
        };
        workload.beyond.insert(key);
        self.aside.insert(pod);
    }

    fn place_in_group(&mut self, index: GroupIx, pod: PodIx) {
        let Some(group) = self.groups.get_mut(index.0) else {
            return;
        };
        let admitted = !group.charged.is_empty()
            && u32::try_from(group.charged.len()).is_ok_and(|n| n >= group.min);
        if admitted {
            // The group runs: one more is a request like any other.
            self.request_pod(pod);
            return;
        }
        group.waiting.insert(pod);
        self.request_group(index);
        self.aside.insert(pod);
    }

    /// Asks for a group anew, for all members that wait.
    pub(super) fn request_group(&mut self, index: GroupIx) {
        let Some(group) = self.groups.get(index.0) else {
            return;
        };
        let old = group.request;
        let members: Vec<PodIx> = group.waiting.iter().copied().collect();
        let present = u32::try_from(members.len() + group.charged.len()).unwrap_or(u32::MAX);
        let complete = !members.is_empty() && present >= group.min;
        let (account, priority, name) = (group.account, group.priority, group.name.clone());
        if let Some(old) = old {
            self.drop_request(old);
        }
        let mut parts: BTreeMap<crate::ids::ShapeIx, u32> = BTreeMap::new();
        let mut created = Time::MAX;
        for pod in members.iter().filter_map(|&pod| self.pod(pod)) {
            *parts.entry(pod.shape).or_default() += 1;
            created = created.min(pod.created);
        }
        let request = complete.then(|| {
            self.new_request(
                account,
                Kind::Group(index),
                priority,
                (created, name),
                parts.into_iter().collect(),
            )
        });
        for pod in members {
            if let Some(pod) = self.pods.get_mut(pod.0) {
                pod.state = request.map_or(PodState::Held, PodState::Waiting);
            }
        }
        if let Some(group) = self.groups.get_mut(index.0) {
            group.request = request;
        }
        if let Some(request) = request {
            self.enqueue(request);
        }
    }

    /// Why a pod of this priority cannot be in the account's queue.
    pub(super) fn held_because(&self, account: AccountId, priority: i32) -> Option<Refusal> {
        let name = self.tree.account(account).name.clone();
        let terms = &self.tree.account(account).terms;
        if terms.state == AccountState::Scheduled {
            return Some(Refusal::NotStarted {
                account: name,
                starts: terms.starts.unwrap_or(Time::MAX),
            });
        }
        if !terms.has_lease && terms.parent.is_some() {
            return Some(Refusal::NoLease { namespace: name });
        }
        for &id in self.tree.path(account) {
            let at = self.tree.account(id);
            if let Some(ceiling) = at.terms.max_priority
                && priority > ceiling
            {
                return Some(Refusal::PriorityCeiling {
                    account: name,
                    at: at.name.clone(),
                    priority,
                    ceiling,
                });
            }
        }
        None
    }

    /// A pod was bound to a node.
    pub(crate) fn pod_placed(&mut self, pod: PodIx, node: &str) {
        let node = self.rooms.find(node);
        let Some(entry) = self.pods.get_mut(pod.0) else {
            return;
        };
        if !matches!(entry.state, PodState::Charged | PodState::Leaving) {
            return;
        }
        let was_placed = std::mem::replace(&mut entry.placed, true);
        let (old, shape, leaving) = (entry.node, entry.shape, entry.state == PodState::Leaving);
        if let Some(old) = old.filter(|_| !was_placed) {
            self.rooms.expect(old, -1);
        }
        if old == node {
            return;
        }
        if let Some(entry) = self.pods.get_mut(pod.0) {
            entry.node = node;
        }
        self.mark_pod(pod);
        for (node, sign) in [(old, -1), (node, 1)] {
            let Some(node) = node else { continue };
            self.rooms.take(node, shape, sign);
            if leaving {
                self.rooms.leave(node, shape, sign);
            }
            if sign > 0 {
                self.rooms.node_mut(node).pods.insert(pod);
            } else {
                self.rooms.node_mut(node).pods.remove(&pod);
                self.gained.insert(node);
                self.loosened = true;
            }
        }
    }

    /// A pod runs from now on.
    pub(crate) fn pod_started(&mut self, pod: PodIx) {
        self.start_pod(pod, self.decision.now);
    }

    /// A pod has run since then.
    pub(crate) fn pod_running(&mut self, pod: PodIx, since: Time) {
        self.start_pod(pod, since);
    }

    /// Somebody else asked a pod to end.
    pub(crate) fn pod_leaving(&mut self, pod: PodIx) {
        self.leave_pod(pod);
    }

    /// An eviction was refused: the pod stays, and is no victim before `retry`.
    pub(crate) fn eviction_refused(&mut self, pod: PodIx, retry: Time) {
        let Some(entry) = self.pods.get_mut(pod.0) else {
            return;
        };
        if entry.state != PodState::Leaving {
            return;
        }
        entry.state = PodState::Held;
        entry.retry = Some(retry);
        let (account, shape, node, placed, decision) = (
            entry.account,
            entry.shape,
            entry.node,
            entry.placed,
            entry.decision,
        );
        // Given back and charged again: it is no longer on its way out.
        self.count_leaving(pod, -1);
        let amounts = self.charges[shape.at()].clone();
        self.tree
            .charge(crate::tree::View::Now, account, &amounts, -1);
        if let Some(node) = node {
            self.rooms.leave(node, shape, -1);
            self.rooms.take(node, shape, -1);
            if !placed {
                self.rooms.expect(node, -1);
            }
        }
        self.charge_pod(pod, node);
        if let Some(entry) = self.pods.get_mut(pod.0) {
            entry.placed = placed;
            entry.decision = decision;
        }
        if let Some(node) = node.filter(|_| placed) {
            self.rooms.expect(node, -1);
        }
        // It is a member again: with it the others of its group may be complete.
        if let Some(group) = self.pod(pod).and_then(|pod| pod.group) {
            self.request_group(group);
        }
        self.wakes.insert(retry);
        self.loosened = true;
        self.touch(account);
    }

    /// A pod's request changed in place.
    pub(crate) fn pod_resized(&mut self, pod: PodIx, request: &Quantities) {
        let Some(entry) = self.pods.get(pod.0) else {
            return;
        };
        let (old, state, node, account) = (entry.shape, entry.state, entry.node, entry.account);
        let mut template = (*self.rooms.shape_of(old).template).clone();
        template.request = request.clone();
        let new = self.shape(&Arc::new(template));
        if new == old || !matches!(state, PodState::Charged | PodState::Leaving) {
            return;
        }
        self.mark_pod(pod);
        let (before, after) = (
            self.charges[old.at()].clone(),
            self.charges[new.at()].clone(),
        );
        for (shape, amounts, sign) in [(old, before, -1), (new, after, 1)] {
            self.tree
                .charge(crate::tree::View::Now, account, &amounts, sign);
            if state == PodState::Charged {
                self.tree
                    .charge(crate::tree::View::Soon, account, &amounts, sign);
            }
            if let Some(node) = node {
                self.rooms.take(node, shape, sign);
                if state == PodState::Leaving {
                    self.rooms.leave(node, shape, sign);
                }
                self.gained.insert(node);
            }
        }
        if let Some(entry) = self.pods.get_mut(pod.0) {
            entry.shape = new;
            if entry.workload.is_none() {
                self.rooms.count_pods(old, -1);
                self.rooms.count_pods(new, 1);
            }
        }
        self.gave_back(account);
    }

    /// A pod has ended or is gone.
    pub(crate) fn pod_ended(&mut self, pod: PodIx) {
        let Some(entry) = self.pods.get(pod.0) else {
            return;
        };
        let (state, workload, group, account) =
            (entry.state, entry.workload, entry.group, entry.account);
        let beyond_key = entry.beyond_key(pod);
        match state {
            PodState::Charged | PodState::Leaving => self.release_pod(pod),
            PodState::Waiting(request) if group.is_none() || !self.is_group_request(request) => {
                self.drop_request(request)
            }
            PodState::Waiting(_) | PodState::Held | PodState::Beyond => {}
        }
        self.held.remove(&pod);
        self.aside.remove(&pod);
        if let Some(workload) = workload.and_then(|workload| self.workloads.get_mut(workload.0)) {
            workload.beyond.remove(&beyond_key);
        }
        if let Some(group) = group
            && self
                .groups
                .get_mut(group.0)
                .is_some_and(|entry| entry.waiting.remove(&pod))
        {
            self.request_group(group);
        }
        self.forget_pod(pod);
        if let Some(workload) = workload {
            self.settle(workload);
        }
        self.forget_account(account);
    }

    fn is_group_request(&self, request: RequestIx) -> bool {
        self.requests
            .get(request.0)
            .is_some_and(|request| matches!(request.kind, Kind::Group(_)))
    }

    /// Removes a pod's entry, and its group's or workload's when it was the last that named it.
    pub(super) fn forget_pod(&mut self, pod: PodIx) {
        let Some(entry) = self.pods.remove(pod.0) else {
            return;
        };
        self.found_pods.remove(&pod);
        if entry.workload.is_none() {
            self.rooms.count_pods(entry.shape, -1);
        }
        if let Some(index) = entry.workload
            && let Some(workload) = self.workloads.get_mut(index.0)
        {
            workload.members -= 1;
            self.forget_workload(index);
        }
        if let Some(index) = entry.group
            && let Some(group) = self.groups.get_mut(index.0)
        {
            group.members -= 1;
            if group.members == 0 {
                let key = (group.account, group.name.clone());
                if let Some(request) = group.request {
                    self.drop_request(request);
                }
                self.group_by_name.remove(&key);
                self.groups.remove(index.0);
            }
        }
    }
}
