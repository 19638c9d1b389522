//! A driver of the engine: what a cluster would do, at once and without surprises.
//!
//! Admitted pods start in the instant of their admission, an owner makes replicas as soon as it is told to,
//! and a victim ends when the test says so. Beside the engine the world keeps its own books, from which the
//! second model computes what the engine should have done.

use super::drawing::{Drawing, bare_lease, quantities};
use super::print;
use engine::spec::{
    ElasticSpec, Group, LeaseKey, LeaseSpec, NodeSelector, NodeSpec, PodId, PodSpec, PoolSpec,
    Quantities, Reserve, Template, WorkloadKey,
};
use engine::{Action, Engine, Event, Span, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::amount::RESOURCES;

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not admitted.
    Waiting,
    /// Admitted, charged.
    Running,
    /// Asked to end, still charged.
    Leaving,
    /// Gone.
    Ended,
}

/// A pod in the world's books.
#[derive(Clone, Debug)]
pub struct Pod {
    /// What the engine was told.
    pub spec: PodSpec,
    /// The name of the set it was made with: a job, a gang, or its own.
    pub set: String,
    /// Its request in the drawing's resources.
    pub request: Vec<i64>,
    /// Where it is in its life.
    pub state: State,
    /// When it began to run.
    pub started: Option<Time>,
    /// Its number among those that were admitted.
    pub admitted: Option<usize>,
    /// The forecast node, if it has one.
    pub node: Option<String>,
}

/// An elastic workload in the world's books.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What the engine was told.
    pub spec: ElasticSpec,
    /// A replica's request.
    pub request: Vec<i64>,
    /// Replicas that the engine asked for last.
    pub target: u32,
    /// When it was shrunk last.
    pub shrunk: Option<Time>,
    made: u32,
}

/// What happened to the engine.
#[derive(Clone, Debug)]
pub enum Entry {
    /// It was told something.
    Fed(Time, Event),
    /// It decided.
    Decided(Time, Vec<Action>),
}

/// An engine with a cluster around it.
pub struct World {
    /// The engine under test.
    pub engine: Engine,
    /// The instant.
    pub now: Time,
    /// The pool as it is.
    pub pool: PoolSpec,
    /// The number of resources in use.
    pub resources: usize,
    /// Whether nodes count in sum only.
    pub sums_only: bool,
    /// Accepted leases, with their ends as renewed.
    pub leases: BTreeMap<LeaseKey, LeaseSpec>,
    /// The length of one term of each lease that has one.
    pub terms: BTreeMap<LeaseKey, Span>,
    /// Nodes that are there.
    pub nodes: BTreeMap<String, NodeSpec>,
    /// All pods that ever were.
    pub pods: BTreeMap<PodId, Pod>,
    /// Elastic workloads that are there.
    pub workloads: BTreeMap<WorkloadKey, Workload>,
    /// Accounts in the order drawn.
    pub drawn: Vec<String>,
    /// The wake-up that was asked for last.
    pub wake: Option<Time>,
    /// All that was fed and decided, to be played again.
    pub history: Vec<Entry>,
    /// Print why pods wait in the engine's own words.
    pub in_words: bool,
    lines: Vec<String>,
}

/// What the maker of a pod may say about it.
#[derive(Clone, Debug, Default)]
pub struct PodOptions {
    /// Its priority.
    pub priority: i32,
    /// The least number of members of its group.
    pub gang: Option<u32>,
    /// The name of its set.
    pub set: Option<String>,
    /// Nodes by label.
    pub on: Option<(String, String)>,
}

impl World {
    /// A world in which the drawing's leases are set and its uses are charged.
    pub fn of(text: &str) -> World {
        World::from_drawing(&Drawing::parse(text))
    }

    /// The same from a drawing that was made, not parsed.
    pub fn from_drawing(drawing: &Drawing) -> World {
        let resources = drawing.capacity.len();
        let mut world = World::empty(drawing, resources);
        world.feed(Event::PoolSet(world.pool.clone()));
        for lease in &drawing.leases {
            world.drawn.push(lease.lessee.to_string());
            world.set_lease(lease.clone());
        }
        for (namespace, used) in &drawing.uses {
            world.found(namespace, "found", used.clone(), PodOptions::default());
        }
        let actions = world.decide();
        let refused = actions.iter().find(|a| matches!(a, Action::Refuse { .. }));
        assert_eq!(refused, None, "the drawing is refused");
        world
    }

