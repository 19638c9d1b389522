//! A cluster, the controller as a process, and what happens to the pods.
//!
//! ```ignore
//! let live = Live::start(2).await;                              // 2 nodes of 32 CPUs, CRDs installed
//! live.pool("enterprise").await;                                // all nodes, cpu and memory
//! live.lease("enterprise", "shop", json!({"guaranteed": {"cpu": "32"}})).await;
//! let controller = live.controller("a");                        // a process; killed when dropped
//! live.pods("shop", "web", 4, "8").await;                       // gated, 8 CPUs each
//! live.until("web runs", |pods| pods.running("shop") == 4).await;
//! live.finish(&[("shop", "32")]).await;                         // the recorded watch and the decision log are clean
//! ```
//! Nothing sleeps: `until` waits on a watch of all pods, `until_lease` on one of the lease, each with a deadline
//! that only a hanging test meets.

use api::{CapacityLease, CapacityPool};
use decision_log::Replay;
use futures::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::events::v1::Event as Told;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testbed::record::{Bound, Recording};
use testbed::{Cluster, NodeGroup, Options};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Long enough for a machine that does much else; a test that waits for so long has failed.
const DEADLINE: Duration = Duration::from_secs(180);

/// The namespace of the controllers' Lease.
pub const SYSTEM: &str = "leasehold-system";

/// A cluster with what a test needs.
pub struct Live {
    pub cluster: Cluster,
    pub client: Client,
    folder: tempfile::TempDir,
    pods: watch::Receiver<Pods>,
    watching: JoinHandle<()>,
    recording: Recording,
}

/// All pods as they are now.
#[derive(Clone, Debug, Default)]
pub struct Pods(pub BTreeMap<String, Pod>);

impl Pods {
    /// Those of a namespace that have not ended and are not on their way out.
    pub fn living(&self, namespace: &str) -> impl Iterator<Item = &Pod> {
        let of_namespace = self
            .0
            .values()
            .filter(move |pod| pod.namespace().as_deref() == Some(namespace));
        of_namespace.filter(|pod| {
            let phase = pod
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref());
            pod.metadata.deletion_timestamp.is_none()
                && !matches!(phase, Some("Succeeded" | "Failed"))
        })
    }

    /// How many run.
    pub fn running(&self, namespace: &str) -> usize {
        let phase = |pod: &&Pod| pod.status.as_ref()?.phase.clone();
        self.living(namespace)
            .filter(|pod| phase(pod).as_deref() == Some("Running"))
            .count()
    }

    /// How many were admitted and have not ended.
    pub fn admitted(&self, namespace: &str) -> usize {
        self.living(namespace).filter(|pod| !is_gated(pod)).count()
    }
}

fn is_gated(pod: &Pod) -> bool {
    let gates = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.scheduling_gates.as_ref());
    gates.is_some_and(|gates| gates.iter().any(|gate| gate.name == api::names::GATE))
}

impl Live {
    /// A cluster with so many nodes of 32 CPUs, and nothing else in it than the resource definitions.
    pub async fn start(nodes: usize) -> Live {
        // Each test binary has one provider; another test of it may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let groups = [NodeGroup::new("node", nodes)];
        let cluster = Cluster::start(Options::with_nodes(groups)).await.unwrap();
        let client = cluster.client();
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        for definition in api::crd::definitions() {
            definitions
                .create(&PostParams::default(), &definition)
                .await
                .unwrap();
            let name = definition.name_any();
            let established = conditions::is_crd_established();
            await_condition(definitions.clone(), &name, established)
                .await
                .unwrap();
        }
        let (tell, pods) = watch::channel(Pods::default());
        let watching = tokio::spawn(watch_pods(client.clone(), tell));
        let recording = Recording::start(&client).await.unwrap();
        let live = Live {
            cluster,
            client,
            folder: tempfile::tempdir().unwrap(),
            pods,
            watching,
            recording,
        };
        live.namespace(SYSTEM).await;
        live
    }

