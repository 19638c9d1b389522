//! Taking changes into the book, once they have been found right.

use super::LeaseBook;
use super::account::{Account, Lease};
use crate::amounts::UNLIMITED;
use crate::spec::{LeaseKey, Name, OnExpiry};
use crate::time::Time;
use std::collections::BTreeSet;

impl LeaseBook {
    /// Puts a lease in its place, in that of an older version if there is one.
    pub(super) fn put(&mut self, lease: Lease) {
        let old = self.leases.get(&lease.spec.key);
        if old.is_some_and(|old| old.spec == lease.spec) {
            return;
        }
        let mut concerned = BTreeSet::new();
        self.put_beside(lease, &mut concerned);
        self.refresh(concerned);
    }

    /// The same, but what follows from it is left to the caller, who refreshes the accounts that are added.
    pub(super) fn put_beside(&mut self, lease: Lease, concerned: &mut BTreeSet<Name>) {
        let key = lease.spec.key.clone();
        let lessee = lease.spec.lessee.clone();
        let old = self.detach(&key, concerned);
        self.open_account(&lease);
        self.note_drain(old.as_ref(), Some(&lease));
        if let Some(old) = &old
            && old.spec.lessee != lessee
        {
            self.note_lost_limits(old);
        }
        if let Some(account) = self.accounts.get_mut(&lessee)
            && !lease.is_transfer()
        {
            // The lessor has decided anew.
            account.memory.limit_was_set.clear();
            account.memory.lend_limit_was_set.clear();
            account.memory.last = None;
        }
        self.attach(lease, concerned);
    }

    /// Takes a lease out of the book.
    pub(super) fn take(&mut self, key: &LeaseKey) {
        let mut concerned = BTreeSet::new();
        if let Some(old) = self.detach(key, &mut concerned) {
            self.note_drain(Some(&old), None);
            self.note_lost_limits(&old);
            self.refresh(concerned);
        }
    }

    /// Removes a lease from everything that knows it. Adds the accounts that have to be looked at again.
    fn detach(&mut self, key: &LeaseKey, concerned: &mut BTreeSet<Name>) -> Option<Lease> {
        self.apply_transfer(key, false, concerned);
        let lease = self.leases.remove(key)?;
        for at in [lease.term.start, lease.term.end] {
            self.ahead.remove(&(at, key.clone()));
        }
        if let Some(lessor) = self.accounts.get_mut(&key.namespace) {
            lessor.given -= 1;
            lessor
                .holding
                .leased
                .subtract(lease.term, &lease.guaranteed);
        }
        if let Some(lessee) = self.accounts.get_mut(&lease.spec.lessee) {
            lessee.subleases.retain(|other| other != key);
            lessee.transfers_in.remove(key);
        }
        self.hold_again(&lease.spec.lessee);
        concerned.insert(lease.spec.lessee.clone());
        Some(lease)
    }

    fn attach(&mut self, lease: Lease, concerned: &mut BTreeSet<Name>) {
        let key = lease.spec.key.clone();
        let lessee = lease.spec.lessee.clone();
        let order = (lease.spec.created, &key);
        if let Some(lessor) = self.accounts.get_mut(&key.namespace) {
            lessor.given += 1;
            lessor.holding.leased.add(lease.term, &lease.guaranteed);
        }
        if let Some(account) = self.accounts.get_mut(&lessee) {
            if lease.is_transfer() {
                account.transfers_in.insert(key.clone());
            } else {
                let created = |key: &LeaseKey| self.leases.get(key).map(|it| it.spec.created);
                let position = account
                    .subleases
                    .partition_point(|other| created(other).is_some_and(|at| (at, other) < order));
                account.subleases.insert(position, key.clone());
            }
        }
        // A transfer that lost its lessee before its start never starts.
        if lease.term.start < lease.term.end {
            self.look_ahead(&key, [lease.term.start, lease.term.end]);
        }
        self.leases.insert(key.clone(), lease);
        self.hold_again(&lessee);
        self.apply_transfer(&key, true, concerned);
        concerned.insert(lessee);
    }

    pub(super) fn look_ahead(&mut self, key: &LeaseKey, instants: [Time; 2]) {
        for at in instants {
            if at > self.now && at < Time::MAX {
                self.ahead.insert((at, key.clone()));
            }
        }
    }

    fn open_account(&mut self, lease: &Lease) {
        if lease.is_transfer() {
            return;
        }
        let (lessor, lessee) = (&lease.spec.key.namespace, &lease.spec.lessee);
        let resources = self.resources.len();
        let account = self
            .accounts
            .entry(lessee.clone())
            .or_insert_with(|| Account::new(Some(lessor.clone()), resources));
        let before = account.parent.replace(lessor.clone());
        if let Some(before) = before.filter(|before| before != lessor)
            && let Some(before) = self.accounts.get_mut(&before)
        {
            before.children.remove(lessee);
        }
        if let Some(lessor) = self.accounts.get_mut(lessor) {
            lessor.children.insert(lessee.clone());
        }
        self.touched.insert(lessee.clone());
    }

    /// Sums again what an account's leases give it over time.
    pub(super) fn hold_again(&mut self, lessee: &Name) {
        let held = self.held_by(lessee);
        if let Some(account) = self.accounts.get_mut(lessee) {
            account.holding.held = held;
        }
    }

