//! What the mutating policy does, for API servers that have none (before 1.36): the gate, and what the mode asks
//! for beside it.

use crate::policies::Mode;
use api::names;
use k8s_openapi::api::core::v1::{Container, Pod};
use serde_json::{Value, json};

/// The JSON patch for a new pod. Asked again, it adds nothing twice.
pub fn additions(mode: Mode, pod: &Pod) -> Vec<Value> {
    let mut patch = Vec::new();
    let Some(spec) = &pod.spec else {
        return patch;
    };
    // It cannot have a gate, and the validating policy refuses it unless it is a node's own.
    if spec
        .node_name
        .as_deref()
        .is_some_and(|node| !node.is_empty())
    {
        return patch;
    }
    let gates = spec.scheduling_gates.as_deref();
    if !gates.is_some_and(|gates| gates.iter().any(|gate| gate.name == names::GATE)) {
        let gate = json!({"name": names::GATE});
        patch.push(append("/spec/schedulingGates", gates.is_some(), gate));
    }
    match mode {
        Mode::DefaultScheduler => {}
        Mode::OwnScheduler => {
            let scheduler = names::OWN_SCHEDULER;
            patch.push(json!({"op": "add", "path": "/spec/schedulerName", "value": scheduler}));
            let tolerations = spec.tolerations.as_deref();
            let tolerates = |key: &Option<String>| key.as_deref() == Some(names::TAINT_POOL);
            if !tolerations.is_some_and(|all| all.iter().any(|one| tolerates(&one.key))) {
                let toleration =
                    json!({"key": names::TAINT_POOL, "operator": "Exists", "effect": "NoSchedule"});
                patch.push(append(
                    "/spec/tolerations",
                    tolerations.is_some(),
                    toleration,
                ));
            }
        }
        Mode::Mark => {
            if !spec.containers.iter().any(has_mark)
                && let Some(first) = spec.containers.first()
            {
                patch.extend(mark(first));
            }
        }
    }
    patch
}

fn has_mark(container: &Container) -> bool {
    let limits = container
        .resources
        .as_ref()
        .and_then(|resources| resources.limits.as_ref());
    limits.is_some_and(|limits| limits.contains_key(names::RESOURCE_MARK))
}

/// One more item of a list that may be absent.
fn append(path: &str, is_there: bool, item: Value) -> Value {
    if is_there {
        json!({"op": "add", "path": format!("{path}/-"), "value": item})
    } else {
        json!({"op": "add", "path": path, "value": [item]})
    }
}

/// The mark on the first container. An extended resource's request equals its limit.
fn mark(first: &Container) -> Vec<Value> {
    let resources = "/spec/containers/0/resources";
    let mut patch = Vec::new();
    let found = first.resources.as_ref();
    if found.is_none() {
        patch.push(json!({"op": "add", "path": resources, "value": {}}));
    }
    for (field, is_there) in [
        (
            "requests",
            found.is_some_and(|found| found.requests.is_some()),
        ),
        ("limits", found.is_some_and(|found| found.limits.is_some())),
    ] {
        let path = format!("{resources}/{field}");
        if is_there {
            let key = names::RESOURCE_MARK.replace('/', "~1");
            patch.push(json!({"op": "add", "path": format!("{path}/{key}"), "value": "1"}));
        } else {
            patch.push(json!({"op": "add", "path": path, "value": {names::RESOURCE_MARK: "1"}}));
        }
    }
    patch
}
