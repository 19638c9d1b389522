//! What arrives, in the order of time, a few jobs in memory at once.

use super::RunError;
use super::services::Steps;
use crate::model::{Job, Scenario, Series, SeriesSource, Workload};
use crate::problem::{Failure, Problem};
use engine::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

enum Source<'a> {
    /// Jobs written in the scenario, by time.
    Listed(std::vec::IntoIter<Arc<Job>>),
    /// Copies of a job, and the number of the next.
    Copies(&'a Series, u32),
}

impl Source<'_> {
    fn next(&mut self) -> Result<Option<Arc<Job>>, Failure> {
        match self {
            Source::Listed(jobs) => Ok(jobs.next()),
            Source::Copies(series, number) => {
                if *number >= series.count {
                    return Ok(None);
                }
                *number += 1;
                Ok(Some(Arc::new(series.job(*number - 1))))
            }
        }
    }
}

/// All sources of jobs, merged by time, then by their order in the scenario.
pub(crate) struct Arrivals<'a> {
    sources: Vec<Source<'a>>,
    /// The next job of each source that has one.
    heads: Vec<Option<Arc<Job>>>,
    order: BinaryHeap<Reverse<(Time, usize)>>,
    start: Time,
}

impl<'a> Arrivals<'a> {
    /// Opens all sources.
    pub(crate) fn open(scenario: &'a Scenario) -> Result<Arrivals<'a>, RunError> {
        let mut listed = Vec::new();
        let mut sources = Vec::new();
        for workload in &scenario.workloads {
            match workload {
                Workload::Job(job) => listed.push(job.clone()),
                Workload::Series(series) => sources.push(Source::Copies(series, 0)),
                Workload::Trace(source) => {
                    let problem = Problem::error(format!(
                        "no reader for traces of format {:?}",
                        source.format
                    ))
                    .in_file(source.path.display().to_string());
                    return Err(Failure::from(problem).into());
                }
                Workload::Service(_) => {}
            }
        }
        listed.sort_by_key(|job| job.at);
        sources.insert(0, Source::Listed(listed.into_iter()));
        let mut arrivals = Arrivals {
            heads: sources.iter().map(|_| None).collect(),
            sources,
            order: BinaryHeap::new(),
            start: scenario.start,
        };
        for source in 0..arrivals.sources.len() {
            arrivals.refill(source)?;
        }
        Ok(arrivals)
    }

    fn refill(&mut self, source: usize) -> Result<(), RunError> {
        let job = self.sources[source].next()?;
        if let Some(job) = &job {
            self.order.push(Reverse((job.at.max(self.start), source)));
        }
        self.heads[source] = job;
        Ok(())
    }

    /// When the next job arrives.
    pub(crate) fn next_at(&self) -> Option<Time> {
        self.order.peek().map(|Reverse((at, _))| *at)
    }

    /// The next job, if it arrives by `now`.
    pub(crate) fn take(&mut self, now: Time) -> Result<Option<Arc<Job>>, RunError> {
        if self.next_at().is_none_or(|at| at > now) {
            return Ok(None);
        }
        let Some(Reverse((_, source))) = self.order.pop() else {
            return Ok(None);
        };
        let job = self.heads[source].take();
        self.refill(source)?;
        Ok(job)
    }

    /// Rows of traces that were passed over by their format's own rule.
    pub(crate) fn passed_over(&self) -> u64 {
        0
    }
}

/// The counts of a service that follows a series of requests.
pub(crate) fn open_series(series: &SeriesSource, start: Time) -> Result<Steps, RunError> {
    let _ = start;
    let problem = Problem::error(format!(
        "no reader for series of format {:?}",
        series.format
    ))
    .in_file(series.path.display().to_string());
    Err(Failure::from(problem).into())
}
