//! What a plugin is told, in few words.

use api::grpc::v1::{Account, Grant, Node, Pool, WatchGrantsResponse, Workload};
use scheduler_plugin::Plugin;
use scheduler_plugin::book::Revision;
use std::time::Instant;

/// What a controller tells.
#[derive(Default)]
pub struct Told {
    /// The pool `general`.
    pub general: Pool,
    /// Other pools.
    pub others: Vec<Pool>,
    /// Leased namespaces.
    pub leased: Vec<String>,
}

impl Told {
    /// The namespace is leased, below the root.
    pub fn account(mut self, namespace: &str, own_borrows: u32, whole_borrows: u32) -> Told {
        let parent = if namespace == "root" { "" } else { "root" };
        self.leased.push(namespace.to_owned());
        self.general.accounts.push(Account {
            namespace: namespace.to_owned(),
            parent: parent.to_owned(),
            own_borrows,
            whole_borrows,
            min_runtime_ms: 0,
        });
        self
    }

    /// A node of the pool with some millicores free beside what is kept there.
    pub fn node(mut self, name: &str, is_earmarked: bool, free: i64) -> Told {
        self.general.nodes.push(Node {
            name: name.to_owned(),
            is_earmarked,
            free_beside_earmarks: vec![free],
            allocatable: 4000,
            reclaimable: 0,
            guaranteed: 0,
        });
        self
    }

    /// What runs on the last node.
    pub fn mix(mut self, reclaimable: i64, guaranteed: i64) -> Told {
        let node = self.general.nodes.last_mut().expect("a node before");
        (node.reclaimable, node.guaranteed) = (reclaimable, guaranteed);
        self
    }

    /// A pod of 500 millicores that is charged.
    pub fn grant(mut self, namespace: &str, uid: &str, node: &str) -> Told {
        self.general.grants.push(Grant {
            uid: uid.to_owned(),
            namespace: namespace.to_owned(),
            node: node.to_owned(),
            request: vec![500],
            holds: 1,
            ..Grant::default()
        });
        self
    }

    /// The last pod is a replica of an elastic workload that can spare so many.
    pub fn replica_of(mut self, workload: &str, surplus: u32) -> Told {
        let grant = self.general.grants.last_mut().expect("a pod before");
        grant.workload = workload.to_owned();
        grant.is_reclaimable = true;
        self.general.workloads.push(Workload {
            namespace: grant.namespace.clone(),
            name: workload.to_owned(),
            surplus,
        });
        self
    }

    /// A node of another pool.
    pub fn other_pool(mut self, pool: &str, node: &str) -> Told {
        self.others.push(Pool {
            name: pool.to_owned(),
            nodes: vec![Node {
                name: node.to_owned(),
                ..Node::default()
            }],
            ..Pool::default()
        });
        self
    }

    /// Tells it.
    pub fn tell(self, plugin: &Plugin) {
        let mut pools = self.others;
        pools.push(Pool {
            name: "general".to_owned(),
            resources: vec!["cpu".to_owned()],
            ..self.general
        });
        let message = WatchGrantsResponse {
            epoch: 1,
            revision: 1,
            valid_for_ms: 300_000,
            is_snapshot: true,
            leased_namespaces: self.leased,
            pools,
            ..WatchGrantsResponse::default()
        };
        let revision = Revision::default().add(message).expect("one message");
        plugin.book.apply(revision, Instant::now());
    }
}
