//! One account of the book: the leases that name it and what follows from them.

use super::terms::{AccountState, AccountTerms};
use super::timeline::{Holding, Term};
use crate::amounts::{Amounts, UNLIMITED};
use crate::spec::{LeaseKey, LeaseKind, LeaseSpec, Name, Queueing};
use crate::time::{Span, Time};
use std::collections::BTreeSet;

/// A lease in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    /// As it was set; its end is the present one.
    pub spec: LeaseSpec,
    /// The present term. Empty for a transfer whose lessee lost its account before the start.
    pub term: Term,
    /// What one renewal adds.
    pub length: Span,
    pub guaranteed: Amounts,
    /// [`UNLIMITED`] where the lease sets none.
    pub limit: Amounts,
    /// [`UNLIMITED`] where the lease sets none.
    pub lend_limit: Amounts,
    /// Its present term is known to be its last, though it renews.
    pub has_lapsed: bool,
    /// A transfer that now counts along its paths.
    pub is_applied: bool,
}

impl Lease {
    pub fn is_transfer(&self) -> bool {
        self.spec.kind == LeaseKind::Transfer
    }

    /// When its present term started: at its last renewal, if there was one.
    pub fn last_start(&self) -> Time {
        if !self.spec.renew || self.length <= Span(0) {
            return self.term.start;
        }
        let last = Time(self.term.end.0.saturating_sub(self.length.0));
        last.max(self.term.start)
    }

    /// Whether it will renew, unless that is refused then.
    pub fn renews_after(&self, now: Time) -> bool {
        self.spec.renew && self.term.end > now
    }
}

/// What the oldest active lease decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub weight: i64,
    pub max_priority: Option<i32>,
    pub queueing: Queueing,
    pub grace_period: Span,
    pub min_runtime: Span,
}

impl Shape {
    pub fn of(spec: &LeaseSpec) -> Shape {
        Shape {
            weight: spec.weight,
            max_priority: spec.max_priority,
            queueing: spec.queueing,
            grace_period: spec.grace_period,
            min_runtime: spec.min_runtime,
        }
    }
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            weight: 1,
            max_priority: None,
            queueing: Queueing::BestEffort,
            grace_period: Span::seconds(30),
            min_runtime: Span(0),
        }
    }
}

/// What an account's leases say at the present instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The sum of its active subleases' guarantees, transfers not counted.
    pub subleased: Amounts,
    /// Before transfers; [`UNLIMITED`] where no lease sets one.
    pub limit: Amounts,
    /// [`UNLIMITED`] where no lease sets one.
    pub lend_limit: Amounts,
    pub shape: Shape,
    pub state: AccountState,
    pub starts: Option<Time>,
    pub drain_since: Option<Time>,
    pub has_lease: bool,
}

/// What outlives the lease that said it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// The limit and the shape while a lease was last active.
    pub last: Option<(Amounts, Shape)>,
    /// Resources for which a lease set a limit that has been deleted since, beside another lease.
    pub limit_was_set: BTreeSet<usize>,
    /// The same of lend limits.
    pub lend_limit_was_set: BTreeSet<usize>,
    pub drain_since: Option<Time>,
}

/// One account.
#[derive(Debug)]
pub(super) struct Account {
    pub parent: Option<Name>,
    pub children: BTreeSet<Name>,
    /// Subleases of which it is the lessee.
    ///
    /// Invariant: sorted by creation, then key: "the oldest active one decides".
    pub subleases: Vec<LeaseKey>,
    /// Transfers of which it is the lessee.
    pub transfers_in: BTreeSet<LeaseKey>,
    /// How many leases are in its namespace.
    pub given: usize,
    pub holding: Holding,
    /// What active transfers add to its guarantee and its limit, in sum.
    pub moved: Amounts,
    pub granted: Amounts,
    /// `granted`, scaled where capacity is short.
    pub guaranteed: Amounts,
    /// The sum of what its children were granted.
    pub children_granted: Amounts,
    /// Its children were granted more than it holds now.
    pub is_short: bool,
    pub memory: Memory,
    pub standing: Standing,
}

impl Account {
    pub fn new(parent: Option<Name>, resources: usize) -> Account {
        let zero = Amounts::zero(resources);
        let is_root = parent.is_none();
        let bound = if is_root { UNLIMITED } else { 0 };
        Account {
            parent,
            children: BTreeSet::new(),
            subleases: Vec::new(),
            transfers_in: BTreeSet::new(),
            given: 0,
            holding: Holding::default(),
            moved: zero.clone(),
            granted: zero.clone(),
            guaranteed: zero.clone(),
            children_granted: zero.clone(),
            is_short: false,
            memory: Memory::default(),
            standing: Standing {
                subleased: zero,
                limit: Amounts::filled(resources, bound),
                lend_limit: Amounts::filled(resources, UNLIMITED),
                shape: Shape::default(),
                state: if is_root {
                    AccountState::Active
                } else {
                    AccountState::Expired
                },
                starts: None,
                drain_since: None,
                has_lease: is_root,
            },
        }
    }

