//! Instant 0: nodes, pools and leases, and the changes that are planned.

use super::cluster::Cluster;
use super::policies::{fixed_resources, has_fixed_quotas, lease_under};
use super::services::Steps;
use super::timers::Due;
use super::world::World;
use super::{RunError, pods};
use crate::model::{ChangeKind, Policy, Replicas, Service, Workload};
use crate::trace;
use engine::Event;
use engine::spec::{LeaseKind, LeaseSpec, Name, PodId, PodSpec, PoolSpec};
use std::collections::BTreeMap;

impl World<'_> {
    /// Puts everything in place that is there at instant 0.
    pub(crate) fn set_up(&mut self) -> Result<(), RunError> {
        for pool in &self.scenario.pools {
            self.set_pool(pool.clone());
        }
        self.set_up_nodes();
        for lease in &self.scenario.leases {
            self.leases.set(lease);
        }
        self.find_fixed();
        for lease in in_order(&self.scenario.pools, &self.scenario.leases) {
            self.set_lease(lease);
        }
        for spec in &self.scenario.elastic {
            self.elastic_specs.insert(spec.key.clone(), spec.clone());
        }
        for (at, change) in self.scenario.events.iter().enumerate() {
            let index = pods::index(at);
            self.timers
                .set(change.at.max(self.now), Due::Change { index });
        }
        for workload in &self.scenario.workloads {
            if let Workload::Service(service) = workload {
                let steps: Steps = match &service.replicas {
                    Replicas::Steps(steps) => Box::new(steps.clone().into_iter().map(Ok)),
                    Replicas::Series(series) => {
                        let steps = trace::open_series(series, self.scenario.start);
                        let steps = steps.map_err(|problem| RunError::Input(problem.into()))?;
                        Box::new(steps)
                    }
                };
                self.add_service(service, steps);
            }
        }
        for demand in std::mem::take(&mut self.arrivals.demands) {
            let service = Service {
                namespace: demand.namespace,
                name: demand.name,
                priority: demand.priority,
                template: demand.template,
                replicas: Replicas::Steps(Vec::new()),
            };
            self.add_service(&service, Box::new(demand.steps));
        }
        Ok(())
    }

    fn set_up_nodes(&mut self) {
        let groups = &self.scenario.cluster.groups;
        for (group, spec) in groups.iter().enumerate() {
            let group = pods::index(group);
            if self.without_nodes() {
                self.cluster
                    .add_node(spec.name.clone(), group, i64::from(spec.count));
            } else {
                for number in 0..spec.count {
                    self.cluster
                        .add_node(format!("{}-{number}", spec.name).into(), group, 1);
                }
            }
            self.group_sizes.push(spec.count);
            self.next_number.push(spec.count);
        }
        self.cluster.rebuild();
        for node in 0..self.cluster.nodes.len() {
            self.bring_up(pods::index(node));
        }
    }

    /// A pool is there, or has changed.
    fn set_pool(&mut self, mut pool: PoolSpec) {
        pool.checks_room &= !self.without_nodes();
        self.leased.insert(pool.root_namespace.clone());
        self.pools.insert(pool.name.clone(), pool.clone());
        self.tell(Event::PoolSet(pool));
    }

    /// Finds which resources of each pool are quotas, under policies that make fixed quotas of leases: a pass over
    /// all leases.
    fn find_fixed(&mut self) {
        if has_fixed_quotas(self.policy) {
            let pools = self.pools.values();
            let fixed = |pool: &PoolSpec| fixed_resources(pool, self.leases.all());
            self.fixed = pools.map(|pool| (pool.name.clone(), fixed(pool))).collect();
        }
    }

    /// A lease is there, or has changed.
    fn set_lease(&mut self, lease: &LeaseSpec) {
        let lease = lease_under(self.policy, lease, self.fixed.get(&lease.pool));
        let newly_leased = self.leased.insert(lease.lessee.clone());
        let lessee = lease.lessee.clone();
        self.tell(Event::LeaseSet(lease));
        if newly_leased {
            self.find_pods(&lessee);
        }
    }

    /// Pods that were in a namespace before its first lease are charged as found.
    fn find_pods(&mut self, namespace: &Name) {
        if self.engine.is_none() {
            return;
        }
        let mut found: Vec<(u64, u32)> = self
            .pods
            .iter()
            .filter(|(_, pod)| {
                pod.placed.is_some() && pod.stage != pods::Stage::Ended && !pod.governed
            })
            .filter(|(_, pod)| self.works[pod.work].namespace == *namespace)
            .map(|(slot, pod)| (pod.id, slot))
            .collect();
        found.sort_unstable();
        for (id, slot) in found {
            self.find_pod(id, slot);
        }
    }

    fn find_pod(&mut self, id: u64, slot: u32) {
        let form = self.pods[slot].form as usize;
        let template = self.cluster.forms[form].template.clone();
        let spec = PodSpec {
            group: None,
            ordinal: None,
            workload: None,
            ..self.pod_spec(slot, template.clone())
        };
        let namespace = spec.namespace.clone();
        self.pods[slot].governed = true;
        self.tell(Event::PodEnded { pod: PodId(id) });
        self.tell(Event::PodFound(spec));
        if self.pods[slot].node != pods::NONE {
            let node = self.cluster.nodes[self.pods[slot].node as usize]
                .name
                .clone();
            self.tell(Event::PodPlaced {
                pod: PodId(id),
                node,
            });
        }
        if self.pods[slot].started.is_some() {
            self.tell(Event::PodStarted { pod: PodId(id) });
        }
        self.ledger.find(id, &namespace, &template);
    }

    /// A change of the scenario comes into force.
    pub(crate) fn change(&mut self, index: u32) {
        self.moved = true;
        let change = &self.scenario.events[index as usize];
        match &change.what {
            ChangeKind::Pool(pool) => self.set_pool(pool.clone()),
            ChangeKind::Lease(lease) => {
                self.leases.set(lease);
                self.find_fixed();
                self.set_lease(lease);
            }
            ChangeKind::Elastic(spec) => self.set_elastic(spec),
            ChangeKind::DeleteLease(key) => {
                self.leases.remove(key);
                self.tell(Event::LeaseRemoved { key: key.clone() });
            }
            ChangeKind::DeletePool(pool) => {
                self.pools.remove(pool);
                self.tell(Event::PoolRemoved { pool: pool.clone() });
            }
            ChangeKind::DeleteElastic(key) => {
                self.elastic_specs.remove(key);
                if self.policy != Policy::Edl
                    && let Some(work) = self.elastic.remove(key)
                {
                    self.works[work].elastic = false;
                    self.tell(Event::WorkloadRemoved { key: key.clone() });
                }
            }
            ChangeKind::Nodes { what, count, group } => {
                self.change_nodes(*what, *count, group.as_ref())
            }
        }
    }

    fn set_elastic(&mut self, spec: &engine::spec::ElasticSpec) {
        self.elastic_specs.insert(spec.key.clone(), spec.clone());
        let Some(&work) = self.elastic.get(&spec.key) else {
            return;
        };
        let entry = &mut self.works[work];
        entry.wanted = entry.wanted.max(spec.max);
        let mut spec = spec.clone();
        spec.created = entry.submitted;
        spec.priority = entry.priority;
        if let Some((template, _)) = entry.job().and_then(|job| job.pods.first()) {
            spec.template = template.clone();
        }
        self.tell(Event::WorkloadSet(spec));
    }
}

