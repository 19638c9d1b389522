//! The label that puts a namespace's pods behind the gate. It is never removed here: losing a lease gives nobody
//! more freedom.

use api::names::LABEL_LEASED;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// After a failure the next try comes after so long: pods go past the gate until then.
const PAUSE: Duration = Duration::from_secs(1);

/// Labels every namespace that is named by `unlabelled`, for ever. The name leaves that set when the watch of
/// namespaces shows the label; a namespace that loses it while it is leased comes back into it.
pub async fn label_namespaces(
    client: Client,
    mut unlabelled: watch::Receiver<Arc<BTreeSet<Arc<str>>>>,
) {
    let api: Api<Namespace> = Api::all(client);
    let patch = serde_json::json!({"metadata": {"labels": {LABEL_LEASED: "true"}}});
    loop {
        let names = unlabelled.borrow_and_update().clone();
        let mut failed = false;
        for name in names.iter() {
            // Only this one field: whoever changes others at the same moment is not in its way.
            let params = PatchParams::default();
            match api
                .patch_metadata(name, &params, &Patch::Merge(&patch))
                .await
            {
                Ok(_) => tracing::info!(namespace = &**name, "labelled as leased"),
                // A lease may come before its lessee's namespace.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => {
                    failed = true;
                    tracing::warn!(namespace = &**name, %error, "cannot be labelled as leased");
                }
            }
        }
        tokio::select! {
            changed = unlabelled.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(PAUSE), if failed => {}
        }
    }
}
