//! One thing that was seen.

use crate::elastic::{Target, Unmanaged};
use api::crd::{CapacityLeaseStatus, CapacityPoolStatus, ElasticWorkload, LeasePhase};
use engine::Time;
use engine::spec::{LeaseKey, LeaseSpec, Name, NodeSpec, PodSpec, PoolSpec, WorkloadKey};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The identity that the API server gives an object.
pub type Uid = Arc<str>;

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `CapacityPool`.
    Pools,
    /// `CapacityLease`.
    Leases,
    /// `ElasticWorkload`.
    Workloads,
    /// `Node`.
    Nodes,
    /// `Namespace`.
    Namespaces,
    /// `Pod`.
    Pods,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] = [
        Kind::Pools,
        Kind::Leases,
        Kind::Workloads,
        Kind::Nodes,
        Kind::Namespaces,
        Kind::Pods,
    ];

    /// Its name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Pools => "pools",
            Kind::Leases => "leases",
            Kind::Workloads => "workloads",
            Kind::Nodes => "nodes",
            Kind::Namespaces => "namespaces",
            Kind::Pods => "pods",
        }
    }
}

/// Something that was seen in the cluster.
#[derive(Debug)]
pub enum Observation {
    /// A list begins: what it does not name until `Synced` is gone.
    Relisting(Kind),
    /// The list is complete.
    Synced(Kind),
    /// A pool is there.
    Pool(Box<PoolSeen>),
    /// A pool is gone.
    PoolGone(Name),
    /// A lease is there.
    Lease(Box<LeaseSeen>),
    /// A lease is gone.
    LeaseGone(LeaseKey),
    /// A node is there.
    Node(Box<NodeSpec>),
    /// A node is gone.
    NodeGone(Name),
    /// A namespace is there.
    Namespace(NamespaceSeen),
    /// A namespace is gone.
    NamespaceGone(Name),
    /// An elastic workload is there.
    Workload(Box<WorkloadSeen>),
    /// An elastic workload is gone.
    WorkloadGone(WorkloadKey),
    /// A pod is there.
    Pod(Box<PodSeen>),
    /// A pod is gone.
    PodGone(Uid),
}

/// A pool that was seen.
#[derive(Clone, Debug)]
pub struct PoolSeen {
    /// Its name.
    pub name: Name,
    /// Its identity.
    pub uid: Uid,
    /// Its generation.
    pub generation: i64,
    /// What it says, or what cannot be read in it.
    pub spec: Result<PoolSpec, String>,
    /// Its status as it is written.
    pub status: CapacityPoolStatus,
}

/// A lease that was seen.
#[derive(Clone, Debug)]
pub struct LeaseSeen {
    /// Its lessor's namespace and its name.
    pub key: LeaseKey,
    /// Its identity.
    pub uid: Uid,
    /// Its generation.
    pub generation: i64,
    /// What it says, or what cannot be read in it.
    pub spec: Result<LeaseSpec, String>,
    /// Its status as it is written.
    pub status: CapacityLeaseStatus,
}

impl LeaseSeen {
    /// Whether its status says that it was granted: a new leader holds to that.
    pub fn is_granted(&self) -> bool {
        let mut conditions = self.status.conditions.iter();
        conditions.any(|condition| condition.type_ == "Granted" && condition.status == "True")
    }

    /// Whether its status says that it has ended.
    pub fn has_ended(&self) -> bool {
        let phase = self.status.phase;
        matches!(phase, Some(LeasePhase::Draining | LeasePhase::Expired))
    }

    /// Its present end, if renewals have moved it.
    pub fn until(&self) -> Option<Time> {
        let end = self.status.end.as_ref()?;
        Some(Time(end.0.as_millisecond()))
    }
}

/// A namespace that was seen.
#[derive(Clone, Debug)]
pub struct NamespaceSeen {
    /// Its name.
    pub name: Name,
    /// Whether it has the label that puts its pods behind the gate.
    pub has_label: bool,
    /// Whether it is on its way out.
    pub is_ending: bool,
}

/// An elastic workload that was seen.
#[derive(Clone, Debug)]
pub struct WorkloadSeen {
    /// Its namespace and name.
    pub key: WorkloadKey,
    /// The object.
    pub object: ElasticWorkload,
    /// What can be asked of its owner, or why nothing can.
    pub target: Result<Target, Unmanaged>,
}

/// A pod that was seen.
#[derive(Clone, Debug)]
pub struct PodSeen {
    /// Its identity.
    pub uid: Uid,
    /// What it asks for, with an identity that the decider replaces; or what cannot be read in it.
    pub spec: Result<PodSpec, String>,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Its labels: they say whose replica it is.
    pub labels: Arc<BTreeMap<String, String>>,
    /// The identity of its controller.
    pub controller: Option<Uid>,
    /// The place of our gate among its gates, if it has it.
    pub gate: Option<u32>,
    /// Whether it has any annotation.
    pub has_annotations: bool,
    /// The epoch in which its gate was removed, if it was one of us.
    pub epoch: Option<u64>,
    /// The node it is bound to.
    pub node: Option<Name>,
    /// Whether all its containers run.
    pub is_started: bool,
    /// Whether it is on its way out.
    pub is_leaving: bool,
    /// Whether it has succeeded or failed.
    pub is_ended: bool,
    /// Its own termination grace, in seconds.
    pub grace_seconds: Option<i64>,
}

impl PodSeen {
    /// Whether it holds nothing any more, nor ever will: ended, or asked to end before it was bound.
    pub fn is_over(&self) -> bool {
        self.is_ended || (self.is_leaving && self.node.is_none())
    }
}
