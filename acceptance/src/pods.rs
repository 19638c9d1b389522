//! All pods, as a watch shows them.

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeMap;
use std::pin::pin;
use tokio::sync::watch;

/// All pods as they are now, by UID.
#[derive(Clone, Debug, Default)]
pub struct Pods(pub BTreeMap<String, Pod>);

impl Pods {
    /// Those of a namespace.
    pub fn of<'a>(&'a self, namespace: &str) -> impl Iterator<Item = &'a Pod> {
        self.0
            .values()
            .filter(move |pod| pod.metadata.namespace.as_deref() == Some(namespace))
    }

    /// The one of this name, if it is there.
    pub fn named(&self, namespace: &str, name: &str) -> Option<&Pod> {
        self.of(namespace)
            .find(|pod| pod.metadata.name.as_deref() == Some(name))
    }

    /// Those of a namespace that have not ended and are not on their way out.
    pub fn living<'a>(&'a self, namespace: &str) -> impl Iterator<Item = &'a Pod> {
        self.of(namespace)
            .filter(|pod| !has_ended(pod) && !is_leaving(pod))
    }

    /// How many run.
    pub fn running(&self, namespace: &str) -> usize {
        self.living(namespace)
            .filter(|pod| phase(pod) == "Running")
            .count()
    }

    /// How many have a node.
    pub fn bound(&self, namespace: &str) -> usize {
        self.living(namespace)
            .filter(|pod| node(pod).is_some())
            .count()
    }

    /// How many wait at the gate.
    pub fn gated(&self, namespace: &str) -> usize {
        self.living(namespace).filter(|pod| is_gated(pod)).count()
    }

    /// How many were asked to end and are still there.
    pub fn leaving(&self, namespace: &str) -> usize {
        self.of(namespace).filter(|pod| is_leaving(pod)).count()
    }

    /// How many ran to their end.
    pub fn succeeded(&self, namespace: &str) -> usize {
        self.of(namespace)
            .filter(|pod| phase(pod) == "Succeeded")
            .count()
    }
}

/// Whether it waits at our gate.
pub fn is_gated(pod: &Pod) -> bool {
    let gates = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.scheduling_gates.as_ref());
    gates.is_some_and(|gates| gates.iter().any(|gate| gate.name == api::names::GATE))
}

/// The node that it is bound to.
pub fn node(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

/// Its phase, such as `Running`.
pub fn phase(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    status
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending")
}

/// Whether its containers have ended.
pub fn has_ended(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether it was asked to end.
pub fn is_leaving(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// A line about it.
pub fn line(pod: &Pod) -> String {
    let gated = if is_gated(pod) { " gated" } else { "" };
    let leaving = if is_leaving(pod) { " leaving" } else { "" };
    format!(
        "{}/{} {}{gated}{leaving} on {}",
        pod.namespace().unwrap_or_default(),
        pod.name_any(),
        phase(pod),
        node(pod).unwrap_or("no node")
    )
}

/// Keeps the picture up to date for as long as somebody polls it.
pub(crate) async fn follow(client: Client, tell: watch::Sender<Pods>) {
    let pods = watcher::watcher(Api::<Pod>::all(client), watcher::Config::default());
    let mut pods = pin!(pods.default_backoff());
    let key = |pod: &Pod| pod.uid().unwrap_or_default();
    let mut listed = BTreeMap::new();
    while let Some(event) = pods.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(pod)) => drop(listed.insert(key(&pod), pod)),
            Ok(watcher::Event::InitDone) => {
                tell.send_replace(Pods(std::mem::take(&mut listed)));
            }
            Ok(watcher::Event::Apply(pod)) => {
                tell.send_modify(|pods| drop(pods.0.insert(key(&pod), pod)));
            }
            Ok(watcher::Event::Delete(pod)) => {
                tell.send_modify(|pods| drop(pods.0.remove(&key(&pod))));
            }
            // The watch begins anew by itself.
            Err(_) => {}
        }
    }
}
