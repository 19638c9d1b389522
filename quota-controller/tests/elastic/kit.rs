//! A real control plane, the real controller, and a picture of both that is drawn from the API server's watches alone.

use api::ElasticWorkload;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersion, GroupVersionKind};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testbed::{Cluster, NodeGroup, Options};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The longest that anything in a test may take: far more than it does.
const DEADLINE: Duration = Duration::from_secs(120);

/// A pod as an outsider sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSight {
    pub is_gated: bool,
    pub is_running: bool,
    pub is_leaving: bool,
    pub has_ended: bool,
    pub millicores: i64,
    pub labels: BTreeMap<String, String>,
    pub job: Option<String>,
}

impl PodSight {
    /// Whether it is admitted and holds what it asks for.
    pub fn holds(&self) -> bool {
        !self.is_gated && !self.has_ended
    }
}

/// What the watches have shown.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    pub pods: BTreeMap<(String, String), PodSight>,
    pub workloads: BTreeMap<String, ElasticWorkload>,
    /// Every count that the watched owner had, in order.
    pub counts: BTreeMap<String, Vec<u64>>,
    /// The most that was ever held at once, in millicores.
    pub held_max: i64,
}

impl Picture {
    /// Pods of a namespace that run.
    pub fn running(&self, namespace: &str) -> usize {
        let pods = self.pods.iter().filter(|((at, _), _)| at == namespace);
        pods.filter(|(_, pod)| pod.is_running && !pod.is_leaving)
            .count()
    }

    /// Pods of a namespace that are there and not on their way out.
    pub fn present(&self, namespace: &str) -> usize {
        let pods = self.pods.iter().filter(|((at, _), _)| at == namespace);
        pods.filter(|(_, pod)| !pod.is_leaving && !pod.has_ended)
            .count()
    }

    /// The count that an owner has now.
    pub fn count(&self, owner: &str) -> Option<u64> {
        self.counts.get(owner)?.last().copied()
    }

    fn held(&self) -> i64 {
        let holding = self.pods.values().filter(|pod| pod.holds());
        holding.map(|pod| pod.millicores).sum()
    }
}

/// The controller, as a process of its own.
struct Controller(Child);

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// All of it.
pub struct World {
    controller: Option<Controller>,
    picture: watch::Receiver<Picture>,
    drawing: watch::Sender<Picture>,
    pub tasks: JoinSet<()>,
    pub client: Client,
    pub cluster: Cluster,
}

impl World {
    /// `nodes` nodes of 8 CPU; of each 7 leased to `web` in all and 1 to `ml`.
    pub async fn start(nodes: usize) -> World {
        let group = NodeGroup::new("node", nodes)
            .with("cpu", "8")
            .labelled("leasehold.dev/pool", "general");
        let cluster = Cluster::start(Options::with_nodes([group]))
            .await
            .expect("a control plane");
        let client = cluster.client();
        for definition in api::crd::definitions() {
            establish(&client, &definition).await;
        }
        let drawing = watch::Sender::new(Picture::default());
        let mut world = World {
            controller: None,
            picture: drawing.subscribe(),
            drawing,
            tasks: JoinSet::new(),
            client,
            cluster,
        };
        for namespace in ["leasehold-system", "enterprise", "ml", "web"] {
            world
                .create(
                    "v1",
                    "Namespace",
                    "",
                    json!({"metadata": {"name": namespace}}),
                )
                .await;
        }
        let pool = json!({
            "metadata": {"name": "general"},
            "spec": {
                "nodeSelector": {"matchLabels": {"leasehold.dev/pool": "general"}},
                "resources": ["cpu"], "rootNamespace": "enterprise",
            },
        });
        world
            .create("leasehold.dev/v1alpha1", "CapacityPool", "", pool)
            .await;
        world.draw_pods();
        world.draw_workloads();
        world.start_controller();
        for (lessee, cpu) in [("web", 7 * nodes), ("ml", nodes)] {
            let lease = json!({
                "metadata": {"name": lessee},
                "spec": {
                    "pool": "general", "lessee": lessee, "guaranteed": {"cpu": cpu.to_string()},
                    "reclaim": {"gracePeriodSeconds": 5},
                },
            });
            world
                .create(
                    "leasehold.dev/v1alpha1",
                    "CapacityLease",
                    "enterprise",
                    lease,
                )
                .await;
        }
        world
    }