    fn empty(drawing: &Drawing, resources: usize) -> World {
        let all = |amounts: &[i64]| -> Vec<_> { amounts.iter().copied().map(Some).collect() };
        let reserve = quantities(&all(&drawing.reserve));
        let pool = PoolSpec {
            name: "general".into(),
            created: Time(0),
            node_selector: NodeSelector::default(),
            resources: RESOURCES[..resources].iter().map(|&r| r.into()).collect(),
            capacity: quantities(&all(&drawing.capacity)),
            reserve: reserve
                .into_iter()
                .map(|(name, amount)| (name, Reserve::Amount(amount)))
                .collect(),
            root_namespace: drawing.root.as_str().into(),
            checks_room: false,
        };
        World {
            engine: Engine::new(),
            now: Time(0),
            pool,
            resources,
            sums_only: drawing.sums_only,
            leases: BTreeMap::new(),
            terms: BTreeMap::new(),
            nodes: BTreeMap::new(),
            pods: BTreeMap::new(),
            workloads: BTreeMap::new(),
            drawn: Vec::new(),
            wake: None,
            history: Vec::new(),
            in_words: false,
            lines: Vec::new(),
        }
    }

    /// The world's books with an engine that knows nothing of them, to try a change on.
    pub fn books(&self) -> World {
        World {
            engine: Engine::new(),
            pool: self.pool.clone(),
            leases: self.leases.clone(),
            terms: self.terms.clone(),
            nodes: self.nodes.clone(),
            pods: self.pods.clone(),
            workloads: self.workloads.clone(),
            drawn: self.drawn.clone(),
            history: Vec::new(),
            lines: Vec::new(),
            ..*self
        }
    }

    /// Tells the engine.
    pub fn feed(&mut self, event: Event) {
        self.engine.feed(self.now, &event);
        self.history.push(Entry::Fed(self.now, event));
    }

    /// The same world with an engine that has just started and learns all from objects.
    pub fn restarted(&self) -> World {
        let mut world = self.books();
        world.wake = None;
        world.feed(Event::PoolSet(world.pool.clone()));
        for node in self.nodes.values() {
            world.feed(Event::NodeSet(node.clone()));
        }
        for (key, lease) in &self.leases {
            let mut written = lease.clone();
            let until = written.end;
            if let (Some(start), Some(&length)) = (written.start, self.terms.get(key)) {
                written.end = Some(start + length);
            }
            world.feed(Event::LeaseFound {
                has_lapsed: until.is_some_and(|until| until <= self.now),
                lease: Box::new(written),
                until,
            });
        }
        for workload in self.workloads.values() {
            world.feed(Event::WorkloadSet(workload.spec.clone()));
            world.feed(Event::WorkloadFound {
                key: workload.spec.key.clone(),
                granted: workload.target,
                shrunk: workload.shrunk,
            });
        }
        let mut admitted: Vec<_> = self
            .pods
            .values()
            .filter(|pod| pod.admitted.is_some())
            .collect();
        admitted.sort_by_key(|pod| pod.admitted);
        for pod in admitted {
            world.find_pod(pod);
        }
        for pod in self.pods.values().filter(|pod| pod.state == State::Waiting) {
            world.feed(Event::PodArrived(pod.spec.clone()));
        }
        world
    }

    /// What the objects say of a pod that was admitted before the start.
    fn find_pod(&mut self, pod: &Pod) {
        if !matches!(pod.state, State::Running | State::Leaving) {
            return;
        }
        let id = pod.spec.id;
        self.feed(Event::PodFound(pod.spec.clone()));
        if let Some(since) = pod.started {
            self.feed(Event::PodRunning { pod: id, since });
        }
        if let Some(node) = &pod.node {
            let node = node.as_str().into();
            self.feed(Event::PodPlaced { pod: id, node });
        }
        if pod.state == State::Leaving {
            self.feed(Event::PodLeaving { pod: id });
        }
    }

    /// Sets a lease; false if the engine refuses it.
    pub fn set_lease(&mut self, lease: LeaseSpec) -> bool {
        let event = Event::LeaseSet(lease.clone());
        let accepted = self.engine.check(self.now, &event).is_empty();
        self.feed(event);
        if accepted {
            if let (Some(start), Some(end)) = (lease.start, lease.end) {
                self.terms.insert(lease.key.clone(), end - start);
            }
            self.leases.insert(lease.key.clone(), lease);
        }
        accepted
    }

    /// Deletes a lease; false if the engine refuses it.
    pub fn remove_lease(&mut self, lessor: &str, name: &str) -> bool {
        let key = bare_lease(lessor, name, name, Time(0)).key;
        let event = Event::LeaseRemoved { key: key.clone() };
        let accepted = self.engine.check(self.now, &event).is_empty();
        self.feed(event);
        if accepted {
            self.leases.remove(&key);
        }
        accepted
    }

    /// Lets capacity follow nodes, and checks room on them if `checks_room`.
    pub fn follow_nodes(&mut self, checks_room: bool) {
        if !self.pool.capacity.is_empty() {
            self.pool.capacity = Quantities::new();
            self.pool.checks_room = checks_room;
            self.feed(Event::PoolSet(self.pool.clone()));
        }
    }

