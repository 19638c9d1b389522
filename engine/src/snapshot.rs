//! The account tree as numbers, for people and for other programs.

use crate::lease::LeaseState;
use crate::refusal::Refusal;
use crate::spec::Name;
use crate::time::Time;
use serde::Serialize;

/// Where a granted lease stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseStanding {
    /// Where it is in its life.
    pub state: LeaseState,
    /// Its present end: that of its term, moved on by what was renewed.
    pub until: Option<Time>,
    /// Whether its account's guarantee is scaled down because capacity is short.
    pub is_scaled: bool,
}

/// One pool's accounts, the root first, then depth first by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PoolFigures {
    /// The pool.
    pub pool: Name,
    /// Its accounts.
    pub accounts: Vec<AccountFigures>,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountFigures {
    /// The namespace.
    pub namespace: Name,
    /// Its lessor; the root has none.
    pub parent: Option<Name>,
    /// Levels below the root.
    pub depth: u32,
    /// Figures by resource, in the pool's order of resources.
    pub resources: Vec<(Name, ResourceFigures)>,
    /// `Scheduled`, `Active`, `Draining` or `Expired`; the root is always `Active`.
    pub state: &'static str,
}

/// One account's figures for one resource, in base units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ResourceFigures {
    /// G(n).
    pub guaranteed: i64,
    /// The most it may use.
    pub limit: Option<i64>,
    /// How much of its idle guarantee others may use.
    pub lend_limit: Option<i64>,
    /// Use of its own pods.
    pub used: i64,
    /// Use of its whole subtree, summed plainly.
    pub subtree_used: i64,
    /// K(n).
    pub kept_back: i64,
    /// What it can start now without reclaiming; never below 0.
    pub available: i64,
    /// The same with all use zero.
    pub potential: i64,
    /// max(0, V − Q).
    pub borrowed: i64,
    /// What its subtree lends.
    pub lent: i64,
    /// The share of its own part in that.
    pub own_lent: i64,
    /// What its own waiting requests ask for.
    pub pending: i64,
}

/// What changes most often of an account's figures for one resource, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// G(n).
    pub guaranteed: i64,
    /// The most it may use.
    pub limit: Option<i64>,
    /// Use of its own pods.
    pub used: i64,
    /// max(0, V − Q).
    pub borrowed: i64,
    /// What its subtree lends.
    pub lent: i64,
    /// What its own waiting requests ask for.
    pub pending: i64,
}

/// One elastic workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkloadFigures {
    /// The pool it is charged in.
    pub pool: Name,
    /// Replicas that it may have: admitted, or granted and not there yet.
    pub admitted: u32,
    /// Of these, granted ones whose pod is not there yet.
    pub expected: u32,
    /// Replicas that were asked to go and have not ended.
    pub leaving: u32,
    /// Pods of its owner that wait beyond what it is admitted for.
    pub beyond: u32,
    /// The count that its owner was last asked for.
    pub asked: u32,
    /// When it was last made smaller.
    pub last_shrink: Option<Time>,
    /// The instant before which it does not grow: its cool-down, or its owner did not follow.
    pub grows_from: Option<Time>,
    /// Why its minimum waits, if it does.
    pub waits: Option<Refusal>,
}
