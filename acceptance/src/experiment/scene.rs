//! What somebody sees who only watches pods, nodes and owners: rows of the result tables come out of it. No I/O, no
//! clock but the instants that are given.

mod pods;
mod works;

use super::plan::{WorkKey, WorkPlan};
use engine::Time;
use engine::spec::{Name, Quantities};
use pods::PodLife;
use simulator::record::{PodRow, ServiceRow, UtilizationRow, WorkloadRow};
use std::collections::{BTreeMap, BTreeSet};
use works::WorkLife;

/// The phase of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not yet.
    Pending,
    /// It runs.
    Running,
    /// Its work is done.
    Succeeded,
    /// It has failed.
    Failed,
}

/// A pod as the API server shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSight {
    /// Its identity.
    pub uid: String,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// The scenario's name of its job or service, if it is of one.
    pub work: Option<Name>,
    /// What it asks for.
    pub request: Quantities,
    /// Whether a gate is left.
    pub is_gated: bool,
    /// Its node, if it has one.
    pub node: Option<Name>,
    /// How far it is.
    pub phase: Phase,
    /// Whether it was asked to end.
    pub is_leaving: bool,
    /// Whether somebody evicted or preempted it, or its node took it away.
    pub is_evicted: bool,
}

/// An owner's count has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeRow {
    /// When.
    pub time: Time,
    /// Whose.
    pub key: WorkKey,
    /// To what.
    pub count: u32,
}

/// All that was seen.
#[derive(Debug)]
pub struct Scene {
    now: Time,
    works: BTreeMap<WorkKey, WorkLife>,
    pods: BTreeMap<String, PodLife>,
    nodes: BTreeMap<Name, Quantities>,
    used: Quantities,
    told_use: BTreeMap<Name, (i64, i64)>,
    events: u64,
    utilization: Vec<UtilizationRow>,
    services: Vec<ServiceRow>,
    sizes: Vec<SizeRow>,
    ended: Vec<PodRow>,
}

/// The rows of a run.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Use of the cluster.
    pub utilization: Vec<UtilizationRow>,
    /// Counts of services.
    pub services: Vec<ServiceRow>,
    /// Counts that owners of jobs had.
    pub sizes: Vec<SizeRow>,
    /// Every pod of a job or service.
    pub pods: Vec<PodRow>,
    /// Every job and service.
    pub workloads: Vec<WorkloadRow>,
    /// Replicas that owners were asked to give up, in all.
    pub replicas_shrunk: u64,
    /// When it ended.
    pub end: Time,
    /// Things that were seen.
    pub events: u64,
}

/// Where things stand, for who waits for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// What its owner asks for.
    pub desired: u32,
    /// Pods that run and are not on their way out.
    pub running: u32,
}

impl Scene {
    /// Nothing was seen yet of these.
    pub fn new(works: &BTreeMap<WorkKey, WorkPlan>) -> Scene {
        let lives = works.iter();
        Scene {
            now: Time(0),
            works: lives
                .map(|(key, plan)| (key.clone(), WorkLife::new(plan.clone())))
                .collect(),
            pods: BTreeMap::new(),
            nodes: BTreeMap::new(),
            used: Quantities::new(),
            told_use: BTreeMap::new(),
            events: 0,
            utilization: Vec::new(),
            services: Vec::new(),
            sizes: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// A node is there with this allocatable, or can no longer be used.
    pub fn node(&mut self, now: Time, name: &Name, allocatable: Option<Quantities>) {
        self.come_to(now);
        match allocatable {
            Some(allocatable) => self.nodes.insert(name.clone(), allocatable),
            None => self.nodes.remove(name),
        };
        self.tell_use();
    }

    /// An owner asks for so many pods.
    pub fn owner(&mut self, now: Time, key: &WorkKey, count: u32) {
        self.come_to(now);
        let Some(work) = self.works.get_mut(key) else {
            return;
        };
        if work.asks(now, count) {
            self.sizes.push(SizeRow {
                time: now,
                key: key.clone(),
                count,
            });
            self.tell_service(key);
        }
    }

    /// An owner is gone: it asks for nothing any more.
    pub fn owner_gone(&mut self, now: Time, key: &WorkKey) {
        self.come_to(now);
        if let Some(work) = self.works.get_mut(key) {
            work.closes();
        }
    }

    /// A list of all pods was seen: the others are gone.
    pub fn pods_listed(&mut self, now: Time, uids: &BTreeSet<String>) {
        let gone: Vec<String> = self
            .pods
            .keys()
            .filter(|uid| !uids.contains(*uid))
            .cloned()
            .collect();
        for uid in gone {
            self.pod_gone(now, &uid);
        }
    }

    /// How a job or service stands.
    pub fn count(&self, key: &WorkKey) -> Count {
        self.works
            .get(key)
            .map_or_else(Count::default, WorkLife::count)
    }

    /// Requests of running pods and allocatable of nodes, of a resource.
    pub fn use_of(&self, resource: &str) -> (i64, i64) {
        self.told_use.get(resource).copied().unwrap_or_default()
    }

    /// The end of it.
    pub fn finish(mut self, now: Time) -> Rows {
        self.come_to(now);
        let mut pods = self.ended;
        pods.extend(self.pods.into_values().filter_map(PodLife::row));
        let replicas_shrunk = self.works.values().map(WorkLife::replicas_shrunk).sum();
        let workloads = self.works.iter_mut();
        let workloads = workloads
            .filter_map(|(key, work)| work.row(key, now))
            .collect();
        Rows {
            utilization: self.utilization,
            services: self.services,
            sizes: self.sizes,
            pods,
            workloads,
            replicas_shrunk,
            end: now,
            events: self.events,
        }
    }

    fn come_to(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.events += 1;
    }

    fn tell_service(&mut self, key: &WorkKey) {
        let Some(work) = self.works.get(key).filter(|work| work.is_told_of()) else {
            return;
        };
        let count = work.count();
        self.services.push(ServiceRow {
            time: self.now,
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            desired: count.desired,
            running: count.running,
        });
    }

    fn tell_use(&mut self) {
        let resources: BTreeSet<Name> = self
            .nodes
            .values()
            .flat_map(|node| node.keys().cloned())
            .collect();
        // How many pods a node takes is a bound, not a resource that is used up.
        for resource in resources
            .into_iter()
            .filter(|resource| &**resource != "pods")
        {
            let of_node = |node: &Quantities| node.get(&resource).copied().unwrap_or(0);
            let allocatable = self.nodes.values().map(of_node).sum();
            let used = self.used.get(&resource).copied().unwrap_or(0);
            if self.told_use.insert(resource.clone(), (used, allocatable))
                != Some((used, allocatable))
            {
                self.utilization.push(UtilizationRow {
                    time: self.now,
                    resource,
                    used,
                    allocatable,
                });
            }
        }
    }
}

#[cfg(test)]
#[path = "scene/tests.rs"]
mod tests;
