//! The virtual kube-scheduler: a queue by priority and age, and the choice of a node.
//!
//! Pods of one form (template) are alike to it. When one of them finds no room, the others of its form would
//! not either, so the form is blocked until a node that could take it is freed: an event costs the forms that
//! wait, not the pods. Scores are remembered a form and node, until the node changes: with `s` nodes to
//! score, placing a pod costs `s` look-ups and the scores of the nodes that changed since.

use super::cluster::Cluster;
use super::placement::{Candidate, nodes_to_score, score};
use crate::model::Placement;
use engine::Time;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// A place in the queue: priority, age, identity; and the pod.
pub(crate) type Key = (Reverse<i32>, Time, u64, u32);

/// Scores are remembered for so many forms; beyond it they are computed each time. With 5,000 nodes a form
/// takes 120 kB, so this is 120 MB at most.
const REMEMBERED_FORMS_MAX: usize = 1000;

#[derive(Clone, Debug, Default)]
struct Queue {
    waiting: BTreeSet<Key>,
    blocked: bool,
    ready: bool,
    /// By reclaimable or not: version of the node, score.
    remembered: [Vec<(u32, i32)>; 2],
}

/// The queue of pods that wait for a node.
#[derive(Debug)]
pub(crate) struct Scheduler {
    placement: Placement,
    queues: Vec<Queue>,
    ready: Vec<u32>,
    blocked: BTreeSet<u32>,
    /// Forms of which a pod was kept off all nodes by earmarks: tried again each time.
    kept_off: Vec<u32>,
    next_start: usize,
    candidates: Vec<(i64, u32)>,
    /// The first of the best of them.
    best: usize,
}

/// What is known of a pod when a node is chosen.
pub(crate) struct Wish<'a> {
    pub(crate) form: u32,
    pub(crate) id: u64,
    pub(crate) priority: i32,
    /// Whether the plugin's scores count, and whether the pod may be asked back.
    pub(crate) plugin: Option<bool>,
    /// Whether it may be bound to the node.
    pub(crate) allowed: &'a dyn Fn(u32) -> bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This node.
    Node(u32),
    /// There is room, but it is kept for others.
    KeptOff,
    /// There is no room.
    NoRoom,
}

impl Scheduler {
    /// An empty queue.
    pub(crate) fn new(placement: Placement) -> Scheduler {
        Scheduler {
            placement,
            queues: Vec::new(),
            ready: Vec::new(),
            blocked: BTreeSet::new(),
            kept_off: Vec::new(),
            next_start: 0,
            candidates: Vec::new(),
            best: 0,
        }
    }

    /// Queues a pod. With `preempting`, one that comes to the front may help itself even where its form is blocked.
    pub(crate) fn enqueue(&mut self, form: u32, key: Key, preempting: bool) {
        if self.queues.len() <= form as usize {
            self.queues.resize_with(form as usize + 1, Queue::default);
        }
        let queue = &mut self.queues[form as usize];
        queue.waiting.insert(key);
        let first = preempting && queue.waiting.first() == Some(&key);
        if !queue.blocked || first {
            self.make_ready(form);
        }
    }

    /// Takes a pod out of the queue.
    pub(crate) fn remove(&mut self, form: u32, key: &Key) {
        if let Some(queue) = self.queues.get_mut(form as usize) {
            queue.waiting.remove(key);
        }
    }

    fn make_ready(&mut self, form: u32) {
        let queue = &mut self.queues[form as usize];
        if !queue.ready && !queue.waiting.is_empty() {
            queue.ready = true;
            self.ready.push(form);
        }
    }

    /// Says that a form found no room.
    pub(crate) fn block(&mut self, form: u32) {
        self.queues[form as usize].blocked = true;
        self.blocked.insert(form);
    }

    /// Says that a pod of this form was kept off.
    pub(crate) fn keep_off(&mut self, form: u32) {
        self.kept_off.push(form);
    }

    /// The first pods of all forms that may find a node now; none if there is nothing to try.
    pub(crate) fn heads(&mut self, cluster: &mut Cluster) -> BinaryHeap<Reverse<(Key, u32)>> {
        if !self.blocked.is_empty() {
            self.unblock(cluster);
        }
        cluster.freed.clear();
        for form in std::mem::take(&mut self.kept_off) {
            self.make_ready(form);
        }
        let mut heads = BinaryHeap::new();
        for form in std::mem::take(&mut self.ready) {
            let queue = &mut self.queues[form as usize];
            queue.ready = false;
            heads.extend(queue.waiting.first().map(|&key| Reverse((key, form))));
        }
        heads
    }

    fn unblock(&mut self, cluster: &Cluster) {
        let freed = &cluster.freed;
        let tree = &cluster.tree;
        let open: Vec<u32> = self
            .blocked
            .iter()
            .copied()
            .filter(|&form| {
                let need = &cluster.forms[form as usize].need;
                freed.iter().any(|&node| tree.fits(node as usize, need))
            })
            .collect();
        for form in open {
            self.blocked.remove(&form);
            self.queues[form as usize].blocked = false;
            self.make_ready(form);
        }
    }

    /// The pod behind this one in its form's queue.
    pub(crate) fn after(&self, form: u32, key: &Key) -> Option<Key> {
        let after = (std::ops::Bound::Excluded(*key), std::ops::Bound::Unbounded);
        self.queues[form as usize]
            .waiting
            .range(after)
            .next()
            .copied()
    }

