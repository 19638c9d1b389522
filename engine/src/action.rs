//! What the engine tells a driver to do.

use crate::refusal::Refusal;
use crate::spec::{LeaseKey, Name, PodId, WorkloadKey};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// Something to be done, or to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The pod may be scheduled; it is charged from now on.
    Admit {
        /// Which.
        pod: PodId,
        /// The node on which the engine expects it; kube-scheduler still chooses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<Name>,
    },
    /// The pod waits. Said once, and again when the reason changes.
    Hold {
        /// Which.
        pod: PodId,
        /// Why, with the numbers.
        reason: Refusal,
    },
    /// The workload's replica count is to be changed.
    Scale {
        /// Which.
        workload: WorkloadKey,
        /// Replicas that were asked for until now.
        from: u32,
        /// Replicas that are asked for from now on.
        to: u32,
        /// On a shrink, the pods that go.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        remove: Vec<PodId>,
        /// Why.
        cause: Cause,
    },
    /// The pod is to be evicted.
    Evict {
        /// Which.
        pod: PodId,
        /// Bound of its termination grace.
        grace: Span,
        /// Why.
        cause: Cause,
    },
    /// A change was refused and nothing of it took effect.
    Refuse {
        /// Why, with the numbers.
        reason: Refusal,
    },
    /// A lease's term was extended.
    Renew {
        /// Which.
        lease: LeaseKey,
        /// Its new end.
        until: Time,
    },
    /// Feed [`Event::TimePassed`](crate::Event::TimePassed) at this instant if nothing comes earlier. Replaces
    /// the wake-up that was asked for before.
    WakeAt {
        /// When.
        at: Time,
    },
}

/// Why a workload was made smaller or larger, or a pod was evicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// Capacity goes back to an account that may reclaim it.
    Reclaim {
        /// The account that gets it.
        to: Name,
        /// The request that gets it: a pod's, a group's or a workload's name.
        request: Name,
    },
    /// A request of the same account goes before it (rule 10).
    Priority {
        /// The request that gets it.
        request: Name,
    },
    /// The account's lease expired with `onExpiry: Drain`.
    Drain,
    /// The request's minimum, or a step within the account's own part, was admitted.
    Admitted,
    /// Idle capacity.
    Growth,
    /// The workload's own bounds were changed.
    Bounds,
}
