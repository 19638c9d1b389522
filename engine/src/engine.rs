//! The façade: events in, actions out.

mod check;
mod questions;

use crate::grants::GrantChanges;
use crate::ids::PodIx;
use crate::lease::FoundLease;
use crate::pool::Pool;
use crate::room::selects;
use crate::snapshot::{PoolFigures, Position, WorkloadFigures};
use crate::spec::{
    ElasticSpec, LeaseKey, LeaseSpec, Name, NodeSpec, PodId, PodSpec, PoolSpec, WorkloadKey,
};
use crate::{Action, Event, Refusal, Time};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Where a pod is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    /// In a pool.
    Pool(u32, PodIx),
    /// Outside all leases; it may take room in a pool.
    Outside(u32),
    /// Its pool is not known yet.
    Nowhere,
}

/// The decision core.
#[derive(Debug, Default)]
pub struct Engine {
    /// By the order in which they were first heard of; a removed pool leaves a gap.
    pools: Vec<Option<Pool>>,
    nodes: BTreeMap<Name, NodeSpec>,
    pods: FxHashMap<PodId, Home>,
    /// Pods that wait for a lease, or for a hint to which pool they belong, by namespace.
    homeless: BTreeMap<Name, BTreeMap<PodId, PodSpec>>,
    homeless_workloads: BTreeMap<Name, BTreeMap<WorkloadKey, ElasticSpec>>,
    workload_pool: FxHashMap<WorkloadKey, u32>,
    /// Leases that were granted already, until the next other event.
    found_leases: Vec<FoundLease>,
    /// Whether the scheduler plugin is told what it has to know.
    tracks_grants: bool,
    removed_pools: Vec<Name>,
    told: Vec<Action>,
    wake: Option<Time>,
    now: Time,
    /// What [`Engine::tree_version`] counts beside the pools that are there.
    pool_changes: u64,
}

impl Engine {
    /// An engine that knows nothing yet.
    pub fn new() -> Engine {
        Engine::default()
    }

    /// Notes from now on what [`take_grants`](Engine::take_grants) tells. To be called before the first event.
    pub fn track_grants(&mut self) {
        self.tracks_grants = true;
    }

    /// What the scheduler plugin has to know and has changed since the last call. Costs what has changed.
    pub fn take_grants(&mut self) -> GrantChanges {
        let mut changes = GrantChanges {
            removed_pools: std::mem::take(&mut self.removed_pools),
            ..GrantChanges::default()
        };
        for pool in self.pools.iter_mut().flatten() {
            let (mut in_pool, pods) = pool.take_grants();
            for id in pods {
                let grant = match self.pods.get(&id) {
                    Some(Home::Pool(_, index)) => pool.grant_of(*index),
                    _ => None,
                };
                match grant {
                    Some(grant) => in_pool.grants.push((id, grant)),
                    None => changes.ended.push(id),
                }
            }
            changes.pools.push(in_pool);
        }
        changes
    }

