//! Guarantee violations: requests within their account's own part that wait for too long.
//!
//! Watched is the first request of each account's queue (priority, then age): a pod, a gang or an elastic
//! workload's minimum. A violation is an unbroken stretch of more than the reclaim bound in which it waits
//! while its account's own part, O(n), has room for it. The bound is `podTermination` + `podStartup` + the
//! longest `minRuntimeSeconds` of any lease: what victims take to end, what was just admitted takes to be
//! there, and for how long a victim may be protected. Costs what it touches.

use super::pods::Stage;
use super::world::World;
use crate::model::{ChangeKind, Job, Scenario};
use engine::spec::{Name, Template};
use engine::{Span, Time};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type Key = (Reverse<i32>, Time, Waiter);

/// What waits: a pod, or the minimum of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Waiter {
    Pod(u64),
    Minimum(u32),
}

#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<Key, (Arc<Template>, i64)>,
    /// The first waits, covered, since then.
    covered: Option<(Waiter, Time)>,
}

/// The waiting requests of all accounts.
#[derive(Debug)]
pub(crate) struct Watch {
    bound: Span,
    /// Pods that came since the last decision.
    pub(crate) arrived: Vec<u64>,
    queues: BTreeMap<Name, Queue>,
    known: FxHashMap<Waiter, (Name, Key)>,
    touched: BTreeSet<Name>,
}

impl Watch {
    /// Nothing waits.
    pub(crate) fn new(scenario: &Scenario) -> Watch {
        let cluster = &scenario.cluster;
        let later = scenario
            .events
            .iter()
            .filter_map(|change| match &change.what {
                ChangeKind::Lease(lease) => Some(lease),
                _ => None,
            });
        let leases = scenario.leases.iter().chain(later);
        let protected = leases.map(|lease| lease.min_runtime.0).max().unwrap_or(0);
        Watch {
            bound: Span(cluster.pod_termination.0 + cluster.pod_startup.0 + protected),
            arrived: Vec::new(),
            queues: BTreeMap::new(),
            known: FxHashMap::default(),
            touched: BTreeSet::new(),
        }
    }

    fn insert(&mut self, namespace: Name, key: Key, template: Arc<Template>, count: i64) {
        self.known.insert(key.2, (namespace.clone(), key));
        self.touched.insert(namespace.clone());
        self.queues
            .entry(namespace)
            .or_default()
            .waiting
            .insert(key, (template, count));
    }

    fn drop(&mut self, waiter: Waiter) {
        if self.known.is_empty() {
            return;
        }
        if let Some((namespace, key)) = self.known.remove(&waiter) {
            if let Some(queue) = self.queues.get_mut(&namespace) {
                queue.waiting.remove(&key);
            }
            self.touched.insert(namespace);
        }
    }

    /// A pod waits no more, or for something that no lease can give.
    pub(crate) fn forget(&mut self, pod: u64) {
        self.drop(Waiter::Pod(pod));
    }

    /// The use of an account has changed.
    pub(crate) fn touch(&mut self, namespace: &Name) {
        if !self.queues.is_empty() && self.queues.contains_key(namespace) {
            self.touched.insert(namespace.clone());
        }
    }

    /// Guarantees have changed.
    pub(crate) fn touch_all(&mut self) {
        self.touched.extend(self.queues.keys().cloned());
    }
}

impl World<'_> {
    /// Watches what the last decision left waiting.
    pub(crate) fn watch_new(&mut self) {
        for id in std::mem::take(&mut self.watch.arrived) {
            let Some(slot) = self.slot(id) else { continue };
            let pod = &self.pods[slot];
            let work = &self.works[pod.work];
            if pod.stage != Stage::Gated || work.elastic {
                continue;
            }
            // A gang asks for all its pods; its first one stands for it.
            if work.gang && work.live.first() != Some(&slot) {
                continue;
            }
            let count = if work.gang { i64::from(work.total) } else { 1 };
            let template = self.cluster.forms[pod.form as usize].template.clone();
            let key = (Reverse(pod.priority), pod.created, Waiter::Pod(id));
            let namespace = work.namespace.clone();
            self.watch.insert(namespace, key, template, count);
        }
    }

    /// An elastic workload waits for its minimum.
    pub(crate) fn workload_waits(&mut self, work: u32, minimum: u32, job: &Job) {
        let entry = &self.works[work];
        if let Some((template, _)) = job.pods.first() {
            let key = (
                Reverse(entry.priority),
                entry.submitted,
                Waiter::Minimum(work),
            );
            let (namespace, template) = (entry.namespace.clone(), template.clone());
            self.watch
                .insert(namespace, key, template, i64::from(minimum));
        }
    }

    /// An elastic workload has its minimum, or is gone.
    pub(crate) fn workload_runs(&mut self, work: u32) {
        self.watch.drop(Waiter::Minimum(work));
    }

    /// At the end of an instant: whose first request is covered, and whose was for too long.
    pub(crate) fn look_at_waiting(&mut self) {
        for namespace in std::mem::take(&mut self.watch.touched) {
            let Some(queue) = self.watch.queues.get_mut(&namespace) else {
                continue;
            };
            let first = queue.waiting.first_key_value();
            let covered = first
                .filter(|(_, (template, count))| self.ledger.covers(&namespace, template, *count))
                .map(|(key, _)| key.2);
            match (queue.covered, covered) {
                (Some((before, _)), Some(now)) if before == now => continue,
                (Some((_, since)), _) if (self.now - since).0 > self.watch.bound.0 => {
                    self.totals.guarantee_violations += 1;
                }
                _ => {}
            }
            queue.covered = covered.map(|waiter| (waiter, self.now));
            if queue.waiting.is_empty() {
                self.watch.queues.remove(&namespace);
            }
        }
    }

    /// At the end of the run: what is still covered and waits.
    pub(crate) fn close_watch(&mut self) {
        let stretches = self.watch.queues.values().filter_map(|queue| queue.covered);
        let long = stretches.filter(|&(_, since)| (self.now - since).0 > self.watch.bound.0);
        self.totals.guarantee_violations += long.count() as u64;
    }
}
