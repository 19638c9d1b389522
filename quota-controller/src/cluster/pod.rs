//! Pods.

use super::observation::{PodSeen, Uid};
use api::names::{ANNOTATION_EPOCH, GATE};
use engine::Time;
use engine::spec::{Name, PodId};
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use std::sync::Arc;
use translate::PodContext;

/// What the decider needs of a pod. `now` counts where it does not say when it was created.
pub fn see(pod: &Pod, now: Time) -> PodSeen {
    let metadata = &pod.metadata;
    let text = |text: &Option<String>| -> Name { text.as_deref().unwrap_or_default().into() };
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let gates = spec.and_then(|spec| spec.scheduling_gates.as_ref());
    let gate = gates.and_then(|gates| gates.iter().position(|gate| gate.name == GATE));
    let annotations = metadata.annotations.as_ref();
    let epoch = annotations.and_then(|all| all.get(ANNOTATION_EPOCH));
    let context = PodContext {
        id: PodId(0),
        workload: None,
        pod_group_min: &|_| None,
        created: now,
    };
    let mut owners = metadata.owner_references.iter().flatten();
    let controller = owners.find(|owner| owner.controller == Some(true));
    let phase = status.and_then(|status| status.phase.as_deref());
    PodSeen {
        uid: text(&metadata.uid) as Uid,
        namespace: text(&metadata.namespace),
        name: text(&metadata.name),
        spec: translate::pod(pod, &context).map_err(super::watch::in_words),
        labels: Arc::new(metadata.labels.clone().unwrap_or_default()),
        controller: controller.map(|owner| owner.uid.as_str().into()),
        gate: gate.and_then(|at| u32::try_from(at).ok()),
        has_annotations: annotations.is_some_and(|all| !all.is_empty()),
        epoch: epoch.and_then(|epoch| epoch.parse().ok()),
        node: spec
            .and_then(|spec| spec.node_name.as_deref())
            .map(Into::into),
        is_started: status.is_some_and(is_started),
        is_leaving: metadata.deletion_timestamp.is_some(),
        is_ended: matches!(phase, Some("Succeeded" | "Failed")),
        grace_seconds: spec.and_then(|spec| spec.termination_grace_period_seconds),
    }
}

/// Whether all containers run, or have run.
fn is_started(status: &PodStatus) -> bool {
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let waits = |state: &Option<k8s_openapi::api::core::v1::ContainerState>| {
        state.as_ref().is_some_and(|state| state.waiting.is_some())
    };
    status.phase.as_deref() == Some("Running")
        && !containers.iter().any(|container| waits(&container.state))
}
