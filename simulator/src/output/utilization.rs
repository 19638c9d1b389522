//! How full the cluster was.

use super::numbers::ratio;
use super::series::{Measures, Series};
use crate::record::UtilizationRow;
use engine::Time;
use engine::spec::Name;
use std::collections::BTreeMap;

/// Steps of one resource that are kept for drawing.
const STEPS_MAX: usize = 4096;

/// Requests of running pods, and allocatable of the nodes, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests of running pods.
    pub used: i64,
    /// Allocatable of the nodes.
    pub allocatable: i64,
}

impl Measures for Load {
    fn measures(&self) -> [i64; 2] {
        [self.used, self.allocatable]
    }
}

/// The use of each resource over time.
#[derive(Clone, Debug)]
pub struct Utilization {
    start: Time,
    resources: BTreeMap<Name, Resource>,
}

#[derive(Clone, Debug)]
struct Resource {
    since: Time,
    load: Load,
    used: i128,
    allocatable: i128,
    series: Series<Load>,
}

impl Resource {
    fn until(&mut self, time: Time) {
        let span = i128::from((time - self.since).0);
        self.used += i128::from(self.load.used) * span;
        self.allocatable += i128::from(self.load.allocatable) * span;
        self.since = time;
    }
}

impl Utilization {
    /// Nothing yet.
    pub fn new(start: Time) -> Utilization {
        Utilization {
            start,
            resources: BTreeMap::new(),
        }
    }

    /// A resource's use has changed.
    pub fn row(&mut self, row: &UtilizationRow) {
        let start = self.start;
        let resource = self
            .resources
            .entry(row.resource.clone())
            .or_insert_with(|| Resource {
                since: start,
                load: Load::default(),
                used: 0,
                allocatable: 0,
                series: Series::new(start, STEPS_MAX),
            });
        resource.until(row.time);
        resource.load = Load {
            used: row.used,
            allocatable: row.allocatable,
        };
        resource.series.push(row.time, resource.load);
    }

    /// The run has ended.
    pub fn finish(&mut self, end: Time) {
        for resource in self.resources.values_mut() {
            resource.until(end);
        }
    }

    /// The time-weighted mean of use over allocatable, by resource; those without any are left out.
    pub fn means(&self) -> BTreeMap<Name, f64> {
        self.resources
            .iter()
            .filter_map(|(name, resource)| {
                Some((name.clone(), ratio(resource.used, resource.allocatable)?))
            })
            .collect()
    }

    /// The steps of each resource.
    pub fn series(&self) -> impl Iterator<Item = (&Name, &Series<Load>)> {
        self.resources
            .iter()
            .map(|(name, resource)| (name, &resource.series))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(time: i64, used: i64, allocatable: i64) -> UtilizationRow {
        UtilizationRow {
            time: Time(time),
            resource: "cpu".into(),
            used,
            allocatable,
        }
    }

    #[test]
    fn the_mean_is_weighted_with_time_and_with_what_there_was() {
        let mut utilization = Utilization::new(Time(1000));
        utilization.row(&row(1000, 0, 100));
        utilization.row(&row(2000, 50, 100));
        utilization.row(&row(4000, 100, 300));
        utilization.finish(Time(5000));
        // (0 + 2 × 50 + 100) / (100 + 2 × 100 + 300)
        assert_eq!(utilization.means()["cpu"], 0.333_333);
    }

    #[test]
    fn a_resource_the_cluster_lacks_has_no_utilization() {
        let mut utilization = Utilization::new(Time(0));
        utilization.row(&row(0, 0, 0));
        utilization.finish(Time(5000));
        assert!(utilization.means().is_empty());
    }
}
