//! What drivers tell the engine about objects: plain data, no logic.
//!
//! Amounts are in base units: millicores for `cpu`, bytes, counts. Names are shared strings, because a
//! million pods share a few thousand of them.

use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of an object, a namespace, a resource or a label.
pub type Name = Arc<str>;

/// Amounts by resource name, in base units.
pub type Quantities = BTreeMap<Name, i64>;

/// A set of nodes whose capacity is leased (`CapacityPool`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSpec {
    /// The pool's name.
    pub name: Name,
    /// When the object was created: a node that two pools match belongs to the older one.
    pub created: Time,
    /// The nodes of this pool.
    pub node_selector: NodeSelector,
    /// What is leased, in the order in which it is reported.
    pub resources: Vec<Name>,
    /// Fixed capacity; a resource that is absent follows the nodes.
    pub capacity: Quantities,
    /// What is never leased.
    pub reserve: BTreeMap<Name, Reserve>,
    /// The lessor of the top-level leases.
    pub root_namespace: Name,
    /// Whether requests are also checked against room on nodes. Without it leases alone decide.
    pub checks_room: bool,
}

/// A part of a pool's capacity that is never leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reserve {
    /// An amount in base units.
    Amount(i64),
    /// A share of the capacity in millionths (3 % is 30,000); rounded up.
    Millionths(i64),
}

/// The identity of a lease: its lessor's namespace and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseKey {
    /// The lessor.
    pub namespace: Name,
    /// The lease's name.
    pub name: Name,
}

/// A grant of capacity by a lessor to a lessee for a term (`CapacityLease`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseSpec {
    /// The lessor's namespace and the lease's name.
    pub key: LeaseKey,
    /// When the object was created: the oldest active lease of an account decides its weight and the like.
    pub created: Time,
    /// The pool.
    pub pool: Name,
    /// The namespace that may use it.
    pub lessee: Name,
    /// Whether the lease goes down the tree or sideways.
    pub kind: LeaseKind,
    /// Capacity the lessee can always get back.
    pub guaranteed: Quantities,
    /// The most the lessee may use, borrowed capacity included. A resource that is absent has no limit.
    pub limit: Quantities,
    /// How much of the idle guarantee others may use. A resource that is absent: all that is idle.
    pub lend_limit: Quantities,
    /// Share of idle capacity among borrowers; at least 1.
    pub weight: i64,
    /// Highest pod priority that may be charged here.
    pub max_priority: Option<i32>,
    /// What a request that does not fit does to those behind it.
    pub queueing: Queueing,
    /// First instant of the term; absent: since ever.
    pub start: Option<Time>,
    /// First instant after the term; absent: for ever.
    pub end: Option<Time>,
    /// Whether the end moves on by whole terms while the lessor's holding allows it.
    pub renew: bool,
    /// What happens to what runs beyond the guarantee that is left at expiry.
    pub on_expiry: OnExpiry,
    /// Bound of the termination grace of this account's victims.
    pub grace_period: Span,
    /// For so long after its first pod ran, a whole unit is no victim.
    pub min_runtime: Span,
}

/// The direction of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LeaseKind {
    /// From a lessor to its lessee, an edge of the tree.
    Sublease,
    /// Moves guarantee sideways for the term.
    Transfer,
}

/// What a request that does not fit does to those behind it in its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Queueing {
    /// Smaller ones behind it may go first.
    BestEffort,
    /// It stops all behind it.
    StrictFifo,
}

/// What happens to use beyond the guarantee that is left when a lease expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OnExpiry {
    /// It goes on as borrowed.
    Borrow,
    /// It is shrunk, then evicted.
    Drain,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// The node's name.
    pub name: Name,
    /// Its labels.
    pub labels: BTreeMap<Name, Name>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// What its pods may ask for in all, every resource the node has, `pods` included.
    pub allocatable: Quantities,
    /// Ready and not cordoned: only then it counts as capacity.
    pub schedulable: bool,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Taint {
    /// The key.
    pub key: Name,
    /// The value, empty if none.
    pub value: Name,
    /// What it does to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaintEffect {
    /// They are not scheduled there.
    NoSchedule,
    /// They are rather scheduled elsewhere.
    PreferNoSchedule,
    /// They are neither scheduled there nor kept there.
    NoExecute,
}

