//! A cluster of two nodes of 4 `cpu` with a pool, two leases, a controller, a plugin, and a scheduler that asks it.

use api::{CapacityLease, CapacityPool};
use clap::Parser;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::wait::{Condition, await_condition, conditions};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use scheduler_plugin::Denial;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command};
use std::time::Duration;
use testbed::{Cluster, Extender, ExtenderTls, NodeGroup, Options, Scheduler};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

/// Longer than anything takes that works.
const DEADLINE: Duration = Duration::from_secs(120);

/// The whole installation.
pub struct Live {
    client: Client,
    health: SocketAddr,
    _controller: Ended,
    _plugin: Killed,
    // Last: the programs end before what they talk to.
    _cluster: Cluster,
}

/// A task that ends with its owner.
struct Ended(JoinHandle<()>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A program that ends with its owner.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(DEADLINE, work).await;
    ended.unwrap_or_else(|_| fail(&format!("never: {what}")))
}

#[expect(clippy::panic, reason = "a failing test")]
fn fail(why: &str) -> ! {
    panic!("{why}")
}

impl Live {
    /// Starts all of it and waits until the plugin has heard from the controller.
    pub async fn start() -> Live {
        // Several could be compiled in.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let nodes = NodeGroup::new("node", 2)
            .with("cpu", "4")
            .labelled("leasehold.dev/pool", "general");
        let mut cluster = Cluster::start(Options::with_nodes([nodes]))
            .await
            .expect("a cluster");
        let client = cluster.client();
        define(&client).await;
        lease(&client).await;
        let grants = free_address();
        let controller = start_controller(&cluster, grants);
        let (extender, health) = (free_address(), free_address());
        let plugin = start_plugin(&cluster, grants, extender, health);
        within("the plugin hears from the controller", async {
            // Another process: it can only be asked again.
            let mut looks = tokio::time::interval(Duration::from_millis(50));
            while !get(health, "/readyz")
                .await
                .is_some_and(|page| page.contains("200 OK"))
            {
                looks.tick().await;
            }
        })
        .await;
        let scheduler = cluster.certificate("scheduler").expect("a certificate");
        let extended = Scheduler::default().extended(Extender {
            url_prefix: format!("https://{extender}"),
            filter_verb: Some("filter".to_owned()),
            prioritize_verb: Some("prioritize".to_owned()),
            preempt_verb: Some("preempt".to_owned()),
            weight: Some(1),
            enable_https: true,
            tls_config: Some(ExtenderTls {
                ca_file: Some(cluster.authority()),
                cert_file: Some(scheduler.certificate),
                key_file: Some(scheduler.key),
                ..ExtenderTls::default()
            }),
            node_cache_capable: true,
            ..Extender::default()
        });
        cluster.set_scheduler(&extended).await.expect("a scheduler");
        Live {
            client,
            health,
            _controller: controller,
            _plugin: plugin,
            _cluster: cluster,
        }
    }

    fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Creates a pod.
    pub async fn create(&self, pod: NewPod) {
        let pods = self.pods(&pod.namespace);
        let object = serde_json::from_value(pod.object).expect("a pod");
        pods.create(&PostParams::default(), &object)
            .await
            .expect("it is created");
    }

    /// Deletes a pod.
    pub async fn delete(&self, namespace: &str, name: &str) {
        let pods = self.pods(namespace);
        let deleted = pods
            .delete(name, &DeleteParams::default().grace_period(0))
            .await;
        deleted.expect("it is deleted");
    }

    async fn wait(&self, namespace: &str, name: &str, what: &str, is_so: impl Condition<Pod>) {
        let waited = await_condition(self.pods(namespace), name, is_so);
        let waited = within(&format!("{namespace}/{name} {what}"), waited).await;
        waited.expect("a watch");
    }

    /// Waits until it has a node.
    pub async fn is_bound(&self, namespace: &str, name: &str) {
        self.wait(namespace, name, "is bound", |pod: Option<&Pod>| {
            node_of(pod).is_some()
        })
        .await;
    }

