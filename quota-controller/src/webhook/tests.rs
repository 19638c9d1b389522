//! Reviews as the API server sends them: what is asked, and what pods get.

use super::{Question, Reading, additions};
use crate::decider::Change;
use crate::policies::Mode;
use k8s_openapi::api::core::v1::Pod;
use kube::core::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionReview};
use serde_json::{Value, json};

fn lease(cpu: &str) -> Value {
    json!({
        "apiVersion": "leasehold.dev/v1alpha1",
        "kind": "CapacityLease",
        "metadata": {"name": "web", "namespace": "retail", "creationTimestamp": "2026-11-21T12:00:00Z"},
        "spec": {"pool": "general", "lessee": "web", "guaranteed": {"cpu": cpu}},
    })
}

fn request(
    resource: &str,
    operation: &str,
    old: Value,
    new: Value,
) -> AdmissionRequest<DynamicObject> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u",
            "kind": {"group": "any", "version": "v1", "kind": "Any"},
            "resource": {"group": "any", "version": "v1", "resource": resource},
            "subResource": subresource,
            "name": "web",
            "namespace": "retail",
            "operation": operation,
            "userInfo": {"username": "ann"},
            "object": new,
            "oldObject": old,
        },
    });
    let review: AdmissionReview<DynamicObject> = serde_json::from_value(review).unwrap();
    review.try_into().unwrap()
}

fn read(request: &AdmissionRequest<DynamicObject>) -> Reading {
    super::read(request, "leasehold-system")
}

fn change(reading: Reading) -> Change {
    match reading {
        Reading::Ask(Question::Change(change)) => change,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_lease_is_asked_about_in_base_units() {
    let reading = read(&request(
        "capacityleases",
        "CREATE",
        Value::Null,
        lease("1500m"),
    ));
    let Change::Lease(spec) = change(reading) else {
        panic!("not a lease");
    };
    assert_eq!((&*spec.key.namespace, &*spec.key.name), ("retail", "web"));
    assert_eq!(spec.guaranteed.get("cpu"), Some(&1_500));
}

#[test]
fn a_deleted_lease_is_named_by_the_request() {
    let reading = read(&request(
        "capacityleases",
        "DELETE",
        lease("1"),
        Value::Null,
    ));
    let Change::LeaseRemoved(key) = change(reading) else {
        panic!("not a removal");
    };
    assert_eq!((&*key.namespace, &*key.name), ("retail", "web"));
}

#[test]
fn a_label_on_a_lease_is_nothing_to_decide_about() {
    let mut labelled = lease("1");
    labelled["metadata"]["labels"] = json!({"team": "a"});
    let reading = read(&request("capacityleases", "UPDATE", lease("1"), labelled));
    assert_eq!(reading, Reading::Allow);
    let grown = read(&request("capacityleases", "UPDATE", lease("1"), lease("2")));
    assert!(matches!(change(grown), Change::Lease(_)));
}

#[test]
fn a_lease_keeps_its_lessee_and_its_pool() {
    for field in ["pool", "lessee"] {
        let mut moved = lease("1");
        moved["spec"][field] = json!("other");
        let Reading::Refuse(problem) =
            read(&request("capacityleases", "UPDATE", lease("1"), moved))
        else {
            panic!("{field} may change");
        };
        assert!(problem.contains("retail/web"), "{problem}");
    }
}

#[test]
fn what_admits_pods_is_never_leased_to() {
    for namespace in ["leasehold-system", "kube-system"] {
        let mut looped = lease("1");
        looped["spec"]["lessee"] = json!(namespace);
        let reading = read(&request("capacityleases", "CREATE", Value::Null, looped));
        assert!(
            matches!(&reading, Reading::Refuse(why) if why.contains("spec.lessee")),
            "{reading:?}"
        );
        let pool = json!({
            "apiVersion": "leasehold.dev/v1alpha1", "kind": "CapacityPool", "metadata": {"name": "p"},
            "spec": {"resources": ["cpu"], "rootNamespace": namespace},
        });
        let reading = read(&request("capacitypools", "CREATE", Value::Null, pool));
        assert!(
            matches!(&reading, Reading::Refuse(why) if why.contains("rootNamespace")),
            "{reading:?}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_field() {
    let Reading::Refuse(problem) = read(&request(
        "capacityleases",
        "CREATE",
        Value::Null,
        lease("a lot"),
    )) else {
        panic!("read");
    };
    assert!(problem.contains("guaranteed"), "{problem}");
}

#[test]
fn a_resized_pod_is_asked_about_with_all_it_would_ask_for() {
    let container = |cpu| json!({"name": "c", "resources": {"requests": {"cpu": cpu}}});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "a", "namespace": "web", "uid": "u-1"},
        "spec": {"containers": [container("2"), container("500m")]},
    });
    let reading = read(&request("pods/resize", "UPDATE", pod.clone(), pod));
    let Reading::Ask(Question::Resize { uid, request }) = reading else {
        panic!("{reading:?}");
    };
    assert_eq!((&*uid, request.get("cpu")), ("u-1", Some(&2_500)));
}

fn patch(mode: Mode, spec: Value) -> Value {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec});
    let pod: Pod = serde_json::from_value(pod).unwrap();
    Value::Array(additions(mode, &pod))
}