    /// Takes note of an event. Costs what it touches.
    pub fn feed(&mut self, now: Time, event: &Event) {
        self.now = now;
        for pool in self.pools.iter_mut().flatten() {
            pool.come_to(now);
        }
        if !matches!(event, Event::LeaseFound { .. }) {
            self.adopt_leases(now);
        }
        match event {
            Event::PoolSet(spec) => self.pool_set(now, spec),
            Event::PoolRemoved { pool } => self.pool_removed(pool),
            Event::LeaseSet(lease) => self.lease_set(now, lease),
            Event::LeaseRemoved { key } => self.lease_removed(now, key),
            Event::LeaseFound {
                lease,
                until,
                has_lapsed,
            } => self.found_leases.push(FoundLease {
                lease: (**lease).clone(),
                until: *until,
                has_lapsed: *has_lapsed,
            }),
            Event::NodeSet(node) => self.node_set(node),
            Event::NodeRemoved { node } => self.node_removed(node),
            Event::PodArrived(pod) => self.pod_arrived(pod),
            Event::PodFound(pod) => self.pod_found(pod),
            Event::PodEnded { pod } => self.pod_ended(*pod),
            Event::PodPlaced { pod, node } => {
                self.with_pod(*pod, |pool, pod| pool.pod_placed(pod, node))
            }
            Event::PodStarted { pod } => self.with_pod(*pod, Pool::pod_started),
            Event::PodRunning { pod, since } => {
                self.with_pod(*pod, |pool, pod| pool.pod_running(pod, *since))
            }
            Event::PodResized { pod, request } => {
                self.with_pod(*pod, |pool, pod| pool.pod_resized(pod, request))
            }
            Event::PodLeaving { pod } => self.with_pod(*pod, Pool::pod_leaving),
            Event::PodPreempted { pod, request } => {
                self.with_pod(*pod, |pool, pod| pool.pod_preempted(pod, request));
            }
            Event::EvictionRefused { pod, retry } => {
                self.with_pod(*pod, |pool, pod| pool.eviction_refused(pod, *retry));
            }
            Event::WorkloadSet(spec) => self.workload_set(spec),
            Event::WorkloadFound {
                key,
                granted,
                shrunk,
            } => {
                if let Some(at) = self.workload_pool.get(key)
                    && let Some(pool) = &mut self.pools[*at as usize]
                {
                    pool.workload_found(key, *granted, *shrunk);
                }
            }
            Event::WorkloadRemoved { key } => self.workload_removed(key),
            Event::WorkloadObserved {
                key,
                replicas,
                last_shrink,
            } => {
                if let Some(pool) = self.pool_of_workload(key) {
                    pool.workload_observed(key, *replicas, *last_shrink);
                }
            }
            Event::ScaleRefused { key, stay, retry } => {
                for &pod in stay {
                    self.with_pod(pod, |pool, pod| pool.eviction_refused(pod, *retry));
                }
                if let Some(pool) = self.pool_of_workload(key) {
                    pool.scale_refused(key, *retry);
                }
            }
            Event::OutsidePlaced { pod, node, request } => {
                let owner = self
                    .pools
                    .iter()
                    .position(|pool| pool.as_ref().is_some_and(|pool| pool.has_node(node)));
                if let Some(owner) = owner
                    && let Some(pool) = &mut self.pools[owner]
                {
                    pool.outside_placed(*pod, node, request);
                    self.pods.insert(
                        *pod,
                        Home::Outside(u32::try_from(owner).unwrap_or(u32::MAX)),
                    );
                }
            }
            Event::TimePassed => {}
        }
    }

    /// Makes one decision for all that was fed: admission, reclaim, growth.
    pub fn decide(&mut self, now: Time) -> Vec<Action> {
        self.now = now;
        self.adopt_leases(now);
        let mut actions = std::mem::take(&mut self.told);
        for pool in self.pools.iter_mut().flatten() {
            actions.extend(pool.decide(now));
        }
        let wake = self
            .pools
            .iter()
            .flatten()
            .filter_map(Pool::next_wake)
            .min();
        if wake != self.wake {
            actions.extend(wake.map(|at| Action::WakeAt { at }));
            self.wake = wake;
        }
        actions
    }

    /// All pools with all accounts and figures. Costs the whole tree: not for every event.
    pub fn figures(&self) -> Vec<PoolFigures> {
        self.pools.iter().flatten().map(Pool::figures).collect()
    }

    /// What changes most often of [`Engine::figures`], in its order: pools, accounts, resources. Costs the whole
    /// tree too, but some nanoseconds an account. `told` is emptied first.
    pub fn positions(&self, told: &mut Vec<Position>) {
        told.clear();
        for pool in self.pools.iter().flatten() {
            pool.positions(told);
        }
    }

    /// Rises whenever accounts or pools come, go or move, that is when [`Engine::positions`] may be about others.
    pub fn tree_version(&self) -> u64 {
        let pools = self.pools.iter().flatten();
        self.pool_changes + pools.map(Pool::tree_version).sum::<u64>()
    }

    /// The accounts (pool, namespace) whose use, guarantee or pending changed since the last call.
    pub fn take_changed(&mut self) -> Vec<(Name, Name)> {
        let pools = self.pools.iter_mut().flatten();
        pools
            .flat_map(|pool| {
                let name = pool.spec.name.clone();
                pool.take_changed()
                    .into_iter()
                    .map(move |account| (name.clone(), account))
            })
            .collect()
    }

