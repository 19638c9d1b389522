//! Many tenants, many jobs: `queue-baseline` at a fifth of its size.

use crate::stage::{PROGRAM, runtime};
use acceptance::{Installation, Setup};
use futures::StreamExt;
use k8s_openapi::api::batch::v1::Job;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use testbed::NodeGroup;
use testbed::stage::RUN_SECONDS;

const COHORTS: usize = 5;
const QUEUES: usize = 6;
/// Name, CPUs, seconds of run time, jobs of each queue.
const CLASSES: [(&str, &str, &str, usize); 3] = [
    ("small", "1", "0.2", 70),
    ("medium", "5", "0.5", 20),
    ("large", "20", "1", 10),
];
/// So many requests at once.
const AT_ONCE: usize = 16;

fn job(namespace: &str, class: &str, number: usize, cpu: &str, seconds: &str) -> Value {
    let resources = json!({"requests": {"cpu": cpu}});
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": format!("{class}-{number}"), "namespace": namespace},
        "spec": {"template": {
            "metadata": {"annotations": {RUN_SECONDS: seconds}},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": "none", "resources": resources}],
            },
        }},
    })
}

/// Waits until every job has ended. It goes on as long as there is progress.
async fn until_all_ended(installation: &Installation, queues: &[String], count: usize) {
    for third in 1..=2 {
        // A pod that ends while it is evicted is gone then: the last ones are asked of their jobs.
        installation
            .until(&format!("{third} of 3 thirds have ended"), |pods| {
                let ended = queues.iter().map(|queue| pods.succeeded(queue));
                ended.sum::<usize>() >= count * third / 3
            })
            .await
            .unwrap();
    }
    for queue in queues {
        let jobs: Api<Job> = Api::namespaced(installation.client.clone(), queue);
        installation
            .eventually(&format!("all jobs of {queue} have ended"), async || {
                let jobs = jobs.list(&ListParams::default()).await.ok()?;
                let mut ended = jobs.items.iter().map(|job| job.status.as_ref()?.succeeded);
                (!jobs.items.is_empty() && ended.all(|count| count == Some(1))).then_some(())
            })
            .await
            .unwrap();
    }
}

#[test]
fn three_thousand_jobs_of_thirty_tenants_all_end_within_their_leases() {
    runtime().block_on(async {
        let nodes = NodeGroup::new("node", 133).labelled("leasehold.dev/pool", "general");
        let setup = Setup::new(PROGRAM).nodes([nodes]).without_flow_control();
        let installation = Installation::start(setup).await.unwrap();
        let recording = installation.record().await.unwrap();
        installation
            .pool("general", "enterprise", json!({}))
            .await
            .unwrap();
        let mut queues = Vec::new();
        for cohort in 0..COHORTS {
            let cohort = format!("cohort-{cohort}");
            let cpu = json!({"cpu": "120"});
            let spec = json!({"pool": "general", "guaranteed": cpu, "limit": cpu});
            installation
                .lease("enterprise", &cohort, spec)
                .await
                .unwrap();
            for queue in 0..QUEUES {
                let queue = format!("{cohort}-queue-{queue}");
                let spec = json!({
                    "pool": "general", "guaranteed": {"cpu": "20"}, "limit": {"cpu": "120"},
                    "reclaim": {"gracePeriodSeconds": 1, "minRuntimeSeconds": 1},
                });
                installation.lease(&cohort, &queue, spec).await.unwrap();
                queues.push(queue);
            }
        }
        // All queues side by side, the classes as they come.
        let mut jobs = Vec::new();
        for number in 0..CLASSES[0].3 {
            for (class, cpu, seconds, count) in CLASSES {
                if number < count {
                    let of_queues = queues
                        .iter()
                        .map(|queue| job(queue, class, number, cpu, seconds));
                    jobs.extend(of_queues);
                }
            }
        }
        let count = jobs.len();
        assert_eq!(count, 3_000);
        let create = futures::stream::iter(jobs)
            .map(async |job| installation.create(&job).await.unwrap())
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<()>>();
        futures::join!(create, until_all_ended(&installation, &queues, count));
        let limits: Vec<(&str, &str)> =
            queues.iter().map(|queue| (queue.as_str(), "120")).collect();
        installation.judge(recording, &limits).await.unwrap();
        assert!(installation.replay_all().unwrap() > 0);
    });
}
