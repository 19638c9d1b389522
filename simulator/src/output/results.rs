//! The sink that writes a results folder.

use super::accounts::Accounts;
use super::decisions::Decisions;
use super::folder::{Folder, cannot};
use super::reclaims::Reclaims;
use super::report;
use super::services::Services;
use super::summary::{Parts, RefusalEntry, Summary, Workloads};
use super::tables::Tables;
use super::utilization::Utilization;
use crate::problem::Failure;
use crate::record::{
    PodRow, RefusalRow, ServiceRow, Sink, TimelineRow, Totals, UtilizationRow, WorkloadRow,
};
use engine::{Action, Event, Time};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What is being run.
#[derive(Clone, Debug)]
pub struct About {
    /// The scenario's name.
    pub scenario: String,
    /// The policy's name.
    pub policy: String,
    /// The seed.
    pub seed: u64,
    /// Instant 0.
    pub start: Time,
}

/// What to write beside the summary and the tables that are always written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Tables as CSV too.
    pub csv: bool,
    /// The table of pods.
    pub pods: bool,
    /// The table of accounts over time; without it the report shows no accounts and there is no fairness.
    pub timeline: bool,
    /// The decision log.
    pub decisions: bool,
    /// The page.
    pub report: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            csv: false,
            pods: false,
            timeline: true,
            decisions: true,
            report: true,
        }
    }
}

/// A results folder that is being written.
pub struct Results {
    about: About,
    options: Options,
    folder: Folder,
    tables: Tables,
    decisions: Option<Decisions>,
    workloads: Workloads,
    utilization: Utilization,
    services: Services,
    accounts: Accounts,
    reclaims: Reclaims,
    refusals: Vec<RefusalEntry>,
    totals: Option<Totals>,
    /// The first error: a sink cannot answer its caller.
    error: Option<io::Error>,
}

/// A run whose results are in their folder.
pub struct Finished {
    /// Where.
    pub folder: PathBuf,
    /// Its figures.
    pub summary: Summary,
    /// What the report shows of it.
    pub history: History,
}

/// What happened over time, thinned for drawing.
pub struct History {
    /// Instant 0.
    pub start: Time,
    /// The last instant.
    pub end: Time,
    /// Sums over workloads.
    pub workloads: Workloads,
    /// Use of the cluster.
    pub utilization: Utilization,
    /// Replicas of services.
    pub services: Services,
    /// Figures of accounts.
    pub accounts: Accounts,
    /// The reclaim log.
    pub reclaims: Reclaims,
}

impl Results {
    /// Starts a results folder that will be at `target`.
    ///
    /// # Errors
    /// There is something at `target` that is not ours, or nothing can be written there.
    pub fn create(target: &Path, about: About, options: Options) -> Result<Results, Failure> {
        let folder = Folder::create(target)?;
        let error = |error| cannot("be written to", folder.path(), &error);
        let tables = Tables::create(folder.path(), about.start, options).map_err(error)?;
        let decisions = options
            .decisions
            .then(|| File::create(folder.path().join("decisions.jsonl")))
            .transpose()
            .map_err(error)?;
        let start = about.start;
        Ok(Results {
            about,
            options,
            folder,
            tables,
            decisions: decisions.map(|file| Decisions::new(file, start)),
            workloads: Workloads::default(),
            utilization: Utilization::new(start),
            services: Services::new(start),
            accounts: Accounts::new(start),
            reclaims: Reclaims::default(),
            refusals: Vec::new(),
            totals: None,
            error: None,
        })
    }

