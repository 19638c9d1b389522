//! Node scores: what the scheduler plugin's `prioritize` answers, and the virtual scheduler adds.

/// What is known of one node, in its dominant resource's base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeMix {
    /// What its pods may ask for.
    pub allocatable: i64,
    /// Asked for by pods whose capacity may be asked back.
    pub reclaimable: i64,
    /// Asked for by all others.
    pub guaranteed: i64,
}

impl NodeMix {
    /// The mix in the resource of which most is asked for, the first of equals. Takes of each resource what the node
    /// has, what its pods ask for, and how much of that may be asked back.
    pub fn of(resources: impl IntoIterator<Item = (i64, i64, i64)>) -> NodeMix {
        let share =
            |allocatable: i64, used: i64| i128::from(used) * 1_000_000 / i128::from(allocatable);
        let mut most: Option<(i128, NodeMix)> = None;
        for (allocatable, used, reclaimable) in resources {
            if allocatable <= 0 {
                continue;
            }
            let share = share(allocatable, used);
            if most.is_none_or(|(most, _)| share > most) {
                let mix = NodeMix {
                    allocatable,
                    reclaimable,
                    guaranteed: used - reclaimable,
                };
                most = Some((share, mix));
            }
        }
        most.map_or_else(NodeMix::default, |(_, mix)| mix)
    }
}

/// The highest score.
pub const SCORE_MAX: i64 = 10;

/// What kube-scheduler multiplies the extender's scores with, as `deploy/scheduler` says: with this weight a node on which
/// the engine expects a pod has 2 points of [`SCORE_MAX`], so 600, more than any other, and the default scores that can
/// differ between nodes (least allocated, balanced, spread, taints) add up to less where no taint differs.
pub const EXTENDER_WEIGHT: i64 = 30;

/// The highest score of a node on which the engine does not expect the pod.
const SCORE_MAX_UNEXPECTED: i64 = 8;

/// Scores a node for a pod, 0 to [`SCORE_MAX`]. The node on which the engine expects the pod comes first: the
/// engine counts on the room it leaves elsewhere. For the others, reclaimable work goes where reclaimable work is, guaranteed
/// work where guaranteed work is, so that a reclaim frees whole nodes.
pub fn prioritize(pod_is_reclaimable: bool, is_expected: bool, mix: NodeMix) -> i64 {
    if is_expected {
        return SCORE_MAX;
    }
    if mix.allocatable <= 0 {
        return 0;
    }
    let (same, other) = if pod_is_reclaimable {
        (mix.reclaimable, mix.guaranteed)
    } else {
        (mix.guaranteed, mix.reclaimable)
    };
    let half = SCORE_MAX_UNEXPECTED / 2;
    let same = same.clamp(0, mix.allocatable);
    let other = other.clamp(0, mix.allocatable);
    let score = i128::from(half)
        + i128::from(half) * i128::from(same - other) / i128::from(mix.allocatable);
    i64::try_from(score)
        .unwrap_or(0)
        .clamp(0, SCORE_MAX_UNEXPECTED)
}
