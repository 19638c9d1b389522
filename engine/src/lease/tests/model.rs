//! A slow, obviously right second book: a list of leases, and every question answered by going through all
//! of it for every account and instant. Guarantees are computed along whole paths here, where the book
//! only looks at a lease's two ends.

use super::kit::{Build, lease};
use crate::amounts::{Amounts, UNLIMITED};
use crate::lease::{AccountState, AccountTerms, FoundLease, LeaseBook, LeaseState};
use crate::spec::{LeaseKey, LeaseKind, LeaseSpec, Name, OnExpiry, Quantities};
use crate::time::{Span, Time};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const RESOURCES: [&str; 2] = ["cpu", "memory"];
const NAMES: [&str; 6] = ["root", "a", "b", "c", "d", "e"];
/// The lessors that most leases have, so that most of them fit into one tree.
const LESSORS: [&str; 6] = ["root", "root", "root", "a", "a", "b"];
/// Later than any finite time that the sequences reach.
const HORIZON: i64 = 2_000;

#[derive(Clone, Debug)]
struct Entry {
    spec: LeaseSpec,
    start: i64,
    end: i64,
    length: i64,
}

impl Entry {
    fn new(spec: &LeaseSpec, known: Option<&Entry>) -> Entry {
        let start = spec.start.map_or(-HORIZON, |at| at.0);
        let end = spec.end.map_or(HORIZON, |at| at.0);
        let length = match known {
            Some(known) if (known.start, known.end) == (start, end) => known.length,
            _ => end - start,
        };
        Entry {
            spec: spec.clone(),
            start,
            end,
            length,
        }
    }

    fn is_active(&self, at: i64) -> bool {
        self.start <= at && at < self.end
    }

    fn is_sublease_to(&self, lessee: &str) -> bool {
        self.spec.kind == LeaseKind::Sublease && &*self.spec.lessee == lessee
    }

    fn set_end(&mut self, end: i64) {
        self.end = end;
        self.spec.end = (end < HORIZON).then_some(Time(end));
    }

    fn amount(&self, resource: usize) -> i64 {
        let amount = self.spec.guaranteed.get(RESOURCES[resource]);
        amount.copied().unwrap_or(0)
    }
}

type Limits = [i64; 2];

#[derive(Clone, Debug, Default)]
struct Model {
    capacity: [i64; 2],
    now: i64,
    entries: Vec<Entry>,
    parents: BTreeMap<Name, Name>,
    /// Subleases deleted since the lessor's last word to their lessee.
    deleted: Vec<Entry>,
    last: BTreeMap<Name, (Limits, i64)>,
    draining: BTreeMap<Name, i64>,
}

impl Model {
    fn path(&self, account: &str) -> Vec<Name> {
        let mut path = vec![Name::from(account)];
        while let Some(parent) = self.parents.get(&path[path.len() - 1]) {
            path.push(parent.clone());
        }
        path
    }

    fn exists(&self, account: &str) -> bool {
        account == "root" || self.parents.contains_key(account)
    }

    fn covered_until(&self, lessee: &str, from: i64, with_renewals: bool) -> i64 {
        let covers = |entry: &Entry, at: i64| {
            let goes_on = with_renewals && entry.spec.renew && entry.end > self.now;
            entry.is_active(at) || (goes_on && entry.start <= at)
        };
        let is_covered = |at: &i64| {
            self.entries
                .iter()
                .any(|entry| entry.is_sublease_to(lessee) && covers(entry, *at))
        };
        (from..HORIZON)
            .find(|at| !is_covered(at))
            .unwrap_or(HORIZON)
    }

    /// What an account holds at an instant that is not past, all transfers of its path counted.
    fn holds(&self, account: &str, at: i64, resource: usize) -> i64 {
        if account == "root" {
            return self.capacity[resource];
        }
        let mut sum = 0;
        for entry in self.entries.iter().filter(|entry| entry.is_active(at)) {
            let amount = entry.amount(resource);
            if entry.is_sublease_to(account) {
                sum += amount;
            }
            if entry.spec.kind == LeaseKind::Transfer {
                let from = self.path(&entry.spec.key.namespace);
                let to = self.path(&entry.spec.lessee);
                let is_on = |path: &[Name]| path.iter().any(|name| &**name == account);
                match (is_on(&from), is_on(&to)) {
                    (true, false) => sum -= amount,
                    (false, true) => sum += amount,
                    _ => {}
                }
            }
        }
        sum
    }

