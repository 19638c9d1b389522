//! Leases and nodes: what is held, by whom, and where there is room.

use super::{Decision, Pool};
use crate::amounts::Amounts;
use crate::ids::{AccountId, PodIx, WorkloadIx};
use crate::lease::{AccountState, FoundLease, LeaseBook};
use crate::refusal::Refusal;
use crate::room::Rooms;
use crate::snapshot::LeaseStanding;
use crate::spec::{
    LeaseKey, LeaseSpec, Name, NodeSpec, PodId, PoolSpec, Quantities, Reserve, Template,
};
use crate::time::Time;
use crate::tree::Tree;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Millionths in a whole.
const WHOLE: i128 = 1_000_000;

/// What is left of a capacity when the reserve is taken off; a percentage rounds up.
fn less_reserve(capacity: i64, reserve: Option<&Reserve>) -> i64 {
    let reserved = match reserve {
        None => 0,
        Some(Reserve::Amount(amount)) => *amount,
        Some(Reserve::Millionths(share)) => {
            let share = i128::from(capacity) * i128::from(*share);
            i64::try_from((share + WHOLE - 1) / WHOLE).unwrap_or(i64::MAX)
        }
    };
    (capacity - reserved).max(0)
}

impl Pool {
    /// A pool without leases and nodes.
    pub(crate) fn new(spec: PoolSpec, now: Time) -> Option<Pool> {
        let mut book = LeaseBook::new(
            spec.name.clone(),
            spec.resources.clone(),
            spec.root_namespace.clone(),
        );
        book.advance(now);
        let root = book.terms(&spec.root_namespace)?;
        book.take_touched();
        let resources = spec.resources.len();
        let mut pool = Pool {
            spec,
            book,
            tree: Tree::new(root),
            rooms: Rooms::default(),
            charges: Vec::new(),
            pods: Default::default(),
            groups: Default::default(),
            group_by_name: Default::default(),
            workloads: Default::default(),
            workload_by_key: Default::default(),
            requests: Default::default(),
            queues: Vec::new(),
            classes: Vec::new(),
            class_by_parts: Default::default(),
            waiting: Default::default(),
            growing: Default::default(),
            outside: Default::default(),
            found_pods: BTreeSet::new(),
            found_workloads: Default::default(),
            held: BTreeSet::new(),
            held_workloads: BTreeSet::new(),
            earmarked: BTreeSet::new(),
            stuck: BTreeSet::new(),
            parked: Default::default(),
            gained: BTreeSet::new(),
            touched: BTreeSet::new(),
            stale: BTreeSet::new(),
            loosened: false,
            draining: BTreeSet::new(),
            cooling: BTreeSet::new(),
            wakes: BTreeSet::new(),
            changed: BTreeSet::new(),
            sequence: 0,
            decision: Decision {
                now,
                ..Decision::default()
            },
            aside: BTreeSet::new(),
            told: Vec::new(),
            node_capacity: Amounts::zero(resources),
            marks: None,
        };
        pool.update_capacity();
        Some(pool)
    }

    fn held_with(&self, spec: &PoolSpec, nodes: &Amounts) -> Amounts {
        let resources = spec.resources.iter().zip(nodes.iter());
        resources
            .map(|(name, of_nodes)| {
                let capacity = spec.capacity.get(name).copied().unwrap_or(of_nodes);
                less_reserve(capacity, spec.reserve.get(name))
            })
            .collect()
    }

    /// What its nodes have, or what its object says it has.
    pub(crate) fn capacity(&self) -> Vec<(Name, i64)> {
        let resources = self.spec.resources.iter().zip(self.node_capacity.iter());
        resources
            .map(|(name, of_nodes)| {
                let fixed = self.spec.capacity.get(name).copied();
                (name.clone(), fixed.unwrap_or(of_nodes))
            })
            .collect()
    }

    fn update_capacity(&mut self) {
        let held = self.held_with(&self.spec, &self.node_capacity);
        self.book.set_capacity(held);
        self.sync_terms();
    }

