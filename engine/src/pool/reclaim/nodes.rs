//! Room on nodes: on which node the victims of a pod are looked for.

use super::{Attempt, Phase, Victim};
use crate::ids::{NodeIx, ShapeIx};
use crate::pool::Pool;
use crate::ratio::Ratio;
use crate::spec::Name;
use crate::time::Span;
use std::cmp::Reverse;

/// How good a node is: nothing straddles, no whole unit, then the branch and account of rule 4, the least
/// highest priority, the fewest pods, the least work lost, the name. What its own account gives comes last
/// (rule 10).
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NodeRank {
    own: bool,
    straddling: bool,
    whole: bool,
    branch: Vec<(u32, Reverse<Ratio>, Name)>,
    priority: i32,
    pods: usize,
    work_lost: Span,
    name: Name,
}

/// A victim and the phase in which it was chosen.
type Taken = (Victim, Phase);

impl Pool {
    /// Takes victims on the best node on which they make room for the shape.
    pub(super) fn free_a_node(&mut self, attempt: &mut Attempt, shape: ShapeIx) -> Option<NodeIx> {
        let mut best: Option<(NodeRank, NodeIx, Vec<Taken>)> = None;
        for node in self.rooms.nodes_for(shape).to_vec() {
            if self.rooms.node(node).pods.is_empty() {
                continue;
            }
            let before = attempt.victims.len();
            let branch = self.first_branch(attempt, node);
            if self.clear(attempt, node, shape) {
                self.put_back_on(attempt, node, shape, before);
                let victims = attempt.victims[before..].to_vec();
                let rank = self.node_rank(node, branch, &victims);
                if best.as_ref().is_none_or(|(least, _, _)| rank < *least) {
                    best = Some((rank, node, victims));
                }
            }
            self.untake(attempt, before);
        }
        let (_, node, victims) = best?;
        for (victim, phase) in victims {
            self.take(attempt, victim, phase);
        }
        Some(node)
    }

    /// Takes victims on the node until the shape fits; whether it does.
    fn clear(&mut self, attempt: &mut Attempt, node: NodeIx, shape: ShapeIx) -> bool {
        while !self.rooms.fits_soon(node, shape) {
            let Some((victim, phase)) = self.next_victim(attempt, Some(node)) else {
                return false;
            };
            self.take(attempt, victim, phase);
        }
        true
    }

    /// Rule 5 on one node: what was taken there and is not needed stays.
    fn put_back_on(&mut self, attempt: &mut Attempt, node: NodeIx, shape: ShapeIx, from: usize) {
        attempt.taken_up_to.clear();
        for at in (from..attempt.victims.len()).rev() {
            let (victim, phase) = attempt.victims.remove(at);
            self.book_victim(&victim, -1);
            let goes_along = super::goes_with_its_minimum(&victim, &attempt.victims[at..]);
            if !goes_along && self.rooms.fits_soon(node, shape) {
                for pod in victim.pods(self) {
                    attempt.taken.remove(&pod);
                }
            } else {
                self.book_victim(&victim, 1);
                attempt.victims.insert(at, (victim, phase));
            }
        }
    }

    fn untake(&mut self, attempt: &mut Attempt, from: usize) {
        attempt.taken_up_to.clear();
        while attempt.victims.len() > from {
            if let Some((victim, _)) = attempt.victims.pop() {
                self.book_victim(&victim, -1);
                for pod in victim.pods(self) {
                    attempt.taken.remove(&pod);
                }
            }
        }
    }

    fn node_rank(
        &self,
        node: NodeIx,
        branch: Vec<(u32, Reverse<Ratio>, Name)>,
        victims: &[(Victim, Phase)],
    ) -> NodeRank {
        let now = self.decision.now;
        let pods: Vec<_> = victims
            .iter()
            .flat_map(|(victim, _)| victim.pods(self))
            .collect();
        let entries = || pods.iter().filter_map(|&pod| self.pod(pod));
        let lost = entries()
            .filter_map(|pod| pod.started)
            .map(|started| (now - started).0)
            .sum();
        NodeRank {
            own: victims.iter().any(|(_, phase)| phase.own),
            straddling: victims.iter().any(|(_, phase)| phase.straddling),
            whole: victims.iter().any(|(_, phase)| phase.whole),
            branch,
            priority: entries().map(|pod| pod.priority).max().unwrap_or(i32::MIN),
            pods: pods.len(),
            work_lost: Span(lost),
            name: self.rooms.node(node).spec.name.clone(),
        }
    }

    /// Where the first victim on the node stands by rule 4: its level, and at each level how much its branch is
    /// over its fair share.
    fn first_branch(
        &self,
        attempt: &mut Attempt,
        node: NodeIx,
    ) -> Vec<(u32, Reverse<Ratio>, Name)> {
        let Some((victim, _)) = self.next_victim(attempt, Some(node)) else {
            return Vec::new();
        };
        let Some(account) = victim.account(self) else {
            return Vec::new();
        };
        let top = self.tree.common(attempt.account, account);
        let mut path = self.tree.path(account).to_vec();
        path.reverse();
        let levels = path.into_iter().skip_while(|&id| id != top);
        levels
            .map(|level| {
                let child = self.tree.towards(level, account);
                let share = self
                    .tree
                    .share(crate::tree::View::Soon, level, child, attempt.lacking);
                let name = match child {
                    crate::tree::Place::Own(id) | crate::tree::Place::Whole(id) => {
                        self.tree.account(id).name.clone()
                    }
                };
                (self.tree.account(level).depth, Reverse(share), name)
            })
            .collect()
    }
}
