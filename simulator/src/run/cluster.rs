//! The virtual cluster: nodes, what is used of them, and the forms of the pods that ask for them.

use super::fit::{FitTree, Need};
use super::pods::index;
use crate::model::NodeGroup;
use engine::score::NodeMix;
use engine::spec::{
    Name, NodeSelector, NodeSelectorTerm, NodeSpec, Operator, Quantities, Requirement, Taint,
    TaintEffect, Template, Toleration,
};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: Name,
    pub(crate) group: u32,
    pub(crate) schedulable: bool,
    /// Its pods.
    pub(crate) pods: Vec<u32>,
    /// The pod outside all leases that takes its background share.
    pub(crate) background: Option<u64>,
    /// Room promised to pods that wait for their victims: identity, priority, form.
    pub(crate) nominated: Vec<(u64, i32, u32)>,
}

/// What pods of one template have in common.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) template: Arc<Template>,
    pub(crate) need: Need,
    /// What it asks for, by resource of the cluster.
    pub(crate) request: Vec<i64>,
    /// By group of nodes: whether its nodes will do.
    pub(crate) groups: Vec<bool>,
    /// By group of nodes: taints that would rather not have it.
    pub(crate) unwelcome: Vec<i64>,
    /// It asks for nodes by name: each must be looked at.
    pub(crate) by_name: bool,
}

/// The cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Names of the resources, in the order of all vectors here.
    pub(crate) resources: Vec<Name>,
    pub(crate) groups: Vec<NodeGroup>,
    pub(crate) nodes: Vec<Node>,
    /// By node: changes whenever its use, its mix or its state does; never 0.
    pub(crate) versions: Vec<u32>,
    pub(crate) forms: Vec<Form>,
    form_of: FxHashMap<Arc<Template>, u32>,
    node_of: FxHashMap<Name, u32>,
    pub(crate) tree: FitTree,
    /// Index of `cpu` and `memory`.
    pub(crate) scored: [Option<usize>; 2],
    allocatable: Vec<i64>,
    used: Vec<i64>,
    reclaimable: Vec<i64>,
    /// Of what runs, the background of the nodes.
    pub(crate) background: Vec<i64>,
    /// Requests of running pods, by resource.
    pub(crate) running: Vec<i64>,
    /// Allocatable of the schedulable nodes, by resource.
    pub(crate) capacity: Vec<i64>,
    /// Nodes on which something was freed since the scheduler looked.
    pub(crate) freed: BTreeSet<u32>,
}

impl Cluster {
    /// A cluster without nodes; resources are those that any group has.
    pub(crate) fn new(groups: &[NodeGroup]) -> Cluster {
        let names: BTreeSet<&Name> = groups
            .iter()
            .flat_map(|group| group.node.allocatable.keys())
            .collect();
        let resources: Vec<Name> = names.into_iter().cloned().collect();
        let at = |name: &str| resources.iter().position(|other| &**other == name);
        Cluster {
            scored: [at("cpu"), at("memory")],
            groups: groups.to_vec(),
            nodes: Vec::new(),
            versions: Vec::new(),
            forms: Vec::new(),
            form_of: FxHashMap::default(),
            node_of: FxHashMap::default(),
            tree: FitTree::new(0, resources.len()),
            allocatable: Vec::new(),
            used: Vec::new(),
            reclaimable: Vec::new(),
            background: vec![0; resources.len()],
            running: vec![0; resources.len()],
            capacity: vec![0; resources.len()],
            freed: BTreeSet::new(),
            resources,
        }
    }

    /// Adds a node of a group, unschedulable as yet.
    pub(crate) fn add_node(&mut self, name: Name, group: u32, times: i64) -> u32 {
        let node = index(self.nodes.len());
        self.node_of.insert(name.clone(), node);
        self.nodes.push(Node {
            name,
            group,
            schedulable: false,
            pods: Vec::new(),
            background: None,
            nominated: Vec::new(),
        });
        self.versions.push(1);
        let allocatable = self.amounts_of(&self.groups[group as usize].node.allocatable);
        self.allocatable.extend(
            allocatable
                .iter()
                .map(|amount| amount.saturating_mul(times)),
        );
        self.used.resize(self.allocatable.len(), 0);
        self.reclaimable.resize(self.allocatable.len(), 0);
        node
    }

    /// Builds the search tree anew, after nodes were added.
    pub(crate) fn rebuild(&mut self) {
        self.tree = FitTree::new(self.nodes.len(), self.resources.len());
        for node in 0..self.nodes.len() {
            self.touch(node);
        }
    }

    /// The node as the engine is told of it.
    pub(crate) fn spec(&self, node: u32) -> NodeSpec {
        let entry = &self.nodes[node as usize];
        let of = &self.groups[entry.group as usize].node;
        NodeSpec {
            name: entry.name.clone(),
            labels: of.labels.clone(),
            taints: of.taints.clone(),
            allocatable: self.quantities_of(self.allocatable_of(node as usize)),
            schedulable: entry.schedulable,
        }
    }