    /// A namespace, if it is not there yet.
    pub async fn namespace(&self, name: &str) {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        match namespaces.create(&PostParams::default(), &namespace).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => panic!("namespace {name}: {error}"),
        }
    }

    /// A pool of all nodes that leases CPU, with this root.
    pub async fn pool(&self, root: &str) {
        self.namespace(root).await;
        let pools: Api<CapacityPool> = Api::all(self.client.clone());
        let spec = json!({"resources": ["cpu"], "rootNamespace": root});
        let pool = object("general", &spec);
        pools.create(&PostParams::default(), &pool).await.unwrap();
    }

    /// A lease of that pool from `lessor` to `lessee`, with these further fields of its spec. Victims have a second.
    pub async fn lease(&self, lessor: &str, lessee: &str, fields: Value) {
        self.namespace(lessee).await;
        let mut spec =
            json!({"pool": "general", "lessee": lessee, "reclaim": {"gracePeriodSeconds": 1}});
        for (field, value) in fields.as_object().unwrap() {
            spec[field] = value.clone();
        }
        let leases: Api<CapacityLease> = Api::namespaced(self.client.clone(), lessor);
        let lease = object(lessee, &spec);
        leases.create(&PostParams::default(), &lease).await.unwrap();
    }

    /// Pods behind the gate, as admission would put them, each with so many CPUs.
    pub async fn pods(&self, namespace: &str, name: &str, count: usize, cpu: &str) {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        for number in 0..count {
            let pod = json!({
                "metadata": {"name": format!("{name}-{number}"), "namespace": namespace},
                "spec": {
                    "schedulingGates": [{"name": api::names::GATE}],
                    "containers": [{"name": "c", "image": "none", "resources": {"requests": {"cpu": cpu}}}],
                },
            });
            let pod = serde_json::from_value(pod).unwrap();
            pods.create(&PostParams::default(), &pod).await.unwrap();
        }
    }

    /// The controller as a process of its own; with a short lease, so that another takes over soon.
    pub fn controller(&self, name: &str) -> Controller {
        let log = self.folder.path().join(format!("{name}.log"));
        let kubeconfig = &self.cluster.administrator().kubeconfig;
        let process = Command::new(env!("CARGO_BIN_EXE_quota-controller"))
            .args([
                "--identity",
                name,
                "--namespace",
                SYSTEM,
                "--listen-health",
                "127.0.0.1:0",
            ])
            .args([
                "--lease-duration",
                "4",
                "--renew-deadline",
                "2",
                "--retry-period",
                "200",
            ])
            .args(["--admission", "off", "--grants-listen", "127.0.0.1:0"])
            .args(["--log", "info,quota_controller=debug"])
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--decision-log")
            .arg(self.decisions(name))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Controller { process, log }
    }

    fn decisions(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.decisions"))
    }

    /// Waits until the pods are so.
    pub async fn until(&self, what: &str, mut holds: impl FnMut(&Pods) -> bool) {
        let mut pods = self.pods.clone();
        let waited = tokio::time::timeout(DEADLINE, pods.wait_for(|pods| holds(pods))).await;
        if waited.is_err() {
            self.fail(&format!("not in time: {what}"));
        }
    }

    /// Waits until a lease's status is so.
    pub async fn until_lease(
        &self,
        lessor: &str,
        name: &str,
        what: &str,
        holds: impl Fn(&CapacityLease) -> bool,
    ) {
        let leases: Api<CapacityLease> = Api::namespaced(self.client.clone(), lessor);
        let holds = |lease: Option<&CapacityLease>| lease.is_some_and(&holds);
        let waited =
            tokio::time::timeout(DEADLINE, await_condition(leases.clone(), name, holds)).await;
        if waited.is_err() {
            let lease = leases.get(name).await.unwrap();
            self.fail(&format!("not in time: {what}: {:#?}", lease.status));
        }
    }

    /// Waits until this controller leads, and returns the epoch.
    pub async fn until_leads(&self, name: &str) -> i32 {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), SYSTEM);
        let leads = |lease: Option<&Lease>| {
            let holder = lease.and_then(|lease| lease.spec.as_ref()?.holder_identity.clone());
            holder.as_deref() == Some(name)
        };
        let waited = await_condition(leases, "quota-controller", leads);
        match tokio::time::timeout(DEADLINE, waited).await {
            Ok(lease) => lease
                .unwrap()
                .unwrap()
                .spec
                .unwrap()
                .lease_transitions
                .unwrap(),
            Err(_) => self.fail(&format!("not in time: {name} leads")),
        }
    }

    /// Waits until an event with this reason was told about the object.
    pub async fn until_told(&self, namespace: &str, name: &str, reason: &str) -> String {
        let events: Api<Told> = Api::namespaced(self.client.clone(), namespace);
        let stream = watcher::watcher(events, watcher::Config::default()).default_backoff();
        let mut stream = pin!(stream.touched_objects());
        let find = async {
            while let Some(event) = stream.next().await {
                let Ok(event) = event else { continue };
                let about = event
                    .regarding
                    .as_ref()
                    .and_then(|about| about.name.as_deref());
                if about == Some(name) && event.reason.as_deref() == Some(reason) {
                    return event.note.unwrap_or_default();
                }
            }
            panic!("the watch of events has ended")
        };
        match tokio::time::timeout(DEADLINE, find).await {
            Ok(note) => note,
            Err(_) => self.fail(&format!(
                "not in time: {reason} told about {namespace}/{name}"
            )),
        }
    }

    /// Ends the test: pods of a namespace never asked for more CPU than it may, at any version of the store, and
    /// what the controllers decided is decided again from their logs. `limits` are judged from the API server's
    /// own words.
    pub async fn finish(self, limits: &[(&str, &str)]) {
        let history = self.recording.stop().await.unwrap();
        for &(namespace, cpu) in limits {
            let bound = Bound::new([namespace], [("cpu", cpu)]).unwrap();
            let findings = bound.check(&history).unwrap();
            assert!(
                findings.is_clean(),
                "{namespace} within {cpu}: {findings:#?}"
            );
        }
        let mut decisions = 0;
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "decisions")
            {
                decisions += replay(&path);
            }
        }
        assert!(decisions > 0, "nothing was decided");
        self.watching.abort();
    }

    fn fail(&self, what: &str) -> ! {
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                eprintln!("== {}", path.display());
                eprintln!("{}", std::fs::read_to_string(&path).unwrap_or_default());
            }
        }
        for pod in self.pods.borrow().0.values() {
            let status = pod.status.as_ref().and_then(|status| status.phase.clone());
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
            eprintln!(
                "{}/{} {} gated {} on {}",
                pod.namespace().unwrap_or_default(),
                pod.name_any(),
                status.unwrap_or_default(),
                is_gated(pod),
                node.unwrap_or_default()
            );
        }
        panic!("{what}");
    }
}

