//! What each account holds at an instant: active leases, transfers, limits, and scaling where capacity is
//! short.

use super::{Account, Amount, Tree, divide, minus, plus};
use crate::support::amount::RESOURCES;
use crate::support::world::World;
use engine::spec::{LeaseKind, LeaseSpec, OnExpiry, Quantities, Queueing, Reserve};
use engine::{Span, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Whether the instant is within the lease's term.
pub fn is_active(lease: &LeaseSpec, at: Time) -> bool {
    lease.start.is_none_or(|start| start <= at) && lease.end.is_none_or(|end| at < end)
}

/// Amounts in the order of the resources.
pub fn amounts(quantities: &Quantities, resources: usize) -> Amount {
    sparse(quantities, resources)
        .into_iter()
        .map(Option::unwrap_or_default)
        .collect()
}

fn sparse(quantities: &Quantities, resources: usize) -> Vec<Option<i64>> {
    let named = RESOURCES[..resources].iter();
    named.map(|&name| quantities.get(name).copied()).collect()
}

/// Capacity now: what is fixed, else the sum of the schedulable nodes.
pub fn capacity(world: &World) -> Amount {
    let of_nodes = world
        .nodes
        .values()
        .filter(|node| node.schedulable)
        .map(|node| amounts(&node.allocatable, world.resources))
        .fold(vec![0; world.resources], |sum, node| plus(&sum, &node));
    let fixed = sparse(&world.pool.capacity, world.resources);
    fixed
        .into_iter()
        .zip(of_nodes)
        .map(|(fixed, of_nodes)| fixed.unwrap_or(of_nodes))
        .collect()
}

/// What may be leased: capacity less reserve.
pub fn leasable(world: &World) -> Amount {
    let reserve = |(name, amount): (&&str, i64)| match world.pool.reserve.get(*name) {
        None => 0,
        Some(Reserve::Amount(reserve)) => *reserve,
        Some(Reserve::Millionths(share)) => {
            let product = i128::from(*share) * i128::from(amount);
            i64::try_from((product + 999_999) / 1_000_000).expect("a part")
        }
    };
    let capacity = capacity(world);
    let reserved: Vec<_> = RESOURCES
        .iter()
        .zip(capacity.clone())
        .map(reserve)
        .collect();
    minus(&capacity, &reserved)
        .into_iter()
        .map(|amount| amount.max(0))
        .collect()
}

/// Whether a namespace has an active lease, or is the root.
pub fn has_account(world: &World, namespace: &str, at: Time) -> bool {
    *namespace == *world.pool.root_namespace
        || world.leases.values().any(|lease| {
            lease.kind == LeaseKind::Sublease && *lease.lessee == *namespace && is_active(lease, at)
        })
}

/// One kind of limit of an account: the sum over its active leases, where any lease at all sets it.
fn summed_limit(
    leases: &[&LeaseSpec],
    at: Time,
    field: fn(&LeaseSpec) -> &Quantities,
    resource: &str,
) -> Option<i64> {
    if leases
        .iter()
        .all(|lease| !field(lease).contains_key(resource))
    {
        return None;
    }
    let of_lease = |lease: &&LeaseSpec| {
        let set = field(lease).get(resource);
        set.or_else(|| lease.guaranteed.get(resource))
            .copied()
            .unwrap_or(0)
    };
    let active = leases.iter().copied().filter(|lease| is_active(lease, at));
    Some(active.map(|lease| of_lease(&lease)).sum())
}

/// The account's limit: that of its active leases; after the last has expired, what it was before.
fn limit(leases: &[&LeaseSpec], at: Time, resource: &str) -> Option<i64> {
    if leases.iter().any(|lease| is_active(lease, at)) {
        return summed_limit(leases, at, |lease| &lease.limit, resource);
    }
    let ended = leases.iter().filter_map(|lease| lease.end);
    let Some(last_end) = ended.filter(|&end| end <= at).max() else {
        return summed_limit(leases, at, |lease| &lease.limit, resource);
    };
    let before = Time(0) + Span(last_end.0 - 1);
    summed_limit(leases, before, |lease| &lease.limit, resource)
}

/// Whether a lease has expired with `Drain` and none has begun since.
fn is_drained(leases: &[&LeaseSpec], at: Time) -> bool {
    let began = |lease: &LeaseSpec| {
        lease
            .start
            .map_or(lease.created, |start| start.max(lease.created))
    };
    let drains = leases
        .iter()
        .filter(|lease| lease.on_expiry == OnExpiry::Drain);
    let ends = drains
        .filter_map(|lease| lease.end)
        .filter(|&end| end <= at);
    ends.into_iter().any(|end| {
        let newer = |lease: &&&LeaseSpec| began(lease) >= end && began(lease) <= at;
        !leases.iter().any(|lease| newer(&lease))
    })
}

/// The tree at an instant, as the leases that the world holds make it.
pub fn tree_at(world: &World, at: Time) -> Tree {
    let mut tree = granted_tree(world, at);
    tree.accounts[0].guarantee = leasable(world);
    tree.accounts[0].granted = leasable(world);
    scale_below(&mut tree, 0);
    for account in tree.accounts.iter_mut().filter(|account| account.drained) {
        account.limit = account.guarantee.iter().copied().map(Some).collect();
    }
    tree
}

/// Names by depth first order, children by name.
fn walk(
    edges: &BTreeMap<&str, BTreeSet<&str>>,
    name: &str,
    parent: Option<usize>,
    tree: &mut Tree,
) {
    let index = tree.accounts.len();
    let empty = vec![0; tree.resources];
    tree.accounts.push(Account {
        name: name.to_string(),
        parent,
        children: Vec::new(),
        granted: empty.clone(),
        guarantee: empty,
        limit: vec![None; tree.resources],
        lend_limit: vec![None; tree.resources],
        ceiling: None,
        strict: false,
        waits_for_start: false,
        drained: false,
        min_runtime: 0,
    });
    if let Some(parent) = parent {
        tree.accounts[parent].children.push(index);
    }
    for child in edges.get(name).into_iter().flatten() {
        walk(edges, child, Some(index), tree);
    }
}

/// The tree with what active leases grant, before any scaling.
pub fn granted_tree(world: &World, at: Time) -> Tree {
    let subleases = || {
        let all = world.leases.values();
        all.filter(|lease| lease.kind == LeaseKind::Sublease)
    };
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for lease in subleases() {
        let lessees = edges.entry(&lease.key.namespace).or_default();
        lessees.insert(&lease.lessee);
    }
    let mut tree = Tree {
        resources: world.resources,
        accounts: Vec::new(),
    };
    walk(&edges, &world.pool.root_namespace, None, &mut tree);
    // To whom nobody leases holds nothing, whatever it leases out or transfers.
    let lessees: BTreeSet<_> = edges.values().flatten().copied().collect();
    let parties = world.leases.values();
    let parties: BTreeSet<&str> = parties
        .flat_map(|lease| [&*lease.key.namespace, &*lease.lessee])
        .collect();
    for name in parties.difference(&lessees) {
        if **name != *world.pool.root_namespace {
            walk(&edges, name, None, &mut tree);
        }
    }
    for index in 1..tree.accounts.len() {
        let name = tree.accounts[index].name.clone();
        let mut leases: Vec<_> = subleases().filter(|l| *l.lessee == name).collect();
        leases.sort_by_key(|lease| (lease.created, lease.key.name.clone()));
        describe(&mut tree, index, &leases, at);
    }
    for transfer in world.leases.values() {
        if transfer.kind == LeaseKind::Transfer && is_active(transfer, at) {
            move_guarantee(&mut tree, transfer);
        }
    }
    tree
}

fn describe(tree: &mut Tree, index: usize, leases: &[&LeaseSpec], at: Time) {
    let resources = tree.resources;
    let inherited = tree.accounts[index]
        .parent
        .and_then(|p| tree.accounts[p].ceiling);
    let account = &mut tree.accounts[index];
    let active: Vec<_> = leases.iter().filter(|lease| is_active(lease, at)).collect();
    for lease in &active {
        account.granted = plus(&account.granted, &amounts(&lease.guaranteed, resources));
    }
    for (resource, name) in RESOURCES[..resources].iter().enumerate() {
        account.limit[resource] = limit(leases, at, name);
        account.lend_limit[resource] = summed_limit(leases, at, |l| &l.lend_limit, name);
    }
    let oldest = active.first().copied().or(leases.last());
    let own_ceiling = oldest.and_then(|lease| lease.max_priority);
    account.ceiling = match (inherited, own_ceiling) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    account.strict = oldest.is_some_and(|lease| lease.queueing == Queueing::StrictFifo);
    account.min_runtime = oldest.map_or(0, |lease| lease.min_runtime.0);
    account.drained = is_drained(leases, at);
    account.waits_for_start = leases.iter().all(|l| l.start.is_some_and(|s| s > at));
}

/// A transfer: down from the lessor to below the lowest common ancestor, up from there to the lessee.
fn move_guarantee(tree: &mut Tree, transfer: &LeaseSpec) {
    let amount = amounts(&transfer.guaranteed, tree.resources);
    let giver = tree.path(tree.find(&transfer.key.namespace));
    let taker = tree.path(tree.find(&transfer.lessee));
    let mut shift = |account: usize, sign: i64| {
        let account = &mut tree.accounts[account];
        for (resource, amount) in amount.iter().enumerate() {
            account.granted[resource] += sign * amount;
            if let Some(limit) = &mut account.limit[resource] {
                *limit += sign * amount;
            }
        }
    };
    giver
        .iter()
        .filter(|a| !taker.contains(a))
        .for_each(|&a| shift(a, -1));
    taker
        .iter()
        .filter(|a| !giver.contains(a))
        .for_each(|&a| shift(a, 1));
}

/// Guarantees below an account: as granted, or in proportion where they do not fit.
fn scale_below(tree: &mut Tree, account: usize) {
    let children = tree.accounts[account].children.clone();
    for resource in 0..tree.resources {
        let granted: Vec<_> = children
            .iter()
            .map(|&child| tree.accounts[child].granted[resource])
            .collect();
        let held = tree.accounts[account].guarantee[resource];
        let fits = granted.iter().sum::<i64>() <= held;
        let scaled = if fits {
            granted
        } else {
            divide(held, &granted)
        };
        for (&child, guarantee) in children.iter().zip(scaled) {
            tree.accounts[child].guarantee[resource] = guarantee;
        }
    }
    for child in children {
        scale_below(tree, child);
    }
}
