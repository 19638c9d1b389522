//! A scenario after it was read: plain data, checked, in the engine's units.
//!
//! Instants here are absolute ([`Time`]): the scenario's `start` is already added.

use engine::spec::{
    ElasticSpec, LeaseKey, LeaseSpec, Name, NodeSpec, PoolSpec, Quantities, Template,
};
use engine::{Span, Time};
use std::path::PathBuf;
use std::sync::Arc;

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// `metadata.name`.
    pub name: String,
    /// The calendar time of instant 0.
    pub start: Time,
    /// The run ends then; absent: when the work is done.
    pub duration: Option<Span>,
    /// Seed of all that is drawn by chance (generated workloads).
    pub seed: u64,
    /// The virtual cluster.
    pub cluster: Cluster,
    /// Pools, in force at instant 0.
    pub pools: Vec<PoolSpec>,
    /// Leases, in force at instant 0.
    pub leases: Vec<LeaseSpec>,
    /// ElasticWorkload manifests: they make the scenario's job of the same namespace and name elastic.
    pub elastic: Vec<ElasticSpec>,
    /// What arrives.
    pub workloads: Vec<Workload>,
    /// What changes, in the order of time.
    pub events: Vec<Change>,
    /// The policy named in the file.
    pub policy: Policy,
}

/// The virtual cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its nodes, by group.
    pub groups: Vec<NodeGroup>,
    /// From bound to running.
    pub pod_startup: Span,
    /// From asked to end to ended.
    pub pod_termination: Span,
    /// How pods are placed.
    pub placement: Placement,
}

/// Nodes of one form, named `name-0`, `name-1`, ….
#[derive(Clone, Debug)]
pub struct NodeGroup {
    /// The group's name.
    pub name: Name,
    /// How many.
    pub count: u32,
    /// One of them; its name is the group's.
    pub node: NodeSpec,
    /// What a pod outside all leases takes on each node, for as long as the node is there (agents, daemons);
    /// empty: there is none. It counts as running, and with `quota-only` once for each node.
    pub background: Quantities,
}

/// How the virtual scheduler chooses a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// kube-scheduler's default scoring: least allocated and balanced.
    KubeScheduler,
    /// The fullest node first.
    Pack,
    /// The emptiest node first.
    Spread,
    /// One big node of the cluster's sum: leases alone decide.
    QuotaOnly,
}

/// The policies that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// The product.
    Leasehold,
    /// No leases at all: priority and age, kill-preemption as in kube-scheduler.
    None,
    /// Fixed quotas at every level, nothing lent, nothing reclaimed.
    Static,
    /// `static` with strict first-come-first-served queues.
    Fcfs,
    /// Borrow, and reclaim whole units; an elastic workload is a gang of the size it asked for.
    BorrowKill,
    /// The published elastic-training autoscaler.
    Edl,
}

impl Policy {
    /// All of them, the product first.
    pub const ALL: [Policy; 6] = [
        Policy::Leasehold,
        Policy::None,
        Policy::Static,
        Policy::Fcfs,
        Policy::BorrowKill,
        Policy::Edl,
    ];

    /// Its name in scenarios and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Policy::Leasehold => "leasehold",
            Policy::None => "none",
            Policy::Static => "static",
            Policy::Fcfs => "fcfs",
            Policy::BorrowKill => "borrow-kill",
            Policy::Edl => "edl",
        }
    }
}

/// Something that arrives.
#[derive(Clone, Debug)]
pub enum Workload {
    /// One job.
    Job(Arc<Job>),
    /// Jobs of one form (`count`, `every`), made one after the other when their time comes.
    Series(Series),
    /// A service.
    Service(Service),
    /// Jobs, or the replicas of a service, from a file.
    Trace(TraceSource),
}

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// When it is submitted.
    pub at: Time,
    /// Priority of its pods.
    pub priority: i32,
    /// Its pods, by form. Most jobs have one form; a gang of a trace may have a smaller last pod.
    pub pods: Vec<(Arc<Template>, u32)>,
    /// When it ends.
    pub work: Work,
    /// Its bounds, if the engine decides its size.
    pub elastic: Option<Elastic>,
    /// Admitted all or none.
    pub gang: bool,
    /// What a pod has done survives its eviction.
    pub checkpoint: bool,
    /// Time in which a resize does no work.
    pub restart_penalty: Span,
    /// Work a replica does at a given number of replicas, in millionths: rising pairs, interpolated
    /// between; empty: always 1.
    pub efficiency: Vec<(u32, u32)>,
}

/// Copies of one job, so far apart.
#[derive(Clone, Debug)]
pub struct Series {
    /// The first, under the name that its copies share.
    pub job: Arc<Job>,
    /// How many there are.
    pub count: u32,
    /// From one to the next.
    pub every: Span,
}

impl Series {
    /// When copy `n` (from 0) is submitted.
    pub fn at(&self, n: u32) -> Time {
        self.job.at + Span(self.every.0.saturating_mul(i64::from(n)))
    }

    /// Copy `n` (from 0), named `name-n`.
    pub fn job(&self, n: u32) -> Job {
        Job {
            name: format!("{}-{n}", self.job.name).into(),
            at: self.at(n),
            ..Job::clone(&self.job)
        }
    }
}

