//! The first telling: everything that was listed, in an order in which it makes sense.

use super::Driver;
use engine::Event;
use engine::spec::{LeaseKey, Name, PodId};

impl Driver {
    /// Tells the engine all that is there. What the API server says was granted before comes first.
    pub(super) fn learn(&mut self) {
        let mut pools: Vec<(engine::Time, Name)> = self
            .pools
            .iter()
            .filter_map(|(name, pool)| {
                let spec = pool.it.seen.as_ref()?.spec.as_ref().ok()?;
                Some((spec.created, name.clone()))
            })
            .collect();
        pools.sort();
        for (_, name) in pools {
            self.grant_pool(&name);
        }
        let nodes: Vec<_> = self.nodes.values().map(|node| node.it.clone()).collect();
        for node in nodes {
            self.feed(Event::NodeSet(node));
        }
        self.learn_leases();
        self.learn_workloads();
        // Those that hold something before those that wait, each by age.
        let mut pods: Vec<(bool, engine::Time, Name, PodId)> = self
            .pods
            .iter()
            .map(|(&id, pod)| {
                let waits = pod.gate.is_some();
                (waits, pod.spec.created, pod.spec.name.clone(), id)
            })
            .collect();
        pods.sort();
        for (_, _, _, id) in pods {
            if self
                .pods
                .get(&id)
                .is_some_and(|pod| pod.stage == super::Stage::Untold)
            {
                self.introduce(id);
            }
        }
        // Nobody is to be told again what was found in the time of a leader before, or was there before all leases.
        let found = std::mem::take(&mut self.news.found);
        let is_new = |id: &PodId| {
            let pod = self.pods.get(id).zip(self.unwatched_since);
            pod.is_some_and(|(pod, since)| pod.spec.created >= since)
        };
        self.news.found = found.into_iter().filter(is_new).collect();
        self.has_learned = true;
        self.news.namespaces.extend(self.namespaces.keys().cloned());
        self.news.leases.extend(self.leases.keys().cloned());
        self.news.pools.extend(self.pools.keys().cloned());
    }

    /// What was granted is held to, in one row, however short capacity is by now. The rest is asked for again, by
    /// age, as often as something of it is granted: a sub-lease may come before what it divides.
    fn learn_leases(&mut self) {
        let found: Vec<_> = self
            .leases
            .values()
            .filter_map(|lease| lease.it.seen.as_ref())
            .filter(|seen| seen.is_granted())
            .filter_map(|seen| {
                let spec = seen.spec.as_ref().ok()?.clone();
                Some((spec, seen.until(), seen.has_ended()))
            })
            .collect();
        for (lease, until, has_lapsed) in &found {
            self.feed(Event::LeaseFound {
                lease: Box::new(lease.clone()),
                until: *until,
                has_lapsed: *has_lapsed,
            });
        }
        // Any other event makes the engine take them in.
        self.feed(Event::TimePassed);
        for (spec, _, _) in found {
            if let Some(lease) = self.leases.get_mut(&spec.key)
                && self.engine.lease(&spec.key).is_some()
            {
                lease.it.told = Some(spec);
            }
        }
        let mut waiting: Vec<LeaseKey> = self.leases.keys().cloned().collect();
        waiting.sort_by_key(|key| {
            let seen = self
                .leases
                .get(key)
                .and_then(|lease| lease.it.seen.as_ref());
            seen.and_then(|seen| Some(seen.spec.as_ref().ok()?.created))
        });
        loop {
            let before = waiting.len();
            waiting.retain(|key| {
                self.grant_lease(key);
                self.leases
                    .get(key)
                    .is_some_and(|lease| lease.it.told.is_none())
            });
            if waiting.len() == before || waiting.is_empty() {
                return;
            }
        }
    }
}