    fn children<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a Name> {
        let of = self.parents.iter();
        of.filter(move |(_, parent)| &***parent == account)
            .map(|(child, _)| child)
    }

    fn shortage(&self, account: &str, at: i64, resource: usize) -> i64 {
        let children = self.children(account);
        let leased: i64 = children.map(|child| self.holds(child, at, resource)).sum();
        // A lessee may not lease on what it got beyond the time for which its own account is certain.
        let is_uncertain = |entry: &&Entry| {
            let first = entry.start.max(self.now);
            entry.spec.kind == LeaseKind::Transfer
                && &*entry.spec.lessee == account
                && entry.is_active(at)
                && at >= self.covered_until(account, first, false)
        };
        let uncertain = self.entries.iter().filter(is_uncertain);
        let uncertain: i64 = uncertain.map(|entry| entry.amount(resource)).sum();
        (leased + uncertain - self.holds(account, at, resource)).max(0)
    }

    fn instants(&self) -> BTreeSet<i64> {
        let ends = self
            .entries
            .iter()
            .flat_map(|entry| [entry.start, entry.end]);
        let ahead = ends.filter(|at| (self.now..HORIZON).contains(at));
        ahead.chain([self.now]).collect()
    }

    /// Whether nothing is leased twice that was not before.
    fn adds_nothing_to(&self, before: &Model) -> bool {
        let instants = &self.instants() | &before.instants();
        let accounts = NAMES.iter().filter(|name| self.exists(name));
        accounts
            .flat_map(|name| instants.iter().map(move |at| (name, *at)))
            .all(|(name, at)| {
                (0..2).all(|resource| {
                    let allowed = if before.exists(name) {
                        before.shortage(name, at, resource)
                    } else {
                        0
                    };
                    self.shortage(name, at, resource) <= allowed
                })
            })
    }

    /// Whether each transfer's lessee has an account for its whole term, or had none before.
    fn orphans_nothing(&self, before: &Model, changed: &LeaseKey) -> bool {
        self.entries.iter().all(|entry| {
            let first = entry.start.max(self.now);
            if entry.spec.kind == LeaseKind::Sublease || first >= entry.end {
                return true;
            }
            let lessee = &entry.spec.lessee;
            let until = self.covered_until(lessee, first, true);
            let is_changed = entry.spec.key == *changed;
            until >= entry.end
                || (!is_changed && until >= before.covered_until(lessee, first, true))
        })
    }

    fn fits_the_tree(&self, spec: &LeaseSpec) -> bool {
        let (lessor, lessee) = (&spec.key.namespace, &spec.lessee);
        let lessor_path = self.path(lessor);
        if !self.exists(lessor) || lessor_path.contains(lessee) {
            return false;
        }
        if spec.kind == LeaseKind::Transfer {
            return self.exists(lessee) && !self.path(lessee).contains(lessor);
        }
        let named = self
            .entries
            .iter()
            .any(|entry| entry.is_sublease_to(lessee) && entry.spec.key != spec.key);
        let is_bound = named || self.children(lessee).next().is_some();
        !is_bound || self.parents.get(lessee) == Some(lessor)
    }

