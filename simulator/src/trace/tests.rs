//! Tests of the readers: each format on a few rows, then all on the published data where it is there.

mod data;
mod formats;
mod order;
mod series;

use super::{Arrivals, Demand, Jobs, Steps, open};
use crate::model::{Bound, Job, NamespaceFrom, TraceSource, Work};
use crate::problem::Problem;
use engine::{Span, Time};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that goes when the test has passed.
pub struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "simulator-test-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A trace with nothing special about it.
pub fn source(format: &str, path: &Path) -> TraceSource {
    TraceSource {
        path: path.into(),
        format: format.into(),
        namespace: NamespaceFrom::Fixed("lab".into()),
        columns: Default::default(),
        shape: None,
        per_node: 8,
        node_selector: Vec::new(),
        priority: 0,
        speedup: 1_000_000,
        window: (None, None),
        max_gpus: Default::default(),
        skip_bad_rows: 0,
        start: Time(0),
    }
}

pub fn by_column(column: &str) -> NamespaceFrom {
    NamespaceFrom::Column {
        column: column.into(),
        map: None,
    }
}

pub fn after(seconds: i64) -> Option<Bound> {
    Some(Bound::After(Span::seconds(seconds)))
}

/// The jobs of a trace that has nothing else.
pub fn jobs(source: &TraceSource) -> Result<Jobs, Vec<Problem>> {
    match open(source)? {
        Arrivals::Jobs(jobs) => Ok(*jobs),
        Arrivals::Services(_) => panic!("{} holds services", source.format),
    }
}

pub fn services(source: &TraceSource) -> Result<Vec<Demand>, Vec<Problem>> {
    match open(source)? {
        Arrivals::Services(services) => Ok(services),
        Arrivals::Jobs(_) => panic!("{} holds jobs", source.format),
    }
}

/// All jobs of a trace, and what became of the rows.
pub fn all(source: &TraceSource) -> (Vec<Job>, Jobs) {
    let mut jobs = jobs(source).unwrap_or_else(|problems| panic!("{}", shown(&problems, source)));
    let list = jobs.by_ref().map(|job| Job::clone(&job.unwrap())).collect();
    (list, jobs)
}

/// Jobs as lines: `at namespace/name duration pods`.
pub fn listing(source: &TraceSource) -> String {
    let (list, jobs) = all(source);
    let mut text: String = list.iter().map(line).collect();
    let counts = jobs.counts();
    for (why, count) in &counts.passed_over {
        text.push_str(&format!("{count} passed over: {why}\n"));
    }
    if counts.outside + counts.bad > 0 {
        text.push_str(&format!("{} outside, {} bad\n", counts.outside, counts.bad));
    }
    text
}

fn line(job: &Job) -> String {
    let Work::Duration(duration) = job.work else {
        panic!("{job:?}");
    };
    let pods: Vec<String> = job
        .pods
        .iter()
        .map(|(template, count)| {
            let request = template
                .request
                .iter()
                .filter(|(name, _)| &***name != "pods");
            let request: Vec<String> = request
                .map(|(name, amount)| format!("{name} {amount}"))
                .collect();
            let labels: Vec<String> = template
                .nodes
                .labels
                .iter()
                .map(|(k, v)| format!(" on {k}={v}"))
                .collect();
            let terms = template.nodes.terms.iter().flat_map(|term| &term.labels);
            let models: Vec<String> = terms
                .map(|term| format!(" of {}", term.values.join("|")))
                .collect();
            format!(
                "{count} x ({}){}{}",
                request.join(", "),
                labels.concat(),
                models.concat()
            )
        })
        .collect();
    let gang = if job.gang { " gang" } else { "" };
    let priority = if job.priority == 0 {
        String::new()
    } else {
        format!(" priority {}", job.priority)
    };
    format!(
        "{} {}/{} for {}: {}{gang}{priority}\n",
        super::time::seconds(job.at.0),
        job.namespace,
        job.name,
        super::time::seconds(duration.0),
        pods.join(" + "),
    )
}

/// Problems as the program prints them, with the folder left out.
pub fn shown(problems: &[Problem], source: &TraceSource) -> String {
    let folder = source.path.parent().unwrap().display().to_string();
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| problem.to_string().replace(&folder, ""))
        .collect();
    lines.join("\n") + "\n"
}

pub fn problems(source: &TraceSource) -> String {
    match jobs(source) {
        Ok(_) => "no problems\n".into(),
        Err(problems) => shown(&problems, source),
    }
}

pub fn steps(steps: Steps) -> Vec<(i64, u32)> {
    steps
        .map(|step| step.unwrap())
        .map(|(at, count)| (at.0, count))
        .collect()
}
