//! One-pod jobs of many tenants, in leased namespaces and in others.

use super::{create_all, rate};
use crate::{Installation, Pods, Result};
use k8s_openapi::api::batch::v1::Job;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(super) async fn measure(
    installation: &Installation,
    jobs: usize,
    tenants: usize,
) -> Result<()> {
    let names = |kind: &str| -> Vec<String> {
        (0..tenants)
            .map(|number| format!("{kind}-{number}"))
            .collect()
    };
    let (plain, leased) = (names("plain"), names("leased"));
    for namespace in &plain {
        installation.namespace(namespace).await?;
    }
    for namespace in &leased {
        let spec = json!({"pool": "general", "guaranteed": {"cpu": "100"}});
        installation.lease("enterprise", namespace, spec).await?;
    }
    let mut took = [Duration::ZERO; 2];
    for (turn, (which, namespaces)) in [(0, &plain), (1, &leased)].into_iter().enumerate() {
        eprintln!(
            "{jobs} jobs in {tenants} {} namespaces, turn {} of 2",
            if which == 1 { "leased" } else { "plain" },
            turn + 1
        );
        took[which] = round(installation, jobs, namespaces).await?;
    }
    let [plain, leased] = took.map(|took| rate(jobs, took));
    println!(
        "{jobs} one-pod jobs of {tenants} tenants: {plain:.0} a second without leases, {leased:.0} with them: {:.1} %",
        100.0 * leased / plain
    );
    let memory = installation.controller(crate::FIRST)?.memory_max_kib()?;
    println!("controller: at most {} MiB", memory / 1024);
    Ok(())
}

/// From the first creation to the last pod's end.
async fn round(
    installation: &Installation,
    count: usize,
    namespaces: &[String],
) -> Result<Duration> {
    let jobs = (0..count).map(|number| job(&namespaces[number % namespaces.len()], number));
    let began = Instant::now();
    let ended = async {
        let mut pods = installation.pods();
        let have_ended = |pods: &Pods| {
            let ended = namespaces.iter().map(|namespace| pods.succeeded(namespace));
            ended.sum::<usize>() >= count
        };
        // Each look goes over all pods: not at every change.
        while !have_ended(&pods.borrow_and_update()) {
            pods.changed().await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok::<_, crate::Failure>(began.elapsed())
    };
    let (created, took) = futures::join!(create_all(installation, jobs.collect()), ended);
    created?;
    for namespace in namespaces {
        let jobs: Api<Job> = Api::namespaced(installation.client.clone(), namespace);
        jobs.delete_collection(&DeleteParams::background(), &ListParams::default())
            .await?;
        super::clear(installation, namespace).await?;
    }
    took
}

fn job(namespace: &str, number: usize) -> Value {
    let resources = json!({"requests": {"cpu": "100m"}});
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": format!("job-{number}"), "namespace": namespace},
        "spec": {"template": {
            "metadata": {"annotations": {testbed::stage::RUN_SECONDS: "0"}},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": "none", "resources": resources}],
            },
        }},
    })
}
