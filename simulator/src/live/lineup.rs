//! The steps of both sides, lined up.
//!
//! Each object's own steps are laid beside one another so that as few as possible stand alone. Then the pairs are
//! looked at in the order of time: what came later live and earlier simulated is out of order.

use super::Tolerance;
use super::steps::{Step, Verb};
use engine::spec::Name;
use serde::Serialize;
use std::collections::BTreeMap;

/// How a step compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The same on both sides.
    Same,
    /// The amounts differ, within the tolerance.
    Near,
    /// The amounts differ by more.
    Amount,
    /// The same, but not in its place among the others.
    Order,
    /// Decided live only.
    OnlyLive,
    /// Decided in the simulation only.
    OnlySimulated,
}

impl Verdict {
    /// Whether the sides agree.
    pub fn agrees(self) -> bool {
        matches!(self, Verdict::Same | Verdict::Near)
    }
}

/// A step of one side, and its counterpart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Live.
    pub live: Option<Step>,
    /// Simulated.
    pub simulated: Option<Step>,
    /// How they compare.
    pub verdict: Verdict,
}

impl Pair {
    /// When it began: live, where it is there.
    pub fn began(&self) -> i64 {
        let step = self.live.as_ref().or(self.simulated.as_ref());
        step.map_or(0, |step| step.began)
    }
}

/// Steps are not taken for the same if they begin further apart than so many times what counts as simultaneous.
const APART_MAX: i64 = 10;

/// The objects' own steps: those of pods let through, of pods evicted, of the size.
type Object<'a> = (&'a Name, &'a Name, u8);

/// Lines up the steps of a live run and of a simulated one.
pub fn line_up(live: &[Step], simulated: &[Step], tolerance: &Tolerance) -> Vec<Pair> {
    let mut objects: BTreeMap<Object<'_>, (Vec<&Step>, Vec<&Step>)> = BTreeMap::new();
    for step in live {
        objects.entry(object(step)).or_default().0.push(step);
    }
    for step in simulated {
        objects.entry(object(step)).or_default().1.push(step);
    }
    let mut pairs: Vec<Pair> = Vec::new();
    for (live, simulated) in objects.values() {
        pairs.extend(beside(live, simulated, tolerance));
    }
    // Ties go by object, as the map has them.
    pairs.sort_by_key(Pair::began);
    find_out_of_order(&mut pairs, tolerance);
    pairs
}

fn object(step: &Step) -> Object<'_> {
    let kind = match step.verb {
        Verb::Admit => 0,
        Verb::Evict => 1,
        Verb::Shrink | Verb::Grow => 2,
    };
    (&step.namespace, &step.workload, kind)
}

/// The steps of one object, with as few as possible alone, and of those ways one with as many alike as possible.
fn beside(live: &[&Step], simulated: &[&Step], tolerance: &Tolerance) -> Vec<Pair> {
    /// A step alone costs more than a pair whose amounts differ, however many those are.
    const ALONE: u32 = 2;
    let width = simulated.len() + 1;
    let at = |i: usize, k: usize| i * width + k;
    // costs[i][k]: the least with the first i live and the first k simulated steps.
    let mut costs = vec![0_u32; (live.len() + 1) * width];
    let cost = |one: &Step, other: &Step| {
        // Later than that it is another load's answer.
        let is_near = (one.began - other.began).abs() <= APART_MAX * tolerance.together.0;
        let may_pair = one.verb == other.verb && is_near;
        may_pair.then(|| u32::from(!amount(one, other, tolerance).agrees()))
    };
    for i in 0..=live.len() {
        for k in 0..=simulated.len() {
            let mut least = match (i, k) {
                (0, 0) => 0,
                _ => u32::MAX,
            };
            if i > 0 {
                least = least.min(costs[at(i - 1, k)].saturating_add(ALONE));
            }
            if k > 0 {
                least = least.min(costs[at(i, k - 1)].saturating_add(ALONE));
            }
            if i > 0
                && k > 0
                && let Some(cost) = cost(live[i - 1], simulated[k - 1])
            {
                least = least.min(costs[at(i - 1, k - 1)].saturating_add(cost));
            }
            costs[at(i, k)] = least;
        }
    }
    let mut pairs = Vec::new();
    let (mut i, mut k) = (live.len(), simulated.len());
    while i > 0 || k > 0 {
        let here = costs[at(i, k)];
        let as_pair = (i > 0 && k > 0)
            .then(|| cost(live[i - 1], simulated[k - 1]))
            .flatten();
        if as_pair.is_some_and(|cost| costs[at(i - 1, k - 1)].saturating_add(cost) == here) {
            (i, k) = (i - 1, k - 1);
            pairs.push(Pair {
                live: Some(live[i].clone()),
                simulated: Some(simulated[k].clone()),
                verdict: amount(live[i], simulated[k], tolerance),
            });
        } else if i > 0 && costs[at(i - 1, k)].saturating_add(ALONE) == here {
            i -= 1;
            pairs.push(Pair {
                live: Some(live[i].clone()),
                simulated: None,
                verdict: Verdict::OnlyLive,
            });
        } else {
            k -= 1;
            pairs.push(Pair {
                live: None,
                simulated: Some(simulated[k].clone()),
                verdict: Verdict::OnlySimulated,
            });
        }
    }
    pairs.reverse();
    pairs
}

fn amount(live: &Step, simulated: &Step, tolerance: &Tolerance) -> Verdict {
    match (live.amount, simulated.amount) {
        (live, simulated) if live == simulated => Verdict::Same,
        (live, simulated) if tolerance.holds(live.into(), simulated.into()) => Verdict::Near,
        _ => Verdict::Amount,
    }
}

/// Marks pairs that began after another one live and before it simulated, in both by more than what counts as
/// simultaneous. `pairs` are in the order of their live beginnings.
fn find_out_of_order(pairs: &mut [Pair], tolerance: &Tolerance) {
    let together = tolerance.together.0;
    let begun: Vec<Option<(i64, i64)>> = pairs
        .iter()
        .map(|pair| Some((pair.live.as_ref()?.began, pair.simulated.as_ref()?.began)))
        .collect();
    let both: Vec<(i64, i64)> = begun.iter().copied().flatten().collect();
    // The latest simulated beginning among those that began clearly earlier live.
    let (mut earlier, mut latest) = (0, i64::MIN);
    for (pair, begun) in pairs.iter_mut().zip(begun) {
        let Some((live, simulated)) = begun else {
            continue;
        };
        while both[earlier].0 < live - together {
            latest = latest.max(both[earlier].1);
            earlier += 1;
        }
        if latest > simulated.saturating_add(together) && pair.verdict.agrees() {
            pair.verdict = Verdict::Order;
        }
    }
}
