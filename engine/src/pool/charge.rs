//! Booking: what is charged, what is on its way out, and which unit it belongs to.

use super::Pool;
use super::records::{PodState, Pods, Unit, UnitKey};
use crate::ids::{AccountId, NodeIx, PodIx};
use crate::time::Time;
use crate::tree::View;
use smallvec::smallvec;
use std::cmp::Reverse;

impl Pool {
    /// Charges a pod from now on, expected on `node`.
    pub(super) fn charge_pod(&mut self, pod: PodIx, node: Option<NodeIx>) {
        self.sequence += 1;
        let (sequence, number) = (self.sequence, self.decision.number);
        let Some(entry) = self.pods.get_mut(pod.0) else {
            return;
        };
        debug_assert!(
            !matches!(entry.state, PodState::Charged | PodState::Leaving),
            "a pod is charged once"
        );
        entry.state = PodState::Charged;
        entry.sequence = sequence;
        entry.decision = number;
        entry.node = node;
        let (account, shape) = (entry.account, entry.shape);
        let amounts = self.charges[shape.at()].clone();
        self.tree.charge(View::Now, account, &amounts, 1);
        self.tree.charge(View::Soon, account, &amounts, 1);
        if let Some(node) = node {
            self.rooms.take(node, shape, 1);
            self.rooms.node_mut(node).pods.insert(pod);
            self.rooms.expect(node, 1);
        }
        self.join_unit(pod);
        self.mark_pod(pod);
        self.after_charge(account);
    }

    fn after_charge(&mut self, account: AccountId) {
        self.changed.insert(account);
        self.refresh(account);
    }

    /// Something was given back: what waits may fit now.
    pub(super) fn gave_back(&mut self, account: AccountId) {
        self.loosened = true;
        self.touch(account);
    }

    /// A charged pod was asked to end: soon its capacity is free.
    pub(super) fn leave_pod(&mut self, pod: PodIx) {
        let Some(entry) = self.pods.get_mut(pod.0) else {
            return;
        };
        if entry.state != PodState::Charged {
            return;
        }
        entry.state = PodState::Leaving;
        let (account, shape, node) = (entry.account, entry.shape, entry.node);
        self.count_leaving(pod, 1);
        let amounts = self.charges[shape.at()].clone();
        self.tree.charge(View::Soon, account, &amounts, -1);
        if let Some(node) = node {
            self.rooms.leave(node, shape, 1);
        }
        self.leave_unit(pod);
        self.gave_back(account);
    }

    /// A pod is charged no more. Its entry stays until the caller removes it.
    pub(super) fn release_pod(&mut self, pod: PodIx) {
        let Some(entry) = self.pods.get(pod.0) else {
            return;
        };
        let (account, shape, node, state) = (entry.account, entry.shape, entry.node, entry.state);
        let placed = entry.placed;
        let leaving = match state {
            PodState::Charged => false,
            PodState::Leaving => true,
            _ => return,
        };
        if leaving {
            self.count_leaving(pod, -1);
        } else {
            self.leave_unit(pod);
        }
        let amounts = self.charges[shape.at()].clone();
        self.tree.charge(View::Now, account, &amounts, -1);
        if !leaving {
            self.tree.charge(View::Soon, account, &amounts, -1);
        }
        if let Some(node) = node {
            if leaving {
                self.rooms.leave(node, shape, -1);
            }
            self.rooms.take(node, shape, -1);
            self.rooms.node_mut(node).pods.remove(&pod);
            if !placed {
                self.rooms.expect(node, -1);
            }
            self.gained.insert(node);
        }
        if let Some(entry) = self.pods.get_mut(pod.0) {
            entry.state = PodState::Held;
            entry.node = None;
            entry.placed = false;
        }
        self.mark_pod(pod);
        self.gave_back(account);
    }

    /// One replica more, or fewer, of the pod's workload is on its way out.
    pub(super) fn count_leaving(&mut self, pod: PodIx, change: i32) {
        let workload = self.pod(pod).and_then(|pod| pod.workload);
        if let Some(workload) = workload.and_then(|workload| self.workloads.get_mut(workload.0)) {
            workload.leaving = workload.leaving.saturating_add_signed(change);
        }
    }

    /// The unit that goes when the pod goes.
    pub(super) fn unit_of(&self, pod: PodIx) -> Unit {
        match self.pods.get(pod.0) {
            Some(entry) => match (entry.workload, entry.group) {
                (Some(workload), _) => Unit::Minimum(workload),
                (None, Some(group)) => Unit::Group(group),
                (None, None) => Unit::Pod(pod),
            },
            None => Unit::Pod(pod),
        }
    }

    /// The pods of a unit that are charged and not on their way out.
    pub(super) fn pods_of(&self, unit: Unit) -> Pods {
        match unit {
            Unit::Pod(pod) => smallvec![pod],
            Unit::Group(group) => self
                .groups
                .get(group.0)
                .map_or_else(Pods::new, |group| group.charged.iter().copied().collect()),
            Unit::Minimum(workload) => self
                .workloads
                .get(workload.0)
                .map_or_else(Pods::new, |workload| {
                    workload.slots.values().copied().collect()
                }),
        }
    }

