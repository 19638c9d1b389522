//! The plugin, the controller and a stock kube-scheduler on a real control plane: over HTTPS with a client certificate.

mod cluster;

use api::names::GATE;
use cluster::{Live, pod};
use scheduler_plugin::Denial;
use testbed::stage::TERMINATION_SECONDS;

#[tokio::test(flavor = "multi_thread")]
async fn leases_bind_pods_that_a_stock_scheduler_places() {
    let live = Live::start().await;

    // Outside all leases nobody is asked for anything.
    live.create(pod("default", "outside", "100m")).await;
    live.is_bound("default", "outside").await;

    // Behind the gate: the controller admits it, the plugin knows that, the scheduler places it.
    let gated = pod("team", "gated", "1").gated(GATE);
    live.create(gated).await;
    live.is_bound("team", "gated").await;

    // Nobody saw these two at a gate. The one fits and is charged on the spot, the other is more than its lease allows.
    live.create(pod("team", "unseen", "1")).await;
    live.is_bound("team", "unseen").await;
    live.create(pod("team", "too-much", "3")).await;
    live.is_denied("team", "too-much", Denial::NotAdmitted)
        .await;
    live.delete("team", "too-much").await;

    assert_eq!(live.metric("leasehold_extender_unreadable_total").await, 0);
    assert!(
        live.metric("leasehold_extender_seconds_count{verb=\"filter\"}")
            .await
            >= 4
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "ends in a minute on a quiet machine, and did not within three on a busy one: the cause is not found yet"]
async fn room_that_was_made_for_somebody_is_kept_from_others() {
    let live = Live::start().await;
    // `other` borrows what `team` leaves idle: two pods of 2 on each node. Where one goes another takes long to end.
    for number in 0..4 {
        let name = format!("batch-{number}");
        let seconds = if number % 2 == 0 { "1" } else { "40" };
        let batch = pod("other", &name, "1900m").gated(GATE);
        live.create(batch.annotated(TERMINATION_SECONDS, seconds))
            .await;
        live.is_bound("other", &name).await;
    }
    // `team` asks for a whole node: both pods on it have to go.
    live.create(pod("team", "large", "3800m").gated(GATE)).await;
    let node = live.node_that_is_cleared("other").await;
    live.is_gone_from("other", &node, 1).await;
    // Half of it is free now, and kept.
    live.create(pod("default", "small", "1").on(&node)).await;
    live.is_denied("default", "small", Denial::Earmarked).await;
    live.is_bound_to("team", "large", &node).await;
}
