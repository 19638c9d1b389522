//! Sums everything again from its parts: what must hold after every event.

use super::Pool;
use super::records::PodState;
use crate::amounts::Amounts;
use crate::ids::{AccountId, PodIx, RequestIx};
use crate::tree::View;
use std::collections::BTreeMap;

impl Pool {
    /// The first broken invariant, in words. Costs the whole state.
    pub(crate) fn verify(&self) -> Result<(), String> {
        self.verify_use()?;
        self.verify_rooms()?;
        self.verify_queues()?;
        self.verify_workloads()
    }

    fn verify_use(&self) -> Result<(), String> {
        let zero = || {
            [
                Amounts::zero(self.tree.resources()),
                Amounts::zero(self.tree.resources()),
            ]
        };
        let mut sums: BTreeMap<AccountId, [Amounts; 2]> = BTreeMap::new();
        for (_, pod) in self.pods.iter() {
            let amounts = self.charge_of(pod.shape);
            let entry = sums.entry(pod.account).or_insert_with(zero);
            if matches!(pod.state, PodState::Charged | PodState::Leaving) {
                entry[View::Now as usize] += amounts;
            }
            if pod.state == PodState::Charged {
                entry[View::Soon as usize] += amounts;
            }
        }
        for request in self
            .earmarked
            .iter()
            .filter_map(|index| self.requests.get(index.0))
        {
            sums.entry(request.account).or_insert_with(zero)[View::Soon as usize] += &request.total;
        }
        for id in self.tree.in_order() {
            let expected = sums.remove(&id).unwrap_or_else(zero);
            for view in [View::Now, View::Soon] {
                for (resource, summed) in expected[view as usize].iter().enumerate() {
                    let booked = self.tree.own_use(view, id, resource);
                    if booked != summed {
                        let name = &self.tree.account(id).name;
                        return Err(format!(
                            "{name} is charged {booked}, its pods add up to {summed} ({view:?})"
                        ));
                    }
                    self.verify_visible(view, id, resource)?;
                }
            }
        }
        match sums.keys().next() {
            Some(id) => Err(format!(
                "{} is charged and not in the tree",
                self.tree.account(*id).name
            )),
            None => Ok(()),
        }
    }

    fn verify_visible(&self, view: View, id: AccountId, resource: usize) -> Result<(), String> {
        use crate::tree::Place;
        let account = self.tree.account(id);
        let above: i64 = account
            .children
            .iter()
            .map(|&child| {
                (self.tree.used_at(view, Place::Whole(child), resource)
                    - self.tree.kept(child, resource))
                .max(0)
            })
            .sum();
        let expected = self.tree.own_use(view, id, resource) + above;
        let booked = self.tree.used_at(view, Place::Whole(id), resource);
        if booked == expected {
            Ok(())
        } else {
            Err(format!(
                "V({}) is booked as {booked} and adds up to {expected} ({view:?})",
                account.name
            ))
        }
    }

    fn verify_rooms(&self) -> Result<(), String> {
        let mut used: BTreeMap<u32, BTreeMap<usize, [i64; 3]>> = BTreeMap::new();
        let mut book = |node: crate::ids::NodeIx, shape: crate::ids::ShapeIx, which: usize| {
            for (resource, amount) in self.rooms.shape_of(shape).request.iter().enumerate() {
                used.entry(node.0).or_default().entry(resource).or_default()[which] += amount;
            }
        };
        for (_, pod) in self.pods.iter() {
            if let Some(node) = pod.node {
                book(node, pod.shape, 0);
                if pod.state == PodState::Leaving {
                    book(node, pod.shape, 1);
                }
            }
        }
        self.outside
            .values()
            .for_each(|&(node, shape)| book(node, shape, 0));
        for request in self
            .earmarked
            .iter()
            .filter_map(|index| self.requests.get(index.0))
        {
            for &(node, shape) in request.earmark.iter().flat_map(|earmark| &earmark.nodes) {
                book(node, shape, 2);
            }
        }
        let mut expected: BTreeMap<u32, u32> = BTreeMap::new();
        let unbound = self.pods.iter().filter(|(_, pod)| !pod.placed);
        for node in unbound.filter_map(|(_, pod)| pod.node) {
            *expected.entry(node.0).or_default() += 1;
        }
        for (node, taken, leaving, earmarked) in self.rooms.sums() {
            let (counted, known) = (
                expected.get(&node.0).copied().unwrap_or(0),
                self.rooms.expected(node),
            );
            if counted != known {
                let name = &self.rooms.node(node).spec.name;
                return Err(format!(
                    "node {name} expects {known} pods, {counted} are not bound"
                ));
            }
            for (which, booked) in [taken, leaving, earmarked].into_iter().enumerate() {
                for (resource, &amount) in booked.iter().enumerate() {
                    let expected = used
                        .get(&node.0)
                        .and_then(|node| node.get(&resource))
                        .map_or(0, |sums| sums[which]);
                    if amount != expected {
                        let name = &self.rooms.node(node).spec.name;
                        let resource = &self.rooms.resource_names()[resource];
                        return Err(format!(
                            "node {name} has {amount} {resource} booked, its pods add up to {expected}"
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn verify_queues(&self) -> Result<(), String> {
        let mut pending: BTreeMap<AccountId, Amounts> = BTreeMap::new();
        for (index, request) in self.requests.iter() {
            let index = RequestIx(index);
            let step = matches!(request.kind, super::records::Kind::Step(_));
            let queued = self.queue_of(request.account).is_some_and(|queue| {
                let key = (std::cmp::Reverse(request.priority), request.class);
                let place = (request.created, request.name.clone(), index);
                queue
                    .classes
                    .get(&key)
                    .is_some_and(|class| class.requests.contains(&place))
            });
            let earmarked = self.earmarked.contains(&index);
            if earmarked != request.earmark.is_some() || (!step && queued == earmarked) {
                return Err(format!(
                    "request {} is in {} places",
                    request.name,
                    usize::from(queued) + usize::from(earmarked)
                ));
            }
            if queued {
                *pending
                    .entry(request.account)
                    .or_insert_with(|| Amounts::zero(self.tree.resources())) += &request.total;
            }
        }
        for id in self.tree.in_order() {
            let booked = self.queue_of(id).and_then(|queue| queue.pending.clone());
            let summed = pending.remove(&id);
            let zero = Amounts::zero(self.tree.resources());
            if booked.as_ref().unwrap_or(&zero) != summed.as_ref().unwrap_or(&zero) {
                return Err(format!(
                    "{} has {booked:?} pending, its requests add up to {summed:?}",
                    self.tree.account(id).name
                ));
            }
        }
        Ok(())
    }

    fn verify_workloads(&self) -> Result<(), String> {
        for (_, workload) in self.workloads.iter() {
            let name = &workload.spec.key.name;
            for (&sequence, &pod) in &workload.slots {
                let sound = self.pod(pod).is_some_and(|pod: &super::Pod| {
                    pod.sequence == sequence && pod.state == PodState::Charged
                });
                if !sound {
                    return Err(format!("a replica of {name} is granted and not charged"));
                }
            }
            if workload.target() > workload.spec.max && !workload.gone {
                return Err(format!(
                    "{name} has {} replicas, at most {} are allowed",
                    workload.target(),
                    workload.spec.max
                ));
            }
            let unfilled = workload
                .unfilled
                .values()
                .all(|pod: &PodIx| self.pod(*pod).is_some_and(|pod| pod.id.is_none()));
            if !unfilled {
                return Err(format!(
                    "a replica of {name} has a pod and is listed as without"
                ));
            }
        }
        Ok(())
    }
}
