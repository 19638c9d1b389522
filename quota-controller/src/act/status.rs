//! Writing status: server-side apply, so that what we leave out is taken out and others' fields stay.

use super::{Context, pause, refused};
use crate::decider::Outcome;
use api::crd::{API_VERSION, CapacityLeaseStatus, CapacityPoolStatus};
use api::{CapacityLease, CapacityPool};
use engine::spec::{LeaseKey, Name};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tracing::warn;

/// Under this name our fields are kept apart from those of others.
const FIELD_MANAGER: &str = "leasehold-quota-controller";

/// How often a write is tried; after that the next change writes it.
const ATTEMPTS_MAX: u32 = 4;

/// A status to be written.
#[derive(Clone, Debug)]
pub enum StatusWrite {
    /// Of a pool.
    Pool(Name, Box<CapacityPoolStatus>),
    /// Of a lease.
    Lease(LeaseKey, Box<CapacityLeaseStatus>),
}

/// Writes it.
pub(super) async fn write(context: Context, order: StatusWrite) {
    let params = PatchParams::apply(FIELD_MANAGER).force();
    for attempt in 1..=ATTEMPTS_MAX {
        let written = match &order {
            StatusWrite::Pool(name, status) => {
                let pools: Api<CapacityPool> = Api::all(context.client.clone());
                let patch = Patch::Apply(object("CapacityPool", name, json!(status)));
                let call = pools.patch_status(name, &params, &patch);
                context.call(call).await.map(|it| it.map(drop))
            }
            StatusWrite::Lease(key, status) => {
                let leases =
                    Api::<CapacityLease>::namespaced(context.client.clone(), &key.namespace);
                let patch = Patch::Apply(object("CapacityLease", &key.name, json!(status)));
                let call = leases.patch_status(&key.name, &params, &patch);
                context.call(call).await.map(|it| it.map(drop))
            }
        };
        match written {
            Some(Ok(())) => return,
            // The watch will say that it is gone.
            Some(Err(error)) if refused(&error) == Some(404) => return,
            Some(Err(error)) => warn!(%error, attempt, "a status was not written"),
            None => {}
        }
        if !context.leadership.is_valid() {
            return;
        }
        tokio::time::sleep(pause(attempt)).await;
    }
    let outcome = Outcome::StatusNotWritten(order);
    context
        .decider
        .report(context.leadership.epoch(), outcome)
        .await;
}

fn object(kind: &str, name: &str, status: Value) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name},
        "status": status,
    })
}
