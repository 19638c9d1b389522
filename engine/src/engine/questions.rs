//! What a driver may ask between decisions. Answers change nothing.

use super::{Engine, Home};
use crate::snapshot::LeaseStanding;
use crate::spec::{LeaseKey, Name, PodId};

impl Engine {
    /// Whether the namespace has an account in a pool: its pods are charged.
    pub fn has_account(&self, namespace: &str) -> bool {
        let mut pools = self.pools.iter().flatten();
        pools.any(|pool| pool.account(namespace).is_some())
    }

    /// Where a granted lease stands; nothing if it was never granted.
    pub fn lease(&self, key: &LeaseKey) -> Option<LeaseStanding> {
        let mut pools = self.pools.iter().flatten();
        pools.find_map(|pool| pool.lease_standing(key))
    }

    /// The pool in which a pod is queued or charged.
    pub fn pool_of(&self, pod: PodId) -> Option<&Name> {
        match self.pods.get(&pod)? {
            Home::Pool(at, _) => Some(&self.pool(*at)?.spec.name),
            Home::Outside(_) | Home::Nowhere => None,
        }
    }

    /// The capacity of a pool, its reserve included, by resource.
    pub fn capacity(&self, pool: &str) -> Vec<(Name, i64)> {
        self.pool_named(pool)
            .map_or_else(Vec::new, |(_, pool)| pool.capacity())
    }
}
