//! What a pool remembers of pods, groups, elastic workloads and waiting requests: plain data.

use crate::amounts::Amounts;
use crate::ids::{AccountId, GroupIx, NodeIx, PodIx, RequestIx, ShapeIx, WorkloadIx};
use crate::ratio::Ratio;
use crate::spec::{ElasticSpec, Name, PodId};
use crate::time::{Span, Time};
use crate::tree::Mask;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Where a pod stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PodState {
    /// It cannot be in a queue yet: above a priority ceiling, before its lease's start, its group incomplete.
    Held,
    /// It is (part of) a waiting request.
    Waiting(RequestIx),
    /// A replica beyond what its workload is admitted for.
    Beyond,
    /// It is charged.
    Charged,
    /// It is charged and was asked to end.
    Leaving,
}

/// A pod, or a replica that was granted and has no pod yet.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) id: Option<PodId>,
    pub(crate) name: Name,
    pub(crate) created: Time,
    pub(crate) account: AccountId,
    pub(crate) shape: ShapeIx,
    pub(crate) priority: i32,
    pub(crate) state: PodState,
    /// Where it is, or is expected to be.
    pub(crate) node: Option<NodeIx>,
    /// Whether it is bound there.
    pub(crate) placed: bool,
    pub(crate) started: Option<Time>,
    /// Rises with each charge: later ones are newer.
    pub(crate) sequence: u64,
    /// The decision that admitted it.
    pub(crate) decision: u64,
    pub(crate) workload: Option<WorkloadIx>,
    pub(crate) group: Option<GroupIx>,
    /// An eviction was refused: not again before this instant.
    pub(crate) retry: Option<Time>,
    /// Its number among its owner's replicas.
    pub(crate) ordinal: Option<u32>,
}

/// The pods of a unit: mostly one.
pub(crate) type Pods = SmallVec<[PodIx; 2]>;

/// What goes as a whole when it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Unit {
    /// A pod by itself.
    Pod(PodIx),
    /// A group: all its pods.
    Group(GroupIx),
    /// An elastic workload's minimum; its surplus goes with it.
    Minimum(WorkloadIx),
}

/// The order in which an account's units are taken: lowest priority, then shortest run, then name. What does
/// not run yet has run shortest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnitKey {
    pub(crate) priority: i32,
    pub(crate) started: Reverse<Time>,
    pub(crate) name: Name,
    pub(crate) unit: Unit,
}

/// The order in which elastic workloads grow: priority, then the least fulfilled, then age, then name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GrowKey {
    pub(crate) priority: Reverse<i32>,
    pub(crate) fulfilment: Ratio,
    pub(crate) created: Time,
    pub(crate) name: Name,
    pub(crate) workload: WorkloadIx,
}

/// The order in which an elastic workload's waiting pods are admitted: what a lower count would leave comes first.
pub(crate) type BeyondKey = (u32, Time, PodId, PodIx);

impl Pod {
    /// Its place among the waiting pods of its workload.
    pub(crate) fn beyond_key(&self, pod: PodIx) -> BeyondKey {
        let id = self.id.unwrap_or(PodId(0));
        (self.ordinal.unwrap_or(0), self.created, id, pod)
    }
}

/// A group of pods.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: Name,
    pub(crate) account: AccountId,
    pub(crate) min: u32,
    /// The highest of its members.
    pub(crate) priority: i32,
    /// Pods that name it, in whatever state.
    pub(crate) members: u32,
    /// Members that wait.
    pub(crate) waiting: BTreeSet<PodIx>,
    /// Members that are charged.
    pub(crate) charged: BTreeSet<PodIx>,
    pub(crate) request: Option<RequestIx>,
    /// Its place among its account's units, while anything is charged.
    pub(crate) key: Option<UnitKey>,
}