    /// Adds or changes a node.
    pub fn set_node(&mut self, node: NodeSpec) {
        self.nodes.insert(node.name.to_string(), node.clone());
        self.feed(Event::NodeSet(node));
        let drawn = super::model::holdings::capacity(self);
        let mut follower = self.books();
        follower.pool.capacity = Quantities::new();
        let of_nodes = super::model::holdings::capacity(&follower);
        // Once the nodes make up what was drawn, they are the capacity.
        if of_nodes
            .iter()
            .zip(&drawn)
            .all(|(nodes, drawn)| nodes >= drawn)
        {
            self.follow_nodes(!self.sums_only);
        }
    }

    /// Takes a node away.
    pub fn remove_node(&mut self, name: &str) {
        self.nodes.remove(name);
        self.feed(Event::NodeRemoved { node: name.into() });
    }

    fn template(&self, request: &[i64], on: Option<&(String, String)>) -> Arc<Template> {
        let mut asked = quantities(&request.iter().copied().map(Some).collect::<Vec<_>>());
        asked.insert("pods".into(), 1);
        let mut nodes = NodeSelector::default();
        if let Some((key, value)) = on {
            nodes
                .labels
                .insert(key.as_str().into(), value.as_str().into());
        }
        Arc::new(Template {
            request: asked,
            nodes,
            tolerations: Vec::new(),
            unchecked: false,
        })
    }

    fn make_pod(&mut self, ns: &str, name: &str, request: Vec<i64>, options: PodOptions) -> Pod {
        let set = options.set.unwrap_or_else(|| name.to_string());
        let group = options.gang.map(|min| Group {
            name: set.as_str().into(),
            min,
        });
        let number = u64::try_from(self.pods.len()).expect("few pods");
        let spec = PodSpec {
            id: PodId(number),
            namespace: ns.into(),
            name: name.into(),
            priority: options.priority,
            created: self.now,
            template: self.template(&request, options.on.as_ref()),
            pool: None,
            group,
            ordinal: None,
            workload: None,
        };
        Pod {
            spec,
            set,
            request,
            state: State::Waiting,
            started: None,
            admitted: None,
            node: None,
        }
    }

    fn next_admitted(&self) -> usize {
        let numbers = self.pods.values().filter_map(|pod| pod.admitted);
        numbers.max().map_or(0, |last| last + 1)
    }

    /// A pod arrives.
    pub fn pod(&mut self, ns: &str, name: &str, request: Vec<i64>, options: PodOptions) -> PodId {
        let pod = self.make_pod(ns, name, request, options);
        self.enter(pod)
    }

    fn enter(&mut self, pod: Pod) -> PodId {
        let id = pod.spec.id;
        self.feed(Event::PodArrived(pod.spec.clone()));
        self.pods.insert(id, pod);
        id
    }

    /// A pod is found running.
    pub fn found(&mut self, ns: &str, name: &str, request: Vec<i64>, options: PodOptions) -> PodId {
        let mut pod = self.make_pod(ns, name, request, options);
        let id = pod.spec.id;
        pod.state = State::Running;
        pod.started = Some(self.now);
        pod.admitted = Some(self.next_admitted());
        self.feed(Event::PodFound(pod.spec.clone()));
        self.pods.insert(id, pod);
        self.feed(Event::PodStarted { pod: id });
        id
    }

    /// An elastic workload is declared, or changed.
    pub fn set_workload(&mut self, mut spec: ElasticSpec, request: Vec<i64>) {
        spec.template = self.template(&request, None);
        self.feed(Event::WorkloadSet(spec.clone()));
        let known = self.workloads.remove(&spec.key);
        let (target, shrunk, made) = known.map_or((0, None, 0), |w| (w.target, w.shrunk, w.made));
        let workload = Workload {
            request,
            target,
            shrunk,
            made,
            spec,
        };
        self.workloads.insert(workload.spec.key.clone(), workload);
    }

    /// A pod ends.
    pub fn end(&mut self, id: PodId) {
        self.feed(Event::PodEnded { pod: id });
        self.pods.get_mut(&id).expect("a known pod").state = State::Ended;
    }

    /// Pods in a state.
    pub fn in_state(&self, state: State) -> Vec<PodId> {
        let these = self.pods.iter().filter(|(_, pod)| pod.state == state);
        these.map(|(&id, _)| id).collect()
    }

    /// The workload of a pod.
    pub fn workload_of(&self, id: PodId) -> Option<WorkloadKey> {
        let spec = &self.pods[&id].spec;
        let name = spec.workload.clone()?;
        Some(WorkloadKey {
            namespace: spec.namespace.clone(),
            name,
        })
    }