/// A toleration of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Toleration {
    /// The taint's key; absent: every taint.
    pub key: Option<Name>,
    /// The taint's value; absent: any (operator `Exists`).
    pub value: Option<Name>,
    /// The taint's effect; absent: any.
    pub effect: Option<TaintEffect>,
}

/// A set of nodes: those that match each label and, if there are terms, at least one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeSelector {
    /// Labels that must be there with this value.
    pub labels: BTreeMap<Name, Name>,
    /// Alternatives; none: everything.
    pub terms: Vec<NodeSelectorTerm>,
}

/// Requirements that must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeSelectorTerm {
    /// Requirements on labels.
    pub labels: Vec<Requirement>,
    /// The node's name must be among these; empty: any.
    pub names: Vec<Name>,
}

/// A requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Requirement {
    /// The label's key.
    pub key: Name,
    /// How it is compared.
    pub operator: Operator,
    /// What it is compared with.
    pub values: Vec<Name>,
}

/// How a requirement compares a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// The value is one of the given.
    In,
    /// The label is absent or its value is none of the given.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// The value is an integer above the given one.
    Gt,
    /// The value is an integer below the given one.
    Lt,
}

/// What a pod asks of the cluster. Pods made from one template share it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Template {
    /// The effective request in base units, every resource, `pods: 1` included.
    pub request: Quantities,
    /// The nodes it may run on.
    pub nodes: NodeSelector,
    /// The taints it tolerates.
    pub tolerations: Vec<Toleration>,
    /// Asks for what the engine cannot check (spread, inter-pod affinity, volumes, devices): it is admitted
    /// by its lease alone.
    pub unchecked: bool,
}

/// The identity of a pod, given by the driver, unique for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PodId(pub u64);

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSpec {
    /// Its identity.
    pub id: PodId,
    /// Its namespace.
    pub namespace: Name,
    /// Its name, for messages and for ties.
    pub name: Name,
    /// Its priority.
    pub priority: i32,
    /// When it was created: its age decides in queues.
    pub created: Time,
    /// What it asks for.
    pub template: Arc<Template>,
    /// The pool its label names, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Name>,
    /// The group with which it is admitted all or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// The elastic workload of its namespace of which it is a replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Name>,
    /// Its number among its owner's replicas, where the owner numbers them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u32>,
}

/// A group of pods that is admitted all or none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Group {
    /// The group's name, within its namespace.
    pub name: Name,
    /// How many must be there before any is admitted.
    pub min: u32,
}

/// The identity of an elastic workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkloadKey {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

/// A workload whose replica count the engine decides (`ElasticWorkload`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticSpec {
    /// Its identity.
    pub key: WorkloadKey,
    /// When it was created.
    pub created: Time,
    /// Priority of its pods.
    pub priority: i32,
    /// What each replica asks for.
    pub template: Arc<Template>,
    /// The pool its pods' label names, if any.
    pub pool: Option<Name>,
    /// All of these or nothing; at least 1.
    pub min: u32,
    /// Never more than these.
    pub max: u32,
    /// Replicas above the minimum change by multiples of this; at least 1.
    pub step: u32,
    /// Least time between a shrink and the next growth.
    pub cooldown: Span,
    /// Which replicas go when the count is lowered.
    pub removal: Removal,
}

/// Which replicas go when a workload's count is lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Removal {
    /// Those that the engine names.
    Chosen,
    /// Those that were placed last.
    Newest,
    /// Those with the highest ordinal; of those without one, what arrived last.
    HighestOrdinal,
}
