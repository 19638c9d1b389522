//! Elastic workloads: what they ask for next, how they grow, and which replicas go when they shrink.

use super::Pool;
use super::records::{GrowKey, Kind, Pod, PodState, Unit};
use crate::action::Cause;
use crate::ids::{NodeIx, PodIx, WorkloadIx};
use crate::spec::{Name, Removal};
use crate::time::Time;
use crate::tree::View;
use rustc_hash::FxHashSet;
use smallvec::smallvec;
use std::cmp::Reverse;

impl Pool {
    /// After a workload's replicas or bounds changed: asks for what its minimum lacks, and lists it among
    /// those that may grow, or takes it out.
    pub(super) fn settle(&mut self, index: WorkloadIx) {
        if self
            .workloads
            .get(index.0)
            .is_some_and(|workload| !workload.busy)
        {
            self.settle_minimum(index);
            self.settle_growth(index);
        }
    }

    fn set_busy(&mut self, index: WorkloadIx, busy: bool) {
        if let Some(workload) = self.workloads.get_mut(index.0) {
            workload.busy = busy;
        }
        self.settle(index);
    }

    fn settle_minimum(&mut self, index: WorkloadIx) {
        let Some(workload) = self.workloads.get(index.0) else {
            return;
        };
        // A minimum that was taken asks again when it has ended: else it could be granted as it goes.
        let idle = workload.gone || workload.leaving > 0 || self.held_workloads.contains(&index);
        let lacks = if idle {
            0
        } else {
            workload.spec.min.saturating_sub(workload.target())
        };
        let (account, shape, old) = (workload.account, workload.shape, workload.minimum);
        let asked = old
            .and_then(|old| self.requests.get(old.0))
            .map(|request| request.parts[0].1);
        if asked == (lacks > 0).then_some(lacks) {
            return;
        }
        let age = (workload.spec.created, workload.spec.key.name.clone());
        let priority = workload.spec.priority;
        if let Some(old) = old {
            self.drop_request(old);
        }
        let new = (lacks > 0).then(|| {
            self.new_request(
                account,
                Kind::Minimum(index),
                priority,
                age,
                smallvec![(shape, lacks)],
            )
        });
        if let Some(workload) = self.workloads.get_mut(index.0) {
            workload.minimum = new;
        }
        if let Some(new) = new {
            self.enqueue(new);
        }
    }

    fn settle_growth(&mut self, index: WorkloadIx) {
        let Some(workload) = self.workloads.get(index.0) else {
            return;
        };
        let target = workload.target();
        let cooled = workload
            .last_shrink
            .is_none_or(|shrunk| shrunk + workload.cooldown() <= self.decision.now);
        let may_grow = !workload.gone
            && !self.held_workloads.contains(&index)
            && workload.minimum.is_none()
            && target > 0
            && target.saturating_add(workload.spec.step) <= workload.spec.max
            && cooled
            && workload
                .retry
                .is_none_or(|retry| retry <= self.decision.now)
            && !self.is_parked_growth(index);
        let new = may_grow.then(|| GrowKey {
            priority: Reverse(workload.spec.priority),
            fulfilment: workload.fulfilment(target),
            created: workload.spec.created,
            name: workload.spec.key.name.clone(),
            workload: index,
        });
        let old = workload.grow_key.clone();
        let (account, step) = (workload.account, workload.step);
        if new == old {
            return;
        }
        let class = self.requests.get(step.0).map_or(0, |step| step.class);
        let queue = self.queue(account);
        if let Some(old) = &old {
            queue.growable.remove(old);
            if let Some(count) = queue.step_classes.get_mut(&class) {
                *count -= 1;
                if *count == 0 {
                    queue.step_classes.remove(&class);
                }
            }
        }
        if let Some(new) = &new {
            queue.growable.insert(new.clone());
            *queue.step_classes.entry(class).or_default() += 1;
        }
        if let Some(workload) = self.workloads.get_mut(index.0) {
            workload.grow_key = new;
        }
        self.refresh(account);
    }