    /// One decision, with what follows from it at once in the books and in the cluster.
    pub fn decide(&mut self) -> Vec<Action> {
        let actions = self.engine.decide(self.now);
        self.history.push(Entry::Decided(self.now, actions.clone()));
        for action in &actions {
            self.obey(action);
        }
        actions
    }

    fn obey(&mut self, action: &Action) {
        match action {
            Action::Admit { pod, node } => self.start(*pod, node.as_deref()),
            Action::Scale {
                workload,
                from,
                to,
                remove,
                ..
            } => {
                for pod in remove {
                    self.pods.get_mut(pod).expect("a known pod").state = State::Leaving;
                }
                let now = self.now;
                let known = self.workloads.get_mut(workload).expect("a known workload");
                known.target = *to;
                if to < from {
                    known.shrunk = Some(now);
                }
            }
            Action::Evict { pod, .. } => {
                self.pods.get_mut(pod).expect("a known pod").state = State::Leaving;
                if let Some(key) = self.workload_of(*pod) {
                    let left = self.replicas(&key).len();
                    let left = u32::try_from(left).expect("few replicas");
                    self.workloads.get_mut(&key).expect("known").target = left;
                }
            }
            Action::Renew { lease, until } => {
                self.leases.get_mut(lease).expect("a known lease").end = Some(*until);
            }
            Action::WakeAt { at } => self.wake = Some(*at),
            Action::Hold { .. } | Action::Refuse { .. } => {}
        }
    }

    fn start(&mut self, id: PodId, node: Option<&str>) {
        let (now, number) = (self.now, self.next_admitted());
        let pod = self.pods.get_mut(&id).expect("a known pod");
        pod.state = State::Running;
        pod.admitted = Some(number);
        pod.node = node.map(str::to_string);
        if let Some(node) = node {
            let node = node.into();
            self.feed(Event::PodPlaced { pod: id, node });
        }
        if node.is_some() || !self.pool.checks_room {
            self.pods.get_mut(&id).expect("a known pod").started = Some(now);
            self.feed(Event::PodStarted { pod: id });
        }
    }

    /// A workload's pods that are not on their way out.
    pub fn replicas(&self, key: &WorkloadKey) -> Vec<PodId> {
        let these = self.pods.iter().filter(|(id, pod)| {
            matches!(pod.state, State::Waiting | State::Running)
                && self.workload_of(**id).as_ref() == Some(key)
        });
        these.map(|(&id, _)| id).collect()
    }

    /// Owners make the replicas that are missing; false if none were.
    pub fn make_replicas(&mut self) -> bool {
        let mut made = false;
        let keys: Vec<_> = self.workloads.keys().cloned().collect();
        for key in keys {
            let present = u32::try_from(self.replicas(&key).len()).expect("few replicas");
            for _ in present..self.workloads[&key].target {
                self.make_replica(&key);
                made = true;
            }
        }
        made
    }

    fn make_replica(&mut self, key: &WorkloadKey) {
        let workload = self.workloads.get_mut(key).expect("a known workload");
        let name = format!("{}-{}", key.name, workload.made);
        workload.made += 1;
        let (request, priority) = (workload.request.clone(), workload.spec.priority);
        let options = PodOptions {
            priority,
            set: Some(key.name.to_string()),
            ..PodOptions::default()
        };
        let mut pod = self.make_pod(&key.namespace, &name, request, options);
        pod.spec.workload = Some(key.name.clone());
        self.enter(pod);
    }

    /// Decides until owners have made what they were told to; the decisions, in order.
    pub fn settle(&mut self) -> Vec<Vec<Action>> {
        let mut decisions = vec![self.decide()];
        while self.make_replicas() {
            decisions.push(self.decide());
        }
        decisions
    }

    /// Lets time come to `then`, by way of the wake-ups that were asked for.
    pub fn go_to(&mut self, then: Time) {
        while let Some(at) = self.wake.filter(|&at| at < then) {
            self.wake = None;
            self.now = self.now.max(at);
            self.feed(Event::TimePassed);
            self.settle_and_write();
        }
        self.now = self.now.max(then);
    }

    fn settle_and_write(&mut self) {
        let actions = self.settle().concat();
        let lines = print::actions(self, &actions);
        self.lines.extend(lines);
    }

    /// Plays a listing of events: all lines of one instant, then a decision.
    pub fn play(&mut self, listing: &str) {
        let lines: Vec<_> = listing.lines().map(str::trim).collect();
        let lines = lines.into_iter().filter(|line| !line.is_empty());
        let timed = lines.map(super::listing::time_of).collect::<Vec<_>>();
        for instant in timed.chunk_by(|a, b| a.0 == b.0) {
            self.go_to(instant[0].0);
            for (_, line) in instant {
                super::listing::feed_line(self, line);
            }
            self.settle_and_write();
        }
    }

    /// All that was asked for, a line an action.
    pub fn transcript(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}
