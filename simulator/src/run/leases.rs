//! Leases as they were applied last, as far as the virtual cluster asks about them.

use engine::spec::{LeaseKey, LeaseSpec, Name};
use engine::{Span, Time};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Leases, by what they are asked for.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    by_key: BTreeMap<LeaseKey, LeaseSpec>,
    /// Those of each lessee, the oldest first.
    by_lessee: FxHashMap<Name, BTreeSet<(Time, Name, LeaseKey)>>,
}

impl Leases {
    /// A lease is there, or has changed.
    pub(crate) fn set(&mut self, lease: &LeaseSpec) {
        self.remove(&lease.key);
        let of = self.by_lessee.entry(lease.lessee.clone()).or_default();
        of.insert((lease.created, lease.key.name.clone(), lease.key.clone()));
        self.by_key.insert(lease.key.clone(), lease.clone());
    }

    /// A lease is gone.
    pub(crate) fn remove(&mut self, key: &LeaseKey) {
        if let Some(lease) = self.by_key.remove(key)
            && let Some(of) = self.by_lessee.get_mut(&lease.lessee)
        {
            of.remove(&(lease.created, lease.key.name.clone(), lease.key));
        }
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &LeaseSpec> {
        self.by_key.values()
    }

    /// What bounds the grace of a lessee's victims: its oldest lease decides.
    pub(crate) fn grace_of(&self, lessee: &Name) -> Option<Span> {
        let (_, _, oldest) = self.by_lessee.get(lessee)?.first()?;
        Some(self.by_key.get(oldest)?.grace_period)
    }
}
