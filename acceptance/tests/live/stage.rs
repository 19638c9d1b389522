//! One installation that all tests share who do not break it, and a world of its own for each: a pool with its nodes,
//! namespaces that begin with the test's name, a recording.

use acceptance::{Installation, Mode, Result, Setup};
use serde_json::{Value, json};
use std::sync::LazyLock;
use testbed::record::Recording;
use testbed::{NodeGroup, User};
use tokio::runtime::Runtime;

/// The binary that plays Leasehold's programs.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_acceptance");

/// A runtime for an installation.
pub fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap()
}

struct Shared {
    runtime: Runtime,
    installation: Installation,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let runtime = runtime();
    let setup = Setup::new(PROGRAM)
        .mode(Mode::DefaultScheduler)
        .users([User::new("lena", ["retail-admins"])]);
    let installation = runtime.block_on(Installation::start(setup)).unwrap();
    Shared {
        runtime,
        installation,
    }
});

/// What one test has of an installation.
pub struct World<'a> {
    pub installation: &'a Installation,
    /// The name of the pool, and of its root namespace.
    pub name: String,
    recording: Recording,
}

/// Runs a test in a world of `nodes` nodes with `cpu` CPUs each.
pub fn in_world<T>(
    name: &str,
    nodes: usize,
    cpu: &str,
    test: impl AsyncFnOnce(&World) -> Result<T>,
    limits: &[(&str, &str)],
) {
    let shared = &*SHARED;
    shared.runtime.block_on(async {
        let world = World::new(&shared.installation, name, nodes, cpu)
            .await
            .unwrap();
        test(&world).await.unwrap();
        world.judge(limits).await.unwrap();
    });
}

impl<'a> World<'a> {
    /// A pool of these nodes.
    pub async fn new(
        installation: &'a Installation,
        name: &str,
        nodes: usize,
        cpu: &str,
    ) -> Result<World<'a>> {
        let recording = installation.record().await?;
        let group = NodeGroup::new(name, nodes).with("cpu", cpu);
        installation.pool(name, name, json!({})).await?;
        installation.add_nodes(name, group).await?;
        Ok(World {
            installation,
            name: name.to_owned(),
            recording,
        })
    }

    /// A namespace of this test; the empty name is the pool's root.
    pub fn namespace(&self, name: &str) -> String {
        match name {
            "" => self.name.clone(),
            name => format!("{}-{name}", self.name),
        }
    }

    /// A lease from one of this test's namespaces to another.
    pub async fn lease(&self, lessor: &str, lessee: &str, fields: Value) -> Result<()> {
        let mut spec = json!({"pool": self.name});
        for (field, value) in fields.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        let (lessor, lessee) = (self.namespace(lessor), self.namespace(lessee));
        self.installation.lease(&lessor, &lessee, spec).await
    }

    /// A lease object, to be read, changed or deleted.
    pub fn lease_object(&self, lessor: &str, lessee: &str) -> Value {
        json!({
            "apiVersion": "leasehold.dev/v1alpha1",
            "kind": "CapacityLease",
            "metadata": {"name": self.namespace(lessee), "namespace": self.namespace(lessor)},
        })
    }

    /// A pod of one of this test's namespaces.
    pub fn pod(&self, namespace: &str, name: &str, cpu: &str) -> Value {
        acceptance::pod(&self.namespace(namespace), name, cpu)
    }

    /// Pods that are alike, named `NAME-0`, `NAME-1`, ….
    pub async fn pods(&self, namespace: &str, name: &str, count: usize, cpu: &str) -> Result<()> {
        for number in 0..count {
            let pod = self.pod(namespace, &format!("{name}-{number}"), cpu);
            self.installation.create(&pod).await?;
        }
        Ok(())
    }

    /// Waits until so many pods of a namespace run.
    pub async fn until_running(&self, namespace: &str, count: usize) -> Result<()> {
        let namespace = self.namespace(namespace);
        self.installation
            .until(&format!("{count} pods of {namespace} run"), |pods| {
                pods.running(&namespace) == count
            })
            .await
    }

    /// Judges what was recorded: CPU limits of this test's namespaces. And replays the decision logs.
    async fn judge(self, limits: &[(&str, &str)]) -> Result<()> {
        let limits: Vec<(String, &str)> = limits
            .iter()
            .map(|&(namespace, cpu)| (self.namespace(namespace), cpu))
            .collect();
        let limits: Vec<(&str, &str)> = limits
            .iter()
            .map(|(namespace, cpu)| (namespace.as_str(), *cpu))
            .collect();
        self.installation.judge(self.recording, &limits).await?;
        self.installation.replay_all()?;
        Ok(())
    }
}
