//! Carries out a plan by the clock.

use super::plan::{Deed, Plan, Step, WorkKey};
use crate::Result;
use engine::Time;
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// So many objects are made at once.
const AT_ONCE: usize = 16;

/// The controller answers for pools and leases as soon as it has seen what they need: so often and so long they are
/// tried.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// Makes what is there before instant 0, in order.
///
/// # Errors
/// The API server refuses something for good.
pub async fn prepare(client: &Client, plan: &Plan) -> Result<()> {
    let is_pod = |object: &&Value| object["kind"] == "Pod";
    for object in plan.ground.iter().filter(|object| !is_pod(object)) {
        let mut tries = 0;
        while let Err(error) = create(client, object).await {
            tries += 1;
            if tries == TRIES {
                return Err(error);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    let pods = plan.ground.iter().filter(is_pod);
    create_all(client, pods).await
}

/// Carries out the steps, each at its time after `start`. `told` hears of each.
///
/// # Errors
/// The API server refuses something.
pub async fn play(
    client: &Client,
    plan: &Plan,
    start: Instant,
    told: impl Fn(&Step),
) -> Result<()> {
    for step in &plan.steps {
        let at = Duration::from_millis(u64::try_from(step.at.0)?);
        tokio::time::sleep_until(start + at).await;
        told(step);
        match &step.deed {
            Deed::Create(objects) => create_all(client, objects).await?,
            Deed::Scale(key, count) => scale(client, key, *count).await?,
            Deed::Delete(key, api_version, kind) => delete(client, key, api_version, kind).await?,
        }
    }
    let end = Duration::from_millis(u64::try_from(plan.duration.0)?);
    tokio::time::sleep_until(start + end).await;
    Ok(())
}

/// This machine's clock when `start` was, in milliseconds since 1970.
pub fn time_of(start: Instant) -> Time {
    let after = i64::try_from(start.saturating_duration_since(Instant::now()).as_millis());
    let ago = i64::try_from(start.elapsed().as_millis());
    Time(super::watch::now().0 + after.unwrap_or(0) - ago.unwrap_or(0))
}

async fn create_all(client: &Client, objects: impl IntoIterator<Item = &Value>) -> Result<()> {
    let made = stream::iter(objects).map(|object| create(client, object));
    made.buffer_unordered(AT_ONCE).try_collect::<()>().await
}

async fn create(client: &Client, object: &Value) -> Result<()> {
    let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let (namespace, name) = (
        text(&object["metadata"]["namespace"]),
        text(&object["metadata"]["name"]),
    );
    let api = api(client, &api_version, &kind, &namespace);
    let object: DynamicObject = serde_json::from_value(object.clone())?;
    match api.create(&PostParams::default(), &object).await {
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(()),
        Err(error) => Err(format!("{kind} {namespace}/{name}: {error}").into()),
        Ok(_) => Ok(()),
    }
}

/// By the scale subresource, as `kubectl scale` does.
async fn scale(client: &Client, key: &WorkKey, count: u32) -> Result<()> {
    let api = api(client, "apps/v1", "Deployment", &key.namespace);
    let patch = Patch::Merge(json!({"spec": {"replicas": count}}));
    let scaled = api
        .patch_scale(&key.name, &PatchParams::default(), &patch)
        .await;
    scaled.map_err(|error| format!("scale {}/{} to {count}: {error}", key.namespace, key.name))?;
    Ok(())
}

async fn delete(client: &Client, key: &WorkKey, api_version: &str, kind: &str) -> Result<()> {
    let api = api(client, api_version, kind, &key.namespace);
    let deleted = api.delete(&key.name, &DeleteParams::background()).await;
    deleted.map_err(|error| format!("delete {kind} {}/{}: {error}", key.namespace, key.name))?;
    Ok(())
}

fn api(client: &Client, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    match namespace {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    }
}
