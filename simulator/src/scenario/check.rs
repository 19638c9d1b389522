//! What no single object can say about itself: asks the engine whether the leases fit, now and at each event.

use super::events::Placed;
use crate::model::{ChangeKind, Cluster, NodeChange};
use crate::problem::{Level, Problem};
use engine::spec::{LeaseSpec, Name, NodeSpec, PoolSpec};
use engine::{Action, Engine, Event, Refusal, Time};

/// Renewals between two events that are played at most: a lease that renews each second for a year would
/// otherwise cost more than the run itself.
const WAKE_UPS_MAX: usize = 20_000;

/// An initial object and the place where it stands.
pub type Initial<T> = (T, Problem);

/// All refusals: of what is in force at instant 0 as errors, of later changes as warnings.
pub fn check(
    start: Time,
    cluster: &Cluster,
    pools: &[Initial<PoolSpec>],
    leases: &[Initial<LeaseSpec>],
    events: &[Placed],
) -> Vec<Problem> {
    let mut play = Play {
        engine: Engine::new(),
        now: start,
        wake: None,
        nodes: Nodes::new(cluster),
        problems: Vec::new(),
    };
    for node in play.nodes.all() {
        play.engine.feed(start, &Event::NodeSet(node));
    }
    for (pool, place) in pools {
        play.change(Event::PoolSet(pool.clone()), place, Level::Error);
    }
    for (lease, place) in leases {
        play.change(Event::LeaseSet(lease.clone()), place, Level::Error);
    }
    play.settle();
    for placed in events {
        play.advance(placed.change.at);
        play.event(placed);
    }
    play.problems
}

struct Play {
    engine: Engine,
    now: Time,
    wake: Option<Time>,
    nodes: Nodes,
    problems: Vec<Problem>,
}

impl Play {
    /// Feeds a change, unless the model refuses it: then it is a problem.
    fn change(&mut self, event: Event, place: &Problem, level: Level) {
        let refusals = self.engine.check(self.now, &event);
        if refusals.is_empty() {
            self.engine.feed(self.now, &event);
        }
        for refusal in refusals {
            self.problems.push(problem(&refusal, level, place));
        }
    }

    fn event(&mut self, placed: &Placed) {
        let event = match &placed.change.what {
            ChangeKind::Pool(pool) => Event::PoolSet(pool.clone()),
            ChangeKind::Lease(lease) => Event::LeaseSet(lease.clone()),
            ChangeKind::DeleteLease(key) => Event::LeaseRemoved { key: key.clone() },
            ChangeKind::DeletePool(pool) => Event::PoolRemoved { pool: pool.clone() },
            // The bounds of an elastic workload touch no lease.
            ChangeKind::Elastic(_) | ChangeKind::DeleteElastic(_) => return,
            ChangeKind::Nodes { what, count, group } => {
                for event in self.nodes.change(*what, *count, group.as_ref()) {
                    self.engine.feed(self.now, &event);
                }
                return;
            }
        };
        self.change(event, &placed.place, Level::Warning);
    }

    /// Lets time pass until an event, with the renewals and expiries on the way.
    fn advance(&mut self, to: Time) {
        for _ in 0..WAKE_UPS_MAX {
            let Some(wake) = self.wake.filter(|wake| *wake < to) else {
                break;
            };
            self.now = wake.max(self.now);
            self.engine.feed(self.now, &Event::TimePassed);
            self.settle();
            if self.wake == Some(wake) {
                break;
            }
        }
        if to > self.now {
            self.settle();
            self.now = to;
            self.engine.feed(to, &Event::TimePassed);
        }
    }

    fn settle(&mut self) {
        for action in self.engine.decide(self.now) {
            if let Action::WakeAt { at } = action {
                self.wake = Some(at);
            }
        }
    }
}

/// A refusal in the words of a reader of the file.
fn problem(refusal: &Refusal, level: Level, place: &Problem) -> Problem {
    let problem = Problem {
        level,
        what: refusal.to_string(),
        ..place.clone()
    };
    match refusal {
        Refusal::Invalid { field, problem: what, .. } => Problem {
            field: Some(field.clone()),
            what: what.clone(),
            ..problem
        },
        Refusal::Overcommitted {
            account,
            held: 0,
            pool,
            ..
        } if level == Level::Error => problem.hint(format!(
            "`{account}` holds nothing then: does pool `{pool}` match any nodes, and has `{account}`, if it is not \
             the pool's root, a lease of its own for that time?"
        )),
        _ => problem,
    }
}

/// The nodes of the virtual cluster as events change them: the highest numbers of a group go first.
struct Nodes {
    groups: Vec<Group>,
}

struct Group {
    node: NodeSpec,
    /// How many there are, those that went included; they are numbered.
    count: u32,
    /// What went and in which way, the last one last.
    gone: Vec<(u32, NodeChange)>,
}

impl Nodes {
    fn new(cluster: &Cluster) -> Nodes {
        let groups = cluster.groups.iter();
        Nodes {
            groups: groups
                .map(|group| Group {
                    node: group.node.clone(),
                    count: group.count,
                    gone: Vec::new(),
                })
                .collect(),
        }
    }

    fn all(&self) -> Vec<NodeSpec> {
        let groups = self.groups.iter();
        groups
            .flat_map(|group| (0..group.count).map(|n| group.numbered(n)))
            .collect()
    }

    fn change(&mut self, what: NodeChange, count: u32, name: Option<&Name>) -> Vec<Event> {
        let has = |group: &Group| match what {
            NodeChange::Drain | NodeChange::Fail => group.present().next().is_some(),
            NodeChange::Recover => !group.gone.is_empty(),
            NodeChange::Add => true,
        };
        let group = match name {
            Some(name) => self.groups.iter_mut().find(|g| g.node.name == *name),
            None => self.groups.iter_mut().find(|g| has(g)),
        };
        let Some(group) = group else {
            return Vec::new();
        };
        let mut events = Vec::new();
        match what {
            NodeChange::Drain | NodeChange::Fail => {
                let wanted = usize::try_from(count).unwrap_or(usize::MAX);
                for n in group.present().take(wanted).collect::<Vec<_>>() {
                    group.gone.push((n, what));
                    let mut node = group.numbered(n);
                    events.push(match what {
                        NodeChange::Drain => {
                            node.schedulable = false;
                            Event::NodeSet(node)
                        }
                        _ => Event::NodeRemoved { node: node.name },
                    });
                }
            }
            NodeChange::Recover => {
                for _ in 0..count {
                    let Some((n, _)) = group.gone.pop() else {
                        break;
                    };
                    events.push(Event::NodeSet(group.numbered(n)));
                }
            }
            NodeChange::Add => {
                for _ in 0..count {
                    events.push(Event::NodeSet(group.numbered(group.count)));
                    group.count = group.count.saturating_add(1);
                }
            }
        }
        events
    }
}

impl Group {
    fn numbered(&self, n: u32) -> NodeSpec {
        NodeSpec {
            name: format!("{}-{n}", self.node.name).into(),
            ..self.node.clone()
        }
    }

    /// Those that are there, the highest number first.
    fn present(&self) -> impl Iterator<Item = u32> {
        let gone: std::collections::BTreeSet<u32> = self.gone.iter().map(|(n, _)| *n).collect();
        (0..self.count).rev().filter(move |n| !gone.contains(n))
    }
}
