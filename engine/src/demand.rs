//! Who waits, by place in the tree: for each account the children (and its own part) below which something
//! waits, in the order of fair share and in the order of age, grouped by the least that they ask for.
//!
//! A decision goes down from the root, or from a place that something was given back to, and passes over
//! whole groups that ask for more than there is: its cost follows the depth of the tree and the number of
//! different requests, not the number of accounts or of requests that wait.

use crate::amounts::Amounts;
use crate::ids::AccountId;
use crate::ratio::Ratio;
use crate::spec::Name;
use crate::time::Time;
use crate::tree::{Mask, Place};
use std::collections::{BTreeMap, BTreeSet};

/// Order of age: creation, then name.
pub(crate) type Age = (Time, Name);

/// What waits below a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The least that any request below asks for, resource by resource.
    pub(crate) need: Amounts,
    /// The most, likewise, or more.
    pub(crate) most: Amounts,
    /// The oldest request below.
    pub(crate) age: Age,
    /// Borrowed use of the place, for fair share.
    pub(crate) share: Ratio,
    /// Whether something is kept back below, which what is available above says nothing about.
    pub(crate) private: bool,
    /// Whether a lessor below has a limit, which what is available above says nothing about either.
    pub(crate) narrow: bool,
    /// The resources in which the place, or one below it, may cover a request. Empty where there is but one.
    pub(crate) coverable: Mask,
}

/// What is said of a whole level, of all places that wait there.
pub(crate) type Summary = Listed;

/// What places of a level must have in common to be passed over together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Alike {
    pub(crate) private: bool,
    pub(crate) coverable: Mask,
    pub(crate) need: Amounts,
}

/// Places of one level that ask for the same least.
#[derive(Debug, Default)]
pub(crate) struct Group {
    by_share: BTreeSet<(Ratio, Age, Place)>,
    by_age: BTreeSet<(Age, Place)>,
    /// The most that any of them has asked for since the group is.
    pub(crate) most: Amounts,
    /// Whether any of them was.
    pub(crate) narrow: bool,
}

/// The children of one account, and its own part, below which something waits.
#[derive(Debug, Default)]
pub(crate) struct Level {
    groups: BTreeMap<Alike, Group>,
}

impl Listed {
    /// What it shares with others of its group.
    fn alike(&self) -> Alike {
        Alike {
            private: self.private,
            coverable: self.coverable,
            need: self.need.clone(),
        }
    }

    /// Counts another request, or place, in.
    pub(crate) fn include(&mut self, need: &Amounts, most: &Amounts, age: &Age) {
        for resource in 0..need.len() {
            self.need[resource] = self.need[resource].min(need[resource]);
            self.most[resource] = self.most[resource].max(most[resource]);
        }
        if *age < self.age {
            self.age = age.clone();
        }
    }
}

/// The order in which places of a level are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Smallest share of what is borrowed first, then age.
    Share,
    /// Oldest first.
    Age,
}

/// All levels of a tree.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    levels: Vec<Level>,
    own: Vec<Option<Listed>>,
    whole: Vec<Option<Listed>>,
}

impl Demand {
    fn entry(&mut self, place: Place) -> &mut Option<Listed> {
        let (list, at) = match place {
            Place::Own(id) => (&mut self.own, id.at()),
            Place::Whole(id) => (&mut self.whole, id.at()),
        };
        if list.len() <= at {
            list.resize(at + 1, None);
        }
        &mut list[at]
    }

    /// Whether anything waits below the account.
    pub(crate) fn is_empty(&self, level: AccountId) -> bool {
        self.levels
            .get(level.at())
            .is_none_or(|level| level.groups.is_empty())
    }

    /// Whether the place is listed in its level.
    pub(crate) fn is_listed(&self, place: Place) -> bool {
        let (list, at) = match place {
            Place::Own(id) => (&self.own, id.at()),
            Place::Whole(id) => (&self.whole, id.at()),
        };
        list.get(at).is_some_and(Option::is_some)
    }

