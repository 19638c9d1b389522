//! The account tree as numbers.

use super::Pool;
use super::records::Kind;
use crate::UNLIMITED;
use crate::ids::AccountId;
use crate::lease::AccountState;
use crate::snapshot::{AccountFigures, PoolFigures, Position, ResourceFigures};
use crate::tree::{Place, ROOT, View};

impl Pool {
    /// All accounts, the root first, then depth first by name. Costs the whole tree.
    pub(crate) fn figures(&self) -> PoolFigures {
        let order = self.tree.in_order();
        let mut resources: Vec<Vec<ResourceFigures>> = vec![Vec::new(); self.tree.len()];
        for resource in 0..self.tree.resources() {
            let lent = self.lent(&order, resource);
            let subtree = self.subtree_use(&order, resource);
            for &id in &order {
                resources[id.at()].push(self.figures_of(
                    id,
                    resource,
                    lent[id.at()],
                    subtree[id.at()],
                ));
            }
        }
        let accounts = order
            .iter()
            .map(|&id| {
                let account = self.tree.account(id);
                let figures = std::mem::take(&mut resources[id.at()]);
                AccountFigures {
                    namespace: account.name.clone(),
                    parent: account
                        .parent
                        .map(|parent| self.tree.account(parent).name.clone()),
                    depth: account.depth,
                    resources: self.spec.resources.iter().cloned().zip(figures).collect(),
                    state: match account.terms.state {
                        AccountState::Scheduled => "Scheduled",
                        AccountState::Active => "Active",
                        AccountState::Draining => "Draining",
                        AccountState::Expired => "Expired",
                    },
                }
            })
            .collect();
        PoolFigures {
            pool: self.spec.name.clone(),
            accounts,
        }
    }

    /// The same accounts in the same order, resource by resource, with what changes most often.
    pub(crate) fn positions(&self, told: &mut Vec<Position>) {
        let order = self.tree.in_order();
        let resources = self.tree.resources();
        let first = told.len();
        told.resize(first + order.len() * resources, Position::default());
        for resource in 0..resources {
            let lent = self.lent(&order, resource);
            for (n, &id) in order.iter().enumerate() {
                told[first + n * resources + resource] =
                    self.position_of(id, resource, lent[id.at()].0);
            }
        }
    }

    fn position_of(&self, id: AccountId, resource: usize, lent: i64) -> Position {
        let limit = self.tree.account(id).terms.limit[resource];
        let pending = self
            .queue_of(id)
            .and_then(|queue| queue.pending.as_ref())
            .map_or(0, |pending| pending[resource]);
        let earmarked: i64 = self
            .earmarked
            .iter()
            .filter_map(|index| self.requests.get(index.0))
            .filter(|request| request.account == id && !matches!(request.kind, Kind::Step(_)))
            .map(|request| request.total[resource])
            .sum();
        Position {
            guaranteed: self.tree.guarantee(id, resource),
            limit: (limit < UNLIMITED && id != ROOT).then_some(limit),
            used: self.tree.own_use(View::Now, id, resource),
            borrowed: self.tree.borrowed_at(View::Now, Place::Whole(id), resource),
            lent,
            pending: pending + earmarked,
        }
    }

    fn figures_of(
        &self,
        id: AccountId,
        resource: usize,
        (lent, own_lent): (i64, i64),
        subtree: i64,
    ) -> ResourceFigures {
        let Position {
            guaranteed,
            limit,
            used,
            borrowed,
            lent,
            pending,
        } = self.position_of(id, resource, lent);
        let lend_limit = self.tree.account(id).terms.lend_limit[resource];
        ResourceFigures {
            guaranteed,
            limit,
            lend_limit: (lend_limit < UNLIMITED && id != ROOT).then_some(lend_limit),
            used,
            subtree_used: subtree,
            kept_back: self.tree.kept(id, resource),
            available: self.tree.available(View::Now, id, resource).max(0),
            potential: self.tree.potential(id, resource).max(0),
            borrowed,
            lent,
            own_lent,
            pending,
        }
    }

    /// Plain sums of use over each subtree.
    fn subtree_use(&self, order: &[AccountId], resource: usize) -> Vec<i64> {
        let mut sums = vec![0; self.tree.len()];
        for &id in order.iter().rev() {
            sums[id.at()] += self.tree.own_use(View::Now, id, resource);
            if let Some(parent) = self.tree.account(id).parent {
                sums[parent.at()] += sums[id.at()];
            }
        }
        sums
    }

    /// What each subtree lends, and its own part's share in that: at each level what the children borrow
    /// without it coming from above, plus what the level itself lends, split over what is idle.
    fn lent(&self, order: &[AccountId], resource: usize) -> Vec<(i64, i64)> {
        let mut lent = vec![(0, 0); self.tree.len()];
        for &level in order {
            let account = self.tree.account(level);
            let places = || {
                std::iter::once(Place::Own(level))
                    .chain(account.children.iter().map(|&id| Place::Whole(id)))
            };
            let borrowed: i64 = places()
                .map(|place| self.tree.borrowed_at(View::Now, place, resource))
                .sum();
            let from_above = self
                .tree
                .borrowed_at(View::Now, Place::Whole(level), resource);
            let total = (borrowed - from_above).max(0) + lent[level.at()].0;
            if total == 0 {
                continue;
            }
            let idle: Vec<i64> = places().map(|place| self.idle(place, resource)).collect();
            let shares = split(total, &idle);
            for (place, share) in places().zip(shares) {
                match place {
                    Place::Own(id) => lent[id.at()].1 = share,
                    Place::Whole(id) => lent[id.at()].0 = share,
                }
            }
        }
        lent
    }

    /// What of a place's holding is idle and may be lent.
    fn idle(&self, place: Place, resource: usize) -> i64 {
        match place {
            Place::Own(_) => self.tree.slack_at(View::Now, place, resource).max(0),
            Place::Whole(id) => {
                let kept = self.tree.kept(id, resource);
                let seen = (self.tree.used_at(View::Now, place, resource) - kept).max(0);
                (self.tree.shared(id, resource) - kept - seen).max(0)
            }
        }
    }
}

/// Splits `total` in proportion to `parts`, never more than each part is: rounded down, the rest to the
/// largest remainders, then in order.
fn split(total: i64, parts: &[i64]) -> Vec<i64> {
    let sum: i128 = parts.iter().map(|&part| i128::from(part)).sum();
    if sum == 0 {
        return vec![0; parts.len()];
    }
    let total = i128::from(total).min(sum);
    let mut split = Vec::with_capacity(parts.len());
    let mut remainders: Vec<(i128, usize)> = Vec::with_capacity(parts.len());
    for (at, &part) in parts.iter().enumerate() {
        let product = total * i128::from(part);
        // Dividing 128 bits takes ten times as long, and is hardly ever needed.
        let (share, remainder) = match (i64::try_from(product), i64::try_from(sum)) {
            (Ok(product), Ok(sum)) => (product / sum, i128::from(product % sum)),
            _ => (i64::try_from(product / sum).unwrap_or(0), product % sum),
        };
        split.push(share);
        remainders.push((remainder, at));
    }
    remainders.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let given: i128 = split.iter().map(|&share| i128::from(share)).sum();
    let rest = usize::try_from(total - given).unwrap_or(0);
    for &(_, at) in remainders.iter().take(rest) {
        split[at] += 1;
    }
    split
}
