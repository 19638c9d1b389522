//! Nodes that are alike: those with the same allocatable and free amounts. What is asked of a node has the same
//! answer for all of them, and in most clusters there are few kinds.

use super::Vector;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// Nodes with the same amounts.
#[derive(Debug)]
pub(super) struct Class {
    /// Stands for what is allocatable.
    kind: u32,
    pub(super) free: Vector,
    /// Positions; none: the class is not in use.
    members: BTreeSet<u32>,
}

impl Class {
    /// The first of its nodes.
    pub(super) fn first(&self) -> Option<usize> {
        self.members.first().map(|&position| position as usize)
    }
}

/// The nodes of a set by class.
#[derive(Debug, Default)]
pub(super) struct Alike {
    classes: Vec<Class>,
    by_amounts: FxHashMap<(u32, Vector), u32>,
    unused: Vec<u32>,
    /// By position.
    class_of: Vec<Option<u32>>,
}

impl Alike {
    /// Sets what the node at a position has.
    pub(super) fn set(&mut self, position: usize, kind: u32, free: &Vector) {
        if self.class_of.len() <= position {
            self.class_of.resize(position + 1, None);
        }
        let member = u32::try_from(position).unwrap_or(u32::MAX);
        if let Some(old) = self.class_of[position] {
            let class = &mut self.classes[old as usize];
            if class.kind == kind && class.free == *free {
                return;
            }
            class.members.remove(&member);
            if class.members.is_empty() {
                let amounts = (class.kind, std::mem::take(&mut class.free));
                self.by_amounts.remove(&amounts);
                self.unused.push(old);
            }
        }
        let class = self.class(kind, free);
        self.classes[class as usize].members.insert(member);
        self.class_of[position] = Some(class);
    }

    fn class(&mut self, kind: u32, free: &Vector) -> u32 {
        let amounts = (kind, free.clone());
        if let Some(&class) = self.by_amounts.get(&amounts) {
            return class;
        }
        let new = Class {
            kind,
            free: free.clone(),
            members: BTreeSet::new(),
        };
        let class = match self.unused.pop() {
            Some(class) => {
                self.classes[class as usize] = new;
                class
            }
            None => {
                self.classes.push(new);
                u32::try_from(self.classes.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.by_amounts.insert(amounts, class);
        class
    }

    /// Number of classes.
    pub(super) fn len(&self) -> usize {
        self.by_amounts.len()
    }

    /// All classes, in no order that means anything; some may be empty.
    pub(super) fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// The class of the node at a position.
    pub(super) fn class_of(&self, position: usize) -> Option<usize> {
        self.class_of
            .get(position)
            .copied()
            .flatten()
            .map(|class| class as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_node_is_in_the_class_of_its_amounts_and_in_no_other(
            changes in prop::collection::vec((0usize..12, 0u32..2, 0i64..4), 1..80),
        ) {
            let mut alike = Alike::default();
            let mut nodes = std::collections::BTreeMap::new();
            for (position, kind, free) in changes {
                alike.set(position, kind, &Vector::from_slice(&[free]));
                nodes.insert(position, (kind, free));
            }
            let distinct: BTreeSet<_> = nodes.values().collect();
            prop_assert_eq!(alike.len(), distinct.len());
            let live = alike.classes().iter().filter(|class| class.first().is_some());
            prop_assert_eq!(live.count(), distinct.len());
            for (&position, &(kind, free)) in &nodes {
                let class = &alike.classes()[alike.class_of(position).unwrap()];
                prop_assert_eq!((class.kind, class.free.as_slice()), (kind, &[free][..]));
                let first = nodes.iter().find(|(_, amounts)| **amounts == (kind, free));
                prop_assert_eq!(class.first(), first.map(|(&position, _)| position));
            }
        }
    }
}