    /// Makes a node usable or not.
    pub(crate) fn set_schedulable(&mut self, node: u32, schedulable: bool) {
        let entry = &mut self.nodes[node as usize];
        if entry.schedulable == schedulable {
            return;
        }
        entry.schedulable = schedulable;
        let sign = if schedulable { 1 } else { -1 };
        self.count_capacity(node, sign);
        self.touch(node as usize);
        if schedulable {
            self.freed.insert(node);
        }
    }

    /// Changes what a node has: it stands for so many of its group.
    pub(crate) fn resize(&mut self, node: u32, times: i64) {
        let group = self.nodes[node as usize].group;
        let amounts = self.amounts_of(&self.groups[group as usize].node.allocatable);
        if self.nodes[node as usize].schedulable {
            self.count_capacity(node, -1);
        }
        let r = self.resources.len();
        for (k, amount) in amounts.into_iter().enumerate() {
            self.allocatable[node as usize * r + k] = amount.saturating_mul(times);
        }
        if self.nodes[node as usize].schedulable {
            self.count_capacity(node, 1);
        }
        self.touch(node as usize);
        self.freed.insert(node);
    }

    fn count_capacity(&mut self, node: u32, sign: i64) {
        for k in 0..self.resources.len() {
            let amount = self.allocatable_of(node as usize)[k];
            self.capacity[k] += sign * amount;
        }
    }

    /// What a node's pods may ask for in all.
    pub(crate) fn allocatable_of(&self, node: usize) -> &[i64] {
        let r = self.resources.len();
        &self.allocatable[node * r..(node + 1) * r]
    }

    /// What its pods ask for.
    pub(crate) fn used_of(&self, node: usize) -> &[i64] {
        let r = self.resources.len();
        &self.used[node * r..(node + 1) * r]
    }

    /// Takes (`sign` 1) or gives back (−1) room on a node.
    pub(crate) fn charge(&mut self, node: u32, amounts: &[i64], reclaimable: bool, sign: i64) {
        let start = node as usize * self.resources.len();
        for (k, amount) in amounts.iter().enumerate() {
            self.used[start + k] += sign * amount;
            if reclaimable {
                self.reclaimable[start + k] += sign * amount;
            }
        }
        if sign < 0 {
            self.freed.insert(node);
        }
        self.touch(node as usize);
    }

    /// What the plugin knows of a node, in the resource of which most is used.
    pub(crate) fn mix(&self, node: usize) -> NodeMix {
        let r = self.resources.len();
        let allocatable = self.allocatable_of(node);
        let used = self.used_of(node);
        let leased = (0..r).filter(|&k| &*self.resources[k] != "pods");
        NodeMix::of(leased.map(|k| (allocatable[k], used[k], self.reclaimable[node * r + k])))
    }

    /// Counts (`sign` 1) or no longer counts (−1) a node's background as running.
    pub(crate) fn count_background(&mut self, amounts: &[i64], sign: i64) {
        for (k, amount) in amounts.iter().enumerate() {
            self.background[k] += sign * amount;
            self.running[k] += sign * amount;
        }
    }

    /// Whether the sums that are kept up step by step are those of the nodes, and of these running pods.
    pub(crate) fn sums_are_right(&self, running_pods: &[i64]) -> Result<(), String> {
        for (k, name) in self.resources.iter().enumerate() {
            let usable = (0..self.nodes.len()).filter(|&node| self.nodes[node].schedulable);
            let capacity: i64 = usable.map(|node| self.allocatable_of(node)[k]).sum();
            if capacity != self.capacity[k] {
                return Err(format!(
                    "{name}: the nodes have {capacity}, counted as {}",
                    self.capacity[k]
                ));
            }
            let over = (0..self.nodes.len()).find(|&node| self.used_of(node)[k] < 0);
            if let Some(node) = over {
                return Err(format!(
                    "{name}: less than nothing is used on {}",
                    self.nodes[node].name
                ));
            }
            if running_pods[k] + self.background[k] != self.running[k] {
                return Err(format!(
                    "{name}: running pods ask for {}, counted as {}",
                    running_pods[k] + self.background[k],
                    self.running[k]
                ));
            }
        }
        Ok(())
    }

    fn touch(&mut self, node: usize) {
        let r = self.resources.len();
        let entry = &self.nodes[node];
        self.versions[node] = self.versions[node].wrapping_add(1).max(1);
        let class = if entry.schedulable {
            1 << (entry.group % 64)
        } else {
            0
        };
        let mut free = [0_i64; 16];
        let mut longer: Vec<i64>;
        let free: &mut [i64] = if r <= free.len() {
            &mut free[..r]
        } else {
            longer = vec![0; r];
            &mut longer
        };
        for (k, free) in free.iter_mut().enumerate() {
            *free = self.allocatable[node * r + k] - self.used[node * r + k];
        }
        self.tree.set(node, free, class);
    }

