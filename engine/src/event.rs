//! What a driver tells the engine.
//!
//! **Starting again.** A driver that starts feeds, in this order, what objects say: pools, nodes, leases
//! ([`Event::LeaseFound`]), workloads ([`Event::WorkloadSet`], each with [`Event::WorkloadFound`]), the pods without
//! a gate ([`Event::PodFound`], each with [`Event::PodRunning`], [`Event::PodPlaced`] and, if it terminates,
//! [`Event::PodLeaving`]), the pods with one ([`Event::PodArrived`]), and decides once. Then the figures are those
//! of the engine before it, and so are the decisions, as far as this is carried:
//!
//! | what | by |
//! | --- | --- |
//! | age in queues, order of evictions | `created` of pods and workloads, `since` of `PodRunning` |
//! | `minRuntimeSeconds` | `since` of `PodRunning` |
//! | which replicas are the newest | the order of the `PodFound` events |
//! | cool-down, replicas still to be made | `shrunk` and `granted` of `WorkloadFound` |
//! | renewals, drains, grace periods | the leases' own times, `until` and `has_lapsed` |
//!
//! Lost is what no object says: for whom victims were asked to end (a request that is entitled keeps what is on
//! its way all the same, one that took it by priority asks anew), until when a refused eviction is not tried again,
//! limits that a deleted lease had set, the drain of a deleted lease, the forecast node of a pod that is not bound
//! (it gets a new one).

use crate::spec::{
    ElasticSpec, LeaseKey, LeaseSpec, Name, NodeSpec, PodId, PodSpec, PoolSpec, Quantities,
    WorkloadKey,
};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// Something that happened. Events of one instant are fed in the order: ends, then changes of leases and
/// nodes, then arrivals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Event {
    /// A pool is there, or has changed.
    PoolSet(PoolSpec),
    /// A pool is gone.
    PoolRemoved {
        /// Its name.
        pool: Name,
    },
    /// A lease is there, or has changed. If the model forbids it nothing changes, and the answer is
    /// [`Action::Refuse`](crate::Action::Refuse).
    LeaseSet(LeaseSpec),
    /// A lease is there that was granted before anybody was looking: a program that starts learns what is held.
    /// It is taken without the checks of a new grant, because capacity may have been lost since; guarantees are
    /// scaled as if it had been lost after. What no tree can hold is refused all the same.
    ///
    /// Those that follow one another are taken together, in whatever order, when another event comes or a
    /// decision is made. All of a pool's leases belong into one such row after the pool: only then are
    /// renewals that fell due meanwhile made up for.
    LeaseFound {
        /// As it is written.
        lease: Box<LeaseSpec>,
        /// Its present end as last told by [`Action::Renew`](crate::Action::Renew), if it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
        /// It was seen to end without being renewed, so it is not renewed now.
        #[serde(default)]
        has_lapsed: bool,
    },
    /// A lease is to be deleted; may be refused like a change.
    LeaseRemoved {
        /// Which.
        key: LeaseKey,
    },
    /// A node is there, or has changed.
    NodeSet(NodeSpec),
    /// A node is gone. Pods placed there are still charged until they have ended.
    NodeRemoved {
        /// Its name.
        node: Name,
    },
    /// A pod waits for admission.
    PodArrived(PodSpec),
    /// A pod is there without a gate: nobody admitted it, or somebody did before a start. It is charged as found,
    /// even beyond the limit. Those of an elastic workload come after its [`Event::WorkloadSet`], and all in the
    /// order in which they were admitted, as far as that is known.
    PodFound(PodSpec),
    /// A pod was bound to a node.
    PodPlaced {
        /// Which.
        pod: PodId,
        /// Where.
        node: Name,
    },
    /// All a pod's containers run: its run time counts from here.
    PodStarted {
        /// Which.
        pod: PodId,
    },
    /// The same, learned later: it has run since then.
    PodRunning {
        /// Which.
        pod: PodId,
        /// Since when.
        since: Time,
    },
    /// A pod's request changed in place.
    PodResized {
        /// Which.
        pod: PodId,
        /// The new effective request.
        request: Quantities,
    },
    /// Somebody else asked a pod to end; it is still charged.
    PodLeaving {
        /// Which.
        pod: PodId,
    },
    /// The scheduler evicts a pod for one of higher priority; it is still charged. If it is a replica that its
    /// workload can spare, the workload is made smaller, so that its owner does not start it again.
    PodPreempted {
        /// Which.
        pod: PodId,
        /// The request that gets its place.
        request: Name,
    },
    /// A pod has ended or is gone.
    PodEnded {
        /// Which.
        pod: PodId,
    },
    /// An eviction that was asked for was refused (a disruption budget): not again before `retry`.
    EvictionRefused {
        /// Which pod.
        pod: PodId,
        /// The instant from which it may be asked for again.
        retry: Time,
    },
    /// An elastic workload is there, or has changed.
    WorkloadSet(ElasticSpec),
    /// An elastic workload that is known had this count before anybody was looking. Until the next decision its pods
    /// are found, and then replicas that are still to be made are charged as found too; pods beyond the count
    /// were asked to go and are asked again.
    WorkloadFound {
        /// Which.
        key: WorkloadKey,
        /// The count that was last asked for with [`Action::Scale`](crate::Action::Scale).
        granted: u32,
        /// When it was last made smaller: its cool-down counts from there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shrunk: Option<Time>,
    },
    /// An elastic workload is gone; its pods end by events of their own.
    WorkloadRemoved {
        /// Which.
        key: WorkloadKey,
    },
    /// What an elastic workload's owner says of itself: learned at a start, and when somebody else changed its
    /// count. With a lower one than was admitted, replicas are on their way out as if they had been asked; with a
    /// higher one the answer is a [`Scale`](crate::Action::Scale) to what is admitted.
    WorkloadObserved {
        /// Which.
        key: WorkloadKey,
        /// The count that its owner was last asked for, by whomever.
        replicas: u32,
        /// When it was last made smaller, if that is remembered: its cool-down counts from there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_shrink: Option<Time>,
    },
    /// An elastic workload's owner did not carry out a change of its count. Pods that were to go stay charged; it
    /// is neither made smaller nor larger before `retry`, so that others are looked at.
    ScaleRefused {
        /// Which.
        key: WorkloadKey,
        /// Pods that were to go and stay.
        stay: Vec<PodId>,
        /// The instant from which it may be asked again.
        retry: Time,
    },
    /// A pod outside all leases takes room on a node.
    OutsidePlaced {
        /// Its identity.
        pod: PodId,
        /// Where.
        node: Name,
        /// Its effective request.
        request: Quantities,
    },
    /// Time has come to an instant that [`Action::WakeAt`](crate::Action::WakeAt) named.
    TimePassed,
}
