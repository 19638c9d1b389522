//! Taking over what a controller says.

use super::standings::Standing;
use super::{Book, Held, NodeIndex, NodeSlot, PoolNumber};
use api::grpc::v1::{self, WatchGrantsResponse};
use engine::grants::{AccountStanding, Grant, NodeRoom};
use engine::score::NodeMix;
use engine::spec::Name;
use engine::{Span, Time};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// What only the writer needs.
#[derive(Debug, Default)]
pub(super) struct Writer {
    revision: u64,
    pools: FxHashMap<Box<str>, PoolNumber>,
    /// Pools that were numbered so far.
    numbered: PoolNumber,
}

/// All messages of one revision.
#[derive(Debug, Default)]
pub struct Revision {
    messages: Vec<WatchGrantsResponse>,
}

/// What became of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is known now.
    New,
    /// It was known already.
    Known,
    /// It comes from one who leads no longer.
    Stale,
}

impl Revision {
    /// Adds a message. Returns the revision when this was its last one.
    pub fn add(&mut self, message: WatchGrantsResponse) -> Option<Revision> {
        let is_last = !message.continues;
        self.messages.push(message);
        is_last.then(|| std::mem::take(self))
    }

    /// The epoch of its leader.
    pub fn epoch(&self) -> u64 {
        self.messages.first().map_or(0, |message| message.epoch)
    }
}

impl Book {
    /// Takes over a revision that has arrived now. What is older than what is known changes nothing.
    pub fn apply(&self, revision: Revision, now: Instant) -> Applied {
        let Some(first) = revision.messages.first() else {
            return Applied::Known;
        };
        let (epoch, number, is_snapshot) = (first.epoch, first.revision, first.is_snapshot);
        let valid_for = Duration::from_millis(first.valid_for_ms.into());
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.epoch();
        // Changes make sense only to who has their leader's snapshot.
        let is_start = epoch > known || !self.has_heard();
        if epoch < known || (is_start && !is_snapshot) {
            return Applied::Stale;
        }
        let is_new = is_start || number > writer.revision;
        if is_new {
            if is_snapshot {
                self.drop_others(&revision, &mut writer);
            }
            for message in &revision.messages {
                self.apply_message(message, &mut writer);
            }
            writer.revision = number;
        }
        let until = self.millis(now + valid_for);
        self.until.store(until, Ordering::Release);
        self.epoch.store(epoch, Ordering::Release);
        self.has_heard.store(true, Ordering::Release);
        self.changes.send_modify(|changes| *changes += 1);
        if is_new { Applied::New } else { Applied::Known }
    }

