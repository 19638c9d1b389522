//! All grants of one leadership: what every plugin has been told, and what is new.

use super::wire::{self, InPool};
use api::grpc::v1::{Account, Grant, Node, Pool, WatchGrantsResponse, Workload};
use engine::grants::{GrantChanges, PoolChanges};
use engine::spec::{Name, PodId};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::broadcast;

/// Changes that a slow listener may be behind before it has to begin again: some seconds of decisions at full rate.
const BACKLOG: usize = 1024;

/// The messages of one revision, in order. Epoch and validity are those of the leader.
pub type Change = Arc<[WatchGrantsResponse]>;

/// All grants at an instant, and what changes after.
#[derive(Debug)]
pub struct Grants {
    /// Everything at this instant.
    pub snapshot: Change,
    /// What changes after, a revision for each decision that changes something.
    pub changes: broadcast::Receiver<Change>,
}

/// A pod that is charged.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    /// The pool in which it is charged.
    pub pool: Name,
    /// What is known of it.
    pub grant: Grant,
}

#[derive(Debug, Default)]
struct PoolBook {
    resources: Vec<String>,
    nodes: BTreeMap<Name, Node>,
    accounts: BTreeMap<Name, Account>,
    workloads: BTreeMap<(Name, Name), Workload>,
    grants: BTreeMap<PodId, Grant>,
}

/// All grants of one leadership.
#[derive(Debug)]
pub struct GrantBook {
    epoch: u64,
    revision: u64,
    pools: BTreeMap<Name, PoolBook>,
    pool_of: FxHashMap<PodId, Name>,
    leased: BTreeSet<Name>,
    news: broadcast::Sender<Change>,
}

impl GrantBook {
    /// A book in which nothing is written.
    pub fn new(epoch: u64) -> GrantBook {
        GrantBook {
            epoch,
            revision: 0,
            pools: BTreeMap::new(),
            pool_of: FxHashMap::default(),
            leased: BTreeSet::new(),
            news: broadcast::Sender::new(BACKLOG),
        }
    }

    /// Writes down what a decision has changed and tells whoever listens. `uid` says which pod the engine means.
    pub fn update(
        &mut self,
        changes: GrantChanges,
        leased: Option<&BTreeSet<Name>>,
        uid: impl Fn(PodId) -> Option<Name>,
    ) {
        let mut message = WatchGrantsResponse::default();
        for pool in &changes.removed_pools {
            if self.pools.remove(pool).is_some() {
                self.pool_of.retain(|_, of| of != pool);
                message.removed_pools.push(pool.to_string());
            }
        }
        for id in changes.ended {
            let pool = self.pool_of.remove(&id);
            let pool = pool.and_then(|pool| self.pools.get_mut(&pool));
            if let Some(grant) = pool.and_then(|pool| pool.grants.remove(&id)) {
                message.removed_grants.push(grant.uid);
            }
        }
        for pool in changes.pools {
            self.update_pool(pool, &mut message, &uid);
        }
        if let Some(leased) = leased {
            let new = leased.difference(&self.leased);
            message.leased_namespaces = new.map(ToString::to_string).collect();
            let freed = self.leased.difference(leased);
            message.freed_namespaces = freed.map(ToString::to_string).collect();
            self.leased.clone_from(leased);
        }
        // A pod that was told to the engine anew, under another identity, has not ended.
        let kept: BTreeSet<&str> = message
            .pools
            .iter()
            .flat_map(|pool| &pool.grants)
            .map(|grant| grant.uid.as_str())
            .collect();
        let removed = std::mem::take(&mut message.removed_grants);
        let removed = removed
            .into_iter()
            .filter(|uid| !kept.contains(uid.as_str()));
        message.removed_grants = removed.collect();
        if wire::is_empty(&message) {
            return;
        }
        self.revision += 1;
        let change = self.sign(wire::split(message), false);
        // Nobody may be listening.
        let _ = self.news.send(change);
    }

    fn update_pool(
        &mut self,
        changes: PoolChanges,
        message: &mut WatchGrantsResponse,
        uid: &impl Fn(PodId) -> Option<Name>,
    ) {
        let is_new = !self.pools.contains_key(&changes.pool);
        let book = self.pools.entry(changes.pool.clone()).or_default();
        let mut told = Pool {
            name: changes.pool.to_string(),
            resources: changes.resources.iter().map(ToString::to_string).collect(),
            ..Pool::default()
        };
        for node in changes.nodes {
            let node_message = wire::node(&node);
            if book.nodes.get(&node.node) != Some(&node_message) {
                told.nodes.push(node_message.clone());
                book.nodes.insert(node.node, node_message);
            }
        }
        for node in changes.removed_nodes {
            if book.nodes.remove(&node).is_some() {
                told.removed_nodes.push(node.to_string());
            }
        }
        for account in changes.accounts {
            let message = wire::account(&account);
            if book.accounts.get(&account.namespace) != Some(&message) {
                told.accounts.push(message.clone());
                book.accounts.insert(account.namespace, message);
            }
        }
        for account in changes.removed_accounts {
            if book.accounts.remove(&account).is_some() {
                told.removed_accounts.push(account.to_string());
            }
        }
        for (namespace, name, surplus) in changes.workloads {
            let message = wire::workload(&namespace, &name, surplus);
            let key = (namespace, name);
            let known = book.workloads.get(&key).map_or(0, |known| known.surplus);
            if known != surplus {
                told.workloads.push(message.clone());
            }
            match surplus {
                0 => book.workloads.remove(&key),
                _ => book.workloads.insert(key, message),
            };
        }
        for (id, grant) in changes.grants {
            let Some(uid) = uid(id) else { continue };
            let message = wire::grant(&uid, &grant);
            if book.grants.get(&id) != Some(&message) {
                told.grants.push(message.clone());
                book.grants.insert(id, message);
                self.pool_of.insert(id, changes.pool.clone());
            }
        }
        if is_new || book.resources != told.resources || wire::is_news(&told) {
            book.resources.clone_from(&told.resources);
            message.pools.push(told);
        }
    }

    /// Everything now, and every change from now on.
    pub fn watch(&self) -> Grants {
        let mut message = WatchGrantsResponse {
            leased_namespaces: self.leased.iter().map(ToString::to_string).collect(),
            ..WatchGrantsResponse::default()
        };
        message.pools = self
            .pools
            .iter()
            .map(|(name, book)| {
                wire::pool(InPool {
                    name,
                    resources: &book.resources,
                    nodes: book.nodes.values(),
                    accounts: book.accounts.values(),
                    workloads: book.workloads.values(),
                    grants: book.grants.values(),
                })
            })
            .collect();
        Grants {
            snapshot: self.sign(wire::split(message), true),
            changes: self.news.subscribe(),
        }
    }

    /// The grant of a pod.
    pub fn granted(&self, pod: PodId) -> Option<Granted> {
        let pool = self.pool_of.get(&pod)?;
        let grant = self.pools.get(pool)?.grants.get(&pod)?;
        Some(Granted {
            pool: pool.clone(),
            grant: grant.clone(),
        })
    }

    fn sign(&self, mut messages: Vec<WatchGrantsResponse>, is_snapshot: bool) -> Change {
        let last = messages.len().saturating_sub(1);
        for (at, message) in messages.iter_mut().enumerate() {
            message.epoch = self.epoch;
            message.revision = self.revision;
            message.valid_for_ms = wire::VALID_FOR_MS;
            message.is_snapshot = is_snapshot;
            message.continues = at < last;
        }
        messages.into()
    }
}
