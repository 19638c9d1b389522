//! Room on nodes: what each node of a pool has, what is placed there, what is on its way out, and what is
//! earmarked there.
//!
//! A pod fits on a node when it fits now (terminating pods still take room) and also soon (once they have
//! ended and the earmarks have become use). For each set of nodes that some shapes may use, a tournament tree
//! over its nodes holds the largest free piece of each resource, so that finding a node and noting a change
//! cost the logarithm of the number of nodes.

mod alike;
mod fragmentation;
mod selector;
mod tournament;

use crate::ids::{NodeIx, NodeSetIx, PodIx, ShapeIx};
use crate::place::holds;
use crate::spec::{Name, NodeSelector, NodeSpec, Quantities, Template, Toleration};
use rustc_hash::FxHashMap;
pub(crate) use selector::{matches, selects};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tournament::Tournament;

/// How many templates are known by where they lie.
const RECENT_MAX: usize = 64;

/// Amounts of all resources that nodes have, in the order in which they were first heard of.
pub(crate) type Vector = SmallVec<[i64; 4]>;

/// A node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) spec: NodeSpec,
    allocatable: Vector,
    /// The same for all nodes with this allocatable.
    kind: u32,
    used: Vector,
    leaving: Vector,
    earmarked: Vector,
    /// Pods that are placed there, or are expected there.
    pub(crate) pods: BTreeSet<PodIx>,
    /// How many of them are expected, and not bound yet.
    expected: u32,
    /// Which node sets it is in, and at which position.
    positions: SmallVec<[(NodeSetIx, u32); 2]>,
    pub(crate) live: bool,
}

/// What a pod of one form asks of a node.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) request: Vector,
    pub(crate) nodes: NodeSetIx,
    pub(crate) template: Arc<Template>,
}

/// Nodes that shapes with the same selector and tolerations may use.
#[derive(Debug)]
struct NodeSet {
    selector: NodeSelector,
    tolerations: Vec<Toleration>,
    /// Invariant: sorted by name.
    members: Vec<NodeIx>,
    free: Tournament,
    alike: alike::Alike,
}

/// The nodes of one pool.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    resources: Vec<Name>,
    nodes: Vec<Node>,
    by_name: BTreeMap<Name, NodeIx>,
    shapes: Vec<Shape>,
    shape_by_template: FxHashMap<Arc<Template>, ShapeIx>,
    /// Templates seen lately, by where they lie.
    recent: Vec<Option<(Arc<Template>, ShapeIx)>>,
    sets: Vec<NodeSet>,
    popular: fragmentation::Popular,
    kinds: FxHashMap<Vector, u32>,
    set_by_rules: BTreeMap<(NodeSelector, Vec<Toleration>), NodeSetIx>,
    /// Nodes that have changed since this was last taken, if anybody takes it.
    pub(crate) marked: Option<BTreeSet<NodeIx>>,
}

/// `amount` of each resource that the vector has, 0 for those it has not heard of.
fn at(vector: &Vector, resource: usize) -> i64 {
    vector.get(resource).copied().unwrap_or(0)
}

fn add(vector: &mut Vector, other: &Vector, sign: i64) {
    if vector.len() < other.len() {
        vector.resize(other.len(), 0);
    }
    for (mine, theirs) in vector.iter_mut().zip(other) {
        *mine += theirs * sign;
    }
}

impl Rooms {
    fn resource(&mut self, name: &Name) -> usize {
        match self.resources.iter().position(|known| known == name) {
            Some(position) => position,
            None => {
                self.resources.push(name.clone());
                self.resources.len() - 1
            }
        }
    }

    fn vector(&mut self, quantities: &Quantities) -> Vector {
        let mut vector = Vector::new();
        for (name, &amount) in quantities {
            let resource = self.resource(name);
            if vector.len() <= resource {
                vector.resize(resource + 1, 0);
            }
            vector[resource] = amount;
        }
        vector
    }

    /// The names of the resources, in the order of [`Vector`].
    pub(crate) fn resource_names(&self) -> &[Name] {
        &self.resources
    }

