//! Leases that begin and end while pods wait and run.

use crate::harness::Live;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

fn term(on_expiry: &str) -> Value {
    let now = Timestamp::now();
    json!({
        "guaranteed": {"cpu": "16"},
        "limit": {"cpu": "16"},
        "onExpiry": on_expiry,
        "term": {
            "start": now.checked_add(5.seconds()).unwrap().to_string(),
            "end": now.checked_add(15.seconds()).unwrap().to_string(),
        },
    })
}

async fn until_phase(live: &Live, phase: &str) {
    live.until_lease("enterprise", "shop", phase, |lease| {
        let status = lease.status.as_ref();
        status
            .and_then(|it| it.phase)
            .is_some_and(|it| format!("{it:?}") == phase)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_wait_for_the_start_and_go_on_after_an_end_that_lets_them() {
    let live = Live::start(1).await;
    live.pool("enterprise").await;
    let _controller = live.controller("a");
    live.until_leads("a").await;
    live.lease("enterprise", "shop", term("Borrow")).await;
    live.pods("shop", "web", 2, "8").await;
    until_phase(&live, "Scheduled").await;
    until_phase(&live, "Active").await;
    live.until("both run", |pods| pods.running("shop") == 2)
        .await;
    until_phase(&live, "Expired").await;
    live.until("both still run", |pods| pods.running("shop") == 2)
        .await;
    live.finish(&[("shop", "16")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_at_the_end_of_a_draining_lease_is_evicted_though_nobody_waits() {
    let live = Live::start(1).await;
    live.pool("enterprise").await;
    let _controller = live.controller("a");
    live.until_leads("a").await;
    live.lease("enterprise", "shop", term("Drain")).await;
    live.pods("shop", "web", 2, "8").await;
    live.until("both run", |pods| pods.running("shop") == 2)
        .await;
    live.until("none is left", |pods| pods.living("shop").count() == 0)
        .await;
    until_phase(&live, "Draining").await;
    live.finish(&[("shop", "16")]).await;
}
