//! Accounts over time: a row for each account and resource whose figures have changed.
//!
//! Figures are taken at the end of an instant, so that what changes and changes back within it leaves no row.

use super::world::World;
use crate::record::TimelineRow;
use engine::Engine;
use engine::snapshot::Position;
use engine::spec::Name;
use rustc_hash::FxHashMap;

/// Up to so many accounts, the timeline has every change. Beyond it, figures are taken no more often than
/// every `accounts` events: an event then pays for one account, however many there are.
const EXACT_ACCOUNTS_MAX: usize = 200;

/// A row is about an account's namespace and a resource.
type Key = (Name, Name);

/// What was told of the accounts.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// The engine's [`Engine::tree_version`] for which `rows` holds.
    version: Option<u64>,
    accounts: usize,
    keys: Vec<Key>,
    /// The row of each of the engine's positions: a namespace with accounts in several pools is one row a
    /// resource, their sum.
    row_of: Vec<usize>,
    told: Vec<Option<Position>>,
    positions: Vec<Position>,
    /// An account has changed since figures were taken; the number of events then.
    changed: bool,
    taken_at: u64,
}

impl Timeline {
    /// Finds the rows anew: accounts have come, gone or moved.
    fn set_rows(&mut self, engine: &Engine) {
        let keys = std::mem::take(&mut self.keys);
        let told: FxHashMap<Key, Option<Position>> =
            keys.into_iter().zip(self.told.drain(..)).collect();
        let mut at: FxHashMap<Key, usize> = FxHashMap::default();
        self.row_of.clear();
        self.accounts = 0;
        for account in engine.figures().into_iter().flat_map(|pool| pool.accounts) {
            self.accounts += 1;
            for (resource, _) in account.resources {
                let key = (account.namespace.clone(), resource);
                let row = *at.entry(key.clone()).or_insert_with(|| {
                    self.told.push(told.get(&key).copied().flatten());
                    self.keys.push(key);
                    self.keys.len() - 1
                });
                self.row_of.push(row);
            }
        }
    }

    /// The figures of each row, now.
    fn take(&mut self, engine: &Engine) {
        let version = engine.tree_version();
        if self.version != Some(version) {
            self.set_rows(engine);
            self.version = Some(version);
        }
        engine.positions(&mut self.positions);
        if self.keys.len() == self.positions.len() {
            return;
        }
        let mut sums: Vec<Option<Position>> = vec![None; self.keys.len()];
        for (position, &row) in self.positions.iter().zip(&self.row_of) {
            match &mut sums[row] {
                Some(sum) => add(sum, position),
                empty => *empty = Some(*position),
            }
        }
        self.positions.clear();
        self.positions
            .extend(sums.into_iter().map(Option::unwrap_or_default));
    }
}

impl World<'_> {
    /// Writes the rows of what has changed, if it is time to look; `last`: there is no later instant.
    pub(crate) fn write_accounts(&mut self, last: bool) {
        let Some(engine) = &mut self.engine else {
            return;
        };
        let timeline = &mut self.timeline;
        timeline.changed |= engine.forget_changed();
        let due = timeline.accounts <= EXACT_ACCOUNTS_MAX
            || self.totals.events - timeline.taken_at >= timeline.accounts as u64;
        if !timeline.changed || !(due || last) {
            return;
        }
        timeline.changed = false;
        timeline.taken_at = self.totals.events;
        timeline.take(engine);
        for (row, position) in timeline.positions.iter().enumerate() {
            if timeline.told[row] == Some(*position) {
                continue;
            }
            timeline.told[row] = Some(*position);
            let (namespace, resource) = &timeline.keys[row];
            self.sink.timeline(TimelineRow {
                time: self.now,
                namespace: namespace.clone(),
                resource: resource.clone(),
                guaranteed: position.guaranteed,
                limit: position.limit,
                used: position.used,
                borrowed: position.borrowed,
                lent: position.lent,
                pending: position.pending,
            });
        }
    }
}

fn add(sum: &mut Position, other: &Position) {
    sum.guaranteed += other.guaranteed;
    sum.limit = sum.limit.zip(other.limit).map(|(one, other)| one + other);
    sum.used += other.used;
    sum.borrowed += other.borrowed;
    sum.lent += other.lent;
    sum.pending += other.pending;
}
