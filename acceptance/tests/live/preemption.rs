//! Priorities: nobody's takes another's guarantee.

use crate::stage::in_world;
use serde_json::json;

#[test]
fn a_high_priority_evicts_no_pod_within_another_guarantee() {
    in_world(
        "priority",
        1,
        "4",
        async |world| {
            let installation = world.installation;
            let class = json!({
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {"name": "urgent"},
                "value": 1_000_000,
            });
            installation.create(&class).await?;
            world
                .lease("", "team", json!({"guaranteed": {"cpu": "3"}}))
                .await?;
            world
                .lease("", "rival", json!({"guaranteed": {"cpu": "1"}}))
                .await?;
            world.pods("team", "steady", 2, "1500m").await?;
            world.until_running("team", 2).await?;
            // One of another tenant: it would need what is not its own.
            let mut rival = world.pod("rival", "urgent", "2");
            rival["spec"]["priorityClassName"] = json!("urgent");
            installation.create(&rival).await?;
            let why = installation
                .until_told(&world.namespace("rival"), "urgent", "Quota")
                .await?;
            assert!(why.contains("cpu"), "{why}");
            // One outside all leases: the scheduler would evict for it, and is told that it may not.
            let before = vetoes(installation).await?;
            let mut outside = acceptance::pod("default", "priority-urgent", "2");
            outside["spec"]["priorityClassName"] = json!("urgent");
            outside["spec"]["nodeSelector"] = json!({"leasehold.dev/pool": "priority"});
            installation.create(&outside).await?;
            installation
                .eventually("the plugin says no", async || {
                    let now = vetoes(installation).await.ok()?;
                    (now > before).then_some(())
                })
                .await?;
            // What team borrows is another matter.
            installation.delete(&rival).await?;
            world.pods("team", "borrowing", 1, "1").await?;
            world.until_running("team", 3).await?;
            let mut small = acceptance::pod("default", "priority-small", "1");
            small["spec"]["priorityClassName"] = json!("urgent");
            small["spec"]["nodeSelector"] = json!({"leasehold.dev/pool": "priority"});
            installation.create(&small).await?;
            installation
                .until("it takes the place of what is borrowed", |pods| {
                    let small = pods.named("default", "priority-small");
                    small.is_some_and(|pod| acceptance::phase(pod) == "Running")
                })
                .await?;
            world.until_running("team", 2).await?;
            Ok(())
        },
        &[("team", "4")],
    );
}

/// How often the plugin has vetoed an eviction.
async fn vetoes(installation: &acceptance::Installation) -> acceptance::Result<u64> {
    let metrics = installation.plugin_metrics().await?;
    let lines = metrics.lines();
    let counts = lines.filter_map(|line| {
        let rest = line.strip_prefix("leasehold_extender_vetoes_total")?;
        rest.split_whitespace().last()?.parse::<u64>().ok()
    });
    Ok(counts.sum())
}
