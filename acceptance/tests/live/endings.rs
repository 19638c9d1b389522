//! Leases that begin, end, and are deleted under running pods.

use crate::stage::in_world;
use serde_json::json;

#[test]
fn a_lease_deleted_under_running_pods_leaves_them_until_somebody_needs_the_capacity() {
    in_world(
        "deleted",
        1,
        "4",
        async |world| {
            let installation = world.installation;
            world
                .lease("", "gone", json!({"guaranteed": {"cpu": "4"}}))
                .await?;
            world.pods("gone", "old", 2, "2").await?;
            world.until_running("gone", 2).await?;
            installation.delete(&world.lease_object("", "gone")).await?;
            // Having no lease gives no freedom: what is new waits.
            let gone = world.namespace("gone");
            installation.create(&world.pod("gone", "new", "1")).await?;
            installation.until_told(&gone, "new", "NoLease").await?;
            world.until_running("gone", 2).await?;
            // Somebody has leased what is free now, and needs half of it.
            world
                .lease("", "heir", json!({"guaranteed": {"cpu": "4"}}))
                .await?;
            world.pods("heir", "web", 1, "2").await?;
            world.until_running("heir", 1).await?;
            world.until_running("gone", 1).await?;
            Ok(())
        },
        &[("gone", "4"), ("heir", "4")],
    );
}
