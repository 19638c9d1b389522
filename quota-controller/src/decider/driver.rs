//! What one leader knows, and the engine that it tells.
//!
//! Until everything was listed, observations are only kept; then all of it is told at once, and from then on
//! each as it comes.

mod learn;
mod leases;
mod nodes;
mod pods;
mod questions;
mod status;
mod templates;
mod tentative;
#[cfg(test)]
mod tests;
mod workloads;

use crate::cluster::{Kind, Observation, Uid};
use crate::elastic::Patience;
use engine::spec::{LeaseKey, Name, PodId, WorkloadKey};
use engine::{Action, Engine, Event, Time};
use pods::{Pod, Stage};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use templates::Templates;
use tentative::Tentative;
use workloads::WorkloadEntry;

pub(super) use status::Turn;
pub(super) use workloads::WorkloadOrders;

use leases::{LeaseEntry, PoolEntry};

/// A thing that a list names: what the last complete list did not name is gone.
#[derive(Debug)]
struct Listed<T> {
    round: u64,
    it: T,
}

/// What one leader knows.
#[derive(Debug, Default)]
pub(super) struct Driver {
    engine: Engine,
    now: Time,
    /// Told to the engine since the last decision.
    events: Vec<Event>,
    rounds: BTreeMap<Kind, u64>,
    synced: BTreeSet<Kind>,
    has_learned: bool,
    pools: BTreeMap<Name, Listed<PoolEntry>>,
    leases: BTreeMap<LeaseKey, Listed<LeaseEntry>>,
    nodes: BTreeMap<Name, Listed<engine::spec::NodeSpec>>,
    namespaces: BTreeMap<Name, Listed<bool>>,
    workloads: BTreeMap<WorkloadKey, Listed<WorkloadEntry>>,
    /// Workloads of which something may be news.
    changed_workloads: BTreeSet<WorkloadKey>,
    workload_orders: WorkloadOrders,
    /// Whether the engine was told of counts that it has not decided on yet.
    are_counts_found: bool,
    /// Whether every owner's count is to be looked at again.
    is_recount_due: bool,
    /// How long owners may take.
    patience: Patience,
    pods: FxHashMap<PodId, Pod>,
    pod_by_uid: FxHashMap<Uid, PodId>,
    pods_by_namespace: BTreeMap<Name, BTreeSet<PodId>>,
    pods_outside_by_node: BTreeMap<Name, BTreeSet<PodId>>,
    /// Pods that the scheduler may be evicting: for whom, and until when that is believed.
    preempted: BTreeMap<Uid, (Name, Time)>,
    next_pod: u64,
    /// When a leader before was last heard of.
    unwatched_since: Option<Time>,
    templates: Templates,
    /// Accepted changes of leases that the watch has not shown yet.
    tentative: BTreeMap<LeaseKey, Tentative>,
    /// The same of pools, and until when they are waited for.
    tentative_pools: BTreeMap<Name, Time>,
    /// What others are to be told, since it was last taken.
    pub(super) news: News,
}

/// What has changed since it was last taken.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Namespaces that have or lack an account unlike before.
    pub namespaces: BTreeSet<Name>,
    /// Leases whose standing may be other than before.
    pub leases: BTreeSet<LeaseKey>,
    /// Pools likewise.
    pub pools: BTreeSet<Name>,
    /// Pods that run in a leased namespace without having been admitted.
    pub found: Vec<PodId>,
}

/// A decision, as it goes into the log and out to be carried out.
#[derive(Debug)]
pub(super) struct Decided {
    pub now: Time,
    pub events: Vec<Event>,
    pub actions: Vec<Action>,
    /// What follows for elastic workloads; the engine is not asked about it, so it is not in the log.
    pub workloads: WorkloadOrders,
}

impl Driver {
    /// One that tells what scheduler plugins have to know. Nobody has led since `unwatched_since`, if ever.
    pub(super) fn new(unwatched_since: Option<Time>) -> Driver {
        let mut driver = Driver {
            unwatched_since,
            ..Driver::default()
        };
        driver.engine.track_grants();
        driver
    }

    /// Takes note of a batch: ends first, then leases and nodes, then the rest, whatever their order.
    pub(super) fn observe(&mut self, observations: Vec<Observation>) {
        let mut batch = Vec::with_capacity(observations.len());
        for observation in observations {
            match observation {
                Observation::Relisting(kind) => {
                    self.take_in(std::mem::take(&mut batch));
                    *self.rounds.entry(kind).or_default() += 1;
                }
                Observation::Synced(kind) => {
                    self.take_in(std::mem::take(&mut batch));
                    self.forget_unlisted(kind);
                    self.synced.insert(kind);
                }
                other => batch.push(other),
            }
        }
        self.take_in(batch);
        if !self.has_learned && Kind::ALL.iter().all(|kind| self.synced.contains(kind)) {
            self.learn();
        }
        if self.has_learned {
            self.try_refused_again();
        }
    }

