//! The state of a run, and the loop over its instants.

use super::arrivals::Arrivals;
use super::cluster::Cluster;
use super::edl::Autoscaler;
use super::ledger::Ledger;
use super::pods::{Pod, Slab, Stage, Work};
use super::scheduler::Scheduler;
use super::services::ServiceState;
use super::start::group_in_pool;
use super::tables::Tables;
use super::timeline::Timeline;
use super::timers::{Due, Timers};
use super::watch::Watch;
use super::{Options, Progress, RunError};
use crate::model::{Placement, Policy, Scenario};
use crate::problem::Problem;
use crate::record::{RefusalRow, Sink, Totals};
use engine::snapshot::PoolFigures;
use engine::spec::{LeaseSpec, Name, PodId, PoolSpec, WorkloadKey};
use engine::{Action, Engine, Event, Refusal, Time};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Decisions at one instant before the run is stopped as restless. A run needs a handful; the most seen come
/// from workloads that are admitted one after the other with zero start-up.
const ROUNDS_MAX: u32 = 100_000;

/// Wake-ups in a row that change nothing, while nothing else is to come, after which a run is over: a lease
/// that renews for ever would keep it going for ever.
const IDLE_WAKES_MAX: u32 = 1000;

/// What the engine is still to be told of this instant, in the order of the lease model.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Pods and workloads that have ended.
    pub(crate) ends: Vec<Event>,
    /// Leases, nodes, and how pods get on.
    pub(crate) changes: Vec<Event>,
    /// What arrives.
    pub(crate) arrivals: Vec<Event>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.changes.is_empty() && self.arrivals.is_empty()
    }

    /// Takes back the news that a pod is there, if nobody has heard it yet.
    pub(crate) fn forget(&mut self, pod: PodId) -> bool {
        let before = self.arrivals.len() + self.changes.len();
        self.arrivals
            .retain(|event| !matches!(event, Event::PodArrived(spec) if spec.id == pod));
        self.changes.retain(
            |event| !matches!(event, Event::OutsidePlaced { pod: other, .. } if *other == pod),
        );
        before > self.arrivals.len() + self.changes.len()
    }

    fn take(&mut self) -> Vec<Event> {
        let count = self.ends.len() + self.changes.len() + self.arrivals.len();
        let mut events = Vec::with_capacity(count);
        events.append(&mut self.ends);
        events.append(&mut self.changes);
        events.append(&mut self.arrivals);
        events
    }
}

/// A run.
pub(crate) struct World<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) policy: Policy,
    pub(crate) sink: &'a mut dyn Sink,
    /// Decides, under the policies that have leases.
    pub(crate) engine: Option<Engine>,
    pub(crate) cluster: Cluster,
    pub(crate) scheduler: Scheduler,
    pub(crate) pods: Slab<Pod>,
    /// Slot of each pod by identity, which are given in order: 4 bytes for each pod that ever was.
    pub(crate) by_id: Vec<u32>,
    pub(crate) works: Slab<Work>,
    pub(crate) work_serial: u64,
    pub(crate) elastic: FxHashMap<WorkloadKey, u32>,
    pub(crate) services: Vec<ServiceState>,
    pub(crate) timers: Timers,
    pub(crate) arrivals: Arrivals<'a>,
    pub(crate) batch: Batch,
    pub(crate) ledger: Ledger,
    pub(crate) watch: Watch,
    pub(crate) tables: Tables,
    pub(crate) timeline: Timeline,
    pub(crate) autoscaler: Autoscaler,
    /// What a policy without the engine has decided at this instant.
    pub(crate) own_actions: Vec<Action>,
    /// Namespaces that ever had an account: pods elsewhere are outside all leases.
    pub(crate) leased: FxHashSet<Name>,
    /// Pools as they are, by name.
    pub(crate) pools: BTreeMap<Name, PoolSpec>,
    /// Leases as they were applied last, for the grace of their victims.
    pub(crate) leases: BTreeMap<engine::spec::LeaseKey, LeaseSpec>,
    pub(crate) elastic_specs: FxHashMap<WorkloadKey, engine::spec::ElasticSpec>,
    /// Nodes that went, last one last.
    pub(crate) down: Vec<u32>,
    /// With `quota-only`: how many nodes each group stands for, and what its background is.
    pub(crate) group_sizes: Vec<u32>,
    /// Next number of a node by group.
    pub(crate) next_number: Vec<u32>,
    /// Works whose end is to be forecast anew, and gangs of which a pod was lost.
    pub(crate) dirty: Vec<u32>,
    pub(crate) torn: Vec<u32>,
    /// Pods by priority that hold a node (for preemption).
    pub(crate) placed_by_priority: BTreeMap<i32, u32>,
    pub(crate) stamp: u64,
    pub(crate) wake_stamp: u64,
    pub(crate) now: Time,
    pub(crate) totals: Totals,
    /// The first mistake found in a series of counts.
    pub(crate) unreadable: Option<Problem>,
    /// The first invariant found broken.
    pub(crate) broken: Option<String>,
    /// Whether the present instant changed anything.
    pub(crate) moved: bool,
    idle_wakes: u32,
    started: bool,
    next_check: u64,
}

