//! Nothing is leased twice, looked up at every instant at which anything changes.

use super::holdings::{granted_tree, has_account, is_active, leasable};
use crate::support::world::World;
use engine::Time;
use engine::spec::{LeaseKey, LeaseKind, LeaseSpec};

/// All instants from now on at which a term begins or ends.
fn instants(world: &World) -> Vec<Time> {
    let bounds = world
        .leases
        .values()
        .flat_map(|lease| [lease.start, lease.end]);
    let later = bounds.flatten().filter(|&at| at > world.now);
    later.chain([world.now]).collect()
}

/// What is leased out at an instant without being held: by account and resource.
fn missing_at(world: &World, at: Time) -> Vec<(String, usize, i64)> {
    let tree = granted_tree(world, at);
    let mut missing = Vec::new();
    for (n, account) in tree.accounts.iter().enumerate() {
        let held = match n {
            0 => leasable(world),
            _ => account.granted.clone(),
        };
        for (resource, held) in held.into_iter().enumerate() {
            let children = account.children.iter();
            let leased: i64 = children.map(|&c| tree.accounts[c].granted[resource]).sum();
            missing.push((account.name.clone(), resource, (leased - held).max(0)));
        }
    }
    missing
}

/// Whether more is missing after a change than before, at any instant from now on.
pub fn adds(before: &World, after: &World) -> bool {
    let instants = instants(before).into_iter().chain(instants(after));
    instants.into_iter().any(|at| {
        let before = missing_at(before, at);
        let was = |name: &String, resource| {
            let same = before.iter().find(|m| m.0 == *name && m.1 == resource);
            same.map_or(0, |m| m.2)
        };
        missing_at(after, at)
            .iter()
            .any(|(name, resource, missing)| *missing > was(name, *resource))
    })
}

/// Whether nothing at all is missing, at any instant from now on.
pub fn is_sound(world: &World) -> bool {
    let mut instants = instants(world).into_iter();
    instants.all(|at| missing_at(world, at).iter().all(|m| m.2 == 0))
}

/// Transfers whose lessee is without an active lease at some instant of what is left of their term.
pub fn without_account(world: &World) -> Vec<LeaseKey> {
    // What renews is taken to go on; if that fails, the transfer ends with it.
    let renews = |lessee: &str, at: Time| {
        world.leases.values().any(|lease| {
            let begun = lease.start.is_none_or(|start| start <= at);
            let goes_on = lease.renew && begun && lease.end.is_none_or(|end| end > world.now);
            lease.kind == LeaseKind::Sublease && *lease.lessee == *lessee && goes_on
        })
    };
    let instants = instants(world);
    let lacks = |transfer: &&LeaseSpec| {
        let mut within = instants.iter().chain(&transfer.start).copied();
        within.any(|at| {
            at >= world.now
                && is_active(transfer, at)
                && !has_account(world, &transfer.lessee, at)
                && !renews(&transfer.lessee, at)
        })
    };
    let transfers = world.leases.values();
    let transfers = transfers.filter(|lease| lease.kind == LeaseKind::Transfer);
    transfers.filter(lacks).map(|t| t.key.clone()).collect()
}

/// Whether the change from one set of leases to another must be refused.
pub fn forbids(before: &World, after: &World) -> bool {
    let were = without_account(before);
    let newly = without_account(after)
        .into_iter()
        .any(|key| !were.contains(&key));
    adds(before, after) || newly
}

/// Renews what ends now, parents first, then by creation, each if nothing is leased twice by it.
pub fn renew(world: &mut World) {
    let tree = granted_tree(world, world.now);
    let depth = |lease: &LeaseSpec| tree.path(tree.find(&lease.lessee)).len();
    let ends = |lease: &&LeaseSpec| lease.renew && lease.end == Some(world.now);
    let mut ending: Vec<_> = world.leases.values().filter(ends).cloned().collect();
    ending.sort_by_key(|lease| (depth(lease), lease.created, lease.key.clone()));
    for mut lease in ending {
        let Some(end) = lease.end else { continue };
        lease.end = Some(end + world.terms[&lease.key]);
        let mut renewed = world.books();
        renewed.leases.insert(lease.key.clone(), lease.clone());
        if !forbids(world, &renewed) {
            world.leases.insert(lease.key.clone(), lease);
        }
    }
}

/// Ends the transfers whose lessee's renewal has lapsed.
pub fn end_lapsed(world: &mut World) {
    let now = world.now;
    let lessees: Vec<_> = world
        .leases
        .values()
        .map(|lease| lease.lessee.clone())
        .collect();
    for lessee in lessees
        .iter()
        .filter(|lessee| !has_account(world, lessee, now))
        .cloned()
        .collect::<Vec<_>>()
    {
        let transfers = world.leases.values_mut().filter(|lease| {
            lease.kind == LeaseKind::Transfer && lease.lessee == lessee && is_active(lease, now)
        });
        transfers.for_each(|transfer| transfer.end = Some(now));
    }
}