    /// Waits until it has this node.
    pub async fn is_bound_to(&self, namespace: &str, name: &str, node: &str) {
        let expected = Some(node.to_owned());
        let is_so = |pod: Option<&Pod>| node_of(pod) == expected;
        self.wait(namespace, name, &format!("is bound to {node}"), is_so)
            .await;
    }

    /// Waits until the scheduler says with our words that it may not go.
    pub async fn is_denied(&self, namespace: &str, name: &str, denial: Denial) {
        let is_so = |pod: Option<&Pod>| {
            let conditions = pod
                .and_then(|pod| pod.status.as_ref())
                .and_then(|status| status.conditions.as_ref());
            conditions.into_iter().flatten().any(|condition| {
                condition.type_ == "PodScheduled"
                    && condition.status == "False"
                    && condition
                        .message
                        .as_ref()
                        .is_some_and(|text| text.contains(denial.text()))
            })
        };
        self.wait(
            namespace,
            name,
            &format!("is denied: {}", denial.text()),
            is_so,
        )
        .await;
    }

    /// Waits until all pods of a namespace on one node are asked to end.
    pub async fn node_that_is_cleared(&self, namespace: &str) -> String {
        self.watch(namespace, "a node is cleared", |pods| {
            let leaving = |pod: &&Pod| pod.metadata.deletion_timestamp.is_some();
            let node = pods
                .iter()
                .find(leaving)
                .and_then(|pod| node_of(Some(pod)))?;
            let mut there = pods
                .iter()
                .filter(|pod| node_of(Some(pod)).as_ref() == Some(&node));
            there.all(|pod| leaving(&pod)).then_some(node)
        })
        .await
    }

    /// Waits until no more than `left` pods of a namespace are on a node.
    pub async fn is_gone_from(&self, namespace: &str, node: &str, left: usize) {
        self.watch(namespace, "pods have ended", |pods| {
            let there = pods
                .iter()
                .filter(|pod| node_of(Some(pod)).as_deref() == Some(node));
            (there.count() <= left).then_some(())
        })
        .await;
    }

    /// Looks at all pods of a namespace at each change.
    async fn watch<T>(&self, namespace: &str, what: &str, look: impl Fn(&[Pod]) -> Option<T>) -> T {
        let pods = self.pods(namespace);
        within(what, async {
            let changes = watcher(pods.clone(), watcher::Config::default()).touched_objects();
            let mut changes = std::pin::pin!(changes);
            loop {
                let now = pods
                    .list(&ListParams::default())
                    .await
                    .expect("a list")
                    .items;
                if let Some(found) = look(&now) {
                    return found;
                }
                let _ = futures::StreamExt::next(&mut changes).await;
            }
        })
        .await
    }

    /// A number that the plugin counts.
    pub async fn metric(&self, name: &str) -> u64 {
        let page = get(self.health, "/metrics").await.expect("a page");
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse().ok())
            .expect(name)
    }
}

fn node_of(pod: Option<&Pod>) -> Option<String> {
    pod?.spec.as_ref()?.node_name.clone()
}

async fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: plugin\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).await.ok()?;
    Some(page)
}

async fn define(client: &Client) {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in api::crd::definitions() {
        let name = definition.name_any();
        let created = definitions
            .create(&PostParams::default(), &definition)
            .await;
        created.expect("a definition");
        let established = conditions::is_crd_established();
        let waited = await_condition(definitions.clone(), &name, established);
        within("the definition is established", waited)
            .await
            .expect("a watch");
    }
}

