//! What a cluster shall be like.

use crate::access::User;
use crate::error::Error;
use crate::scheduler::Scheduler;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What a cluster shall be like. The default has one scheduler, no extender and no node.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its nodes. More can be made later, with [`crate::Cluster::add_nodes`] or as any `Node` object.
    pub nodes: Vec<NodeGroup>,
    /// Its schedulers. More can be started later, with [`crate::Cluster::set_scheduler`].
    pub schedulers: Vec<Scheduler>,
    /// Users beside the administrator. They have no rights until a role is bound to them.
    pub users: Vec<User>,
    /// Whether the API server limits how many requests it works on at once. Off for load tests.
    pub flow_control: bool,
    /// Further arguments of the API server, such as `--feature-gates=…`.
    pub api_server_arguments: Vec<String>,
    /// The longest to wait for any program or node to be ready.
    pub ready_within: Duration,
    /// Where its files are: a folder that does not exist yet or is empty. A temporary one if not set.
    pub folder: Option<PathBuf>,
    /// Keep the folder, with all logs, when the cluster ends. `LEASEHOLD_TESTBED_KEEP=1` does the same.
    pub keep_folder: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            nodes: Vec::new(),
            schedulers: vec![Scheduler::default()],
            users: Vec::new(),
            flow_control: true,
            api_server_arguments: Vec::new(),
            ready_within: Duration::from_secs(120),
            folder: None,
            keep_folder: std::env::var_os("LEASEHOLD_TESTBED_KEEP").is_some_and(|keep| keep == "1"),
        }
    }
}

impl Options {
    /// The default with these nodes.
    pub fn with_nodes(nodes: impl IntoIterator<Item = NodeGroup>) -> Options {
        Options {
            nodes: nodes.into_iter().collect(),
            ..Options::default()
        }
    }

    /// Whether everything in them can be read. [`crate::Cluster::start`] asks this first.
    ///
    /// # Errors
    /// The first thing that cannot.
    pub fn check(&self) -> Result<(), Error> {
        for group in &self.nodes {
            for text in &group.taints {
                crate::nodes::taint(text)?;
            }
            for (resource, amount) in &group.allocatable {
                amount.parse::<api::Quantity>().map_err(|error| {
                    Error::Other(format!(
                        "{resource} {amount:?} of nodes {}: {error}",
                        group.name
                    ))
                })?;
            }
        }
        Ok(())
    }
}

/// Virtual nodes that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeGroup {
    /// How many.
    pub count: usize,
    /// What their names begin with: `node` makes `node-0`, `node-1`, ….
    pub name: String,
    /// What pods can have of each, as quantities by resource.
    pub allocatable: BTreeMap<String, String>,
    /// Labels of each, beside its name, its operating system and its architecture.
    pub labels: BTreeMap<String, String>,
    /// Taints of each, as `key=value:NoSchedule`.
    pub taints: Vec<String>,
}

impl NodeGroup {
    /// So many nodes with 32 CPUs, 256 GiB of memory and room for 110 pods each.
    pub fn new(name: &str, count: usize) -> NodeGroup {
        let group = NodeGroup {
            count,
            name: name.into(),
            allocatable: BTreeMap::new(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
        };
        group
            .with("cpu", "32")
            .with("memory", "256Gi")
            .with("pods", "110")
    }

    /// The same with another amount of a resource, such as `nvidia.com/gpu`.
    #[must_use]
    pub fn with(mut self, resource: &str, amount: &str) -> NodeGroup {
        self.allocatable.insert(resource.into(), amount.into());
        self
    }

    /// The same with one more label.
    #[must_use]
    pub fn labelled(mut self, label: &str, value: &str) -> NodeGroup {
        self.labels.insert(label.into(), value.into());
        self
    }

    /// The same with one more taint, as `key=value:NoSchedule`.
    #[must_use]
    pub fn tainted(mut self, taint: &str) -> NodeGroup {
        self.taints.push(taint.into());
        self
    }
}
