//! Pools and leases: what is stored, and what of it the engine has granted.

use super::{Driver, Kind, Listed};
use crate::cluster::{LeaseSeen, PoolSeen};
use api::crd::{CapacityLeaseStatus, CapacityPoolStatus};
use engine::spec::{LeaseKey, LeaseSpec, Name, PoolSpec};
use engine::{Event, Refusal};

/// A lease as it is stored.
#[derive(Debug)]
pub(in crate::decider) struct LeaseEntry {
    /// The object; nothing once it is gone but not let go by the engine, or before the watch has shown it.
    pub seen: Option<LeaseSeen>,
    /// As the engine was last told.
    pub told: Option<LeaseSpec>,
    /// Why what is stored is not what counts.
    pub refused: Vec<Refusal>,
    /// Its status as it was last asked to be written.
    pub written: Option<CapacityLeaseStatus>,
}

/// A pool as it is stored.
#[derive(Debug)]
pub(in crate::decider) struct PoolEntry {
    /// The object; nothing once it is gone but not let go by the engine, or before the watch has shown it.
    pub seen: Option<PoolSeen>,
    /// As the engine was last told.
    pub told: Option<PoolSpec>,
    /// Why what is stored is not what counts.
    pub refused: Vec<Refusal>,
    /// Its status as it was last asked to be written.
    pub written: Option<CapacityPoolStatus>,
}

impl Driver {
    pub(super) fn pool_seen(&mut self, seen: PoolSeen) {
        let name = seen.name.clone();
        let round = self.round(Kind::Pools);
        let entry = self.pools.entry(name.clone()).or_insert_with(|| Listed {
            round,
            it: PoolEntry {
                seen: None,
                told: None,
                refused: Vec::new(),
                written: None,
            },
        });
        entry.round = round;
        if entry.it.written.as_ref() != Some(&seen.status) {
            entry.it.written = None;
        }
        entry.it.seen = Some(seen);
        self.tentative_pools.remove(&name);
        self.news.pools.insert(name.clone());
        if self.has_learned {
            self.grant_pool(&name);
        }
    }

    /// Tells the engine of a pool as it is stored, if it would take it.
    pub(super) fn grant_pool(&mut self, name: &Name) {
        let Some(Listed { it: entry, .. }) = self.pools.get(name) else {
            return;
        };
        let Some(Ok(spec)) = entry.seen.as_ref().map(|seen| seen.spec.clone()) else {
            return;
        };
        if entry.told.as_ref() == Some(&spec) {
            return;
        }
        let event = Event::PoolSet(spec.clone());
        let refused = self.engine.check(self.now, &event);
        let is_granted = refused.is_empty();
        if is_granted {
            self.feed(event);
            self.bring_in(&spec.root_namespace);
            let nodes: Vec<Name> = self.pods_outside_by_node.keys().cloned().collect();
            for node in nodes {
                self.place_outside_again(&node);
            }
        }
        self.news.pools.insert(name.clone());
        if let Some(entry) = self.pools.get_mut(name) {
            entry.it.refused = refused;
            if is_granted {
                entry.it.told = Some(spec);
            }
        }
    }

    pub(super) fn pool_gone(&mut self, name: &Name) {
        self.tentative_pools.remove(name);
        let Some(entry) = self.pools.get_mut(name) else {
            return;
        };
        entry.it.seen = None;
        if entry.it.told.is_some() {
            self.feed(Event::PoolRemoved { pool: name.clone() });
        }
        self.pools.remove(name);
    }

    pub(super) fn lease_seen(&mut self, seen: LeaseSeen) {
        let key = seen.key.clone();
        let round = self.round(Kind::Leases);
        let entry = self.leases.entry(key.clone()).or_insert_with(|| Listed {
            round,
            it: LeaseEntry {
                seen: None,
                told: None,
                refused: Vec::new(),
                written: None,
            },
        });
        entry.round = round;
        if entry.it.written.as_ref() != Some(&seen.status) {
            // Somebody else wrote it, or this is older than what was written: looked at again.
            entry.it.written = None;
        }
        entry.it.seen = Some(seen);
        self.tentative.remove(&key);
        self.news.leases.insert(key.clone());
        if self.has_learned {
            self.grant_lease(&key);
        }
    }

