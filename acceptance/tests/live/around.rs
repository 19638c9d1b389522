//! Ways around the leases while nobody watches: found, charged, reported, and closed again.

use crate::stage::{PROGRAM, World, runtime};
use acceptance::{Installation, Setup};
use serde_json::json;

/// All that keeps pods at the gate.
const GUARDS: [&str; 6] = [
    "mutatingadmissionpolicybinding/leasehold-pods",
    "mutatingadmissionpolicy/leasehold-pods",
    "validatingadmissionpolicybinding/leasehold-pods",
    "validatingadmissionpolicy/leasehold-pods",
    "validatingadmissionpolicybinding/leasehold-namespaces",
    "validatingadmissionpolicy/leasehold-namespaces",
];

#[test]
fn pods_that_ran_past_all_guards_are_found_charged_and_reported() {
    runtime().block_on(async {
        let mut installation = Installation::start(Setup::new(PROGRAM)).await.unwrap();
        let world = World::new(&installation, "past", 2, "8").await.unwrap();
        let lease = json!({"guaranteed": {"cpu": "4"}, "limit": {"cpu": "4"}});
        world.lease("", "team", lease).await.unwrap();
        let team = world.namespace("team");
        let (first, second) = (
            world.pod("team", "first", "3"),
            world.pod("team", "second", "3"),
        );
        let (later, lease) = (
            world.pod("team", "later", "1"),
            world.lease_object("", "team"),
        );
        drop(world);

        // Controller and plugin are away, and an administrator deletes what is left.
        installation.kill_controller("a").unwrap();
        installation.plugin = None;
        let mut delete = vec!["delete"];
        delete.extend(GUARDS);
        installation.kubectl(&delete).unwrap();
        // Pods of before, which the API server remembers for some moments: it is asked until one gets through.
        installation
            .eventually("a pod is let in without a gate", async || {
                let mut probe = first.clone();
                probe["spec"]["nodeName"] = json!("past-0");
                installation.create(&probe).await.ok()
            })
            .await
            .unwrap();
        installation.create(&second).await.unwrap();
        installation
            .until("both run, beyond the lease", |pods| {
                pods.running(&team) == 2
            })
            .await
            .unwrap();

        installation.start_controller("a").unwrap();
        installation.start_plugin().await.unwrap();
        for name in ["first", "second"] {
            installation
                .until_told(&team, name, "FoundUnadmitted")
                .await
                .unwrap();
        }
        installation
            .until_object(&lease, "both are charged", |lease| {
                lease["status"]["used"]["cpu"] == "6"
            })
            .await
            .unwrap();
        // The guards are back, and nothing more is let in.
        installation
            .eventually("the guards are back", async || {
                let mut get = vec!["get"];
                get.extend(GUARDS);
                installation.kubectl(&get).ok()
            })
            .await
            .unwrap();
        installation
            .eventually("a pod without a gate gets one", async || {
                installation.create(&later).await.ok()?;
                let pods = installation.pods();
                let mut pods = pods.clone();
                let seen = pods
                    .wait_for(|pods| pods.named(&team, "later").is_some())
                    .await
                    .ok()?;
                let is_gated = seen.named(&team, "later").is_some_and(acceptance::is_gated);
                drop(seen);
                if !is_gated {
                    installation.delete(&later).await.ok()?;
                }
                is_gated.then_some(())
            })
            .await
            .unwrap();
        let why = installation
            .until_told(&team, "later", "Quota")
            .await
            .unwrap();
        assert!(why.contains('4'), "{why}");

        // Weakened while the controller runs, they are put back at once.
        installation
            .kubectl(&["delete", GUARDS[1], GUARDS[3]])
            .unwrap();
        installation
            .eventually("they are put back", async || {
                installation.kubectl(&["get", GUARDS[1], GUARDS[3]]).ok()
            })
            .await
            .unwrap();
        installation.replay_all().unwrap();
    });
}
