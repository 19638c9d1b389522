//! The second model: the lease model's definitions written down again, slowly, one by one.
//!
//! Nothing here is kept up to date: every figure is computed from leases and pods by recursion over the
//! tree whenever somebody asks. It knows the words of the lease model and none of the engine's insides.

pub mod figures;
pub mod holdings;
pub mod reclaim;
pub mod timeline;

use super::world::{Pod, State, World};
use engine::Time;
use engine::spec::PodId;

/// Amounts, one a resource.
pub type Amount = Vec<i64>;

/// What each account's own pods use, by account.
pub type Use = Vec<Amount>;

/// One account as its leases make it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The namespace.
    pub name: String,
    /// Its lessor.
    pub parent: Option<usize>,
    /// Its lessees.
    pub children: Vec<usize>,
    /// What its active leases grant.
    pub granted: Amount,
    /// G(n): the same, scaled if capacity is short.
    pub guarantee: Amount,
    /// The most it may use.
    pub limit: Vec<Option<i64>>,
    /// How much of its idle guarantee others may use.
    pub lend_limit: Vec<Option<i64>>,
    /// The lowest priority ceiling on its path.
    pub ceiling: Option<i32>,
    /// Whether the head of its queue stops all behind it.
    pub strict: bool,
    /// Whether it has leases, but none of them has started.
    pub waits_for_start: bool,
    /// Whether a lease expired with `Drain` and none has begun since: its limit is its guarantee.
    pub drained: bool,
    /// How long its whole units are protected, in milliseconds.
    pub min_runtime: i64,
}

/// The accounts of the pool, the root first.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The number of resources.
    pub resources: usize,
    /// All accounts.
    pub accounts: Vec<Account>,
}

/// Adds amount by amount.
pub fn plus(a: &[i64], b: &[i64]) -> Amount {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// Subtracts amount by amount.
pub fn minus(a: &[i64], b: &[i64]) -> Amount {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// The amount `count` times.
pub fn times(a: &[i64], count: usize) -> Amount {
    let count = i64::try_from(count).expect("few pods");
    a.iter().map(|a| a * count).collect()
}

/// Divides `total` in proportion to `shares`, rounded down, the rest by largest remainders, then by order.
pub fn divide(total: i64, shares: &[i64]) -> Vec<i64> {
    let sum: i128 = shares.iter().map(|&share| i128::from(share)).sum();
    if sum == 0 {
        return vec![0; shares.len()];
    }
    let product = |share: i64| i128::from(total) * i128::from(share);
    let mut parts: Vec<i64> = shares
        .iter()
        .map(|&share| i64::try_from(product(share) / sum).expect("a part of an i64"))
        .collect();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|&i| (-(product(shares[i]) % sum), i));
    let rest = total - parts.iter().sum::<i64>();
    for &i in order.iter().take(usize::try_from(rest).expect("a rest")) {
        parts[i] += 1;
    }
    parts
}

impl Tree {
    /// The account of a namespace.
    pub fn find(&self, name: &str) -> usize {
        let found = self.accounts.iter().position(|a| a.name == name);
        found.unwrap_or_else(|| panic!("{name} has no account"))
    }

    /// The account and its ancestors, the root last.
    pub fn path(&self, account: usize) -> Vec<usize> {
        let mut path = vec![account];
        while let Some(parent) = self.accounts[path[path.len() - 1]].parent {
            path.push(parent);
        }
        path
    }

    /// No use at all.
    pub fn no_use(&self) -> Use {
        vec![vec![0; self.resources]; self.accounts.len()]
    }

    /// The use of all pods that `counts` lets count.
    pub fn use_of(&self, world: &World, counts: impl Fn(&PodId, &Pod) -> bool) -> Use {
        let mut used = self.no_use();
        for (_, pod) in world.pods.iter().filter(|(id, pod)| counts(id, pod)) {
            let account = self.find(&pod.spec.namespace);
            used[account] = plus(&used[account], &pod.request);
        }
        used
    }

    /// What is charged: all that runs or is on its way out, and replicas that their owner made because the
    /// engine granted them.
    pub fn charged(&self, world: &World) -> Use {
        self.use_of(world, |_, pod| match pod.state {
            State::Waiting => pod.spec.workload.is_some(),
            State::Running | State::Leaving => true,
            State::Ended => false,
        })
    }

    /// What will be charged once all that was asked to end has ended.
    pub fn charged_soon(&self, world: &World) -> Use {
        self.use_of(world, |_, pod| match pod.state {
            State::Waiting => pod.spec.workload.is_some(),
            State::Running => true,
            State::Leaving | State::Ended => false,
        })
    }

    /// The use of the account and all below it, summed plainly.
    pub fn subtree_use(&self, used: &Use, account: usize) -> Amount {
        let children = self.accounts[account].children.iter();
        children.fold(used[account].clone(), |sum, &child| {
            plus(&sum, &self.subtree_use(used, child))
        })
    }
}

impl World {
    /// The tree as the leases make it now.
    pub fn tree(&self) -> Tree {
        holdings::tree_at(self, self.now)
    }

    /// Milliseconds a pod has run.
    pub fn runtime(&self, pod: &Pod) -> Option<i64> {
        pod.started.map(|Time(started)| self.now.0 - started)
    }
}
