//! What goes wrong while a workload is made smaller.

use crate::kit::{World, elastic, template, web};
use serde_json::{Value, json};

fn deployment(termination_seconds: &str) -> Value {
    let labels = json!({"app": "train"});
    json!({
        "metadata": {"name": "train"},
        "spec": {
            "replicas": 3, "selector": {"matchLabels": labels},
            "template": template(&labels, "1", termination_seconds),
        },
    })
}

/// Three nodes of 8 CPU, all of it used by `ml/train`, whose pods take so long to end.
async fn full(termination_seconds: &str) -> World {
    let mut world = World::start(3).await;
    world
        .create(
            "apps/v1",
            "Deployment",
            "ml",
            deployment(termination_seconds),
        )
        .await;
    world
        .draw_count("apps/v1", "Deployment", "/spec/replicas")
        .await;
    let workload = elastic("apps/v1", "Deployment", 24, &json!({}));
    world
        .create("leasehold.dev/v1alpha1", "ElasticWorkload", "ml", workload)
        .await;
    world
        .until("all that is idle is used", |picture| {
            picture.count("train") == Some(24) && picture.running("ml") == 24
        })
        .await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_is_killed_while_pods_end_asks_nobody_twice() {
    let mut world = full("6").await;
    world.create("apps/v1", "Deployment", "web", web(2)).await;
    world
        .until("pods are on their way out", |picture| {
            picture.pods.values().filter(|pod| pod.is_leaving).count() == 8
        })
        .await;
    world.kill_controller();
    world.start_controller();
    let done = world
        .until("web runs", |picture| picture.running("web") == 2)
        .await;
    assert_eq!(done.count("train"), Some(16), "{:?}", done.counts);
    // Since it was last whole: how it got there is not the question here.
    let lowest = done.counts["train"]
        .iter()
        .rev()
        .take_while(|&&count| count < 24)
        .min();
    assert_eq!(lowest, Some(&16), "asked twice: {:?}", done.counts);
    assert!(
        done.held_max <= 24_000,
        "{} m were held at once",
        done.held_max
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_goes_away_while_pods_end_has_nobody_asked_twice() {
    let mut world = full("6").await;
    world.create("apps/v1", "Deployment", "web", web(2)).await;
    world
        .until("pods are on their way out", |picture| {
            picture.pods.values().filter(|pod| pod.is_leaving).count() == 8
        })
        .await;
    world.cluster.stop_api_server();
    // It stops acting before its lease is over, and knows nothing of what happens meanwhile.
    world.until_logged("no decisions any more").await;
    world
        .cluster
        .start_api_server()
        .await
        .expect("the API server again");
    let done = world
        .until("web runs", |picture| picture.running("web") == 2)
        .await;
    assert_eq!(done.count("train"), Some(16), "{:?}", done.counts);
    let lowest = done.counts["train"]
        .iter()
        .rev()
        .take_while(|&&count| count < 24)
        .min();
    assert_eq!(lowest, Some(&16), "asked twice: {:?}", done.counts);
    assert!(
        done.held_max <= 24_000,
        "{} m were held at once",
        done.held_max
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_that_take_their_whole_grace_to_end_are_waited_for_and_nobody_else_goes() {
    let world = full("10").await;
    world.create("apps/v1", "Deployment", "web", web(2)).await;
    let mut most_leaving = 0;
    let leaving =
        |picture: &crate::kit::Picture| picture.pods.values().filter(|pod| pod.is_leaving).count();
    // Every picture until web runs: what was asked for is not free before it has ended.
    loop {
        let seen = most_leaving;
        let picture = world
            .until("web runs", |picture| {
                picture.running("web") == 2 || leaving(picture) > seen
            })
            .await;
        most_leaving = most_leaving.max(leaving(&picture));
        assert!(
            picture.held_max <= 24_000,
            "{} m were held at once",
            picture.held_max
        );
        if picture.running("web") == 2 {
            assert_eq!(picture.count("train"), Some(16), "{:?}", picture.counts);
            break;
        }
    }
    assert!(
        most_leaving <= 8,
        "{most_leaving} pods were asked to go, 8 had to"
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_is_not_there_to_follow_has_its_chosen_pods_evicted() {
    let mut world = World::start(3).await;
    // An owner whose operator has died: nobody makes or removes its pods.
    let definition = crate::operators::fleet();
    crate::kit::establish(&world.client, &definition).await;
    let fleet = json!({"metadata": {"name": "train"}, "spec": {"size": 3}});
    world.create("example.com/v1", "Fleet", "ml", fleet).await;
    world
        .draw_count("example.com/v1", "Fleet", "/spec/size")
        .await;
    let operator = world
        .tasks
        .spawn(crate::operators::fleet_operator(world.client.clone()));
    let workload = elastic(
        "example.com/v1",
        "Fleet",
        24,
        &json!({"podLabels": {"fleet": "train"}}),
    );
    world
        .create("leasehold.dev/v1alpha1", "ElasticWorkload", "ml", workload)
        .await;
    world
        .until("all that is idle is used", |picture| {
            picture.count("train") == Some(24) && picture.running("ml") == 24
        })
        .await;
    operator.abort();
    world.create("apps/v1", "Deployment", "web", web(1)).await;
    let done = world
        .until("web runs all the same", |picture| {
            picture.running("web") == 1
        })
        .await;
    // The newest go first, on whichever of the three nodes they are: until one of them has room for 4, 3 of each of
    // the others may have to go.
    let left = done.running("ml");
    assert!(left >= 14, "{left} are left");
    let api = world.api("events.k8s.io/v1", "Event", "ml").await;
    let events = api.list(&Default::default()).await.expect("events");
    let told = events
        .iter()
        .any(|event| event.data["reason"] == "OwnerDoesNotFollow");
    assert!(told, "nobody was told");
    world.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_autoscaler_has_its_hand_on_is_refused() {
    let world = World::start(1).await;
    world
        .create("apps/v1", "Deployment", "ml", deployment("0"))
        .await;
    let autoscaler = json!({
        "metadata": {"name": "other"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "train"},
            "minReplicas": 1, "maxReplicas": 5,
        },
    });
    world
        .create(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "ml",
            autoscaler,
        )
        .await;
    let workload = elastic("apps/v1", "Deployment", 24, &json!({}));
    world
        .create("leasehold.dev/v1alpha1", "ElasticWorkload", "ml", workload)
        .await;
    let told = world
        .until("its status refuses", |picture| {
            let status = picture
                .workloads
                .get("train")
                .and_then(|workload| workload.status.as_ref());
            status.is_some_and(|status| status.phase.is_some())
        })
        .await;
    let status = told.workloads["train"].status.clone().expect("a status");
    let managed = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Managed");
    let managed = managed.expect("a condition");
    assert_eq!(
        (&*managed.status, &*managed.reason),
        ("False", "HorizontalPodAutoscaler")
    );
    assert!(
        managed.message.contains("HorizontalPodAutoscaler other"),
        "{}",
        managed.message
    );
    // Its pods are pods like any other.
    world
        .until("they are admitted one by one", |picture| {
            picture.running("ml") == 3
        })
        .await;
    world.finish();
}
