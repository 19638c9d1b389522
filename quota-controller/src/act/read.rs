//! Reading an object again, where the watch has not shown what was expected of it.

use super::Context;
use crate::cluster::{Observation, lease_seen, pool_seen};
use crate::decider::Outcome;
use api::{CapacityLease, CapacityPool};
use engine::spec::{LeaseKey, Name};
use kube::Api;

/// What is to be read.
#[derive(Clone, Debug)]
pub enum Reading {
    /// A pool.
    Pool(Name),
    /// A lease.
    Lease(LeaseKey),
}

/// Reads it. Where that fails the decider asks again.
pub(super) async fn read(context: Context, order: Reading) {
    let observation = match order {
        Reading::Pool(name) => {
            let pools: Api<CapacityPool> = Api::all(context.client.clone());
            match context.call(pools.get_opt(&name)).await {
                Some(Ok(Some(pool))) => Observation::Pool(Box::new(pool_seen(pool))),
                Some(Ok(None)) => Observation::PoolGone(name),
                _ => return,
            }
        }
        Reading::Lease(key) => {
            let leases: Api<CapacityLease> =
                Api::namespaced(context.client.clone(), &key.namespace);
            match context.call(leases.get_opt(&key.name)).await {
                Some(Ok(Some(lease))) => Observation::Lease(Box::new(lease_seen(lease))),
                Some(Ok(None)) => Observation::LeaseGone(key),
                _ => return,
            }
        }
    };
    let outcome = Outcome::Read(observation);
    context
        .decider
        .report(context.leadership.epoch(), outcome)
        .await;
}