    /// Writes what is left and gives the folder its name.
    ///
    /// # Errors
    /// Something could not be written; then there is no folder.
    pub fn close(self) -> Result<Finished, Failure> {
        let Results {
            about,
            options,
            folder,
            tables,
            decisions,
            workloads,
            utilization,
            services,
            accounts,
            reclaims,
            refusals,
            totals,
            error,
        } = self;
        let path = folder.path();
        let failed = |error| cannot("be written to", path, &error);
        error.map_or(Ok(()), Err).map_err(failed)?;
        tables.close().map_err(failed)?;
        if let Some(decisions) = decisions {
            decisions.close().map_err(failed)?;
        }
        let totals = totals.unwrap_or_default();
        let summary = Summary::new(
            Parts {
                scenario: about.scenario,
                policy: about.policy,
                seed: about.seed,
                interrupted: totals.interrupted,
                start: about.start,
                utilization: utilization.means(),
                service_deficit: services.summary(),
                fairness: accounts.fairness(),
                refusals,
            },
            &workloads,
            &totals,
        );
        write_json(&path.join("summary.json"), &summary).map_err(failed)?;
        let history = History {
            start: about.start,
            end: totals.end,
            workloads,
            utilization,
            services,
            accounts,
            reclaims,
        };
        if options.report {
            let run = report::Run {
                summary: &summary,
                history: &history,
            };
            report::write(&path.join("report.html"), &[run]).map_err(failed)?;
        }
        let target = folder.target().to_owned();
        folder.keep()?;
        Ok(Finished {
            folder: target,
            summary,
            history,
        })
    }

    /// Does what needs no row: while a run begins, its writer has nothing else to do.
    pub fn prepare(&self) {
        if self.options.report {
            report::library();
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result
            && self.error.is_none()
        {
            self.error = Some(error);
        }
    }
}

/// What a sink is told, by reference: whoever made a row may want to let go of it himself.
impl Results {
    /// A workload has ended, or the run has.
    pub(super) fn add_workload(&mut self, row: &WorkloadRow) {
        self.workloads.row(row);
        let result = self.tables.workload(row);
        self.note(result);
    }

    /// A pod has ended, or the run has.
    pub(super) fn add_pod(&mut self, row: &PodRow) {
        let result = self.tables.pod(row);
        self.note(result);
    }

    /// An account's figures have changed.
    pub(super) fn add_timeline(&mut self, row: &TimelineRow) {
        self.accounts.row(row);
        let result = self.tables.timeline(row);
        self.note(result);
    }

    /// A service's counts have changed.
    pub(super) fn add_service(&mut self, row: &ServiceRow) {
        self.services.row(row);
        let result = self.tables.service(row);
        self.note(result);
    }

    /// The cluster's use has changed.
    pub(super) fn add_utilization(&mut self, row: &UtilizationRow) {
        self.utilization.row(row);
        let result = self.tables.utilization(row);
        self.note(result);
    }

    /// A change was refused.
    pub(super) fn add_refusal(&mut self, row: &RefusalRow) {
        self.refusals.push(RefusalEntry::new(self.about.start, row));
    }

    /// The events of one instant and the actions that came out.
    pub(super) fn add_decision(&mut self, now: Time, events: &[Event], actions: &[Action]) {
        if self.options.report {
            self.reclaims
                .decision(self.about.start, now, events, actions);
        }
        if let Some(decisions) = &mut self.decisions {
            let result = decisions.write(now, events, actions);
            self.note(result);
        }
    }
}

/// Writes a value as indented JSON with a line's end.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(&mut file, value)?;
    file.write_all(b"\n")?;
    file.flush()
}

impl Sink for Results {
    fn workload(&mut self, row: WorkloadRow) {
        self.add_workload(&row);
    }

    fn pod(&mut self, row: PodRow) {
        self.add_pod(&row);
    }

    fn wants_pods(&self) -> bool {
        self.options.pods
    }

    fn wants_timeline(&self) -> bool {
        self.options.timeline
    }

    fn timeline(&mut self, row: TimelineRow) {
        self.add_timeline(&row);
    }

    fn service(&mut self, row: ServiceRow) {
        self.add_service(&row);
    }

    fn utilization(&mut self, row: UtilizationRow) {
        self.add_utilization(&row);
    }

    fn refusal(&mut self, row: RefusalRow) {
        self.add_refusal(&row);
    }

    fn wants_decisions(&self) -> bool {
        self.options.decisions || self.options.report
    }

    fn decision(&mut self, now: Time, events: Vec<Event>, actions: Vec<Action>) {
        self.add_decision(now, &events, &actions);
    }

    fn finish(&mut self, totals: &Totals) {
        self.utilization.finish(totals.end);
        self.services.finish(totals.end);
        self.accounts.finish(totals.end);
        self.totals = Some(totals.clone());
    }
}
