//! Rows that follow the state: the cluster's use, services, accounts over time.
//!
//! They are taken at the end of an instant, so that what changes and changes back within it leaves none.

use super::pods::Kind;
use super::world::World;
use crate::record::{ServiceRow, TimelineRow, UtilizationRow};
use engine::Time;
use engine::snapshot::PoolFigures;
use engine::spec::Name;
use std::collections::BTreeMap;

/// Up to so many accounts, the timeline has every change. Beyond it, figures are taken no more often than
/// every `accounts` events: an event then pays for one account, however many there are.
const EXACT_ACCOUNTS_MAX: usize = 200;

/// What was written last.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// The cluster's use, or what it has, has changed.
    pub(crate) use_changed: bool,
    services: Vec<u32>,
    told_use: Vec<(i64, i64)>,
    told_accounts: Vec<TimelineRow>,
    accounts: usize,
    /// An account has changed since figures were taken; the number of events then.
    accounts_changed: bool,
    taken_at: u64,
}

impl Tables {
    /// A workload's counts have changed; noted if it is a service.
    pub(crate) fn service_changed(&mut self, kind: &Kind) {
        if let Kind::Service(at) = kind
            && !self.services.contains(at)
        {
            self.services.push(*at);
        }
    }
}

impl World<'_> {
    /// Writes the rows of this instant.
    pub(crate) fn write_rows(&mut self) {
        self.write_services();
        if self.tables.use_changed {
            self.tables.use_changed = false;
            self.write_use();
        }
        if self.sink.wants_timeline() {
            self.write_accounts(false);
        }
    }

    /// Writes what was put off until there is no later instant.
    pub(crate) fn write_last_rows(&mut self) {
        if self.sink.wants_timeline() {
            self.write_accounts(true);
        }
    }

    fn write_services(&mut self) {
        let mut changed = std::mem::take(&mut self.tables.services);
        changed.sort_unstable();
        for at in changed {
            let Some(work) = self.services[at as usize].work else {
                continue;
            };
            let entry = &self.works[work];
            let counts = (entry.desired, entry.working);
            let state = &mut self.services[at as usize];
            if state.told == Some(counts) {
                continue;
            }
            state.told = Some(counts);
            let row = ServiceRow {
                time: self.now,
                namespace: entry.namespace.clone(),
                name: entry.name.clone(),
                desired: counts.0,
                running: counts.1,
            };
            self.sink.service(row);
        }
    }

    fn write_use(&mut self) {
        let pairs = self
            .cluster
            .running
            .iter()
            .copied()
            .zip(self.cluster.capacity.iter().copied());
        for (k, counts) in pairs.enumerate() {
            // How many pods a node takes is a bound, not a resource that is used up.
            if &*self.cluster.resources[k] == "pods" {
                continue;
            }
            if self.tables.told_use.len() <= k {
                self.tables.told_use.resize(k + 1, (0, 0));
            }
            if self.tables.told_use[k] != counts {
                self.tables.told_use[k] = counts;
                self.sink.utilization(UtilizationRow {
                    time: self.now,
                    resource: self.cluster.resources[k].clone(),
                    used: counts.0,
                    allocatable: counts.1,
                });
            }
        }
    }

    fn write_accounts(&mut self, last: bool) {
        let Some(engine) = &mut self.engine else {
            return;
        };
        self.tables.accounts_changed |= !engine.take_changed().is_empty();
        let due = if self.tables.accounts > EXACT_ACCOUNTS_MAX {
            self.totals.events - self.tables.taken_at >= self.tables.accounts as u64
        } else {
            true
        };
        if !self.tables.accounts_changed || !(due || last) {
            return;
        }
        self.tables.accounts_changed = false;
        self.tables.taken_at = self.totals.events;
        let figures = engine.figures();
        self.tables.accounts = figures.iter().map(|pool| pool.accounts.len()).sum();
        let rows = rows(self.now, &figures);
        let told = std::mem::take(&mut self.tables.told_accounts);
        for row in changed(&told, &rows) {
            self.sink.timeline(row.clone());
        }
        self.tables.told_accounts = rows;
    }
}

/// Rows that say something new. Accounts rarely come and go, so rows are mostly found at their old place.
fn changed<'a>(told: &[TimelineRow], rows: &'a [TimelineRow]) -> Vec<&'a TimelineRow> {
    let same_place = |row: &TimelineRow, old: &TimelineRow| {
        row.namespace == old.namespace && row.resource == old.resource
    };
    let says_the_same = |row: &TimelineRow, old: &TimelineRow| {
        (
            row.guaranteed,
            row.limit,
            row.used,
            row.borrowed,
            row.lent,
            row.pending,
        ) == (
            old.guaranteed,
            old.limit,
            old.used,
            old.borrowed,
            old.lent,
            old.pending,
        )
    };
    let in_place =
        told.len() == rows.len() && rows.iter().zip(told).all(|(row, old)| same_place(row, old));
    if in_place {
        let pairs = rows.iter().zip(told);
        return pairs
            .filter(|(row, old)| !says_the_same(row, old))
            .map(|(row, _)| row)
            .collect();
    }
    let old: BTreeMap<(&Name, &Name), &TimelineRow> = told
        .iter()
        .map(|row| ((&row.namespace, &row.resource), row))
        .collect();
    let is_new = |row: &&TimelineRow| {
        let old = old.get(&(&row.namespace, &row.resource));
        !old.is_some_and(|old| says_the_same(row, old))
    };
    rows.iter().filter(is_new).collect()
}

/// A namespace with accounts in several pools is one row a resource: their sum.
fn rows(time: Time, figures: &[PoolFigures]) -> Vec<TimelineRow> {
    let mut rows: Vec<TimelineRow> = Vec::new();
    let mut place: BTreeMap<(Name, Name), usize> = BTreeMap::new();
    for account in figures.iter().flat_map(|pool| &pool.accounts) {
        for (resource, figures_of) in &account.resources {
            let row = TimelineRow {
                time,
                namespace: account.namespace.clone(),
                resource: resource.clone(),
                guaranteed: figures_of.guaranteed,
                limit: figures_of.limit,
                used: figures_of.used,
                borrowed: figures_of.borrowed,
                lent: figures_of.lent,
                pending: figures_of.pending,
            };
            if figures.len() > 1 {
                let key = (account.namespace.clone(), resource.clone());
                let at = *place.entry(key).or_insert(rows.len());
                if let Some(sum) = rows.get_mut(at) {
                    add(sum, &row);
                    continue;
                }
            }
            rows.push(row);
        }
    }
    rows
}

fn add(sum: &mut TimelineRow, row: &TimelineRow) {
    sum.guaranteed += row.guaranteed;
    sum.limit = sum.limit.zip(row.limit).map(|(one, other)| one + other);
    sum.used += row.used;
    sum.borrowed += row.borrowed;
    sum.lent += row.lent;
    sum.pending += row.pending;
}
