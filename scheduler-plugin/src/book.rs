//! What the plugin knows: a copy of the leading controller's grants, rooms and accounts.
//!
//! Readers take entries out one by one and never wait for a writer that works on others. There is one writer at a time.

mod apply;
mod nodes;
mod standings;
#[cfg(test)]
mod tests;

pub use apply::{Applied, Revision};
pub use nodes::{NodeIndex, NodeSlot};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use engine::grants::Grant;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use standings::Standings;
pub use standings::Victim;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A pool by the number under which this process knows it. Numbers are not used again.
pub type PoolNumber = u32;

/// A pod that may be scheduled.
#[derive(Debug)]
pub struct Held {
    /// What is known of it.
    pub grant: Grant,
    /// The pool in which it is charged.
    pub pool: PoolNumber,
    /// The leader that said so.
    epoch: u64,
    /// Until when it may be used whatever the stream says, in milliseconds since the book was made.
    until: u64,
}

/// The copy.
#[derive(Debug)]
pub struct Book {
    made: Instant,
    has_heard: AtomicBool,
    epoch: AtomicU64,
    /// Until when what the stream of this epoch told may be used.
    until: AtomicU64,
    leased: ArcSwap<FxHashSet<Box<str>>>,
    grants: DashMap<Box<str>, Arc<Held>, FxBuildHasher>,
    nodes: ArcSwap<NodeIndex>,
    earmarked: AtomicUsize,
    /// The names of each pool's resources, in the order of all amounts.
    resources: ArcSwap<FxHashMap<PoolNumber, Arc<[String]>>>,
    standings: RwLock<Standings>,
    writer: Mutex<apply::Writer>,
    /// How often something was taken over.
    changes: watch::Sender<u64>,
}

impl Default for Book {
    fn default() -> Book {
        Book {
            made: Instant::now(),
            has_heard: AtomicBool::new(false),
            epoch: AtomicU64::new(0),
            until: AtomicU64::new(0),
            leased: ArcSwap::default(),
            grants: DashMap::default(),
            nodes: ArcSwap::default(),
            earmarked: AtomicUsize::new(0),
            resources: ArcSwap::default(),
            standings: RwLock::default(),
            writer: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl Book {
    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.made);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Changes whenever something was taken over.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether a controller was ever heard.
    pub fn has_heard(&self) -> bool {
        self.has_heard.load(Ordering::Acquire)
    }

    /// The highest epoch that was heard of.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// How long what was heard may still be used; zero if no longer.
    pub fn valid_for(&self, now: Instant) -> Duration {
        let until = self.until.load(Ordering::Acquire);
        Duration::from_millis(until.saturating_sub(self.millis(now)))
    }

    /// Whether pods of this namespace need a grant.
    pub fn is_leased(&self, namespace: &str) -> bool {
        self.leased.load().contains(namespace)
    }

    /// How many namespaces are leased, pods granted, nodes known, nodes earmarked.
    pub fn sizes(&self) -> [usize; 4] {
        [
            self.leased.load().len(),
            self.grants.len(),
            self.nodes.load().len(),
            self.earmarked.load(Ordering::Acquire),
        ]
    }

    /// Whether room is kept on any node, as far as may still be relied on.
    pub fn has_earmarks(&self, now: Instant) -> bool {
        self.earmarked.load(Ordering::Acquire) > 0 && !self.valid_for(now).is_zero()
    }

    /// What is known of a pod, if it may be scheduled and that may still be relied on.
    pub fn grant(&self, uid: &str, now: Instant) -> Option<Arc<Held>> {
        let held = self.grants.get(uid)?.value().clone();
        let is_current = held.epoch == self.epoch() && !self.valid_for(now).is_zero();
        (is_current || held.until > self.millis(now)).then_some(held)
    }

    /// What was last known of a pod, however long ago.
    pub fn last_known(&self, uid: &str) -> Option<Arc<Held>> {
        self.grants.get(uid).map(|held| held.value().clone())
    }

    /// The names of a pool's resources, in the order of all amounts.
    pub fn resources(&self, pool: PoolNumber) -> Option<Arc<[String]>> {
        self.resources.load().get(&pool).cloned()
    }

    /// The nodes of all pools.
    pub fn nodes(&self) -> arc_swap::Guard<Arc<NodeIndex>> {
        self.nodes.load()
    }

    /// Forgets what `Reserve` granted, before it is given back.
    pub fn forget(&self, uid: &str) {
        self.grants.remove(uid);
    }
}