    /// Why a change of the pool's own fields would be refused. `nodes` are those its selector would match.
    pub(crate) fn check_spec<'a>(
        &self,
        now: Time,
        spec: &PoolSpec,
        nodes: impl Iterator<Item = &'a NodeSpec>,
    ) -> Vec<Refusal> {
        if spec.resources != self.spec.resources || spec.root_namespace != self.spec.root_namespace
        {
            return vec![Refusal::Invalid {
                object: format!("CapacityPool {}", spec.name),
                field: "spec".to_owned(),
                problem: "resources and rootNamespace cannot be changed: create another pool"
                    .to_owned(),
            }];
        }
        let mut capacity = Amounts::zero(spec.resources.len());
        for node in nodes {
            capacity += &contribution(spec, node);
        }
        self.book
            .check_capacity(now, &self.held_with(spec, &capacity))
    }

    /// Takes over the pool's fields.
    pub(crate) fn set_spec(&mut self, spec: PoolSpec) {
        self.spec = spec;
        self.update_capacity();
    }

    /// Why a lease would be refused.
    pub(crate) fn check_lease(&self, now: Time, lease: &LeaseSpec) -> Vec<Refusal> {
        self.book.check_set(now, lease)
    }

    /// Why a lease could not be deleted.
    pub(crate) fn check_removal(&self, now: Time, key: &LeaseKey) -> Vec<Refusal> {
        self.book.check_remove(now, key)
    }

    /// A lease is there, or has changed.
    pub(crate) fn lease_set(&mut self, now: Time, lease: &LeaseSpec) -> Result<(), Vec<Refusal>> {
        self.book.set(now, lease.clone())?;
        self.sync_terms();
        Ok(())
    }

    /// Leases are there that were granted already. Returns what is wrong with those that cannot be.
    pub(crate) fn leases_found(&mut self, now: Time, found: Vec<FoundLease>) -> Vec<Refusal> {
        let refused = self.book.adopt(now, found);
        self.sync_terms();
        refused
    }

    /// A lease is gone.
    pub(crate) fn lease_removed(&mut self, now: Time, key: &LeaseKey) -> Result<(), Vec<Refusal>> {
        let lessee = self.book.lease(key).map(|lease| lease.lessee.clone());
        self.book.remove(now, key)?;
        self.sync_terms();
        if let Some(account) = lessee.and_then(|lessee| self.tree.find(&lessee)) {
            self.forget_account(account);
        }
        Ok(())
    }

    /// Whether the pool has the lease.
    pub(crate) fn has_lease(&self, key: &LeaseKey) -> bool {
        self.book.lease(key).is_some()
    }

    /// Takes over what changed in the lease book. Costs the accounts that changed, and their siblings that wait.
    pub(super) fn sync_terms(&mut self) {
        // Before accounts move: afterwards their old levels would not be found.
        self.refresh_lists();
        let mut todo = self.book.take_touched();
        todo.reverse();
        let mut release_held = false;
        let mut levels: BTreeSet<AccountId> = BTreeSet::new();
        while let Some(name) = todo.pop() {
            let Some(terms) = self.book.terms(&name) else {
                if let Some(id) = self.tree.find(&name) {
                    levels.extend(self.tree.account(id).parent);
                    self.draining.remove(&id);
                    self.waiting.list(
                        self.tree.account(id).parent.unwrap_or(id),
                        crate::tree::Place::Whole(id),
                        None,
                    );
                    self.growing.list(
                        self.tree.account(id).parent.unwrap_or(id),
                        crate::tree::Place::Whole(id),
                        None,
                    );
                    self.tree.remove(id);
                }
                continue;
            };
            // A lessor comes before its lessees.
            if let Some(parent) = terms
                .parent
                .as_ref()
                .filter(|parent| self.tree.find(parent).is_none())
            {
                let parent = parent.clone();
                todo.push(name);
                todo.push(parent);
                continue;
            }
            let old = self
                .tree
                .find(&name)
                .map(|id| self.tree.account(id).terms.clone());
            if old.as_ref() == Some(&terms) {
                continue;
            }
            release_held |= old.as_ref().is_some_and(|old| {
                old.state != terms.state
                    || old.max_priority != terms.max_priority
                    || old.has_lease != terms.has_lease
            });
            let draining = terms.draining;
            if let Some(id) = self.tree.find(&name)
                && let Some(parent) = self.tree.account(id).parent
                && Some(&self.tree.account(parent).name) != terms.parent.as_ref()
            {
                self.waiting
                    .list(parent, crate::tree::Place::Whole(id), None);
                self.growing
                    .list(parent, crate::tree::Place::Whole(id), None);
                levels.insert(parent);
            }
            let id = self.tree.set_terms(terms);
            if draining {
                self.draining.insert(id);
            } else {
                self.draining.remove(&id);
            }
            levels.insert(id);
            levels.extend(self.tree.account(id).parent);
            self.changed.insert(id);
        }
        for level in levels {
            if self.tree.account(level).live {
                self.refresh_level(level);
                self.touched.insert(level);
                self.loosened = true;
            }
        }
        if release_held {
            self.look_at_held();
        }
    }

    /// Pods and workloads that were held may be queued now, or the other way round.
    fn look_at_held(&mut self) {
        let pods: Vec<PodIx> = std::mem::take(&mut self.held).into_iter().collect();
        for pod in pods {
            self.place_in_queue(pod);
        }
        let workloads: Vec<WorkloadIx> = self.held_workloads.iter().copied().collect();
        for workload in workloads {
            self.hold_or_settle(workload);
        }
    }

    /// An account without a lease, a pod or anything that waits is forgotten.
    pub(super) fn forget_account(&mut self, account: AccountId) {
        let entry = self.tree.account(account);
        if entry.terms.has_lease
            || entry.terms.state == AccountState::Scheduled
            || entry.parent.is_none()
        {
            return;
        }
        let idle = self.tree.is_unused(account)
            && self
                .queue_of(account)
                .is_none_or(|queue| queue.classes.is_empty() && queue.units.is_empty())
            && !self.pods.iter().any(|(_, pod)| pod.account == account)
            && !self
                .workloads
                .iter()
                .any(|(_, workload)| workload.account == account && !workload.gone);
        if idle {
            let name = entry.name.clone();
            self.book.forget(&name);
            self.sync_terms();
        }
    }

    /// A node of this pool is there, or has changed.
    pub(crate) fn node_set(&mut self, node: &NodeSpec) {
        if let Some(index) = self.rooms.find(&node.name)
            && self.rooms.node(index).live
        {
            let old = contribution(&self.spec, &self.rooms.node(index).spec);
            self.node_capacity -= &old;
        }
        let index = self.rooms.set_node(node);
        self.node_capacity += &contribution(&self.spec, node);
        self.gained.insert(index);
        self.loosened = true;
        self.update_capacity();
    }

    /// A node is gone, or belongs to another pool now.
    pub(crate) fn node_removed(&mut self, name: &str) {
        let Some(index) = self.rooms.find(name) else {
            return;
        };
        if !self.rooms.node(index).live {
            return;
        }
        let old = contribution(&self.spec, &self.rooms.node(index).spec);
        self.rooms.remove_node(name);
        self.node_capacity -= &old;
        self.loosened = true;
        self.update_capacity();
    }

    /// Whether the node is one of this pool's.
    pub(crate) fn has_node(&self, name: &str) -> bool {
        self.rooms
            .find(name)
            .is_some_and(|node| self.rooms.node(node).live)
    }

    /// A pod outside all leases takes room.
    pub(crate) fn outside_placed(&mut self, pod: PodId, node: &str, request: &Quantities) {
        let Some(node) = self.rooms.find(node) else {
            return;
        };
        let template = Template {
            request: request.clone(),
            ..Template::default()
        };
        let shape = self.shape(&Arc::new(template));
        self.rooms.take(node, shape, 1);
        self.outside.insert(pod, (node, shape));
    }

    /// A pod outside all leases has ended; whether it was known.
    pub(crate) fn outside_ended(&mut self, pod: PodId) -> bool {
        let Some((node, shape)) = self.outside.remove(&pod) else {
            return false;
        };
        self.rooms.take(node, shape, -1);
        self.gained.insert(node);
        self.loosened = true;
        true
    }

    /// Where a lease stands, if it was granted.
    pub(crate) fn lease_standing(&self, key: &LeaseKey) -> Option<LeaseStanding> {
        let lease = self.book.lease(key)?;
        let terms = self.book.terms(&lease.lessee)?;
        Some(LeaseStanding {
            state: self.book.lease_state(key)?,
            until: lease.end,
            is_scaled: !terms.granted.fits(&terms.guaranteed),
        })
    }

    /// The account of a namespace and whether it is anything but forgotten.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Name> {
        self.book.accounts()
    }
}

/// What a node adds to the pool's capacity.
fn contribution(spec: &PoolSpec, node: &NodeSpec) -> Amounts {
    spec.resources
        .iter()
        .map(|name| {
            if node.schedulable {
                node.allocatable.get(name).copied().unwrap_or(0).max(0)
            } else {
                0
            }
        })
        .collect()
}
