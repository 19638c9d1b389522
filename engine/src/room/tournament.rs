//! A tournament tree over nodes: each inner knot holds, for each resource, the most that any node below has
//! free. A node with room is found by going down where there may be some.

use super::Vector;
use crate::place::holds;
use smallvec::{SmallVec, smallvec};

/// Free amounts of nodes in a fixed order.
#[derive(Debug, Default)]
pub(crate) struct Tournament {
    /// Number of nodes.
    nodes: usize,
    /// Number of leaves, a power of two.
    leaves: usize,
    resources: usize,
    /// Knot `i` has the children `2i` and `2i + 1`; the leaves begin at `leaves`.
    free: Vec<i64>,
}

impl Tournament {
    /// A tree over these amounts.
    pub(crate) fn new(free: Vec<Vector>) -> Tournament {
        let nodes = free.len();
        let leaves = nodes.next_power_of_two();
        let resources = free.iter().map(|free| free.len()).max().unwrap_or(0);
        let mut tree = Tournament {
            nodes,
            leaves,
            resources,
            free: vec![i64::MIN; 2 * leaves * resources],
        };
        for (position, free) in free.iter().enumerate() {
            let start = (leaves + position) * resources;
            tree.free[start..start + free.len()].copy_from_slice(free);
        }
        for knot in (1..leaves).rev() {
            tree.play(knot);
        }
        tree
    }

    /// Takes the better of both children; whether that changed anything.
    fn play(&mut self, knot: usize) -> bool {
        let mut changed = false;
        for resource in 0..self.resources {
            let left = self.free[2 * knot * self.resources + resource];
            let right = self.free[(2 * knot + 1) * self.resources + resource];
            let place = &mut self.free[knot * self.resources + resource];
            changed |= *place != left.max(right);
            *place = left.max(right);
        }
        changed
    }

    /// Sets what one node has free.
    pub(crate) fn set(&mut self, position: usize, free: &[i64]) {
        if free.len() > self.resources {
            self.widen(free.len());
        }
        let start = (self.leaves + position) * self.resources;
        if self.free[start..start + free.len()] == *free {
            return;
        }
        self.free[start..start + free.len()].copy_from_slice(free);
        let mut knot = (self.leaves + position) / 2;
        while knot >= 1 && self.play(knot) {
            knot /= 2;
        }
    }

    /// Makes room for resources that no node had before; nobody has any of them yet.
    fn widen(&mut self, resources: usize) {
        let mut free = vec![i64::MIN; 2 * self.leaves * resources];
        for knot in 0..2 * self.leaves {
            let (old, new) = (knot * self.resources, knot * resources);
            free[new..new + self.resources].copy_from_slice(&self.free[old..old + self.resources]);
        }
        self.resources = resources;
        self.free = free;
    }

    /// The first node, from a position on, that has what `request` asks for.
    pub(crate) fn find_from(&self, request: &[i64], from: usize) -> Option<usize> {
        if from >= self.nodes {
            return None;
        }
        // Neighbours are often alike: look at the very next one before going down from the top.
        let next = self.leaves + from;
        if holds(
            &self.free[next * self.resources..(next + 1) * self.resources],
            request,
        ) {
            return Some(from);
        }
        let mut stack: SmallVec<[(usize, usize); 24]> = smallvec![(1, self.leaves)];
        // Each entry: a knot, and how many leaves are below it.
        while let Some((knot, width)) = stack.pop() {
            let first = knot * width - self.leaves;
            let free = &self.free[knot * self.resources..(knot + 1) * self.resources];
            // A leaf without a node has nothing, which is enough for who asks for nothing.
            if first + width <= from || first >= self.nodes || !holds(free, request) {
                continue;
            }
            if width == 1 {
                return Some(first);
            }
            stack.push((2 * knot + 1, width / 2));
            stack.push((2 * knot, width / 2));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_the_first_node_with_room(
            nodes in prop::collection::vec(prop::collection::vec(0i64..10, 2), 0..40),
            changes in prop::collection::vec((0usize..40, 0i64..10, 0i64..10), 0..40),
            request in prop::collection::vec(0i64..12, 2),
            from in 0usize..40,
        ) {
            let mut nodes: Vec<Vector> = nodes.into_iter().map(Vector::from_vec).collect();
            let mut tree = Tournament::new(nodes.clone());
            for (at, a, b) in changes {
                if at < nodes.len() {
                    nodes[at] = Vector::from_slice(&[a, b]);
                    tree.set(at, &[a, b]);
                }
            }
            let expected = nodes.iter().skip(from).position(|free| holds(free, &request));
            prop_assert_eq!(tree.find_from(&request, from), expected.map(|found| found + from));
        }
    }
}
