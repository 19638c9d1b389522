//! Two controllers: one leads, and only one.

use crate::harness::Live;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_slept_past_its_leadership_admits_nothing_more() {
    let live = Live::start(2).await;
    live.pool("enterprise").await;
    let fields = json!({"guaranteed": {"cpu": "20"}, "limit": {"cpu": "20"}});
    live.lease("enterprise", "shop", fields).await;
    let first = live.controller("a");
    let before = live.until_leads("a").await;
    live.until_lease("enterprise", "shop", "granted", |lease| {
        lease.status.is_some()
    })
    .await;
    let _second = live.controller("b");
    first.pause();
    // The sleeper does not see these; when it wakes it finds them waiting, and its leadership gone.
    live.pods("shop", "web", 40, "1").await;
    let after = live.until_leads("b").await;
    assert!(after > before, "each leader has an epoch of its own");
    first.go_on();
    live.until("as many as the limit allows", |pods| {
        pods.running("shop") == 20
    })
    .await;
    live.until_told("shop", "web-39", "Quota").await;
    let log = first.log();
    assert!(
        log.contains("leadership lost"),
        "the sleeper noticed: {log}"
    );
    live.finish(&[("shop", "20")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_ends_in_order_hands_over_at_once() {
    let live = Live::start(1).await;
    let first = live.controller("a");
    live.until_leads("a").await;
    assert!(first.end().await.success());
    let leases: kube::Api<k8s_openapi::api::coordination::v1::Lease> =
        kube::Api::namespaced(live.client.clone(), crate::harness::SYSTEM);
    let spec = leases.get("quota-controller").await.map(|lease| lease.spec);
    let holder = spec.ok().flatten().and_then(|spec| spec.holder_identity);
    assert_eq!(holder, None, "nobody has to wait for the lease to expire");
    let _second = live.controller("b");
    live.until_leads("b").await;
}
