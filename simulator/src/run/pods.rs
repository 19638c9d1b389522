//! State of the pods and workloads that are there; what has ended is forgotten.

use crate::model::Job;
use engine::spec::Name;
use engine::{Span, Time};
use smallvec::SmallVec;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// No index.
pub(crate) const NONE: u32 = u32::MAX;

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Waits for admission.
    Gated,
    /// Admitted, waits for a node.
    Queued,
    /// Has a node, does not run yet.
    Bound,
    /// Runs.
    Running,
    /// Was asked to end, still holds its node.
    Leaving,
    /// Has ended; its slot is free.
    Ended,
}

/// Why a pod ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its work is done.
    Done,
    /// Its job or service is asked to end, or its service was made smaller.
    Killed,
    /// Its workload was made smaller.
    Shrunk,
    /// A policy took it for somebody else.
    Evicted,
    /// A node event took it.
    Disrupted,
}

impl Fate {
    /// Whether the pod's owner wants another one instead.
    pub(crate) fn is_loss(self) -> bool {
        matches!(self, Fate::Evicted | Fate::Disrupted)
    }
}

/// A pod. A million of them fit into some 150 MB.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) id: u64,
    pub(crate) work: u32,
    pub(crate) form: u32,
    /// Its node, if it has one.
    pub(crate) node: u32,
    /// Its place among the pods of its node.
    pub(crate) node_slot: u32,
    /// Its place among the pods of its workload.
    pub(crate) live_slot: u32,
    /// Its number within its workload, for its name.
    pub(crate) number: u32,
    pub(crate) priority: i32,
    pub(crate) stage: Stage,
    pub(crate) fate: Fate,
    /// Counted as running in the cluster's use.
    pub(crate) runs: bool,
    /// Packed as work that may be asked back.
    pub(crate) reclaimable: bool,
    /// The engine decides about it.
    pub(crate) governed: bool,
    pub(crate) created: Time,
    pub(crate) admitted: Option<Time>,
    pub(crate) placed: Option<Time>,
    pub(crate) started: Option<Time>,
    /// Run time that is still to be done, for jobs whose pods each run so long.
    pub(crate) left: Span,
}

/// What tells when a job is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Each pod for itself.
    PerPod(Span),
    /// All pods together run so long, in millionths of a millisecond.
    Together(i128),
    /// So much replica time, in millionths of a replica-millisecond.
    Shared(i128),
    /// Not by itself.
    Never,
}

/// What a workload is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A job.
    Job(Arc<Job>),
    /// The service of this index.
    Service(u32),
}

/// A job or a service that is there.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// Unique for ever; slots are used again.
    pub(crate) serial: u64,
    pub(crate) namespace: Name,
    pub(crate) name: Name,
    pub(crate) priority: i32,
    pub(crate) kind: Kind,
    pub(crate) clock: Clock,
    /// Its pods that are there, those that are leaving included.
    pub(crate) live: SmallVec<[u32; 2]>,
    /// Those of them that are not leaving.
    pub(crate) active: u32,
    /// Those of them that run and are not leaving.
    pub(crate) working: u32,
    /// Pods it has when it is whole.
    pub(crate) total: u32,
    /// Replicas asked for at present (elastic jobs and services).
    pub(crate) desired: u32,
    /// The most replicas it asked for.
    pub(crate) wanted: u32,
    /// Pods made so far.
    pub(crate) made: u32,
    /// Pods whose work is done.
    pub(crate) done: u32,
    /// Pods admitted of those that are there.
    pub(crate) admitted_pods: u32,
    /// All or none.
    pub(crate) gang: bool,
    /// Its size is decided by the policy.
    pub(crate) elastic: bool,
    /// The engine decides about it.
    pub(crate) governed: bool,
    /// Asked to end, with this outcome.
    pub(crate) closing: Option<crate::record::Outcome>,
    pub(crate) submitted: Time,
    pub(crate) admitted: Option<Time>,
    pub(crate) started: Option<Time>,
    pub(crate) last_end: Option<Time>,
    /// Work done, in the unit of its clock.
    pub(crate) progress: i128,
    /// Up to when `progress` and `replica_ms` are counted.
    pub(crate) since: Time,
    /// No work is done before this instant.
    pub(crate) penalty_until: Time,
    /// The forecast of its end that counts.
    pub(crate) stamp: u64,
    pub(crate) replica_ms: i64,
    pub(crate) shrinks: u64,
    pub(crate) grows: u64,
    pub(crate) evictions: u64,
    pub(crate) work_lost: i64,
    /// In the list of workloads whose end is to be forecast anew.
    pub(crate) dirty: bool,
    /// A member of this gang was lost: the rest is to go too.
    pub(crate) torn: bool,
    /// Its row is written; its slot is free.
    pub(crate) gone: bool,
}

impl Work {
    /// The job, if it is one.
    pub(crate) fn job(&self) -> Option<&Arc<Job>> {
        match &self.kind {
            Kind::Job(job) => Some(job),
            Kind::Service(_) => None,
        }
    }
}

/// Slots that are used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    items: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab {
            items: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    /// Puts a thing into a free slot.
    pub(crate) fn insert(&mut self, item: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.items[slot as usize] = item;
            return slot;
        }
        self.items.push(item);
        index(self.items.len() - 1)
    }

    /// Frees a slot; the caller has marked the thing as gone.
    pub(crate) fn release(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// All slots, free ones included.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.items
            .iter()
            .enumerate()
            .map(|(slot, item)| (index(slot), item))
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;
    fn index(&self, slot: u32) -> &T {
        &self.items[slot as usize]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, slot: u32) -> &mut T {
        &mut self.items[slot as usize]
    }
}

/// An index as it is stored. More than four thousand million things do not fit into memory anyway.
pub(crate) fn index(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(NONE)
}