/// Decides again what a controller's logs say, oldest first.
fn replay(folder: &Path) -> u64 {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    // `decisions.jsonl` is the newest, `decisions.2.jsonl` older than `decisions.1.jsonl`.
    let number = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        name.split('.')
            .nth(1)
            .and_then(|number| number.parse::<u32>().ok())
            .unwrap_or(0)
    };
    files.sort_by_key(|path| std::cmp::Reverse(number(path)));
    let mut replay = Replay::new();
    for path in files {
        let text = std::fs::read(&path).unwrap();
        for (at, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let line = match decision_log::read(line) {
                Ok(line) => line,
                // A controller that was killed may have been writing.
                Err(malformed) if malformed.is_cut => continue,
                Err(malformed) => panic!("{}:{}: {malformed}", path.display(), at + 1),
            };
            if let Err(difference) = replay.follow(&line) {
                panic!("{}:{}: {difference:#?}", path.display(), at + 1);
            }
        }
    }
    replay.counts().decisions
}

async fn watch_pods(client: Client, tell: watch::Sender<Pods>) {
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
                tell.send_modify(|pods| drop(pods.0.insert(key(&pod), pod)))
            }
            Ok(watcher::Event::Delete(pod)) => {
                tell.send_modify(|pods| drop(pods.0.remove(&key(&pod))))
            }
            Err(_) => {}
        }
    }
}

fn object<T: serde::de::DeserializeOwned>(name: &str, spec: &Value) -> T {
    serde_json::from_value(json!({
        "apiVersion": api::crd::API_VERSION,
        "kind": kind_of::<T>(),
        "metadata": {"name": name},
        "spec": spec,
    }))
    .unwrap()
}

fn kind_of<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}

/// A controller's process. Killed when dropped.
pub struct Controller {
    process: Child,
    log: PathBuf,
}

impl Controller {
    /// SIGKILL: it has no time for anything.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// SIGTERM, and its exit status.
    pub async fn end(mut self) -> std::process::ExitStatus {
        self.signal("TERM");
        tokio::task::spawn_blocking(move || self.process.wait().unwrap())
            .await
            .unwrap()
    }

    /// SIGSTOP: its clocks go on, it does not.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &id])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
