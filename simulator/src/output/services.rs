//! Services: replicas asked for against replicas running.

use super::distribution::{Distribution, Values};
use super::numbers::Seconds;
use super::series::{Measures, Series};
use crate::record::ServiceRow;
use engine::Time;
use engine::spec::Name;
use serde::Serialize;
use std::collections::BTreeMap;

/// Targets of one service that the summary names one by one.
const TARGETS_NAMED_MAX: usize = 100;

/// Steps of one service that are kept for drawing.
const STEPS_MAX: usize = 2048;

/// Replicas of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Asked for.
    pub desired: u32,
    /// Running.
    pub running: u32,
}

impl Measures for Counts {
    fn measures(&self) -> [i64; 2] {
        [
            i64::from(self.running),
            i64::from(self.desired) - i64::from(self.running),
        ]
    }
}

/// What services were short of, in the summary.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServiceDeficit {
    /// Replica-seconds that were asked for and did not run.
    pub integrated: Seconds,
    /// The longest time without a break that any service was short of replicas.
    pub longest: Seconds,
    /// Each service.
    pub services: Vec<ServiceSummary>,
}

/// What one service was short of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceSummary {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Replica-seconds that were asked for and did not run.
    pub integrated: Seconds,
    /// The longest time without a break that it was short of replicas.
    pub longest: Seconds,
    /// From each rise of the count asked for until so many ran; those that were missed are not in it.
    pub time_to_target: Distribution,
    /// Rises that were not reached before less was asked for or the run ended.
    pub targets_missed: u64,
    /// The first rises, one by one.
    pub targets: Vec<Target>,
    /// Rises beyond those that are named one by one.
    pub targets_left_out: u64,
}

/// A rise of the count asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// When it was asked for, since the start.
    pub time: Seconds,
    /// Replicas asked for from then on.
    pub desired: u32,
    /// Replicas that ran then.
    pub running: u32,
    /// How long it took; `null` if it was missed.
    pub reached_after: Option<Seconds>,
}

/// All services of a run.
#[derive(Clone, Debug)]
pub struct Services {
    start: Time,
    services: BTreeMap<(Name, Name), Service>,
}

#[derive(Clone, Debug)]
struct Service {
    since: Time,
    counts: Counts,
    integrated: i64,
    short_since: Option<Time>,
    longest: i64,
    /// Rises not reached yet, in the order of time and so of size.
    open: Vec<OpenTarget>,
    reached: Values,
    missed: u64,
    targets: Vec<Target>,
    targets_left_out: u64,
    series: Series<Counts>,
}

#[derive(Clone, Debug)]
struct OpenTarget {
    time: Time,
    desired: u32,
    /// Its place among the named ones, if it is one of them.
    named: Option<usize>,
}

impl Services {
    /// None yet.
    pub fn new(start: Time) -> Services {
        Services {
            start,
            services: BTreeMap::new(),
        }
    }

    /// A service's counts have changed.
    pub fn row(&mut self, row: &ServiceRow) {
        let start = self.start;
        self.services
            .entry((row.namespace.clone(), row.name.clone()))
            .or_insert_with(|| Service::new(start, row.time))
            .change(
                start,
                row.time,
                Counts {
                    desired: row.desired,
                    running: row.running,
                },
            );
    }

    /// The run has ended.
    pub fn finish(&mut self, end: Time) {
        for service in self.services.values_mut() {
            service.until(end);
            service.end_of_shortage(end);
            service.missed += u64::try_from(service.open.len()).unwrap_or(u64::MAX);
            service.open.clear();
        }
    }

    /// The figures.
    pub fn summary(&self) -> ServiceDeficit {
        let services: Vec<ServiceSummary> = self
            .services
            .iter()
            .map(|((namespace, name), service)| ServiceSummary {
                namespace: namespace.clone(),
                name: name.clone(),
                integrated: Seconds(service.integrated),
                longest: Seconds(service.longest),
                time_to_target: service.reached.distribution(),
                targets_missed: service.missed,
                targets: service.targets.clone(),
                targets_left_out: service.targets_left_out,
            })
            .collect();
        ServiceDeficit {
            integrated: Seconds(services.iter().map(|service| service.integrated.0).sum()),
            longest: services
                .iter()
                .map(|service| service.longest)
                .max()
                .unwrap_or_default(),
            services,
        }
    }

