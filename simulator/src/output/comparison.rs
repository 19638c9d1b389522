//! The same work under several policies: a result of each, and a page and a file of all.

use super::folder::{Folder, cannot};
use super::report::{self, Run};
use super::results::{About, Finished, Options, Results, write_json};
use super::summary::{Summary, VERSION};
use crate::problem::Failure;
use crate::record::Sink;
use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The form of `comparison.json`.
pub const SCHEMA: &str = "leasehold.dev/comparison/v1";

/// `comparison.json`.
#[derive(Serialize)]
struct Comparison<'a> {
    schema: &'static str,
    scenario: &'a str,
    seed: u64,
    version: &'static str,
    policies: Vec<&'a str>,
    /// What `summary.json` of each says.
    runs: Vec<&'a Summary>,
}

/// Makes one run, under the policy given; what it tells goes into the sink.
pub type Runner<'a, P> = &'a (dyn Fn(P, &mut dyn Sink) -> Result<(), Failure> + Sync);

/// Makes all runs, in `threads` at once, and writes a folder with a sub-folder for each. Hands back where it is
/// and the summaries in the order of `abouts`. What is written does not depend on the number of threads.
///
/// # Errors
/// A run fails, or something cannot be written; then there is no folder.
pub fn write<P: Copy + Sync>(
    target: &Path,
    abouts: &[(About, P)],
    options: Options,
    threads: NonZeroUsize,
    runner: Runner<'_, P>,
) -> Result<(PathBuf, Vec<Summary>), Failure> {
    let folder = Folder::create(target)?;
    let finished = run_all(folder.path(), abouts, options, threads, runner)?;
    let failed = |error| cannot("be written to", folder.path(), &error);
    if let Some((first, _)) = abouts.first() {
        let comparison = Comparison {
            schema: SCHEMA,
            scenario: &first.scenario,
            seed: first.seed,
            version: VERSION,
            policies: abouts
                .iter()
                .map(|(about, _)| about.policy.as_str())
                .collect(),
            runs: finished.iter().map(|finished| &finished.summary).collect(),
        };
        write_json(&folder.path().join("comparison.json"), &comparison).map_err(failed)?;
    }
    if options.report {
        let runs: Vec<Run<'_>> = finished
            .iter()
            .map(|finished| Run {
                summary: &finished.summary,
                history: &finished.history,
            })
            .collect();
        report::write(&folder.path().join("report.html"), &runs).map_err(failed)?;
    }
    folder.keep()?;
    let summaries = finished.into_iter().map(|finished| finished.summary);
    Ok((target.to_owned(), summaries.collect()))
}

fn run_all<P: Copy + Sync>(
    folder: &Path,
    abouts: &[(About, P)],
    options: Options,
    threads: NonZeroUsize,
    runner: Runner<'_, P>,
) -> Result<Vec<Finished>, Failure> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<Finished, Failure>)>> = Mutex::new(Vec::new());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(about) = abouts.get(index) else {
                return;
            };
            let result = run_one(folder, about, options, runner);
            if result.is_err() {
                // Nobody needs the rest.
                next.store(abouts.len(), Ordering::Relaxed);
            }
            done.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push((index, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.get().min(abouts.len()) {
            scope.spawn(work);
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn run_one<P: Copy>(
    folder: &Path,
    (about, policy): &(About, P),
    options: Options,
    runner: Runner<'_, P>,
) -> Result<Finished, Failure> {
    let mut results = Results::create(&folder.join(&about.policy), about.clone(), options)?;
    runner(*policy, &mut results)?;
    results.close()
}
