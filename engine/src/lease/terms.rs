//! What the rest of the engine is told about an account and about a lease.

use crate::amounts::Amounts;
use crate::spec::{Name, Queueing};
use crate::time::{Span, Time};
use serde::Serialize;

/// Where a lease is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum LeaseState {
    /// Before its start.
    Scheduled,
    /// Within its term.
    Active,
    /// Ended with `onExpiry: Drain`, and its account has no newer lease yet.
    Draining,
    /// Ended.
    Expired,
}

/// Where an account is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum AccountState {
    /// It has only leases that have not started.
    Scheduled,
    /// It has a lease within its term, or is the root.
    Active,
    /// A lease of it ended with `onExpiry: Drain`, and it has no new or renewed lease since.
    Draining,
    /// It has no lease within its term any more, and goes on as a borrower.
    Expired,
}

impl AccountState {
    /// The state's name.
    pub fn as_str(self) -> &'static str {
        match self {
            AccountState::Scheduled => "Scheduled",
            AccountState::Active => "Active",
            AccountState::Draining => "Draining",
            AccountState::Expired => "Expired",
        }
    }
}

/// One account as its leases define it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountTerms {
    /// The namespace.
    pub name: Name,
    /// Its lessor; the root has none.
    pub parent: Option<Name>,
    /// The guarantee, scaled down where capacity is short.
    pub guaranteed: Amounts,
    /// The guarantee as it was granted.
    pub granted: Amounts,
    /// The most it may use; [`UNLIMITED`](crate::UNLIMITED) where there is no limit.
    pub limit: Amounts,
    /// How much of its idle guarantee others may use; [`UNLIMITED`](crate::UNLIMITED) where all of it.
    pub lend_limit: Amounts,
    /// Share of idle capacity among borrowers.
    pub weight: i64,
    /// Its own priority ceiling; those of its ancestors count too.
    pub max_priority: Option<i32>,
    /// What a request that does not fit does to those behind it.
    pub queueing: Queueing,
    /// Bound of its victims' termination grace.
    pub grace_period: Span,
    /// For so long after its first pod ran, a whole unit is no victim.
    pub min_runtime: Span,
    /// Where it is in its life.
    pub state: AccountState,
    /// When its first lease starts, if it is `Scheduled`.
    pub starts: Option<Time>,
    /// Its limit is its guarantee until it has a new or renewed lease.
    pub draining: bool,
    /// The expiry since which it drains.
    pub drain_since: Option<Time>,
    /// Whether a lease object names it as its lessee; true for the root.
    pub has_lease: bool,
}
