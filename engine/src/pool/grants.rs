//! What of this pool the scheduler plugin has to know, and which of it has changed.

use super::Pool;
use super::records::PodState;
use crate::grants::{AccountStanding, Grant, NodeRoom, PoolChanges};
use crate::ids::{AccountId, NodeIx, PodIx, WorkloadIx};
use crate::place::Resources;
use crate::score::NodeMix;
use crate::spec::{Name, PodId, WorkloadKey};
use crate::time::Time;
use crate::tree::{Place, View};
use std::collections::BTreeSet;

/// What has changed since it was last taken.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pods: BTreeSet<PodId>,
    workloads: BTreeSet<WorkloadKey>,
}

impl Pool {
    /// Notes from now on what changes. To be called before anything is in the pool.
    pub(crate) fn track_grants(&mut self) {
        self.marks = Some(Marks::default());
        self.rooms.marked = Some(BTreeSet::new());
        self.tree.marked = Some(BTreeSet::new());
    }

    /// The pod's grant may be other than before.
    pub(super) fn mark_pod(&mut self, pod: PodIx) {
        if let Some(marks) = &mut self.marks
            && let Some(id) = self.pods.get(pod.0).and_then(|pod| pod.id)
        {
            marks.pods.insert(id);
        }
    }

    /// The workload's surplus may be other than before.
    pub(super) fn mark_workload(&mut self, workload: WorkloadIx) {
        if let Some(marks) = &mut self.marks
            && let Some(workload) = self.workloads.get(workload.0)
        {
            marks.workloads.insert(workload.spec.key.clone());
        }
    }

    /// What changed since the last call, pods left out; and the pods of which the grant may have changed.
    pub(crate) fn take_grants(&mut self) -> (PoolChanges, Vec<PodId>) {
        let marks = self.marks.as_mut().map(std::mem::take).unwrap_or_default();
        let nodes = self.rooms.marked.as_mut().map(std::mem::take);
        let accounts = self.tree.marked.as_mut().map(std::mem::take);
        let mut changes = PoolChanges {
            pool: self.spec.name.clone(),
            resources: self.rooms.resource_names().to_vec(),
            ..PoolChanges::default()
        };
        for node in nodes.into_iter().flatten() {
            if self.rooms.node(node).live {
                changes.nodes.push(self.node_room(node));
            } else {
                let name = self.rooms.node(node).spec.name.clone();
                changes.removed_nodes.push(name);
            }
        }
        // What is charged to an account is seen by all above it.
        let below = accounts.unwrap_or_default();
        let above = below.iter().flat_map(|&id| self.tree.path(id));
        let accounts: BTreeSet<AccountId> = below.iter().chain(above).copied().collect();
        for id in accounts {
            if self.tree.account(id).live {
                changes.accounts.push(self.standing(id));
            } else {
                let name = self.tree.account(id).name.clone();
                changes.removed_accounts.push(name);
            }
        }
        for key in marks.workloads {
            let surplus = self.surplus_of(&key);
            changes.workloads.push((key.namespace, key.name, surplus));
        }
        (changes, marks.pods.into_iter().collect())
    }

    fn node_room(&self, node: NodeIx) -> NodeRoom {
        NodeRoom {
            node: self.rooms.node(node).spec.name.clone(),
            is_earmarked: self.rooms.keeps_room(node),
            free_beside_earmarks: self.rooms.free_beside_earmarks(node).to_vec(),
            mix: self.mix(node),
        }
    }

    fn mix(&self, node: NodeIx) -> NodeMix {
        let pods = self.rooms.node(node).pods.iter();
        let reclaimable: Vec<PodIx> = pods
            .copied()
            .filter(|&pod| self.is_reclaimable(pod))
            .collect();
        let names = self.rooms.resource_names().iter().enumerate();
        let leased = names.filter(|(_, name)| &***name != "pods");
        NodeMix::of(leased.map(|(resource, _)| {
            let (allocatable, used) = self.rooms.use_of(node, resource);
            let asked = reclaimable.iter().filter_map(|&pod| {
                let request = &self.rooms.shape_of(self.pod(pod)?.shape).request;
                request.get(resource).copied()
            });
            (allocatable, used, asked.sum())
        }))
    }

    fn standing(&self, id: AccountId) -> AccountStanding {
        let account = self.tree.account(id);
        AccountStanding {
            namespace: account.name.clone(),
            parent: account
                .parent
                .map(|parent| self.tree.account(parent).name.clone()),
            own_borrows: self.borrowed(Place::Own(id)),
            whole_borrows: self.borrowed(Place::Whole(id)),
            min_runtime: account.terms.min_runtime,
        }
    }

    fn borrowed(&self, place: Place) -> Resources {
        self.tree
            .in_mask(self.tree.all())
            .filter(|&resource| self.tree.borrowed_at(View::Soon, place, resource) > 0)
            .fold(0, |mask, resource| mask | (1 << resource))
    }

    fn surplus_of(&self, key: &WorkloadKey) -> u32 {
        let index = self.workload_by_key.get(key);
        let workload = index.and_then(|index| self.workloads.get(index.0));
        workload.map_or(0, |workload| workload.surplus(workload.target()))
    }

    /// What is known of a charged pod; nothing if it is not charged (any more).
    pub(crate) fn grant_of(&self, index: PodIx) -> Option<Grant> {
        let pod = self.pod(index)?;
        if !matches!(pod.state, PodState::Charged | PodState::Leaving) {
            return None;
        }
        let shape = self.rooms.shape_of(pod.shape);
        let charge = self.charge_of(pod.shape);
        let name = |node: NodeIx| -> Name { self.rooms.node(node).spec.name.clone() };
        let workload = pod
            .workload
            .and_then(|workload| self.workloads.get(workload.0));
        Some(Grant {
            namespace: self.tree.account(pod.account).name.clone(),
            node: pod.node.map(name),
            request: shape.request.to_vec(),
            holds: (0..charge.len())
                .filter(|&resource| charge[resource] > 0)
                .fold(0, |mask, resource| mask | (1 << resource)),
            is_reclaimable: self.is_reclaimable(index),
            workload: workload.map(|workload| workload.spec.key.name.clone()),
            unit_started: self.unit_started(index),
        })
    }

    /// When the first pod of the pod's unit ran.
    fn unit_started(&self, index: PodIx) -> Option<Time> {
        let pod = self.pod(index)?;
        let key = match (pod.workload, pod.group) {
            (Some(workload), _) => self.workloads.get(workload.0)?.key.as_ref(),
            (None, Some(group)) => self.groups.get(group.0)?.key.as_ref(),
            (None, None) => return pod.started,
        };
        key.map(|key| key.started.0)
            .filter(|&started| started != Time::MAX)
    }
}
