//! Evicting a pod: through the Eviction API, so that disruption budgets are respected.

use super::{Context, refused};
use crate::clock;
use crate::cluster::{Observation, Uid, see_pod};
use crate::decider::Outcome;
use engine::Span;
use engine::spec::{Name, PodId};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, EvictParams, Preconditions};
use tracing::warn;

/// What a disruption budget refuses is asked for again after so long, where the API server does not say.
const RETRY_REFUSED: Span = Span::seconds(5);

/// What failed otherwise is asked for again after so long.
const RETRY_FAILED: Span = Span::seconds(2);

/// A pod that is to go.
#[derive(Clone, Debug)]
pub struct Eviction {
    /// Its identity here.
    pub pod: PodId,
    /// Its identity at the API server.
    pub uid: Uid,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Bound of its termination grace, in seconds; its own where that is shorter.
    pub grace_seconds: u32,
}

/// Asks once. What is refused is the engine's to ask for again, or of another.
pub(super) async fn evict(context: Context, order: Eviction) {
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &order.namespace);
    let params = EvictParams {
        delete_options: Some(DeleteParams {
            grace_period_seconds: Some(order.grace_seconds),
            preconditions: Some(Preconditions {
                uid: Some(order.uid.to_string()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        }),
        ..EvictParams::default()
    };
    let outcome = match context.call(pods.evict(&order.name, &params)).await {
        // The watch shows it leaving.
        Some(Ok(_)) => return,
        // 409: the name belongs to another pod by now.
        Some(Err(error)) if matches!(refused(&error), Some(404 | 409)) => {
            Outcome::Read(Observation::PodGone(order.uid.clone()))
        }
        Some(Err(kube::Error::Api(status))) if status.code == 429 => {
            let seconds = status
                .details
                .as_ref()
                .map_or(0, |it| it.retry_after_seconds);
            let asked = Span::seconds(i64::from(seconds));
            let after = if asked > Span(0) {
                asked
            } else {
                RETRY_REFUSED
            };
            Outcome::EvictionRefused {
                pod: order.pod,
                retry: clock::now() + after,
            }
        }
        other => {
            if !context.leadership.is_valid() {
                return;
            }
            if let Some(Err(error)) = other {
                warn!(pod = %order.name, namespace = %order.namespace, %error, "eviction failed");
            }
            read_again(&context, &pods, &order).await
        }
    };
    context
        .decider
        .report(context.leadership.epoch(), outcome)
        .await;
}

/// Nobody knows whether the pod was asked to go: it says so itself.
async fn read_again(context: &Context, pods: &Api<Pod>, order: &Eviction) -> Outcome {
    match context.call(pods.get_opt(&order.name)).await {
        Some(Ok(Some(pod))) if pod.metadata.uid.as_deref() == Some(&*order.uid) => {
            let seen = see_pod(&pod, clock::now());
            if seen.is_leaving || seen.is_ended {
                return Outcome::Read(Observation::Pod(Box::new(seen)));
            }
        }
        Some(Ok(_)) => return Outcome::Read(Observation::PodGone(order.uid.clone())),
        _ => {}
    }
    Outcome::EvictionRefused {
        pod: order.pod,
        retry: clock::now() + RETRY_FAILED,
    }
}