    /// Lets a transfer count along its paths while it is active and `wanted`, and no longer.
    pub(super) fn apply_transfer(
        &mut self,
        key: &LeaseKey,
        wanted: bool,
        concerned: &mut BTreeSet<Name>,
    ) {
        let Some(lease) = self.leases.get_mut(key) else {
            return;
        };
        let is_active = lease.is_transfer() && wanted && lease.term.contains(self.now);
        if std::mem::replace(&mut lease.is_applied, is_active) == is_active {
            return;
        }
        let amounts = lease.guaranteed.clone();
        let mut from = self.path_up(&key.namespace);
        let mut to = match self.leases.get(key) {
            Some(lease) => self.path_up(&lease.spec.lessee),
            None => return,
        };
        // What is left is below the lowest common ancestor.
        while from.last().is_some() && from.last() == to.last() {
            from.pop();
            to.pop();
        }
        let (down, up) = if is_active { (from, to) } else { (to, from) };
        for name in &down {
            if let Some(account) = self.accounts.get_mut(name) {
                account.moved -= &amounts;
            }
        }
        for name in &up {
            if let Some(account) = self.accounts.get_mut(name) {
                account.moved += &amounts;
            }
        }
        concerned.extend(down.into_iter().chain(up));
    }

    /// Keeps account of who drains when a lease changes from `old` to `new`.
    fn note_drain(&mut self, old: Option<&Lease>, new: Option<&Lease>) {
        let now = self.now;
        if let Some(old) = old
            && old.term.contains(now)
        {
            let lessee = &old.spec.lessee;
            let next = new.filter(|new| new.spec.lessee == *lessee);
            let goes_on = next.is_some_and(|new| new.term.contains(now));
            let on_expiry = next.map_or(old.spec.on_expiry, |new| new.spec.on_expiry);
            if !goes_on && on_expiry == OnExpiry::Drain {
                self.drain(lessee, now);
            }
        }
        let Some(new) = new else {
            return;
        };
        let lessee = new.spec.lessee.clone();
        let since = |account: &Account| account.memory.drain_since;
        if new.term.contains(now) {
            let drains = self.accounts.get(&lessee).and_then(since);
            // A change makes no new lease of one that holds; one that had ended and holds again is renewed.
            let is_renewed = old.is_some_and(|old| !old.term.contains(now));
            if drains.is_some_and(|since| is_renewed || is_newer(new, since)) {
                self.stop_drain(&lessee);
            }
        } else if old.is_none() && new.term.end <= now && new.term.start < new.term.end {
            // It comes from before a restart: whether a newer lease ended a drain is seen from their times.
            let drains = self.accounts.get(&lessee).and_then(since);
            if drains.is_some_and(|since| is_newer(new, since)) {
                self.stop_drain(&lessee);
            }
            let end = new.term.end;
            if new.spec.on_expiry != OnExpiry::Drain {
                return;
            }
            let has_newer = self.accounts.get(&lessee).is_some_and(|account| {
                let keys = account.subleases.iter().chain(&account.transfers_in);
                keys.filter_map(|key| self.leases.get(key))
                    .any(|other| other.term.start <= now && is_newer(other, end))
            });
            if !has_newer {
                self.drain(&lessee, end);
            }
        }
    }

    pub(super) fn drain(&mut self, account: &Name, since: Time) {
        if let Some(account) = self.accounts.get_mut(account) {
            account.memory.drain_since = account.memory.drain_since.max(Some(since));
        }
    }

    pub(super) fn stop_drain(&mut self, account: &Name) {
        if let Some(account) = self.accounts.get_mut(account) {
            account.memory.drain_since = None;
        }
    }

    /// A deleted lease goes on setting the limits that it set, as an expired one does, until the lessor sets
    /// another.
    fn note_lost_limits(&mut self, old: &Lease) {
        let Some(account) = self.accounts.get_mut(&old.spec.lessee) else {
            return;
        };
        if old.is_transfer() {
            return;
        }
        let memory = &mut account.memory;
        for resource in 0..old.limit.len() {
            if old.limit[resource] != UNLIMITED {
                memory.limit_was_set.insert(resource);
            }
            if old.lend_limit[resource] != UNLIMITED {
                memory.lend_limit_was_set.insert(resource);
            }
        }
    }

    /// Looks at accounts again after their leases, or time, have changed.
    pub(super) fn refresh(&mut self, concerned: BTreeSet<Name>) {
        let resources = self.resources.len();
        let mut changed = BTreeSet::new();
        for name in concerned {
            let Some(account) = self.accounts.get_mut(&name) else {
                continue;
            };
            let Some(parent) = account.parent.clone() else {
                continue;
            };
            let keys = account.subleases.iter();
            let leases: Vec<&Lease> = keys.filter_map(|key| self.leases.get(key)).collect();
            let standing = account.stand(&leases, self.now, resources);
            let mut granted = standing.subleased.clone();
            granted += &account.moved;
            let before = std::mem::replace(&mut account.granted, granted.clone());
            if account.standing != standing || before != granted {
                self.touched.insert(name.clone());
            }
            account.standing = standing;
            if before != granted {
                if let Some(parent) = self.accounts.get_mut(&parent) {
                    parent.children_granted -= &before;
                    parent.children_granted += &granted;
                }
                changed.insert(name);
            }
        }
        self.settle(changed);
    }
}

/// Whether a lease is new, or renewed, to an account that has drained since `since`.
fn is_newer(lease: &Lease, since: Time) -> bool {
    let begun = lease.spec.created.max(lease.last_start());
    since <= begun && begun < lease.term.end
}
