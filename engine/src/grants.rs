//! What the scheduler plugin has to know: plain data, taken from the engine as changes.

use crate::place::Resources;
use crate::score::NodeMix;
use crate::spec::{Name, PodId};
use crate::time::{Span, Time};

/// What has changed since the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantChanges {
    /// Pools of which something changed.
    pub pools: Vec<PoolChanges>,
    /// Pools that are gone, with all in them.
    pub removed_pools: Vec<Name>,
    /// Pods that are not charged (any more).
    pub ended: Vec<PodId>,
}

/// What changed in one pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolChanges {
    /// The pool.
    pub pool: Name,
    /// All resources of its nodes, in the order of the amounts.
    pub resources: Vec<Name>,
    /// Nodes that are new or have changed.
    pub nodes: Vec<NodeRoom>,
    /// Nodes that are gone, or belong to another pool.
    pub removed_nodes: Vec<Name>,
    /// Accounts that are new or have changed.
    pub accounts: Vec<AccountStanding>,
    /// Accounts that are gone.
    pub removed_accounts: Vec<Name>,
    /// Elastic workloads: namespace, name, replicas above the minimum.
    pub workloads: Vec<(Name, Name, u32)>,
    /// Pods that are charged here and are new or have changed.
    pub grants: Vec<(PodId, Grant)>,
}

/// A node, as a pod sees it for which no room is kept there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeRoom {
    /// The node.
    pub node: Name,
    /// Whether room is kept there: earmarked for a request, or for a pod that is admitted and not bound yet.
    pub is_earmarked: bool,
    /// What is free now beside all that is earmarked and expected there, in the order of the pool's resources.
    pub free_beside_earmarks: Vec<i64>,
    /// What runs there, for the score.
    pub mix: NodeMix,
}

/// An account, as far as it decides who may be preempted for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountStanding {
    /// The namespace.
    pub namespace: Name,
    /// The lessor; nothing at the root.
    pub parent: Option<Name>,
    /// In what its own pods use more than its own part.
    pub own_borrows: Resources,
    /// In what it borrows as a whole.
    pub whole_borrows: Resources,
    /// For so long after its first pod ran a whole unit is no victim.
    pub min_runtime: Span,
}

/// A charged pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Its namespace, which names its account.
    pub namespace: Name,
    /// Where it is, or is expected to be.
    pub node: Option<Name>,
    /// What it asks for, in the order of the pool's resources.
    pub request: Vec<i64>,
    /// Which of the leased resources it asks for.
    pub holds: Resources,
    /// Its capacity may be asked back while it runs.
    pub is_reclaimable: bool,
    /// The elastic workload of which it is a replica.
    pub workload: Option<Name>,
    /// When the first pod of its unit ran.
    pub unit_started: Option<Time>,
}