    /// Lists a place in its level anew, or takes it out.
    pub(crate) fn list(&mut self, level: AccountId, place: Place, listed: Option<Listed>) {
        let old = self.entry(place);
        if *old == listed {
            return;
        }
        let old = std::mem::replace(old, listed.clone());
        if self.levels.len() <= level.at() {
            self.levels.resize_with(level.at() + 1, Level::default);
        }
        let level = &mut self.levels[level.at()];
        if let Some(old) = old {
            let key = old.alike();
            if let Some(group) = level.groups.get_mut(&key) {
                group.by_share.remove(&(old.share, old.age.clone(), place));
                group.by_age.remove(&(old.age, place));
                if group.by_age.is_empty() {
                    level.groups.remove(&key);
                }
            }
        }
        if let Some(new) = listed {
            let group = level.groups.entry(new.alike()).or_default();
            group.most.raise(&new.most);
            group.narrow |= new.narrow;
            group.by_share.insert((new.share, new.age.clone(), place));
            group.by_age.insert((new.age, place));
        }
    }

    /// What holds of all places of a level together; nothing is said of their share.
    pub(crate) fn summary(&self, level: AccountId) -> Option<Summary> {
        let level = self.levels.get(level.at())?;
        let mut summary: Option<Summary> = None;
        for (alike, group) in &level.groups {
            let Some((age, _)) = group.by_age.first() else {
                continue;
            };
            let summary = summary.get_or_insert_with(|| Summary {
                need: alike.need.clone(),
                most: group.most.clone(),
                age: age.clone(),
                share: Ratio::ZERO,
                private: false,
                narrow: false,
                coverable: 0,
            });
            summary.include(&alike.need, &group.most, age);
            summary.private |= alike.private;
            summary.narrow |= group.narrow;
            summary.coverable |= alike.coverable;
        }
        summary
    }

    /// Goes through the places of a level by age, passing over groups that `may` refuses, until `visit` returns
    /// something.
    pub(crate) fn find_oldest<T>(
        &self,
        level: AccountId,
        may: impl Fn(&Alike, &Group) -> bool,
        mut visit: impl FnMut(Place) -> Option<T>,
    ) -> Option<T> {
        let groups = self.levels.get(level.at())?.groups.iter();
        let lists = groups
            .filter(|(alike, group)| may(alike, group))
            .map(|(_, group)| group.by_age.iter())
            .collect();
        merge(lists, |(_, place)| visit(*place))
    }

    /// Goes through the places of a level in order, passing over groups whose least need `fits` refuses, until
    /// `visit` returns something.
    pub(crate) fn find<T>(
        &self,
        level: AccountId,
        order: Order,
        fits: impl Fn(&Amounts) -> bool,
        mut visit: impl FnMut(Place) -> Option<T>,
    ) -> Option<T> {
        let groups = &self.levels.get(level.at())?.groups;
        let groups = groups
            .iter()
            .filter(|(alike, _)| alike.private || fits(&alike.need))
            .map(|(_, group)| group);
        match order {
            Order::Share => {
                let lists = groups.map(|group| group.by_share.iter()).collect();
                merge(lists, |(_, _, place)| visit(*place))
            }
            Order::Age => {
                let lists = groups.map(|group| group.by_age.iter()).collect();
                merge(lists, |(_, place)| visit(*place))
            }
        }
    }
}

/// Visits the entries of several sorted lists in their common order.
fn merge<'a, K: Ord + 'a, T>(
    mut lists: Vec<std::collections::btree_set::Iter<'a, K>>,
    mut visit: impl FnMut(&K) -> Option<T>,
) -> Option<T> {
    if let [list] = &mut lists[..] {
        return list.find_map(visit);
    }
    let mut heads: Vec<Option<&K>> = lists.iter_mut().map(Iterator::next).collect();
    loop {
        let (first, key) = heads
            .iter()
            .enumerate()
            .filter_map(|(at, head)| head.map(|key| (at, key)))
            .min_by(|(_, a), (_, b)| a.cmp(b))?;
        if let Some(found) = visit(key) {
            return Some(found);
        }
        heads[first] = lists[first].next();
    }
}
