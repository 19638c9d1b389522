//! Writing the status of ElasticWorkloads: the newest only, and not more often than people can read.

use super::{Context, refused};
use api::ElasticWorkload;
use api::crd::ElasticWorkloadStatus;
use engine::spec::WorkloadKey;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::warn;

/// Changes within so long become one write.
const TOGETHER: Duration = Duration::from_millis(500);

/// Writes the newest status of each workload.
pub(super) async fn work(
    context: Context,
    mut orders: mpsc::UnboundedReceiver<(WorkloadKey, Box<ElasticWorkloadStatus>)>,
) {
    let mut newest: BTreeMap<WorkloadKey, Box<ElasticWorkloadStatus>> = BTreeMap::new();
    while let Some((key, status)) = orders.recv().await {
        newest.insert(key, status);
        tokio::time::sleep(TOGETHER).await;
        while let Ok((key, status)) = orders.try_recv() {
            newest.insert(key, status);
        }
        for (key, status) in std::mem::take(&mut newest) {
            write(&context, &key, &status).await;
        }
    }
}

async fn write(context: &Context, key: &WorkloadKey, status: &ElasticWorkloadStatus) {
    let api = Api::<ElasticWorkload>::namespaced(context.client.clone(), &key.namespace);
    // A whole status: what is no longer said goes, which a merge would keep.
    let patch = json!([{"op": "add", "path": "/status", "value": status}]);
    let Ok(patch) = serde_json::from_value(patch) else {
        return;
    };
    let patch = Patch::<()>::Json(patch);
    let params = PatchParams::default();
    let written = api.patch_status(&key.name, &params, &patch);
    match context.call(written).await {
        Some(Err(error)) if refused(&error) == Some(404) => {}
        Some(Err(error)) => {
            warn!(workload = %key.name, namespace = %key.namespace, %error, "status not written");
        }
        _ => {}
    }
}