    /// Tells the engine of a lease as it is stored, if it would take it.
    pub(super) fn grant_lease(&mut self, key: &LeaseKey) {
        let Some(Listed { it: entry, .. }) = self.leases.get(key) else {
            return;
        };
        let Some(Ok(spec)) = entry.seen.as_ref().map(|seen| seen.spec.clone()) else {
            return;
        };
        if entry.told.as_ref() == Some(&spec) {
            return;
        }
        let event = Event::LeaseSet(spec.clone());
        let refused = self.engine.check(self.now, &event);
        let is_granted = refused.is_empty();
        if is_granted {
            self.feed(event);
            self.bring_in(&spec.lessee);
        }
        let Some(entry) = self.leases.get_mut(key) else {
            return;
        };
        if is_granted || entry.it.refused != refused {
            self.news.leases.insert(key.clone());
        }
        entry.it.refused = refused;
        if is_granted {
            entry.it.told = Some(spec);
        }
    }

    pub(super) fn lease_gone(&mut self, key: &LeaseKey) {
        self.tentative.remove(key);
        let Some(entry) = self.leases.get_mut(key) else {
            return;
        };
        entry.it.seen = None;
        if entry.it.told.is_none() {
            self.leases.remove(key);
            return;
        }
        self.let_go(key);
    }

    /// Tells the engine that a lease is gone. While it is leased on, it goes on: nothing is leased twice, even
    /// when somebody has deleted it past the webhook.
    fn let_go(&mut self, key: &LeaseKey) {
        let event = Event::LeaseRemoved { key: key.clone() };
        let refused = self.engine.check(self.now, &event);
        let Some(entry) = self.leases.get_mut(key) else {
            return;
        };
        if refused.is_empty() {
            if let Some(told) = &entry.it.told {
                self.news.namespaces.insert(told.lessee.clone());
            }
            self.leases.remove(key);
            self.feed(event);
        } else if entry.it.refused != refused {
            tracing::warn!(
                namespace = %key.namespace, lease = %key.name, refused = %refused[0],
                "a deleted lease goes on, because it is leased on"
            );
            entry.it.refused = refused;
        }
    }

    /// What was refused may be right by now. Costs a check for each, and there should be none.
    pub(super) fn try_refused_again(&mut self) {
        if self.events.is_empty() {
            return;
        }
        let pools = self
            .pools
            .iter()
            .filter(|(_, pool)| !pool.it.refused.is_empty());
        for name in pools.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.grant_pool(&name);
        }
        let leases = self.leases.iter().filter(|(_, lease)| {
            !lease.it.refused.is_empty() || (lease.it.told.is_some() && lease.it.seen.is_none())
        });
        let leases = leases.filter(|(key, _)| !self.tentative.contains_key(key));
        for key in leases.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            let is_gone = self
                .leases
                .get(&key)
                .is_some_and(|lease| lease.it.seen.is_none());
            if is_gone {
                self.let_go(&key);
            } else {
                self.grant_lease(&key);
            }
        }
    }

    /// The engine has extended a lease's term.
    pub(super) fn renewed(&mut self, key: &LeaseKey) {
        self.news.leases.insert(key.clone());
    }

    /// A lease by its key.
    pub(in crate::decider) fn lease(&self, key: &LeaseKey) -> Option<&LeaseEntry> {
        self.leases.get(key).map(|listed| &listed.it)
    }

    /// All leases.
    pub(in crate::decider) fn leases(&self) -> impl Iterator<Item = (&LeaseKey, &LeaseEntry)> {
        self.leases.iter().map(|(key, listed)| (key, &listed.it))
    }

    /// The identity of a pool's object.
    pub(in crate::decider) fn pool_uid(&self, name: &Name) -> Option<Name> {
        let seen = self.pools.get(name)?.it.seen.as_ref()?;
        Some(seen.uid.clone())
    }
}