    /// Whether any account changed since the last call, or since [`Engine::take_changed`].
    pub fn forget_changed(&mut self) -> bool {
        let mut any = false;
        for pool in self.pools.iter_mut().flatten() {
            any |= pool.forget_changed();
        }
        any
    }

    /// Whether the pod may be bound to the node: no room is earmarked there for others that it would take.
    pub fn may_place(&self, pod: PodId, node: &str) -> bool {
        match self.pods.get(&pod) {
            Some(Home::Pool(at, pod)) => self
                .pool(*at)
                .is_none_or(|pool| pool.may_place(Some(*pod), node)),
            _ => self
                .pools
                .iter()
                .flatten()
                .all(|pool| pool.may_place(None, node)),
        }
    }

    /// Whether the pod's capacity may be asked back while it runs (elastic surplus, or charged beyond its
    /// account's own part): `prioritize` packs such pods onto few nodes.
    pub fn is_reclaimable(&self, pod: PodId) -> bool {
        match self.pods.get(&pod) {
            Some(Home::Pool(at, pod)) => {
                self.pool(*at).is_some_and(|pool| pool.is_reclaimable(*pod))
            }
            _ => false,
        }
    }

    /// The node on which an admitted pod that is not bound yet is expected.
    pub fn expected_node(&self, pod: PodId) -> Option<&str> {
        match self.pods.get(&pod)? {
            Home::Pool(at, pod) => self.pool(*at)?.expected_node(*pod),
            Home::Outside(_) | Home::Nowhere => None,
        }
    }

    /// An elastic workload's figures; nothing if it is not known, or its namespace has no lease.
    pub fn workload(&self, key: &WorkloadKey) -> Option<WorkloadFigures> {
        let at = *self.workload_pool.get(key)?;
        self.pool(at)?.workload_figures(key)
    }

    /// Why a pod waits; nothing if it does not, or is not known.
    pub fn explain(&self, pod: PodId) -> Option<Refusal> {
        match self.pods.get(&pod)? {
            Home::Pool(at, pod) => self.pool(*at)?.explain(*pod),
            Home::Outside(_) => None,
            Home::Nowhere => self
                .homeless
                .values()
                .find_map(|pods| self.home_refused(pods.get(&pod)?).err()),
        }
    }

    /// Sums everything again from its parts and compares: `Err` names the first difference. Costs the whole
    /// state; the checks that every event can afford are made in `decide`.
    ///
    /// # Errors
    /// The broken invariant, in words.
    pub fn verify(&self) -> Result<(), String> {
        self.pools.iter().flatten().try_for_each(|pool| {
            pool.verify()
                .map_err(|broken| format!("pool {}: {broken}", pool.spec.name))
        })
    }

    fn pool(&self, at: u32) -> Option<&Pool> {
        self.pools.get(at as usize)?.as_ref()
    }

    fn pool_of_workload(&mut self, key: &WorkloadKey) -> Option<&mut Pool> {
        let at = *self.workload_pool.get(key)?;
        self.pools.get_mut(at as usize)?.as_mut()
    }

    fn pool_named(&self, name: &str) -> Option<(usize, &Pool)> {
        let mut pools = self
            .pools
            .iter()
            .enumerate()
            .filter_map(|(at, pool)| Some((at, pool.as_ref()?)));
        pools.find(|(_, pool)| &*pool.spec.name == name)
    }

    fn pool_of_lease(&self, key: &LeaseKey) -> Option<usize> {
        self.pools
            .iter()
            .position(|pool| pool.as_ref().is_some_and(|pool| pool.has_lease(key)))
    }

    fn with_pod(&mut self, pod: PodId, note: impl FnOnce(&mut Pool, PodIx)) {
        if let Some(Home::Pool(at, pod)) = self.pods.get(&pod)
            && let Some(pool) = &mut self.pools[*at as usize]
        {
            note(pool, *pod);
        }
    }

    fn refuse(&mut self, reasons: Vec<Refusal>) {
        self.told
            .extend(reasons.into_iter().map(|reason| Action::Refuse { reason }));
    }

