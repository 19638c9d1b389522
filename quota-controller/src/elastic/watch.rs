//! The watches behind elastic workloads: the objects themselves, what they name, and who else has a hand on it.
//!
//! Types are found by discovery when an ElasticWorkload first names them, and watched from then on. Only objects
//! that are named are kept.

use super::desk::{Desk, OwnerSeen, Seen, TypeKey};
use crate::decider::Observer;
use api::ElasticWorkload;
use futures::{Stream, StreamExt};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::core::{ApiResource, DynamicObject, GroupVersion, GroupVersionKind};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

/// A type that is not there is looked for again after so long: an operator may be installed later.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// What waits to be taken note of. Each is an object; beyond that the watches wait.
const INBOX: usize = 256;

/// Watches until it is dropped. What is seen goes to `observer`.
pub async fn watch(client: Client, observer: Observer) {
    let (outbox, mut inbox) = mpsc::channel(INBOX);
    let mut tasks = JoinSet::new();
    let all = watcher::Config::default;
    let workloads = watcher::watcher(Api::<ElasticWorkload>::all(client.clone()), all());
    tasks.spawn(forward(
        "elasticworkloads",
        workloads,
        outbox.clone(),
        Seen::Workload,
    ));
    let autoscalers = Api::<HorizontalPodAutoscaler>::all(client.clone());
    let autoscalers = watcher::watcher(autoscalers, all());
    tasks.spawn(forward(
        "horizontalpodautoscalers",
        autoscalers,
        outbox.clone(),
        Seen::Autoscaler,
    ));
    let priorities = watcher::watcher(Api::<PriorityClass>::all(client.clone()), all());
    tasks.spawn(forward(
        "priorityclasses",
        priorities,
        outbox.clone(),
        Seen::Priority,
    ));
    let mut desk = Desk::default();
    while let Some(seen) = inbox.recv().await {
        desk.take(seen);
        for kind in desk.types_to_find() {
            tasks.spawn(follow_type(client.clone(), kind, outbox.clone()));
        }
        for (kind, resource, has_scale, namespace, name) in desk.owners_to_read() {
            let (client, outbox) = (client.clone(), outbox.clone());
            tasks.spawn(async move {
                let owner = read(&client, &resource, has_scale, &namespace, &name).await;
                let _ = outbox
                    .send(Seen::OwnerRead(kind, namespace, name, owner))
                    .await;
            });
        }
        for observation in desk.observations() {
            observer.observe(observation).await;
        }
        while tasks.try_join_next().is_some() {}
    }
}

/// Passes on one watch.
async fn forward<K, S>(
    what: &'static str,
    stream: S,
    outbox: mpsc::Sender<Seen>,
    wrap: impl Fn(Event<K>) -> Seen,
) where
    S: Stream<Item = watcher::Result<Event<K>>>,
{
    let mut stream = pin!(stream.default_backoff());
    let mut is_told = false;
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                if outbox.send(wrap(event)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                warn!(what, %error, "watch interrupted, going on");
                // What may not be read holds nobody up: it counts as if there were none.
                if is_forbidden(&error) && !std::mem::replace(&mut is_told, true) {
                    for event in [Event::Init, Event::InitDone] {
                        if outbox.send(wrap(event)).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
    }
}

fn is_forbidden(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) => status.code == 403,
        _ => false,
    }
}

/// Finds a type, and watches its objects.
async fn follow_type(client: Client, key: TypeKey, outbox: mpsc::Sender<Seen>) {
    let (resource, has_scale) = loop {
        match find_type(&client, &key).await {
            Ok(found) => break found,
            Err(problem) => {
                if outbox
                    .send(Seen::NoType(key.clone(), problem))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    };
    let found = Seen::Type(key.clone(), resource.clone(), has_scale);
    if outbox.send(found).await.is_err() {
        return;
    }
    let api = Api::<DynamicObject>::all_with(client.clone(), &resource);
    let stream = watcher::watcher(api, watcher::Config::default());
    let mut stream = pin!(stream.default_backoff());
    while let Some(event) = stream.next().await {
        let event = match event {
            Ok(Event::Init) => Event::Init,
            Ok(Event::InitDone) => Event::InitDone,
            Ok(Event::InitApply(owner)) => {
                Event::InitApply(with_scale(&client, &resource, has_scale, owner).await)
            }
            Ok(Event::Apply(owner)) => {
                Event::Apply(with_scale(&client, &resource, has_scale, owner).await)
            }
            Ok(Event::Delete(owner)) => Event::Delete(OwnerSeen {
                object: owner,
                scale: None,
            }),
            Err(error) => {
                warn!(kind = %resource.kind, %error, "watch interrupted, going on");
                continue;
            }
        };
        if outbox.send(Seen::Owner(key.clone(), event)).await.is_err() {
            return;
        }
    }
}

async fn find_type(client: &Client, key: &TypeKey) -> Result<(ApiResource, bool), String> {
    let version: GroupVersion = key
        .api_version
        .parse()
        .map_err(|_| format!("{:?} is no API group and version", key.api_version))?;
    let kind = GroupVersionKind::gvk(&version.group, &version.version, &key.kind);
    let found = kube::discovery::pinned_kind(client, &kind).await;
    let (resource, capabilities) = found.map_err(|error| error.to_string())?;
    let mut subresources = capabilities.subresources.iter();
    let has_scale = subresources.any(|(resource, _)| resource.plural == "scale");
    Ok((resource, has_scale))
}

/// Types of Kubernetes itself say in known places what their scale subresource would say.
fn is_builtin(resource: &ApiResource) -> bool {
    matches!(resource.group.as_str(), "apps" | "batch")
}

async fn with_scale(
    client: &Client,
    resource: &ApiResource,
    has_scale: bool,
    mut object: DynamicObject,
) -> OwnerSeen {
    object.metadata.managed_fields = None;
    if !has_scale || is_builtin(resource) {
        return OwnerSeen {
            object,
            scale: None,
        };
    }
    let namespace = object.metadata.namespace.clone().unwrap_or_default();
    let name = object.metadata.name.clone().unwrap_or_default();
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), &namespace, resource);
    let scale = match api.get_scale(&name).await {
        Ok(scale) => {
            let replicas = scale.spec.and_then(|spec| spec.replicas).unwrap_or(0);
            let selector = scale.status.and_then(|status| status.selector);
            Some((
                u32::try_from(replicas).unwrap_or(0),
                selector.unwrap_or_default(),
            ))
        }
        Err(error) => {
            warn!(kind = %resource.kind, namespace, name, %error, "cannot read its scale subresource");
            None
        }
    };
    OwnerSeen { object, scale }
}

async fn read(
    client: &Client,
    resource: &ApiResource,
    has_scale: bool,
    namespace: &str,
    name: &str,
) -> Option<Box<OwnerSeen>> {
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, resource);
    loop {
        match api.get_opt(name).await {
            Ok(Some(object)) => {
                return Some(Box::new(
                    with_scale(client, resource, has_scale, object).await,
                ));
            }
            Ok(None) => return None,
            Err(error) => warn!(kind = %resource.kind, namespace, name, %error, "cannot be read"),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