    /// Starts the controller; its log is beside those of the control plane.
    pub fn start_controller(&mut self) {
        let folder = self.cluster.folder();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("quota-controller.log"))
            .expect("a log file");
        let child = Command::new(env!("CARGO_BIN_EXE_quota-controller"))
            .arg("--kubeconfig")
            .arg(&self.cluster.administrator().kubeconfig)
            .args([
                "--lease-duration",
                "4",
                "--renew-deadline",
                "3",
                "--retry-period",
                "500",
            ])
            .args([
                "--listen-health",
                "127.0.0.1:0",
                "--log",
                "info,quota_controller=debug",
            ])
            .args(["--admission", "off", "--grants-listen", "127.0.0.1:0"])
            .arg("--decision-log")
            .arg(self.decisions())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the controller");
        self.controller = Some(Controller(child));
    }

    /// Kills it, as if its machine had failed.
    pub fn kill_controller(&mut self) {
        self.controller = None;
    }

    fn decisions(&self) -> PathBuf {
        self.cluster.folder().join("decisions")
    }

    /// Ends the controller and replays its decisions: the engine must make the same again.
    pub fn finish(mut self) {
        self.kill_controller();
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.decisions())
            .expect("a decision log")
            .map(|entry| entry.expect("a file").path())
            .collect();
        files.sort();
        let mut decisions = 0;
        for file in files {
            let text = std::fs::read(&file).expect("a decision log");
            let mut replay = decision_log::Replay::new();
            // The last line may be cut off: the controller was killed.
            let end = text
                .iter()
                .rposition(|&byte| byte == b'\n')
                .map_or(0, |at| at + 1);
            for line in text[..end]
                .split(|&byte| byte == b'\n')
                .filter(|line| !line.is_empty())
            {
                let line = decision_log::read(line).expect("a line of the log");
                if let Err(difference) = replay.follow(&line) {
                    panic!("the engine decides otherwise: {difference:?}");
                }
                decisions += 1;
            }
        }
        assert!(decisions > 0, "nothing was decided");
    }

    /// Makes an object.
    pub async fn create(&self, api_version: &str, kind: &str, namespace: &str, mut object: Value) {
        let api = self.api(api_version, kind, namespace).await;
        object["apiVersion"] = json!(api_version);
        object["kind"] = json!(kind);
        let object: DynamicObject = serde_json::from_value(object).expect("an object");
        let name = object.name_any();
        // The controller's first webhook or watch may come a moment later than the object's type.
        let made = api.create(&PostParams::default(), &object).await;
        made.map_err(|error| format!("{kind} {name}: {error}"))
            .expect("created");
    }

    /// Changes an object by a merge patch.
    pub async fn patch(&self, api_version: &str, kind: &str, place: (&str, &str), patch: Value) {
        let api = self.api(api_version, kind, place.0).await;
        let patch = Patch::Merge(patch);
        api.patch(place.1, &PatchParams::default(), &patch)
            .await
            .expect("patched");
    }

    pub async fn api(&self, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let resource = resource(&self.client, api_version, kind).await;
        if namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        }
    }

    /// Waits until the picture is as it should be; shows what it is otherwise.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Picture) -> bool) -> Picture {
        let mut picture = self.picture.clone();
        let waited =
            tokio::time::timeout(DEADLINE, picture.wait_for(|picture| is_so(picture))).await;
        match waited {
            Ok(Ok(picture)) => picture.clone(),
            _ => {
                let picture = self.picture.borrow().clone();
                let log = self.cluster.folder().join("quota-controller.log");
                let log = std::fs::read_to_string(log).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(40).collect();
                let tail: Vec<&str> = tail.into_iter().rev().collect();
                let pods: Vec<String> = picture
                    .pods
                    .iter()
                    .map(|((namespace, name), pod)| {
                        format!(
                            "{namespace}/{name} gated {} running {} leaving {} ended {}",
                            pod.is_gated, pod.is_running, pod.is_leaving, pod.has_ended
                        )
                    })
                    .collect();
                let statuses: Vec<String> = picture
                    .workloads
                    .values()
                    .map(|workload| serde_json::to_string(&workload.status).unwrap_or_default())
                    .collect();
                panic!(
                    "not in time: {what}\ncounts {:?}\n{}\n{}\n{}",
                    picture.counts,
                    pods.join("\n"),
                    statuses.join("\n"),
                    tail.join("\n")
                );
            }
        }
    }

    /// Waits until `look` finds something: for what cannot be watched.
    pub async fn eventually(&self, what: &str, mut look: impl AsyncFnMut() -> Option<()>) {
        let mut turn = tokio::time::interval(Duration::from_millis(100));
        let found = async {
            loop {
                turn.tick().await;
                if look().await.is_some() {
                    return;
                }
            }
        };
        if tokio::time::timeout(DEADLINE, found).await.is_err() {
            panic!("not in time: {what}");
        }
    }

    /// Waits until the controller logs this.
    pub async fn until_logged(&self, words: &str) {
        let log = self.cluster.folder().join("quota-controller.log");
        self.eventually(words, async || {
            let text = std::fs::read_to_string(&log).ok()?;
            text.contains(words).then_some(())
        })
        .await;
    }

    fn draw_pods(&mut self) {
        let api = Api::<Pod>::all(self.client.clone());
        let drawing = self.drawing.clone();
        self.tasks.spawn(async move {
            let mut stream =
                std::pin::pin!(watcher::watcher(api, watcher::Config::default()).default_backoff());
            // What a new list does not name has gone while nobody could look: it takes the picture's place as a whole.
            let mut listing = BTreeMap::new();
            while let Some(event) = stream.next().await {
                let Ok(event) = event else { continue };
                drawing.send_modify(|picture| {
                    match event {
                        Event::Init => listing.clear(),
                        Event::InitApply(pod) => {
                            listing.insert(place(&pod), sight(&pod));
                        }
                        Event::InitDone => picture.pods = std::mem::take(&mut listing),
                        Event::Apply(pod) => {
                            picture.pods.insert(place(&pod), sight(&pod));
                        }
                        Event::Delete(pod) => {
                            picture.pods.remove(&place(&pod));
                        }
                    }
                    picture.held_max = picture.held_max.max(picture.held());
                });
            }
        });
    }

    fn draw_workloads(&mut self) {
        let api = Api::<ElasticWorkload>::all(self.client.clone());
        let drawing = self.drawing.clone();
        self.tasks.spawn(async move {
            let mut stream =
                std::pin::pin!(watcher::watcher(api, watcher::Config::default()).default_backoff());
            while let Some(event) = stream.next().await {
                if let Ok(Event::Apply(workload) | Event::InitApply(workload)) = event {
                    drawing.send_modify(|picture| {
                        picture.workloads.insert(workload.name_any(), workload);
                    });
                }
            }
        });
    }

    /// Watches the count of an owner.
    pub async fn draw_count(&mut self, api_version: &str, kind: &str, pointer: &'static str) {
        let api = self.api(api_version, kind, "ml").await;
        let drawing = self.drawing.clone();
        self.tasks.spawn(async move {
            let mut stream =
                std::pin::pin!(watcher::watcher(api, watcher::Config::default()).default_backoff());
            while let Some(event) = stream.next().await {
                if let Ok(Event::Apply(owner) | Event::InitApply(owner)) = event
                    && let Some(count) = owner.data.pointer(pointer).and_then(Value::as_u64)
                {
                    drawing.send_modify(|picture| {
                        let counts = picture.counts.entry(owner.name_any()).or_default();
                        if counts.last() != Some(&count) {
                            counts.push(count);
                        }
                    });
                }
            }
        });
    }
}

