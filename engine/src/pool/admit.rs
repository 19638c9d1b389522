//! Admission: finding room, charging, and taking back what one and the same decision admitted.

use super::Pool;
use super::records::{Kind, Parts, PodState, Unit};
use crate::action::Cause;
use crate::ids::{NodeIx, PodIx, RequestIx};
use crate::time::Span;
use crate::tree::View;

/// How long a request waits that others took back twice in one decision, if nothing else happens.
const PUT_OFF: Span = Span(1000);

impl Pool {
    pub(super) fn admit_if_it_fits(&mut self, index: RequestIx) -> bool {
        let Some(request) = self.requests.get(index.0) else {
            return false;
        };
        let (account, total, parts) = (
            request.account,
            request.total.clone(),
            request.parts.clone(),
        );
        let earmarked = request.earmark.is_some();
        if self.tree.lacking(View::Now, account, &total) != 0 {
            return false;
        }
        if earmarked {
            self.book_earmark(index, -1);
        }
        let nodes = if self.tree.lacking(View::Soon, account, &total) == 0 {
            self.find_room(&parts)
        } else {
            None
        };
        if earmarked {
            self.book_earmark(index, 1);
        }
        match nodes {
            Some(nodes) => {
                self.admit(index, &nodes);
                true
            }
            None => false,
        }
    }