    /// The nodes that a pool with this spec would have: those that no older pool matches.
    fn nodes_of<'a>(&'a self, spec: &'a PoolSpec) -> impl Iterator<Item = &'a NodeSpec> {
        self.nodes.values().filter(move |node| {
            let others = self
                .pools
                .iter()
                .flatten()
                .filter(|pool| pool.spec.name != spec.name);
            let age = (spec.created, &spec.name);
            selects(&spec.node_selector, node)
                && !others.into_iter().any(|other| {
                    (other.spec.created, &other.spec.name) < age
                        && selects(&other.spec.node_selector, node)
                })
        })
    }

    fn pool_set(&mut self, now: Time, spec: &PoolSpec) {
        let refused = self.check(now, &Event::PoolSet(spec.clone()));
        if !refused.is_empty() {
            return self.refuse(refused);
        }
        match self.pool_named(&spec.name).map(|(at, _)| at) {
            Some(at) => {
                if let Some(pool) = &mut self.pools[at] {
                    pool.set_spec(spec.clone());
                }
            }
            None => {
                self.pool_changes += 1;
                let mut pool = Pool::new(spec.clone(), now);
                if let Some(pool) = pool.as_mut().filter(|_| self.tracks_grants) {
                    pool.track_grants();
                }
                self.pools.push(pool);
            }
        }
        self.assign_nodes();
        self.house_everybody();
    }

    fn pool_removed(&mut self, name: &str) {
        let refused = self.check_pool_removal(name);
        if !refused.is_empty() {
            return self.refuse(refused);
        }
        let Some((at, _)) = self.pool_named(name) else {
            return;
        };
        if let Some(pool) = self.pools[at].take() {
            self.pool_changes += 1 + pool.tree_version();
        }
        if self.tracks_grants {
            self.removed_pools.push(name.into());
        }
        let gone = u32::try_from(at).unwrap_or(u32::MAX);
        self.pods.retain(
            |_, home| !matches!(home, Home::Pool(at, _) | Home::Outside(at) if *at == gone),
        );
        self.assign_nodes();
    }

    /// Each node belongs to the oldest pool that matches it.
    fn assign_nodes(&mut self) {
        let nodes: Vec<NodeSpec> = self.nodes.values().cloned().collect();
        for node in nodes {
            self.assign_node(&node);
        }
    }

    fn owner_of(&self, node: &NodeSpec) -> Option<usize> {
        let pools = self
            .pools
            .iter()
            .enumerate()
            .filter_map(|(at, pool)| Some((at, pool.as_ref()?)));
        let matching = pools.filter(|(_, pool)| selects(&pool.spec.node_selector, node));
        matching
            .min_by_key(|(_, pool)| (pool.spec.created, pool.spec.name.clone()))
            .map(|(at, _)| at)
    }

    fn assign_node(&mut self, node: &NodeSpec) {
        let owner = self.owner_of(node);
        for (at, pool) in self.pools.iter_mut().enumerate() {
            let Some(pool) = pool else { continue };
            if Some(at) == owner {
                pool.node_set(node);
            } else if pool.has_node(&node.name) {
                pool.node_removed(&node.name);
            }
        }
    }

    /// The pools that match a node, the one it belongs to first. More than one: `NodesShared`.
    pub fn pools_of_node(&self, name: &str) -> Vec<Name> {
        let Some(node) = self.nodes.get(name) else {
            return Vec::new();
        };
        let mut pools: Vec<&Pool> = self
            .pools
            .iter()
            .flatten()
            .filter(|pool| selects(&pool.spec.node_selector, node))
            .collect();
        pools.sort_by_key(|pool| (pool.spec.created, pool.spec.name.clone()));
        pools
            .into_iter()
            .map(|pool| pool.spec.name.clone())
            .collect()
    }

    fn node_set(&mut self, node: &NodeSpec) {
        self.nodes.insert(node.name.clone(), node.clone());
        self.assign_node(node);
    }

    fn node_removed(&mut self, name: &Name) {
        self.nodes.remove(name);
        for pool in self.pools.iter_mut().flatten() {
            pool.node_removed(name);
        }
    }

