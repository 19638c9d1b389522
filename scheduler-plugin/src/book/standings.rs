//! Accounts and elastic workloads: asked about by `preempt` alone.

use super::{Book, Held, PoolNumber};
use engine::Time;
use engine::grants::AccountStanding;
use engine::place::{Protection, protection};
use engine::spec::Name;
use rustc_hash::FxHashMap;
use std::sync::PoisonError;

/// The accounts and workloads of one pool.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) accounts: FxHashMap<Name, AccountStanding>,
    /// Replicas above the minimum, by namespace and name.
    pub(super) surplus: FxHashMap<(Name, Name), u32>,
}

/// Those of all pools.
pub(super) type Standings = FxHashMap<PoolNumber, Standing>;

/// A pod that is to be evicted for another, and whether its workload goes on without it.
pub struct Victim<'a> {
    /// What is known of it.
    pub held: &'a Held,
    /// It is one of its workload's replicas above the minimum.
    pub is_surplus: bool,
}

impl Book {
    /// Marks which of the victims on a node their workloads can spare, all taken together.
    pub fn mark_surplus<'a>(&self, victims: impl IntoIterator<Item = &'a Held>) -> Vec<Victim<'a>> {
        let standings = self
            .standings
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut taken: FxHashMap<(PoolNumber, &str, &str), u32> = FxHashMap::default();
        let victims = victims.into_iter().map(|held| {
            let grant = &held.grant;
            let is_surplus = grant.workload.as_ref().is_some_and(|workload| {
                let key = (grant.namespace.clone(), workload.clone());
                let standing = standings.get(&held.pool);
                let surplus = standing.and_then(|standing| standing.surplus.get(&key));
                let taken = taken
                    .entry((held.pool, &grant.namespace, workload))
                    .or_default();
                *taken += 1;
                *taken <= surplus.copied().unwrap_or(0)
            });
            Victim { held, is_surplus }
        });
        victims.collect()
    }

    /// Why the lease rules protect a victim, if they do.
    pub fn protection(
        &self,
        now: Time,
        preemptor: Option<&Held>,
        victim: &Victim,
    ) -> Option<Protection> {
        if preemptor.is_some_and(|preemptor| preemptor.pool != victim.held.pool) {
            return Some(Protection::Guaranteed);
        }
        let standings = self
            .standings
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let standing = standings.get(&victim.held.pool);
        protection(
            now,
            preemptor.map(|preemptor| &preemptor.grant),
            &victim.held.grant,
            victim.is_surplus,
            |namespace| standing?.accounts.get(namespace),
        )
    }
}
