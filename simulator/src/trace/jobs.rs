//! Jobs of a trace, in the order of time: from memory if it is small, else streamed, sorted if need be.

use super::clock::{Clock, Settings};
use super::problem::RowProblem;
use super::rows::{Counts, Row, Rows};
use super::sort::{Merge, Runs};
use crate::model::{Job, TraceSource};
use crate::problem::{Level, Problem};
use engine::Time;
use engine::spec::Name;
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows that are kept in memory at a time: some 40 MB of jobs.
pub const ROWS_MAX: usize = 1 << 17;
/// Bad rows that are told in full.
const TOLD_MAX: usize = 20;

/// Jobs of a trace, in the order of their submission; rows of one instant in the order of the file.
pub struct Jobs {
    origin: Origin,
    clock: Clock,
    told: Told,
    passed: Vec<Problem>,
    resources: BTreeSet<Name>,
}

enum Origin {
    /// All of them, sorted.
    Memory(std::vec::IntoIter<Job>),
    /// In the order of the file, which is the order of time.
    Stream(Rows),
    /// Sorted in temporary files.
    Merge(Merge),
}

/// What the first reading found.
struct Told {
    counts: Counts,
    file: Arc<str>,
}

impl Jobs {
    /// Opens the files of a trace.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn open(source: &TraceSource, files: &[PathBuf]) -> Result<Jobs, Vec<Problem>> {
        Jobs::open_with(source, files, ROWS_MAX)
    }

    /// The same, with at most `rows_max` rows in memory.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn open_with(
        source: &TraceSource,
        files: &[PathBuf],
        rows_max: usize,
    ) -> Result<Jobs, Vec<Problem>> {
        let source = Arc::new(source.clone());
        let first = Survey::of(&source, files, rows_max)?;
        let settings = Settings::of(&source);
        let clock = settings.clock(first.kind, first.epoch, first.earliest);
        let clock = clock.map_err(|problem| vec![problem])?;
        let origin = match (first.whole, first.in_order) {
            (Some(mut jobs), in_order) => {
                if !in_order {
                    // A job is some 200 bytes: instants are sorted, and each job is moved once.
                    jobs.sort_by_cached_key(|job| job.at);
                }
                Origin::Memory(jobs.into_iter())
            }
            (None, true) => Origin::Stream(Rows::new(source.clone(), files)),
            (None, false) => Origin::Merge(sorted(&source, files, rows_max, &first.resources)?),
        };
        Ok(Jobs {
            origin,
            clock,
            told: Told {
                counts: first.counts,
                file: source.path.display().to_string().into(),
            },
            passed: first.bad,
            resources: first.resources,
        })
    }

    /// What became of the rows, as far as they were read. It is complete behind the last job.
    pub fn counts(&self) -> &Counts {
        &self.told.counts
    }

    /// The bad rows that are passed over, as warnings: the first of them in full.
    pub fn warnings(&self) -> &[Problem] {
        &self.passed
    }

    /// The resources that any of them asks for.
    pub fn resources(&self) -> &BTreeSet<Name> {
        &self.resources
    }

    fn draw(&mut self) -> Option<Result<Job, RowProblem>> {
        match &mut self.origin {
            Origin::Memory(jobs) => jobs.next().map(Ok),
            Origin::Merge(merge) => merge.next(),
            Origin::Stream(rows) => loop {
                match rows.next() {
                    Ok(None) => return None,
                    Ok(Some(Row::Job(job))) => return Some(Ok(job)),
                    // They were counted by the first reading.
                    Ok(Some(Row::Passed(..) | Row::Bad(_))) => {}
                    Err(problem) => return Some(Err(changed(&self.told.file, &problem))),
                }
            },
        }
    }
}

/// A file that could be read once and now cannot.
pub fn changed(file: &Arc<str>, problem: &Problem) -> RowProblem {
    RowProblem {
        file: file.clone(),
        line: problem
            .position
            .map_or(0, |(line, _)| u64::try_from(line).unwrap_or(u64::MAX)),
        bad: super::Bad::row(
            format!("changed while it was read: {}", problem.what),
            "run again",
        ),
    }
}