    fn take_in(&mut self, batch: Vec<Observation>) {
        // Only the last that was seen of a pod counts: its end must not be followed by its life.
        let mut pods: BTreeMap<Uid, Option<Box<crate::cluster::PodSeen>>> = BTreeMap::new();
        let mut rest = Vec::new();
        for observation in batch {
            match observation {
                Observation::Pod(pod) => {
                    let is_over = pod.is_over();
                    pods.insert(pod.uid.clone(), (!is_over).then_some(pod));
                }
                Observation::PodGone(uid) => {
                    pods.insert(uid, None);
                }
                other => rest.push(other),
            }
        }
        for (uid, _) in pods.iter().filter(|(_, pod)| pod.is_none()) {
            self.pod_over(uid);
        }
        for observation in rest {
            self.take_thing(observation);
        }
        // Age decides in queues; among those of one instant the order is that of their names.
        let mut living: Vec<_> = pods.into_values().flatten().collect();
        living.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        for pod in living {
            self.pod_seen(*pod);
        }
    }

    fn take_thing(&mut self, observation: Observation) {
        match observation {
            Observation::Pool(pool) => self.pool_seen(*pool),
            Observation::PoolGone(name) => self.pool_gone(&name),
            Observation::Lease(lease) => self.lease_seen(*lease),
            Observation::LeaseGone(key) => self.lease_gone(&key),
            Observation::Node(node) => self.node_seen(*node),
            Observation::NodeGone(name) => self.node_gone(&name),
            Observation::Namespace(namespace) => self.namespace_seen(&namespace),
            Observation::NamespaceGone(name) => {
                self.namespaces.remove(&name);
                self.news.namespaces.insert(name);
            }
            Observation::Workload(workload) => self.workload_seen(*workload),
            Observation::WorkloadGone(key) => self.workload_gone(&key),
            Observation::Pod(_)
            | Observation::PodGone(_)
            | Observation::Relisting(_)
            | Observation::Synced(_) => {}
        }
    }

    fn round(&self, kind: Kind) -> u64 {
        self.rounds.get(&kind).copied().unwrap_or(0)
    }

    fn forget_unlisted(&mut self, kind: Kind) {
        let round = self.round(kind);
        match kind {
            Kind::Pools => {
                for name in unlisted(&self.pools, round) {
                    self.pool_gone(&name);
                }
            }
            Kind::Leases => {
                for key in unlisted(&self.leases, round) {
                    // One that was accepted a moment ago may be newer than the list.
                    if !self.tentative.contains_key(&key) {
                        self.lease_gone(&key);
                    }
                }
            }
            Kind::Nodes => {
                for name in unlisted(&self.nodes, round) {
                    self.node_gone(&name);
                }
            }
            Kind::Namespaces => {
                for name in unlisted(&self.namespaces, round) {
                    self.namespaces.remove(&name);
                    self.news.namespaces.insert(name);
                }
            }
            Kind::Workloads => {
                for key in unlisted(&self.workloads, round) {
                    self.workload_gone(&key);
                }
            }
            Kind::Pods => {
                let gone = self.pods.values().filter(|pod| pod.round < round);
                let mut gone: Vec<Uid> = gone.map(|pod| pod.uid.clone()).collect();
                gone.sort();
                for uid in gone {
                    self.pod_over(&uid);
                }
            }
        }
    }

    /// Tells the engine, if it is told anything yet.
    fn feed(&mut self, event: Event) {
        self.engine.feed(self.now, &event);
        self.events.push(event);
    }

    /// Whether it has learned and may decide.
    pub(super) fn has_learned(&self) -> bool {
        self.has_learned
    }

    /// What follows happens at `now`, until the next decision: the log has one instant for both.
    pub(super) fn come_to(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Makes one decision for all that was told. Nothing before it has learned.
    pub(super) fn decide(&mut self) -> Option<Decided> {
        if !self.has_learned {
            return None;
        }
        self.look_after_owners();
        if self.events.is_empty() && self.changed_workloads.is_empty() {
            return None;
        }
        let actions = if self.events.is_empty() {
            Vec::new()
        } else {
            self.engine.decide(self.now)
        };
        for action in &actions {
            match action {
                Action::Admit { pod, .. } => self.admitted(*pod),
                Action::Renew { lease, .. } => self.renewed(lease),
                Action::Scale { .. } => self.scale_decided(action),
                Action::Evict { pod, cause, .. } => self.eviction_decided(*pod, cause),
                _ => {}
            }
        }
        Some(Decided {
            now: self.now,
            events: std::mem::take(&mut self.events),
            actions,
            workloads: self.tell_workloads(),
        })
    }

    /// The instant that the engine named has come.
    pub(super) fn time_passed(&mut self) {
        self.feed(Event::TimePassed);
    }

    /// The instant of what is told.
    pub(super) fn now(&self) -> Time {
        self.now
    }

    /// What scheduler plugins have to know and has changed since the last call.
    pub(super) fn take_grants(&mut self) -> engine::grants::GrantChanges {
        self.engine.take_grants()
    }

    /// The engine, to ask.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }
}

fn unlisted<K: Clone, T>(things: &BTreeMap<K, Listed<T>>, round: u64) -> Vec<K> {
    let gone = things.iter().filter(|(_, listed)| listed.round < round);
    gone.map(|(key, _)| key.clone()).collect()
}
