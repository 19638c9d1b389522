//! Admitting a pod: its gate is removed by one patch, and that patch is the commit.

use super::{Context, pause, refused};
use crate::clock;
use crate::cluster::{Observation, Uid, see_pod};
use crate::decider::Outcome;
use api::names::{ANNOTATION_EPOCH, GATE};
use engine::spec::{Name, PodId};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tracing::{debug, warn};

/// A pod that may be scheduled.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Its identity here.
    pub pod: PodId,
    /// Its identity at the API server.
    pub uid: Uid,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// The place of our gate among its gates. Without one the pod is only touched: nobody admitted it before,
    /// the plugin has refused it, and kube-scheduler looks at it again when it changes.
    pub gate: Option<u32>,
    /// Whether it has any annotation.
    pub has_annotations: bool,
}

/// Removes the gate, and tries until the outcome is known.
pub(super) async fn admit(context: Context, mut order: Admission) {
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &order.namespace);
    let params = PatchParams::default();
    let began = std::time::Instant::now();
    for attempt in 0.. {
        let patch = match serde_json::from_value(patch(&order, context.leadership.epoch())) {
            Ok(patch) => Patch::<()>::Json(patch),
            Err(error) => {
                warn!(%error, "a patch that is none");
                return;
            }
        };
        let patched = context
            .call(pods.patch_metadata(&order.name, &params, &patch))
            .await;
        match patched {
            Some(Ok(_)) => {
                let took = began.elapsed().as_secs_f64();
                context.metrics.gate_removal_seconds.observe(took);
                return done(&context, &order).await;
            }
            Some(Err(error)) if refused(&error) == Some(404) => {
                return gone(&context, &order).await;
            }
            Some(Err(error)) => {
                debug!(pod = %order.name, namespace = %order.namespace, %error, "gate not removed");
            }
            None if !context.leadership.is_valid() => return,
            None => {}
        }
        context.count_retry("gate");
        if attempt > 0 {
            tokio::time::sleep(pause(attempt)).await;
        }
        // Refused, or nobody knows: the pod itself says how it stands.
        match context.call(pods.get_opt(&order.name)).await {
            Some(Ok(Some(pod))) if pod.metadata.uid.as_deref() == Some(&*order.uid) => {
                let seen = see_pod(&pod, clock::now());
                let has_gate = seen.gate.is_some();
                order.has_annotations = seen.has_annotations;
                let touched = order.gate.is_none() && seen.epoch.is_some();
                if order.gate.is_some() && !has_gate || touched {
                    return done(&context, &order).await;
                }
                order.gate = seen.gate;
            }
            Some(Ok(_)) => return gone(&context, &order).await,
            Some(Err(error)) => warn!(
                pod = %order.name, namespace = %order.namespace, %error,
                "cannot read a pod whose gate is to be removed, trying again"
            ),
            None if !context.leadership.is_valid() => return,
            None => {}
        }
    }
}

async fn done(context: &Context, order: &Admission) {
    let outcome = Outcome::Ungated { pod: order.pod };
    context
        .decider
        .report(context.leadership.epoch(), outcome)
        .await;
}

async fn gone(context: &Context, order: &Admission) {
    let outcome = Outcome::Read(Observation::PodGone(order.uid.clone()));
    context
        .decider
        .report(context.leadership.epoch(), outcome)
        .await;
}

/// The patch. Its tests make it fail where the pod is another one or its gates are not as they were seen; where
/// no annotations were seen, it does not overwrite some that came later.
fn patch(order: &Admission, epoch: u64) -> Value {
    let mut operations = vec![json!({"op": "test", "path": "/metadata/uid", "value": &*order.uid})];
    if let Some(gate) = order.gate {
        let path = format!("/spec/schedulingGates/{gate}");
        operations.push(json!({"op": "test", "path": format!("{path}/name"), "value": GATE}));
        operations.push(json!({"op": "remove", "path": path}));
    }
    let epoch = epoch.to_string();
    if order.has_annotations {
        let path = format!(
            "/metadata/annotations/{}",
            ANNOTATION_EPOCH.replace('/', "~1")
        );
        operations.push(json!({"op": "add", "path": path, "value": epoch}));
    } else {
        let path = "/metadata/annotations";
        operations.push(json!({"op": "test", "path": path, "value": null}));
        let value = json!({ANNOTATION_EPOCH: epoch});
        operations.push(json!({"op": "add", "path": path, "value": value}));
    }
    Value::Array(operations)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(has_annotations: bool) -> Admission {
        Admission {
            pod: PodId(1),
            uid: "u-1".into(),
            namespace: "web".into(),
            name: "a".into(),
            gate: Some(1),
            has_annotations,
        }
    }

    #[test]
    fn the_patch_tests_the_pod_and_its_gate_and_leaves_other_gates() {
        assert_eq!(
            patch(&order(true), 7),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u-1"},
                {"op": "test", "path": "/spec/schedulingGates/1/name", "value": "leasehold.dev/admission"},
                {"op": "remove", "path": "/spec/schedulingGates/1"},
                {"op": "add", "path": "/metadata/annotations/leasehold.dev~1epoch", "value": "7"},
            ])
        );
    }

    #[test]
    fn annotations_that_came_meanwhile_are_not_overwritten() {
        let patch = patch(&order(false), 7);
        assert_eq!(
            patch[3],
            json!({"op": "test", "path": "/metadata/annotations", "value": null})
        );
    }
}