    /// The pool of a lease that is set, or why there is none.
    fn pool_for(&self, lease: &LeaseSpec) -> Result<usize, Refusal> {
        let Some((at, _)) = self.pool_named(&lease.pool) else {
            return Err(Refusal::NotFound {
                object: format!("CapacityPool {}", lease.pool),
            });
        };
        match self.pool_of_lease(&lease.key) {
            Some(old) if old != at => Err(Refusal::Invalid {
                object: lease_object(&lease.key),
                field: "spec.pool".to_owned(),
                problem: "a lease's pool cannot be changed: create another lease".to_owned(),
            }),
            _ => Ok(at),
        }
    }

    fn adopt_leases(&mut self, now: Time) {
        let mut by_pool: BTreeMap<usize, Vec<FoundLease>> = BTreeMap::new();
        for found in std::mem::take(&mut self.found_leases) {
            match self.pool_for(&found.lease) {
                Ok(at) => by_pool.entry(at).or_default().push(found),
                Err(refused) => self.refuse(vec![refused]),
            }
        }
        for (at, found) in by_pool {
            let lessees: BTreeSet<Name> = found
                .iter()
                .map(|found| found.lease.lessee.clone())
                .collect();
            if let Some(pool) = &mut self.pools[at] {
                let refused = pool.leases_found(now, found);
                self.refuse(refused);
            }
            for lessee in lessees {
                self.house(&lessee);
            }
        }
    }

    fn lease_set(&mut self, now: Time, lease: &LeaseSpec) {
        let at = match self.pool_for(lease) {
            Ok(at) => at,
            Err(refused) => return self.refuse(vec![refused]),
        };
        let set = self.pools[at]
            .as_mut()
            .map_or(Ok(()), |pool| pool.lease_set(now, lease));
        match set {
            Ok(()) => self.house(&lease.lessee),
            Err(refused) => self.refuse(refused),
        }
    }

    fn lease_removed(&mut self, now: Time, key: &LeaseKey) {
        let removed = match self.pool_of_lease(key) {
            Some(at) => self.pools[at]
                .as_mut()
                .map_or(Ok(()), |pool| pool.lease_removed(now, key)),
            None => Err(vec![Refusal::NotFound {
                object: lease_object(key),
            }]),
        };
        if let Err(refused) = removed {
            self.refuse(refused);
        }
    }

    /// The pool in which a pod of this namespace is charged.
    fn home(
        &self,
        namespace: &Name,
        selector: Option<&crate::spec::NodeSelector>,
        label: Option<&Name>,
    ) -> Result<usize, Refusal> {
        let pools = self
            .pools
            .iter()
            .enumerate()
            .filter_map(|(at, pool)| Some((at, pool.as_ref()?)));
        let candidates: Vec<(usize, &Pool)> = pools
            .filter(|(_, pool)| pool.account(namespace).is_some())
            .collect();
        if let [(at, _)] = candidates[..] {
            return Ok(at);
        }
        if candidates.is_empty() {
            return Err(Refusal::NoLease {
                namespace: namespace.clone(),
            });
        }
        // Its own selector implies a pool when it asks for all that the pool's selector asks for.
        let implied = |pool: &Pool| {
            !pool.spec.node_selector.labels.is_empty()
                && selector.is_some_and(|own| {
                    pool.spec
                        .node_selector
                        .labels
                        .iter()
                        .all(|(key, value)| own.labels.get(key) == Some(value))
                })
        };
        let implied: Vec<usize> = candidates
            .iter()
            .filter(|(_, pool)| implied(pool))
            .map(|&(at, _)| at)
            .collect();
        if let [at] = implied[..] {
            return Ok(at);
        }
        let named = candidates
            .iter()
            .find(|(_, pool)| Some(&pool.spec.name) == label);
        named
            .map(|&(at, _)| at)
            .ok_or_else(|| Refusal::PoolUnclear {
                namespace: namespace.clone(),
                pools: candidates
                    .iter()
                    .map(|(_, pool)| pool.spec.name.clone())
                    .collect(),
            })
    }

    fn home_refused(&self, pod: &PodSpec) -> Result<usize, Refusal> {
        self.home(&pod.namespace, Some(&pod.template.nodes), pod.pool.as_ref())
    }

