//! The tables of a run and their columns. Programs read them: names and order are a promise.

use super::numbers::divided;
use super::table::{Cell, Column, Kind, Table};
use crate::record::{Outcome, PodRow, ServiceRow, TimelineRow, UtilizationRow, WorkloadRow};
use engine::Time;
use std::io;
use std::path::Path;

use Kind::{Int, Milli, Text};

const WORKLOADS: &[Column] = &[
    Column::new("namespace", Text),
    Column::new("name", Text),
    Column::new("kind", Text),
    Column::new("priority", Int),
    Column::new("submitted", Milli),
    Column::optional("admitted", Milli),
    Column::optional("started", Milli),
    Column::optional("ended", Milli),
    Column::new("wait", Milli),
    Column::new("outcome", Text),
    Column::new("replicas_wanted", Int),
    Column::optional("replicas_mean", Milli),
    Column::new("shrinks", Int),
    Column::new("grows", Int),
    Column::new("evictions", Int),
    Column::new("work_lost", Milli),
];

const PODS: &[Column] = &[
    Column::new("namespace", Text),
    Column::new("workload", Text),
    Column::new("pod", Text),
    Column::new("submitted", Milli),
    Column::optional("admitted", Milli),
    Column::optional("placed", Milli),
    Column::optional("started", Milli),
    Column::optional("ended", Milli),
    Column::optional("node", Text),
    Column::new("outcome", Text),
];

const TIMELINE: &[Column] = &[
    Column::new("time", Milli),
    Column::new("namespace", Text),
    Column::new("resource", Text),
    Column::new("guaranteed", Int),
    Column::optional("limit", Int),
    Column::new("used", Int),
    Column::new("borrowed", Int),
    Column::new("lent", Int),
    Column::new("pending", Int),
];

const SERVICES: &[Column] = &[
    Column::new("time", Milli),
    Column::new("namespace", Text),
    Column::new("name", Text),
    Column::new("desired", Int),
    Column::new("running", Int),
];

const UTILIZATION: &[Column] = &[
    Column::new("time", Milli),
    Column::new("resource", Text),
    Column::new("used", Int),
    Column::new("allocatable", Int),
];

/// The names of all tables, as files are named after them.
pub const NAMES: [&str; 5] = ["workloads", "pods", "timeline", "services", "utilization"];

/// The tables of a run that are being written.
pub struct Tables {
    start: Time,
    workloads: Table,
    pods: Option<Table>,
    timeline: Option<Table>,
    services: Table,
    utilization: Table,
}

impl Tables {
    /// The tables in `folder`.
    ///
    /// # Errors
    /// A file cannot be made.
    pub fn create(folder: &Path, start: Time, options: super::Options) -> io::Result<Tables> {
        let table = |name, columns| Table::create(folder, name, columns, options.csv);
        let optional =
            |wanted: bool, name, columns| wanted.then(|| table(name, columns)).transpose();
        Ok(Tables {
            start,
            workloads: table("workloads", WORKLOADS)?,
            pods: optional(options.pods, "pods", PODS)?,
            timeline: optional(options.timeline, "timeline", TIMELINE)?,
            services: table("services", SERVICES)?,
            utilization: table("utilization", UTILIZATION)?,
        })
    }

    /// A row of `workloads`.
    ///
    /// # Errors
    /// A file cannot be written to.
    pub fn workload(&mut self, row: &WorkloadRow) -> io::Result<()> {
        let start = self.start;
        let (replica_time, span) = row.replica_time;
        let mean = divided(i128::from(replica_time), i128::from(span.0), 1000);
        self.workloads.push(&[
            Cell::Name(&row.namespace),
            Cell::Name(&row.name),
            Cell::Word(row.kind),
            Cell::Int(i64::from(row.priority)),
            since(start, row.submitted),
            since_or_empty(start, row.admitted),
            since_or_empty(start, row.started),
            since_or_empty(start, row.ended),
            Cell::Milli(row.wait.0),
            outcome(row.outcome),
            Cell::Int(i64::from(row.replicas_wanted)),
            mean.map_or(Cell::Empty, Cell::Milli),
            count(row.shrinks),
            count(row.grows),
            count(row.evictions),
            Cell::Milli(row.work_lost),
        ])
    }

