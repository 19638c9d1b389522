//! What status says: of each lease and pool, in the words of the API.

use super::Driver;
use crate::act::StatusWrite;
use api::Quantity;
use api::crd::{Amounts, CapacityLeaseStatus, CapacityPoolStatus, LeasePhase};
use engine::lease::LeaseState;
use engine::snapshot::{AccountFigures, PoolFigures, ResourceFigures};
use engine::spec::{LeaseKey, Name};
use engine::{Refusal, Time};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time as WallTime};
use std::collections::BTreeSet;

/// What a status says that it did not say before.
#[derive(Debug)]
pub(in crate::decider) struct Turn {
    /// The lease, if it is a lease's.
    pub lease: Option<LeaseKey>,
    /// The pool, if it is a pool's.
    pub pool: Option<Name>,
    /// The condition that has changed.
    pub condition: Condition,
}

impl Driver {
    /// Every account's figures.
    pub(in crate::decider) fn figures(&self) -> Vec<PoolFigures> {
        self.engine.figures()
    }

    /// The statuses that are other than they are written, and what has turned in them.
    pub(in crate::decider) fn statuses(
        &mut self,
        figures: &[PoolFigures],
    ) -> (Vec<StatusWrite>, Vec<Turn>) {
        let changed: BTreeSet<(Name, Name)> = self.engine.take_changed().into_iter().collect();
        let pools: BTreeSet<Name> = changed.iter().map(|(pool, _)| pool.clone()).collect();
        let mut leases = std::mem::take(&mut self.news.leases);
        for (key, entry) in &self.leases {
            if let Some(told) = &entry.it.told
                && changed.contains(&(told.pool.clone(), told.lessee.clone()))
            {
                leases.insert(key.clone());
            }
        }
        let mut writes = Vec::new();
        let mut turns = Vec::new();
        for key in leases {
            self.write_lease(&key, figures, &mut writes, &mut turns);
        }
        let mut names = std::mem::take(&mut self.news.pools);
        names.extend(pools);
        for name in names {
            self.write_pool(&name, figures, &mut writes, &mut turns);
        }
        (writes, turns)
    }

    /// Whether there may be a status to write.
    pub(in crate::decider) fn has_news(&self) -> bool {
        !self.news.leases.is_empty() || !self.news.pools.is_empty()
    }

    /// A status could not be written: it is looked at again.
    pub(in crate::decider) fn not_written(&mut self, write: StatusWrite) {
        match write {
            StatusWrite::Pool(name, _) => {
                if let Some(pool) = self.pools.get_mut(&name) {
                    pool.it.written = None;
                    self.news.pools.insert(name);
                }
            }
            StatusWrite::Lease(key, _) => {
                if let Some(lease) = self.leases.get_mut(&key) {
                    lease.it.written = None;
                    self.news.leases.insert(key);
                }
            }
        }
    }

    fn write_lease(
        &mut self,
        key: &LeaseKey,
        figures: &[PoolFigures],
        writes: &mut Vec<StatusWrite>,
        turns: &mut Vec<Turn>,
    ) {
        let Some(entry) = self.leases.get(key).map(|listed| &listed.it) else {
            return;
        };
        let Some(seen) = &entry.seen else { return };
        let standing = self.engine.lease(key);
        let before = entry.written.as_ref().unwrap_or(&seen.status);
        let mut conditions = Conditions::new(&before.conditions, seen.generation);
        match (&seen.spec, entry.refused.first()) {
            (Err(problem), _) => conditions.set("Granted", false, "Invalid", problem.clone()),
            (_, Some(refusal)) => {
                let mut message = all(&entry.refused);
                if standing.is_some() {
                    message.push_str("; what was granted before goes on");
                }
                conditions.set("Granted", false, refusal.reason(), message);
            }
            (_, None) if standing.is_some() => {
                conditions.set("Granted", true, "Granted", String::new());
            }
            _ => conditions.set("Granted", false, "Unknown", "not looked at yet".to_owned()),
        }
        let is_scaled = standing.is_some_and(|standing| standing.is_scaled);
        if is_scaled || conditions.has("Scaled") {
            let (reason, message) = if is_scaled {
                let message =
                    "capacity is short: the account's guarantee is scaled down until it is back";
                ("CapacityShort", message)
            } else {
                ("CapacityBack", "")
            };
            conditions.set("Scaled", is_scaled, reason, message.to_owned());
        }
        let account = entry.told.as_ref().and_then(|told| {
            let pool = figures.iter().find(|figures| figures.pool == told.pool)?;
            pool.accounts
                .iter()
                .find(|account| account.namespace == told.lessee)
        });
        let amounts = |figure: fn(&ResourceFigures) -> i64| {
            account.map_or_else(Amounts::new, |account| amounts_of(account, figure))
        };
        let status = CapacityLeaseStatus {
            observed_generation: Some(seen.generation),
            phase: standing.map(|standing| match standing.state {
                LeaseState::Scheduled => LeasePhase::Scheduled,
                LeaseState::Active => LeasePhase::Active,
                LeaseState::Draining => LeasePhase::Draining,
                LeaseState::Expired => LeasePhase::Expired,
            }),
            end: standing.and_then(|standing| standing.until).and_then(wall),
            guaranteed: amounts(|figures| figures.guaranteed),
            used: amounts(|figures| figures.subtree_used),
            borrowed: amounts(|figures| figures.borrowed),
            lent: amounts(|figures| figures.lent),
            pending: amounts(|figures| figures.pending),
            conditions: conditions.all,
        };
        if *before == status {
            return;
        }
        turns.extend(conditions.turned.into_iter().map(|condition| Turn {
            lease: Some(key.clone()),
            pool: None,
            condition,
        }));
        writes.push(StatusWrite::Lease(key.clone(), Box::new(status.clone())));
        if let Some(entry) = self.leases.get_mut(key) {
            entry.it.written = Some(status);
        }
    }

