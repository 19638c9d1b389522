//! Whether a change may be made: the shape of the tree, the lives of accounts, and "nothing is leased twice".

use super::account::Lease;
use super::timeline::{Excess, Holding, Term, Timeline, added, added_by, beyond};
use super::{LeaseBook, covered_until};
use crate::amounts::{AMOUNT_MAX, Amounts};
use crate::refusal::Refusal;
use crate::spec::{LeaseKey, LeaseKind, LeaseSpec, Name};
use crate::time::{Span, Time};
use std::collections::BTreeSet;

/// A lease that is put in the place of another, or of none.
#[derive(Clone, Copy)]
struct Change<'a> {
    key: &'a LeaseKey,
    old: Option<&'a Lease>,
    new: Option<&'a Lease>,
}

impl LeaseBook {
    /// The lease as it would be kept, or all that is wrong with it.
    pub(super) fn prepare(&self, now: Time, spec: &LeaseSpec) -> Result<Lease, Vec<Refusal>> {
        let mut problems = self.find_structural(now, spec);
        if !problems.is_empty() {
            // All that is wrong is told at once: what of it is over-committed too, if that can be said.
            let has_place =
                spec.lessee != spec.key.namespace && self.tree_problem(now, spec).is_none();
            if has_place && is_countable(spec) {
                problems.extend(self.find_shortages(now, &self.compile(spec)));
            }
            return Err(problems);
        }
        let lease = self.compile(spec);
        // A term that passed while nobody was looking is renewed now, if there is room for it.
        if let Some(renewed) = renewed_past(&lease, now)
            && self.find_shortages(now, &renewed).is_empty()
        {
            return Ok(renewed);
        }
        let problems = self.find_shortages(now, &lease);
        if problems.is_empty() {
            Ok(lease)
        } else {
            Err(problems)
        }
    }

    /// What no tree could hold, however much there is.
    pub(super) fn find_structural(&self, now: Time, spec: &LeaseSpec) -> Vec<Refusal> {
        let mut problems = self.find_senseless(spec);
        if spec.lessee != spec.key.namespace {
            problems.extend(self.tree_problem(now, spec));
        }
        problems
    }

    fn tree_problem(&self, now: Time, spec: &LeaseSpec) -> Option<Refusal> {
        match spec.kind {
            LeaseKind::Sublease => self.find_tree_problems(now, spec),
            LeaseKind::Transfer => self.find_transfer_problems(now, spec),
        }
    }

    fn find_tree_problems(&self, now: Time, spec: &LeaseSpec) -> Option<Refusal> {
        let lease = spec.key.clone();
        let lessor = &spec.key.namespace;
        let mut path = self.path_up(lessor);
        if path.is_empty() {
            return Some(Refusal::NoAccount {
                lease,
                lessee: lessor.clone(),
                at: first_instant(spec, now),
            });
        }
        if let Some(position) = path.iter().position(|name| *name == spec.lessee) {
            path.truncate(position + 1);
            path.reverse();
            return Some(Refusal::Cycle { lease, path });
        }
        let account = self.accounts.get(&spec.lessee)?;
        // An account that is only remembered, for its pods, may be adopted; not so one with children: their
        // leases and transfers were judged where they are.
        let is_bound =
            account.subleases.iter().any(|key| *key != spec.key) || !account.children.is_empty();
        let parent = account.parent.as_ref()?;
        (is_bound && parent != lessor).then(|| Refusal::LesseeHasLessor {
            lease,
            lessee: spec.lessee.clone(),
            lessor: parent.clone(),
        })
    }

    fn find_transfer_problems(&self, now: Time, spec: &LeaseSpec) -> Option<Refusal> {
        let lease = spec.key.clone();
        let lessor_path = self.path_up(&spec.key.namespace);
        let lessee_path = self.path_up(&spec.lessee);
        let nobody = match (lessor_path.is_empty(), lessee_path.is_empty()) {
            (true, _) => Some(&spec.key.namespace),
            (_, true) => Some(&spec.lessee),
            _ => None,
        };
        if let Some(nobody) = nobody {
            return Some(Refusal::NoAccount {
                lease,
                lessee: nobody.clone(),
                at: first_instant(spec, now),
            });
        }
        if lessor_path.contains(&spec.lessee) {
            return Some(Refusal::Ancestor { lease });
        }
        lessee_path
            .contains(&spec.key.namespace)
            .then_some(Refusal::InOwnSubtree { lease })
    }

