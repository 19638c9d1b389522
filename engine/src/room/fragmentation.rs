//! Which of the nodes with room a pod is expected on: the one where it strands the least.
//!
//! Fragmentation gradient descent (Weng et al., USENIX ATC 2023): what a node has free is stranded for each
//! form of pod that does not fit into it; forms count by how many of their pods there are. A pod goes where it
//! adds least to that.

use super::{Node, Rooms, Vector, at};
use crate::ids::{NodeIx, ShapeIx};

/// How many nodes with room are compared, the first by name: enough for all of a small cluster.
const CANDIDATES_MAX: usize = 256;

/// How many forms are looked at, those with the most pods.
const FORMS_MAX: usize = 8;

/// After so many changes the most frequent forms are sought anew.
const CHANGES_MAX: u32 = 64;

/// The forms with the most pods.
#[derive(Debug, Default)]
pub(super) struct Popular {
    /// Pods by shape.
    pods: Vec<i64>,
    most: Vec<ShapeIx>,
    changes: u32,
}

impl Popular {
    fn count(&mut self, shape: ShapeIx, pods: i64) {
        if self.pods.len() <= shape.at() {
            self.pods.resize(shape.at() + 1, 0);
        }
        self.pods[shape.at()] += pods;
        self.changes += 1;
        if self.changes >= CHANGES_MAX || self.most.len() < FORMS_MAX {
            self.changes = 0;
            let mut shapes: Vec<usize> = (0..self.pods.len())
                .filter(|&shape| self.pods[shape] > 0)
                .collect();
            shapes.sort_by_key(|&shape| (std::cmp::Reverse(self.pods[shape]), shape));
            shapes.truncate(FORMS_MAX);
            self.most = shapes.into_iter().map(ShapeIx::next).collect();
        }
    }
}

impl Rooms {
    /// So many pods of a form more, or fewer, run or wait or may come.
    pub(crate) fn count_pods(&mut self, shape: ShapeIx, pods: i64) {
        self.popular.count(shape, pods);
    }

    /// The node, of those on which one more pod of the shape fits now beside all earmarks, where it strands
    /// the least; the first by name of equals.
    pub(crate) fn find_now(&self, shape: ShapeIx) -> Option<NodeIx> {
        let request = &self.shapes[shape.at()].request;
        let set = &self.sets[self.shapes[shape.at()].nodes.at()];
        let mut best: Option<(i128, NodeIx)> = None;
        let mut from = 0;
        for _ in 0..CANDIDATES_MAX {
            let Some(position) = set.free.find_from(request, from) else {
                break;
            };
            from = position + 1;
            let index = set.members[position];
            let added = self.strands(index, request);
            if best.is_none_or(|(least, _)| added < least) {
                best = Some((added, index));
            }
        }
        best.map(|(_, index)| index)
    }

    /// How much more is stranded on the node when `request` is taken from what it has free.
    fn strands(&self, index: NodeIx, request: &Vector) -> i128 {
        let node = &self.nodes[index.at()];
        let before = self.free(index);
        let mut after = before.clone();
        for (free, asked) in after.iter_mut().zip(request) {
            *free -= asked;
        }
        self.stranded(node, &after) - self.stranded(node, &before)
    }

    /// What of `free` is stranded, in millionths of the node, weighted by pods.
    fn stranded(&self, node: &Node, free: &Vector) -> i128 {
        let forms = self.popular.most.iter();
        forms
            .map(|&shape| {
                let request = &self.shapes[shape.at()].request;
                if crate::place::holds(free, request) {
                    return 0;
                }
                let parts = request.iter().enumerate().filter(|&(_, &asked)| asked > 0);
                let stranded: i128 = parts
                    .map(|(resource, _)| {
                        let allocatable = at(&node.allocatable, resource).max(1);
                        i128::from(at(free, resource).max(0)) * 1_000_000 / i128::from(allocatable)
                    })
                    .sum();
                stranded * i128::from(self.popular.pods[shape.at()])
            })
            .sum()
    }
}
