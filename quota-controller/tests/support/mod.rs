//! A control plane that the tests of one file share, and the program as it is installed: under its own service
//! account, with the rights of `deploy/` and no others.

#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "for tests; each file uses a part of it, and it is nobody's API"
)]

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testbed::{Cluster, Options};

/// The longest that anything may take on a machine that is busy with other tests.
const DEADLINE: Duration = Duration::from_secs(120);

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Waits until `look` finds something.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A cluster with a runtime of its own, so that tests in several threads can share it.
pub struct Stage {
    runtime: tokio::runtime::Runtime,
    pub cluster: Cluster,
}

impl Stage {
    pub fn start(options: Options) -> Stage {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let cluster = runtime.block_on(Cluster::start(options)).unwrap();
        Stage { runtime, cluster }
    }

    pub fn run<T>(&self, test: impl Future<Output = T>) -> T {
        self.runtime.block_on(test)
    }

    pub fn client(&self) -> Client {
        self.cluster.client()
    }

    /// `kubectl` as the administrator. Returns what it printed, or what it complained about.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        self.kubectl_with(arguments, "")
    }

    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut child = Command::new(&self.cluster.programs().kubectl)
            .arg("--kubeconfig")
            .arg(&self.cluster.administrator().kubeconfig)
            .args(arguments)
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if output.status.success() {
            Ok(text(output.stdout))
        } else {
            Err(text(output.stderr))
        }
    }

    /// Applies files of the checkout as an installer would.
    pub fn apply(&self, paths: &[&str]) {
        let mut arguments = vec!["apply", "--validate=strict"];
        for path in paths {
            arguments.extend(["-f", path]);
        }
        self.kubectl(&arguments).unwrap();
    }

    pub async fn make_namespace(&self, name: &str, is_leased: bool) {
        let mut labels = json!({});
        if is_leased {
            labels[api::names::LABEL_LEASED] = json!("true");
        }
        let namespace = json!({"metadata": {"name": name, "labels": labels}});
        let namespace: Namespace = serde_json::from_value(namespace).unwrap();
        let api: Api<Namespace> = Api::all(self.client());
        api.create(&PostParams::default(), &namespace)
            .await
            .unwrap();
    }
}

/// A pod with one container that asks for so many CPUs.
pub fn pod(name: &str, cpu: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "c", "image": "none", "resources": {"requests": {"cpu": cpu}}}],
        },
    })
}

pub async fn create_pod(client: &Client, namespace: &str, pod: &Value) -> kube::Result<Pod> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pod: Pod = serde_json::from_value(pod.clone()).unwrap();
    api.create(&PostParams::default(), &pod).await
}

/// Asks whether the API server would take a pod, without making one.
pub async fn try_pod(client: &Client, namespace: &str, pod: &Value) -> kube::Result<Pod> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pod: Pod = serde_json::from_value(pod.clone()).unwrap();
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    api.create(&params, &pod).await
}

pub async fn delete_pod(client: &Client, namespace: &str, name: &str) {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let params = DeleteParams::default().grace_period(0);
    api.delete(name, &params).await.unwrap();
}

pub async fn merge_pod(
    client: &Client,
    namespace: &str,
    name: &str,
    patch: Value,
) -> kube::Result<Pod> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
}

pub async fn remove_gates(client: &Client, namespace: &str, name: &str) -> kube::Result<Pod> {
    let patch = json!([{"op": "remove", "path": "/spec/schedulingGates"}]);
    let patch = Patch::<()>::Json(serde_json::from_value(patch).unwrap());
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    api.patch(name, &PatchParams::default(), &patch).await
}

/// The gates of a pod.
pub fn gates(pod: &Pod) -> Vec<&str> {
    let gates = pod.spec.as_ref().unwrap().scheduling_gates.as_ref();
    gates
        .into_iter()
        .flatten()
        .map(|gate| gate.name.as_str())
        .collect()
}

/// What the API server said no with; it must have.
#[track_caller]
pub fn refusal<T: std::fmt::Debug>(answer: kube::Result<T>) -> String {
    match answer {
        Err(kube::Error::Api(status)) => status.message,
        other => panic!("not refused: {other:?}"),
    }
}

/// A port that nobody uses now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A running `quota-controller`, which ends with its owner, even if that is killed.
pub struct Replica {
    child: Child,
    pub webhook_port: u16,
    pub log: PathBuf,
}

/// Kills the program when the pipe closes that nobody writes to.
const GUARD: &str = r#""$@" <&- & child=$!; read -r line; kill -s KILL "$child""#;

impl Replica {
    pub fn start(
        stage: &Stage,
        name: &str,
        kubeconfig: &Path,
        webhook_port: Option<u16>,
        arguments: &[String],
    ) -> Replica {
        let webhook_port = webhook_port.unwrap_or_else(free_port);
        let log = stage
            .cluster
            .folder()
            .join(format!("quota-controller-{name}.log"));
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&log);
        let file = file.unwrap();
        let child = Command::new("/bin/sh")
            .args(["-c", GUARD, "guard", env!("CARGO_BIN_EXE_quota-controller")])
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(["--identity", name, "--listen-health", "127.0.0.1:0"])
            .args(["--grants-listen", "127.0.0.1:0"])
            .arg(format!("--listen-webhook=127.0.0.1:{webhook_port}"))
            .arg(format!("--webhook-address=127.0.0.1:{webhook_port}"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Replica {
            child,
            webhook_port,
            log,
        }
    }

    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// As if its machine had failed.
    pub fn kill(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The name of an object, for messages.
pub fn named(object: &impl ResourceExt) -> String {
    object.name_any()
}
