//! The stock scheduler asks the extender about each pod.

use crate::stage::in_world;
use scheduler_plugin::Denial;
use serde_json::json;

#[test]
fn pods_that_waited_ungated_are_charged_when_they_are_scheduled_or_denied() {
    in_world(
        "unseen",
        1,
        "8",
        async |world| {
            let installation = world.installation;
            let team = world.namespace("team");
            installation.namespace(&team).await?;
            // They are there before their namespace is leased: nobody put them behind a gate.
            for (name, cpu) in [("fits", "1"), ("too-much", "3")] {
                let mut pod = world.pod("team", name, cpu);
                pod["spec"]["nodeSelector"] = json!({"example.com/ready": "yes"});
                installation.create(&pod).await?;
            }
            let lease = json!({"guaranteed": {"cpu": "2"}, "limit": {"cpu": "2"}});
            world.lease("", "team", lease).await?;
            let node = json!({
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": "unseen-0", "labels": {"example.com/ready": "yes"}},
            });
            installation.merge(&node).await?;
            world.until_running("team", 1).await?;
            let denied = world.pod("team", "too-much", "3");
            installation
                .until_object(&denied, "it is denied", |pod| {
                    pod["status"]["conditions"]
                        .to_string()
                        .contains(Denial::NotAdmitted.text())
                })
                .await?;
            let lease = world.lease_object("", "team");
            installation
                .until_object(&lease, "the other is charged", |lease| {
                    lease["status"]["used"]["cpu"] == "1"
                })
                .await?;
            Ok(())
        },
        // What waits without a gate asks for nothing yet that it could have.
        &[],
    );
}