    fn pod_arrived(&mut self, pod: &PodSpec) {
        if self.pods.contains_key(&pod.id) {
            return;
        }
        match self.home_refused(pod) {
            Ok(at) => self.move_in(at, pod, false),
            Err(reason) => {
                self.told.push(Action::Hold {
                    pod: pod.id,
                    reason,
                });
                self.homeless
                    .entry(pod.namespace.clone())
                    .or_default()
                    .insert(pod.id, pod.clone());
                self.pods.insert(pod.id, Home::Nowhere);
            }
        }
    }

    fn pod_found(&mut self, pod: &PodSpec) {
        if self.pods.contains_key(&pod.id) {
            return;
        }
        if let Ok(at) = self.home_refused(pod) {
            self.move_in(at, pod, true);
        }
    }

    fn move_in(&mut self, at: usize, pod: &PodSpec, found: bool) {
        let Some(pool) = &mut self.pools[at] else {
            return;
        };
        let Some(account) = pool.account(&pod.namespace) else {
            return;
        };
        let index = if found {
            pool.pod_found(pod, account)
        } else {
            pool.pod_arrived(pod, account)
        };
        self.pods.insert(
            pod.id,
            Home::Pool(u32::try_from(at).unwrap_or(u32::MAX), index),
        );
    }

    fn pod_ended(&mut self, pod: PodId) {
        match self.pods.remove(&pod) {
            Some(Home::Pool(at, index)) => {
                if let Some(pool) = &mut self.pools[at as usize] {
                    pool.pod_ended(index);
                }
            }
            Some(Home::Outside(at)) => {
                if let Some(pool) = &mut self.pools[at as usize] {
                    pool.outside_ended(pod);
                }
            }
            Some(Home::Nowhere) => {
                for pods in self.homeless.values_mut() {
                    pods.remove(&pod);
                }
                self.homeless.retain(|_, pods| !pods.is_empty());
            }
            None => {}
        }
    }

    fn workload_set(&mut self, spec: &ElasticSpec) {
        let known = self.workload_pool.get(&spec.key).map(|&at| at as usize);
        let home = known.map_or_else(
            || {
                self.home(
                    &spec.key.namespace,
                    Some(&spec.template.nodes),
                    spec.pool.as_ref(),
                )
            },
            Ok,
        );
        match home {
            Ok(at) => {
                let Some(pool) = &mut self.pools[at] else {
                    return;
                };
                let Some(account) = pool.account(&spec.key.namespace) else {
                    return;
                };
                pool.workload_set(spec, account);
                self.workload_pool
                    .insert(spec.key.clone(), u32::try_from(at).unwrap_or(u32::MAX));
            }
            Err(_) => {
                let waiting = self
                    .homeless_workloads
                    .entry(spec.key.namespace.clone())
                    .or_default();
                waiting.insert(spec.key.clone(), spec.clone());
            }
        }
    }

    fn workload_removed(&mut self, key: &WorkloadKey) {
        if let Some(at) = self.workload_pool.remove(key)
            && let Some(pool) = &mut self.pools[at as usize]
        {
            pool.workload_removed(key);
        }
        if let Some(waiting) = self.homeless_workloads.get_mut(&key.namespace) {
            waiting.remove(key);
        }
    }

    /// A namespace has a lease now: what waited for one is queued.
    fn house(&mut self, namespace: &Name) {
        for spec in self
            .homeless_workloads
            .remove(namespace)
            .into_iter()
            .flatten()
            .map(|(_, spec)| spec)
        {
            self.workload_set(&spec);
        }
        for pod in self
            .homeless
            .remove(namespace)
            .into_iter()
            .flatten()
            .map(|(_, pod)| pod)
        {
            self.pods.remove(&pod.id);
            self.pod_arrived(&pod);
        }
    }

    fn house_everybody(&mut self) {
        let workloads = self.homeless_workloads.keys();
        let namespaces: BTreeSet<Name> = self.homeless.keys().chain(workloads).cloned().collect();
        for namespace in namespaces {
            self.house(&namespace);
        }
    }
}

fn lease_object(key: &LeaseKey) -> String {
    format!("CapacityLease {}/{}", key.namespace, key.name)
}