impl Iterator for Jobs {
    type Item = Result<Arc<Job>, RowProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut job = match self.draw()? {
                Ok(job) => job,
                Err(problem) => return Some(Err(problem)),
            };
            let at = job.at.0;
            if at < self.clock.from || at >= self.clock.to {
                self.told.counts.outside += 1;
                continue;
            }
            self.told.counts.jobs += 1;
            job.at = self.clock.shift(at);
            return Some(Ok(Arc::new(job)));
        }
    }
}

/// What reading all rows tells.
struct Survey {
    /// All jobs, if they are few.
    whole: Option<Vec<Job>>,
    in_order: bool,
    earliest: i64,
    kind: super::time::Kind,
    epoch: Option<i64>,
    counts: Counts,
    bad: Vec<Problem>,
    resources: BTreeSet<Name>,
}

impl Survey {
    fn of(
        source: &Arc<TraceSource>,
        files: &[PathBuf],
        rows_max: usize,
    ) -> Result<Survey, Vec<Problem>> {
        let mut rows = Rows::new(source.clone(), files);
        let mut jobs = Some(Vec::new());
        let mut counts = Counts::default();
        let mut bad: Vec<Problem> = Vec::new();
        let mut resources = FxHashSet::default();
        let (mut in_order, mut earliest, mut last) = (true, i64::MAX, Time::MIN);
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(problem) => {
                    bad.push(problem);
                    return Err(bad);
                }
            };
            match row {
                Row::Job(job) => {
                    earliest = earliest.min(job.at.0);
                    in_order &= last <= job.at;
                    last = job.at;
                    for name in job.pods.iter().flat_map(|(form, _)| form.request.keys()) {
                        if !resources.contains(name) {
                            resources.insert(name.clone());
                        }
                    }
                    if jobs.as_ref().is_some_and(|jobs| jobs.len() >= rows_max) {
                        jobs = None;
                    }
                    if let Some(jobs) = &mut jobs {
                        jobs.push(job);
                    }
                }
                Row::Passed(at, why) => {
                    earliest = earliest.min(at);
                    *counts.passed_over.entry(why).or_default() += 1;
                }
                Row::Bad(problem) => {
                    counts.bad += 1;
                    if bad.len() < TOLD_MAX {
                        bad.push(problem.into());
                    }
                }
            }
        }
        let untold = counts.bad - u64::try_from(bad.len()).unwrap_or(u64::MAX);
        if untold > 0 {
            let more = Problem::error(format!("has {untold} more bad rows"));
            bad.push(more.in_file(source.path.display().to_string()));
        }
        if counts.bad > source.skip_bad_rows {
            if source.skip_bad_rows > 0 {
                let what = format!(
                    "has {} bad rows, and {} may be passed over",
                    counts.bad, source.skip_bad_rows
                );
                bad.push(Problem::error(what).in_file(source.path.display().to_string()));
            }
            return Err(bad);
        }
        for problem in &mut bad {
            problem.level = Level::Warning;
        }
        Ok(Survey {
            whole: jobs,
            in_order,
            earliest,
            kind: rows.kind,
            epoch: rows.epoch,
            counts,
            bad,
            resources: resources.into_iter().collect(),
        })
    }
}

fn sorted(
    source: &Arc<TraceSource>,
    files: &[PathBuf],
    rows_max: usize,
    resources: &BTreeSet<Name>,
) -> Result<Merge, Vec<Problem>> {
    let mut rows = Rows::new(source.clone(), files);
    let mut runs = Runs::new(source.clone(), resources.clone());
    let mut jobs = Vec::new();
    let read = || -> Result<Merge, Problem> {
        while let Some(row) = rows.next()? {
            if let Row::Job(job) = row {
                jobs.push(job);
            }
            if jobs.len() >= rows_max {
                runs.spill(&mut jobs)?;
            }
        }
        runs.spill(&mut jobs)?;
        runs.merge()
    };
    read().map_err(|problem| vec![problem])
}
