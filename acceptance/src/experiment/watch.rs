//! Brings what the API server shows to a [`Scene`]: watches of pods, nodes, Deployments and Jobs, with the instants
//! at which they arrive.

use super::manifests::LABEL_WORK;
use super::plan::{WorkKey, WorkPlan};
use super::scene::{Phase, PodSight, Rows, Scene};
use engine::Time;
use engine::spec::{Name, Quantities};
use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A scene that is being drawn.
pub struct Observer {
    scene: watch::Sender<Scene>,
    _tasks: JoinSet<()>,
}

/// The instant, by this machine's clock.
pub fn now() -> Time {
    Time(jiff::Timestamp::now().as_millisecond())
}

impl Observer {
    /// Begins to look at these jobs and services.
    pub fn start(client: &Client, works: &BTreeMap<WorkKey, WorkPlan>) -> Observer {
        let scene = watch::Sender::new(Scene::new(works));
        let mut tasks = JoinSet::new();
        let mut listing = BTreeSet::new();
        follow::<Pod>(
            &mut tasks,
            client,
            &scene,
            move |scene, event| match event {
                Event::Init => listing.clear(),
                Event::InitApply(pod) => {
                    listing.insert(pod.uid().unwrap_or_default());
                    scene.pod(now(), sight(&pod));
                }
                Event::InitDone => scene.pods_listed(now(), &listing),
                Event::Apply(pod) => scene.pod(now(), sight(&pod)),
                Event::Delete(pod) => scene.pod_gone(now(), &pod.uid().unwrap_or_default()),
            },
        );
        follow::<Node>(&mut tasks, client, &scene, |scene, event| match event {
            Event::Apply(node) | Event::InitApply(node) => {
                let name: Name = node.name_any().into();
                scene.node(now(), &name, allocatable(&node));
            }
            Event::Delete(node) => scene.node(now(), &node.name_any().into(), None),
            Event::Init | Event::InitDone => {}
        });
        follow::<Deployment>(&mut tasks, client, &scene, |scene, event| {
            let count = |it: &Deployment| it.spec.as_ref().and_then(|spec| spec.replicas);
            owner(scene, event, count);
        });
        follow::<Job>(&mut tasks, client, &scene, |scene, event| {
            let count = |it: &Job| it.spec.as_ref().and_then(|spec| spec.parallelism);
            owner(scene, event, count);
        });
        Observer {
            scene,
            _tasks: tasks,
        }
    }

    /// What is seen, at each change.
    pub fn seen(&self) -> watch::Receiver<Scene> {
        self.scene.subscribe()
    }

    /// The end: all rows.
    pub fn finish(self) -> Rows {
        let mut rows = Rows::default();
        self.scene.send_modify(|scene| {
            let seen = std::mem::replace(scene, Scene::new(&BTreeMap::new()));
            rows = seen.finish(now());
        });
        rows
    }
}

fn follow<K>(
    tasks: &mut JoinSet<()>,
    client: &Client,
    scene: &watch::Sender<Scene>,
    mut take: impl FnMut(&mut Scene, Event<K>) + Send + 'static,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let (api, scene) = (Api::<K>::all(client.clone()), scene.clone());
    tasks.spawn(async move {
        let stream = watcher::watcher(api, watcher::Config::default()).default_backoff();
        let mut stream = std::pin::pin!(stream);
        while let Some(event) = stream.next().await {
            // An API server that is away comes back: the watch goes on by itself.
            if let Ok(event) = event {
                scene.send_modify(|scene| take(scene, event));
            }
        }
    });
}

fn owner<K: ResourceExt>(scene: &mut Scene, event: Event<K>, count: impl Fn(&K) -> Option<i32>) {
    let key = |owner: &K| WorkKey {
        namespace: owner.namespace().unwrap_or_default().into(),
        name: owner.name_any().into(),
    };
    match event {
        Event::Apply(owner) | Event::InitApply(owner) => {
            let count = count(&owner).and_then(|count| u32::try_from(count).ok());
            match (owner.meta().deletion_timestamp.is_some(), count) {
                (true, _) => scene.owner_gone(now(), &key(&owner)),
                (false, Some(count)) => scene.owner(now(), &key(&owner), count),
                (false, None) => {}
            }
        }
        Event::Delete(owner) => scene.owner_gone(now(), &key(&owner)),
        Event::Init | Event::InitDone => {}
    }
}

/// What pods can have of a node that is ready.
fn allocatable(node: &Node) -> Option<Quantities> {
    let status = node.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    conditions.find(|condition| condition.type_ == "Ready" && condition.status == "True")?;
    let amounts = status.allocatable.iter().flatten();
    amounts
        .map(|(resource, amount)| {
            let amount = amount.0.parse::<api::Quantity>().ok()?;
            let amount = amount.base_units(resource)?;
            Some((resource.as_str().into(), amount))
        })
        .collect()
}

fn sight(pod: &Pod) -> PodSight {
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let gates = spec.and_then(|spec| spec.scheduling_gates.as_ref());
    let mut conditions = status
        .and_then(|status| status.conditions.as_ref())
        .into_iter()
        .flatten();
    let request = api::pod_request::of_pod(pod).unwrap_or_default();
    PodSight {
        uid: pod.uid().unwrap_or_default(),
        namespace: pod.namespace().unwrap_or_default().into(),
        name: pod.name_any().into(),
        work: pod
            .labels()
            .get(LABEL_WORK)
            .map(|name| name.as_str().into()),
        request: request
            .into_iter()
            .map(|(resource, amount)| (resource.as_str().into(), amount))
            .collect(),
        is_gated: gates.is_some_and(|gates| !gates.is_empty()),
        node: spec
            .and_then(|spec| spec.node_name.as_deref())
            .map(Name::from),
        phase: match status.and_then(|status| status.phase.as_deref()) {
            Some("Running") => Phase::Running,
            Some("Succeeded") => Phase::Succeeded,
            Some("Failed") => Phase::Failed,
            _ => Phase::Pending,
        },
        is_leaving: pod.metadata.deletion_timestamp.is_some(),
        is_evicted: conditions.any(|it| it.type_ == "DisruptionTarget" && it.status == "True"),
    }
}
