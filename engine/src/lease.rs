//! Leases and their terms: who holds what of one pool, now and at every instant of the future.
//!
//! A [`LeaseBook`] keeps, for each account, a timeline of what it holds and one of what it has leased out and
//! transferred away. A change is refused where it would make the second exceed the first at some instant
//! to come, further than before. A transfer changes the guarantees of whole paths, but those two timelines
//! only at its two ends: between them it takes as much from an account as from that account's children.
//!
//! **Invariant:** below the root nothing is leased out beyond what is held, at no instant from the last
//! advance on. At the root it may be, when nodes are lost; guarantees are then scaled.
//!
//! A lease that renews holds nothing beyond its present end. A transfer counts for its lessor throughout its
//! term, for its lessee only as long as the lessee's own leases last without being renewed.

mod account;
mod advance;
mod change;
mod check;
mod found;
mod scale;
mod terms;
#[cfg(test)]
mod tests;
mod timeline;
mod validate;

pub use found::FoundLease;
pub use terms::{AccountState, AccountTerms, LeaseState};
pub use validate::WEIGHT_MAX;

use crate::amounts::Amounts;
use crate::refusal::Refusal;
use crate::spec::{LeaseKey, LeaseSpec, Name, OnExpiry};
use crate::time::Time;
use account::{Account, Lease};
use std::collections::{BTreeMap, BTreeSet};
use timeline::{Term, Timeline};

/// The leases of one pool.
#[derive(Debug)]
pub struct LeaseBook {
    pool: Name,
    resources: Vec<Name>,
    root: Name,
    /// The last advance.
    now: Time,
    leases: BTreeMap<LeaseKey, Lease>,
    accounts: BTreeMap<Name, Account>,
    /// Starts and ends that are still to come.
    ahead: BTreeSet<(Time, LeaseKey)>,
    /// Renewals not yet told.
    renewed: Vec<(LeaseKey, Time)>,
    touched: BTreeSet<Name>,
}

impl LeaseBook {
    /// A book without leases, whose root holds nothing yet.
    pub fn new(pool: Name, resources: Vec<Name>, root: Name) -> LeaseBook {
        let account = Account::new(None, resources.len());
        LeaseBook {
            pool,
            now: Time::MIN,
            leases: BTreeMap::new(),
            accounts: BTreeMap::from([(root.clone(), account)]),
            ahead: BTreeSet::new(),
            renewed: Vec::new(),
            touched: BTreeSet::from([root.clone()]),
            resources,
            root,
        }
    }

    /// Takes note of the present capacity less reserve, which is what the root holds. Never refused, because
    /// nodes come and go; guarantees are scaled where it does not suffice.
    pub fn set_capacity(&mut self, held: Amounts) {
        let held = Amounts(held.0.into_iter().map(|amount| amount.max(0)).collect());
        let Some(root) = self.accounts.get_mut(&self.root) else {
            return;
        };
        if root.granted == held {
            return;
        }
        root.holding.held = Timeline::constant(&held);
        root.standing.subleased = held.clone();
        root.granted = held.clone();
        root.guaranteed = held;
        self.touched.insert(self.root.clone());
        let lessor = self.root.clone();
        let mut levels = self.divide_level(&lessor, BTreeSet::new());
        while let Some(lessor) = levels.pop() {
            levels.extend(self.divide_level(&lessor, BTreeSet::new()));
        }
    }

    /// Why a deliberate change of what the root holds (the pool's capacity, reserve or selector) would be
    /// refused; nothing if it would not. Only over-commitment that it adds counts.
    pub fn check_capacity(&self, now: Time, held: &Amounts) -> Vec<Refusal> {
        self.find_capacity_problems(now.max(self.now), held)
    }

    /// All that is wrong with a new or changed lease; nothing if it would be taken.
    pub fn check_set(&self, now: Time, lease: &LeaseSpec) -> Vec<Refusal> {
        match self.prepare(now.max(self.now), lease) {
            Ok(_) => Vec::new(),
            Err(problems) => problems,
        }
    }

    /// All that keeps a lease from being deleted; nothing if it would be.
    pub fn check_remove(&self, now: Time, key: &LeaseKey) -> Vec<Refusal> {
        self.find_removal_problems(now.max(self.now), key)
    }

    /// Adds or changes a lease. Time is moved to `now` first.
    ///
    /// # Errors
    /// All that is wrong with it; then nothing has changed.
    pub fn set(&mut self, now: Time, lease: LeaseSpec) -> Result<(), Vec<Refusal>> {
        self.move_to(now);
        let prepared = self.prepare(self.now, &lease)?;
        let until = prepared.term.end;
        let is_renewed = prepared.spec.end != lease.end;
        let known = self.leases.get(&lease.key);
        if is_renewed && known.is_none_or(|known| known.term.end != until) {
            self.renewed.push((lease.key, until));
        }
        self.put(prepared);
        Ok(())
    }