/// Its namespace and name.
fn place(pod: &Pod) -> (String, String) {
    (pod.namespace().unwrap_or_default(), pod.name_any())
}

fn sight(pod: &Pod) -> PodSight {
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    let gates = spec.and_then(|spec| spec.scheduling_gates.as_ref());
    let request = api::pod_request::of_pod(pod).expect("a pod that can be counted");
    let cpu = request.into_iter().find(|(resource, _)| resource == "cpu");
    PodSight {
        is_gated: gates.is_some_and(|gates| !gates.is_empty()),
        is_running: phase == Some("Running"),
        is_leaving: pod.metadata.deletion_timestamp.is_some(),
        has_ended: matches!(phase, Some("Succeeded" | "Failed")),
        millicores: cpu.map_or(0, |(_, amount)| amount),
        labels: pod.labels().clone(),
        job: pod.labels().get("job-name").cloned(),
    }
}

/// Makes a type of object, and waits until the API server serves it.
pub async fn establish(client: &Client, definition: &CustomResourceDefinition) {
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    api.create(&PostParams::default(), definition)
        .await
        .expect("a definition");
    let name = definition.name_any();
    let established = kube::runtime::wait::await_condition(
        api,
        &name,
        kube::runtime::conditions::is_crd_established(),
    );
    tokio::time::timeout(DEADLINE, established)
        .await
        .expect("established in time")
        .expect("established");
}

pub async fn resource(client: &Client, api_version: &str, kind: &str) -> ApiResource {
    let version: GroupVersion = api_version.parse().expect("a group and a version");
    let kind = GroupVersionKind::gvk(&version.group, &version.version, kind);
    // A type is served a moment after it is established, and discovery cannot be watched.
    let mut turn = tokio::time::interval(Duration::from_millis(100));
    let found = async {
        loop {
            turn.tick().await;
            if let Ok((resource, _)) = kube::discovery::pinned_kind(client, &kind).await {
                return resource;
            }
        }
    };
    tokio::time::timeout(DEADLINE, found).await.expect("a type")
}

/// A pod's form with our gate, as the admission policy would make it.
pub fn template(labels: &Value, cpu: &str, termination_seconds: &str) -> Value {
    json!({
        "metadata": {
            "labels": labels,
            "annotations": {"testbed.leasehold.dev/termination-seconds": termination_seconds},
        },
        "spec": {
            "schedulingGates": [{"name": "leasehold.dev/admission"}],
            "terminationGracePeriodSeconds": 30,
            "containers": [{"name": "a", "image": "a", "resources": {"requests": {"cpu": cpu}}}],
        },
    })
}

/// A web service of pods of 4 CPU.
pub fn web(replicas: usize) -> Value {
    let labels = json!({"app": "shop"});
    json!({
        "metadata": {"name": "shop"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": template(&labels, "4", "0"),
        },
    })
}

/// An ElasticWorkload named `train` for an owner named `train`.
pub fn elastic(api_version: &str, kind: &str, max: u64, more: &Value) -> Value {
    let mut spec = json!({
        "scaleTargetRef": {"apiVersion": api_version, "kind": kind, "name": "train"},
        "minReplicas": 2, "maxReplicas": max, "cooldownSeconds": 2,
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    json!({"metadata": {"name": "train"}, "spec": spec})
}