    /// The shape of a template. The first of its kind looks at all nodes once.
    pub(crate) fn shape(&mut self, template: &Arc<Template>) -> ShapeIx {
        // Pods made together share their template: looking at where it lies is quicker than reading it.
        let slot = Arc::as_ptr(template).addr() / size_of::<Template>() % RECENT_MAX;
        if let Some(Some((recent, shape))) = self.recent.get(slot)
            && Arc::ptr_eq(recent, template)
        {
            return *shape;
        }
        let shape = self.shape_by_content(template);
        self.recent.resize(RECENT_MAX, None);
        self.recent[slot] = Some((template.clone(), shape));
        shape
    }

    fn shape_by_content(&mut self, template: &Arc<Template>) -> ShapeIx {
        if let Some(&shape) = self.shape_by_template.get(template) {
            return shape;
        }
        let request = self.vector(&template.request);
        let nodes = self.node_set(&template.nodes, &template.tolerations);
        let shape = ShapeIx::next(self.shapes.len());
        self.shapes.push(Shape {
            request,
            nodes,
            template: template.clone(),
        });
        self.shape_by_template.insert(template.clone(), shape);
        shape
    }

    fn node_set(&mut self, selector: &NodeSelector, tolerations: &[Toleration]) -> NodeSetIx {
        let key = (selector.clone(), tolerations.to_vec());
        if let Some(&set) = self.set_by_rules.get(&key) {
            return set;
        }
        let index = NodeSetIx::next(self.sets.len());
        self.sets.push(NodeSet {
            selector: selector.clone(),
            tolerations: tolerations.to_vec(),
            members: Vec::new(),
            free: Tournament::default(),
            alike: alike::Alike::default(),
        });
        self.set_by_rules.insert(key, index);
        self.rebuild(index);
        index
    }

    /// Collects the members of a node set anew. Costs all nodes; only when a set or a node is new, or a
    /// node's labels or taints change.
    fn rebuild(&mut self, index: NodeSetIx) {
        for &node in &self.sets[index.at()].members {
            self.nodes[node.at()]
                .positions
                .retain(|&mut (set, _)| set != index);
        }
        let set = &self.sets[index.at()];
        let members: Vec<NodeIx> = self
            .by_name
            .values()
            .copied()
            .filter(|&node| {
                let node = &self.nodes[node.at()];
                node.live && matches(&set.selector, &set.tolerations, &node.spec)
            })
            .collect();
        for (position, node) in (0u32..).zip(&members) {
            self.nodes[node.at()].positions.push((index, position));
        }
        let free: Vec<Vector> = members.iter().map(|&node| self.free(node)).collect();
        let mut alike = alike::Alike::default();
        for (position, (node, free)) in members.iter().zip(&free).enumerate() {
            alike.set(position, self.nodes[node.at()].kind, free);
        }
        let set = &mut self.sets[index.at()];
        set.alike = alike;
        set.members = members;
        set.free = Tournament::new(free);
    }

    /// Takes over a node. Returns its index.
    pub(crate) fn set_node(&mut self, spec: &NodeSpec) -> NodeIx {
        let allocatable = self.vector(&spec.allocatable);
        let kinds = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        let kind = *self.kinds.entry(allocatable.clone()).or_insert(kinds);
        let (index, moved) = match self.by_name.get(&spec.name) {
            Some(&index) => {
                let node = &mut self.nodes[index.at()];
                let moved = !node.live
                    || node.spec.labels != spec.labels
                    || node.spec.taints != spec.taints
                    || node.spec.schedulable != spec.schedulable;
                node.spec = spec.clone();
                node.allocatable = allocatable;
                node.kind = kind;
                node.live = true;
                (index, moved)
            }
            None => {
                let index = NodeIx::next(self.nodes.len());
                self.nodes.push(Node {
                    spec: spec.clone(),
                    allocatable,
                    kind,
                    used: Vector::new(),
                    leaving: Vector::new(),
                    earmarked: Vector::new(),
                    pods: BTreeSet::new(),
                    expected: 0,
                    positions: SmallVec::new(),
                    live: true,
                });
                self.by_name.insert(spec.name.clone(), index);
                (index, true)
            }
        };
        if moved {
            self.rebuild_sets_of(index);
        } else {
            self.refresh(index);
        }
        index
    }

