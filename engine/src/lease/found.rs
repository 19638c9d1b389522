//! Leases that were granted before anybody was looking: a program that starts learns what is held.
//!
//! They are taken without the checks of a new grant, because capacity may have been lost since they were granted;
//! guarantees are scaled as if it had been lost after. What their own times say is worked out anew: terms that
//! ended meanwhile are renewed or not, one instant after the other.

use super::account::Lease;
use super::advance::set_end;
use super::{LeaseBook, Name};
use crate::refusal::Refusal;
use crate::spec::{LeaseKey, LeaseKind, LeaseSpec};
use crate::time::{Span, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Terms of one lease that may have ended unseen and are judged one by one; before these it counts as renewed.
const TERMS_MAX: i64 = 1000;

/// A lease that was granted already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLease {
    /// As it is written.
    pub lease: LeaseSpec,
    /// Its present end, where that is known to be another one.
    pub until: Option<Time>,
    /// It has ended, and it is known that it was not renewed then.
    pub has_lapsed: bool,
}

/// A lease as it is written, and as the book is to keep it.
type Candidate = (LeaseSpec, Lease);

/// In which order leases are taken: accounts before what moves between them, then by age.
type Order = (bool, Time, LeaseKey);

impl LeaseBook {
    /// Takes leases that were granted already, in whatever order they are given. Time is moved to `now` first.
    /// Returns what is wrong with those that no tree can hold; of these nothing has taken effect.
    pub fn adopt(&mut self, now: Time, found: Vec<FoundLease>) -> Vec<Refusal> {
        self.move_to(now);
        let mut ready: BTreeMap<Order, Candidate> = BTreeMap::new();
        for found in found {
            let spec = &found.lease;
            let is_transfer = spec.kind == LeaseKind::Transfer;
            let order = (is_transfer, spec.created, spec.key.clone());
            ready.insert(order, (spec.clone(), self.compile_found(found)));
        }
        // Only a book without leases can go back: what it has already passed is not passed again.
        let origin = match self.leases.is_empty() {
            true => self.find_origin(ready.values().map(|(_, lease)| lease)),
            false => self.now,
        };
        let now = std::mem::replace(&mut self.now, origin);
        let mut refused = Vec::new();
        let mut concerned = BTreeSet::new();
        let mut lessees = BTreeSet::new();
        // Those whose lessor, or a transfer's lessee, has no account yet, by its name.
        let mut waiting: BTreeMap<Name, BTreeMap<Order, Candidate>> = BTreeMap::new();
        while let Some((order, (spec, lease))) = ready.pop_first() {
            if let Some(missing) = self.missing_account(&spec) {
                let waiting = waiting.entry(missing).or_default();
                waiting.insert(order, (spec, lease));
                continue;
            }
            let problems = self.find_structural(now, &spec);
            if problems.is_empty() {
                self.put_beside(lease, &mut concerned);
                ready.extend(waiting.remove(&spec.lessee).into_iter().flatten());
                lessees.insert(spec.lessee);
            } else {
                refused.extend(problems);
            }
        }
        for (spec, _) in waiting.into_values().flat_map(BTreeMap::into_values) {
            refused.extend(self.find_structural(now, &spec));
        }
        let mut due = BTreeSet::new();
        for lessee in &lessees {
            self.end_orphans(lessee, &mut due);
        }
        for key in &due {
            self.apply_transfer(key, true, &mut concerned);
        }
        self.refresh(concerned);
        self.move_to(now);
        refused
    }

    /// Just before the first end at which a lease may have been renewed unseen.
    fn find_origin<'a>(&self, found: impl Iterator<Item = &'a Lease>) -> Time {
        let renewing = found.filter(|lease| lease.spec.renew && !lease.has_lapsed);
        let ends = renewing.map(|lease| lease.term.end);
        let first = ends.filter(|end| *end <= self.now).min();
        first.map_or(self.now, |end| Time(end.0.saturating_sub(1)))
    }

    fn missing_account(&self, spec: &LeaseSpec) -> Option<Name> {
        let lessee = (spec.kind == LeaseKind::Transfer).then_some(&spec.lessee);
        let mut needed = [Some(&spec.key.namespace), lessee].into_iter().flatten();
        needed
            .find(|name| !self.accounts.contains_key(*name))
            .cloned()
    }

    /// The lease as the book keeps it, with its present end.
    fn compile_found(&self, found: FoundLease) -> Lease {
        let mut lease = self.compile(&found.lease);
        lease.has_lapsed = found.has_lapsed;
        let (start, end, length) = (lease.term.start, lease.term.end, lease.length);
        if let Some(until) = found.until.filter(|until| *until != end) {
            let is_renewed = lease.spec.renew
                && until > end
                && length > Span(0)
                && (until - end).0 % length.0 == 0;
            // With its lessee's account.
            let is_shortened = lease.is_transfer() && start <= until && until < end;
            // Another end was told before the term was changed.
            if is_renewed || is_shortened {
                set_end(&mut lease, until);
                lease.spec.renew = is_renewed;
            }
        }
        let late = (self.now - lease.term.end).0;
        if lease.spec.renew && !lease.has_lapsed && length > Span(0) && late / length.0 > TERMS_MAX
        {
            let skipped = late / length.0 - TERMS_MAX;
            let end = lease.term.end + Span(skipped.saturating_mul(length.0));
            set_end(&mut lease, end);
        }
        lease
    }
}
