//! Owners that Kubernetes itself has.

use crate::kit::{World, template};
use crate::shrink::{Owner, shrinks_and_grows_back};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_gives_way_to_web_load_and_grows_back() {
    let mut world = World::start(3).await;
    let labels = json!({"app": "train"});
    let owner = Owner {
        api_version: "apps/v1",
        kind: "Deployment",
        object: json!({
            "metadata": {"name": "train"},
            "spec": {
                "replicas": 3, "selector": {"matchLabels": labels},
                "template": template(&labels, "1", "0"),
            },
        }),
        pointer: "/spec/replicas",
        more: json!({}),
    };
    // Without the extender kube-scheduler puts web pods where it likes, and room is made once more where they then
    // need it: how few are left for a moment is not asserted, but the minimum is.
    let picture = shrinks_and_grows_back(&mut world, &owner).await;
    let counts = &picture.counts["train"];
    assert!(
        counts.iter().all(|&count| count >= 2),
        "below its minimum: {counts:?}"
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statefulset_gives_its_highest_ordinals() {
    let mut world = World::start(3).await;
    let labels = json!({"app": "train"});
    let owner = Owner {
        api_version: "apps/v1",
        kind: "StatefulSet",
        object: json!({
            "metadata": {"name": "train"},
            "spec": {
                "replicas": 3, "serviceName": "train", "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": labels},
                "template": template(&labels, "1", "0"),
            },
        }),
        pointer: "/spec/replicas",
        more: json!({}),
    };
    shrinks_and_grows_back(&mut world, &owner).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_changes_its_parallelism_and_counts_no_failure() {
    let mut world = World::start(3).await;
    let owner = job(json!({"parallelism": 3, "backoffLimit": 0}));
    shrinks_and_grows_back(&mut world, &owner).await;
    assert_eq!(failed(&world).await, 0);
    world.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_indexed_job_changes_its_completions_with_it() {
    let mut world = World::start(3).await;
    let owner = job(json!({
        "parallelism": 3, "completions": 3, "completionMode": "Indexed", "backoffLimit": 0,
    }));
    shrinks_and_grows_back(&mut world, &owner).await;
    let api = world.api("batch/v1", "Job", "ml").await;
    let job = api.get("train").await.expect("the Job");
    assert_eq!(
        job.data["spec"]["completions"],
        job.data["spec"]["parallelism"]
    );
    assert_eq!(failed(&world).await, 0);
    world.finish();
}

fn job(spec: serde_json::Value) -> Owner {
    let mut object = json!({"metadata": {"name": "train"}, "spec": spec});
    let mut template = template(&json!({"app": "train"}), "1", "0");
    template["spec"]["restartPolicy"] = json!("Never");
    object["spec"]["template"] = template;
    Owner {
        api_version: "batch/v1",
        kind: "Job",
        object,
        pointer: "/spec/parallelism",
        more: json!({}),
    }
}

async fn failed(world: &World) -> u64 {
    let api = world.api("batch/v1", "Job", "ml").await;
    let job = api.get("train").await.expect("the Job");
    job.data["status"]["failed"].as_u64().unwrap_or(0)
}