    /// The limit with transfers, or the guarantee while it drains.
    fn limit(&self) -> Amounts {
        if self.standing.drain_since.is_some() {
            return self.guaranteed.clone();
        }
        let mut limit = self.standing.limit.clone();
        for (limit, moved) in limit.0.iter_mut().zip(self.moved.iter()) {
            if *limit != UNLIMITED {
                *limit = limit.saturating_add(moved).max(0);
            }
        }
        limit
    }

    pub fn terms(&self, name: &Name) -> AccountTerms {
        let standing = &self.standing;
        AccountTerms {
            name: name.clone(),
            parent: self.parent.clone(),
            guaranteed: self.guaranteed.clone(),
            granted: self.granted.clone(),
            limit: self.limit(),
            lend_limit: standing.lend_limit.clone(),
            weight: standing.shape.weight,
            max_priority: standing.shape.max_priority,
            queueing: standing.shape.queueing,
            grace_period: standing.shape.grace_period,
            min_runtime: standing.shape.min_runtime,
            state: standing.state,
            starts: standing.starts,
            draining: standing.drain_since.is_some(),
            drain_since: standing.drain_since,
            has_lease: standing.has_lease,
        }
    }

    /// What the account's subleases (in their order) say at `now`. Takes note of what must outlive them.
    pub fn stand(&mut self, leases: &[&Lease], now: Time, resources: usize) -> Standing {
        let active: Vec<&Lease> = active_at(leases, now);
        let mut subleased = Amounts::zero(resources);
        for lease in &active {
            subleased += &lease.guaranteed;
        }
        let starts = leases
            .iter()
            .map(|lease| lease.term.start)
            .filter(|start| *start > now)
            .min();
        let last_end = leases
            .iter()
            .map(|lease| lease.term.end)
            .filter(|end| *end <= now)
            .max();
        // Expired leases that were never seen active come from before a restart: they tell their own last limit.
        let deciding = match last_end {
            _ if !active.is_empty() => Some(active),
            Some(end) if self.memory.last.is_none() => {
                Some(active_at(leases, Time(end.0.saturating_sub(1))))
            }
            _ => None,
        };
        if let Some(deciding) = &deciding
            && let Some(oldest) = deciding.first()
        {
            let limit = self.sum_of_limits(leases, deciding, resources);
            self.memory.last = Some((limit, Shape::of(&oldest.spec)));
        }
        let is_active = leases.iter().any(|lease| lease.term.contains(now));
        let state = if self.memory.drain_since.is_some() {
            AccountState::Draining
        } else if is_active {
            AccountState::Active
        } else if starts.is_some() && last_end.is_none() {
            AccountState::Scheduled
        } else {
            AccountState::Expired
        };
        let (limit, shape) = match (&self.memory.last, leases.first()) {
            (Some((limit, shape)), _) => (limit.clone(), shape.clone()),
            (None, Some(oldest)) => (
                self.sum_of_limits(leases, &[], resources),
                Shape::of(&oldest.spec),
            ),
            (None, None) => (Amounts::zero(resources), Shape::default()),
        };
        let active_now = active_at(leases, now);
        Standing {
            subleased,
            limit,
            lend_limit: sum_where_set(
                leases,
                &active_now,
                |lease| &lease.lend_limit,
                &self.memory.lend_limit_was_set,
                resources,
            ),
            shape,
            state,
            starts: starts.filter(|_| state == AccountState::Scheduled),
            drain_since: self.memory.drain_since,
            has_lease: !leases.is_empty(),
        }
    }

    fn sum_of_limits(&self, leases: &[&Lease], active: &[&Lease], resources: usize) -> Amounts {
        sum_where_set(
            leases,
            active,
            |lease| &lease.limit,
            &self.memory.limit_was_set,
            resources,
        )
    }
}

fn active_at<'a>(leases: &[&'a Lease], at: Time) -> Vec<&'a Lease> {
    let is_active = |lease: &&Lease| lease.term.contains(at);
    leases.iter().copied().filter(is_active).collect()
}

/// The sum over the active leases where any lease, in whatever state, sets the field: one that does not set
/// it adds its guarantee.
fn sum_where_set(
    leases: &[&Lease],
    active: &[&Lease],
    field: impl Fn(&Lease) -> &Amounts,
    was_set: &BTreeSet<usize>,
    resources: usize,
) -> Amounts {
    let mut sum = Amounts::filled(resources, UNLIMITED);
    for resource in 0..resources {
        let sets = |lease: &&Lease| field(lease)[resource] != UNLIMITED;
        if !was_set.contains(&resource) && !leases.iter().any(sets) {
            continue;
        }
        let of = |lease: &&Lease| match field(lease)[resource] {
            UNLIMITED => lease.guaranteed[resource],
            amount => amount,
        };
        let total: i64 = active.iter().map(of).fold(0, i64::saturating_add);
        sum[resource] = total.min(UNLIMITED - 1);
    }
    sum
}