    fn write_pool(
        &mut self,
        name: &Name,
        figures: &[PoolFigures],
        writes: &mut Vec<StatusWrite>,
        turns: &mut Vec<Turn>,
    ) {
        let Some(entry) = self.pools.get(name).map(|listed| &listed.it) else {
            return;
        };
        let Some(seen) = &entry.seen else { return };
        let before = entry.written.as_ref().unwrap_or(&seen.status);
        let mut conditions = Conditions::new(&before.conditions, seen.generation);
        match (&seen.spec, entry.refused.first()) {
            (Err(problem), _) => conditions.set("Ready", false, "Invalid", problem.clone()),
            (_, Some(refusal)) => {
                conditions.set("Ready", false, refusal.reason(), all(&entry.refused));
            }
            _ => conditions.set("Ready", true, "Ready", String::new()),
        }
        let shared = self.shared_nodes(name);
        if !shared.is_empty() || conditions.has("NodesShared") {
            let (reason, message) = match shared.first() {
                Some((node, owner)) => (
                    "OlderPool",
                    format!(
                        "{} nodes belong to an older pool, such as {node} to {owner}: narrow one of the selectors",
                        shared.len()
                    ),
                ),
                None => ("NotShared", String::new()),
            };
            conditions.set("NodesShared", !shared.is_empty(), reason, message);
        }
        let pool = figures.iter().find(|figures| figures.pool == *name);
        let accounts = pool.map_or(&[][..], |pool| &pool.accounts);
        let top = |figure: fn(&ResourceFigures) -> i64| {
            let mut sum = std::collections::BTreeMap::<Name, i64>::new();
            for account in accounts.iter().filter(|account| account.depth == 1) {
                for (resource, figures) in &account.resources {
                    *sum.entry(resource.clone()).or_default() += figure(figures);
                }
            }
            written(sum.into_iter())
        };
        let status = CapacityPoolStatus {
            observed_generation: Some(seen.generation),
            capacity: written(self.engine.capacity(name).into_iter()),
            leased: top(|figures| figures.guaranteed),
            used: accounts
                .first()
                .map_or_else(Amounts::new, |root| amounts_of(root, |it| it.subtree_used)),
            borrowed: top(|figures| figures.borrowed),
            accounts: i32::try_from(accounts.len()).ok(),
            conditions: conditions.all,
        };
        if *before == status {
            return;
        }
        turns.extend(conditions.turned.into_iter().map(|condition| Turn {
            lease: None,
            pool: Some(name.clone()),
            condition,
        }));
        writes.push(StatusWrite::Pool(name.clone(), Box::new(status.clone())));
        if let Some(entry) = self.pools.get_mut(name) {
            entry.it.written = Some(status);
        }
    }

    /// Nodes that a pool's selector matches and that belong to an older one, with that one.
    fn shared_nodes(&self, pool: &Name) -> Vec<(Name, Name)> {
        if self.pools.len() < 2 {
            return Vec::new();
        }
        let nodes = self.nodes.keys().filter_map(|node| {
            let pools = self.engine.pools_of_node(node);
            let owner = pools.first()?;
            let is_shared = owner != pool && pools.contains(pool);
            is_shared.then(|| (node.clone(), owner.clone()))
        });
        nodes.collect()
    }
}

/// Conditions as they were, to be set anew: the time of a condition changes only with its status.
struct Conditions {
    all: Vec<Condition>,
    turned: Vec<Condition>,
    generation: i64,
}

impl Conditions {
    fn new(before: &[Condition], generation: i64) -> Conditions {
        Conditions {
            all: before.to_vec(),
            turned: Vec::new(),
            generation,
        }
    }

    fn has(&self, kind: &str) -> bool {
        self.all.iter().any(|condition| condition.type_ == kind)
    }

    fn set(&mut self, kind: &str, holds: bool, reason: &str, message: String) {
        let status = if holds { "True" } else { "False" };
        let before = self
            .all
            .iter_mut()
            .find(|condition| condition.type_ == kind);
        let next = Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message,
            observed_generation: Some(self.generation),
            last_transition_time: WallTime(second(Timestamp::now())),
        };
        match before {
            Some(before) if before.status == status => {
                if before.reason != reason {
                    self.turned.push(next.clone());
                }
                let since = before.last_transition_time.clone();
                *before = Condition {
                    last_transition_time: since,
                    ..next
                };
            }
            Some(before) => {
                self.turned.push(next.clone());
                *before = next;
            }
            None => {
                self.turned.push(next.clone());
                self.all.push(next);
            }
        }
    }
}

/// The API keeps whole seconds: what is written must be what is read.
fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn wall(at: Time) -> Option<WallTime> {
    Timestamp::from_second(at.0.div_euclid(1000))
        .ok()
        .map(WallTime)
}

fn all(refused: &[Refusal]) -> String {
    let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
    refused.join("; ")
}

fn amounts_of(account: &AccountFigures, figure: fn(&ResourceFigures) -> i64) -> Amounts {
    let figures = account.resources.iter();
    written(figures.map(|(resource, figures)| (resource.clone(), figure(figures))))
}

/// Amounts as they are written in objects.
fn written(amounts: impl Iterator<Item = (Name, i64)>) -> Amounts {
    amounts
        .map(|(resource, amount)| {
            let quantity = Quantity::from_base_units(&resource, amount.max(0));
            (resource.to_string(), quantity.into())
        })
        .collect()
}
