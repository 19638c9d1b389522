//! The state of a run, and the loop over its instants.

use super::arrivals::Arrivals;
use super::batch::Batch;
use super::cluster::Cluster;
use super::edl::Autoscaler;
use super::leases::Leases;
use super::ledger::Ledger;
use super::pods::{Pod, Slab, Work};
use super::scheduler::Scheduler;
use super::services::ServiceState;
use super::tables::Tables;
use super::timeline::Timeline;
use super::timers::{Due, Timers};
use super::watch::Watch;
use super::{Options, Progress, RunError};
use crate::model::{Placement, Policy, Scenario};
use crate::problem::Problem;
use crate::record::{Sink, Totals};
use engine::snapshot::PoolFigures;
use engine::spec::{Name, PoolSpec, WorkloadKey};
use engine::{Action, Engine, Event, Time};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

/// Decisions at one instant before the run is stopped as restless. A run needs a handful; the most seen come
/// from workloads that are admitted one after the other with zero start-up.
const ROUNDS_MAX: u32 = 100_000;

/// Wake-ups in a row that change nothing, while nothing else is to come, after which a run is over: a lease
/// that renews for ever would keep it going for ever.
const IDLE_WAKES_MAX: u32 = 1000;

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
    /// By pool, the resources that are fixed quotas under policies that have them.
    pub(crate) fixed: BTreeMap<Name, BTreeSet<Name>>,
    /// Leases as they were applied last, for the grace of their victims.
    pub(crate) leases: Leases,
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
            fixed: BTreeMap::new(),
            leases: Leases::default(),
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

    /// Whether pods are bound to no node: leases alone decide.
    pub(crate) fn without_nodes(&self) -> bool {
        self.scenario.cluster.placement == Placement::QuotaOnly
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