    /// The steps of each service.
    pub fn series(&self) -> impl Iterator<Item = (&(Name, Name), &Series<Counts>)> {
        self.services
            .iter()
            .map(|(key, service)| (key, &service.series))
    }
}

impl Service {
    fn new(start: Time, since: Time) -> Service {
        Service {
            since,
            counts: Counts::default(),
            integrated: 0,
            short_since: None,
            longest: 0,
            open: Vec::new(),
            reached: Values::default(),
            missed: 0,
            targets: Vec::new(),
            targets_left_out: 0,
            series: Series::new(start, STEPS_MAX),
        }
    }

    fn change(&mut self, start: Time, time: Time, counts: Counts) {
        self.until(time);
        if counts.desired > counts.running {
            self.short_since.get_or_insert(time);
        } else {
            self.end_of_shortage(time);
        }
        if counts.desired > self.counts.desired {
            self.open_target(start, time, counts);
        }
        self.close_targets(time, counts);
        self.counts = counts;
        self.series.push(time, counts);
    }

    fn until(&mut self, time: Time) {
        let short = self.counts.desired.saturating_sub(self.counts.running);
        self.integrated += i64::from(short) * (time - self.since).0;
        self.since = time;
    }

    fn end_of_shortage(&mut self, time: Time) {
        if let Some(since) = self.short_since.take() {
            self.longest = self.longest.max((time - since).0);
        }
    }

    fn open_target(&mut self, start: Time, time: Time, counts: Counts) {
        let named = (self.targets.len() < TARGETS_NAMED_MAX).then_some(self.targets.len());
        match named {
            Some(_) => self.targets.push(Target {
                time: Seconds::since(start, time),
                desired: counts.desired,
                running: counts.running,
                reached_after: None,
            }),
            None => self.targets_left_out += 1,
        }
        self.open.push(OpenTarget {
            time,
            desired: counts.desired,
            named,
        });
    }

    /// A target is reached when so many run, and missed when less is asked for before.
    fn close_targets(&mut self, time: Time, counts: Counts) {
        let Service {
            open,
            reached,
            missed,
            targets,
            ..
        } = self;
        open.retain(|target| {
            if counts.running >= target.desired {
                let after = (time - target.time).0;
                reached.push(after);
                if let Some(target) = target.named.and_then(|index| targets.get_mut(index)) {
                    target.reached_after = Some(Seconds(after));
                }
                return false;
            }
            if counts.desired < target.desired {
                *missed += 1;
                return false;
            }
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rows: &[(i64, u32, u32)], end: i64) -> ServiceSummary {
        let mut services = Services::new(Time(0));
        for &(time, desired, running) in rows {
            services.row(&ServiceRow {
                time: Time(time),
                namespace: "web".into(),
                name: "shop".into(),
                desired,
                running,
            });
        }
        services.finish(Time(end));
        services.summary().services.remove(0)
    }

    #[test]
    fn a_deficit_is_what_was_asked_for_and_did_not_run() {
        let shop = run(
            &[
                (0, 10, 0),
                (2000, 10, 4),
                (5000, 10, 10),
                (6000, 12, 10),
                (7000, 12, 12),
            ],
            9000,
        );
        // 10 × 2 + 6 × 3 + 2 × 1 replica-seconds
        assert_eq!(shop.integrated, Seconds(40_000));
        assert_eq!(shop.longest, Seconds(5000));
        assert_eq!(shop.targets_missed, 0);
        let after: Vec<_> = shop
            .targets
            .iter()
            .map(|target| target.reached_after)
            .collect();
        assert_eq!(after, [Some(Seconds(5000)), Some(Seconds(1000))]);
    }

    #[test]
    fn a_target_given_up_before_it_was_reached_is_missed() {
        let shop = run(
            &[(0, 10, 0), (1000, 10, 5), (2000, 5, 5), (3000, 20, 5)],
            4000,
        );
        assert_eq!(shop.targets_missed, 2);
        assert_eq!(shop.time_to_target.count, 0);
        assert_eq!(shop.targets[0].reached_after, None);
    }

    #[test]
    fn a_shortage_that_lasts_to_the_end_counts_to_the_end() {
        let shop = run(&[(0, 1, 0)], 60_000);
        assert_eq!(shop.longest, Seconds(60_000));
        assert_eq!(shop.integrated, Seconds(60_000));
    }
}
