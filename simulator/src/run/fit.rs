//! Finds nodes with room: a tree of the largest free amounts.
//!
//! Each inner vertex holds, for each resource, the most that any node below it has free, and which classes
//! of nodes are below it. A request that does not fit a vertex fits no node below it, so whole ranges of full
//! nodes are passed over: the next node with room is found in `O(log n)` where one resource decides, a full
//! cluster is recognised at the root, and a change of a node costs `O(log n)`.

/// What is asked of one node: resources that are needed at all, by index, and the classes that will do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Need {
    /// Resource and amount, amounts above 0 only.
    pub(crate) amounts: Vec<(usize, i64)>,
    /// One bit a class of nodes, modulo 64: a set bit says perhaps, a clear one says no.
    pub(crate) classes: u64,
}

/// The tree.
#[derive(Clone, Debug)]
pub(crate) struct FitTree {
    resources: usize,
    /// Leaves are `base..base + nodes`; vertex `i` has the children `2i` and `2i + 1`.
    base: usize,
    nodes: usize,
    free: Vec<i64>,
    classes: Vec<u64>,
}

impl FitTree {
    /// A tree for nodes that are all unusable as yet.
    pub(crate) fn new(nodes: usize, resources: usize) -> FitTree {
        let base = nodes.next_power_of_two().max(1);
        FitTree {
            resources,
            base,
            nodes,
            free: vec![i64::MIN; 2 * base * resources],
            classes: vec![0; 2 * base],
        }
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes
    }

    /// Says what a node has free, and its class as one bit; 0: unusable.
    pub(crate) fn set(&mut self, node: usize, free: &[i64], class: u64) {
        let mut vertex = self.base + node;
        let r = self.resources;
        self.free[vertex * r..(vertex + 1) * r].copy_from_slice(free);
        self.classes[vertex] = class;
        while vertex > 1 {
            vertex /= 2;
            let mut changed = false;
            for k in 0..r {
                let most = self.free[2 * vertex * r + k].max(self.free[(2 * vertex + 1) * r + k]);
                changed |= self.free[vertex * r + k] != most;
                self.free[vertex * r + k] = most;
            }
            let below = self.classes[2 * vertex] | self.classes[2 * vertex + 1];
            changed |= self.classes[vertex] != below;
            self.classes[vertex] = below;
            if !changed {
                break;
            }
        }
    }

    /// Whether the node has room.
    pub(crate) fn fits(&self, node: usize, need: &Need) -> bool {
        self.vertex_fits(self.base + node, need)
    }

    /// The first node from `from` on that has room.
    pub(crate) fn next(&self, from: usize, need: &Need) -> Option<usize> {
        if from >= self.nodes {
            return None;
        }
        let mut vertex = self.base + from;
        loop {
            if self.vertex_fits(vertex, need) {
                if vertex >= self.base {
                    return Some(vertex - self.base);
                }
                vertex *= 2;
                continue;
            }
            // Nothing below: on to the next subtree on the right, which may be a larger one.
            while vertex & 1 == 1 {
                vertex /= 2;
            }
            if vertex == 0 {
                return None;
            }
            vertex += 1;
        }
    }

    fn vertex_fits(&self, vertex: usize, need: &Need) -> bool {
        let free = &self.free[vertex * self.resources..(vertex + 1) * self.resources];
        self.classes[vertex] & need.classes != 0
            && need.amounts.iter().all(|&(k, amount)| amount <= free[k])
    }
}
