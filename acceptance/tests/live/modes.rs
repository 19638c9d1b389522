//! The three modes, and what each does while the extender is away.

use crate::stage::{PROGRAM, World, runtime};
use acceptance::{Installation, Mode, Setup};
use serde_json::json;

/// Leased pods and others, with the extender and without it.
fn shows(mode: Mode, leased_pods_wait: bool) {
    runtime().block_on(async {
        let mut installation = Installation::start(Setup::new(PROGRAM).mode(mode))
            .await
            .unwrap();
        let world = World::new(&installation, "mode", 2, "8").await.unwrap();
        world
            .lease("", "team", json!({"guaranteed": {"cpu": "4"}}))
            .await
            .unwrap();
        world.pods("team", "before", 1, "1").await.unwrap();
        world.until_running("team", 1).await.unwrap();
        let team = world.namespace("team");
        let leased = world.pod("team", "during", "1");
        drop(world);

        installation.plugin = None;
        installation.create(&leased).await.unwrap();
        installation
            .create(&acceptance::pod("default", "outside", "1"))
            .await
            .unwrap();
        installation
            .until("what is outside all leases goes on", |pods| {
                pods.running("default") == 1
            })
            .await
            .unwrap();
        if leased_pods_wait {
            installation
                .until_object(&leased, "the scheduler has no answer", |pod| {
                    let conditions = pod["status"]["conditions"].to_string();
                    let is_free = pod["spec"]["schedulingGates"]
                        .as_array()
                        .is_none_or(Vec::is_empty);
                    is_free
                        && conditions.contains("PodScheduled")
                        && pod["spec"]["nodeName"].is_null()
                })
                .await
                .unwrap();
            installation.start_plugin().await.unwrap();
        }
        installation
            .until("the leased pod runs", |pods| pods.running(&team) == 2)
            .await
            .unwrap();
        installation.replay_all().unwrap();
    });
}

#[test]
fn default_scheduler_goes_on_by_the_gate_alone() {
    shows(Mode::DefaultScheduler, false);
}

#[test]
fn own_scheduler_lets_leased_pods_wait_and_no_others() {
    shows(Mode::OwnScheduler, true);
}

#[test]
fn mark_lets_leased_pods_wait_and_no_others() {
    shows(Mode::Mark, true);
}