    /// What a new or changed lease would over-commit or leave without an account.
    fn find_shortages(&self, now: Time, lease: &Lease) -> Vec<Refusal> {
        self.find_problems_of(
            now,
            Change {
                key: &lease.spec.key,
                old: self.leases.get(&lease.spec.key),
                new: Some(lease),
            },
        )
    }

    pub(super) fn find_removal_problems(&self, now: Time, key: &LeaseKey) -> Vec<Refusal> {
        let Some(old) = self.leases.get(key) else {
            return vec![Refusal::NotFound {
                object: format!("CapacityLease {}/{}", key.namespace, key.name),
            }];
        };
        let change = Change {
            key,
            old: Some(old),
            new: None,
        };
        self.find_problems_of(now, change)
    }

    pub(super) fn find_capacity_problems(&self, now: Time, held: &Amounts) -> Vec<Refusal> {
        let Some(root) = self.accounts.get(&self.root) else {
            return Vec::new();
        };
        let after = Holding {
            held: Timeline::constant(held),
            leased: root.holding.leased.clone(),
        };
        let found = added(&root.holding, &after, from(now), self.resources.len());
        self.refusals(None, &self.root, found)
    }

    fn find_problems_of(&self, now: Time, change: Change<'_>) -> Vec<Refusal> {
        let mut problems = Vec::new();
        let lessees: BTreeSet<&Name> = [change.old, change.new]
            .into_iter()
            .flatten()
            .map(|lease| &lease.spec.lessee)
            .collect();
        for lessee in &lessees {
            self.find_orphans(now, change, lessee, &mut problems);
        }
        let lessor = &change.key.namespace;
        let empty = Holding::default();
        for name in lessees.into_iter().chain([lessor]) {
            let before = self
                .accounts
                .get(name)
                .map_or(&empty, |account| &account.holding);
            let found = if name == lessor {
                let old = change.old.map(|old| (old.term, &old.guaranteed));
                let new = change.new.map(|new| (new.term, &new.guaranteed));
                new.map_or(Vec::new(), |new| {
                    added_by(before, old, new, now, self.resources.len())
                })
            } else {
                self.find_lost(now, name, before, change)
            };
            problems.extend(self.refusals(Some(change.key), name, found));
        }
        problems
    }

    /// What a lessee would have leased on beyond what is left to it.
    fn find_lost(
        &self,
        now: Time,
        lessee: &Name,
        before: &Holding,
        change: Change<'_>,
    ) -> Vec<Excess> {
        let after = Holding {
            held: self.held_after(now, lessee, change),
            leased: before.leased.clone(),
        };
        added(before, &after, from(now), self.resources.len())
    }

    /// Transfers whose lessee would be without an account sooner than before.
    fn find_orphans(
        &self,
        now: Time,
        change: Change<'_>,
        lessee: &Name,
        problems: &mut Vec<Refusal>,
    ) {
        let unchanged = Change {
            key: change.key,
            old: change.old,
            new: change.old,
        };
        let before = self.subleases_after(unchanged, lessee);
        let after = self.subleases_after(change, lessee);
        for transfer in self.transfers_after(change, lessee) {
            let first = transfer.term.start.max(now);
            if first >= transfer.term.end {
                continue;
            }
            let until = covered_until(after.iter().copied(), first, Some(now));
            let is_new = transfer.spec.key == *change.key;
            let until_before = covered_until(before.iter().copied(), first, Some(now));
            if until < transfer.term.end && (is_new || until < until_before) {
                problems.push(Refusal::NoAccount {
                    lease: transfer.spec.key.clone(),
                    lessee: lessee.clone(),
                    at: until,
                });
            }
        }
    }

    fn subleases_after<'a>(&'a self, change: Change<'a>, lessee: &Name) -> Vec<&'a Lease> {
        let account = self.accounts.get(lessee);
        let mut leases = account.map_or(Vec::new(), |account| self.subleases_of(account));
        leases.retain(|lease| lease.spec.key != *change.key);
        let new = change.new.filter(|new| !new.is_transfer());
        leases.extend(new.filter(|new| new.spec.lessee == *lessee));
        leases
    }

