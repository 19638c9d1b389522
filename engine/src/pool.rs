//! One pool: its leases, its accounts, its nodes, what is charged and what waits.
//!
//! The submodules each answer one question: [`charge`] books and gives back, [`queue`] keeps what waits and in
//! which order an account offers it, [`decide`] makes the decision ([`search`] finds who is next, [`partly`] who
//! is entitled in part, [`serve`] and [`admit`] do it), [`reclaim`] plans whom to take from, [`elastic`] changes workloads' sizes, [`arrive`] takes
//! note of pods and workloads, [`found`] of those that were there before, [`capacity`] of leases and nodes,
//! [`figures`] and [`verify`] tell.

mod admit;
mod arrive;
mod capacity;
mod charge;
mod decide;
mod drain;
mod earmark;
mod elastic;
mod explain;
mod figures;
mod found;
mod grants;
mod partly;
mod queue;
mod reclaim;
pub(crate) mod records;
mod search;
mod serve;
mod verify;
mod workloads;

use crate::action::{Action, Cause};
use crate::amounts::Amounts;
use crate::demand::Demand;
use crate::ids::{AccountId, GroupIx, NodeIx, PodIx, RequestIx, ShapeIx, WorkloadIx};
use crate::lease::LeaseBook;
use crate::room::Rooms;
use crate::slab::Slab;
use crate::spec::{Name, PodId, PoolSpec, WorkloadKey};
use crate::time::Time;
use crate::tree::{Place, Tree, View};
use queue::{ClassKey, Queue};
use records::{Group, Parts, Pod, Request, Unit, Workload};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// A request's form: what it asks for, leaving out who asks.
#[derive(Debug)]
struct Class {
    total: Amounts,
}

/// What waits for room on a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Parked {
    /// Requests of one form in one account.
    Class(AccountId, ClassKey),
    /// The growth of a workload.
    Growth(WorkloadIx),
}

/// What a decision does, until it is told.
#[derive(Debug, Default)]
struct Decision {
    number: u64,
    /// Whether it is being made: what is told between decisions undoes nothing of the last one.
    is_open: bool,
    /// Rises with each round of each decision.
    round: u64,
    /// How often a request may still be served.
    left: usize,
    now: Time,
    admitted: Vec<PodIx>,
    evicted: Vec<(PodIx, Cause)>,
    scaled: BTreeMap<WorkloadIx, (Option<Cause>, Vec<PodIx>)>,
    /// Units that were taken back once already: a second time they wait for the next decision.
    taken_back: BTreeSet<Unit>,
    /// Requests that lost their earmark to others once already: the same.
    lost_earmark: BTreeSet<RequestIx>,
    /// Requests whose reason to wait may be new.
    news: BTreeSet<RequestIx>,
}

/// One pool.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) spec: PoolSpec,
    book: LeaseBook,
    tree: Tree,
    rooms: Rooms,
    /// What each shape is charged, in the pool's resources.
    charges: Vec<Amounts>,
    pods: Slab<Pod>,
    groups: Slab<Group>,
    group_by_name: FxHashMap<(AccountId, Name), GroupIx>,
    workloads: Slab<Workload>,
    workload_by_key: FxHashMap<WorkloadKey, WorkloadIx>,
    requests: Slab<Request>,
    queues: Vec<Queue>,
    classes: Vec<Class>,
    class_by_parts: FxHashMap<Parts, u32>,
    /// Requests that wait.
    waiting: Demand,
    /// Elastic workloads that could grow.
    growing: Demand,
    /// Pods outside all leases that take room.
    outside: FxHashMap<PodId, (NodeIx, ShapeIx)>,
    /// Pods that were found since the last decision.
    found_pods: BTreeSet<PodIx>,
    /// Workloads that were found since, with the counts they were granted.
    found_workloads: BTreeMap<WorkloadIx, u32>,
    held: BTreeSet<PodIx>,
    held_workloads: BTreeSet<WorkloadIx>,
    earmarked: BTreeSet<RequestIx>,
    stuck: BTreeSet<RequestIx>,
    parked: BTreeMap<ShapeIx, BTreeSet<Parked>>,
    /// Nodes that have more room than at the last decision.
    gained: BTreeSet<NodeIx>,
    /// Accounts whose use, holding or queue changed since the last decision.
    touched: BTreeSet<AccountId>,
    /// Accounts whose place in `waiting` and `growing` is no longer right.
    stale: BTreeSet<AccountId>,
    /// Whether something may fit now that did not at the last decision.
    loosened: bool,
    draining: BTreeSet<AccountId>,
    cooling: BTreeSet<(Time, WorkloadIx)>,
    wakes: BTreeSet<Time>,
    changed: BTreeSet<AccountId>,
    sequence: u64,
    decision: Decision,
    /// Pods that wait outside a queue, and whose reason is to be told.
    aside: BTreeSet<PodIx>,
    /// What is to be told beside the decision.
    told: Vec<Action>,
    /// Capacity of the nodes, by resource.
    node_capacity: Amounts,
    /// What the scheduler plugin has not been told, if there is one.
    marks: Option<grants::Marks>,
}