    /// Nodes on which all parts fit now, or nothing.
    pub(super) fn find_room(&mut self, parts: &Parts) -> Option<Vec<Option<NodeIx>>> {
        let mut found = Vec::new();
        let mut complete = true;
        'parts: for &(shape, count) in parts {
            for _ in 0..count {
                if !self.spec.checks_room || self.rooms.shape_of(shape).template.unchecked {
                    found.push(None);
                    continue;
                }
                let Some(node) = self.rooms.find_now(shape) else {
                    complete = false;
                    break 'parts;
                };
                // Booked while the others are looked for; the charge books it again.
                self.rooms.take(node, shape, 1);
                found.push(Some(node));
            }
        }
        self.give_back_found(parts, &found);
        complete.then_some(found)
    }

    /// Nodes for those parts for which there is room now.
    pub(super) fn find_some_room(&mut self, parts: &Parts) -> Vec<Option<NodeIx>> {
        let mut found = Vec::new();
        for &(shape, count) in parts {
            for _ in 0..count {
                let node = self.rooms.find_now(shape);
                if let Some(node) = node {
                    self.rooms.take(node, shape, 1);
                }
                found.push(node);
            }
        }
        self.give_back_found(parts, &found);
        found
    }

    fn give_back_found(&mut self, parts: &Parts, found: &[Option<NodeIx>]) {
        let shapes = parts
            .iter()
            .flat_map(|&(shape, count)| std::iter::repeat_n(shape, count as usize));
        for (shape, node) in shapes.zip(found) {
            if let Some(node) = *node {
                self.rooms.take(node, shape, -1);
            }
        }
    }

    pub(super) fn admit(&mut self, index: RequestIx, nodes: &[Option<NodeIx>]) {
        let Some(request) = self.requests.get(index.0) else {
            return;
        };
        let (kind, parts, account) = (request.kind, request.parts.clone(), request.account);
        match kind {
            Kind::Pod(pod) => {
                self.drop_request(index);
                self.decision.admitted.push(pod);
                self.charge_pod(pod, nodes.first().copied().flatten());
            }
            Kind::Group(group) => {
                self.drop_request(index);
                let Some(entry) = self.groups.get_mut(group.0) else {
                    return;
                };
                entry.request = None;
                let mut members: Vec<PodIx> =
                    std::mem::take(&mut entry.waiting).into_iter().collect();
                // Nodes come by form, in the order of forms.
                members.sort_by_key(|&pod| self.pod(pod).map(|pod| pod.shape));
                debug_assert_eq!(
                    members.len(),
                    parts.iter().map(|part| part.1 as usize).sum::<usize>()
                );
                for (pod, &node) in members.into_iter().zip(nodes) {
                    self.decision.admitted.push(pod);
                    self.charge_pod(pod, node);
                }
            }
            Kind::Minimum(workload) => {
                if let Some(workload) = self.workloads.get_mut(workload.0) {
                    workload.minimum = None;
                }
                self.drop_request(index);
                self.grant(workload, nodes, Cause::Admitted);
            }
            Kind::Step(workload) => {
                self.drop_earmark(index);
                self.stuck.remove(&index);
                self.grant(workload, nodes, Cause::Admitted);
                // The next step may be a request too.
                self.touch(account);
            }
        }
        self.changed.insert(account);
    }

    /// A ceiling was lowered below a request that waits already.
    pub(super) fn hold_request(&mut self, index: RequestIx) {
        let Some(request) = self.requests.get(index.0) else {
            return;
        };
        match request.kind {
            Kind::Pod(pod) => {
                self.drop_request(index);
                self.place_in_queue(pod);
            }
            Kind::Group(group) => {
                let members = self
                    .groups
                    .get(group.0)
                    .map(|group| group.waiting.clone())
                    .unwrap_or_default();
                self.drop_request(index);
                if let Some(group) = self.groups.get_mut(group.0) {
                    group.request = None;
                    group.waiting.clear();
                }
                members.into_iter().for_each(|pod| self.place_in_queue(pod));
            }
            Kind::Minimum(workload) | Kind::Step(workload) => self.hold_or_settle(workload),
        }
    }

    /// Takes back what this decision admitted, because a request that goes first would take it (see "Order of
    /// admission"): it waits again as if nothing had been. Whether it was this decision's at all.
    pub(super) fn take_back(&mut self, unit: Unit) -> bool {
        let pods = self.pods_of(unit);
        let number = self.decision.number;
        if pods.is_empty()
            || !pods
                .iter()
                .all(|&pod| self.pod(pod).is_some_and(|pod| pod.decision == number))
        {
            return false;
        }
        match unit {
            Unit::Minimum(workload) => self.shrink(workload, &pods, &Cause::Bounds),
            Unit::Pod(_) | Unit::Group(_) => {
                for pod in pods {
                    self.release_pod(pod);
                    self.decision.admitted.retain(|&other| other != pod);
                    self.place_in_queue(pod);
                }
            }
        }
        self.note_taken_back(unit);
        true
    }

    /// What is taken back twice in one decision waits for a later one, so that each comes to an end: with several
    /// resources, requests may be entitled to take from each other in a circle.
    pub(super) fn note_taken_back(&mut self, unit: Unit) {
        if self.decision.taken_back.insert(unit) {
            return;
        }
        let step = match unit {
            Unit::Minimum(workload) => self.workloads.get(workload.0).map(|workload| workload.step),
            Unit::Pod(_) | Unit::Group(_) => None,
        };
        for request in [self.request_of(unit), step].into_iter().flatten() {
            self.put_off(request);
        }
    }

    /// An entitled other took what was kept for the request. The second time in one decision, it waits too.
    pub(super) fn note_taken_earmark(&mut self, request: RequestIx) {
        if !self.decision.lost_earmark.insert(request) {
            self.put_off(request);
        }
    }

    fn put_off(&mut self, index: RequestIx) {
        if let Some(request) = self.requests.get_mut(index.0) {
            request.tried = self.decision.round;
            // A step is no request at all while it is not covered.
            if matches!(request.kind, Kind::Step(_)) {
                return;
            }
            request.put_off = Some(self.decision.now);
            self.stuck.insert(index);
            self.wakes.insert(self.decision.now + PUT_OFF);
        }
    }

    fn request_of(&self, unit: Unit) -> Option<RequestIx> {
        match unit {
            Unit::Pod(pod) => match self.pod(pod)?.state {
                PodState::Waiting(request) => Some(request),
                _ => None,
            },
            Unit::Group(group) => self.groups.get(group.0)?.request,
            Unit::Minimum(workload) => self.workloads.get(workload.0)?.minimum,
        }
    }
}
