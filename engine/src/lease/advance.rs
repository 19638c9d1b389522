//! Time passing: at each instant renewals first, then what ended and what started.

use super::account::Lease;
use super::timeline::Term;
use super::{LeaseBook, covered_until};
use crate::spec::{LeaseKey, Name, OnExpiry};
use crate::time::Time;
use std::collections::BTreeSet;

impl LeaseBook {
    /// Moves to `now`, one instant at which something changes after the other.
    pub(super) fn move_to(&mut self, now: Time) {
        while let Some(at) = self.next_change().filter(|at| *at <= now) {
            self.now = at;
            self.pass_instant();
        }
        self.now = self.now.max(now);
    }

    fn pass_instant(&mut self) {
        let mut due = BTreeSet::new();
        while let Some((at, _)) = self.ahead.first()
            && *at <= self.now
        {
            if let Some((_, key)) = self.ahead.pop_first() {
                due.insert(key);
            }
        }
        let renewed = self.renew(&due);
        let mut concerned = BTreeSet::new();
        let mut fresh = BTreeSet::new();
        for key in &due {
            let Some(lease) = self.leases.get(key) else {
                continue;
            };
            let lessee = lease.spec.lessee.clone();
            concerned.insert(lessee.clone());
            if renewed.contains(key) || lease.term.start == self.now {
                fresh.insert(lessee);
            } else if lease.spec.on_expiry == OnExpiry::Drain {
                self.drain(&lessee, self.now);
            }
        }
        for lessee in concerned.clone() {
            self.end_orphans(&lessee, &mut due);
        }
        for key in &due {
            self.apply_transfer(key, true, &mut concerned);
        }
        for lessee in fresh {
            self.stop_drain(&lessee);
        }
        self.refresh(concerned);
    }

    /// Extends what ends now and renews: parents first, then by creation, as long as any of them finds room. A
    /// transfer may make room for a lease that comes before it in that order, hence the repetition.
    fn renew(&mut self, due: &BTreeSet<LeaseKey>) -> BTreeSet<LeaseKey> {
        let ends_now = |key: &&LeaseKey| {
            let lease = self.leases.get(key);
            lease.is_some_and(|lease| {
                lease.spec.renew && lease.term.end == self.now && !lease.has_lapsed
            })
        };
        let mut waiting: Vec<LeaseKey> = due.iter().filter(ends_now).cloned().collect();
        waiting.sort_by_cached_key(|key| self.order_of_renewal(key));
        let mut renewed = BTreeSet::new();
        loop {
            let before = renewed.len();
            waiting.retain(|key| {
                let is_renewed = self.renew_one(key);
                if is_renewed {
                    renewed.insert(key.clone());
                }
                !is_renewed
            });
            if renewed.len() == before {
                return renewed;
            }
        }
    }

    fn order_of_renewal(&self, key: &LeaseKey) -> Option<(usize, bool, Time, LeaseKey)> {
        let lease = self.leases.get(key)?;
        let depth = |name: &Name| self.path_up(name).len();
        let lessee = depth(&lease.spec.lessee);
        let deeper = lessee.max(depth(&key.namespace));
        let created = lease.spec.created;
        Some((deeper, lease.is_transfer(), created, key.clone()))
    }

    fn renew_one(&mut self, key: &LeaseKey) -> bool {
        let Some(lease) = self.leases.get(key) else {
            return false;
        };
        let term = Term {
            start: lease.term.end,
            end: lease.term.end + lease.length,
        };
        if !self.may_renew(lease, term) {
            return false;
        }
        let (lessee, amounts) = (lease.spec.lessee.clone(), lease.guaranteed.clone());
        if let Some(lessor) = self.accounts.get_mut(&key.namespace) {
            lessor.holding.leased.add(term, &amounts);
        }
        if let Some(lease) = self.leases.get_mut(key) {
            set_end(lease, term.end);
        }
        self.hold_again(&lessee);
        self.look_ahead(key, [term.start, term.end]);
        self.renewed.push((key.clone(), term.end));
        true
    }

    /// Ends the transfers to an account at the instant at which it has no lease any more.
    pub(super) fn end_orphans(&mut self, lessee: &Name, due: &mut BTreeSet<LeaseKey>) {
        let Some(account) = self.accounts.get(lessee) else {
            return;
        };
        let subleases = self.subleases_of(account);
        let until = |lease: &Lease| {
            let first = lease.term.start.max(self.now);
            let until = covered_until(subleases.iter().copied(), first, Some(self.now));
            (until < lease.term.end).then_some((first, until))
        };
        let ended: Vec<(LeaseKey, Time, Time)> = account
            .transfers_in
            .iter()
            .filter_map(|key| self.leases.get(key))
            .filter(|lease| lease.term.start.max(self.now) < lease.term.end)
            .filter_map(|lease| until(lease).map(|(first, end)| (lease, first, end)))
            .map(|(lease, first, end)| (lease.spec.key.clone(), first, end))
            .collect();
        for (key, first, until) in &ended {
            self.shorten(key, *until);
            let drains = self
                .leases
                .get(key)
                .is_some_and(|lease| lease.spec.on_expiry == OnExpiry::Drain && lease.is_applied);
            if drains && first == until {
                self.drain(lessee, self.now);
            }
            due.insert(key.clone());
        }
        if !ended.is_empty() {
            self.hold_again(lessee);
        }
    }

    fn shorten(&mut self, key: &LeaseKey, end: Time) {
        let Some(lease) = self.leases.get_mut(key) else {
            return;
        };
        let lost = Term {
            start: end,
            end: lease.term.end,
        };
        set_end(lease, end);
        lease.spec.renew = false;
        let (start, amounts) = (lease.term.start, lease.guaranteed.clone());
        self.ahead.remove(&(lost.end, key.clone()));
        if let Some(lessor) = self.accounts.get_mut(&key.namespace) {
            lessor.holding.leased.subtract(lost, &amounts);
        }
        if start < end {
            self.look_ahead(key, [end, end]);
        } else {
            // It never starts.
            self.ahead.remove(&(start, key.clone()));
        }
    }
}

pub(super) fn set_end(lease: &mut Lease, end: Time) {
    lease.term.end = end;
    lease.spec.end = (end < Time::MAX).then_some(end);
}