async fn lease(client: &Client) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for name in ["enterprise", "team", "other"] {
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}}));
        let created = namespaces
            .create(&PostParams::default(), &namespace.expect("a namespace"))
            .await;
        created.expect("a namespace");
    }
    let pools: Api<CapacityPool> = Api::all(client.clone());
    let pool = json!({
        "apiVersion": "leasehold.dev/v1alpha1",
        "kind": "CapacityPool",
        "metadata": {"name": "general"},
        "spec": {
            "nodeSelector": {"matchLabels": {"leasehold.dev/pool": "general"}},
            "resources": ["cpu"],
            "rootNamespace": "enterprise",
        },
    });
    let pool = serde_json::from_value(pool).expect("a pool");
    pools
        .create(&PostParams::default(), &pool)
        .await
        .expect("a pool");
    let leases: Api<CapacityLease> = Api::namespaced(client.clone(), "enterprise");
    for (lessee, limit) in [("team", Some("4")), ("other", None)] {
        let mut spec = json!({"pool": "general", "lessee": lessee, "guaranteed": {"cpu": "4"}});
        if let Some(limit) = limit {
            spec["limit"] = json!({ "cpu": limit });
        }
        let lease = json!({
            "apiVersion": "leasehold.dev/v1alpha1",
            "kind": "CapacityLease",
            "metadata": {"name": lessee},
            "spec": spec,
        });
        let lease = serde_json::from_value(lease).expect("a lease");
        leases
            .create(&PostParams::default(), &lease)
            .await
            .expect("a lease");
    }
}

fn start_controller(cluster: &Cluster, grants: SocketAddr) -> Ended {
    let files = cluster.certificate("controller").expect("a certificate");
    let text = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
    let kubeconfig = text(&cluster.administrator().kubeconfig);
    let arguments = [
        "quota-controller",
        "--kubeconfig",
        &kubeconfig,
        "--admission=off",
        "--namespace=default",
        "--listen-health=127.0.0.1:0",
        "--grants-listen",
        &grants.to_string(),
        "--grants-cert",
        &text(&files.certificate),
        "--grants-key",
        &text(&files.key),
        "--grants-client-ca",
        &text(&cluster.authority()),
    ];
    let cli = quota_controller::cli::Cli::parse_from(arguments);
    Ended(tokio::spawn(async move {
        if let Err(error) = quota_controller::run::run(cli).await {
            eprintln!("the controller ended: {error}");
        }
    }))
}

fn start_plugin(
    cluster: &Cluster,
    grants: SocketAddr,
    extender: SocketAddr,
    health: SocketAddr,
) -> Killed {
    let files = cluster.certificate("plugin").expect("a certificate");
    let authority = cluster.authority();
    let log = std::fs::File::create(cluster.folder().join("scheduler-plugin.log")).expect("a file");
    let plugin = Command::new(env!("CARGO_BIN_EXE_scheduler-plugin"))
        .args(["--controller", &format!("https://{grants}")])
        .arg("--controller-ca")
        .arg(&authority)
        .arg("--controller-cert")
        .arg(&files.certificate)
        .arg("--controller-key")
        .arg(&files.key)
        .args([
            "--listen",
            &extender.to_string(),
            "--health-listen",
            &health.to_string(),
        ])
        .arg("--tls-cert")
        .arg(&files.certificate)
        .arg("--tls-key")
        .arg(&files.key)
        .arg("--client-ca")
        .arg(&authority)
        .stderr(log)
        .spawn();
    Killed(plugin.expect("the program starts"))
}

/// A pod to be.
pub struct NewPod {
    namespace: String,
    object: Value,
}

/// A pod that asks for some `cpu`.
pub fn pod(namespace: &str, name: &str, cpu: &str) -> NewPod {
    NewPod {
        namespace: namespace.to_owned(),
        object: json!({
            "metadata": {"name": name, "annotations": {}},
            "spec": {
                "containers": [{
                    "name": "main",
                    "image": "none",
                    "resources": {"requests": {"cpu": cpu}},
                }],
            },
        }),
    }
}

impl NewPod {
    /// It waits at a gate.
    pub fn gated(mut self, gate: &str) -> NewPod {
        self.object["spec"]["schedulingGates"] = json!([{ "name": gate }]);
        self
    }

    /// It has an annotation.
    pub fn annotated(mut self, name: &str, value: &str) -> NewPod {
        self.object["metadata"]["annotations"][name] = json!(value);
        self
    }

    /// It may go to one node only.
    pub fn on(mut self, node: &str) -> NewPod {
        self.object["spec"]["nodeSelector"] = json!({ "kubernetes.io/hostname": node });
        self
    }
}
