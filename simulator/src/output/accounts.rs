//! Who got what its guarantee entitles it to.

use super::numbers::{divided, from_millionths};
use super::series::{Measures, Series};
use crate::record::TimelineRow;
use engine::Time;
use engine::spec::Name;
use serde::Serialize;
use std::collections::BTreeMap;

/// Steps of one account and resource that are kept for drawing.
const STEPS_MAX: usize = 512;

/// An account's figures for one resource, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The guarantee.
    pub guaranteed: i64,
    /// The limit, if there is one.
    pub limit: Option<i64>,
    /// What its own pods use.
    pub used: i64,
    /// What its subtree borrows.
    pub borrowed: i64,
    /// What its subtree lends.
    pub lent: i64,
    /// What its own waiting requests ask for.
    pub pending: i64,
}

impl Measures for Figures {
    fn measures(&self) -> [i64; 2] {
        [self.used, self.borrowed - self.lent]
    }
}

/// How evenly guarantees were served, in the summary.
///
/// An account's share is what it used within its guarantee, over what it asked for within it (used and waiting),
/// both summed over time; the least of its resources counts. Accounts that never asked are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Fairness {
    /// Jain's index of the shares: 1 if all are equal, 1/n if one has all.
    pub jain: Option<f64>,
    /// The smallest share: 1 if everybody always had what it was entitled to.
    pub worst_share: Option<f64>,
    /// Whose it is.
    pub worst_account: Option<Name>,
}

/// All accounts of a run.
#[derive(Clone, Debug)]
pub struct Accounts {
    start: Time,
    accounts: BTreeMap<Name, BTreeMap<Name, Account>>,
}

/// One account's history in one resource.
#[derive(Clone, Debug)]
pub struct Account {
    since: Time,
    figures: Figures,
    served: i128,
    entitled: i128,
    used: i128,
    used_max: i64,
    series: Series<Figures>,
}

impl Account {
    fn until(&mut self, time: Time) {
        let span = i128::from((time - self.since).0);
        let Figures {
            guaranteed,
            used,
            pending,
            ..
        } = self.figures;
        self.served += i128::from(used.min(guaranteed)) * span;
        self.entitled += i128::from(used.saturating_add(pending).min(guaranteed)) * span;
        self.used += i128::from(used) * span;
        self.since = time;
    }

    /// Use summed over time.
    pub fn used(&self) -> i128 {
        self.used
    }

    /// Most used at once.
    pub fn used_max(&self) -> i64 {
        self.used_max
    }

    /// Its steps.
    pub fn series(&self) -> &Series<Figures> {
        &self.series
    }
}

impl Accounts {
    /// None yet.
    pub fn new(start: Time) -> Accounts {
        Accounts {
            start,
            accounts: BTreeMap::new(),
        }
    }

    /// An account's figures have changed.
    pub fn row(&mut self, row: &TimelineRow) {
        // Names are cloned for a new account only: there are a million rows.
        if !self.accounts.contains_key(&row.namespace) {
            self.accounts.insert(row.namespace.clone(), BTreeMap::new());
        }
        let Some(resources) = self.accounts.get_mut(&row.namespace) else {
            return;
        };
        let start = self.start;
        if !resources.contains_key(&row.resource) {
            let account = Account {
                since: row.time,
                figures: Figures::default(),
                served: 0,
                entitled: 0,
                used: 0,
                used_max: 0,
                series: Series::new(start, STEPS_MAX),
            };
            resources.insert(row.resource.clone(), account);
        }
        let Some(account) = resources.get_mut(&row.resource) else {
            return;
        };
        account.until(row.time);
        account.figures = Figures {
            guaranteed: row.guaranteed,
            limit: row.limit,
            used: row.used,
            borrowed: row.borrowed,
            lent: row.lent,
            pending: row.pending,
        };
        account.used_max = account.used_max.max(row.used);
        account.series.push(row.time, account.figures);
    }

    /// The run has ended.
    pub fn finish(&mut self, end: Time) {
        for account in self.accounts.values_mut().flat_map(BTreeMap::values_mut) {
            account.until(end);
        }
    }

    /// Each account with its resources.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &BTreeMap<Name, Account>)> {
        self.accounts.iter()
    }

    /// The figures.
    pub fn fairness(&self) -> Fairness {
        let shares: Vec<(i64, &Name)> = self
            .accounts
            .iter()
            .filter_map(|(name, resources)| {
                let worst = resources
                    .values()
                    .filter_map(|account| divided(account.served, account.entitled, 1_000_000))
                    .min()?;
                Some((worst, name))
            })
            .collect();
        let worst = shares.iter().min();
        Fairness {
            jain: jain(shares.iter().map(|share| share.0)).map(from_millionths),
            worst_share: worst.map(|worst| from_millionths(worst.0)),
            worst_account: worst.map(|worst| worst.1.clone()),
        }
    }
}

/// Jain's index, (Σx)² / (n Σx²), in millionths; 1 where all are zero: nobody got more than another.
fn jain(shares: impl Iterator<Item = i64>) -> Option<i64> {
    let (mut count, mut sum, mut squares) = (0_i128, 0_i128, 0_i128);
    for share in shares.map(i128::from) {
        count += 1;
        sum += share;
        squares += share * share;
    }
    match (count, squares) {
        (0, _) => None,
        (_, 0) => Some(1_000_000),
        _ => divided(sum * sum, count * squares, 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(time: i64, namespace: &str, guaranteed: i64, used: i64, pending: i64) -> TimelineRow {
        TimelineRow {
            time: Time(time),
            namespace: namespace.into(),
            resource: "cpu".into(),
            guaranteed,
            limit: None,
            used,
            borrowed: 0,
            lent: 0,
            pending,
        }
    }

    #[test]
    fn a_share_is_what_was_used_of_what_was_asked_for_within_the_guarantee() {
        let mut accounts = Accounts::new(Time(0));
        for row in [
            row(0, "idle", 10, 0, 0),
            row(0, "served", 10, 30, 5),
            // A quarter of the time it has 0 of 4, then 4 of 4.
            row(0, "waits", 10, 0, 4),
            row(250, "waits", 10, 4, 0),
        ] {
            accounts.row(&row);
        }
        accounts.finish(Time(1000));
        let fairness = accounts.fairness();
        assert_eq!(fairness.worst_share, Some(0.75));
        assert_eq!(fairness.worst_account.as_deref(), Some("waits"));
        // (1 + 0.75)² / (2 (1 + 0.5625))
        assert_eq!(fairness.jain, Some(0.98));
    }

    #[test]
    fn without_anybody_who_asks_there_is_no_fairness_to_measure() {
        let mut accounts = Accounts::new(Time(0));
        accounts.row(&row(0, "idle", 10, 0, 0));
        accounts.finish(Time(1000));
        assert_eq!(accounts.fairness(), Fairness::default());
    }

    #[test]
    fn one_who_has_all_among_four_makes_a_quarter() {
        assert_eq!(jain([1_000_000, 0, 0, 0].into_iter()), Some(250_000));
    }
}
