//! Node events: drain, fail, recover, add.

use super::pods::{Fate, NONE, Stage, index};
use super::world::World;
use crate::model::NodeChange;
use engine::Event;
use engine::spec::{Name, PodId};

impl World<'_> {
    /// Nodes of a group change, the highest numbers first.
    pub(crate) fn change_nodes(&mut self, what: NodeChange, count: u32, group: Option<&Name>) {
        let groups = &self.scenario.cluster.groups;
        let named = group.and_then(|name| groups.iter().position(|other| other.name == *name));
        if self.without_nodes() {
            return self.change_sum(what, count, named);
        }
        match what {
            NodeChange::Drain | NodeChange::Fail => {
                for node in self.last_nodes(count, named) {
                    self.take_down(node, what == NodeChange::Fail);
                }
            }
            NodeChange::Recover => {
                for _ in 0..count {
                    let found = self.down.iter().rposition(|&down| {
                        named.is_none_or(|group| {
                            self.cluster.nodes[down as usize].group == index(group)
                        })
                    });
                    let Some(at) = found else { return };
                    let node = self.down.remove(at);
                    self.bring_up(node);
                }
            }
            NodeChange::Add => self.add_nodes(count, named.unwrap_or(0)),
        }
    }

    /// The nodes with the highest numbers of a group, or of the first group that has any.
    fn last_nodes(&self, count: u32, named: Option<usize>) -> Vec<u32> {
        let up = |group: usize| {
            let nodes = self.cluster.nodes.iter().enumerate().rev();
            let of_group =
                nodes.filter(move |(_, node)| node.group == index(group) && node.schedulable);
            of_group
                .map(|(node, _)| index(node))
                .take(count as usize)
                .collect::<Vec<u32>>()
        };
        match named {
            Some(group) => up(group),
            None => {
                let groups = 0..self.cluster.groups.len();
                groups
                    .map(up)
                    .find(|nodes| !nodes.is_empty())
                    .unwrap_or_default()
            }
        }
    }

    fn take_down(&mut self, node: u32, failed: bool) {
        self.cluster.set_schedulable(node, false);
        self.tables.use_changed = true;
        let mut pods = self.cluster.nodes[node as usize].pods.clone();
        pods.sort_by_key(|&pod| self.pods[pod].id);
        let span = self.scenario.cluster.pod_termination;
        for pod in pods {
            let leaving = self.pods[pod].stage == Stage::Leaving;
            self.totals.disruptions += u64::from(!leaving || failed);
            if !failed {
                self.leave(pod, Fate::Disrupted, span, false);
            } else {
                if !leaving {
                    self.pods[pod].fate = Fate::Disrupted;
                }
                self.end_pod(pod);
            }
        }
        let name = self.cluster.nodes[node as usize].name.clone();
        if failed {
            self.end_background(node);
            self.tell(Event::NodeRemoved { node: name });
        } else {
            self.tell(Event::NodeSet(self.cluster.spec(node)));
        }
        self.down.push(node);
    }

    /// A node is usable, with its background.
    pub(crate) fn bring_up(&mut self, node: u32) {
        self.cluster.set_schedulable(node, true);
        self.tables.use_changed = true;
        self.tell(Event::NodeSet(self.cluster.spec(node)));
        self.start_background(node);
    }

    fn add_nodes(&mut self, count: u32, group: usize) {
        let first = self.cluster.nodes.len();
        for _ in 0..count {
            let number = self.next_number[group];
            self.next_number[group] += 1;
            let name = format!("{}-{number}", self.scenario.cluster.groups[group].name);
            self.cluster.add_node(name.into(), index(group), 1);
        }
        self.cluster.rebuild();
        for node in first..self.cluster.nodes.len() {
            self.bring_up(index(node));
        }
    }

    fn start_background(&mut self, node: u32) {
        let group = self.cluster.nodes[node as usize].group as usize;
        let background = &self.scenario.cluster.groups[group].background;
        if background.is_empty() || self.cluster.nodes[node as usize].background.is_some() {
            return;
        }
        let each = self.cluster.amounts_of(background);
        let times = if self.without_nodes() {
            i64::from(self.group_sizes[group])
        } else {
            1
        };
        let amounts: Vec<i64> = each.iter().map(|amount| amount * times).collect();
        let id = self.new_id(NONE);
        self.cluster.charge(node, &amounts, false, 1);
        self.cluster.count_background(&amounts, 1);
        let place = &mut self.cluster.nodes[node as usize];
        place.background = Some(id);
        let event = Event::OutsidePlaced {
            pod: PodId(id),
            node: place.name.clone(),
            request: self.cluster.quantities_of(&amounts),
        };
        self.tell(event);
    }

    fn end_background(&mut self, node: u32) {
        let Some(id) = self.cluster.nodes[node as usize].background.take() else {
            return;
        };
        let group = self.cluster.nodes[node as usize].group as usize;
        let each = self
            .cluster
            .amounts_of(&self.scenario.cluster.groups[group].background);
        let times = if self.without_nodes() {
            i64::from(self.group_sizes[group])
        } else {
            1
        };
        let amounts: Vec<i64> = each.iter().map(|amount| amount * times).collect();
        self.cluster.charge(node, &amounts, false, -1);
        self.cluster.count_background(&amounts, -1);
        self.tell(Event::PodEnded { pod: PodId(id) });
    }

    /// With `quota-only` the sum changes and no pod ends.
    fn change_sum(&mut self, what: NodeChange, count: u32, named: Option<usize>) {
        let lost = matches!(what, NodeChange::Drain | NodeChange::Fail);
        let has_any = |group: &usize| !lost || self.group_sizes[*group] > 0;
        let Some(group) = named.or_else(|| (0..self.group_sizes.len()).find(has_any)) else {
            return;
        };
        let node = index(group);
        self.end_background(node);
        let size = self.group_sizes[group];
        self.group_sizes[group] = if lost {
            size.saturating_sub(count)
        } else {
            size.saturating_add(count)
        };
        self.cluster
            .resize(node, i64::from(self.group_sizes[group]));
        self.tables.use_changed = true;
        self.tell(Event::NodeSet(self.cluster.spec(node)));
        self.start_background(node);
    }
}