    fn rebuild_sets_of(&mut self, index: NodeIx) {
        for set in 0..self.sets.len() {
            let set = NodeSetIx::next(set);
            let node = &self.nodes[index.at()];
            let was = node
                .positions
                .iter()
                .any(|&(member_of, _)| member_of == set);
            let rules = &self.sets[set.at()];
            let is = node.live && matches(&rules.selector, &rules.tolerations, &node.spec);
            if was != is {
                self.rebuild(set);
            }
        }
        self.refresh(index);
    }

    /// The node is gone, or belongs to another pool now. What is charged there stays until it has ended.
    pub(crate) fn remove_node(&mut self, name: &str) -> Option<NodeIx> {
        let index = self.find(name)?;
        self.nodes[index.at()].live = false;
        self.rebuild_sets_of(index);
        Some(index)
    }

    /// The node of that name.
    pub(crate) fn find(&self, name: &str) -> Option<NodeIx> {
        self.by_name.get(name).copied()
    }

    /// One node.
    pub(crate) fn node(&self, index: NodeIx) -> &Node {
        &self.nodes[index.at()]
    }

    /// One node, to note which pods it has.
    pub(crate) fn node_mut(&mut self, index: NodeIx) -> &mut Node {
        &mut self.nodes[index.at()]
    }

    /// One shape.
    pub(crate) fn shape_of(&self, shape: ShapeIx) -> &Shape {
        &self.shapes[shape.at()]
    }

    /// The nodes a shape may use, by name.
    pub(crate) fn nodes_for(&self, shape: ShapeIx) -> &[NodeIx] {
        &self.sets[self.shapes[shape.at()].nodes.at()].members
    }

    fn refresh(&mut self, index: NodeIx) {
        if let Some(marked) = &mut self.marked {
            marked.insert(index);
        }
        let free = self.free(index);
        let kind = self.nodes[index.at()].kind;
        for position in 0..self.nodes[index.at()].positions.len() {
            let (set, position) = self.nodes[index.at()].positions[position];
            let set = &mut self.sets[set.at()];
            set.free.set(position as usize, &free);
            set.alike.set(position as usize, kind, &free);
        }
    }

    /// What a node has free for somebody without an earmark there, now and soon.
    fn free(&self, index: NodeIx) -> Vector {
        let node = &self.nodes[index.at()];
        (0..self.resources.len())
            .map(|resource| {
                let held_back =
                    (at(&node.earmarked, resource) - at(&node.leaving, resource)).max(0);
                at(&node.allocatable, resource) - at(&node.used, resource) - held_back
            })
            .collect()
    }

    /// What a node will have free once what is on its way out has ended and earmarks are used.
    fn free_soon(&self, index: NodeIx, resource: usize) -> i64 {
        let node = &self.nodes[index.at()];
        at(&node.allocatable, resource) - at(&node.used, resource) + at(&node.leaving, resource)
            - at(&node.earmarked, resource)
    }

    /// Whether all that is placed, expected and earmarked on the node will fit there soon.
    pub(crate) fn is_sound_soon(&self, index: NodeIx) -> bool {
        (0..self.resources.len()).all(|resource| self.free_soon(index, resource) >= 0)
    }

    /// Whether one more pod of the shape will fit there soon.
    pub(crate) fn fits_soon(&self, index: NodeIx, shape: ShapeIx) -> bool {
        self.short_soon(index, shape).is_none()
    }

    /// Whether any node that the shape may use will have enough of one resource for it soon.
    pub(crate) fn has_piece_soon(&self, shape: ShapeIx, resource: &str) -> bool {
        let Some(resource) = self.resources.iter().position(|name| &**name == resource) else {
            return false;
        };
        let asks = at(&self.shapes[shape.at()].request, resource);
        self.nodes_for(shape)
            .iter()
            .any(|&node| asks <= self.free_soon(node, resource))
    }

    /// The first resource in which one more pod of the shape will not fit there soon.
    pub(crate) fn short_soon(&self, index: NodeIx, shape: ShapeIx) -> Option<usize> {
        let request = &self.shapes[shape.at()].request;
        (0..request.len()).find(|&resource| {
            request[resource] > 0 && request[resource] > self.free_soon(index, resource)
        })
    }

