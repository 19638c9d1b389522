//! The story that every kind of owner has to tell: grow into what is idle, give way to web load, grow back.

use crate::kit::{Picture, World, elastic, web};
use serde_json::{Value, json};

/// An owner of pods of 1 CPU, named `train`.
pub struct Owner {
    pub api_version: &'static str,
    pub kind: &'static str,
    pub object: Value,
    /// Where its count stands.
    pub pointer: &'static str,
    /// What the ElasticWorkload says beside bounds and target.
    pub more: Value,
}

/// Load goes up once and down once; each step may change the count so often.
const CHANGES_PER_STEP: usize = 6;

/// Tells the story on 3 nodes of 8 CPU.
pub async fn shrinks_and_grows_back(world: &mut World, owner: &Owner) -> Picture {
    world
        .create(owner.api_version, owner.kind, "ml", owner.object.clone())
        .await;
    world
        .draw_count(owner.api_version, owner.kind, owner.pointer)
        .await;
    let workload = elastic(owner.api_version, owner.kind, 24, &owner.more);
    world
        .create("leasehold.dev/v1alpha1", "ElasticWorkload", "ml", workload)
        .await;
    world
        .until("all that is idle is used", |picture| {
            picture.count("train") == Some(24) && picture.running("ml") == 24
        })
        .await;

    world.create("apps/v1", "Deployment", "web", web(4)).await;
    let shrunk = world
        .until("web runs and batch has given way", |picture| {
            picture.running("web") == 4
                && picture.count("train").is_some_and(|count| count <= 8)
                && picture.present("ml") as u64 == picture.count("train").unwrap_or(0)
        })
        .await;
    let count = shrunk.count("train").unwrap_or(0);
    assert!(count >= 2, "below its minimum: {count}");

    let told = world
        .until("its status tells for whom", |picture| {
            let status = picture
                .workloads
                .get("train")
                .and_then(|workload| workload.status.as_ref());
            status.is_some_and(|status| {
                status.last_shrink.is_some() && status.leaving_replicas == Some(0)
            })
        })
        .await;
    let status = told.workloads["train"].status.clone().expect("a status");
    let last = status.last_shrink.expect("a shrink");
    assert_eq!(last.reason, "Reclaim");
    assert!(
        last.for_whom
            .as_deref()
            .is_some_and(|whom| whom.starts_with("web/")),
        "{last:?}"
    );
    assert!(
        status
            .conditions
            .iter()
            .all(|condition| condition.status == "True"),
        "{:?}",
        status.conditions
    );

    let none = json!({"spec": {"replicas": 0}});
    world
        .patch("apps/v1", "Deployment", ("web", "shop"), none)
        .await;
    let grown = world
        .until("batch has grown back", |picture| {
            picture.count("train") == Some(24) && picture.running("ml") == 24
        })
        .await;
    let changes = grown.counts["train"].len() - 1;
    assert!(
        changes <= 3 * CHANGES_PER_STEP,
        "it flaps: {:?}",
        grown.counts["train"]
    );
    assert!(
        grown.held_max <= 24_000,
        "more was admitted than there is: {} m",
        grown.held_max
    );
    grown
}