/// How long a job lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Each pod runs so long.
    Duration(Span),
    /// The whole job takes so many replica-milliseconds.
    ReplicaTime(i64),
    /// It is asked to end at this instant; its outcome is `killed`.
    Until(Time),
}

/// Bounds of an elastic job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elastic {
    /// All of these or nothing.
    pub min: u32,
    /// Never more.
    pub max: u32,
    /// Replicas change by multiples of this.
    pub step: u32,
    /// Least time between a shrink and the next growth.
    pub cooldown: Span,
}

/// A service: pods that run until its count is lowered.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Priority of its pods.
    pub priority: i32,
    /// One of its pods.
    pub template: Arc<Template>,
    /// Replicas asked for from each instant on, in the order of time.
    pub replicas: Replicas,
}

/// Where a service's replica counts come from.
#[derive(Clone, Debug)]
pub enum Replicas {
    /// Written in the scenario.
    Steps(Vec<(Time, u32)>),
    /// From a series of requests.
    Series(SeriesSource),
}

/// A series of requests that becomes replica counts.
#[derive(Clone, Debug)]
pub struct SeriesSource {
    /// The file.
    pub path: PathBuf,
    /// Its format: `requests` (minute, requests) or `llm-requests` (one row a request).
    pub format: String,
    /// What one replica serves in one `interval`.
    pub requests_per_replica: u64,
    /// The length over which requests are counted.
    pub interval: Span,
    /// Least and most replicas.
    pub bounds: (u32, u32),
    /// Trace time runs so many millionths as fast (2,000,000: twice as fast).
    pub speedup: u64,
    /// The part of the trace that is used, from and up to.
    pub window: (Option<Bound>, Option<Bound>),
}

/// Where a part of a trace begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So long after the trace's own time zero: second 0, or its earliest row where it has calendar times.
    After(Span),
    /// At this calendar time.
    At(Time),
}

/// A trace of jobs.
#[derive(Clone, Debug)]
pub struct TraceSource {
    /// The file, plain, gzip or zstd; or a folder for formats of several files.
    pub path: PathBuf,
    /// `swf`, `openb`, `philly`, `philly-sequence`, `helios-demand`, `csv`.
    pub format: String,
    /// Where the namespace of a row comes from.
    pub namespace: NamespaceFrom,
    /// Names of a csv's columns, by field.
    pub columns: std::collections::BTreeMap<String, String>,
    /// What a row becomes; absent: the format's own default.
    pub shape: Option<Shape>,
    /// Most of a gang's GPUs in one pod.
    pub per_node: u32,
    /// Labels that the nodes must have; `{namespace}` stands for the row's namespace.
    pub node_selector: Vec<(String, String)>,
    /// Priority of rows that have none.
    pub priority: i32,
    /// Trace time runs so many millionths as fast.
    pub speedup: u64,
    /// The part of the trace that is used, from and up to. What comes at `from` arrives at instant 0.
    pub window: (Option<Bound>, Option<Bound>),
    /// By namespace, the most GPUs that a job may ask for; jobs that ask for more are passed over.
    pub max_gpus: std::collections::BTreeMap<String, u64>,
    /// Bad rows that may be passed over before the run fails.
    pub skip_bad_rows: u64,
    /// Instant 0 of the scenario.
    pub start: Time,
}

/// Where the namespace of a trace's row comes from.
#[derive(Clone, Debug)]
pub enum NamespaceFrom {
    /// One for the whole file.
    Fixed(Name),
    /// A column, through a map if there is one; else the value itself, made a valid name.
    Column {
        /// The column.
        column: String,
        /// From values to namespaces.
        map: Option<std::collections::BTreeMap<String, String>>,
    },
}

/// What a row of a trace becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Pods of one processor (or of at most `per_node` GPUs), all or none.
    Gang,
    /// One pod.
    Single,
    /// Pods, each admitted for itself.
    Pods,
}

/// Something that changes during the run.
#[derive(Clone, Debug)]
pub struct Change {
    /// When.
    pub at: Time,
    /// What.
    pub what: ChangeKind,
}

/// What changes.
#[derive(Clone, Debug)]
pub enum ChangeKind {
    /// A pool is applied.
    Pool(PoolSpec),
    /// A lease is applied.
    Lease(LeaseSpec),
    /// An elastic workload's bounds are applied.
    Elastic(ElasticSpec),
    /// A lease is deleted.
    DeleteLease(LeaseKey),
    /// A pool is deleted.
    DeletePool(Name),
    /// An elastic workload is deleted.
    DeleteElastic(engine::spec::WorkloadKey),
    /// Nodes of a group (the first that has them, if none is named) change; the highest numbers first.
    Nodes {
        /// What happens to them.
        what: NodeChange,
        /// How many.
        count: u32,
        /// Which group.
        group: Option<Name>,
    },
}

/// What happens to nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeChange {
    /// Cordoned, and their pods evicted.
    Drain,
    /// Gone, and their pods with them at once.
    Fail,
    /// What went last comes back.
    Recover,
    /// Copies of the group's node join.
    Add,
}
