//! The published elastic-training autoscaler.
//!
//! It adds and takes replicas by one total for the whole cluster, knows no leases and no priorities, waits
//! for nothing to end, and leaves a job alone while some of its replicas wait, unless some job waits wholly.

use super::pods::Stage;
use super::timers::Due;
use super::world::World;
use engine::spec::{ElasticSpec, WorkloadKey};
use engine::{Action, Cause, Span, Time};

/// It looks around so often, and on each job event.
const EVERY: Span = Span::seconds(5);

/// The cluster is full at 97 / 100 of its CPUs.
const MAX_LOAD: (i64, i64) = (97, 100);

/// A job that it may resize.
#[derive(Clone, Debug)]
struct Member {
    work: u32,
    serial: u64,
    min: u32,
    max: u32,
    cpu: i64,
    memory: i64,
    gpu: i64,
}

/// The autoscaler.
#[derive(Debug, Default)]
pub(crate) struct Autoscaler {
    /// It is to look around at this instant.
    pub(crate) due: bool,
    members: Vec<Member>,
    next_tick: Option<Time>,
}

impl Autoscaler {
    /// A job was submitted.
    pub(crate) fn join(&mut self, work: u32, serial: u64, spec: &ElasticSpec) {
        let amount = |name: &str| spec.template.request.get(name).copied().unwrap_or(0);
        self.members.push(Member {
            work,
            serial,
            min: spec.min,
            max: spec.max,
            cpu: amount("cpu"),
            memory: amount("memory"),
            gpu: amount("nvidia.com/gpu"),
        });
        self.due = true;
    }
}

/// With how many replicas a job starts: the count it asked for if it leaves room to grow, else its minimum.
pub(crate) fn first_size(spec: &ElasticSpec, asked: u32) -> u32 {
    if asked < spec.max {
        asked.max(spec.min)
    } else {
        spec.min
    }
}

/// What a dry run knows: totals, and what is idle on each node.
struct Totals {
    cpu: i64,
    memory: i64,
    cpu_asked: i64,
    memory_asked: i64,
    idle: Vec<(i64, i64)>,
}

impl Totals {
    fn over_loaded(&self) -> bool {
        i128::from(self.cpu_asked) * i128::from(MAX_LOAD.1)
            > i128::from(self.cpu) * i128::from(MAX_LOAD.0)
    }

    fn leaves_room(&self, member: &Member) -> bool {
        let (load, whole) = MAX_LOAD;
        let cpu = i128::from(self.cpu) * i128::from(load)
            >= (i128::from(self.cpu_asked) + i128::from(member.cpu)) * i128::from(whole);
        cpu && self.memory - self.memory_asked > member.memory
    }

    /// One replica more, if there is room for it.
    fn grow(&mut self, member: &Member) -> bool {
        if !self.leaves_room(member) {
            return false;
        }
        let room = |idle: &&mut (i64, i64)| idle.0 >= member.cpu && idle.1 >= member.memory;
        let Some(idle) = self.idle.iter_mut().find(room) else {
            return false;
        };
        idle.0 -= member.cpu;
        idle.1 -= member.memory;
        self.cpu_asked += member.cpu;
        self.memory_asked += member.memory;
        true
    }

    fn shrink(&mut self, member: &Member) {
        self.cpu_asked -= member.cpu;
        self.memory_asked -= member.memory;
    }
}