    /// Takes over what `Reserve` has granted. Nothing if it comes from one who leads no longer.
    pub fn reserved(&self, epoch: u64, reserved: v1::Reserved, now: Instant) -> Option<Arc<Held>> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = reserved.grant?;
        if epoch < self.epoch() {
            return None;
        }
        let uid = grant.uid.as_str().into();
        let held = Arc::new(Held {
            pool: writer.pool(&reserved.pool),
            grant: read_grant(grant),
            epoch,
            until: self.millis(now + Duration::from_millis(reserved.valid_for_ms.into())),
        });
        self.grants.insert(uid, held.clone());
        Some(held)
    }

    /// A snapshot drops all that it does not name.
    fn drop_others(&self, revision: &Revision, writer: &mut Writer) {
        let pools = || revision.messages.iter().flat_map(|message| &message.pools);
        let uids: FxHashSet<&str> = pools()
            .flat_map(|pool| &pool.grants)
            .map(|grant| grant.uid.as_str())
            .collect();
        self.grants.retain(|uid, _| uids.contains(&**uid));
        let named: FxHashSet<&str> = pools().map(|pool| pool.name.as_str()).collect();
        writer.pools.retain(|name, _| named.contains(&**name));
        let nodes: FxHashSet<&str> = pools()
            .flat_map(|pool| &pool.nodes)
            .map(|node| node.name.as_str())
            .collect();
        self.keep_nodes(|name, _| nodes.contains(name));
        let mut standings = self
            .standings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        standings.clear();
        drop(standings);
        // At once: a leased namespace must not look free for a moment.
        let messages = revision.messages.iter();
        let leased = messages.flat_map(|message| &message.leased_namespaces);
        let leased = leased.map(|namespace| namespace.as_str().into()).collect();
        self.leased.store(Arc::new(leased));
    }

    fn apply_message(&self, message: &WatchGrantsResponse, writer: &mut Writer) {
        if !(message.leased_namespaces.is_empty() && message.freed_namespaces.is_empty()) {
            let mut leased = FxHashSet::clone(&self.leased.load());
            for namespace in &message.freed_namespaces {
                leased.remove(namespace.as_str());
            }
            let new = message.leased_namespaces.iter();
            leased.extend(new.map(|namespace| namespace.as_str().into()));
            self.leased.store(Arc::new(leased));
        }
        for uid in &message.removed_grants {
            self.grants.remove(uid.as_str());
        }
        for pool in &message.removed_pools {
            if let Some(pool) = writer.pools.remove(pool.as_str()) {
                self.keep_nodes(|_, slot| slot.pool() != pool);
                let mut standings = self
                    .standings
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                standings.remove(&pool);
                drop(standings);
                let mut resources = FxHashMap::clone(&self.resources.load());
                resources.remove(&pool);
                self.resources.store(Arc::new(resources));
            }
        }
        // Nodes leave their pools before they join others.
        for pool in &message.pools {
            let number = writer.pool(&pool.name);
            if !pool.removed_nodes.is_empty() {
                let gone: FxHashSet<&str> = pool.removed_nodes.iter().map(String::as_str).collect();
                self.keep_nodes(|name, slot| slot.pool() != number || !gone.contains(name));
            }
        }
        for pool in &message.pools {
            let number = writer.pool(&pool.name);
            self.set_resources(number, &pool.resources);
            self.set_nodes(number, &pool.nodes);
            self.set_standings(number, pool);
            for grant in &pool.grants {
                let uid = grant.uid.as_str().into();
                let held = Held {
                    grant: read_grant(grant.clone()),
                    pool: number,
                    epoch: message.epoch,
                    until: 0,
                };
                self.grants.insert(uid, Arc::new(held));
            }
        }
    }

    fn set_resources(&self, pool: PoolNumber, names: &[String]) {
        let known = self.resources.load();
        if known.get(&pool).is_some_and(|known| **known == *names) {
            return;
        }
        let mut new = FxHashMap::clone(&known);
        new.insert(pool, names.into());
        self.resources.store(Arc::new(new));
    }

    fn set_nodes(&self, pool: PoolNumber, nodes: &[v1::Node]) {
        let index = self.nodes.load_full();
        let mut new: Option<NodeIndex> = None;
        for node in nodes {
            let room = read_node(node);
            let is_earmarked = room.is_earmarked;
            let was_earmarked = match index.get(node.name.as_str()) {
                Some(slot) => {
                    let was = slot.is_earmarked();
                    slot.set(pool, room);
                    was
                }
                None => {
                    let slot = Arc::new(NodeSlot::new(pool, room));
                    let new = new.get_or_insert_with(|| NodeIndex::clone(&index));
                    let old = new.insert(node.name.as_str().into(), slot);
                    old.is_some_and(|old| old.is_earmarked())
                }
            };
            match (was_earmarked, is_earmarked) {
                (false, true) => self.earmarked.fetch_add(1, Ordering::AcqRel),
                (true, false) => self.earmarked.fetch_sub(1, Ordering::AcqRel),
                _ => 0,
            };
        }
        if let Some(new) = new {
            self.nodes.store(Arc::new(new));
        }
    }

    fn keep_nodes(&self, keep: impl Fn(&str, &NodeSlot) -> bool) {
        let mut index = NodeIndex::clone(&self.nodes.load());
        index.retain(|name, slot| keep(name, slot));
        let earmarked = index.values().filter(|slot| slot.is_earmarked()).count();
        self.earmarked.store(earmarked, Ordering::Release);
        self.nodes.store(Arc::new(index));
    }

    fn set_standings(&self, number: PoolNumber, pool: &v1::Pool) {
        let is_same = pool.accounts.is_empty()
            && pool.removed_accounts.is_empty()
            && pool.workloads.is_empty();
        if is_same {
            return;
        }
        let mut standings = self
            .standings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Standing { accounts, surplus } = standings.entry(number).or_default();
        for account in &pool.removed_accounts {
            accounts.remove(account.as_str());
        }
        for account in &pool.accounts {
            let standing = read_account(account);
            accounts.insert(standing.namespace.clone(), standing);
        }
        for workload in &pool.workloads {
            let key = (
                workload.namespace.as_str().into(),
                workload.name.as_str().into(),
            );
            match workload.surplus {
                0 => surplus.remove(&key),
                above => surplus.insert(key, above),
            };
        }
    }
}

impl Writer {
    fn pool(&mut self, name: &str) -> PoolNumber {
        if let Some(&number) = self.pools.get(name) {
            return number;
        }
        self.numbered += 1;
        self.pools.insert(name.into(), self.numbered);
        self.numbered
    }
}

fn optional(name: &str) -> Option<Name> {
    (!name.is_empty()).then(|| name.into())
}

fn read_grant(grant: v1::Grant) -> Grant {
    Grant {
        namespace: grant.namespace.as_str().into(),
        node: optional(&grant.node),
        request: grant.request,
        holds: grant.holds,
        is_reclaimable: grant.is_reclaimable,
        workload: optional(&grant.workload),
        unit_started: grant.unit_started_ms.map(Time),
    }
}

fn read_node(node: &v1::Node) -> NodeRoom {
    NodeRoom {
        node: node.name.as_str().into(),
        is_earmarked: node.is_earmarked,
        free_beside_earmarks: node.free_beside_earmarks.clone(),
        mix: NodeMix {
            allocatable: node.allocatable,
            reclaimable: node.reclaimable,
            guaranteed: node.guaranteed,
        },
    }
}

fn read_account(account: &v1::Account) -> AccountStanding {
    AccountStanding {
        namespace: account.namespace.as_str().into(),
        parent: optional(&account.parent),
        own_borrows: account.own_borrows,
        whole_borrows: account.whole_borrows,
        min_runtime: Span(i64::try_from(account.min_runtime_ms).unwrap_or(i64::MAX)),
    }
}
