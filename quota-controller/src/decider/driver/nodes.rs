//! Nodes and namespaces.

use super::{Driver, Kind, Listed};
use crate::cluster::NamespaceSeen;
use engine::Event;
use engine::spec::{Name, NodeSpec};

impl Driver {
    pub(super) fn node_seen(&mut self, node: NodeSpec) {
        let round = self.round(Kind::Nodes);
        let name = node.name.clone();
        let before = self.nodes.insert(
            name.clone(),
            Listed {
                round,
                it: node.clone(),
            },
        );
        // A node's heartbeat changes nothing that counts.
        if !self.has_learned || before.is_some_and(|before| before.it == node) {
            return;
        }
        let pools = self.engine.pools_of_node(&name);
        self.feed(Event::NodeSet(node));
        if self.engine.pools_of_node(&name) != pools {
            // What runs there beside the leases takes room in another pool now.
            self.place_outside_again(&name);
        }
        self.news.pools.extend(self.pools.keys().cloned());
    }

    pub(super) fn node_gone(&mut self, name: &Name) {
        if self.nodes.remove(name).is_some() && self.has_learned {
            self.feed(Event::NodeRemoved { node: name.clone() });
            self.news.pools.extend(self.pools.keys().cloned());
        }
    }

    pub(super) fn namespace_seen(&mut self, namespace: &NamespaceSeen) {
        let round = self.round(Kind::Namespaces);
        let wants_label = !namespace.has_label && !namespace.is_ending;
        let listed = Listed {
            round,
            it: wants_label,
        };
        self.namespaces.insert(namespace.name.clone(), listed);
        self.news.namespaces.insert(namespace.name.clone());
    }

    /// Namespaces that are there, whose pods are charged and that lack the label.
    pub(in crate::decider) fn unlabelled(&self) -> impl Iterator<Item = &Name> {
        let without = self.namespaces.iter().filter(|(_, listed)| listed.it);
        without
            .map(|(name, _)| name)
            .filter(|name| self.engine.has_account(name))
    }

    /// Namespaces whose pods are charged.
    pub(in crate::decider) fn leased(&self) -> impl Iterator<Item = &Name> {
        self.namespaces
            .keys()
            .filter(|name| self.engine.has_account(name))
    }
}