    /// Lists the pod's unit among its account's, with the instant at which it first ran.
    pub(super) fn join_unit(&mut self, pod: PodIx) {
        let Some(entry) = self.pods.get(pod.0) else {
            return;
        };
        let (account, sequence, priority, name) = (
            entry.account,
            entry.sequence,
            entry.priority,
            entry.name.clone(),
        );
        let unit = self.unit_of(pod);
        match unit {
            Unit::Pod(_) => {
                let key = UnitKey {
                    priority,
                    started: Reverse(entry.started.unwrap_or(Time::MAX)),
                    name,
                    unit,
                };
                self.queue(account).units.insert(key);
            }
            Unit::Group(group) => {
                if let Some(group) = self.groups.get_mut(group.0) {
                    group.charged.insert(pod);
                }
                self.relist_unit(unit);
            }
            Unit::Minimum(workload) => {
                if let Some(workload) = self.workloads.get_mut(workload.0) {
                    workload.slots.insert(sequence, pod);
                }
                self.relist_unit(unit);
            }
        }
    }

    fn leave_unit(&mut self, pod: PodIx) {
        let Some(entry) = self.pods.get(pod.0) else {
            return;
        };
        let (account, sequence, priority, name) = (
            entry.account,
            entry.sequence,
            entry.priority,
            entry.name.clone(),
        );
        let started = entry.started;
        let unit = self.unit_of(pod);
        match unit {
            Unit::Pod(_) => {
                let key = UnitKey {
                    priority,
                    started: Reverse(started.unwrap_or(Time::MAX)),
                    name,
                    unit,
                };
                self.queue(account).units.remove(&key);
            }
            Unit::Group(group) => {
                if let Some(group) = self.groups.get_mut(group.0) {
                    group.charged.remove(&pod);
                }
                self.relist_unit(unit);
                if self
                    .groups
                    .get(group.0)
                    .is_some_and(|group| !group.waiting.is_empty())
                {
                    // One fewer is there: those that wait are judged anew.
                    self.request_group(group);
                }
            }
            Unit::Minimum(workload) => {
                if let Some(workload) = self.workloads.get_mut(workload.0) {
                    workload.slots.remove(&sequence);
                    workload.unfilled.remove(&sequence);
                }
                self.relist_unit(unit);
            }
        }
    }

    /// The pod runs from `now` on.
    pub(super) fn start_pod(&mut self, pod: PodIx, now: Time) {
        let Some(entry) = self.pods.get(pod.0) else {
            return;
        };
        if entry.started.is_some() || entry.state != PodState::Charged {
            if let Some(entry) = self.pods.get_mut(pod.0) {
                entry.started.get_or_insert(now);
            }
            return;
        }
        let lone = matches!(self.unit_of(pod), Unit::Pod(_));
        if lone {
            self.leave_unit(pod);
        }
        if let Some(entry) = self.pods.get_mut(pod.0) {
            entry.started = Some(now);
        }
        if lone {
            self.join_unit(pod);
        } else {
            self.relist_unit_from(self.unit_of(pod), Some(now));
        }
        if self.marks.is_some() {
            for pod in self.pods_of(self.unit_of(pod)) {
                self.mark_pod(pod);
            }
        }
    }

    /// Lists a group or a workload anew among its account's units.
    pub(super) fn relist_unit(&mut self, unit: Unit) {
        self.relist_unit_from(unit, None);
    }

    /// The unit's run counts from its first running pod: an earlier start than `started` stays.
    fn relist_unit_from(&mut self, unit: Unit, started: Option<Time>) {
        let (account, old, priority, name, empty) = match unit {
            Unit::Pod(_) => return,
            Unit::Group(group) => {
                let Some(group) = self.groups.get(group.0) else {
                    return;
                };
                (
                    group.account,
                    group.key.clone(),
                    group.priority,
                    group.name.clone(),
                    group.charged.is_empty(),
                )
            }
            Unit::Minimum(workload) => {
                let Some(workload) = self.workloads.get(workload.0) else {
                    return;
                };
                let name = workload.spec.key.name.clone();
                (
                    workload.account,
                    workload.key.clone(),
                    workload.spec.priority,
                    name,
                    workload.slots.is_empty(),
                )
            }
        };
        let since = old
            .as_ref()
            .map_or(Time::MAX, |key| key.started.0)
            .min(started.unwrap_or(Time::MAX));
        let new = (!empty).then_some(UnitKey {
            priority,
            started: Reverse(since),
            name,
            unit,
        });
        if let Unit::Minimum(workload) = unit {
            self.mark_workload(workload);
            if empty {
                self.queue(account).elastic.remove(&workload);
            } else {
                self.queue(account).elastic.insert(workload);
            }
        }
        if new != old {
            let queue = self.queue(account);
            if let Some(old) = &old {
                queue.units.remove(old);
            }
            if let Some(new) = &new {
                queue.units.insert(new.clone());
            }
        }
        match unit {
            Unit::Group(group) => {
                if let Some(group) = self.groups.get_mut(group.0) {
                    group.key = new;
                }
            }
            Unit::Minimum(workload) => {
                if let Some(workload) = self.workloads.get_mut(workload.0) {
                    workload.key = new;
                }
                self.settle(workload);
            }
            Unit::Pod(_) => {}
        }
    }
}
