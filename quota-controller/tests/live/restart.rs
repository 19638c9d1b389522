//! The controller dies in the middle.

use crate::harness::Live;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_killed_while_ungating_leaves_nothing_lost_and_nothing_beyond_the_limit() {
    let live = Live::start(2).await;
    live.pool("enterprise").await;
    let fields = json!({"guaranteed": {"cpu": "40"}, "limit": {"cpu": "40"}});
    live.lease("enterprise", "shop", fields).await;
    live.pods("shop", "web", 60, "1").await;
    let mut first = live.controller("a");
    live.until("some are admitted", |pods| pods.admitted("shop") >= 5)
        .await;
    first.kill();
    let _second = live.controller("b");
    live.until("as many as the limit allows", |pods| {
        pods.running("shop") == 40
    })
    .await;
    live.until_told("shop", "web-59", "Quota").await;
    live.finish(&[("shop", "40")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_killed_in_the_middle_of_a_reclaim_is_followed_by_one_that_finishes_it() {
    let live = Live::start(1).await;
    live.pool("enterprise").await;
    for tenant in ["shop", "ml"] {
        let fields = json!({"guaranteed": {"cpu": "16"}});
        live.lease("enterprise", tenant, fields).await;
    }
    let mut first = live.controller("a");
    live.pods("ml", "train", 16, "2").await;
    live.until("ml borrows", |pods| pods.running("ml") == 16)
        .await;
    live.pods("shop", "web", 8, "2").await;
    live.until("a victim is on its way", |pods| {
        pods.living("ml").count() < 16
    })
    .await;
    first.kill();
    let _second = live.controller("b");
    live.until("each has its guarantee", |pods| {
        assert!(
            pods.admitted("ml") >= 8,
            "ml was pushed below its guarantee"
        );
        pods.running("shop") == 8 && pods.running("ml") == 8
    })
    .await;
    live.finish(&[("ml", "32"), ("shop", "16")]).await;
}
