//! Pods and what they ask for, with the figures of the sidecar design's own examples among them.

use super::{of_pod, of_spec};
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use serde_json::{Value, json};

fn spec(value: Value) -> PodSpec {
    serde_json::from_value(value).unwrap()
}

fn asks(value: Value) -> Vec<(String, i64)> {
    let mut request = of_spec(&spec(value)).unwrap();
    assert_eq!(request.remove("pods"), Some(1));
    request.into_iter().collect()
}

fn cpu(amount: i64) -> Vec<(String, i64)> {
    vec![("cpu".into(), amount)]
}

fn container(cpu: &str) -> Value {
    json!({"name": "c", "resources": {"requests": {"cpu": cpu}}})
}

fn sidecar(cpu: &str) -> Value {
    json!({"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
}

#[test]
fn containers_add_up() {
    let pod = json!({"containers": [container("1"), container("250m")]});
    assert_eq!(asks(pod), cpu(1250));
    assert_eq!(asks(json!({"containers": [{"name": "c"}]})), []);
}

#[test]
fn the_sum_is_exact_before_it_is_rounded() {
    let pod = json!({"containers": [container("400u"), container("400u")]});
    assert_eq!(asks(pod), cpu(1));
}

#[test]
fn of_init_containers_the_largest_counts() {
    let pod = json!({
        "initContainers": [container("2"), container("3"), container("1")],
        "containers": [container("1"), container("1")],
    });
    assert_eq!(asks(pod), cpu(3000));
    let pod = json!({"initContainers": [container("1")], "containers": [container("2")]});
    assert_eq!(asks(pod), cpu(2000));
}

#[test]
fn a_sidecar_counts_from_its_place_in_the_order_on() {
    for (init_containers, expected) in [
        // It runs beside the containers.
        (json!([sidecar("2")]), 3000),
        // The init container runs before the sidecar starts.
        (json!([container("4"), sidecar("2")]), 4000),
        // The init container runs beside the sidecar.
        (json!([sidecar("2"), container("4")]), 6000),
        (json!([sidecar("2"), container("4"), sidecar("5")]), 8000),
        (
            json!([sidecar("1"), container("9"), sidecar("2"), container("7")]),
            10_000,
        ),
    ] {
        let pod = json!({"initContainers": init_containers, "containers": [container("1")]});
        assert_eq!(asks(pod), cpu(expected), "{init_containers}");
    }
}

#[test]
fn resources_are_counted_one_by_one() {
    let pod = json!({
        "initContainers": [{"name": "i", "resources": {"requests": {"cpu": "4", "memory": "1Gi"}}}],
        "containers": [{"name": "c", "resources": {"requests": {"cpu": "1", "memory": "2Gi", "nvidia.com/gpu": "1"}}}],
    });
    assert_eq!(
        asks(pod),
        [
            ("cpu".into(), 4000),
            ("memory".into(), 2 << 30),
            ("nvidia.com/gpu".into(), 1)
        ]
    );
}

#[test]
fn a_limit_without_a_request_is_a_request() {
    let pod = json!({"containers": [
        {"name": "c", "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}},
    ]});
    assert_eq!(
        asks(pod),
        [("cpu".into(), 1000), ("memory".into(), 1 << 30)]
    );
}

#[test]
fn overhead_comes_on_top_of_whatever_is_larger() {
    let pod = json!({
        "overhead": {"cpu": "250m", "memory": "120Mi"},
        "initContainers": [container("3")],
        "containers": [container("1")],
    });
    assert_eq!(
        asks(pod),
        [("cpu".into(), 3250), ("memory".into(), 120 << 20)]
    );
}

#[test]
fn requests_of_the_pod_take_the_place_of_the_sum() {
    let with = |resources: Value| {
        json!({
            "resources": resources,
            "overhead": {"cpu": "100m"},
            "containers": [{"name": "c", "resources": {"requests": {"cpu": "1", "nvidia.com/gpu": "2"}}}],
        })
    };
    let gpus = ("nvidia.com/gpu".to_string(), 2);
    for (resources, cpu, memory) in [
        (json!({"requests": {"cpu": "5"}}), 5100, None),
        (json!({"requests": {"cpu": "500m"}}), 600, None),
        (json!({"requests": {"memory": "1Gi"}}), 1100, Some(1 << 30)),
        // A limit alone counts for what no container asks for.
        (
            json!({"limits": {"cpu": "5", "memory": "2Gi"}}),
            1100,
            Some(2 << 30),
        ),
        // Other resources have no meaning there.
        (json!({"requests": {"nvidia.com/gpu": "8"}}), 1100, None),
    ] {
        let mut expected = vec![("cpu".to_string(), cpu)];
        expected.extend(memory.map(|memory| ("memory".to_string(), memory)));
        expected.push(gpus.clone());
        assert_eq!(asks(with(resources.clone())), expected, "{resources}");
    }
}

#[test]
fn while_a_pod_is_resized_the_most_of_all_counts() {
    let pod = |asked: &str, promised: &str, held: &str, reason: &str| -> Pod {
        serde_json::from_value(json!({
            "spec": {"containers": [container(asked)]},
            "status": {
                "conditions": [{"type": "PodResizePending", "status": "True", "reason": reason}],
                "containerStatuses": [{
                    "name": "c", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                    "allocatedResources": {"cpu": promised},
                    "resources": {"requests": {"cpu": held}},
                }],
            },
        }))
        .unwrap()
    };
    for (asked, promised, held, reason, expected) in [
        ("4", "2", "2", "Deferred", 4000),
        ("1", "1", "2", "Deferred", 2000),
        ("1", "3", "2", "Deferred", 3000),
        ("9", "2", "2", "Infeasible", 2000),
    ] {
        let request = of_pod(&pod(asked, promised, held, reason)).unwrap();
        assert_eq!(
            request["cpu"], expected,
            "{asked} {promised} {held} {reason}"
        );
    }
}

#[test]
fn every_bad_amount_is_named_with_its_field() {
    let errors = of_spec(&spec(json!({
        "overhead": {"memory": "1GB"},
        "initContainers": [container("2"), container("two")],
        "containers": [container("1e40")],
    })))
    .unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "spec.containers[0].resources.requests.cpu: \"1e40\" is too large: a quantity holds up to 1e29",
            "spec.initContainers[1].resources.requests.cpu: \"two\" is no quantity: a number must come first, as in \
             4, 500m, 1.5 or 64Gi",
            "spec.overhead.memory: \"1GB\" is no quantity: unknown suffix \"GB\", perhaps \"G\" is meant",
        ]
    );
}