    fn transfers_after<'a>(&'a self, change: Change<'a>, lessee: &Name) -> Vec<&'a Lease> {
        let keys = self
            .accounts
            .get(lessee)
            .map(|account| account.transfers_in.iter());
        let mut leases: Vec<&Lease> = keys
            .into_iter()
            .flatten()
            .filter(|key| *key != change.key)
            .filter_map(|key| self.leases.get(key))
            .collect();
        let new = change.new.filter(|new| new.is_transfer());
        leases.extend(new.filter(|new| new.spec.lessee == *lessee));
        leases
    }

    fn held_after(&self, now: Time, lessee: &Name, change: Change<'_>) -> Timeline {
        let subleases = self.subleases_after(change, lessee);
        let mut held = Timeline::default();
        for lease in &subleases {
            held.add(lease.term, &lease.guaranteed);
        }
        for transfer in self.transfers_after(change, lessee) {
            let start = transfer.term.start;
            let until = covered_until(subleases.iter().copied(), start.max(now), None);
            let end = transfer.term.end.min(until);
            held.add(Term { start, end }, &transfer.guaranteed);
        }
        held
    }

    /// What a lessee's leases, as they are in the book, give it.
    pub(super) fn held_by(&self, lessee: &Name) -> Timeline {
        // Only the key of a change decides which leases it replaces, and no lease has this one.
        let nothing = LeaseKey {
            namespace: lessee.clone(),
            name: Name::from(""),
        };
        let unchanged = Change {
            key: &nothing,
            old: None,
            new: None,
        };
        self.held_after(self.now, lessee, unchanged)
    }

    /// Whether a lease that ends now may go on for another term. What was granted until now is no reason against
    /// it, even where capacity is short.
    pub(super) fn may_renew(&self, lease: &Lease, term: Term) -> bool {
        let resources = self.resources.len();
        let Some(lessor) = self.accounts.get(&lease.spec.key.namespace) else {
            return false;
        };
        if lease.is_transfer() {
            let Some(lessee) = self.accounts.get(&lease.spec.lessee) else {
                return false;
            };
            let subleases = self.subleases_of(lessee).into_iter();
            if covered_until(subleases, term.start, Some(self.now)) < term.end {
                return false;
            }
        }
        let just_before = Time(term.start.0.saturating_sub(1));
        let tolerated = lessor.holding.shortage_at(just_before, resources);
        let mut after = lessor.holding.clone();
        after.leased.add(term, &lease.guaranteed);
        let asks = |excess: &Excess| lease.guaranteed[excess.resource] > 0;
        !beyond(&tolerated, &after, term, resources).iter().any(asks)
    }

    fn refusals(
        &self,
        lease: Option<&LeaseKey>,
        account: &Name,
        found: Vec<Excess>,
    ) -> Vec<Refusal> {
        let refusal = |excess: Excess| Refusal::Overcommitted {
            lease: lease.cloned(),
            account: account.clone(),
            pool: self.pool.clone(),
            at: excess.at,
            resource: self.resources[excess.resource].clone(),
            leased: excess.leased,
            held: excess.held,
        };
        found.into_iter().map(refusal).collect()
    }
}

/// Whether the amounts and the term can be added to others.
fn is_countable(spec: &LeaseSpec) -> bool {
    let has_term = spec.start.unwrap_or(Time::MIN) < spec.end.unwrap_or(Time::MAX);
    let mut amounts = spec.guaranteed.values();
    has_term && amounts.all(|amount| (0..=AMOUNT_MAX).contains(amount))
}

fn from(now: Time) -> Term {
    Term {
        start: now,
        end: Time::MAX,
    }
}

fn first_instant(spec: &LeaseSpec, now: Time) -> Time {
    spec.start.map_or(now, |start| start.max(now))
}

/// A lease that renews and whose end has passed, with its end moved on by whole terms beyond `now`.
fn renewed_past(lease: &Lease, now: Time) -> Option<Lease> {
    if !lease.spec.renew || lease.term.end > now || lease.length <= Span(0) {
        return None;
    }
    let length = i128::from(lease.length.0);
    let late = i128::from(now.0) - i128::from(lease.term.end.0);
    let end = i128::from(lease.term.end.0) + (late / length + 1) * length;
    let end = Time(i64::try_from(end).unwrap_or(i64::MAX));
    let mut renewed = lease.clone();
    renewed.term.end = end;
    renewed.spec.end = Some(end);
    Some(renewed)
}
