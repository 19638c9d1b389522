//! Asking a workload's owner for another count: the chosen pods are marked, then the count is written once.

use super::{Context, pause, refused};
use crate::clock;
use crate::cluster::Uid;
use crate::decider::Outcome;
use crate::elastic::write::{Write, mark, write};
use crate::elastic::{Means, Target};
use engine::spec::{Name, WorkloadKey};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::DynamicObject;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, warn};

/// How many of a workload's pods are marked or deleted at once.
const PODS_AT_ONCE: usize = 16;

/// So often a write is tried on a count that others change under it; then it is told as refused.
const CONFLICTS_MAX: u32 = 5;

/// A pod that is to go.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Its identity at the API server.
    pub uid: Uid,
    /// Its name.
    pub name: Name,
}

/// A workload whose count is to be changed.
#[derive(Clone, Debug)]
pub struct Scaling {
    /// The ElasticWorkload.
    pub key: WorkloadKey,
    /// Its owner.
    pub target: Arc<Target>,
    /// The count to be.
    pub to: u32,
    /// On a shrink, the pods that go.
    pub remove: Vec<Chosen>,
}

/// What an owner was asked for last.
#[derive(Clone, Debug)]
struct Asked {
    /// Its identity at the API server.
    uid: Name,
    count: u32,
    /// The version of the object that carries the count.
    version: u64,
}

/// The count that an owner has, as far as is known: what was seen of it, or our own write where that is newer. The
/// next order often comes before the watch has shown the last one.
fn known_count(target: &Target, last: Option<&Asked>) -> Option<u32> {
    let newer = last.filter(|last| last.uid == target.uid && last.version > target.version);
    newer.map(|last| last.count).or(target.replicas)
}

/// Carries out scalings, those of one workload one after another: what comes while one is under way is done as
/// one with what comes after it.
pub(super) async fn work(context: Context, mut orders: mpsc::UnboundedReceiver<Scaling>) {
    let mut running = JoinSet::new();
    let mut next: BTreeMap<WorkloadKey, Option<Scaling>> = BTreeMap::new();
    let mut asked: BTreeMap<WorkloadKey, Asked> = BTreeMap::new();
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some(order) = order else { return };
                match next.get_mut(&order.key) {
                    Some(Some(waiting)) => {
                        waiting.remove.extend(order.remove);
                        waiting.target = order.target;
                        waiting.to = order.to;
                    }
                    Some(slot) => *slot = Some(order),
                    None => {
                        next.insert(order.key.clone(), None);
                        let last = asked.remove(&order.key);
                        running.spawn(scale(context.clone(), order, last));
                    }
                }
            }
            Some(done) = running.join_next() => {
                let Ok((key, last)) = done else { continue };
                match next.remove(&key).flatten() {
                    Some(order) => {
                        next.insert(key, None);
                        running.spawn(scale(context.clone(), order, last));
                    }
                    None => {
                        debug!(workload = %key.name, "asked");
                        asked.extend(last.map(|last| (key, last)));
                    }
                }
            }
        }
    }
}

async fn scale(
    context: Context,
    order: Scaling,
    last: Option<Asked>,
) -> (WorkloadKey, Option<Asked>) {
    if order.target.heeds_deletion_cost {
        mark_all(&context, &order).await;
    }
    let outcome = match order.target.means {
        Means::Pods => {
            delete_all(&context, &order).await;
            Some(Ok(order.target.version))
        }
        _ => ask(&context, &order, known_count(&order.target, last.as_ref())).await,
    };
    let (key, to) = (order.key.clone(), order.to);
    let mut asked = None;
    let outcome = match outcome {
        Some(Ok(version)) => {
            asked = Some(Asked {
                uid: order.target.uid.clone(),
                count: to,
                version,
            });
            Outcome::Scaled { key, to, version }
        }
        Some(Err(message)) => Outcome::ScaleFailed { key, to, message },
        None => return (order.key, None),
    };
    let epoch = context.leadership.epoch();
    context.decider.report(epoch, outcome).await;
    (order.key, asked)
}

/// Makes the chosen pods those that go first. One that cannot be marked may stay: another goes in its place then.
async fn mark_all(context: &Context, order: &Scaling) {
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &order.key.namespace);
    let now = clock::now().0 / 1000;
    let params = PatchParams::default();
    futures::stream::iter(&order.remove)
        .for_each_concurrent(PODS_AT_ONCE, |chosen| {
            let (pods, params) = (&pods, &params);
            async move {
                let patch = Patch::Merge(mark(&chosen.uid, now));
                let marked = pods.patch_metadata(&chosen.name, params, &patch);
                if let Some(Err(error)) = context.call(marked).await {
                    debug!(pod = %chosen.name, %error, "not marked to go first");
                }
            }
        })
        .await;
}

/// Deletes the chosen pods of an owner that has no count.
async fn delete_all(context: &Context, order: &Scaling) {
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &order.key.namespace);
    futures::stream::iter(&order.remove)
        .for_each_concurrent(PODS_AT_ONCE, |chosen| {
            let pods = &pods;
            async move {
                let params = DeleteParams {
                    preconditions: Some(Preconditions {
                        uid: Some(chosen.uid.to_string()),
                        resource_version: None,
                    }),
                    ..DeleteParams::default()
                };
                if let Some(Err(error)) = context.call(pods.delete(&chosen.name, &params)).await {
                    debug!(pod = %chosen.name, %error, "not deleted");
                }
            }
        })
        .await;
}

