//! Virtual nodes: made as a kubelet would register them, then played by kwok.

use crate::error::Error;
use crate::options::NodeGroup;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Node, NodeSpec, NodeStatus, Taint};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{ListParams, ObjectMeta, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use std::collections::BTreeSet;
use std::time::Duration;

/// Makes the nodes of these groups and waits until pods can be scheduled onto each.
pub(crate) async fn add(
    client: &Client,
    groups: &[NodeGroup],
    within: Duration,
) -> Result<Vec<String>, Error> {
    let mut nodes = Vec::new();
    for group in groups {
        for number in 0..group.count {
            nodes.push(node(group, number)?);
        }
    }
    let api: Api<Node> = Api::all(client.clone());
    let created: Vec<String> = stream::iter(&nodes)
        .map(|node| {
            let api = api.clone();
            async move {
                let name = node.metadata.name.clone().unwrap_or_default();
                api.create(&PostParams::default(), node)
                    .await
                    .map_err(Error::api(format!("create node {name}")))?;
                Ok::<String, Error>(name)
            }
        })
        .buffered(16)
        .try_collect()
        .await?;
    let waiting = created.iter().cloned().collect();
    let ready = tokio::time::timeout(within, until_usable(&api, waiting)).await;
    ready.unwrap_or_else(|_| {
        Err(Error::Other(format!(
            "the {} new nodes were not all ready within {} s: see kwok.log and kube-controller-manager.log",
            created.len(),
            within.as_secs()
        )))
    })?;
    Ok(created)
}

fn node(group: &NodeGroup, number: usize) -> Result<Node, Error> {
    let name = format!("{}-{number}", group.name);
    let amounts = group.allocatable.iter();
    let amounts: std::collections::BTreeMap<String, Quantity> = amounts
        .map(|(resource, amount)| (resource.clone(), Quantity(amount.clone())))
        .collect();
    let mut labels = group.labels.clone();
    for (label, value) in [
        ("kubernetes.io/hostname", name.as_str()),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
    ] {
        labels.entry(label.into()).or_insert_with(|| value.into());
    }
    let taints: Result<Vec<Taint>, Error> = group.taints.iter().map(|text| taint(text)).collect();
    Ok(Node {
        metadata: ObjectMeta {
            name: Some(name),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec {
            taints: Some(taints?),
            ..NodeSpec::default()
        }),
        status: Some(NodeStatus {
            allocatable: Some(amounts.clone()),
            capacity: Some(amounts),
            ..NodeStatus::default()
        }),
    })
}

/// `key=value:Effect` or `key:Effect`.
pub(crate) fn taint(text: &str) -> Result<Taint, Error> {
    let malformed = || {
        Error::Other(format!(
            "taint {text:?}: write key=value:NoSchedule or key:NoSchedule"
        ))
    };
    let (what, effect) = text.rsplit_once(':').ok_or_else(malformed)?;
    let (key, value) = match what.split_once('=') {
        Some((key, value)) => (key, Some(value.into())),
        None => (what, None),
    };
    if key.is_empty() || effect.is_empty() {
        return Err(malformed());
    }
    Ok(Taint {
        key: key.into(),
        value,
        effect: effect.into(),
        time_added: None,
    })
}

/// Ready, and no longer tainted as if it were not.
fn is_usable(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|it| it.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    let taints = node.spec.as_ref().and_then(|it| it.taints.as_ref());
    let mut taints = taints.into_iter().flatten();
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
        && !taints.any(|taint| taint.key.starts_with("node.kubernetes.io/"))
}

async fn until_usable(api: &Api<Node>, mut waiting: BTreeSet<String>) -> Result<(), Error> {
    let failed = || Error::api("watch nodes");
    while !waiting.is_empty() {
        let list = api.list(&ListParams::default()).await.map_err(failed())?;
        for node in list.items.iter().filter(|node| is_usable(node)) {
            waiting.remove(node.metadata.name.as_deref().unwrap_or_default());
        }
        let version = list.metadata.resource_version.unwrap_or_default();
        let watch = api.watch(&WatchParams::default(), &version).await;
        let mut watch = watch.map_err(failed())?.boxed();
        while !waiting.is_empty() {
            match watch.try_next().await.map_err(failed())? {
                Some(WatchEvent::Added(node) | WatchEvent::Modified(node)) if is_usable(&node) => {
                    waiting.remove(node.metadata.name.as_deref().unwrap_or_default());
                }
                // The watch has ended, or cannot go on: list again.
                None | Some(WatchEvent::Error(_)) => break,
                Some(_) => {}
            }
        }
    }
    Ok(())
}