    /// Chooses a node.
    pub(crate) fn choose(&mut self, cluster: &Cluster, wish: &Wish<'_>) -> Choice {
        let form = &cluster.forms[wish.form as usize];
        let nodes = cluster.tree.len();
        let most = match self.placement {
            Placement::KubeScheduler => nodes_to_score(nodes),
            Placement::Pack | Placement::Spread | Placement::QuotaOnly => nodes,
        };
        let start = if nodes == 0 {
            0
        } else {
            self.next_start % nodes
        };
        let mut kept_off = false;
        self.best = 0;
        // From `start` to the end, then from the beginning to `start`.
        for (from, to) in [(start, nodes), (0, start)] {
            let mut node = from;
            while node < to {
                let Some(score) = self.remembered_score(cluster, wish, node) else {
                    node = cluster.tree.next(node + 1, &form.need).unwrap_or(to);
                    continue;
                };
                node += 1;
                if !has_room_beside_nominated(cluster, node - 1, wish) {
                    continue;
                }
                let is_better = self
                    .candidates
                    .get(self.best)
                    .is_none_or(|best| score > best.0);
                if is_better {
                    self.best = self.candidates.len();
                }
                self.candidates.push((score, super::pods::index(node - 1)));
                if self.candidates.len() >= most {
                    match self.best_allowed(wish) {
                        Some(best) => {
                            self.next_start = node;
                            return Choice::Node(best);
                        }
                        None => kept_off = true,
                    }
                }
            }
        }
        // All nodes were looked at: the next search starts where this one did.
        let any = !self.candidates.is_empty();
        match self.best_allowed(wish) {
            Some(best) => Choice::Node(best),
            None if any || kept_off => Choice::KeptOff,
            None => Choice::NoRoom,
        }
    }

    /// The best candidate that is allowed, the first looked at of equals. Asks about the best ones only.
    fn best_allowed(&mut self, wish: &Wish<'_>) -> Option<u32> {
        let mut found = None;
        while let Some(&(_, node)) = self.candidates.get(self.best) {
            if (wish.allowed)(node) {
                found = Some(node);
                break;
            }
            self.candidates.remove(self.best);
            self.best = 0;
            for (n, candidate) in self.candidates.iter().enumerate() {
                if candidate.0 > self.candidates[self.best].0 {
                    self.best = n;
                }
            }
        }
        self.candidates.clear();
        self.best = 0;
        found
    }

    /// The score of a node for a form; none if it will not do. Both hold until the node changes.
    fn remembered_score(&mut self, cluster: &Cluster, wish: &Wish<'_>, node: usize) -> Option<i64> {
        if wish.form as usize >= REMEMBERED_FORMS_MAX {
            return fresh_score(self.placement, cluster, wish, node);
        }
        let side = usize::from(wish.plugin == Some(true));
        let remembered = &mut self.queues[wish.form as usize].remembered[side];
        if remembered.len() < cluster.nodes.len() {
            remembered.resize(cluster.nodes.len(), (0, UNFIT));
        }
        let version = cluster.versions[node];
        if remembered[node].0 != version {
            let fresh = fresh_score(self.placement, cluster, wish, node);
            let score = fresh.map_or(UNFIT, |score| i32::try_from(score).unwrap_or(i32::MAX));
            remembered[node] = (version, score);
        }
        let score = remembered[node].1;
        (score != UNFIT).then_some(i64::from(score))
    }
}

/// Remembered of a node that will not do.
const UNFIT: i32 = i32::MIN;

fn fresh_score(
    placement: Placement,
    cluster: &Cluster,
    wish: &Wish<'_>,
    node: usize,
) -> Option<i64> {
    let form = &cluster.forms[wish.form as usize];
    if !cluster.tree.fits(node, &form.need) || !cluster.will_do(form, node) {
        return None;
    }
    let used: smallvec::SmallVec<[i64; 8]> = cluster
        .used_of(node)
        .iter()
        .zip(&form.request)
        .map(|(used, request)| used + request)
        .collect();
    let group = cluster.nodes[node].group as usize;
    Some(score(
        placement,
        &Candidate {
            allocatable: cluster.allocatable_of(node),
            used: &used,
            scored: cluster.scored,
            asked: &form.need.amounts,
            unwelcome: (
                form.unwelcome[group],
                form.unwelcome.iter().copied().max().unwrap_or(0),
            ),
            plugin: wish
                .plugin
                .map(|reclaimable| (reclaimable, cluster.mix(node))),
        },
    ))
}

/// Whether room is left beside what is promised on this node to pods of the same or a higher priority.
fn has_room_beside_nominated(cluster: &Cluster, node: usize, wish: &Wish<'_>) -> bool {
    let nominated = &cluster.nodes[node].nominated;
    if nominated.is_empty() {
        return true;
    }
    let need = &cluster.forms[wish.form as usize].need;
    need.amounts.iter().all(|&(k, amount)| {
        let promised: i64 = nominated
            .iter()
            .filter(|&&(id, priority, _)| id != wish.id && priority >= wish.priority)
            .map(|&(_, _, form)| cluster.forms[form as usize].request[k])
            .sum();
        cluster.used_of(node)[k] + promised + amount <= cluster.allocatable_of(node)[k]
    })
}
