//! Two tenants: one borrows, the other comes back.

use crate::harness::Live;
use serde_json::json;

fn has_condition(lease: &api::CapacityLease, kind: &str, status: &str) -> bool {
    let conditions = lease.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|condition| condition.type_ == kind && condition.status == status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_borrows_and_the_owner_gets_its_guarantee_back() {
    let live = Live::start(2).await;
    live.pool("enterprise").await;
    for tenant in ["shop", "ml"] {
        let fields = json!({"guaranteed": {"cpu": "32"}});
        live.lease("enterprise", tenant, fields).await;
    }
    let _controller = live.controller("a");
    live.pods("ml", "train", 10, "8").await;
    live.until("ml borrows all that is idle", |pods| {
        pods.running("ml") == 8
    })
    .await;
    live.until_lease(
        "enterprise",
        "ml",
        "the status tells what is borrowed",
        |lease| {
            let status = lease.status.as_ref();
            let amount = |of: &api::crd::Amounts| of.get("cpu").map(|text| text.0.clone());
            has_condition(lease, "Granted", "True")
                && status.and_then(|it| amount(&it.used)).as_deref() == Some("64")
                && status.and_then(|it| amount(&it.borrowed)).as_deref() == Some("32")
                && status.and_then(|it| amount(&it.pending)).as_deref() == Some("16")
        },
    )
    .await;
    let note = live.until_told("ml", "train-9", "Quota").await;
    assert!(
        note.contains("asks 8"),
        "the event tells the numbers: {note}"
    );

    live.pods("shop", "web", 4, "8").await;
    live.until("shop has its guarantee, and ml keeps its own", |pods| {
        // Never below its guarantee of 4 pods, at no moment.
        assert!(
            pods.admitted("ml") >= 4,
            "ml was pushed below its guarantee"
        );
        pods.running("shop") == 4 && pods.running("ml") == 4
    })
    .await;
    live.finish(&[("ml", "64"), ("shop", "32")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_holds_while_capacity_is_idle() {
    let live = Live::start(2).await;
    live.pool("enterprise").await;
    let fields = json!({"guaranteed": {"cpu": "16"}, "limit": {"cpu": "24"}});
    live.lease("enterprise", "shop", fields).await;
    let _controller = live.controller("a");
    live.pods("shop", "web", 6, "8").await;
    live.until("as many as the limit allows", |pods| {
        pods.running("shop") == 3
    })
    .await;
    live.until_told("shop", "web-5", "Quota").await;
    live.finish(&[("shop", "24")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stored_lease_asks_beyond_capacity_is_refused_with_the_numbers() {
    let live = Live::start(1).await;
    live.pool("enterprise").await;
    live.lease("enterprise", "shop", json!({"guaranteed": {"cpu": "20"}}))
        .await;
    let _controller = live.controller("a");
    live.until_lease("enterprise", "shop", "the first is granted", |lease| {
        has_condition(lease, "Granted", "True")
    })
    .await;
    live.lease("enterprise", "ml", json!({"guaranteed": {"cpu": "20"}}))
        .await;
    live.until_lease("enterprise", "ml", "the second is refused", |lease| {
        let conditions = lease.status.iter().flat_map(|status| &status.conditions);
        conditions.into_iter().any(|condition| {
            condition.reason == "Overcommitted" && condition.message.contains("32")
        })
    })
    .await;
    live.until_told("enterprise", "ml", "Refused").await;
    live.finish(&[]).await;
}
