//! Two tenants: one borrows, the owner comes back.

use crate::stage::in_world;
use serde_json::json;

#[test]
fn a_tenant_borrows_and_the_owner_gets_its_guarantee_back() {
    in_world(
        "borrow",
        4,
        "4",
        async |world| {
            world
                .lease("", "shop", json!({"guaranteed": {"cpu": "8"}}))
                .await?;
            world
                .lease(
                    "",
                    "ml",
                    json!({"guaranteed": {"cpu": "8"}, "limit": {"cpu": "16"}}),
                )
                .await?;
            world.pods("ml", "batch", 8, "2").await?;
            world.until_running("ml", 8).await?;
            world.pods("shop", "web", 4, "2").await?;
            world.until_running("shop", 4).await?;
            // Nobody is pushed below its guarantee, and no more is taken than was needed.
            world.until_running("ml", 4).await?;
            world
                .installation
                .until_object(&world.lease_object("", "ml"), "it says so", |lease| {
                    let status = &lease["status"];
                    status["used"]["cpu"] == "8" && status["borrowed"]["cpu"] == "0"
                })
                .await?;
            Ok(())
        },
        &[("ml", "16"), ("shop", "16")],
    );
}
