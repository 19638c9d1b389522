//! Why something is refused or waits, with the numbers in it.

mod display;

use crate::spec::{LeaseKey, Name};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// Why a change is refused or a request waits.
///
/// [`Refusal::reason`] is constant text for metrics and conditions; `Display` carries the numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason")]
pub enum Refusal {
    /// More would be leased out than is held at some instant.
    Overcommitted {
        /// The lease whose change is refused, if it is a lease's.
        lease: Option<LeaseKey>,
        /// The account that does not hold enough.
        account: Name,
        /// The pool.
        pool: Name,
        /// The first instant at which it does not fit.
        at: Time,
        /// The resource.
        resource: Name,
        /// What would be leased out then, in base units.
        leased: i64,
        /// What is held then, in base units.
        held: i64,
    },
    /// The lessee has another lessor in this pool.
    LesseeHasLessor {
        /// The lease.
        lease: LeaseKey,
        /// The lessee.
        lessee: Name,
        /// Its present lessor.
        lessor: Name,
    },
    /// The lease would make an account its own ancestor.
    Cycle {
        /// The lease.
        lease: LeaseKey,
        /// The accounts on the cycle, from the lessee up to the lessor.
        path: Vec<Name>,
    },
    /// A transfer's lessee has no account in the pool for the whole term.
    NoAccount {
        /// The transfer.
        lease: LeaseKey,
        /// The namespace without an account.
        lessee: Name,
        /// The first instant at which it has none.
        at: Time,
    },
    /// A transfer's lessee is in the lessor's own subtree.
    InOwnSubtree {
        /// The transfer.
        lease: LeaseKey,
    },
    /// A transfer's lessee is an ancestor of its lessor.
    Ancestor {
        /// The transfer.
        lease: LeaseKey,
    },
    /// The object makes no sense by itself.
    Invalid {
        /// Kind, namespace and name.
        object: String,
        /// The field.
        field: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The object named is not there.
    NotFound {
        /// Kind, namespace and name.
        object: String,
    },
    /// The namespace has no lease.
    NoLease {
        /// The namespace.
        namespace: Name,
    },
    /// All the account's leases start later.
    NotStarted {
        /// The account.
        account: Name,
        /// When the first one starts.
        starts: Time,
    },
    /// The namespace has accounts in several pools and the pod does not say which.
    PoolUnclear {
        /// The namespace.
        namespace: Name,
        /// The pools.
        pools: Vec<Name>,
    },
    /// The pod's priority is above the ceiling of its account or of an ancestor.
    PriorityCeiling {
        /// The account.
        account: Name,
        /// The account that sets the ceiling.
        at: Name,
        /// The pod's priority.
        priority: i32,
        /// The ceiling.
        ceiling: i32,
    },
    /// Quota is short.
    Quota {
        /// The account that asks.
        account: Name,
        /// The account, it or an ancestor, at which it fails.
        at: Name,
        /// The resource.
        resource: Name,
        /// What is asked for.
        asks: i64,
        /// What is available to it.
        available: i64,
        /// The limit there, if there is one.
        limit: Option<i64>,
        /// The guarantee there.
        guaranteed: i64,
        /// What is borrowed there.
        borrowed: i64,
    },
    /// No node has room.
    Room {
        /// The account.
        account: Name,
        /// The resource of which the largest piece is too small.
        resource: Name,
        /// What one pod asks for.
        asks: i64,
        /// The largest piece there is.
        largest: i64,
        /// What is free in all.
        free: i64,
    },
    /// Victims were asked to end; their capacity is on its way.
    OnTheWay {
        /// The account.
        account: Name,
        /// How many pods are still to end.
        pods: u32,
        /// Since when.
        since: Time,
    },
    /// A request before it in a `StrictFIFO` queue does not fit.
    Behind {
        /// The account.
        account: Name,
        /// The request in front.
        head: Name,
    },
    /// The group is not complete.
    GroupIncomplete {
        /// The group.
        group: Name,
        /// Members that are there.
        present: u32,
        /// Members that must be there.
        min: u32,
    },
    /// The workload has as many replicas as it is admitted for.
    AboveAdmitted {
        /// The workload.
        workload: Name,
        /// Replicas it is admitted for.
        admitted: u32,
    },
}

impl Refusal {
    /// Constant text for the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Refusal::Overcommitted { .. } => "Overcommitted",
            Refusal::LesseeHasLessor { .. } => "LesseeHasLessor",
            Refusal::Cycle { .. } => "Cycle",
            Refusal::NoAccount { .. } => "NoAccount",
            Refusal::InOwnSubtree { .. } => "InOwnSubtree",
            Refusal::Ancestor { .. } => "Ancestor",
            Refusal::Invalid { .. } => "Invalid",
            Refusal::NotFound { .. } => "NotFound",
            Refusal::NoLease { .. } => "NoLease",
            Refusal::NotStarted { .. } => "NotStarted",
            Refusal::PoolUnclear { .. } => "PoolUnclear",
            Refusal::PriorityCeiling { .. } => "PriorityCeiling",
            Refusal::Quota { .. } => "Quota",
            Refusal::Room { .. } => "Room",
            Refusal::OnTheWay { .. } => "OnTheWay",
            Refusal::Behind { .. } => "Behind",
            Refusal::GroupIncomplete { .. } => "GroupIncomplete",
            Refusal::AboveAdmitted { .. } => "AboveAdmitted",
        }
    }
}