#[test]
fn older_servers_get_the_gate_beside_others() {
    let gate = json!({"name": "leasehold.dev/admission"});
    assert_eq!(
        patch(Mode::DefaultScheduler, json!({"containers": []})),
        json!([{"op": "add", "path": "/spec/schedulingGates", "value": [gate]}])
    );
    assert_eq!(
        patch(
            Mode::DefaultScheduler,
            json!({"containers": [], "schedulingGates": [{"name": "x"}]})
        ),
        json!([{"op": "add", "path": "/spec/schedulingGates/-", "value": gate}])
    );
    assert_eq!(
        patch(
            Mode::DefaultScheduler,
            json!({"containers": [], "schedulingGates": [gate]})
        ),
        json!([])
    );
}

#[test]
fn a_pod_that_names_its_node_gets_nothing() {
    for mode in Mode::ALL {
        assert_eq!(
            patch(mode, json!({"containers": [], "nodeName": "n"})),
            json!([])
        );
    }
}

#[test]
fn older_servers_get_the_mark_once() {
    let marked = json!({"leasehold.dev/lease": "1"});
    let gated = json!([{"name": "leasehold.dev/admission"}]);
    assert_eq!(
        patch(
            Mode::Mark,
            json!({"schedulingGates": gated, "containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]})
        ),
        json!([
            {"op": "add", "path": "/spec/containers/0/resources/requests", "value": marked},
            {"op": "add", "path": "/spec/containers/0/resources/limits/leasehold.dev~1lease", "value": "1"},
        ])
    );
    let both = json!([{"name": "c"}, {"name": "d", "resources": {"limits": marked}}]);
    assert_eq!(
        patch(
            Mode::Mark,
            json!({"schedulingGates": gated, "containers": both})
        ),
        json!([])
    );
}

#[test]
fn older_servers_get_the_second_scheduler_and_its_toleration() {
    let gated = json!([{"name": "leasehold.dev/admission"}]);
    let patch = patch(
        Mode::OwnScheduler,
        json!({"schedulingGates": gated, "containers": [], "tolerations": [{"key": "x", "operator": "Exists"}]}),
    );
    assert_eq!(
        patch,
        json!([
            {"op": "add", "path": "/spec/schedulerName", "value": "leasehold-scheduler"},
            {"op": "add", "path": "/spec/tolerations/-",
             "value": {"key": "leasehold.dev/pool", "operator": "Exists", "effect": "NoSchedule"}},
        ])
    );
}
