//! The objects of a scenario's jobs and services, as their owners would write them.

use super::plan::WorkKey;
use engine::Span;
use engine::spec::Quantities;
use serde_json::{Value, json};
use simulator::model::Elastic;
use std::collections::BTreeMap;
use testbed::stage::{RUN_SECONDS, START_SECONDS, TERMINATION_SECONDS};

/// On a pod: the scenario's name of its job or service.
pub const LABEL_WORK: &str = "acceptance.leasehold.dev/workload";

/// A pod of a job or service.
#[derive(Clone, Debug)]
pub struct PodForm {
    /// Its job or service.
    pub key: WorkKey,
    /// What it asks for.
    pub request: Quantities,
    /// Its priority.
    pub priority: i32,
    /// From bound to running.
    pub start: Span,
    /// How long it runs; for ever if absent.
    pub run: Option<Span>,
    /// From asked to end to gone.
    pub termination: Span,
    /// Whether it brings the gate along.
    pub brings_gate: bool,
}

/// Amounts as quantities.
pub fn amounts(amounts: &Quantities) -> BTreeMap<String, String> {
    let text = |resource: &str, amount: i64| match resource {
        "cpu" => format!("{amount}m"),
        _ => amount.to_string(),
    };
    amounts
        .iter()
        .map(|(resource, &amount)| (resource.to_string(), text(resource, amount)))
        .collect()
}

/// A container that asks for so much.
pub fn container(request: &Quantities) -> Value {
    let mut requests = amounts(request);
    // Every pod is one pod; nobody asks for it.
    requests.remove("pods");
    json!({"name": "main", "image": "none", "resources": {"requests": requests}})
}

/// The class of a priority.
pub fn priority_class(priority: i32) -> Value {
    json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
        "metadata": {"name": class_name(priority)}, "value": priority,
    })
}

fn class_name(priority: i32) -> String {
    format!("scenario-{priority}")
}

/// A Deployment with so many pods.
pub fn deployment(form: &PodForm, replicas: u32) -> Value {
    owner(
        form,
        "apps/v1",
        "Deployment",
        json!({
            "replicas": replicas,
            "selector": {"matchLabels": {LABEL_WORK: &*form.key.name}},
            "template": template(form),
        }),
    )
}

/// A Job of so many pods, each of which does its own part.
pub fn job(form: &PodForm, pods: u32) -> Value {
    let mut template = template(form);
    template["spec"]["restartPolicy"] = json!("Never");
    owner(
        form,
        "batch/v1",
        "Job",
        json!({"parallelism": pods, "completions": pods, "template": template}),
    )
}

/// A Job of pods that share the work and run until all of it is done.
pub fn endless_job(form: &PodForm, pods: u32) -> Value {
    let mut template = template(form);
    template["spec"]["restartPolicy"] = json!("Never");
    owner(
        form,
        "batch/v1",
        "Job",
        json!({"parallelism": pods, "backoffLimit": 0, "template": template}),
    )
}

/// The bounds of an owner of this API version and kind.
pub fn elastic(form: &PodForm, bounds: Elastic, (api_version, kind): (&str, &str)) -> Value {
    owner(
        form,
        "leasehold.dev/v1alpha1",
        "ElasticWorkload",
        json!({
            "scaleTargetRef": {"apiVersion": api_version, "kind": kind, "name": &*form.key.name},
            "minReplicas": bounds.min, "maxReplicas": bounds.max, "step": bounds.step,
            "cooldownSeconds": bounds.cooldown.0.div_euclid(1000),
        }),
    )
}

fn owner(form: &PodForm, api_version: &str, kind: &str, spec: Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {"name": &*form.key.name, "namespace": &*form.key.namespace},
        "spec": spec,
    })
}

fn template(form: &PodForm) -> Value {
    let mut annotations = json!({
        START_SECONDS: seconds(form.start),
        TERMINATION_SECONDS: seconds(form.termination),
    });
    if let Some(run) = form.run {
        annotations[RUN_SECONDS] = json!(seconds(run));
    }
    let mut spec = json!({"containers": [container(&form.request)]});
    if form.priority != 0 {
        spec["priorityClassName"] = json!(class_name(form.priority));
    }
    if form.brings_gate {
        spec["schedulingGates"] = json!([{"name": api::names::GATE}]);
    }
    json!({
        "metadata": {"labels": {LABEL_WORK: &*form.key.name}, "annotations": annotations},
        "spec": spec,
    })
}

/// With thousandths, as the virtual nodes read it.
fn seconds(span: Span) -> String {
    format!("{}.{:03}", span.0.div_euclid(1000), span.0.rem_euclid(1000))
}
