//! Changes that were accepted and that the watch has not shown yet.
//!
//! The API server asks before it stores. Between the answer and the watch, another change may be asked about
//! that fits only without the first. So an accepted grant is told to the engine at once, and what takes
//! something away is told when it is stored, but keeps others waiting who build on it. If the watch shows
//! nothing in time, the object is read again.

use super::{Driver, LeaseEntry, Listed};
use crate::act::Reading;
use crate::cluster::Kind;
use crate::decider::message::Change;
use engine::spec::{LeaseKey, LeaseSpec, Name, Quantities};
use engine::{Event, Refusal, Span, Time};

/// An accepted change is waited for so long: the API server's own time limit for a request is a minute, but what
/// it accepts it stores within milliseconds.
const WAIT: Span = Span::seconds(10);

/// An accepted change of a lease.
#[derive(Debug)]
pub(super) struct Tentative {
    until: Time,
    /// Whether it takes something away from this lessee, so that nobody may build on what there was.
    lessee: Option<Name>,
}

impl Driver {
    /// Why a change would be refused. An accepted one is remembered, unless it is a dry run.
    pub(in crate::decider) fn check(&mut self, change: &Change, dry_run: bool) -> Vec<Refusal> {
        match change {
            Change::Pool(spec) => {
                let refused = self
                    .engine
                    .check(self.now, &Event::PoolSet((**spec).clone()));
                let is_news = self
                    .pools
                    .get(&spec.name)
                    .is_some_and(|pool| pool.it.told.as_ref().is_some_and(|told| *told != **spec));
                if refused.is_empty() && is_news && !dry_run {
                    let until = self.now + WAIT;
                    self.tentative_pools.insert(spec.name.clone(), until);
                }
                refused
            }
            Change::PoolRemoved(name) => {
                let refused = self.check_pool_removed(name);
                if refused.is_empty() && !dry_run {
                    let until = self.now + WAIT;
                    self.tentative_pools.insert(name.clone(), until);
                }
                refused
            }
            Change::Lease(spec) => self.check_lease(spec, dry_run),
            Change::LeaseRemoved(key) => self.check_lease_removed(key, dry_run),
        }
    }

    fn check_lease(&mut self, spec: &LeaseSpec, dry_run: bool) -> Vec<Refusal> {
        let told = self
            .leases
            .get(&spec.key)
            .and_then(|lease| lease.it.told.clone());
        if told.as_ref() == Some(spec) {
            return Vec::new();
        }
        if let Some(refusal) = self.must_wait(spec) {
            return vec![refusal];
        }
        let event = Event::LeaseSet(spec.clone());
        let refused = self.engine.check(self.now, &event);
        if !refused.is_empty() || dry_run {
            return refused;
        }
        // A change may give and take: only what it gives counts already.
        let given = told
            .as_ref()
            .map_or_else(|| spec.clone(), |told| union(told, spec));
        let lessee = (given != *spec).then(|| spec.lessee.clone());
        self.remember(&spec.key, lessee);
        let event = Event::LeaseSet(given.clone());
        if self.engine.check(self.now, &event).is_empty() {
            self.feed(event);
            self.bring_in(&spec.lessee);
            let round = self.round(Kind::Leases);
            let entry = self
                .leases
                .entry(spec.key.clone())
                .or_insert_with(|| Listed {
                    round,
                    it: LeaseEntry {
                        seen: None,
                        told: None,
                        refused: Vec::new(),
                        written: None,
                    },
                });
            entry.it.told = Some(given);
        }
        Vec::new()
    }

    fn check_lease_removed(&mut self, key: &LeaseKey, dry_run: bool) -> Vec<Refusal> {
        let told = self
            .leases
            .get(key)
            .and_then(|lease| lease.it.told.as_ref());
        let Some(lessee) = told.map(|told| told.lessee.clone()) else {
            // It was never granted: nobody holds anything of it.
            return Vec::new();
        };
        let event = Event::LeaseRemoved { key: key.clone() };
        let refused = self.engine.check(self.now, &event);
        if refused.is_empty() && !dry_run {
            self.remember(key, Some(lessee));
        }
        refused
    }

    fn remember(&mut self, key: &LeaseKey, lessee: Option<Name>) {
        let until = self.now + WAIT;
        self.tentative
            .insert(key.clone(), Tentative { until, lessee });
    }

    /// What a lease divides is just being taken away, as far as is known.
    fn must_wait(&self, spec: &LeaseSpec) -> Option<Refusal> {
        let lessor = &spec.key.namespace;
        let mut changing = self.tentative.iter();
        let lease =
            changing.find(|(key, it)| **key != spec.key && it.lessee.as_ref() == Some(lessor));
        let object = match lease {
            Some((key, _)) => format!("CapacityLease {}/{}", key.namespace, key.name),
            None => {
                let pool = self.pools.get(&spec.pool)?.it.told.as_ref()?;
                let is_changing = self.tentative_pools.contains_key(&spec.pool);
                if !is_changing || pool.root_namespace != *lessor {
                    return None;
                }
                format!("CapacityPool {}", spec.pool)
            }
        };
        Some(Refusal::Invalid {
            object: format!("CapacityLease {}/{}", lessor, spec.key.name),
            field: "spec".to_owned(),
            problem: format!(
                "{object}, which it divides, is being changed: try again in some seconds"
            ),
        })
    }

    fn check_pool_removed(&self, name: &Name) -> Vec<Refusal> {
        let leased = self.leases().filter(|(_, lease)| {
            let told = lease.told.as_ref();
            told.is_some_and(|told| told.pool == *name)
        });
        let leased: Vec<String> = leased
            .take(3)
            .map(|(key, _)| format!("{}/{}", key.namespace, key.name))
            .collect();
        if leased.is_empty() {
            return Vec::new();
        }
        vec![Refusal::Invalid {
            object: format!("CapacityPool {name}"),
            field: "metadata".to_owned(),
            problem: format!(
                "it is leased: end its leases first, such as {}",
                leased.join(", ")
            ),
        }]
    }

    /// What the watch should have shown by now, to be read again.
    pub(in crate::decider) fn overdue(&mut self) -> Vec<Reading> {
        let now = self.now;
        let mut overdue = Vec::new();
        for (key, tentative) in &mut self.tentative {
            if tentative.until <= now {
                tentative.until = now + WAIT;
                overdue.push(Reading::Lease(key.clone()));
            }
        }
        for (name, until) in &mut self.tentative_pools {
            if *until <= now {
                *until = now + WAIT;
                overdue.push(Reading::Pool(name.clone()));
            }
        }
        overdue
    }
}

/// What a lease gives with a change and without it: the larger amounts, for the longer term.
fn union(old: &LeaseSpec, new: &LeaseSpec) -> LeaseSpec {
    let larger = |old: &Quantities, new: &Quantities| {
        let mut amounts = old.clone();
        for (resource, &amount) in new {
            let larger = amounts.entry(resource.clone()).or_default();
            *larger = amount.max(*larger);
        }
        amounts
    };
    LeaseSpec {
        guaranteed: larger(&old.guaranteed, &new.guaranteed),
        // An absent start is the earliest, an absent end the latest.
        start: old.start.min(new.start),
        end: match (old.end, new.end) {
            (Some(old), Some(new)) => Some(old.max(new)),
            _ => None,
        },
        // A limit must not be below the guarantee; limits bind nobody before the object is stored.
        limit: old
            .limit
            .iter()
            .filter_map(|(resource, &limit)| {
                let other = *new.limit.get(resource)?;
                Some((resource.clone(), limit.max(other)))
            })
            .collect(),
        ..new.clone()
    }
}
