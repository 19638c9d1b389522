//! Disruption budgets.

use crate::stage::in_world;
use serde_json::json;

#[test]
fn a_victim_that_a_disruption_budget_keeps_is_passed_over_for_the_next() {
    in_world(
        "budget",
        1,
        "4",
        async |world| {
            let installation = world.installation;
            world
                .lease("", "shop", json!({"guaranteed": {"cpu": "4"}}))
                .await?;
            world
                .lease("", "ml", json!({"guaranteed": {"cpu": "0"}}))
                .await?;
            let ml = world.namespace("ml");
            world.pods("ml", "spare", 1, "2").await?;
            world.until_running("ml", 1).await?;
            // The newer one would be the first victim.
            let mut kept = world.pod("ml", "kept", "2");
            kept["metadata"]["labels"] = json!({"app": "kept"});
            installation.create(&kept).await?;
            world.until_running("ml", 2).await?;
            let budget = json!({
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": "kept", "namespace": ml},
                "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}},
            });
            installation.create(&budget).await?;
            installation
                .until_object(&budget, "is counted", |budget| {
                    budget["status"]["expectedPods"] == 1
                        && budget["status"]["disruptionsAllowed"] == 0
                })
                .await?;
            world.pods("shop", "web", 1, "2").await?;
            world.until_running("shop", 1).await?;
            let pods = installation.pods().borrow().clone();
            assert!(pods.named(&ml, "kept").is_some());
            assert!(pods.named(&ml, "spare-0").is_none());
            Ok(())
        },
        &[("ml", "4"), ("shop", "4")],
    );
}