    /// Whether one more pod of the shape fits there now, beside all earmarks.
    pub(crate) fn fits_now(&self, index: NodeIx, shape: ShapeIx) -> bool {
        let node = &self.nodes[index.at()];
        node.positions
            .iter()
            .any(|&(set, _)| set == self.shapes[shape.at()].nodes)
            && holds(&self.free(index), &self.shapes[shape.at()].request)
    }

    /// What the node has free now beside all earmarks.
    pub(crate) fn free_beside_earmarks(&self, index: NodeIx) -> Vector {
        self.free(index)
    }

    /// What the node has of one resource, and what is asked for there.
    pub(crate) fn use_of(&self, index: NodeIx, resource: usize) -> (i64, i64) {
        let node = &self.nodes[index.at()];
        (at(&node.allocatable, resource), at(&node.used, resource))
    }

    /// The first node by name on which one more pod of the shape will fit soon. Looks at all that it may use.
    pub(crate) fn find_soon(&self, shape: ShapeIx) -> Option<NodeIx> {
        self.nodes_for(shape)
            .iter()
            .copied()
            .find(|&node| self.fits_soon(node, shape))
    }

    /// A pod takes room (`sign` 1) or gives it back (−1).
    pub(crate) fn take(&mut self, index: NodeIx, shape: ShapeIx, sign: i64) {
        add(
            &mut self.nodes[index.at()].used,
            &self.shapes[shape.at()].request,
            sign,
        );
        self.refresh(index);
    }

    /// A pod that takes room was asked to end (1), or has ended or is not to end after all (−1).
    pub(crate) fn leave(&mut self, index: NodeIx, shape: ShapeIx, sign: i64) {
        add(
            &mut self.nodes[index.at()].leaving,
            &self.shapes[shape.at()].request,
            sign,
        );
        self.refresh(index);
    }

    /// Room is kept for a request (1), or no longer (−1).
    pub(crate) fn earmark(&mut self, index: NodeIx, shape: ShapeIx, sign: i64) {
        add(
            &mut self.nodes[index.at()].earmarked,
            &self.shapes[shape.at()].request,
            sign,
        );
        self.refresh(index);
    }

    /// One more pod is expected there (1), or one fewer, because it is bound or gone (−1).
    pub(crate) fn expect(&mut self, index: NodeIx, change: i32) {
        let expected = &mut self.nodes[index.at()].expected;
        *expected = expected.saturating_add_signed(change);
        if let Some(marked) = &mut self.marked {
            marked.insert(index);
        }
    }

    /// How many pods are expected there, and not bound yet.
    pub(crate) fn expected(&self, index: NodeIx) -> u32 {
        self.nodes[index.at()].expected
    }

    /// Whether room is kept on the node: earmarked for a request, or for a pod that is admitted and not bound yet.
    pub(crate) fn keeps_room(&self, index: NodeIx) -> bool {
        let node = &self.nodes[index.at()];
        node.expected > 0 || node.earmarked.iter().any(|&amount| amount != 0)
    }

    /// Of the resource in which the largest piece falls short of the shape: its name, the largest piece, and
    /// what is free in all. For messages: looks at all nodes of the shape.
    pub(crate) fn largest_piece(&self, shape: ShapeIx) -> Option<(Name, i64, i64, i64)> {
        let request = &self.shapes[shape.at()].request;
        let mut worst: Option<(Name, i64, i64, i64)> = None;
        for resource in 0..request.len() {
            if request[resource] <= 0 {
                continue;
            }
            let mut largest = 0;
            let mut free = 0;
            for &node in self.nodes_for(shape) {
                let piece = at(&self.free(node), resource).max(0);
                largest = largest.max(piece);
                free += piece;
            }
            let found = (
                self.resources[resource].clone(),
                request[resource],
                largest,
                free,
            );
            if worst.is_none() || largest < request[resource] {
                let short = largest < request[resource];
                worst = Some(found);
                if short {
                    break;
                }
            }
        }
        worst
    }

    /// Sums of use and of what leaves, for checks: by node, in the order of indices.
    pub(crate) fn sums(&self) -> impl Iterator<Item = (NodeIx, &Vector, &Vector, &Vector)> {
        (0..self.nodes.len()).map(|node| {
            let index = NodeIx::next(node);
            let node = &self.nodes[node];
            (index, &node.used, &node.leaving, &node.earmarked)
        })
    }
}
