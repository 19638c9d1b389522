//! Groups for which room is made, and workloads that are on trial.

use crate::kit::{Picture, World, elastic, template, web};
use serde_json::json;

/// A world of three nodes of 8 CPU, of which 24 pods of `ml/train` use all. `more` is said of its ElasticWorkload.
async fn full(more: &serde_json::Value, replicas: usize) -> World {
    let mut world = World::start(3).await;
    let labels = json!({"app": "train"});
    let train = json!({
        "metadata": {"name": "train"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels}, "template": template(&labels, "1", "1"),
        },
    });
    world.create("apps/v1", "Deployment", "ml", train).await;
    world
        .draw_count("apps/v1", "Deployment", "/spec/replicas")
        .await;
    let workload = elastic("apps/v1", "Deployment", 24, more);
    world
        .create("leasehold.dev/v1alpha1", "ElasticWorkload", "ml", workload)
        .await;
    world
        .until("all that is idle is used", |picture| {
            picture.running("ml") == 24
        })
        .await;
    world
}

fn held(picture: &Picture, namespace: &str) -> usize {
    let pods = picture.pods.iter().filter(|((at, _), _)| at == namespace);
    pods.filter(|(_, pod)| pod.holds()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_admitted_once_there_is_room_for_all_of_it() {
    let world = full(&json!({}), 3).await;
    let mut group = web(3);
    let form = &mut group["spec"]["template"]["metadata"];
    form["labels"][api::names::LABEL_GROUP] = json!("three");
    form["annotations"][api::names::ANNOTATION_GROUP_MIN] = json!("3");
    world.create("apps/v1", "Deployment", "web", group).await;
    let first = world
        .until("the first of the group is admitted", |picture| {
            held(picture, "web") > 0
        })
        .await;
    // Three pods of 4 CPU take what 12 of 24 had: all that had to end has ended before the first of them goes in.
    let left = held(&first, "ml");
    assert!(
        left <= 12,
        "{left} pods of 1 CPU hold their nodes while the group goes in"
    );
    let done = world
        .until("all of it runs", |picture| picture.running("web") == 3)
        .await;
    assert!(
        done.held_max <= 24_000,
        "{} m were held at once",
        done.held_max
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_on_trial_keeps_its_count_and_events_say_what_would_have_been_asked() {
    let world = full(&json!({"dryRun": true}), 24).await;
    world
        .until("it is known to be on trial", |picture| {
            let status = picture
                .workloads
                .get("train")
                .and_then(|workload| workload.status.as_ref());
            let mut conditions = status.iter().flat_map(|status| &status.conditions);
            conditions.any(|condition| condition.reason == "DryRun")
        })
        .await;
    world.create("apps/v1", "Deployment", "web", web(1)).await;
    let done = world
        .until("web runs", |picture| picture.running("web") == 1)
        .await;
    assert_eq!(done.counts["train"], [24], "its owner was asked");
    let api = world.api("events.k8s.io/v1", "Event", "ml").await;
    let mut told = String::new();
    // Events are written by themselves, and may come later.
    world
        .eventually("an event says so", async || {
            let events = api.list(&Default::default()).await.ok()?;
            let event = events
                .iter()
                .find(|event| event.data["reason"] == "WouldShrink")?;
            told = event.data["note"].as_str()?.to_owned();
            Some(())
        })
        .await;
    assert!(
        told.contains(
            "without dryRun Deployment train would be asked for 23 replicas instead of 24"
        ),
        "{told}"
    );
    world.finish();
}