    /// Deletes a lease, which acts like its expiry. Time is moved to `now` first. The account stays until
    /// [`LeaseBook::forget`].
    ///
    /// # Errors
    /// All that keeps it from being deleted; then nothing has changed.
    pub fn remove(&mut self, now: Time, key: &LeaseKey) -> Result<(), Vec<Refusal>> {
        self.move_to(now);
        let problems = self.find_removal_problems(self.now, key);
        if !problems.is_empty() {
            return Err(problems);
        }
        self.take(key);
        Ok(())
    }

    /// Moves to `now`: starts, expiries and renewals up to and including that instant, one instant after the
    /// other. Returns the renewals since the last call, with the new ends; those that [`LeaseBook::set`] made
    /// are among them. Time never goes back.
    pub fn advance(&mut self, now: Time) -> Vec<(LeaseKey, Time)> {
        self.move_to(now);
        std::mem::take(&mut self.renewed)
    }

    /// The next instant after the last advance at which something starts, ends or renews.
    pub fn next_change(&self) -> Option<Time> {
        self.ahead.first().map(|(at, _)| *at)
    }

    /// An account as it stands at the last advance.
    pub fn terms(&self, account: &str) -> Option<AccountTerms> {
        let (name, account) = self.accounts.get_key_value(account)?;
        Some(account.terms(name))
    }

    /// The accounts whose terms have changed since the last call, those that appeared or vanished included,
    /// in order.
    pub fn take_touched(&mut self) -> Vec<Name> {
        std::mem::take(&mut self.touched).into_iter().collect()
    }

    /// Forgets an account that has no charged pods any more. Nothing happens while a lease names it, while it
    /// has given leases or has children, or if it is the root.
    pub fn forget(&mut self, account: &str) {
        let Some((name, found)) = self.accounts.get_key_value(account) else {
            return;
        };
        let is_named = !found.subleases.is_empty() || !found.transfers_in.is_empty();
        let Some(parent) = found.parent.clone() else {
            return;
        };
        if is_named || found.given > 0 || !found.children.is_empty() {
            return;
        }
        let name = name.clone();
        self.accounts.remove(&name);
        if let Some(parent) = self.accounts.get_mut(&parent) {
            parent.children.remove(&name);
        }
        self.touched.insert(name);
    }

    /// All accounts in order, the root included.
    pub fn accounts(&self) -> impl Iterator<Item = &Name> {
        self.accounts.keys()
    }

    /// A lease; its end is the present one.
    pub fn lease(&self, key: &LeaseKey) -> Option<&LeaseSpec> {
        self.leases.get(key).map(|lease| &lease.spec)
    }

    /// All leases by key.
    pub fn leases(&self) -> impl Iterator<Item = &LeaseSpec> {
        self.leases.values().map(|lease| &lease.spec)
    }

    /// Where a lease is in its life.
    pub fn lease_state(&self, key: &LeaseKey) -> Option<LeaseState> {
        let lease = self.leases.get(key)?;
        let drains = |name: &Name| {
            let account = self.accounts.get(name);
            account.is_some_and(|account| account.standing.drain_since.is_some())
        };
        let state = if lease.term.contains(self.now) {
            LeaseState::Active
        } else if lease.term.start > self.now && lease.term.start < lease.term.end {
            LeaseState::Scheduled
        } else if lease.spec.on_expiry == OnExpiry::Drain && drains(&lease.spec.lessee) {
            LeaseState::Draining
        } else {
            LeaseState::Expired
        };
        Some(state)
    }

    fn parent_of(&self, account: &str) -> Option<Name> {
        self.accounts.get(account)?.parent.clone()
    }

    /// An account and its ancestors, up to the root; nothing if there is no such account.
    fn path_up(&self, account: &Name) -> Vec<Name> {
        let mut path = Vec::new();
        let mut next = self.accounts.get_key_value(account);
        while let Some((name, account)) = next {
            path.push(name.clone());
            next = match &account.parent {
                Some(parent) => self.accounts.get_key_value(parent),
                None => None,
            };
        }
        path
    }

    /// The present terms of an account's subleases.
    fn subleases_of(&self, account: &Account) -> Vec<&Lease> {
        let keys = account.subleases.iter();
        keys.filter_map(|key| self.leases.get(key)).collect()
    }
}

/// The first instant from `from` on that no sublease covers. If `renewing_at` is given, leases that renew and
/// have not ended then count as going on for ever.
fn covered_until<'a>(
    subleases: impl Iterator<Item = &'a Lease>,
    from: Time,
    renewing_at: Option<Time>,
) -> Time {
    let end_of = |lease: &Lease| match renewing_at {
        Some(now) if lease.renews_after(now) => Time::MAX,
        _ => lease.term.end,
    };
    let mut terms: Vec<Term> = subleases
        .map(|lease| Term {
            start: lease.term.start,
            end: end_of(lease),
        })
        .collect();
    terms.sort_unstable_by_key(|term| term.start);
    let mut until = from;
    for term in terms {
        if term.start > until {
            break;
        }
        until = until.max(term.end);
    }
    until
}
