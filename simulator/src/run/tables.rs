//! Rows that follow the state: the cluster's use and services.
//!
//! They are taken at the end of an instant, so that what changes and changes back within it leaves none.

use super::pods::Kind;
use super::world::World;
use crate::record::{ServiceRow, UtilizationRow};

/// What was written last.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// The cluster's use, or what it has, has changed.
    pub(crate) use_changed: bool,
    services: Vec<u32>,
    told_use: Vec<(i64, i64)>,
}

impl Tables {
    /// A workload's counts have changed; noted if it is a service.
    pub(crate) fn service_changed(&mut self, kind: &Kind) {
        if let Kind::Service(at) = kind
            && !self.services.contains(at)
        {
            self.services.push(*at);
        }
    }
}

impl World<'_> {
    /// Writes the rows of this instant.
    pub(crate) fn write_rows(&mut self) {
        self.write_services();
        if self.tables.use_changed {
            self.tables.use_changed = false;
            self.write_use();
        }
        if self.sink.wants_timeline() {
            self.write_accounts(false);
        }
    }

    /// Writes what was put off until there is no later instant.
    pub(crate) fn write_last_rows(&mut self) {
        if self.sink.wants_timeline() {
            self.write_accounts(true);
        }
    }

    fn write_services(&mut self) {
        let mut changed = std::mem::take(&mut self.tables.services);
        changed.sort_unstable();
        for at in changed {
            let Some(work) = self.services[at as usize].work else {
                continue;
            };
            let entry = &self.works[work];
            let counts = (entry.desired, entry.working);
            let state = &mut self.services[at as usize];
            if state.told == Some(counts) {
                continue;
            }
            state.told = Some(counts);
            let row = ServiceRow {
                time: self.now,
                namespace: entry.namespace.clone(),
                name: entry.name.clone(),
                desired: counts.0,
                running: counts.1,
            };
            self.sink.service(row);
        }
    }

    fn write_use(&mut self) {
        let pairs = self
            .cluster
            .running
            .iter()
            .copied()
            .zip(self.cluster.capacity.iter().copied());
        for (k, counts) in pairs.enumerate() {
            // How many pods a node takes is a bound, not a resource that is used up.
            if &*self.cluster.resources[k] == "pods" {
                continue;
            }
            if self.tables.told_use.len() <= k {
                self.tables.told_use.resize(k + 1, (0, 0));
            }
            if self.tables.told_use[k] != counts {
                self.tables.told_use[k] = counts;
                self.sink.utilization(UtilizationRow {
                    time: self.now,
                    resource: self.cluster.resources[k].clone(),
                    used: counts.0,
                    allocatable: counts.1,
                });
            }
        }
    }
}