    /// A row of `pods`.
    ///
    /// # Errors
    /// A file cannot be written to.
    pub fn pod(&mut self, row: &PodRow) -> io::Result<()> {
        let start = self.start;
        let Some(pods) = &mut self.pods else {
            return Ok(());
        };
        pods.push(&[
            Cell::Name(&row.namespace),
            Cell::Name(&row.workload),
            Cell::Name(&row.pod),
            since(start, row.submitted),
            since_or_empty(start, row.admitted),
            since_or_empty(start, row.placed),
            since_or_empty(start, row.started),
            since_or_empty(start, row.ended),
            row.node.as_ref().map_or(Cell::Empty, Cell::Name),
            outcome(row.outcome),
        ])
    }

    /// A row of `timeline`.
    ///
    /// # Errors
    /// A file cannot be written to.
    pub fn timeline(&mut self, row: &TimelineRow) -> io::Result<()> {
        let start = self.start;
        let Some(timeline) = &mut self.timeline else {
            return Ok(());
        };
        timeline.push(&[
            since(start, row.time),
            Cell::Name(&row.namespace),
            Cell::Name(&row.resource),
            Cell::Int(row.guaranteed),
            row.limit.map_or(Cell::Empty, Cell::Int),
            Cell::Int(row.used),
            Cell::Int(row.borrowed),
            Cell::Int(row.lent),
            Cell::Int(row.pending),
        ])
    }

    /// A row of `services`.
    ///
    /// # Errors
    /// A file cannot be written to.
    pub fn service(&mut self, row: &ServiceRow) -> io::Result<()> {
        self.services.push(&[
            since(self.start, row.time),
            Cell::Name(&row.namespace),
            Cell::Name(&row.name),
            Cell::Int(i64::from(row.desired)),
            Cell::Int(i64::from(row.running)),
        ])
    }

    /// A row of `utilization`.
    ///
    /// # Errors
    /// A file cannot be written to.
    pub fn utilization(&mut self, row: &UtilizationRow) -> io::Result<()> {
        self.utilization.push(&[
            since(self.start, row.time),
            Cell::Name(&row.resource),
            Cell::Int(row.used),
            Cell::Int(row.allocatable),
        ])
    }

    /// Writes what is left and closes the files.
    ///
    /// # Errors
    /// A file cannot be written to.
    pub fn close(self) -> io::Result<()> {
        let Tables {
            start: _,
            workloads,
            pods,
            timeline,
            services,
            utilization,
        } = self;
        [
            Some(workloads),
            pods,
            timeline,
            Some(services),
            Some(utilization),
        ]
        .into_iter()
        .flatten()
        .try_for_each(Table::close)
    }
}

/// The word for an outcome.
pub fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Running => "running",
        Outcome::Pending => "pending",
        Outcome::Killed => "killed",
    }
}

fn outcome(outcome: Outcome) -> Cell<'static> {
    Cell::Word(outcome_word(outcome))
}

fn since(start: Time, time: Time) -> Cell<'static> {
    Cell::Milli((time - start).0)
}

fn since_or_empty(start: Time, time: Option<Time>) -> Cell<'static> {
    time.map_or(Cell::Empty, |time| since(start, time))
}

fn count(count: u64) -> Cell<'static> {
    Cell::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The columns of each table as the documentation must list them.
pub fn columns() -> [(&'static str, &'static [Column]); 5] {
    let [workloads, pods, timeline, services, utilization] = NAMES;
    [
        (workloads, WORKLOADS),
        (pods, PODS),
        (timeline, TIMELINE),
        (services, SERVICES),
        (utilization, UTILIZATION),
    ]
}
