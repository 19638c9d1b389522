//! Traces of clusters as jobs and services: a file per format, read as streams in the order of time.
//!
//! [`open`] reads a small trace once and keeps its jobs; a larger one is read through first, to find all bad
//! rows and whether its rows are in the order of time, and then once more, job by job. Rows that are not in
//! order are sorted through temporary files, so memory stays bounded.
//!
//! **Architecture invariant:** nothing is dropped silently. Each row becomes a job, is counted with its
//! reason in [`Counts`], or is a [`RowProblem`].
#![expect(
    clippy::result_large_err,
    reason = "a `Problem` ends the reading of a file; it is made once, not once a row"
)]

mod clock;
mod csv;
mod helios;
mod input;
mod jobs;
pub mod openb;
mod own;
mod philly;
mod philly_sequence;
mod pods;
mod problem;
mod rows;
mod series;
mod sort;
mod swf;
mod table;
mod tenants;
#[cfg(test)]
mod tests;
pub mod time;

pub use csv::FIELDS as CSV_FIELDS;
pub use helios::quotas as helios_quotas;
pub use input::unpacked;
pub use jobs::Jobs;
pub use own::Writer;
pub use problem::{Bad, RowProblem};
pub use rows::{Counts, files};
pub use series::Steps;
pub(crate) use {
    input::Lines,
    table::{Cell, Fields, Header},
    time::Kind as TimeKind,
};

use crate::model::{Job, SeriesSource, TraceSource};
use crate::problem::Problem;
use engine::Time;
use engine::spec::{Name, Template};
use std::path::PathBuf;
use std::sync::Arc;

/// The formats of traces of jobs.
pub const FORMATS: [&str; 6] = [
    "csv",
    "helios-demand",
    "openb",
    "philly",
    "philly-sequence",
    "swf",
];
/// The formats of series of requests.
pub const SERIES_FORMATS: [&str; 2] = ["llm-requests", "requests"];

/// The resource that a column of GPUs counts.
const GPU: &str = "nvidia.com/gpu";
/// The resource of a trace whose pods share GPUs.
const GPU_MILLI: &str = "gpu-milli";
/// The label of a node that tells the model of its GPUs.
const GPU_MODEL: &str = "gpu-model";
/// What stands between models.
const MODELS: char = '|';

/// What a trace holds.
pub enum Arrivals {
    /// Jobs, in the order of time.
    Jobs(Box<Jobs>),
    /// Services, each with its own changes.
    Services(Vec<Demand>),
}

/// A service out of a trace.
pub struct Demand {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Priority of its pods.
    pub priority: i32,
    /// One of its pods.
    pub template: Arc<Template>,
    /// Its replica counts, each from its instant on, in the order of time.
    pub steps: Steps,
}

/// Opens a trace.
///
/// # Errors
/// All that is wrong with it: every bad row (the first 20 of them in full) unless they are to be passed over.
pub fn open(source: &TraceSource) -> Result<Arrivals, Vec<Problem>> {
    match source.format.as_str() {
        "helios-demand" => helios::open(source).map(Arrivals::Services),
        "philly-sequence" => {
            philly_sequence::open(source).map(|demand| Arrivals::Services(vec![demand]))
        }
        _ => Jobs::open(source, &rows::files(&source.path)?)
            .map(|jobs| Arrivals::Jobs(Box::new(jobs))),
    }
}

/// Opens a trace of jobs that is in several files.
///
/// # Errors
/// As [`open`].
pub fn open_files(source: &TraceSource, files: &[PathBuf]) -> Result<Jobs, Vec<Problem>> {
    Jobs::open(source, files)
}

/// Opens a series of requests as replica counts; `start` is instant 0 of the scenario.
///
/// # Errors
/// The file cannot be read, or is none of its format.
pub fn open_series(source: &SeriesSource, start: Time) -> Result<Steps, Problem> {
    series::open(source, start)
}

/// The column that tells the tenant when the scenario names none, for formats that have one.
pub fn default_tenant_column(format: &str) -> Option<&'static str> {
    match format {
        "philly" => Some("cluster"),
        "helios-demand" => Some("vc"),
        "csv" => Some("namespace"),
        _ => None,
    }
}

/// What one line of a trace is.
enum Read {
    /// A job, its instant in the trace's own time.
    Job(Job),
    /// A row that is not used, by a rule; `why` completes "so many rows are passed over: …".
    Passed {
        /// When it was submitted, in the trace's own time.
        at: i64,
        /// The rule.
        why: &'static str,
    },
    /// No row: a comment, an empty line.
    Nothing,
}

/// Reads rows of one format.
trait Format: Send {
    /// Reads a line that is the row of this number, from 1.
    fn row(&mut self, line: &str, number: u64) -> Result<Read, Bad>;

    /// How instants are counted; `None` as long as that is not known.
    fn kind(&self) -> Option<TimeKind> {
        Some(TimeKind::Seconds)
    }

    /// The calendar time of second 0, in milliseconds, if the file tells it.
    fn epoch(&self) -> Option<i64> {
        None
    }
}

/// The reader of a file's rows.
fn format_of(source: &TraceSource, lines: &mut input::Lines) -> Result<Box<dyn Format>, Problem> {
    Ok(match source.format.as_str() {
        "swf" => Box::new(swf::Swf::new(source)?),
        "openb" => Box::new(openb::Openb::new(source, Header::read(lines)?)?),
        "philly" => Box::new(philly::Philly::new(source, Header::read(lines)?)?),
        "csv" => Box::new(csv::Csv::new(source, Header::read(lines)?)?),
        other => {
            return Err(
                Problem::error(format!("`{other}` is no known format of jobs"))
                    .in_file(source.path.display().to_string())
                    .hint(format!("known are `{}`", FORMATS.join("`, `"))),
            );
        }
    })
}

/// A column for namespaces that the format has not.
fn column_problem(source: &TraceSource, column: &str, known: &[&str]) -> Problem {
    Problem::error(format!("has no column `{column}`"))
        .in_file(source.path.display().to_string())
        .hint(format!(
            "the namespace may come from `{}`",
            known.join("`, `")
        ))
}
