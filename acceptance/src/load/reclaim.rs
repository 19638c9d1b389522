//! How long it takes from a guaranteed pod's creation to the call that deletes its victim.

use super::{clear, create_all, median};
use crate::{Installation, Result};
use serde_json::json;
use std::time::{Duration, Instant};
use testbed::NodeGroup;

const POOL: &str = "reclaim";

pub(super) async fn measure(installation: &Installation, count: usize) -> Result<()> {
    eprintln!("{count} reclaims, one after the other");
    let cpus = count.to_string();
    let node = NodeGroup::new(POOL, 1)
        .with("cpu", &cpus)
        .with("pods", "10000");
    installation.pool(POOL, POOL, json!({})).await?;
    installation.add_nodes(POOL, node).await?;
    let (owner, borrower) = ("reclaim-owner", "reclaim-borrower");
    let guaranteed = json!({"pool": POOL, "guaranteed": {"cpu": cpus}});
    installation.lease(POOL, owner, guaranteed).await?;
    installation
        .lease(
            POOL,
            borrower,
            json!({"pool": POOL, "guaranteed": {"cpu": "0"}}),
        )
        .await?;
    let batch = (0..count).map(|number| crate::pod(borrower, &format!("batch-{number}"), "1"));
    create_all(installation, batch.collect()).await?;
    installation
        .until("the borrower has all of it", |pods| {
            pods.running(borrower) == count
        })
        .await?;
    let mut times: Vec<Duration> = Vec::with_capacity(count);
    for number in 0..count {
        let began = Instant::now();
        installation
            .create(&crate::pod(owner, &format!("web-{number}"), "1"))
            .await?;
        // Their grace period is nothing: who is asked to end is gone at once.
        installation
            .until("a victim goes", |pods| {
                pods.living(borrower).count() < count - number
            })
            .await?;
        times.push(began.elapsed());
        installation
            .until("its owner runs", |pods| pods.running(owner) == number + 1)
            .await?;
    }
    times.sort();
    let p99 = times.get((count * 99).div_ceil(100).saturating_sub(1));
    println!(
        "reclaim: from a pod's creation to its victim's deletion {:.1} ms median, {:.1} ms p99",
        median(&times).as_secs_f64() * 1e3,
        p99.copied().unwrap_or_default().as_secs_f64() * 1e3
    );
    clear(installation, borrower).await?;
    clear(installation, owner).await
}
