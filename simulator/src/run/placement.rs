//! How good a node is for a pod: kube-scheduler's default scoring, and the simulator's own choices.
//!
//! Integers throughout. Divisions round as kube-scheduler's do: `LeastAllocated` and `BalancedAllocation`
//! each cut off to a whole number from 0 to 100.

use crate::model::Placement;
use engine::score::{EXTENDER_WEIGHT, NodeMix, SCORE_MAX, prioritize};

/// An extender's answer counts `weight × 100 / 10`, and the plugin is installed with [`EXTENDER_WEIGHT`]: it goes
/// before the two default scores (0 to 100 each), because a reclaim can only free what lies together.
const EXTENDER_FACTOR: i64 = EXTENDER_WEIGHT * 100 / SCORE_MAX;

/// `TaintToleration` has weight 3 among the default plugins.
const TAINT_WEIGHT: i64 = 3;

/// What a score is made of: one node, with the pod already on it.
pub(crate) struct Candidate<'a> {
    /// Allocatable by resource.
    pub(crate) allocatable: &'a [i64],
    /// Asked for by resource, the pod included.
    pub(crate) used: &'a [i64],
    /// Index of `cpu` and `memory`, where the cluster has them.
    pub(crate) scored: [Option<usize>; 2],
    /// Resources that the pod asks for.
    pub(crate) asked: &'a [(usize, i64)],
    /// Taints that would rather not have the pod: on this node, and on the worst.
    pub(crate) unwelcome: (i64, i64),
    /// What the plugin is told, and whether the pod may be asked back; absent: there is no plugin.
    pub(crate) plugin: Option<(bool, NodeMix)>,
}

/// Scores a node; higher is better.
pub(crate) fn score(placement: Placement, node: &Candidate<'_>) -> i64 {
    let own = match placement {
        Placement::KubeScheduler => least_allocated(node) + balanced_allocation(node),
        // Twice the range of the defaults, so that it weighs as much as they do.
        Placement::Pack | Placement::QuotaOnly => 200 * fullness(node) / MILLION,
        Placement::Spread => 200 - 200 * fullness(node) / MILLION,
    };
    let (here, worst) = node.unwelcome;
    let taints = if worst > 0 {
        TAINT_WEIGHT * (100 - 100 * here / worst)
    } else {
        0
    };
    let plugin = node.plugin.map_or(0, |(reclaimable, mix)| {
        EXTENDER_FACTOR * prioritize(reclaimable, false, mix)
    });
    own + taints + plugin
}

const MILLION: i64 = 1_000_000;

/// NodeResourcesFit with `LeastAllocated`: the mean of the free shares of cpu and memory.
fn least_allocated(node: &Candidate<'_>) -> i64 {
    let (mut sum, mut count) = (0, 0);
    for k in node.scored.into_iter().flatten() {
        let allocatable = node.allocatable[k];
        if allocatable > 0 {
            let free = (allocatable - node.used[k]).max(0);
            sum += times_over(free, 100, allocatable);
            count += 1;
        }
    }
    if count == 0 { 0 } else { sum / count }
}

/// NodeResourcesBalancedAllocation: 100 less half the difference of the used shares of cpu and memory.
fn balanced_allocation(node: &Candidate<'_>) -> i64 {
    let [Some(cpu), Some(memory)] = node.scored else {
        return 100;
    };
    let share = |k: usize| small_fraction(node.used[k], node.allocatable[k]);
    let (Some((u1, c1)), Some((u2, c2))) = (share(cpu), share(memory)) else {
        return 100;
    };
    let difference = (u1 * c2 - u2 * c1).abs();
    // (1 − d/2) × 100, cut off: what is taken away is rounded up. Below 2^28 each, so × 50 stays below 2^63.
    let taken = difference * 50;
    100 - (taken + c1 * c2 - 1) / (c1 * c2)
}

/// The mean used share of what the pod asks for, in millionths.
fn fullness(node: &Candidate<'_>) -> i64 {
    let (mut sum, mut count) = (0, 0);
    for &(k, _) in node.asked {
        if let Some((used, allocatable)) = small_fraction(node.used[k], node.allocatable[k]) {
            sum += used * MILLION / allocatable;
            count += 1;
        }
    }
    if count == 0 { 0 } else { sum / count }
}

/// `used / allocatable`, at most 1, in numbers below 2^28.
fn small_fraction(used: i64, allocatable: i64) -> Option<(i64, i64)> {
    if allocatable <= 0 {
        return None;
    }
    let bits = 64 - allocatable.leading_zeros();
    let shift = bits.saturating_sub(27);
    Some((used.clamp(0, allocatable) >> shift, allocatable >> shift))
}

/// `amount × factor / whole`, cut off. Amounts stay below 2^53 and the factor is 100.
fn times_over(amount: i64, factor: i64, whole: i64) -> i64 {
    amount.saturating_mul(factor) / whole
}

/// How many nodes with room kube-scheduler looks at before it takes the best of them (adaptive
/// `percentageOfNodesToScore`): all of up to 100, then a share that falls from half to a twentieth.
pub(crate) fn nodes_to_score(nodes: usize) -> usize {
    if nodes <= 100 {
        return nodes;
    }
    let percent = 50_usize.saturating_sub(nodes / 125).max(5);
    (nodes * percent / 100).max(100)
}