    /// Grants replicas: pods of the owner that wait already are admitted, for the others the capacity is
    /// charged until they come.
    pub(super) fn grant(&mut self, index: WorkloadIx, nodes: &[Option<NodeIx>], cause: Cause) {
        self.set_busy(index, true);
        for &node in nodes {
            let Some(workload) = self.workloads.get_mut(index.0) else {
                return;
            };
            match workload.beyond.pop_first() {
                Some((_, _, _, pod)) => {
                    self.decision.admitted.push(pod);
                    self.charge_pod(pod, node);
                }
                None => {
                    let pod = self.new_replica(index);
                    self.charge_pod(pod, node);
                    if let Some(workload) = self.workloads.get_mut(index.0) {
                        workload.unfilled.insert(self.sequence, pod);
                    }
                }
            }
        }
        let entry = self.decision.scaled.entry(index).or_default();
        entry.0.get_or_insert(cause);
        self.set_busy(index, false);
    }

    fn new_replica(&mut self, index: WorkloadIx) -> PodIx {
        let number = self.sequence + 1;
        let Some(workload) = self.workloads.get_mut(index.0) else {
            return PodIx(u32::MAX);
        };
        workload.members += 1;
        let pod = Pod {
            id: None,
            name: workload.spec.key.name.clone(),
            created: workload.spec.created,
            account: workload.account,
            shape: workload.shape,
            priority: workload.spec.priority,
            state: PodState::Held,
            node: None,
            placed: false,
            started: None,
            sequence: number,
            decision: 0,
            workload: Some(index),
            group: None,
            retry: None,
            ordinal: None,
        };
        PodIx(self.pods.insert(pod))
    }

    /// The replicas that go when the count is lowered by `count`, those in `spared` left out: granted ones
    /// without a pod first, because they cost nothing; then by the owner's own order, or, where we may name
    /// them, those on `node` first.
    pub(super) fn removal(
        &self,
        index: WorkloadIx,
        count: u32,
        node: Option<NodeIx>,
        spared: &FxHashSet<PodIx>,
    ) -> Vec<PodIx> {
        let Some(workload) = self.workloads.get(index.0) else {
            return Vec::new();
        };
        let removal = workload.spec.removal;
        let mut pods: Vec<PodIx> = workload
            .slots
            .values()
            .copied()
            .filter(|pod| !spared.contains(pod))
            .collect();
        pods.sort_by_cached_key(|&pod| {
            let Some(entry) = self.pod(pod) else {
                return (false, false, false, Reverse((0, 0)));
            };
            let named = node.is_some() && removal == Removal::Chosen && entry.node == node;
            let order = match removal {
                Removal::HighestOrdinal => (
                    entry.ordinal.unwrap_or(0),
                    entry.id.map_or(u64::MAX, |id| id.0),
                ),
                Removal::Chosen | Removal::Newest => (0, entry.sequence),
            };
            let runs = removal != Removal::HighestOrdinal && entry.started.is_some();
            (!named, entry.id.is_some(), runs, Reverse(order))
        });
        pods.truncate(count as usize);
        pods
    }

    /// Lowers a workload's count by these replicas. What this very decision granted is simply not granted.
    pub(super) fn shrink(&mut self, index: WorkloadIx, pods: &[PodIx], cause: &Cause) {
        self.set_busy(index, true);
        let (now, number) = (self.decision.now, self.decision.number);
        let mut asked_to_go = false;
        let mut takes_back = false;
        for &pod in pods {
            let Some(entry) = self.pod(pod) else { continue };
            let fresh = self.decision.is_open && entry.decision == number;
            let has_pod = entry.id.is_some();
            if has_pod && !fresh {
                self.leave_pod(pod);
                self.decision.scaled.entry(index).or_default().1.push(pod);
                asked_to_go = true;
            } else {
                asked_to_go |= !fresh;
                takes_back |= fresh;
                self.release_pod(pod);
                if has_pod {
                    self.decision.admitted.retain(|&other| other != pod);
                    self.place_in_queue(pod);
                } else {
                    self.forget_pod(pod);
                }
            }
        }
        if asked_to_go {
            self.note_shrink(index, Some(now));
            self.decision.scaled.entry(index).or_default().0 = Some(cause.clone());
        }
        self.set_busy(index, false);
        if takes_back {
            self.note_taken_back(Unit::Minimum(index));
        }
    }

