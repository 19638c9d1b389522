//! What the policies make of a scenario's leases.
//!
//! `static` and `fcfs` run the same engine on leases that are fixed quotas: limit = guarantee and nothing
//! lent, at every level, so that an account's own pods get what is left of its guarantee. A resource that no
//! lease of the pool guarantees or limits is left alone: a quota that does not speak of it does not bound it.
//! Nothing is reclaimed either, rule 10 included: whole units are protected for ever by `minRuntimeSeconds`.

use crate::model::Policy;
use engine::Span;
use engine::spec::{LeaseKind, LeaseSpec, Name, PoolSpec, Queueing};
use std::collections::BTreeSet;

/// A hundred years: longer than any run, and still a sum of instants away from overflow.
const FOR_EVER: Span = Span::seconds(100 * 366 * 24 * 3600);

/// The resources of a pool that any of these leases speaks of.
pub(crate) fn fixed_resources<'a>(
    pool: &PoolSpec,
    leases: impl Iterator<Item = &'a LeaseSpec>,
) -> BTreeSet<Name> {
    let of_pool = leases.filter(|lease| lease.pool == pool.name);
    let named: BTreeSet<&Name> = of_pool
        .flat_map(|lease| lease.guaranteed.keys().chain(lease.limit.keys()))
        .collect();
    pool.resources
        .iter()
        .filter(|name| named.contains(name))
        .cloned()
        .collect()
}

/// Whether the policy makes fixed quotas of leases.
pub(crate) fn has_fixed_quotas(policy: Policy) -> bool {
    matches!(policy, Policy::Static | Policy::Fcfs)
}

/// A lease as the policy knows it; `fixed` are the resources of its pool that are quotas.
pub(crate) fn lease_under(
    policy: Policy,
    lease: &LeaseSpec,
    fixed: Option<&BTreeSet<Name>>,
) -> LeaseSpec {
    let mut lease = lease.clone();
    if !has_fixed_quotas(policy) || lease.kind == LeaseKind::Transfer {
        return lease;
    }
    for name in fixed.into_iter().flatten() {
        let guaranteed = lease.guaranteed.get(name).copied().unwrap_or(0);
        lease.limit.insert(name.clone(), guaranteed);
        lease.lend_limit.insert(name.clone(), 0);
    }
    lease.min_runtime = FOR_EVER;
    if policy == Policy::Fcfs {
        lease.queueing = Queueing::StrictFifo;
    }
    lease
}
