//! What owners of each kind are asked, and what is refused.

use super::*;
use serde_json::json;

fn workload(api_version: &str, kind: &str, more: Value) -> ElasticWorkload {
    let mut spec = json!({
        "scaleTargetRef": {"apiVersion": api_version, "kind": kind, "name": "train"},
        "minReplicas": 1,
        "maxReplicas": 9,
    });
    for (field, value) in more.as_object().expect("fields") {
        spec[field] = value.clone();
    }
    serde_json::from_value(json!({
        "apiVersion": "leasehold.dev/v1alpha1", "kind": "ElasticWorkload",
        "metadata": {"name": "train", "namespace": "ml"}, "spec": spec,
    }))
    .expect("an ElasticWorkload")
}

fn owner(api_version: &str, kind: &str, spec: Value) -> (DynamicObject, ApiResource) {
    let (group, version) = api_version.split_once('/').expect("a group and a version");
    let object = json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {"name": "train", "namespace": "ml", "uid": "u-1", "resourceVersion": "7"},
        "spec": spec,
    });
    let resource = ApiResource {
        group: group.into(),
        version: version.into(),
        api_version: api_version.into(),
        kind: kind.into(),
        plural: format!("{}s", kind.to_lowercase()),
    };
    (serde_json::from_value(object).expect("an object"), resource)
}

fn template() -> Value {
    json!({
        "metadata": {"labels": {"app": "train"}},
        "spec": {
            "priorityClassName": "batch",
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "2"}}}],
        },
    })
}

fn resolved(
    api_version: &str,
    kind: &str,
    more: Value,
    spec: Value,
    beside: &Beside,
) -> Result<Target, Unmanaged> {
    let (object, resource) = owner(api_version, kind, spec);
    let workload = workload(api_version, kind, more);
    resolve(&workload, &object, &resource, beside, &|class| {
        if class == Some("batch") { -10 } else { 0 }
    })
}

#[test]
fn a_deployment_is_asked_through_its_scale_and_lets_us_choose() {
    let spec = json!({
        "replicas": 4, "template": template(), "selector": {"matchLabels": {"app": "train"}},
    });
    let beside = Beside {
        has_scale: true,
        ..Beside::default()
    };
    let target = resolved("apps/v1", "Deployment", json!({}), spec, &beside).expect("managed");
    assert_eq!(
        (target.means.clone(), target.replicas),
        (Means::Scale, Some(4))
    );
    assert_eq!(
        (target.removal, target.heeds_deletion_cost),
        (Removal::Chosen, true)
    );
    let form = target.form.clone().expect("a template");
    assert_eq!((form.priority, form.template.request["cpu"]), (-10, 2000));
    let labels = |value: &str| [("app".to_owned(), value.to_owned())].into();
    assert!(target.owns(&labels("train"), None) && !target.owns(&labels("web"), None));
}

#[test]
fn an_indexed_job_of_equal_numbers_changes_both_and_gives_its_highest() {
    let spec = |completions: u32| {
        json!({
            "parallelism": 4, "completions": completions, "completionMode": "Indexed",
            "template": template(), "selector": {"matchLabels": {"job-name": "train"}},
        })
    };
    let target = |completions| {
        let beside = Beside::default();
        resolved("batch/v1", "Job", json!({}), spec(completions), &beside).expect("managed")
    };
    let elastic = target(4);
    assert_eq!(elastic.means, Means::Job { indexed: true });
    assert_eq!(
        (elastic.removal, elastic.work_left),
        (Removal::HighestOrdinal, None)
    );
    let queue = target(20);
    assert_eq!(queue.means, Means::Job { indexed: false });
    assert_eq!(
        (queue.removal, queue.work_left),
        (Removal::Newest, Some(20))
    );
}

#[test]
fn a_known_kind_needs_no_path_and_another_does() {
    let spec = json!({"tfReplicaSpecs": {"Worker": {"replicas": 3, "template": template()}}});
    let beside = Beside::default();
    let target = resolved("kubeflow.org/v1", "TFJob", json!({}), spec, &beside).expect("managed");
    assert_eq!(target.replicas, Some(3));
    assert!(target.form.is_some());
    let spec = json!({"tasks": [{"replicas": 5, "template": template()}]});
    let refused = resolved("x.io/v1", "Thing", json!({}), spec.clone(), &beside);
    assert_eq!(refused.map_err(|refused| refused.reason), Err("NoReplicas"));
    let path = json!({"replicasPath": ".spec.tasks[0].replicas"});
    let target = resolved("x.io/v1", "Thing", path, spec, &beside).expect("managed");
    assert_eq!(
        (target.replicas, target.members.clone()),
        (Some(5), Members::Owned)
    );
    assert!(target.form.is_some());
}

#[test]
fn what_another_hand_is_on_is_refused_with_its_name() {
    let spec = json!({"replicas": 4, "template": template()});
    let beside = Beside {
        has_scale: true,
        autoscaler: Some("shop".into()),
        ..Beside::default()
    };
    let refused = resolved("apps/v1", "Deployment", json!({}), spec, &beside).expect_err("refused");
    assert_eq!(refused.reason, "HorizontalPodAutoscaler");
    assert!(refused.message.contains("shop"), "{}", refused.message);
}

#[test]
fn a_suspended_or_finished_job_is_asked_for_nothing() {
    let reason = |spec: Value, status: Value| {
        let (mut object, resource) = owner("batch/v1", "Job", spec);
        object.data["status"] = status;
        let workload = workload("batch/v1", "Job", json!({}));
        let beside = Beside::default();
        resolve(&workload, &object, &resource, &beside, &|_| 0).map_err(|refused| refused.reason)
    };
    assert_eq!(
        reason(json!({"suspend": true}), json!({})),
        Err("Suspended")
    );
    let done = json!({"conditions": [{"type": "Complete", "status": "True"}]});
    assert_eq!(reason(json!({}), done), Err("Finished"));
}