    /// The workload was last made smaller then: it cools down.
    pub(super) fn note_shrink(&mut self, index: WorkloadIx, shrunk: Option<Time>) {
        let Some(workload) = self.workloads.get_mut(index.0) else {
            return;
        };
        workload.last_shrink = shrunk;
        let cooled = shrunk.map(|shrunk| shrunk + workload.cooldown());
        self.cooling.extend(cooled.map(|cooled| (cooled, index)));
    }

    /// The scheduler evicts a pod for another one.
    pub(crate) fn pod_preempted(&mut self, pod: PodIx, request: &Name) {
        let charged = self
            .pod(pod)
            .filter(|pod| pod.state == PodState::Charged)
            .and_then(|pod| pod.workload);
        let spares = |index: &WorkloadIx| {
            let workload = self.workloads.get(index.0);
            workload.is_some_and(|workload| workload.surplus(workload.target()) > 0)
        };
        let Some(index) = charged.filter(spares) else {
            return self.leave_pod(pod);
        };
        self.set_busy(index, true);
        self.leave_pod(pod);
        self.decision.scaled.entry(index).or_default().1.push(pod);
        let request = request.clone();
        self.decision.scaled.entry(index).or_default().0 = Some(Cause::Priority { request });
        self.note_shrink(index, Some(self.decision.now));
        self.set_busy(index, false);
    }

    /// Workloads whose cool-down is over may grow again.
    pub(super) fn end_cooling(&mut self) {
        while let Some(&(time, workload)) = self.cooling.first() {
            if time > self.decision.now {
                break;
            }
            self.cooling.pop_first();
            self.settle_growth(workload);
            if let Some(account) = self
                .workloads
                .get(workload.0)
                .map(|workload| workload.account)
            {
                self.touched.insert(account);
            }
        }
    }

    /// Growth: idle capacity goes to elastic workloads by fair share, and within an account to the least
    /// fulfilled first. It never reclaims. Tells whether anything grew: then the next steps of those accounts may be requests.
    pub(super) fn grow(&mut self) -> bool {
        let mut grew = false;
        loop {
            self.refresh_lists();
            let Some(workload) = self.next_growth() else {
                break;
            };
            let Some(step) = self.workloads.get(workload.0).map(|workload| workload.step) else {
                break;
            };
            let Some(parts) = self.requests.get(step.0).map(|step| step.parts.clone()) else {
                break;
            };
            match self.find_room(&parts) {
                Some(nodes) => {
                    self.grant(workload, &nodes, Cause::Growth);
                    self.touched.extend(
                        self.workloads
                            .get(workload.0)
                            .map(|workload| workload.account),
                    );
                    grew = true;
                }
                None => self.park_growth(workload),
            }
        }
        grew
    }

    fn next_growth(&self) -> Option<WorkloadIx> {
        self.search_share(&self.growing, |account| {
            let queue = self.queue_of(account)?;
            let mut refused: Vec<u32> = Vec::new();
            queue
                .growable
                .iter()
                .map(|key| key.workload)
                .find(|&workload| {
                    let Some(step) = self.step_request(workload) else {
                        return false;
                    };
                    let shrunk = self
                        .decision
                        .scaled
                        .get(&workload)
                        .is_some_and(|(_, removed)| !removed.is_empty());
                    let taken_back = self.decision.taken_back.contains(&Unit::Minimum(workload));
                    if shrunk || taken_back || refused.contains(&step.class) {
                        return false;
                    }
                    let fits = self.tree.lacking(View::Now, account, &step.total) == 0
                        && self.tree.lacking(View::Soon, account, &step.total) == 0;
                    if !fits {
                        refused.push(step.class);
                    }
                    fits
                })
        })
    }
}
