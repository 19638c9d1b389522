//! Which of the nodes with room a pod is expected on: the one where it strands the least.
//!
//! Fragmentation gradient descent (Weng et al., USENIX ATC 2023): what a node has free is stranded for each
//! form of pod that does not fit into it; forms count by how many of their pods there are. A pod goes where it
//! adds least to that.

use super::{NodeSet, Rooms, Vector, at};
use crate::ids::{NodeIx, ShapeIx};
use smallvec::SmallVec;

/// So many classes of nodes that are alike are compared, all of them; where there are more, so many of the nodes
/// with room, the first by name.
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
        let position = if set.alike.len() <= CANDIDATES_MAX {
            self.best_class(set, request)
        } else {
            self.best_of_first(set, request)
        };
        Some(set.members[position?])
    }

    /// Of each class of nodes one is looked at.
    fn best_class(&self, set: &NodeSet, request: &Vector) -> Option<usize> {
        let mut best: Option<(i128, usize)> = None;
        for class in set.alike.classes() {
            let Some(position) = class.first() else {
                continue;
            };
            if !crate::place::holds(&class.free, request) {
                continue;
            }
            let added = self.strands(set.members[position], &class.free, request);
            if best.is_none_or(|best| (added, position) < best) {
                best = Some((added, position));
            }
        }
        best.map(|(_, position)| position)
    }

    /// Nodes differ too much to look at all classes: the first with room.
    fn best_of_first(&self, set: &NodeSet, request: &Vector) -> Option<usize> {
        let mut seen = vec![false; set.alike.classes().len()];
        let mut best: Option<(i128, usize)> = None;
        let mut from = 0;
        for _ in 0..CANDIDATES_MAX {
            let Some(position) = set.free.find_from(request, from) else {
                break;
            };
            from = position + 1;
            let Some(class) = set.alike.class_of(position) else {
                continue;
            };
            if std::mem::replace(&mut seen[class], true) {
                continue;
            }
            let free = &set.alike.classes()[class].free;
            let added = self.strands(set.members[position], free, request);
            if best.is_none_or(|(least, _)| added < least) {
                best = Some((added, position));
            }
        }
        best.map(|(_, position)| position)
    }

    /// How much more is stranded on the node when `request` is taken from what it has free.
    fn strands(&self, index: NodeIx, before: &[i64], request: &Vector) -> i128 {
        let allocatable = &self.nodes[index.at()].allocatable;
        let mut after = Vector::from_slice(before);
        for (free, asked) in after.iter_mut().zip(request) {
            *free -= asked;
        }
        self.stranded(allocatable, &after) - self.stranded(allocatable, before)
    }

    /// What of `free` is stranded, in millionths of the node, weighted by pods.
    fn stranded(&self, allocatable: &Vector, free: &[i64]) -> i128 {
        let millionths: SmallVec<[i64; 4]> = free
            .iter()
            .enumerate()
            .map(|(resource, &free)| in_millionths(free.max(0), at(allocatable, resource).max(1)))
            .collect();
        let forms = self.popular.most.iter();
        forms
            .map(|&shape| {
                let request = &self.shapes[shape.at()].request;
                if crate::place::holds(free, request) {
                    return 0;
                }
                let parts = request.iter().zip(&millionths);
                let stranded: i64 = parts
                    .filter(|&(&asked, _)| asked > 0)
                    .map(|(_, &part)| part)
                    .sum();
                i128::from(stranded) * i128::from(self.popular.pods[shape.at()])
            })
            .sum()
    }
}

fn in_millionths(free: i64, allocatable: i64) -> i64 {
    match free.checked_mul(1_000_000) {
        Some(product) => product / allocatable,
        // Dividing 128 bits takes ten times as long, and is needed from nine terabytes on.
        None => i64::try_from(i128::from(free) * 1_000_000 / i128::from(allocatable))
            .unwrap_or(i64::MAX),
    }
}
