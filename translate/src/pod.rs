//! Pods.

use crate::problem::Problems;
use crate::{Problem, created, name, template};
use api::names::{ANNOTATION_GROUP_MIN, LABEL_GROUP, LABEL_POOL};
use api::pod_request;
use engine::Time;
use engine::spec::{Group, Name, PodId, PodSpec};
use k8s_openapi::api::core::v1;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a pod's object does not say.
#[derive(Clone, Copy)]
pub struct PodContext<'a> {
    /// The identity that the driver gives it.
    pub id: PodId,
    /// The elastic workload of its namespace of which it is a replica.
    pub workload: Option<&'a Name>,
    /// How many pods the group of this name, in the pod's namespace, must have.
    pub pod_group_min: &'a dyn Fn(&str) -> Option<u32>,
    /// When it was created, if its metadata does not say.
    pub created: Time,
}

/// The pod, or everything in it that cannot be read.
pub fn pod(pod: &v1::Pod, context: &PodContext) -> Result<PodSpec, Vec<Problem>> {
    let mut problems = Problems::default();
    let none = v1::PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&none);
    let template = match template::of(spec, pod_request::of_pod(pod)) {
        Ok(template) => template,
        Err(found) => {
            problems.0.extend(found);
            Default::default()
        }
    };
    let group = group(&mut problems, pod, context);
    let labels = pod.metadata.labels.as_ref();
    let pool = labels.and_then(|labels| labels.get(LABEL_POOL));
    problems.finish(PodSpec {
        id: context.id,
        namespace: name(pod.metadata.namespace.as_deref()),
        name: name(pod.metadata.name.as_deref()),
        priority: spec.priority.unwrap_or(0),
        created: created(&pod.metadata, context.created),
        template: Arc::new(template),
        pool: pool.map(|pool| pool.as_str().into()),
        group,
        workload: context.workload.cloned(),
        ordinal: ordinal(labels),
    })
}

/// Labels in which owners number their replicas.
const ORDINAL_LABELS: [&str; 3] = [
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
    "training.kubeflow.org/replica-index",
];

/// Its number among its owner's replicas, where the owner numbers them.
fn ordinal(labels: Option<&BTreeMap<String, String>>) -> Option<u32> {
    let labels = labels?;
    let number = ORDINAL_LABELS.iter().find_map(|&label| labels.get(label));
    number?.parse().ok()
}

/// The group that the scheduler knows of, or else the one that a label names.
fn group(problems: &mut Problems, pod: &v1::Pod, context: &PodContext) -> Option<Group> {
    let scheduling_group = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.scheduling_group.as_ref())
        .and_then(|group| group.pod_group_name.as_deref());
    if let Some(group) = scheduling_group {
        let min = (context.pod_group_min)(group).unwrap_or(1);
        return Some(Group {
            name: group.into(),
            min,
        });
    }
    let group = pod.metadata.labels.as_ref()?.get(LABEL_GROUP)?;
    let annotations = pod.metadata.annotations.as_ref();
    let text = annotations.and_then(|annotations| annotations.get(ANNOTATION_GROUP_MIN));
    let text = text.map_or("", String::as_str);
    match text.parse() {
        Ok(min) if min > 0 => Some(Group {
            name: group.as_str().into(),
            min,
        }),
        _ => {
            let message = format!(
                "{text:?} is no number of pods: a pod of group {group} must say how many make it complete, \
                 at least \"1\""
            );
            let path = ["metadata", "annotations", ANNOTATION_GROUP_MIN];
            problems.add(&path, text, message);
            None
        }
    }
}
