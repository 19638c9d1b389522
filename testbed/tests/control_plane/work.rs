//! Pods and Jobs on virtual nodes, all in one cluster, and the record of what happened to them.

use crate::support::{create, has_phase, is_gone, pod, pods, until};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use testbed::record::{Bound, Recording};
use testbed::{Cluster, NodeGroup, Options, User, stage};
use tokio::sync::OnceCell;

/// One for all tests here. Nobody drops it: the guard ends it with the tests' process.
static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

async fn cluster() -> &'static Cluster {
    let start = async || {
        let nodes = NodeGroup::new("gpu", 2)
            .with("nvidia.com/gpu", "8")
            .labelled("pool", "a");
        Cluster::start(Options {
            users: vec![User::new("alice", ["team-a"])],
            ..Options::with_nodes([nodes])
        })
        .await
        .unwrap()
    };
    CLUSTER.get_or_init(start).await
}

/// A client of this test's own: connections end with the test that has made them.
async fn client() -> Client {
    cluster().await.administrator().client().await.unwrap()
}

#[tokio::test]
async fn nodes_have_what_was_asked_for_and_are_ready() {
    let nodes: Api<Node> = Api::all(client().await);
    let list = nodes
        .list(&ListParams::default().labels("pool=a"))
        .await
        .unwrap();
    assert_eq!(list.items.len(), 2);
    let allocatable = list.items[0].status.as_ref().unwrap().allocatable.as_ref();
    assert_eq!(allocatable.unwrap()["nvidia.com/gpu"].0, "8");
}

#[tokio::test]
async fn a_pod_is_scheduled_onto_a_virtual_node_runs_and_ends_as_its_annotations_say() {
    let pods = pods(&client().await);
    for (name, code, phase) in [("good", "0", "Succeeded"), ("bad", "3", "Failed")] {
        let annotations = json!({stage::RUN_SECONDS: "0.5", stage::EXIT_CODE: code});
        let object = pod(name, annotations);
        pods.create(&PostParams::default(), &object).await.unwrap();
        until(pods.clone(), name, phase, has_phase(phase)).await;
        let ended = pods.get(name).await.unwrap();
        assert!(ended.spec.unwrap().node_name.unwrap().starts_with("gpu-"));
        let containers = ended.status.unwrap().container_statuses.unwrap();
        let state = containers[0].state.clone().unwrap().terminated.unwrap();
        assert_eq!(state.exit_code.to_string(), code);
    }
}

#[tokio::test]
async fn a_deleted_pod_goes_at_once_unless_its_annotation_says_how_long_it_takes() {
    let pods = pods(&client().await);
    for (name, annotations) in [
        ("slow", json!({stage::TERMINATION_SECONDS: "3600"})),
        ("quick", json!({})),
    ] {
        let object = pod(name, annotations);
        pods.create(&PostParams::default(), &object).await.unwrap();
        until(pods.clone(), name, "Running", has_phase("Running")).await;
        pods.delete(name, &DeleteParams::default()).await.unwrap();
    }
    until(pods.clone(), "quick", "gone", is_gone).await;
    let slow = pods.get("slow").await.unwrap();
    assert!(slow.metadata.deletion_timestamp.is_some());
    let at_once = DeleteParams::default().grace_period(0);
    pods.delete("slow", &at_once).await.unwrap();
    until(pods, "slow", "gone", is_gone).await;
}

#[tokio::test]
async fn a_job_completes() {
    let jobs: Api<Job> = Api::default_namespaced(client().await);
    let template = json!({
        "metadata": {"annotations": {stage::RUN_SECONDS: "0.2"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "none"}]},
    });
    let spec = json!({"completions": 4, "parallelism": 2, "template": template});
    create(&jobs, json!({"metadata": {"name": "work"}, "spec": spec})).await;
    let completed = kube::runtime::conditions::is_job_completed();
    until(jobs.clone(), "work", "complete", completed).await;
    let status = jobs.get("work").await.unwrap().status.unwrap();
    assert_eq!((status.succeeded, status.failed), (Some(4), None));
}

#[tokio::test]
async fn nobody_can_bind_a_gated_pod() {
    let client = client().await;
    let pods = pods(&client);
    let mut gated = pod("gated", json!({}));
    gated.spec.as_mut().unwrap().scheduling_gates =
        Some(serde_json::from_value(json!([{"name": "leasehold.dev/admission"}])).unwrap());
    pods.create(&PostParams::default(), &gated).await.unwrap();
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": "gated"},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "gpu-0"},
    });
    let path = "/api/v1/namespaces/default/pods/gated/binding";
    let request = http::Request::post(path)
        .header("Content-Type", "application/json")
        .body(binding.to_string().into_bytes())
        .unwrap();
    let refused = client.request_text(request).await.unwrap_err().to_string();
    assert!(refused.contains("schedulingGates"), "{refused}");
}

#[tokio::test]
async fn users_have_the_rights_that_were_bound_to_them_and_no_others() {
    let cluster = cluster().await;
    let alice = cluster.user("alice").unwrap().client().await.unwrap();
    let refused = pods(&alice).list(&ListParams::default()).await.unwrap_err();
    assert!(refused.to_string().contains("alice"), "{refused}");
    let unknown = cluster.user("bob").unwrap_err().to_string();
    assert!(
        unknown.contains("alice"),
        "names those that there are: {unknown}"
    );
}

#[tokio::test]
async fn a_recording_sees_every_change_and_the_most_that_was_asked_for() {
    let client = client().await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    create(&namespaces, json!({"metadata": {"name": "recorded"}})).await;
    let recording = Recording::start(&client).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(client, "recorded");
    for name in ["one", "two"] {
        let object = pod(name, json!({stage::RUN_SECONDS: "0.2"}));
        pods.create(&PostParams::default(), &object).await.unwrap();
    }
    for name in ["one", "two"] {
        until(pods.clone(), name, "Succeeded", has_phase("Succeeded")).await;
    }
    pods.delete("one", &DeleteParams::default()).await.unwrap();
    let history = recording.stop().await.unwrap();

    let kept = Bound::new(["recorded"], [("cpu", "2")]).unwrap();
    let findings = kept.check(&history).unwrap();
    assert!(findings.is_clean(), "{findings:?}");
    // Created, bound, running, ended, each twice; one deletion.
    assert!(findings.changes >= 9, "{findings:?}");
    let passed = Bound::new(["recorded"], [("pods", "0")]).unwrap();
    assert!(!passed.check(&history).unwrap().violations.is_empty());
    let last = history.entries().iter().rev();
    let mut of_one = last.map(|it| it.read().unwrap()).filter(|(_, pod)| {
        pod["metadata"]["namespace"] == "recorded" && pod["metadata"]["name"] == "one"
    });
    assert_eq!(of_one.next().unwrap().0, "DELETED");
}