    /// The model with a lease in it, if that is allowed.
    fn with(&self, spec: &LeaseSpec) -> Option<Model> {
        let known = self.find(&spec.key);
        let entry = Entry::new(spec, known);
        if !self.fits_the_tree(spec) {
            return None;
        }
        let mut moved = entry.clone();
        while entry.spec.renew && moved.end <= self.now {
            let end = moved.end + moved.length;
            moved.set_end(end);
        }
        let replaced = |entry: Entry| {
            let mut after = self.clone();
            after.entries.retain(|other| other.spec.key != spec.key);
            after.entries.push(entry);
            if spec.kind == LeaseKind::Sublease {
                let parent = spec.key.namespace.clone();
                after.parents.insert(spec.lessee.clone(), parent);
            }
            let is_allowed = after.adds_nothing_to(self) && after.orphans_nothing(self, &spec.key);
            is_allowed.then_some(after)
        };
        let mut after = replaced(moved).or_else(|| replaced(entry))?;
        after.remember(known, &spec.key);
        Some(after)
    }

    fn without(&self, key: &LeaseKey) -> Option<Model> {
        let old = self.find(key)?;
        let mut after = self.clone();
        after.entries.retain(|other| other.spec.key != *key);
        if !after.adds_nothing_to(self) || !after.orphans_nothing(self, key) {
            return None;
        }
        after.remember(Some(old), key);
        Some(after)
    }