impl Pool {
    fn pod(&self, pod: PodIx) -> Option<&Pod> {
        self.pods.get(pod.0)
    }

    fn charge_of(&self, shape: ShapeIx) -> &Amounts {
        &self.charges[shape.at()]
    }

    /// The account of a namespace in this pool.
    pub(crate) fn account(&self, namespace: &str) -> Option<AccountId> {
        self.tree.find(namespace)
    }

    /// The next instant at which something changes by itself.
    pub(crate) fn next_wake(&self) -> Option<Time> {
        let cooling = self.cooling.first().map(|&(time, _)| time);
        [
            self.book.next_change(),
            self.wakes.first().copied(),
            cooling,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether room for the pod is there beside what is earmarked for others.
    pub(crate) fn may_place(&self, pod: Option<PodIx>, node: &str) -> bool {
        let Some(index) = self
            .rooms
            .find(node)
            .filter(|&index| self.rooms.keeps_room(index))
        else {
            return true;
        };
        let pod = pod.and_then(|pod| self.pod(pod));
        crate::place::may_place(
            pod.is_some_and(|pod| pod.node == Some(index)),
            true,
            &self.rooms.free_beside_earmarks(index),
            pod.map(|pod| &self.rooms.shape_of(pod.shape).request[..]),
        )
    }

    /// The node on which an admitted pod that is not bound yet is expected.
    pub(crate) fn expected_node(&self, pod: PodIx) -> Option<&str> {
        let pod = self.pod(pod).filter(|pod| !pod.placed)?;
        Some(&self.rooms.node(pod.node?).spec.name)
    }

    /// Whether the pod is elastic surplus, or its account uses more than its own part.
    pub(crate) fn is_reclaimable(&self, pod: PodIx) -> bool {
        let Some(pod) = self.pod(pod) else {
            return false;
        };
        let workload = pod
            .workload
            .and_then(|workload| self.workloads.get(workload.0));
        let surplus = workload.is_some_and(|workload| workload.spec.max > workload.spec.min);
        surplus
            || (0..self.tree.resources()).any(|resource| {
                self.charge_of(pod.shape)[resource] > 0
                    && self
                        .tree
                        .borrowed_at(View::Now, Place::Own(pod.account), resource)
                        > 0
            })
    }

    /// Rises whenever an account comes, goes or moves.
    pub(crate) fn tree_version(&self) -> u64 {
        self.tree.moves()
    }

    /// Whether any account's figures changed since the last call.
    pub(crate) fn forget_changed(&mut self) -> bool {
        let any = !self.changed.is_empty();
        self.changed.clear();
        any
    }

    /// Accounts whose figures changed since the last call.
    pub(crate) fn take_changed(&mut self) -> Vec<Name> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|id| self.tree.account(id).name.clone())
            .collect()
    }
}