impl<'a> World<'a> {
    /// A world in which nothing has happened yet.
    pub(crate) fn new(
        scenario: &'a Scenario,
        policy: Policy,
        sink: &'a mut dyn Sink,
    ) -> Result<World<'a>, RunError> {
        let governed = !matches!(policy, Policy::None | Policy::Edl);
        let mut world = World {
            scenario,
            policy,
            sink,
            engine: governed.then(Engine::new),
            cluster: Cluster::new(&scenario.cluster.groups),
            scheduler: Scheduler::new(scenario.cluster.placement),
            pods: Slab::default(),
            by_id: Vec::new(),
            works: Slab::default(),
            work_serial: 0,
            elastic: FxHashMap::default(),
            services: Vec::new(),
            timers: Timers::default(),
            arrivals: Arrivals::open(scenario)?,
            batch: Batch::default(),
            ledger: Ledger::default(),
            watch: Watch::new(scenario),
            tables: Tables::default(),
            timeline: Timeline::default(),
            autoscaler: Autoscaler::default(),
            own_actions: Vec::new(),
            leased: FxHashSet::default(),
            pools: BTreeMap::new(),
            leases: BTreeMap::new(),
            elastic_specs: FxHashMap::default(),
            down: Vec::new(),
            group_sizes: Vec::new(),
            next_number: Vec::new(),
            dirty: Vec::new(),
            torn: Vec::new(),
            placed_by_priority: BTreeMap::new(),
            stamp: 0,
            wake_stamp: 0,
            now: scenario.start,
            totals: Totals {
                end: scenario.start,
                ..Totals::default()
            },
            unreadable: None,
            broken: None,
            moved: false,
            idle_wakes: 0,
            started: false,
            next_check: 1,
        };
        world.set_up()?;
        Ok(world)
    }

    /// Runs to the end.
    pub(crate) fn run(mut self, options: &Options<'_>) -> Result<Totals, RunError> {
        let mut instants: u64 = 0;
        while let Some(at) = self.next_instant() {
            if self.end().is_some_and(|end| at > end)
                || options.until.is_some_and(|until| at > until)
            {
                break;
            }
            if options
                .stop
                .is_some_and(|stop| stop.load(Ordering::Relaxed))
            {
                self.totals.interrupted = true;
                break;
            }
            self.instant(at)?;
            instants += 1;
            // A thousand instants take a millisecond or so: often enough for an eye.
            if instants.is_multiple_of(1024)
                && let Some(progress) = options.progress
            {
                progress(Progress {
                    now: at,
                    events: self.totals.events,
                });
            }
        }
        self.finish(options.until)
    }

    /// Works off all instants up to this one.
    pub(crate) fn advance_to(&mut self, until: Time) -> Result<(), RunError> {
        while let Some(at) = self.next_instant() {
            if at > until || self.end().is_some_and(|end| at > end) {
                break;
            }
            self.instant(at)?;
        }
        Ok(())
    }

    /// Every account's figures.
    pub(crate) fn figures(&self) -> Vec<PoolFigures> {
        self.engine.as_ref().map_or_else(Vec::new, Engine::figures)
    }

    fn end(&self) -> Option<Time> {
        self.scenario
            .duration
            .map(|duration| self.scenario.start + duration)
    }

    fn next_instant(&self) -> Option<Time> {
        if !self.started {
            return Some(self.scenario.start);
        }
        let arrival = self.arrivals.next_at();
        if arrival.is_none() && !self.timers.any_moving() {
            let over =
                self.idle_wakes >= IDLE_WAKES_MAX || self.works.iter().all(|(_, work)| work.gone);
            if over {
                return None;
            }
        }
        let next = [arrival, self.timers.next_at()]
            .into_iter()
            .flatten()
            .min()?;
        Some(next.max(self.now))
    }

    fn instant(&mut self, at: Time) -> Result<(), RunError> {
        self.started = true;
        self.now = at;
        self.moved = false;
        self.work_off_timers();
        while let Some(job) = self.arrivals.take(at)? {
            self.totals.events += 1;
            self.submit(job);
        }
        self.settle()?;
        self.look_at_waiting();
        self.write_rows();
        if self.moved {
            self.idle_wakes = 0;
            self.totals.end = at;
        } else {
            self.idle_wakes += 1;
        }
        if self.totals.events >= self.next_check {
            self.next_check = self.totals.events.saturating_mul(2);
            self.check_everything();
        }
        self.stop_if_broken()
    }

    fn work_off_timers(&mut self) {
        while let Some(due) = self.timers.take(self.now) {
            self.totals.events += 1;
            self.happen(due);
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::PodDone { pod } => {
                if let Some(pod) = self.slot(pod) {
                    self.pod_done(pod);
                }
            }
            Due::PodGone { pod } => {
                if let Some(pod) = self.slot(pod) {
                    self.end_pod(pod);
                }
            }
            Due::PodStarted { pod } => {
                if let Some(pod) = self.slot(pod) {
                    self.pod_started(pod);
                }
            }
            Due::JobDone { work, stamp } => {
                if !self.works[work].gone && self.works[work].stamp == stamp {
                    self.job_done(work);
                }
            }
            Due::JobUntil { work, serial } => {
                if !self.works[work].gone && self.works[work].serial == serial {
                    self.close(work, crate::record::Outcome::Killed);
                }
            }
            Due::Change { index } => self.change(index),
            Due::Service { index } => self.service_step(index),
            Due::Wake { stamp } => {
                if stamp == self.wake_stamp {
                    self.batch.changes.push(Event::TimePassed);
                }
            }
            Due::Autoscale => self.autoscaler.due = true,
        }
    }

    /// Feeds, decides and carries out until nothing is left to do at this instant.
    fn settle(&mut self) -> Result<(), RunError> {
        let mut rounds = 0;
        loop {
            self.tear_gangs();
            self.forecast_ends();
            self.autoscale();
            self.decide();
            self.schedule();
            self.work_off_timers();
            self.stop_if_broken()?;
            if self.batch.is_empty()
                && self.torn.is_empty()
                && self.dirty.is_empty()
                && !self.autoscaler.due
                && self.timers.next_at().is_none_or(|next| next > self.now)
            {
                return Ok(());
            }
            rounds += 1;
            if rounds > ROUNDS_MAX {
                self.broken = Some(format!(
                    "it does not come to rest: {ROUNDS_MAX} decisions at one instant"
                ));
            }
        }
    }

    fn decide(&mut self) {
        let Some(mut engine) = self.engine.take() else {
            self.batch.take();
            let actions = std::mem::take(&mut self.own_actions);
            if !actions.is_empty() && self.sink.wants_decisions() {
                self.sink.decision(self.now, &[], &actions);
            }
            return;
        };
        if !self.batch.is_empty() {
            let events = self.batch.take();
            for event in &events {
                self.note_refusal(&engine, event);
                engine.feed(self.now, event);
                self.ledger.note(event);
            }
            let actions = engine.decide(self.now);
            if self.sink.wants_decisions() {
                self.sink.decision(self.now, &events, &actions);
            }
            if self.ledger.is_stale() {
                self.refresh_ledger(&engine.figures());
            }
            self.engine = Some(engine);
            for action in actions {
                self.carry_out(action);
            }
            self.watch_new();
        } else {
            self.engine = Some(engine);
        }
    }

    fn note_refusal(&mut self, engine: &Engine, event: &Event) {
        let (kind, namespace, name) = match event {
            Event::PoolSet(pool) => ("CapacityPool", "".into(), pool.name.clone()),
            Event::PoolRemoved { pool } => ("CapacityPool", "".into(), pool.clone()),
            Event::LeaseSet(lease) => (
                "CapacityLease",
                lease.key.namespace.clone(),
                lease.key.name.clone(),
            ),
            Event::LeaseRemoved { key } => {
                ("CapacityLease", key.namespace.clone(), key.name.clone())
            }
            _ => return,
        };
        let refusal: Option<Refusal> = engine.check(self.now, event).into_iter().next();
        if let Some(refusal) = refusal {
            self.sink.refusal(RefusalRow {
                time: self.now,
                kind,
                namespace,
                name,
                refusal,
            });
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Admit { pod, .. } => self.admit(pod),
            Action::Scale {
                workload,
                to,
                remove,
                cause,
                ..
            } => self.scale(&workload, to, &remove, &cause),
            Action::Evict { pod, grace, cause } => self.evict(pod, grace, &cause),
            Action::WakeAt { at } => {
                self.wake_stamp += 1;
                let stamp = self.wake_stamp;
                self.timers.set(at.max(self.now), Due::Wake { stamp });
            }
            Action::Hold { pod, reason } => self.hold(pod, &reason),
            Action::Refuse { .. } | Action::Renew { .. } => {}
        }
    }

    /// The slot of a pod that is there.
    pub(crate) fn slot(&self, id: u64) -> Option<u32> {
        let at = usize::try_from(id).ok()?;
        self.by_id
            .get(at)
            .copied()
            .filter(|&slot| slot != super::pods::NONE)
    }

    /// A new identity, in order.
    pub(crate) fn new_id(&mut self, slot: u32) -> u64 {
        self.by_id.push(slot);
        self.by_id.len() as u64 - 1
    }

    /// Tells the engine of something that is neither an end nor an arrival.
    pub(crate) fn tell(&mut self, event: Event) {
        if self.engine.is_some() {
            self.batch.changes.push(event);
        }
    }

    /// Tells the engine of an end.
    pub(crate) fn tell_end(&mut self, pod: u64) {
        if self.engine.is_some() {
            self.batch.ends.push(Event::PodEnded { pod: PodId(pod) });
        }
    }

    /// Whether pods are bound to no node: leases alone decide.
    pub(crate) fn without_nodes(&self) -> bool {
        self.scenario.cluster.placement == Placement::QuotaOnly
    }

    /// Keeps the first broken invariant.
    pub(crate) fn check(&mut self, result: Result<(), String>) {
        if let Err(what) = result {
            self.broken.get_or_insert(what);
        }
    }

    /// A pod waits; what no lease can give is not watched.
    fn hold(&mut self, pod: PodId, reason: &Refusal) {
        let quota = matches!(
            reason,
            Refusal::Quota { .. }
                | Refusal::Room { .. }
                | Refusal::OnTheWay { .. }
                | Refusal::Behind { .. }
        );
        if !quota {
            self.watch.arrived.retain(|&other| other != pod.0);
            self.watch.forget(pod.0);
        }
    }

    fn refresh_ledger(&mut self, figures: &[PoolFigures]) {
        let pools: Vec<(&PoolSpec, Vec<i64>)> = self
            .pools
            .values()
            .map(|pool| (pool, self.pool_capacity(pool)))
            .collect();
        self.ledger.refresh(figures, &pools);
        self.watch.touch_all();
    }

    /// A pool's capacity, summed from the nodes that belong to it.
    fn pool_capacity(&self, pool: &PoolSpec) -> Vec<i64> {
        let owned: Vec<bool> = (0..self.cluster.groups.len())
            .map(|group| {
                let owner = self
                    .pools
                    .values()
                    .filter(|pool| group_in_pool(&self.cluster, pool, group))
                    .min_by_key(|pool| (pool.created, &pool.name));
                owner.is_some_and(|owner| owner.name == pool.name)
            })
            .collect();
        let capacity = |name: &Name| {
            let at = self
                .cluster
                .resources
                .iter()
                .position(|other| other == name);
            let nodes = self.cluster.nodes.iter().enumerate();
            let usable = nodes.filter(|(_, node)| node.schedulable && owned[node.group as usize]);
            at.map_or(0, |at| {
                usable
                    .map(|(node, _)| self.cluster.allocatable_of(node)[at])
                    .sum()
            })
        };
        pool.resources
            .iter()
            .map(|name| {
                pool.capacity
                    .get(name)
                    .copied()
                    .unwrap_or_else(|| capacity(name))
            })
            .collect()
    }

    /// Counts again what is kept up step by step: each pod is in one state, each workload's counts are right.
    fn count_again(&self) -> Result<(), String> {
        let mut running = vec![0; self.cluster.resources.len()];
        for (slot, pod) in self
            .pods
            .iter()
            .filter(|(_, pod)| pod.stage != Stage::Ended)
        {
            let work = &self.works[pod.work];
            if work.gone || work.live.get(pod.live_slot as usize) != Some(&slot) {
                return Err(format!("pod {} belongs to no workload", pod.id));
            }
            if pod.runs {
                let request = &self.cluster.forms[pod.form as usize].request;
                running
                    .iter_mut()
                    .zip(request)
                    .for_each(|(sum, amount)| *sum += amount);
            }
        }
        for (_, work) in self.works.iter().filter(|(_, work)| !work.gone) {
            let stages = work.live.iter().map(|&pod| self.pods[pod].stage);
            let active = stages
                .clone()
                .filter(|&stage| stage != Stage::Leaving)
                .count();
            let working = stages.filter(|&stage| stage == Stage::Running).count();
            if (active, working) != (work.active as usize, work.working as usize) {
                return Err(format!(
                    "{}/{} has {active} pods of which {working} run, counted as {} and {}",
                    work.namespace, work.name, work.active, work.working
                ));
            }
        }
        self.cluster.sums_are_right(&running)
    }

    fn check_everything(&mut self) {
        let verified = match &self.engine {
            Some(engine) => {
                let own = self.ledger.compare(&engine.figures());
                engine.verify().and(own)
            }
            None => Ok(()),
        };
        self.check(verified);
        let counted = self.count_again();
        self.check(counted);
    }

    fn stop_if_broken(&mut self) -> Result<(), RunError> {
        if let Some(problem) = self.unreadable.take() {
            return Err(RunError::Input(problem.into()));
        }
        match self.broken.take() {
            None => Ok(()),
            Some(what) => Err(RunError::Broken {
                run: format!("{} under {}", self.scenario.name, self.policy.name()),
                seed: self.scenario.seed,
                at_ms: (self.now - self.scenario.start).0,
                event: self.totals.events,
                what,
            }),
        }
    }

    fn finish(mut self, until: Option<Time>) -> Result<Totals, RunError> {
        if self.totals.interrupted {
            self.totals.end = self.now;
        } else if let Some(end) = [self.end(), until].into_iter().flatten().min() {
            self.totals.end = end;
        }
        // Without a bound a run ends with the last thing that happened, not with the last look at it.
        self.now = self.totals.end;
        self.check_everything();
        self.stop_if_broken()?;
        self.close_watch();
        self.write_last_rows();
        self.close_books();
        self.totals.passed_over = self.arrivals.passed_over();
        self.sink.finish(&self.totals);
        Ok(self.totals)
    }
}