    fn find(&self, key: &LeaseKey) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.spec.key == *key)
    }

    /// What outlives a change.
    fn remember(&mut self, old: Option<&Entry>, key: &LeaseKey) {
        let now = self.now;
        let new = self.find(key).cloned();
        if let (Some(old), Some(new)) = (old, &new)
            && old.spec == new.spec
        {
            return;
        }
        let stays = |old: &Entry| {
            new.as_ref()
                .filter(|new| new.spec.lessee == old.spec.lessee)
        };
        if let Some(old) = old {
            let drains = stays(old).unwrap_or(old).spec.on_expiry == OnExpiry::Drain;
            let goes_on = stays(old).is_some_and(|new| new.is_active(now));
            if old.is_active(now) && !goes_on && drains {
                self.draining.insert(old.spec.lessee.clone(), now);
            }
            if old.spec.kind == LeaseKind::Sublease && stays(old).is_none() {
                self.deleted.push(old.clone());
            }
        }
        if let Some(new) = new {
            let lessee = new.spec.lessee.clone();
            let is_newer = |entry: &Entry, since: i64| {
                let renewed = if entry.spec.renew {
                    entry.end - entry.length
                } else {
                    entry.start
                };
                let begun = renewed.max(entry.start).max(entry.spec.created.0);
                (since..entry.end).contains(&begun)
            };
            if new.is_active(now) {
                if let Some(since) = self.draining.get(&lessee)
                    && (old.is_some_and(|old| !old.is_active(now)) || is_newer(&new, *since))
                {
                    self.draining.remove(&lessee);
                }
            } else if old.is_none() && new.end <= now {
                let ends_it = self
                    .draining
                    .get(&lessee)
                    .is_some_and(|since| is_newer(&new, *since));
                if ends_it {
                    self.draining.remove(&lessee);
                }
                let is_over = self.entries.iter().any(|entry| {
                    entry.spec.lessee == lessee
                        && entry.spec.key != *key
                        && entry.start <= now
                        && is_newer(entry, new.end)
                });
                let since = self.draining.get(&lessee).copied().unwrap_or(-HORIZON);
                if !is_over && new.spec.on_expiry == OnExpiry::Drain {
                    self.draining.insert(lessee.clone(), since.max(new.end));
                }
            }
            if new.spec.kind == LeaseKind::Sublease {
                self.deleted.retain(|entry| entry.spec.lessee != lessee);
                self.last.remove(&lessee);
            }
        }
        self.note_limits();
    }

    fn field(spec: &LeaseSpec, resource: usize, lend: bool) -> Option<i64> {
        let field = if lend { &spec.lend_limit } else { &spec.limit };
        field.get(RESOURCES[resource]).copied()
    }

    fn sum_of_limits(&self, account: &str, at: Option<i64>, lend: bool) -> Limits {
        [0, 1].map(|resource| {
            let mine = |entry: &&Entry| entry.is_sublease_to(account);
            let sets = |entry: &Entry| Model::field(&entry.spec, resource, lend).is_some();
            let mut all = self.entries.iter().chain(&self.deleted).filter(mine);
            if !all.any(sets) {
                return UNLIMITED;
            }
            self.entries
                .iter()
                .filter(mine)
                .filter(|entry| at.is_some_and(|at| entry.is_active(at)))
                .map(|entry| {
                    Model::field(&entry.spec, resource, lend).unwrap_or(entry.amount(resource))
                })
                .sum()
        })
    }

    fn oldest_weight(&self, account: &str, at: i64) -> Option<i64> {
        self.entries
            .iter()
            .filter(|entry| entry.is_sublease_to(account) && entry.is_active(at))
            .min_by_key(|entry| (entry.spec.created, entry.spec.key.clone()))
            .map(|entry| entry.spec.weight)
    }

    /// Takes note of the limits of accounts that have an active lease, or, never seen with one, had one.
    fn note_limits(&mut self) {
        for name in &NAMES[1..] {
            let mine = || {
                let entries = self.entries.iter();
                entries.filter(|entry| entry.is_sublease_to(name))
            };
            let last_end = mine()
                .map(|entry| entry.end)
                .filter(|end| *end <= self.now)
                .max();
            let at = match last_end {
                _ if mine().any(|entry| entry.is_active(self.now)) => Some(self.now),
                Some(end) if !self.last.contains_key(*name) => Some(end - 1),
                _ => None,
            };
            if let Some(at) = at
                && let Some(weight) = self.oldest_weight(name, at)
            {
                let limits = self.sum_of_limits(name, Some(at), false);
                self.last.insert((*name).into(), (limits, weight));
            }
        }
    }

    fn advance(&mut self, now: i64) -> Vec<(LeaseKey, Time)> {
        let mut renewals = Vec::new();
        while self.now < now {
            self.now += 1;
            self.pass(&mut renewals);
        }
        renewals
    }

    fn pass(&mut self, renewals: &mut Vec<(LeaseKey, Time)>) {
        let now = self.now;
        let is_due =
            |entry: &Entry| entry.start < entry.end && (entry.start == now || entry.end == now);
        let due: Vec<Entry> = self
            .entries
            .iter()
            .filter(|entry| is_due(entry))
            .cloned()
            .collect();
        let mut fresh = BTreeSet::new();
        let mut waiting: Vec<&Entry> = due
            .iter()
            .filter(|entry| entry.end == now && entry.spec.renew)
            .collect();
        waiting.sort_by_key(|entry| {
            let depth = |name: &str| self.path(name).len();
            let deeper = depth(&entry.spec.lessee).max(depth(&entry.spec.key.namespace));
            (
                deeper,
                entry.spec.kind,
                entry.spec.created,
                entry.spec.key.clone(),
            )
        });
        loop {
            let before = renewals.len();
            waiting.retain(|entry| {
                let Some(after) = self.renewed(entry) else {
                    return true;
                };
                *self = after;
                renewals.push((entry.spec.key.clone(), Time(entry.end + entry.length)));
                fresh.insert(entry.spec.lessee.clone());
                false
            });
            if before == renewals.len() {
                break;
            }
        }
        for entry in &due {
            let present = self.find(&entry.spec.key).expect("nothing was removed");
            let lessee = &entry.spec.lessee;
            if entry.start == now {
                fresh.insert(lessee.clone());
            } else if present.end == now && entry.spec.on_expiry == OnExpiry::Drain {
                self.draining.insert(lessee.clone(), now);
            }
        }
        for index in 0..self.entries.len() {
            let entry = self.entries[index].clone();
            let first = entry.start.max(now);
            let until = self.covered_until(&entry.spec.lessee, first, true);
            if entry.spec.kind == LeaseKind::Transfer && first < entry.end && until < entry.end {
                self.entries[index].set_end(until);
                self.entries[index].spec.renew = false;
                let was_active = entry.is_active(now) && entry.start < now;
                if was_active && until == now && entry.spec.on_expiry == OnExpiry::Drain {
                    self.draining.insert(entry.spec.lessee.clone(), now);
                }
            }
        }
        for lessee in fresh {
            self.draining.remove(&lessee);
        }
        self.note_limits();
    }

    fn renewed(&self, entry: &Entry) -> Option<Model> {
        let lessor = &entry.spec.key.namespace;
        let until = entry.end + entry.length;
        if entry.spec.kind == LeaseKind::Transfer
            && self.covered_until(&entry.spec.lessee, entry.end, true) < until
        {
            return None;
        }
        let mut after = self.clone();
        let extended = after
            .entries
            .iter_mut()
            .find(|it| it.spec.key == entry.spec.key);
        extended.expect("it is there").set_end(until);
        let fits = |at: i64, resource: usize| {
            let tolerated = self.shortage(lessor, entry.end - 1, resource);
            entry.amount(resource) == 0 || after.shortage(lessor, at, resource) <= tolerated
        };
        let mut instants = after.instants().into_iter().filter(|at| *at < until);
        instants
            .all(|at| fits(at, 0) && fits(at, 1))
            .then_some(after)
    }

    /// Guarantees of all accounts below `lessor`, which has `room`.
    fn scale(&self, lessor: &str, room: [i64; 2], into: &mut BTreeMap<Name, [i64; 2]>) {
        let children: Vec<&Name> = self.children(lessor).collect();
        let mut parts = vec![[0, 0]; children.len()];
        for resource in 0..2 {
            let granted: Vec<i64> = children
                .iter()
                .map(|child| self.holds(child, self.now, resource))
                .collect();
            let sum: i64 = granted.iter().sum();
            if sum <= room[resource] {
                for (part, granted) in parts.iter_mut().zip(&granted) {
                    part[resource] = *granted;
                }
                continue;
            }
            let exact = |index: usize| granted[index] * room[resource];
            for (index, part) in parts.iter_mut().enumerate() {
                part[resource] = exact(index) / sum;
            }
            // One by one to the one that is furthest below its exact part; the first by name of equals.
            let mut given: i64 = parts.iter().map(|part| part[resource]).sum();
            while given < room[resource] {
                let lacking = |index: &usize| exact(*index) - parts[*index][resource] * sum;
                let best = (0..children.len())
                    .rev()
                    .max_by_key(lacking)
                    .expect("somebody was granted something");
                parts[best][resource] += 1;
                given += 1;
            }
        }
        for (child, part) in children.into_iter().zip(parts) {
            into.insert(child.clone(), part);
            self.scale(child, part, into);
        }
    }

    fn state(&self, account: &str) -> AccountState {
        let mut mine = self.entries.iter().filter(|it| it.is_sublease_to(account));
        let entries: Vec<&Entry> = mine.by_ref().collect();
        if self.draining.contains_key(account) {
            AccountState::Draining
        } else if entries.iter().any(|entry| entry.is_active(self.now)) {
            AccountState::Active
        } else if !entries.is_empty() && entries.iter().all(|entry| entry.start > self.now) {
            AccountState::Scheduled
        } else {
            AccountState::Expired
        }
    }

    fn limit(&self, account: &Name, guaranteed: [i64; 2]) -> Limits {
        if self.draining.contains_key(account) {
            return guaranteed;
        }
        let has_any = self.entries.iter().any(|it| it.is_sublease_to(account));
        let base = match self.last.get(account) {
            Some((limits, _)) => *limits,
            None if has_any => self.sum_of_limits(account, None, false),
            None => [0, 0],
        };
        [0, 1].map(|resource| {
            let subleased: i64 = self
                .entries
                .iter()
                .filter(|entry| entry.is_sublease_to(account) && entry.is_active(self.now))
                .map(|entry| entry.amount(resource))
                .sum();
            let moved = self.holds(account, self.now, resource) - subleased;
            match base[resource] {
                UNLIMITED => UNLIMITED,
                limit => (limit + moved).max(0),
            }
        })
    }

    fn check(&self, book: &LeaseBook) {
        let mut guaranteed = BTreeMap::new();
        self.scale("root", self.capacity, &mut guaranteed);
        let names: Vec<&Name> = book.accounts().filter(|name| &***name != "root").collect();
        assert_eq!(names, self.parents.keys().collect::<Vec<_>>());
        for name in names {
            let terms = book.terms(name).expect("accounts have terms");
            let amounts = |values: [i64; 2]| Amounts(values.as_slice().into());
            let granted = [0, 1].map(|resource| self.holds(name, self.now, resource));
            assert_eq!(terms.parent.as_ref(), self.parents.get(name), "{name}");
            assert_eq!(terms.granted, amounts(granted), "{name} granted");
            assert_eq!(
                terms.guaranteed,
                amounts(guaranteed[name]),
                "{name} guaranteed"
            );
            assert_eq!(terms.state, self.state(name), "{name}");
            let limit = self.limit(name, guaranteed[name]);
            assert_eq!(terms.limit, amounts(limit), "{name} limit");
            let lend = self.sum_of_limits(name, Some(self.now), true);
            assert_eq!(terms.lend_limit, amounts(lend), "{name} lend limit");
            let since = self.draining.get(name).map(|at| Time(*at));
            assert_eq!(terms.drain_since, since, "{name} drains");
            if let Some((_, weight)) = self.last.get(name) {
                assert_eq!(terms.weight, *weight, "{name} weight");
            }
        }
        let mut entries: Vec<&LeaseSpec> = self.entries.iter().map(|entry| &entry.spec).collect();
        entries.sort_by_key(|spec| &spec.key);
        assert_eq!(book.leases().collect::<Vec<_>>(), entries);
        for entry in self.entries.iter().filter(|entry| entry.start < entry.end) {
            let next = [entry.start, entry.end];
            for at in next
                .into_iter()
                .filter(|at| *at > self.now && *at < HORIZON)
            {
                assert!(book.next_change().is_some_and(|next| next <= Time(at)));
            }
        }
        // Below the root nothing is ever leased twice.
        for name in self.parents.keys() {
            for at in self.instants() {
                for resource in 0..2 {
                    assert_eq!(self.shortage(name, at, resource), 0, "{name} at {at}");
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(Box<LeaseSpec>),
    Remove(usize),
    Advance(i64),
    Capacity([i64; 2]),
    Forget(&'static str),
}

fn quantities(amounts: [Option<i64>; 2]) -> Quantities {
    RESOURCES
        .into_iter()
        .zip(amounts)
        .filter_map(|(resource, amount)| Some((resource.into(), amount?)))
        .collect()
}

fn lease_step(subleases_only: bool) -> impl Strategy<Value = LeaseSpec> {
    let who = (0..NAMES.len(), 0..3_usize, 1..NAMES.len(), 0..8_u8);
    let above = proptest::option::of(0..8_i64);
    let lend = proptest::option::of(0..9_i64);
    let amounts = ([0..15_i64, 0..15], above, lend);
    // Terms relative to the instant at which they are set.
    let start = prop_oneof![Just(None), (-6..10_i64).prop_map(Some)];
    let length = prop_oneof![Just(None), (1..15_i64).prop_map(Some)];
    let flags = (any::<[bool; 2]>(), 0..3_u8, 0..40_i64, 1..4_i64);
    (who, amounts, (start, length), flags).prop_map(move |(who, amounts, term, flags)| {
        let (lessor, name, lessee, wild) = who;
        let ([cpu, memory], above, lend) = amounts;
        let ([renew, drain], kind, created, weight) = flags;
        let is_transfer = kind == 0 && !subleases_only;
        let lessor = match wild > 0 && !is_transfer {
            true => LESSORS[lessee],
            false => NAMES[lessor],
        };
        let path = format!("{lessor}/{}", ["x", "y", "z"][name]);
        lease(&path, NAMES[lessee], 0).with(|it| {
            let part = if lessor == "root" {
                1
            } else {
                2 + i64::from(is_transfer)
            };
            let (cpu, memory) = (cpu / part, memory / part);
            it.guaranteed = quantities([Some(cpu), Some(memory)]);
            it.start = term.0.map(Time);
            it.end = term.1.map(|length| Time(term.0.unwrap_or(0) + length));
            it.renew = renew && it.start.is_some() && it.end.is_some();
            if drain {
                it.on_expiry = OnExpiry::Drain;
            }
            it.created = Time(created);
            if is_transfer {
                it.kind = LeaseKind::Transfer;
            } else {
                it.limit = quantities([above.map(|above| cpu + above), None]);
                it.lend_limit = quantities([None, lend]);
                it.weight = weight;
            }
        })
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        9 => lease_step(false).prop_map(|lease| Step::Set(Box::new(lease))),
        2 => any::<proptest::sample::Index>().prop_map(|index| Step::Remove(index.index(12))),
        3 => (1..9_i64).prop_map(Step::Advance),
        1 => [0..40_i64, 0..40_i64].prop_map(Step::Capacity),
        1 => (1..NAMES.len()).prop_map(|name| Step::Forget(NAMES[name])),
    ]
}

/// A first lease for each account, those above first, and what happens then.
fn history() -> impl Strategy<Value = Vec<Step>> {
    let first = proptest::collection::vec(lease_step(true), NAMES.len() - 1);
    let then = proptest::collection::vec(step(), 1..40);
    (first, then).prop_map(|(first, then)| {
        let leases = (1..).zip(first).map(|(lessee, mut lease)| {
            lease.key.namespace = LESSORS[lessee].into();
            lease.lessee = NAMES[lessee].into();
            Step::Set(Box::new(lease))
        });
        leases.chain(then).collect()
    })
}

fn run(steps: Vec<Step>) {
    let resources = RESOURCES.map(Name::from).to_vec();
    let mut book = LeaseBook::new("general".into(), resources, "root".into());
    let mut model = Model {
        capacity: [30, 30],
        ..Model::default()
    };
    book.set_capacity(Amounts::filled(2, 30));
    book.advance(Time(0));
    let mut shadow = BTreeMap::new();
    for step in steps {
        apply(step, &mut book, &mut model);
        model.check(&book);
        for name in book.take_touched() {
            match book.terms(&name) {
                Some(terms) => shadow.insert(name, terms),
                None => shadow.remove(&name),
            };
        }
        for name in book.accounts() {
            assert_eq!(
                shadow.get(name),
                book.terms(name).as_ref(),
                "{name} touched"
            );
        }
    }
}

fn apply(step: Step, book: &mut LeaseBook, model: &mut Model) {
    let now = Time(model.now);
    match step {
        Step::Set(mut spec) => {
            if spec.lessee == spec.key.namespace {
                return;
            }
            spec.start = spec.start.map(|at| at + Span(model.now));
            spec.end = spec.end.map(|at| at + Span(model.now));
            let problems = book.check_set(now, &spec);
            let after = model.with(&spec);
            assert_eq!(
                problems.is_empty(),
                after.is_some(),
                "{spec:?}: {problems:?}"
            );
            assert_eq!(book.set(now, *spec).err().unwrap_or_default(), problems);
            // Renewals that setting a lease makes are seen in its end.
            book.advance(now);
            if let Some(after) = after {
                *model = after;
            }
        }
        Step::Remove(index) => {
            let Some(entry) = model.entries.get(index) else {
                return;
            };
            let key = entry.spec.key.clone();
            let after = model.without(&key);
            let problems = book.check_remove(now, &key);
            assert_eq!(
                problems.is_empty(),
                after.is_some(),
                "{key:?}: {problems:?}"
            );
            assert_eq!(book.remove(now, &key).err().unwrap_or_default(), problems);
            if let Some(after) = after {
                *model = after;
            }
        }
        Step::Advance(length) => {
            let renewals = model.advance(model.now + length);
            assert_eq!(book.advance(Time(model.now)), renewals);
        }
        Step::Capacity(capacity) => {
            let mut after = model.clone();
            after.capacity = capacity;
            let held = Amounts(capacity.as_slice().into());
            let is_allowed = book.check_capacity(now, &held).is_empty();
            assert_eq!(is_allowed, after.adds_nothing_to(model));
            book.set_capacity(held);
            *model = after;
        }
        Step::Forget(name) => {
            book.forget(name);
            let named =
                |entry: &Entry| &*entry.spec.lessee == name || &*entry.spec.key.namespace == name;
            if !model.entries.iter().any(named) && model.children(name).next().is_none() {
                model.parents.remove(name);
                model.last.remove(name);
                model.draining.remove(name);
                model.deleted.retain(|entry| &*entry.spec.lessee != name);
            }
        }
    }
}

/// All that a book tells about its accounts.
fn told(book: &LeaseBook) -> Vec<AccountTerms> {
    book.accounts()
        .filter_map(|name| book.terms(name))
        .collect()
}

/// Leases are granted while there is enough, then capacity shrinks; a second book has shrunk before and finds
/// the leases, in another order. What outlives a deleted or changed lease is not in any object: both are
/// left out.
fn find(steps: Vec<Step>, capacity: [i64; 2], then: Vec<Step>, rotate: usize) {
    let new = || {
        let resources = RESOURCES.map(Name::from).to_vec();
        LeaseBook::new("general".into(), resources, "root".into())
    };
    let mut book = new();
    book.set_capacity(Amounts::filled(2, 30));
    book.advance(Time(0));
    let mut written: BTreeMap<LeaseKey, LeaseSpec> = BTreeMap::new();
    let mut now = 0;
    for step in steps {
        match step {
            Step::Set(spec) if spec.lessee != spec.key.namespace => {
                let mut spec = *spec;
                spec.start = spec.start.map(|at| at + Span(now));
                spec.end = spec.end.map(|at| at + Span(now));
                spec.created = Time(now);
                // A term that is over when it is written down was never granted.
                let is_new =
                    !written.contains_key(&spec.key) && spec.end.is_none_or(|end| end > Time(now));
                if is_new && book.set(Time(now), spec.clone()).is_ok() {
                    written.insert(spec.key.clone(), spec);
                }
            }
            Step::Advance(length) => {
                now += length;
                book.advance(Time(now));
            }
            _ => {}
        }
    }
    let held = Amounts(capacity.as_slice().into());
    book.set_capacity(held.clone());
    book.advance(Time(now));

    let mut again = new();
    again.set_capacity(held);
    let mut found: Vec<FoundLease> = written
        .into_iter()
        .map(|(key, lease)| FoundLease {
            until: book.lease(&key).expect("it was taken").end,
            has_lapsed: matches!(
                book.lease_state(&key),
                Some(LeaseState::Expired | LeaseState::Draining)
            ),
            lease,
        })
        .collect();
    let rotate = rotate % found.len().max(1);
    found.rotate_left(rotate);
    assert_eq!(again.adopt(Time(now), found), []);
    let renewed = again.advance(Time(now));
    for (mine, other) in told(&again).iter().zip(told(&book)) {
        assert_eq!(mine, &other, "renewed {renewed:?}");
    }
    assert_eq!(told(&again), told(&book));
    // Both go on alike.
    for step in then {
        match step {
            Step::Set(mut spec) => {
                spec.start = spec.start.map(|at| at + Span(now));
                spec.end = spec.end.map(|at| at + Span(now));
                assert_eq!(
                    again.set(Time(now), (*spec).clone()),
                    book.set(Time(now), *spec)
                );
            }
            Step::Advance(length) => {
                now += length;
                assert_eq!(again.next_change(), book.next_change());
                assert_eq!(again.advance(Time(now)), book.advance(Time(now)));
            }
            Step::Capacity(capacity) => {
                let held = Amounts(capacity.as_slice().into());
                again.set_capacity(held.clone());
                book.set_capacity(held);
            }
            Step::Remove(_) | Step::Forget(_) => {}
        }
        assert_eq!(told(&again), told(&book));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_book_that_finds_its_leases_after_a_loss_is_the_one_that_had_them(
        steps in history(),
        capacity in [0..35_i64, 0..35],
        then in proptest::collection::vec(step(), 0..12),
        rotate in any::<usize>(),
    ) {
        find(steps, capacity, then, rotate);
    }

    #[test]
    fn the_book_agrees_with_the_slow_model(steps in history()) {
        run(steps);
    }
}
