//! Schedulers with their extenders, and an API server that comes and goes.

use crate::support::{DEADLINE, has_phase, pod, pods, until};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;
use testbed::record::{Bound, Recording};
use testbed::{Cluster, Extender, NodeGroup, Options, Scheduler};

/// An extender that is not there, in the words of a scheduler's configuration.
const ABSENT: &str = "
- urlPrefix: http://127.0.0.1:9
  filterVerb: filter
  nodeCacheCapable: true
  ignorable: false
";

/// Whether the scheduler has said why it could not schedule the pod.
fn is_unschedulable(pod: Option<&Pod>) -> bool {
    let status = pod.and_then(|pod| pod.status.as_ref());
    let conditions = status.and_then(|it| it.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|it| it.type_ == "PodScheduled" && it.status == "False")
}

#[tokio::test]
async fn a_scheduler_obeys_its_extenders_and_can_be_replaced_and_doubled() {
    let extenders = Extender::list_from_yaml(ABSENT).unwrap();
    let mut cluster = Cluster::start(Options {
        schedulers: vec![Scheduler {
            extenders,
            ..Scheduler::default()
        }],
        ..Options::with_nodes([NodeGroup::new("node", 1)])
    })
    .await
    .unwrap();
    let pods = pods(&cluster.client());
    let first = pod("first", json!({}));
    pods.create(&PostParams::default(), &first).await.unwrap();
    // Its extender is asked, does not answer, and may not be ignored.
    until(pods.clone(), "first", "unschedulable", is_unschedulable).await;
    cluster.set_scheduler(&Scheduler::default()).await.unwrap();
    until(pods.clone(), "first", "Running", has_phase("Running")).await;

    let own = Scheduler::named("own-scheduler");
    cluster.set_scheduler(&own).await.unwrap();
    let mut second = pod("second", json!({}));
    second.spec.as_mut().unwrap().scheduler_name = Some(own.name.clone());
    pods.create(&PostParams::default(), &second).await.unwrap();
    until(pods.clone(), "second", "Running", has_phase("Running")).await;
}

#[tokio::test]
async fn a_configuration_that_a_scheduler_refuses_is_told_with_its_words() {
    let wrong = Scheduler::default().extended(Extender {
        url_prefix: "http://127.0.0.1:9".into(),
        prioritize_verb: Some("prioritize".into()),
        weight: Some(-1),
        ..Extender::default()
    });
    let mut cluster = Cluster::start(Options::default()).await.unwrap();
    let refused = cluster.set_scheduler(&wrong).await.unwrap_err().to_string();
    assert!(refused.contains("kube-scheduler"), "{refused}");
    assert!(refused.contains("weight"), "{refused}");
}

#[tokio::test]
async fn an_api_server_that_was_stopped_comes_back_with_what_it_held() {
    let mut cluster = Cluster::start(Options::with_nodes([NodeGroup::new("node", 1)]))
        .await
        .unwrap();
    let pods = pods(&cluster.client());
    let recording = Recording::start(&cluster.client()).await.unwrap();
    let before = pod("before", json!({}));
    pods.create(&PostParams::default(), &before).await.unwrap();
    until(pods.clone(), "before", "Running", has_phase("Running")).await;

    cluster.stop_api_server();
    let asked = tokio::time::timeout(DEADLINE, pods.get("before")).await;
    assert!(asked.unwrap().is_err(), "it answers though it was stopped");
    cluster.start_api_server().await.unwrap();

    until(pods.clone(), "before", "Running", has_phase("Running")).await;
    let after = pod("after", json!({}));
    pods.create(&PostParams::default(), &after).await.unwrap();
    until(pods.clone(), "after", "Running", has_phase("Running")).await;
    // Whatever the recording missed meanwhile it knows that it missed.
    let history = recording.stop().await.unwrap();
    let bound = Bound::new(["default"], [("cpu", "2")]).unwrap();
    let findings = bound.check(&history).unwrap();
    assert_eq!(findings.violations, []);
    assert_eq!(findings.peak["cpu"], 2000);

    // A server that has just started knows nothing of what came before.
    for name in ["before", "after"] {
        let at_once = DeleteParams::default().grace_period(0);
        pods.delete(name, &at_once).await.unwrap();
    }
    cluster.start_api_server().await.unwrap();
    let known = history.gaps().len();
    let resumed = Recording::resume(&cluster.client(), history);
    let third = pod("third", json!({}));
    pods.create(&PostParams::default(), &third).await.unwrap();
    let history = resumed.stop().await.unwrap();
    assert_eq!(history.gaps().len(), known + 1);
    let findings = bound.check(&history).unwrap();
    assert_eq!(findings.violations, [], "the two that went were seen to go");
    assert!(!findings.is_clean());
}