    /// Amounts by resource of the cluster.
    pub(crate) fn amounts_of(&self, quantities: &Quantities) -> Vec<i64> {
        self.resources
            .iter()
            .map(|name| quantities.get(name).copied().unwrap_or(0))
            .collect()
    }

    /// The other way round.
    pub(crate) fn quantities_of(&self, amounts: &[i64]) -> Quantities {
        let pairs = self.resources.iter().cloned().zip(amounts.iter().copied());
        pairs.filter(|&(_, amount)| amount != 0).collect()
    }

    /// The form of a template; templates that say the same are one.
    pub(crate) fn form(&mut self, template: &Arc<Template>) -> u32 {
        if let Some(&form) = self.form_of.get(template) {
            return form;
        }
        let form = index(self.forms.len());
        let entry = self.describe(template);
        self.forms.push(entry);
        self.form_of.insert(template.clone(), form);
        form
    }

    fn describe(&self, template: &Arc<Template>) -> Form {
        let request = self.amounts_of(&template.request);
        // `pods` limits nothing where no node says how many it takes.
        let missing = template.request.iter().any(|(name, &amount)| {
            amount > 0 && &**name != "pods" && !self.resources.contains(name)
        });
        let groups: Vec<bool> = self
            .groups
            .iter()
            .map(|group| !missing && group_matches(template, &group.node))
            .collect();
        let mut classes = 0;
        for (group, _) in groups.iter().enumerate().filter(|(_, will_do)| **will_do) {
            classes |= 1 << (group % 64);
        }
        let amounts = request
            .iter()
            .copied()
            .enumerate()
            .filter(|&(_, amount)| amount > 0);
        Form {
            need: Need {
                amounts: amounts.collect(),
                classes,
            },
            unwelcome: self
                .groups
                .iter()
                .map(|group| unwelcome(&group.node.taints, &template.tolerations))
                .collect(),
            by_name: template
                .nodes
                .terms
                .iter()
                .any(|term| !term.names.is_empty()),
            template: template.clone(),
            request,
            groups,
        }
    }

    /// The node of that name.
    pub(crate) fn node_named(&self, name: &str) -> Option<u32> {
        self.node_of.get(name).copied()
    }

    /// Whether the node will do and has room.
    pub(crate) fn has_room(&self, form: &Form, node: usize) -> bool {
        self.tree.fits(node, &form.need) && self.will_do(form, node)
    }

    /// Whether a node will do for a form, room apart.
    pub(crate) fn will_do(&self, form: &Form, node: usize) -> bool {
        let entry = &self.nodes[node];
        entry.schedulable
            && form.groups[entry.group as usize]
            && (!form.by_name
                || selects(
                    &form.template.nodes,
                    &self.groups[entry.group as usize].node.labels,
                    Some(&entry.name),
                ))
    }
}

fn group_matches(template: &Template, node: &NodeSpec) -> bool {
    selects(&template.nodes, &node.labels, None)
        && node
            .taints
            .iter()
            .filter(|taint| taint.effect != TaintEffect::PreferNoSchedule)
            .all(|taint| tolerated(taint, &template.tolerations))
}

fn unwelcome(taints: &[Taint], tolerations: &[Toleration]) -> i64 {
    let count = taints
        .iter()
        .filter(|taint| {
            taint.effect == TaintEffect::PreferNoSchedule && !tolerated(taint, tolerations)
        })
        .count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|toleration| {
        toleration.key.as_ref().is_none_or(|key| *key == taint.key)
            && toleration
                .value
                .as_ref()
                .is_none_or(|value| *value == taint.value)
            && toleration
                .effect
                .is_none_or(|effect| effect == taint.effect)
    })
}

/// Whether a selector takes a node with these labels; without a name, whether it takes any such node.
pub(crate) fn selects(
    selector: &NodeSelector,
    labels: &BTreeMap<Name, Name>,
    name: Option<&Name>,
) -> bool {
    let labelled = selector
        .labels
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value));
    let term_holds = |term: &NodeSelectorTerm| {
        term.labels
            .iter()
            .all(|requirement| holds(requirement, labels))
            && (term.names.is_empty() || name.is_none_or(|name| term.names.contains(name)))
    };
    labelled && (selector.terms.is_empty() || selector.terms.iter().any(term_holds))
}

fn holds(requirement: &Requirement, labels: &BTreeMap<Name, Name>) -> bool {
    let value = labels.get(&requirement.key);
    let compared = |wanted: fn(&i64, &i64) -> bool| {
        let bound = requirement
            .values
            .first()
            .and_then(|bound| bound.parse::<i64>().ok());
        let value = value.and_then(|value| value.parse::<i64>().ok());
        value
            .zip(bound)
            .is_some_and(|(value, bound)| wanted(&value, &bound))
    };
    match requirement.operator {
        Operator::In => value.is_some_and(|value| requirement.values.contains(value)),
        Operator::NotIn => value.is_none_or(|value| !requirement.values.contains(value)),
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
        Operator::Gt => compared(i64::gt),
        Operator::Lt => compared(i64::lt),
    }
}
