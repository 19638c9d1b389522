//! Sorts more jobs than memory holds: sorted runs in temporary files, merged while they are read.

use super::jobs::changed;
use super::own::Writer;
use super::problem::RowProblem;
use super::rows::{Row, Rows};
use crate::model::{Job, NamespaceFrom, TraceSource};
use crate::problem::Problem;
use engine::Time;
use engine::spec::Name;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs that are open at a time: below the usual bound of 1,024 files. More are merged into one.
const RUNS_MAX: usize = 256;

/// A temporary file that goes when it is no longer used.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Temporary {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "simulator-{}-{}.csv",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        Temporary(std::env::temp_dir().join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Sorted runs.
pub struct Runs {
    source: Arc<TraceSource>,
    resources: BTreeSet<Name>,
    files: Vec<Temporary>,
}

impl Runs {
    /// None yet, for jobs of this trace, which ask for these resources.
    pub fn new(source: Arc<TraceSource>, resources: BTreeSet<Name>) -> Runs {
        Runs {
            source,
            resources,
            files: Vec::new(),
        }
    }

    /// Sorts these jobs and writes them away.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn spill(&mut self, jobs: &mut Vec<Job>) -> Result<(), Problem> {
        if jobs.is_empty() {
            return Ok(());
        }
        // A job is some 200 bytes: instants are sorted, and each job is moved once.
        jobs.sort_by_cached_key(|job| job.at);
        if self.files.len() >= RUNS_MAX {
            // The merged run comes first, so rows of one instant keep the order of the file.
            let runs = std::mem::take(&mut self.files);
            let merged = Merge::of(&self.source, runs)?;
            let merged = merged.map(|job| job.map_err(Problem::from));
            self.files.push(write(merged, &self.resources)?);
        }
        self.files
            .push(write(jobs.drain(..).map(Ok), &self.resources)?);
        Ok(())
    }

    /// All of them, in the order of time.
    ///
    /// # Errors
    /// A temporary file cannot be read.
    pub fn merge(self) -> Result<Merge, Problem> {
        Merge::of(&self.source, self.files)
    }
}

fn write(
    jobs: impl Iterator<Item = Result<Job, Problem>>,
    resources: &BTreeSet<Name>,
) -> Result<Temporary, Problem> {
    let file = Temporary::new();
    let wrong = |error: io::Error| {
        Problem::error(format!("cannot be written: {error}"))
            .in_file(file.0.display().to_string())
            .hint("rows that are not in the order of time are sorted there; set TMPDIR to a folder with room")
    };
    let opened = File::options()
        .write(true)
        .create_new(true)
        .open(&file.0)
        .map_err(wrong)?;
    let mut writer = Writer::new(BufWriter::new(opened), Time(0), resources).map_err(wrong)?;
    for job in jobs {
        writer.write(&job?).map_err(wrong)?;
    }
    writer.finish().flush().map_err(wrong)?;
    Ok(file)
}

/// Runs, merged while they are read.
pub struct Merge {
    runs: Vec<Rows>,
    heads: Vec<Option<Job>>,
    /// The instant of each head, and its run: of one instant, the earlier run comes first.
    order: BinaryHeap<Reverse<(Time, usize)>>,
    /// They are there as long as they are read.
    _files: Vec<Temporary>,
    name: Arc<str>,
}

impl Merge {
    fn of(source: &TraceSource, files: Vec<Temporary>) -> Result<Merge, Problem> {
        let source = Arc::new(TraceSource {
            format: "csv".into(),
            namespace: NamespaceFrom::Column {
                column: "namespace".into(),
                map: None,
            },
            columns: BTreeMap::new(),
            shape: None,
            // They were told apart when they were read first.
            max_gpus: BTreeMap::new(),
            ..source.clone()
        });
        let mut merge = Merge {
            runs: files
                .iter()
                .map(|file| Rows::new(source.clone(), std::slice::from_ref(&file.0)))
                .collect(),
            heads: Vec::new(),
            order: BinaryHeap::new(),
            name: source.path.display().to_string().into(),
            _files: files,
        };
        for run in 0..merge.runs.len() {
            merge.heads.push(None);
            merge.advance(run)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, run: usize) -> Result<(), Problem> {
        let Some(rows) = self.runs.get_mut(run) else {
            return Ok(());
        };
        let head = match rows.next()? {
            Some(Row::Job(job)) => Some(job),
            Some(Row::Bad(problem)) => return Err(problem.into()),
            Some(Row::Passed(..)) | None => None,
        };
        if let Some(job) = &head {
            self.order.push(Reverse((job.at, run)));
        }
        if let Some(place) = self.heads.get_mut(run) {
            *place = head;
        }
        Ok(())
    }
}

impl Iterator for Merge {
    type Item = Result<Job, RowProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((_, run)) = self.order.pop()?;
        let job = self.heads.get_mut(run)?.take()?;
        match self.advance(run) {
            Ok(()) => Some(Ok(job)),
            Err(problem) => {
                self.order.clear();
                Some(Err(changed(&self.name, &problem)))
            }
        }
    }
}
