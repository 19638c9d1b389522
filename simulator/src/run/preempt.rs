//! Kill-preemption as kube-scheduler does it, for the policy without leases.
//!
//! On each node, all pods of lower priority are thought away; if the pod fits then, they are put back, the
//! highest priority first, as long as it still does. Of the nodes, the one with the lowest highest victim is
//! taken, then the lowest sum of priorities, the fewest victims, the latest start of the highest victim.

use super::pods::{Fate, Stage, index};
use super::world::World;
use engine::spec::{Name, PodId};
use engine::{Action, Cause, Time};
use std::cmp::Reverse;

/// kube-scheduler looks at a tenth of the nodes, but at no fewer than 100 (`minCandidateNodes…`).
fn candidates_max(nodes: usize) -> usize {
    (nodes / 10).max(100)
}

/// Highest victim's priority, sum of priorities, number, start of the first of the highest (later is better).
type Cost = (i32, i128, usize, Reverse<Time>);

impl World<'_> {
    /// Makes room for a pod that found none. Whether victims were asked to end.
    pub(crate) fn preempt(&mut self, pod: u32) -> bool {
        let (id, priority) = (self.pods[pod].id, self.pods[pod].priority);
        if self.placed_by_priority.range(..priority).next().is_none() || self.waits_for_victims(id)
        {
            return false;
        }
        let mut best: Option<(Cost, u32, Vec<u32>)> = None;
        let mut seen = 0;
        for node in 0..self.cluster.nodes.len() {
            let Some(victims) = self.victims_on(node, pod) else {
                continue;
            };
            let cost = self.cost(&victims);
            if best.as_ref().is_none_or(|(other, ..)| cost < *other) {
                best = Some((cost, index(node), victims));
            }
            seen += 1;
            if seen >= candidates_max(self.cluster.nodes.len()) {
                break;
            }
        }
        let Some((_, node, victims)) = best else {
            return false;
        };
        let form = self.pods[pod].form;
        self.cluster.nodes[node as usize]
            .nominated
            .push((id, priority, form));
        let request: Name = format!(
            "{}-{}",
            self.works[self.pods[pod].work].name, self.pods[pod].number
        )
        .into();
        let span = self.scenario.cluster.pod_termination;
        for &victim in &victims {
            let work = self.pods[victim].work;
            self.works[work].evictions += 1;
            self.own_actions.push(Action::Evict {
                pod: PodId(self.pods[victim].id),
                grace: span,
                cause: Cause::Priority {
                    request: request.clone(),
                },
            });
            self.leave(victim, Fate::Evicted, span, true);
        }
        !victims.is_empty()
    }

    /// Whether the pod was promised a node on which somebody is still leaving; old promises are dropped.
    fn waits_for_victims(&mut self, id: u64) -> bool {
        let promised = self
            .cluster
            .nodes
            .iter()
            .position(|node| node.nominated.iter().any(|&(other, ..)| other == id));
        let Some(node) = promised else { return false };
        let leaving = self.cluster.nodes[node]
            .pods
            .iter()
            .any(|&pod| self.pods[pod].stage == Stage::Leaving);
        if !leaving {
            self.cluster.nodes[node]
                .nominated
                .retain(|&(other, ..)| other != id);
        }
        leaving
    }

    fn victims_on(&self, node: usize, pod: u32) -> Option<Vec<u32>> {
        let entry = &self.pods[pod];
        let form = &self.cluster.forms[entry.form as usize];
        if !self.cluster.will_do(form, node) {
            return None;
        }
        // What is leaving already counts as gone; what was promised to others of this priority does not.
        let mut free: Vec<i64> = self
            .cluster
            .allocatable_of(node)
            .iter()
            .zip(self.cluster.used_of(node))
            .map(|(allocatable, used)| allocatable - used)
            .collect();
        let shift = |free: &mut Vec<i64>, form: u32, sign: i64| {
            for (free, amount) in free
                .iter_mut()
                .zip(&self.cluster.forms[form as usize].request)
            {
                *free += sign * amount;
            }
        };
        for &(other, priority, form) in &self.cluster.nodes[node].nominated {
            if other != entry.id && priority >= entry.priority {
                shift(&mut free, form, -1);
            }
        }
        let mut lower = Vec::new();
        for &other in &self.cluster.nodes[node].pods {
            let candidate = &self.pods[other];
            if candidate.stage == Stage::Leaving {
                shift(&mut free, candidate.form, 1);
            } else if candidate.priority < entry.priority {
                shift(&mut free, candidate.form, 1);
                lower.push(other);
            }
        }
        let fits = |free: &Vec<i64>| {
            form.need
                .amounts
                .iter()
                .all(|&(k, amount)| amount <= free[k])
        };
        if !fits(&free) {
            return None;
        }
        lower.sort_by_key(|&pod| {
            let pod = &self.pods[pod];
            (
                Reverse(pod.priority),
                pod.started.unwrap_or(Time::MAX),
                pod.id,
            )
        });
        lower.retain(|&other| {
            let form = self.pods[other].form;
            shift(&mut free, form, -1);
            let stays = fits(&free);
            if !stays {
                shift(&mut free, form, 1);
            }
            !stays
        });
        Some(lower)
    }

    fn cost(&self, victims: &[u32]) -> Cost {
        let highest = victims
            .first()
            .map_or(i32::MIN, |&pod| self.pods[pod].priority);
        // kube-scheduler lifts each priority above 0, so that more victims weigh more.
        let sum = victims
            .iter()
            .map(|&pod| i128::from(self.pods[pod].priority) + (1 << 31))
            .sum();
        let first = victims
            .iter()
            .filter(|&&pod| self.pods[pod].priority == highest)
            .filter_map(|&pod| self.pods[pod].started)
            .min();
        (
            highest,
            sum,
            victims.len(),
            Reverse(first.unwrap_or(Time::MAX)),
        )
    }
}
