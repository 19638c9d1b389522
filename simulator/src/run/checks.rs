//! Invariants: everything that is kept up step by step is now and then counted again.

use super::RunError;
use super::pods::Stage;
use super::start::group_in_pool;
use super::world::World;
use engine::snapshot::PoolFigures;
use engine::spec::{Name, PoolSpec};

impl World<'_> {
    /// Keeps the first broken invariant.
    pub(crate) fn check(&mut self, result: Result<(), String>) {
        if let Err(what) = result {
            self.broken.get_or_insert(what);
        }
    }

    pub(crate) fn refresh_ledger(&mut self, figures: &[PoolFigures]) {
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

    pub(crate) fn check_everything(&mut self) {
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

    pub(crate) fn stop_if_broken(&mut self) -> Result<(), RunError> {
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
}
