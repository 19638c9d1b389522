//! `acceptance load`: what Leasehold costs, as ratios in one run on one control plane.

mod jobs;
mod reclaim;
mod scheduling;

use crate::{Installation, Result, Setup};
use futures::StreamExt;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use serde_json::Value;
use std::time::Duration;
use testbed::NodeGroup;

/// So many requests of ours at once.
const AT_ONCE: usize = 16;

/// How much is measured.
#[derive(clap::Args, Debug)]
pub struct Load {
    /// So many virtual nodes
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pub nodes: usize,
    /// Pods of each round of scheduling
    #[arg(long, value_name = "COUNT", default_value_t = 3000)]
    pub pods: usize,
    /// One-pod jobs of each round, over all tenants
    #[arg(long, value_name = "COUNT", default_value_t = 15_000)]
    pub jobs: usize,
    /// Tenants among whom the jobs are divided
    #[arg(long, value_name = "COUNT", default_value_t = 30)]
    pub tenants: usize,
    /// Pods of an owner that each make somebody else give way
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub reclaims: usize,
}

/// Measures all of it and prints a line for each.
///
/// # Errors
/// When the installation does not come up, or something is never done.
pub fn load(options: Load) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(options))
}

async fn measure(options: Load) -> Result<()> {
    let nodes = NodeGroup::new("node", options.nodes).labelled("leasehold.dev/pool", "general");
    let setup = Setup::new(std::env::current_exe()?)
        .nodes([nodes])
        .without_flow_control();
    eprintln!("Bringing up {} nodes", options.nodes);
    let mut installation = Installation::start(setup).await?;
    installation
        .pool("general", "enterprise", Value::Null)
        .await?;
    reclaim::measure(&installation, options.reclaims).await?;
    scheduling::measure(&mut installation, options.pods).await?;
    jobs::measure(&installation, options.jobs, options.tenants).await
}

/// Creates objects, some at once.
async fn create_all(installation: &Installation, objects: Vec<Value>) -> Result<()> {
    let mut created = futures::stream::iter(objects)
        .map(async |object| installation.create(&object).await)
        .buffer_unordered(AT_ONCE);
    while let Some(created) = created.next().await {
        created?;
    }
    Ok(())
}

/// Deletes all pods of a namespace and waits until they are gone.
async fn clear(installation: &Installation, namespace: &str) -> Result<()> {
    let pods: Api<k8s_openapi::api::core::v1::Pod> =
        Api::namespaced(installation.client.clone(), namespace);
    let at_once = DeleteParams::default().grace_period(0);
    pods.delete_collection(&at_once, &ListParams::default())
        .await?;
    installation
        .until(&format!("{namespace} is empty"), |pods| {
            pods.of(namespace).next().is_none()
        })
        .await
}

/// So many a second.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// The one in the middle of these, sorted; 0 of none.
fn median(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
