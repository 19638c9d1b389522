//! Room that was made for somebody.

use crate::stage::in_world;
use acceptance::Pods;
use scheduler_plugin::Denial;
use serde_json::json;
use testbed::stage::TERMINATION_SECONDS;

#[test]
fn room_that_was_made_for_somebody_is_kept_from_others() {
    in_world(
        "room",
        2,
        "4",
        async |world| {
            let installation = world.installation;
            let (team, other) = (world.namespace("team"), world.namespace("other"));
            let guaranteed = json!({"guaranteed": {"cpu": "4"}, "limit": {"cpu": "4"}});
            world.lease("", "team", guaranteed).await?;
            let borrower =
                json!({"guaranteed": {"cpu": "4"}, "reclaim": {"gracePeriodSeconds": 60}});
            world.lease("", "other", borrower).await?;
            // `other` borrows what `team` leaves idle: two pods of 2 on each node, that take long to end.
            for number in 0..4 {
                let mut batch = world.pod("other", &format!("batch-{number}"), "1900m");
                batch["spec"]["terminationGracePeriodSeconds"] = json!(60);
                batch["metadata"]["annotations"][TERMINATION_SECONDS] = json!("20");
                installation.create(&batch).await?;
            }
            world.until_running("other", 4).await?;
            // `team` asks for a whole node: both pods on it have to go.
            installation
                .create(&world.pod("team", "large", "3800m"))
                .await?;
            let mut node = String::new();
            installation
                .until("a node is cleared", |pods| {
                    node = cleared(pods, &other).unwrap_or_default();
                    !node.is_empty()
                })
                .await?;
            // One of them ends at once. Its half of the node is free, and kept.
            let pods = installation.pods().borrow().clone();
            let first = pods
                .of(&other)
                .find(|pod| acceptance::node(pod) == Some(&node))
                .unwrap();
            let name = first.metadata.name.clone().unwrap();
            installation.kubectl(&[
                "-n",
                &other,
                "delete",
                "pod",
                &name,
                "--grace-period=0",
                "--force",
            ])?;
            let mut small = acceptance::pod("default", "small", "1");
            small["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": node});
            installation.create(&small).await?;
            installation
                .until_object(&small, "is denied", |pod| {
                    pod["status"]["conditions"]
                        .to_string()
                        .contains(Denial::Earmarked.text())
                })
                .await?;
            installation
                .until("who it was made for is there", |pods| {
                    let large = pods.named(&team, "large");
                    large.and_then(acceptance::node) == Some(&node)
                })
                .await?;
            Ok(())
        },
        &[("team", "4"), ("other", "8")],
    );
}

/// The node whose pods are all on their way out.
fn cleared(pods: &Pods, namespace: &str) -> Option<String> {
    let leaving = pods.of(namespace).find(|pod| acceptance::is_leaving(pod))?;
    let node = acceptance::node(leaving)?;
    let mut there = pods
        .of(namespace)
        .filter(|pod| acceptance::node(pod) == Some(node));
    there.all(acceptance::is_leaving).then(|| node.to_owned())
}
