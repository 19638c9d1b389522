//! What the decider is told and asked.

use super::handle::NotLeading;
use crate::act::StatusWrite;
use crate::cluster::{Observation, PodSeen, Uid};
use crate::grants::{Granted, Grants};
use crate::leader::Leadership;
use engine::spec::{LeaseKey, LeaseSpec, Name, PodId, PoolSpec, Quantities, WorkloadKey};
use engine::{Refusal, Time};
use tokio::sync::oneshot;

/// An answer, unless this replica does not lead.
pub type Answer<T> = oneshot::Sender<Result<T, NotLeading>>;

/// A change of a lease or a pool that somebody asks the API server for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A pool is created or changed.
    Pool(Box<PoolSpec>),
    /// A pool is deleted.
    PoolRemoved(Name),
    /// A lease is created or changed.
    Lease(Box<LeaseSpec>),
    /// A lease is deleted.
    LeaseRemoved(LeaseKey),
}

/// What becomes of a pod that asks for its place without having been admitted.
#[derive(Clone, Debug, PartialEq)]
pub enum Reserved {
    /// It is charged.
    Granted(Box<Granted>),
    /// It waits.
    Denied(Box<Refusal>),
    /// Its namespace has no account: nobody's business here.
    Outside,
}

/// How carrying out an action went.
#[derive(Debug)]
pub enum Outcome {
    /// The gate was removed.
    Ungated {
        /// Which pod.
        pod: PodId,
    },
    /// The eviction was refused, or could not be asked for: not again before `retry`.
    EvictionRefused {
        /// Which pod.
        pod: PodId,
        /// The instant from which it may be asked for again.
        retry: Time,
    },
    /// The owner of a workload was asked.
    Scaled {
        /// The ElasticWorkload.
        key: WorkloadKey,
        /// For so many replicas.
        to: u32,
        /// The version of the owner after it.
        version: u64,
    },
    /// The owner of a workload could not be asked, and will not be by trying again.
    ScaleFailed {
        /// The ElasticWorkload.
        key: WorkloadKey,
        /// For so many replicas.
        to: u32,
        /// Why, and what to do about it.
        message: String,
    },
    /// The object was read again, because the outcome was not known.
    Read(Observation),
    /// A status could not be written.
    StatusNotWritten(StatusWrite),
}

/// A message to the decider.
#[derive(Debug)]
pub enum Message {
    /// This replica leads from now on.
    Lead(Leadership),
    /// A watch saw something.
    Observed {
        /// The epoch of the watch.
        epoch: u64,
        /// What.
        observation: Observation,
    },
    /// An action was carried out, or not.
    Outcome {
        /// The epoch of the action.
        epoch: u64,
        /// How it went.
        outcome: Outcome,
    },
    /// See [`Decider::check`](super::Decider::check).
    Check {
        /// What is asked for.
        change: Change,
        /// Nothing is remembered.
        dry_run: bool,
        /// The refusals.
        answer: Answer<Vec<Refusal>>,
    },
    /// See [`Decider::resize`](super::Decider::resize).
    Resize {
        /// The pod.
        uid: Uid,
        /// Its request as it would be.
        request: Quantities,
        /// Nothing is charged.
        dry_run: bool,
        /// Whether it may.
        answer: Answer<Result<(), Refusal>>,
    },
    /// See [`Decider::reserve`](super::Decider::reserve).
    Reserve {
        /// The pod.
        pod: Box<PodSeen>,
        /// Whether it may.
        answer: Answer<(u64, Reserved)>,
    },
    /// See [`Decider::watch_grants`](super::Decider::watch_grants).
    WatchGrants {
        /// The grants.
        answer: Answer<Grants>,
    },
    /// See [`Decider::preempted`](super::Decider::preempted).
    Preempted {
        /// The pod that gets their place.
        by: Uid,
        /// Pods of which the scheduler evicts some.
        victims: Vec<Uid>,
        /// That it was taken note of.
        answer: Answer<()>,
    },
    /// See [`Decider::explain`](super::Decider::explain).
    Explain {
        /// The pod.
        uid: Uid,
        /// Why it waits.
        answer: Answer<Option<Refusal>>,
    },
}
