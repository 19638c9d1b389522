//! Objects, and waiting for what shall become of them.

use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A pod that asks for one CPU.
pub fn pod(name: &str, annotations: Value) -> Pod {
    let container =
        json!({"name": "main", "image": "none", "resources": {"requests": {"cpu": "1"}}});
    serde_json::from_value(json!({
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"containers": [container]},
    }))
    .unwrap()
}

/// Creates an object from its JSON.
pub async fn create<K>(api: &Api<K>, object: Value)
where
    K: Resource + Clone + DeserializeOwned + serde::Serialize + std::fmt::Debug,
{
    let object: K = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// Returns when the object is so.
pub async fn until<K>(api: Api<K>, name: &str, what: &str, is_so: impl Condition<K>)
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    K::DynamicType: Default,
{
    let waited = tokio::time::timeout(DEADLINE, await_condition(api, name, is_so)).await;
    let reached = waited.unwrap_or_else(|_| panic!("{name} is not {what} after {DEADLINE:?}"));
    reached.unwrap();
}

/// Whether a pod has this phase.
pub fn has_phase(phase: &str) -> impl Condition<Pod> {
    let phase = phase.to_string();
    move |pod: Option<&Pod>| {
        let status = pod.and_then(|pod| pod.status.as_ref());
        status.and_then(|it| it.phase.as_ref()) == Some(&phase)
    }
}

/// Whether something is gone.
pub fn is_gone<K>(object: Option<&K>) -> bool {
    object.is_none()
}

/// The API of pods of the namespace `default`.
pub fn pods(client: &Client) -> Api<Pod> {
    Api::default_namespaced(client.clone())
}

/// Whether a process does anything still. One that is dead and that nobody asked for does not.
fn is_alive(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = status
        .rsplit_once(") ")
        .map(|(_, rest)| rest.chars().next());
    !matches!(state, None | Some(Some('Z' | 'X')))
}

/// Returns when none of the processes is alive and the folder is gone.
pub async fn until_all_gone(processes: &[(String, u32)], folder: &Path) {
    let started = Instant::now();
    loop {
        let alive: Vec<_> = processes.iter().filter(|(_, id)| is_alive(*id)).collect();
        if alive.is_empty() && !folder.exists() {
            return;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "alive: {alive:?}; {} exists: {}",
            folder.display(),
            folder.exists()
        );
        // The kernel has no watch for this.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
