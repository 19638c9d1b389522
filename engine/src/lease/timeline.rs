//! Sums of amounts over all time, as the steps at which they change.

use crate::amounts::Amounts;
use crate::time::Time;
use std::collections::BTreeMap;
use std::collections::btree_map::Iter;
use std::iter::Peekable;

/// A half-open term: its start belongs to it, its end does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub start: Time,
    /// [`Time::MAX`]: for ever.
    pub end: Time,
}

impl Term {
    pub fn contains(self, at: Time) -> bool {
        self.start <= at && at < self.end
    }
}

/// A sum of amounts at every instant.
///
/// Invariant: no step is zero, so the number of steps is that of the instants at which the sum changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Timeline {
    steps: BTreeMap<Time, Amounts>,
}

impl Timeline {
    /// The same amounts for ever.
    pub fn constant(amounts: &Amounts) -> Timeline {
        let mut timeline = Timeline::default();
        timeline.step(Time::MIN, amounts, false);
        timeline
    }

    /// Adds `amounts` throughout `term`.
    pub fn add(&mut self, term: Term, amounts: &Amounts) {
        self.change(term, amounts, false);
    }

    /// Takes `amounts` away throughout `term`.
    pub fn subtract(&mut self, term: Term, amounts: &Amounts) {
        self.change(term, amounts, true);
    }

    fn change(&mut self, term: Term, amounts: &Amounts, negative: bool) {
        if term.start < term.end {
            self.step(term.start, amounts, negative);
            if term.end < Time::MAX {
                self.step(term.end, amounts, !negative);
            }
        }
    }

    fn step(&mut self, at: Time, amounts: &Amounts, negative: bool) {
        if amounts.is_zero() {
            return;
        }
        let step = self
            .steps
            .entry(at)
            .or_insert_with(|| Amounts::zero(amounts.len()));
        if negative {
            *step -= amounts;
        } else {
            *step += amounts;
        }
        if step.is_zero() {
            self.steps.remove(&at);
        }
    }

    /// The sum at one instant.
    pub fn at(&self, at: Time, resources: usize) -> Amounts {
        let mut cursor = self.cursor(resources);
        cursor.move_to(at);
        cursor.sum
    }

    fn cursor(&self, resources: usize) -> Cursor<'_> {
        Cursor {
            steps: self.steps.iter().peekable(),
            sum: Amounts::zero(resources),
        }
    }

    fn changes_between(&self, within: Term) -> impl Iterator<Item = Time> + '_ {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = (Excluded(within.start), Unbounded);
        let steps = self.steps.range(after).map(|(at, _)| *at);
        steps.take_while(move |at| *at < within.end)
    }
}

/// A walk along a timeline.
struct Cursor<'a> {
    steps: Peekable<Iter<'a, Time, Amounts>>,
    sum: Amounts,
}

impl Cursor<'_> {
    fn move_to(&mut self, at: Time) {
        while let Some((_, step)) = self.steps.next_if(|(time, _)| **time <= at) {
            self.sum += step;
        }
    }
}

/// What an account holds and what it has leased out and transferred away, at every instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holding {
    pub held: Timeline,
    pub leased: Timeline,
}

impl Holding {
    /// What is leased out beyond what is held at one instant.
    pub fn shortage_at(&self, at: Time, resources: usize) -> Amounts {
        let mut shortage = self.leased.at(at, resources);
        shortage -= &self.held.at(at, resources);
        for amount in &mut shortage.0 {
            *amount = (*amount).max(0);
        }
        shortage
    }
}

/// Over-commitment that a change would add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Excess {
    pub resource: usize,
    /// The first instant.
    pub at: Time,
    pub leased: i64,
    pub held: i64,
}

/// By resource, the first instant in `within` at which `after` is shorter than `before`.
pub(super) fn added(
    before: &Holding,
    after: &Holding,
    within: Term,
    resources: usize,
) -> Vec<Excess> {
    let lines = [&before.held, &before.leased, &after.held, &after.leased];
    let tolerated = |held: i64, leased: i64| leased.saturating_sub(held).max(0);
    let mut cursors = lines.map(|line| line.cursor(resources));
    first_excess(lines, &[], within, resources, |at, resource| {
        for cursor in &mut cursors {
            cursor.move_to(at);
        }
        let [held_before, leased_before, held, leased] =
            [0, 1, 2, 3].map(|line| cursors[line].sum[resource]);
        let is_added = tolerated(held, leased) > tolerated(held_before, leased_before);
        is_added.then_some((leased, held))
    })
}

/// A lease out of a holding: its term and amounts.
pub(super) type Grant<'a> = (Term, &'a Amounts);

/// By resource, the first instant from `now` on at which the holding is shorter with `new` in the place of `old`.
pub(super) fn added_by(
    holding: &Holding,
    old: Option<Grant<'_>>,
    new: Grant<'_>,
    now: Time,
    resources: usize,
) -> Vec<Excess> {
    let (term, _) = new;
    // Elsewhere the change takes nothing.
    let within = Term {
        start: term.start.max(now),
        end: term.end,
    };
    let ends = old.map_or([within.start; 2], |(old, _)| [old.start, old.end]);
    let of = |grant: Grant<'_>, at: Time, resource: usize| match grant.0.contains(at) {
        true => grant.1[resource],
        false => 0,
    };
    let lines = [&holding.held, &holding.leased];
    let mut cursors = lines.map(|line| line.cursor(resources));
    first_excess(lines, &ends, within, resources, |at, resource| {
        for cursor in &mut cursors {
            cursor.move_to(at);
        }
        let [held, leased] = [0, 1].map(|line| cursors[line].sum[resource]);
        let taken = old.map_or(0, |old| of(old, at, resource));
        let after = leased
            .saturating_sub(taken)
            .saturating_add(of(new, at, resource));
        let is_added = after > leased && after > held;
        is_added.then_some((after, held))
    })
}

/// By resource, the first instant in `within` at which `after` is shorter than `tolerated`.
pub(super) fn beyond(
    tolerated: &Amounts,
    after: &Holding,
    within: Term,
    resources: usize,
) -> Vec<Excess> {
    let lines = [&after.held, &after.leased];
    let mut cursors = lines.map(|line| line.cursor(resources));
    first_excess(lines, &[], within, resources, |at, resource| {
        for cursor in &mut cursors {
            cursor.move_to(at);
        }
        let [held, leased] = [0, 1].map(|line| cursors[line].sum[resource]);
        (leased.saturating_sub(held) > tolerated[resource]).then_some((leased, held))
    })
}

fn first_excess<const N: usize>(
    lines: [&Timeline; N],
    more: &[Time],
    within: Term,
    resources: usize,
    mut test: impl FnMut(Time, usize) -> Option<(i64, i64)>,
) -> Vec<Excess> {
    if within.start >= within.end {
        return Vec::new();
    }
    let mut instants = vec![within.start];
    for line in lines {
        instants.extend(line.changes_between(within));
    }
    instants.extend(more.iter().filter(|at| within.contains(**at)));
    // Runs that are sorted already: that is what this sort is quick at.
    instants.sort();
    instants.dedup();
    let mut found: Vec<Excess> = Vec::new();
    for at in instants {
        for resource in 0..resources {
            if found.iter().any(|excess| excess.resource == resource) {
                continue;
            }
            if let Some((leased, held)) = test(at, resource) {
                found.push(Excess {
                    resource,
                    at,
                    leased,
                    held,
                });
            }
        }
    }
    found.sort_by_key(|excess| excess.resource);
    found
}
