//! Pods of every kind of owner, charged from their admission to their end.

use crate::stage::in_world;
use serde_json::{Value, json};
use testbed::stage::RUN_SECONDS;

/// A template of pods that ask for one CPU.
fn template(app: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": app}, "annotations": {}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": "none", "resources": {"requests": {"cpu": "1"}}}],
        },
    })
}

/// An object of `apps/v1` that owns pods.
fn owner(kind: &str, namespace: &str, name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "serviceName": name,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name),
        },
    })
}

#[test]
fn every_kind_of_owner_is_charged_for_what_it_runs() {
    in_world(
        "kinds",
        2,
        "16",
        async |world| {
            let installation = world.installation;
            let limit = json!({"guaranteed": {"cpu": "20"}, "limit": {"cpu": "20"}});
            world.lease("", "team", limit).await?;
            let team = world.namespace("team");
            let mut deployment = owner("Deployment", &team, "web", 3);
            deployment["spec"]
                .as_object_mut()
                .unwrap()
                .remove("serviceName");
            installation.create(&deployment).await?;
            installation
                .create(&owner("StatefulSet", &team, "store", 2))
                .await?;
            let mut job = template("job");
            job["spec"]["restartPolicy"] = json!("Never");
            job["metadata"]["annotations"][RUN_SECONDS] = json!("1");
            let job = json!({
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": "job", "namespace": team},
                "spec": {"completions": 4, "parallelism": 2, "template": job},
            });
            installation.create(&job).await?;
            // Its init container asks for more than what comes after it.
            let mut bare = world.pod("team", "bare", "1");
            bare["spec"]["initContainers"] = json!([{
                "name": "first", "image": "none", "resources": {"requests": {"cpu": "4"}},
            }]);
            installation.create(&bare).await?;
            // 3 + 2 + 4, and nothing for a job that has ended.
            let lease = world.lease_object("", "team");
            installation
                .until("the job has ended", |pods| pods.succeeded(&team) == 4)
                .await?;
            installation
                .until_object(&lease, "9 CPUs are used", |lease| {
                    lease["status"]["used"]["cpu"] == "9"
                })
                .await?;
            // A DaemonSet outside all leases has its pod on each node, whoever has leased them.
            installation.namespace("kinds-agents").await?;
            let agents = json!({
                "apiVersion": "apps/v1",
                "kind": "DaemonSet",
                "metadata": {"name": "agent", "namespace": "kinds-agents"},
                "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": {
                    "metadata": {"labels": {"app": "agent"}},
                    "spec": {
                        "nodeSelector": {"leasehold.dev/pool": "kinds"},
                        "containers": [{"name": "main", "image": "none"}],
                    },
                }},
            });
            installation.create(&agents).await?;
            installation
                .until("agents run", |pods| pods.running("kinds-agents") == 2)
                .await?;
            // One more than the lease allows waits; deleted at the gate it leaves nothing behind.
            let waiting = world.pod("team", "waiting", "12");
            installation.create(&waiting).await?;
            installation
                .until_object(&lease, "it is pending", |lease| {
                    lease["status"]["pending"]["cpu"] == "12"
                })
                .await?;
            installation.delete(&waiting).await?;
            installation
                .until_object(&lease, "nothing is pending", |lease| {
                    let pending = &lease["status"]["pending"]["cpu"];
                    pending.is_null() || pending == "0"
                })
                .await?;
            // The whole namespace goes, and with it all that it used.
            installation
                .delete(
                    &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team}}),
                )
                .await?;
            installation
                .until("its pods are gone", |pods| pods.of(&team).count() == 0)
                .await?;
            installation
                .until_object(&lease, "nothing is used", |lease| {
                    let used = &lease["status"]["used"]["cpu"];
                    used.is_null() || used == "0"
                })
                .await?;
            Ok(())
        },
        &[("team", "20")],
    );
}
