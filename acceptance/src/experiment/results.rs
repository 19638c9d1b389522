//! The results folder: the simulator's own tables, summary and report, and beside them what a comparison needs.

use super::audit::Writes;
use super::plan::Plan;
use super::scene::Rows;
use crate::Result;
use engine::Time;
use serde_json::json;
use simulator::output::numbers::thousandths_text;
use simulator::output::{About, Finished, Options, Results};
use simulator::record::{Sink, Totals};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A run that has ended.
pub struct Run<'a> {
    /// What was played.
    pub plan: &'a Plan,
    /// How: the name in the place of a policy's.
    pub manner: &'a str,
    /// The instant that the scenario calls 0.
    pub start: Time,
    /// What was seen.
    pub rows: &'a Rows,
    /// What the controller wrote, if that was counted.
    pub writes: &'a Writes,
    /// The folder of the controller's decision log.
    pub decisions: &'a Path,
}

/// Writes all of it into a folder that is not there yet.
///
/// # Errors
/// Something cannot be written.
pub fn write(run: &Run<'_>, folder: &Path) -> Result<Finished> {
    let about = About {
        scenario: run.plan.name.clone(),
        policy: run.manner.to_owned(),
        seed: run.plan.seed,
        start: run.start,
    };
    let options = Options {
        csv: true,
        pods: true,
        // Accounts are in the controller's books, which nobody looks into here.
        timeline: false,
        decisions: false,
        report: true,
    };
    let mut results =
        Results::create(folder, about, options).map_err(|failure| failure.to_string())?;
    let rows = run.rows;
    // What was there when the scenario began counts from its instant 0 on.
    let from_start = |time: Time| time.max(run.start);
    for row in &rows.utilization {
        let time = from_start(row.time);
        results.utilization(simulator::record::UtilizationRow {
            time,
            ..row.clone()
        });
    }
    for row in &rows.services {
        let time = from_start(row.time);
        results.service(simulator::record::ServiceRow {
            time,
            ..row.clone()
        });
    }
    rows.pods.iter().for_each(|row| results.pod(row.clone()));
    rows.workloads
        .iter()
        .for_each(|row| results.workload(row.clone()));
    results.finish(&Totals {
        events: rows.events,
        replicas_shrunk: rows.replicas_shrunk,
        end: rows.end,
        ..Totals::default()
    });
    let finished = results.close().map_err(|failure| failure.to_string())?;
    let head = json!({
        "schema": "leasehold.dev/live-run/v1",
        "start": run.start.0,
        "scenario": run.plan.name,
        "manner": run.manner,
        "writes": run.writes,
    });
    std::fs::write(folder.join("run.json"), format!("{head:#}\n"))?;
    std::fs::write(folder.join("sizes.csv"), sizes(run))?;
    for file in decision_files(run.decisions)? {
        if let Some(name) = file.file_name() {
            std::fs::copy(&file, folder.join(name))?;
        }
    }
    Ok(finished)
}

/// Every count that an owner had.
fn sizes(run: &Run<'_>) -> String {
    let mut text = String::from("time,namespace,name,count\n");
    for row in &run.rows.sizes {
        let time = thousandths_text((row.time - run.start).0);
        let (namespace, name) = (&row.key.namespace, &row.key.name);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{time},{namespace},{name},{}", row.count);
    }
    text
}

/// The files of a decision log, the oldest first.
///
/// # Errors
/// The folder cannot be read.
pub fn decision_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned();
        let Some(rest) = name
            .strip_prefix("decisions.")
            .and_then(|rest| rest.strip_suffix("jsonl"))
        else {
            continue;
        };
        // `decisions.jsonl` is the newest; `decisions.2.jsonl` is older than `decisions.1.jsonl`.
        let age = rest.trim_end_matches('.').parse::<u32>().unwrap_or(0);
        files.push((std::cmp::Reverse(age), path));
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}
