//! What arrives, in the order of time, a few jobs in memory at once.

use super::RunError;
use crate::model::{Job, Scenario, Series, Workload};
use crate::problem::{Failure, Problem};
use crate::trace::{self, Demand, Jobs};
use engine::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

enum Source<'a> {
    /// Jobs written in the scenario, by time.
    Listed(std::vec::IntoIter<Arc<Job>>),
    /// Copies of a job, and the number of the next.
    Copies(&'a Series, u32),
    /// Rows of a trace.
    Trace(Box<Jobs>),
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
            Source::Trace(jobs) => match jobs.next() {
                None => Ok(None),
                Some(Ok(job)) => Ok(Some(job)),
                Some(Err(problem)) => Err(Problem::from(problem).into()),
            },
        }
    }
}

/// All sources of jobs, merged by time, then by their order in the scenario.
pub(crate) struct Arrivals<'a> {
    sources: Vec<Source<'a>>,
    /// The next job of each source that has one.
    heads: Vec<Option<Arc<Job>>>,
    order: BinaryHeap<Reverse<(Time, usize)>>,
    /// Services that traces brought.
    pub(crate) demands: Vec<Demand>,
    start: Time,
}

impl<'a> Arrivals<'a> {
    /// Opens all sources.
    pub(crate) fn open(scenario: &'a Scenario) -> Result<Arrivals<'a>, RunError> {
        let mut listed = Vec::new();
        let mut sources = Vec::new();
        let mut demands = Vec::new();
        for workload in &scenario.workloads {
            match workload {
                Workload::Job(job) => listed.push(job.clone()),
                Workload::Series(series) => sources.push(Source::Copies(series, 0)),
                Workload::Trace(source) => match trace::open(source).map_err(Failure::bad_input)? {
                    trace::Arrivals::Jobs(jobs) => sources.push(Source::Trace(jobs)),
                    trace::Arrivals::Services(found) => demands.extend(found),
                },
                Workload::Service(_) => {}
            }
        }
        listed.sort_by_key(|job| job.at);
        sources.insert(0, Source::Listed(listed.into_iter()));
        let mut arrivals = Arrivals {
            heads: sources.iter().map(|_| None).collect(),
            sources,
            order: BinaryHeap::new(),
            demands,
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

    /// Rows of traces that were passed over, by their format's own rule or because the user said so.
    pub(crate) fn passed_over(&self) -> u64 {
        let passed = |source: &Source<'_>| match source {
            Source::Trace(jobs) => jobs.counts().passed_over(),
            Source::Listed(_) | Source::Copies(..) => 0,
        };
        self.sources.iter().map(passed).sum()
    }
}
