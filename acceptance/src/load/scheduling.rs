//! Throughput of kube-scheduler with the extender and without, about pods outside all leases.

use super::{clear, create_all, rate};
use crate::{Installation, Pods, Result};
use std::time::{Duration, Instant};
use testbed::Scheduler;

/// Rounds of each kind, one after the other, so that both see the same machine.
const ROUNDS: usize = 3;
const NAMESPACE: &str = "load";

pub(super) async fn measure(installation: &mut Installation, pods: usize) -> Result<()> {
    installation.namespace(NAMESPACE).await?;
    let mut rates = [Vec::new(), Vec::new()];
    // The first is for warming up.
    round(installation, pods / 4, false).await?;
    for turn in 1..=ROUNDS {
        for is_extended in [false, true] {
            eprintln!("Scheduling {pods} pods, turn {turn} of {ROUNDS}, extender: {is_extended}");
            let rate = round(installation, pods, is_extended).await?;
            rates[usize::from(is_extended)].push(rate);
        }
    }
    for rates in &mut rates {
        rates.sort_by(f64::total_cmp);
    }
    let [without, with] = rates.map(|rates| rates[rates.len() / 2]);
    println!(
        "scheduling: {without:.0} pods/s without the extender, {with:.0} with it: {:.1} %",
        100.0 * with / without
    );
    Ok(())
}

/// Lets pods wait, starts a scheduler, and times the middle nine tenths of them.
async fn round(installation: &mut Installation, count: usize, is_extended: bool) -> Result<f64> {
    installation.cluster.stop_scheduler("default-scheduler");
    let pods = (0..count).map(|number| {
        let mut pod = crate::pod(NAMESPACE, &format!("pod-{number}"), "100m");
        pod["spec"]["terminationGracePeriodSeconds"] = 0.into();
        pod
    });
    create_all(installation, pods.collect()).await?;
    let bound = count_bound(installation.pods(), count);
    let (took, started) = futures::join!(bound, async {
        if is_extended {
            installation.start_scheduler().await
        } else {
            let plain = Scheduler::default();
            Ok(installation.cluster.set_scheduler(&plain).await?)
        }
    });
    started?;
    clear(installation, NAMESPACE).await?;
    Ok(rate(count * 9 / 10, took?))
}

/// The time from one pod in twenty being bound to nineteen in twenty.
async fn count_bound(
    mut pods: tokio::sync::watch::Receiver<Pods>,
    count: usize,
) -> Result<Duration> {
    let is_bound = |share: usize| move |pods: &Pods| pods.bound(NAMESPACE) >= count * share / 20;
    pods.wait_for(is_bound(1)).await?;
    let began = Instant::now();
    pods.wait_for(is_bound(19)).await?;
    let took = began.elapsed();
    pods.wait_for(is_bound(20)).await?;
    Ok(took)
}