/// Writes the count, and tries until the outcome is known. `None`: this replica does not lead any more.
async fn ask(
    context: &Context,
    order: &Scaling,
    mut known: Option<u32>,
) -> Option<Result<u64, String>> {
    let target = &order.target;
    let named: Vec<&str> = order.remove.iter().map(|chosen| &*chosen.name).collect();
    let api = Api::<DynamicObject>::namespaced_with(
        context.client.clone(),
        &order.key.namespace,
        &target.resource,
    );
    let mut conflicts = 0;
    for attempt in 0.. {
        let write = write(target, known, order.to, &named)?;
        match context.call(send(&api, &target.name, &write)).await {
            Some(Ok(version)) => return Some(Ok(version)),
            Some(Err(error)) => match refused(&error) {
                Some(404) => return Some(Err(format!("{} is gone", target.title()))),
                Some(403) => {
                    return Some(Err(format!(
                        "{} may not be changed: {error}; give the controller's role `patch` on {}",
                        target.title(),
                        resource_name(order, write.to_scale),
                    )));
                }
                // Its tests failed, or the object refuses the count.
                Some(409 | 422 | 400) => {
                    conflicts += 1;
                    if conflicts > CONFLICTS_MAX {
                        return Some(Err(format!("{} refuses: {error}", target.title())));
                    }
                }
                _ => {
                    warn!(owner = %target.title(), namespace = %order.key.namespace, %error, "not asked, trying again");
                }
            },
            None if !context.leadership.is_valid() => return None,
            None => {}
        }
        if attempt > 0 {
            tokio::time::sleep(pause(attempt)).await;
        }
        match context.call(read(&api, target)).await {
            Some(Ok(Some((uid, count, version)))) if uid == *target.uid => {
                if count == Some(order.to) {
                    return Some(Ok(version));
                }
                known = count;
            }
            Some(Ok(_)) => return Some(Err(format!("{} is gone", target.title()))),
            Some(Err(error)) => debug!(owner = %target.title(), %error, "cannot be read"),
            None if !context.leadership.is_valid() => return None,
            None => {}
        }
    }
    None
}

fn resource_name(order: &Scaling, to_scale: bool) -> String {
    let resource = &order.target.resource;
    let scale = if to_scale { "/scale" } else { "" };
    format!("{}{scale}.{}", resource.plural, resource.group)
}

/// Sends a write; returns the version of the object after it.
async fn send(api: &Api<DynamicObject>, name: &str, write: &Write) -> kube::Result<u64> {
    let patch =
        serde_json::from_value(write.operations.clone()).map_err(kube::Error::SerdeError)?;
    let patch = Patch::<()>::Json(patch);
    let params = PatchParams::default();
    let version = if write.to_scale {
        api.patch_scale(name, &params, &patch)
            .await?
            .metadata
            .resource_version
    } else {
        api.patch(name, &params, &patch)
            .await?
            .metadata
            .resource_version
    };
    Ok(version
        .and_then(|version| version.parse().ok())
        .unwrap_or(0))
}

/// The owner's identity, count and version as they are.
async fn read(
    api: &Api<DynamicObject>,
    target: &Target,
) -> kube::Result<Option<(String, Option<u32>, u64)>> {
    let count = |value: &Value| value.as_u64().and_then(|count| u32::try_from(count).ok());
    let (metadata, count) = match &target.means {
        Means::Scale => {
            let scale = match api.get_scale(&target.name).await {
                Err(error) if refused(&error) == Some(404) => return Ok(None),
                other => other?,
            };
            let replicas = scale.spec.and_then(|spec| spec.replicas).unwrap_or(0);
            (scale.metadata, u32::try_from(replicas).ok())
        }
        means => {
            let Some(object) = api.get_opt(&target.name).await? else {
                return Ok(None);
            };
            let value = match means {
                Means::Path(path) | Means::Ray(path) => path.get(&object.data).and_then(count),
                _ => object.data.pointer("/spec/parallelism").and_then(count),
            };
            (object.metadata, value)
        }
    };
    let version = metadata
        .resource_version
        .and_then(|version| version.parse().ok());
    Ok(Some((
        metadata.uid.unwrap_or_default(),
        count,
        version.unwrap_or(0),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elastic::Members;
    use engine::spec::Removal;
    use kube::core::ApiResource;

    fn seen(replicas: u32, version: u64) -> Target {
        Target {
            uid: "u-1".into(),
            name: "train".into(),
            resource: ApiResource::erase::<k8s_openapi::api::apps::v1::Deployment>(&()),
            means: Means::Scale,
            removal: Removal::Chosen,
            heeds_deletion_cost: true,
            members: Members::Owned,
            replicas: Some(replicas),
            version,
            form: None,
            work_left: None,
        }
    }

    #[test]
    fn an_order_that_comes_before_the_last_one_was_seen_builds_on_that() {
        let last = Asked {
            uid: "u-1".into(),
            count: 8,
            version: 20,
        };
        assert_eq!(known_count(&seen(24, 10), None), Some(24));
        assert_eq!(known_count(&seen(24, 10), Some(&last)), Some(8));
        // Somebody else's count is newer than ours.
        assert_eq!(known_count(&seen(5, 21), Some(&last)), Some(5));
        let another = Asked {
            uid: "u-0".into(),
            ..last
        };
        assert_eq!(known_count(&seen(24, 10), Some(&another)), Some(24));
    }
}