impl World<'_> {
    /// Looks around, if it is time to.
    pub(crate) fn autoscale(&mut self) {
        if !std::mem::take(&mut self.autoscaler.due) {
            return;
        }
        let works = &self.works;
        self.autoscaler.members.retain(|member| {
            let work = &works[member.work];
            !work.gone && work.serial == member.serial && work.closing.is_none()
        });
        if self.autoscaler.members.is_empty() {
            return;
        }
        if self
            .autoscaler
            .next_tick
            .is_none_or(|tick| tick <= self.now)
        {
            let tick = self.now + EVERY;
            self.autoscaler.next_tick = Some(tick);
            self.timers.set(tick, Due::Autoscale);
        }
        for (work, to) in self.dry_run() {
            let entry = &self.works[work];
            self.own_actions.push(Action::Scale {
                workload: WorkloadKey {
                    namespace: entry.namespace.clone(),
                    name: entry.name.clone(),
                },
                from: entry.desired,
                to,
                remove: Vec::new(),
                cause: Cause::Growth,
            });
            self.resize(work, to, self.scenario.cluster.pod_termination);
        }
    }

    /// The sizes that jobs are to have from now on.
    fn dry_run(&self) -> Vec<(u32, u32)> {
        let members = self.taking_part();
        let mut planned: Vec<u32> = members
            .iter()
            .map(|member| self.works[member.work].desired)
            .collect();
        let mut totals = self.cluster_totals();
        loop {
            let mut changed = false;
            for (n, member) in members.iter().enumerate() {
                if planned[n] < member.max && totals.grow(member) {
                    planned[n] += 1;
                    changed = true;
                }
            }
            for (n, member) in members.iter().enumerate().rev() {
                let too_many =
                    planned[n] > member.max || planned[n] > member.min && totals.over_loaded();
                if too_many {
                    totals.shrink(member);
                    planned[n] -= 1;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        let sizes = members.iter().zip(planned);
        sizes
            .map(|(member, to)| (member.work, to))
            .filter(|&(work, to)| self.works[work].desired != to)
            .collect()
    }

    /// Jobs of which all replicas run, or all jobs if one waits wholly; the least fulfilled first.
    fn taking_part(&self) -> Vec<Member> {
        let members = &self.autoscaler.members;
        let wholly_waits = |member: &&Member| self.works[member.work].working == 0;
        let any_waits = members.iter().any(|member| wholly_waits(&member));
        let mut members: Vec<Member> = members
            .iter()
            .filter(|member| {
                any_waits || self.works[member.work].active == self.works[member.work].working
            })
            .filter(|member| member.max > member.min)
            .cloned()
            .collect();
        // (parallelism − min) / (max − min), compared by cross-multiplication.
        let share = |member: &Member| {
            let above = i64::from(self.works[member.work].desired) - i64::from(member.min);
            (i128::from(above), i128::from(member.max - member.min))
        };
        members.sort_by(|one, other| {
            let ((above1, range1), (above2, range2)) = (share(one), share(other));
            (above1 * range2)
                .cmp(&(above2 * range1))
                .then_with(|| {
                    (one.gpu, one.cpu, one.memory).cmp(&(other.gpu, other.cpu, other.memory))
                })
                .then_with(|| one.serial.cmp(&other.serial))
        });
        members
    }

    /// Requests of all pods that have not ended, waiting ones included.
    fn cluster_totals(&self) -> Totals {
        let [cpu, memory] = self.cluster.scored;
        let of = |amounts: &[i64], at: Option<usize>| at.map_or(0, |at| amounts[at]);
        let mut totals = Totals {
            cpu: of(&self.cluster.capacity, cpu),
            memory: of(&self.cluster.capacity, memory),
            cpu_asked: 0,
            memory_asked: 0,
            idle: Vec::with_capacity(self.cluster.nodes.len()),
        };
        for node in 0..self.cluster.nodes.len() {
            let (allocatable, used) = (
                self.cluster.allocatable_of(node),
                self.cluster.used_of(node),
            );
            totals.cpu_asked += of(used, cpu);
            totals.memory_asked += of(used, memory);
            if self.cluster.nodes[node].schedulable {
                let cpu = of(allocatable, cpu) - of(used, cpu);
                totals
                    .idle
                    .push((cpu, of(allocatable, memory) - of(used, memory)));
            }
        }
        for (_, pod) in self
            .pods
            .iter()
            .filter(|(_, pod)| pod.stage == Stage::Queued)
        {
            let request = &self.cluster.forms[pod.form as usize].request;
            totals.cpu_asked += of(request, cpu);
            totals.memory_asked += of(request, memory);
        }
        totals
    }
}
