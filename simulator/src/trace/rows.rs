//! Rows of one or several files, one after the other, as they stand there.

use super::input::{Fault, Lines};
use super::problem::RowProblem;
use super::time::Kind;
use super::{Format, Read, format_of};
use crate::model::{Job, TraceSource};
use crate::problem::Problem;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What became of a trace's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that became jobs.
    pub jobs: u64,
    /// Rows passed over by a rule: the rule, and how many.
    pub passed_over: BTreeMap<&'static str, u64>,
    /// Rows outside `from` … `to`.
    pub outside: u64,
    /// Bad rows that were passed over because the user said so.
    pub bad: u64,
}

impl Counts {
    /// All rows passed over, by a rule or because they are bad.
    pub fn passed_over(&self) -> u64 {
        self.passed_over.values().sum::<u64>() + self.bad
    }
}

/// What one row is.
pub enum Row {
    /// A job, its instant in the trace's own time.
    Job(Job),
    /// A row at this instant that a rule passes over.
    Passed(i64, &'static str),
    /// A row that cannot be used; the next may be.
    Bad(RowProblem),
}

/// Rows of files.
pub struct Rows {
    source: Arc<TraceSource>,
    files: VecDeque<PathBuf>,
    current: Option<(Lines, Box<dyn Format>)>,
    number: u64,
    /// How the files count their time.
    pub kind: Kind,
    /// The calendar time of second 0.
    pub epoch: Option<i64>,
}

impl Rows {
    /// Rows of these files.
    pub fn new(source: Arc<TraceSource>, files: &[PathBuf]) -> Rows {
        Rows {
            source,
            files: files.iter().cloned().collect(),
            current: None,
            number: 0,
            kind: Kind::Seconds,
            epoch: None,
        }
    }

    /// The next row; `None` behind the last one.
    ///
    /// # Errors
    /// A file cannot be read any further.
    pub fn next(&mut self) -> Result<Option<Row>, Problem> {
        loop {
            if self.current.is_none() {
                let Some(path) = self.files.pop_front() else {
                    return Ok(None);
                };
                let mut lines = Lines::open(&path)?;
                let format = format_of(&self.source, &mut lines)?;
                self.current = Some((lines, format));
            }
            let Some((lines, format)) = &mut self.current else {
                return Ok(None);
            };
            let read = match lines.next() {
                Ok(Some(line)) => format.row(line, self.number + 1),
                Ok(None) => {
                    self.current = None;
                    continue;
                }
                Err(Fault::Row(problem)) => return Ok(Some(Row::Bad(problem))),
                Err(Fault::File(problem)) => return Err(problem.into()),
            };
            if let Some(kind) = format.kind() {
                self.kind = kind;
            }
            self.epoch = format.epoch();
            let row = match read {
                Ok(Read::Nothing) => continue,
                Ok(Read::Job(job)) => Row::Job(job),
                Ok(Read::Passed { at, why }) => Row::Passed(at, why),
                Err(bad) => Row::Bad(lines.problem(bad)),
            };
            self.number += 1;
            return Ok(Some(row));
        }
    }
}

/// The files of a path: itself, or what a folder holds, by name.
///
/// # Errors
/// It cannot be read.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, Vec<Problem>> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let wrong = |what: String| vec![Problem::error(what).in_file(path.display().to_string())];
    let entries =
        std::fs::read_dir(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry
            .map_err(|error| wrong(format!("cannot be read: {error}")))?
            .path();
        if entry.is_file() && is_data(&entry) {
            files.push(entry);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(wrong(
            "holds no files ending in .csv or .swf (or these with .gz or .zst)".into(),
        )),
        false => Ok(files),
    }
}

fn is_data(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    let name = name
        .strip_suffix(".gz")
        .or(name.strip_suffix(".zst"))
        .unwrap_or(&name);
    name.ends_with(".csv") || name.ends_with(".swf")
}
