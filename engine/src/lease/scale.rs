//! Guarantees while capacity is short: top-down, and only where a level is short.

use super::LeaseBook;
use crate::amounts::Amounts;
use crate::spec::Name;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Divides `room` in proportion to `granted`: rounded down, the rest to the largest remainders, then in the
/// given order. `room` is less than the sum of `granted`.
pub(super) fn divide(room: i64, granted: &[i64]) -> Vec<i64> {
    let total: i128 = granted.iter().map(|amount| i128::from(*amount)).sum();
    if total <= 0 {
        return vec![0; granted.len()];
    }
    let mut parts = Vec::with_capacity(granted.len());
    let mut remainders = Vec::with_capacity(granted.len());
    let mut rest = room;
    for (index, amount) in granted.iter().enumerate() {
        let product = i128::from(*amount) * i128::from(room);
        // At most `amount`, because `room` is less than `total`.
        let part = i64::try_from(product / total).unwrap_or(*amount);
        rest -= part;
        parts.push(part);
        remainders.push((Reverse(product % total), index));
    }
    remainders.sort_unstable();
    let rest = usize::try_from(rest).unwrap_or(0);
    for (_, index) in remainders.into_iter().take(rest) {
        parts[index] += 1;
    }
    parts
}

impl LeaseBook {
    /// Makes guarantees right again after the granted amounts of `changed` accounts have changed.
    pub(super) fn settle(&mut self, changed: BTreeSet<Name>) {
        // Levels by their lessor, with the children that need a look even where nothing is short.
        let mut levels: BTreeMap<Name, BTreeSet<Name>> = BTreeMap::new();
        for name in changed {
            if let Some(parent) = self.parent_of(&name) {
                levels.entry(parent).or_default().insert(name);
            }
        }
        // Level by level from the top would visit each only once; guarantees change in few places, and a second
        // visit is cheap, so the order is that of the names.
        while let Some((lessor, children)) = levels.pop_first() {
            for child in self.divide_level(&lessor, children) {
                levels.entry(child).or_default();
            }
        }
    }

    /// Sets the guarantees of one level; returns the children whose guarantees have changed.
    pub(super) fn divide_level(&mut self, lessor: &Name, touched: BTreeSet<Name>) -> Vec<Name> {
        let Some(account) = self.accounts.get_mut(lessor) else {
            return Vec::new();
        };
        let is_short = !account.children_granted.fits(&account.guaranteed);
        let was_short = std::mem::replace(&mut account.is_short, is_short);
        let children: Vec<Name> = if is_short || was_short {
            account.children.iter().cloned().collect()
        } else {
            touched.into_iter().collect()
        };
        let mut guaranteed: Vec<Amounts> = children
            .iter()
            .filter_map(|child| self.accounts.get(child))
            .map(|child| child.granted.clone())
            .collect();
        if is_short && let Some(account) = self.accounts.get(lessor) {
            for resource in 0..self.resources.len() {
                let room = account.guaranteed[resource];
                if account.children_granted[resource] <= room {
                    continue;
                }
                let granted: Vec<i64> = guaranteed.iter().map(|of| of[resource]).collect();
                for (of, part) in guaranteed.iter_mut().zip(divide(room, &granted)) {
                    of[resource] = part;
                }
            }
        }
        let mut changed = Vec::new();
        for (child, guaranteed) in children.into_iter().zip(guaranteed) {
            if let Some(account) = self.accounts.get_mut(&child)
                && account.guaranteed != guaranteed
            {
                account.guaranteed = guaranteed;
                self.touched.insert(child.clone());
                changed.push(child);
            }
        }
        changed
    }
}