/// Leases in an order in which each lessor holds what it leases on: by depth, transfers last.
fn in_order<'a>(pools: &[PoolSpec], leases: &'a [LeaseSpec]) -> Vec<&'a LeaseSpec> {
    let mut rank: BTreeMap<(&Name, &Name), usize> = BTreeMap::new();
    for pool in pools {
        rank.insert((&pool.name, &pool.root_namespace), 0);
    }
    let mut edges: BTreeMap<(&Name, &Name), Vec<&Name>> = BTreeMap::new();
    for lease in leases
        .iter()
        .filter(|lease| lease.kind == LeaseKind::Sublease)
    {
        edges
            .entry((&lease.pool, &lease.key.namespace))
            .or_default()
            .push(&lease.lessee);
    }
    let mut front: Vec<(&Name, &Name)> = rank.keys().copied().collect();
    let mut depth = 0;
    while !front.is_empty() {
        depth += 1;
        let mut below = Vec::new();
        for at in front {
            for &lessee in edges.get(&at).into_iter().flatten() {
                let next = (at.0, lessee);
                if let std::collections::btree_map::Entry::Vacant(entry) = rank.entry(next) {
                    entry.insert(depth);
                    below.push(next);
                }
            }
        }
        front = below;
    }
    let mut ordered: Vec<&LeaseSpec> = leases.iter().collect();
    ordered.sort_by_key(|lease| {
        let depth = rank.get(&(&lease.pool, &lease.key.namespace)).copied();
        (lease.kind, depth.unwrap_or(usize::MAX))
    });
    ordered
}

/// Whether a node of this group belongs to the pool.
pub(crate) fn group_in_pool(cluster: &Cluster, pool: &PoolSpec, group: usize) -> bool {
    super::cluster::selects(
        &pool.node_selector,
        &cluster.groups[group].node.labels,
        None,
    )
}