/// An elastic workload.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) spec: ElasticSpec,
    pub(crate) account: AccountId,
    pub(crate) shape: ShapeIx,
    /// Pods and granted replicas that name it, in whatever state.
    pub(crate) members: u32,
    /// Replicas that are granted and not asked to go, by the order in which they were charged.
    pub(crate) slots: BTreeMap<u64, PodIx>,
    /// Replicas that were asked to go and have not ended.
    pub(crate) leaving: u32,
    /// Granted replicas that have no pod yet, by the order in which they were charged.
    pub(crate) unfilled: BTreeMap<u64, PodIx>,
    /// Pods of its owner beyond what it is admitted for, lowest ordinal first, then oldest first.
    pub(crate) beyond: BTreeSet<BeyondKey>,
    pub(crate) last_shrink: Option<Time>,
    /// Its owner did not follow: neither smaller nor larger before this instant.
    pub(crate) retry: Option<Time>,
    /// The count that was last asked for.
    pub(crate) asked: u32,
    /// The request for what its minimum lacks.
    pub(crate) minimum: Option<RequestIx>,
    /// The request for its next step.
    pub(crate) step: RequestIx,
    pub(crate) key: Option<UnitKey>,
    pub(crate) grow_key: Option<GrowKey>,
    pub(crate) gone: bool,
    /// Several replicas are being booked: what it asks for next is settled once, afterwards.
    pub(crate) busy: bool,
}

impl Workload {
    /// Granted replicas.
    pub(crate) fn target(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    /// Least time between a shrink and the next growth. Never nothing: what shrinks does not grow in the same
    /// decision.
    pub(crate) fn cooldown(&self) -> Span {
        self.spec.cooldown.max(Span(1))
    }

    /// Replicas above the minimum when there are `replicas`.
    pub(crate) fn surplus(&self, replicas: u32) -> u32 {
        replicas.saturating_sub(self.spec.min)
    }

    /// (replicas − min)/(max − min).
    pub(crate) fn fulfilment(&self, replicas: u32) -> Ratio {
        Ratio::new(
            self.surplus(replicas).into(),
            self.spec.max.saturating_sub(self.spec.min).into(),
        )
    }

    /// When its first running pod started.
    pub(crate) fn earliest(&self) -> Option<Time> {
        self.key.as_ref().map(|key| key.started.0)
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One pod.
    Pod(PodIx),
    /// A group.
    Group(GroupIx),
    /// What an elastic workload lacks of its minimum.
    Minimum(WorkloadIx),
    /// One step of an elastic workload.
    Step(WorkloadIx),
}

/// Pods by form.
pub(crate) type Parts = SmallVec<[(ShapeIx, u32); 1]>;

/// A waiting request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) account: AccountId,
    pub(crate) kind: Kind,
    pub(crate) priority: i32,
    pub(crate) created: Time,
    pub(crate) name: Name,
    pub(crate) parts: Parts,
    pub(crate) total: Amounts,
    pub(crate) class: u32,
    pub(crate) earmark: Option<Earmark>,
    /// The round of decisions in which it was found to be stuck.
    pub(crate) tried: u64,
    /// When others last took back twice in one decision what it had got.
    pub(crate) put_off: Option<Time>,
    /// Whether it was entitled when it was last found to be stuck.
    pub(crate) in_vain: bool,
    /// The reason that was last told.
    pub(crate) told: Option<&'static str>,
}

/// Capacity and room that are kept for a request until its victims have ended (rule 9).
#[derive(Clone, Debug)]
pub(crate) struct Earmark {
    pub(crate) since: Time,
    /// What the request lacked when the earmark was made.
    pub(crate) lacked: Mask,
    /// Made under rule 10.
    pub(crate) by_priority: bool,
    /// The pods that were asked to end for it, with their sequence numbers.
    pub(crate) victims: Vec<(PodIx, u64)>,
    /// Where room is kept.
    pub(crate) nodes: Vec<(NodeIx, ShapeIx)>,
}
