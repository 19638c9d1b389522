//! From the engine's words to those of the service.

use api::grpc::v1::{Account, Grant, Node, Pool, WatchGrantsResponse, Workload};
use engine::grants;

/// For so long a plugin may use what it was told if it hears nothing more.
pub(super) const VALID_FOR_MS: u32 = 300_000;

/// Entries in one message: some hundred kilobytes.
const ENTRIES_MAX: usize = 2_000;

fn or_empty(name: Option<&str>) -> String {
    name.unwrap_or_default().to_owned()
}

pub(super) fn node(room: &grants::NodeRoom) -> Node {
    Node {
        name: room.node.to_string(),
        is_earmarked: room.is_earmarked,
        free_beside_earmarks: room.free_beside_earmarks.clone(),
        allocatable: room.mix.allocatable,
        reclaimable: room.mix.reclaimable,
        guaranteed: room.mix.guaranteed,
    }
}

pub(super) fn account(standing: &grants::AccountStanding) -> Account {
    Account {
        namespace: standing.namespace.to_string(),
        parent: or_empty(standing.parent.as_deref()),
        own_borrows: standing.own_borrows,
        whole_borrows: standing.whole_borrows,
        min_runtime_ms: u64::try_from(standing.min_runtime.0).unwrap_or(0),
    }
}

pub(super) fn workload(namespace: &str, name: &str, surplus: u32) -> Workload {
    Workload {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        surplus,
    }
}

pub(super) fn grant(uid: &str, grant: &grants::Grant) -> Grant {
    Grant {
        uid: uid.to_owned(),
        namespace: grant.namespace.to_string(),
        node: or_empty(grant.node.as_deref()),
        request: grant.request.clone(),
        holds: grant.holds,
        is_reclaimable: grant.is_reclaimable,
        workload: or_empty(grant.workload.as_deref()),
        unit_started_ms: grant.unit_started.map(|started| started.0),
    }
}

/// All of a pool.
pub(super) struct InPool<'a, N, A, W, G> {
    pub(super) name: &'a str,
    pub(super) resources: &'a [String],
    pub(super) nodes: N,
    pub(super) accounts: A,
    pub(super) workloads: W,
    pub(super) grants: G,
}

/// All of a pool as a message.
pub(super) fn pool<'a>(
    all: InPool<
        'a,
        impl Iterator<Item = &'a Node>,
        impl Iterator<Item = &'a Account>,
        impl Iterator<Item = &'a Workload>,
        impl Iterator<Item = &'a Grant>,
    >,
) -> Pool {
    Pool {
        name: all.name.to_owned(),
        resources: all.resources.to_vec(),
        nodes: all.nodes.cloned().collect(),
        accounts: all.accounts.cloned().collect(),
        workloads: all.workloads.cloned().collect(),
        grants: all.grants.cloned().collect(),
        ..Pool::default()
    }
}

/// Whether a pool's changes say anything beside its name and resources.
pub(super) fn is_news(pool: &Pool) -> bool {
    !(pool.nodes.is_empty()
        && pool.removed_nodes.is_empty()
        && pool.accounts.is_empty()
        && pool.removed_accounts.is_empty()
        && pool.workloads.is_empty()
        && pool.grants.is_empty())
}

/// Whether a message says nothing.
pub(super) fn is_empty(message: &WatchGrantsResponse) -> bool {
    message.leased_namespaces.is_empty()
        && message.freed_namespaces.is_empty()
        && message.pools.is_empty()
        && message.removed_pools.is_empty()
        && message.removed_grants.is_empty()
}

/// One message as several, none of them large.
pub(super) fn split(mut message: WatchGrantsResponse) -> Vec<WatchGrantsResponse> {
    let pools = std::mem::take(&mut message.pools);
    let mut messages = vec![message];
    let mut room = ENTRIES_MAX;
    for mut pool in pools {
        loop {
            if room == 0 {
                messages.push(WatchGrantsResponse::default());
                room = ENTRIES_MAX;
            }
            // The head of each part says to which pool it belongs.
            let mut part = Pool {
                name: pool.name.clone(),
                resources: pool.resources.clone(),
                ..Pool::default()
            };
            move_some(&mut pool.removed_nodes, &mut part.removed_nodes, &mut room);
            move_some(&mut pool.nodes, &mut part.nodes, &mut room);
            move_some(
                &mut pool.removed_accounts,
                &mut part.removed_accounts,
                &mut room,
            );
            move_some(&mut pool.accounts, &mut part.accounts, &mut room);
            move_some(&mut pool.workloads, &mut part.workloads, &mut room);
            move_some(&mut pool.grants, &mut part.grants, &mut room);
            if let Some(last) = messages.last_mut() {
                last.pools.push(part);
            }
            if !is_news(&pool) && pool.removed_accounts.is_empty() {
                break;
            }
        }
    }
    messages
}

fn move_some<T>(from: &mut Vec<T>, to: &mut Vec<T>, room: &mut usize) {
    let some = from.len().min(*room);
    *room -= some;
    to.extend(from.drain(..some));
}
