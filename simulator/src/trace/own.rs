//! Writes jobs in the simulator's own format: a table that [`super::csv`] reads back to the same jobs.

use super::csv::{LAST, REQUEST};
use super::{GPU, MODELS, time};
use crate::model::{Job, Work};
use engine::Time;
use engine::spec::{Name, Template};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Columns that every file has.
const COLUMNS: &str = "name,namespace,submit,duration,priority,gang,replicas,models";

/// Writes jobs as rows.
pub struct Writer<W: Write> {
    out: W,
    start: Time,
    resources: Vec<Name>,
}

impl<W: Write> Writer<W> {
    /// Writes the columns' names: those of every file, and two for each resource that any job asks for.
    /// Submission times are counted from `start`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(mut out: W, start: Time, resources: &BTreeSet<Name>) -> io::Result<Writer<W>> {
        let resources: Vec<Name> = resources
            .iter()
            .filter(|name| &***name != "pods")
            .cloned()
            .collect();
        let mut header = COLUMNS.to_string();
        for resource in &resources {
            match &**resource {
                "cpu" | "memory" => header.push_str(&format!(",{resource},{LAST}{resource}")),
                GPU => header.push_str(&format!(",gpu,{LAST}gpu")),
                _ => header.push_str(&format!(",{REQUEST}{resource},{LAST}{resource}")),
            }
        }
        writeln!(out, "{header}")?;
        Ok(Writer {
            out,
            start,
            resources,
        })
    }

    /// Writes a job.
    ///
    /// # Errors
    /// It cannot be written, or no trace of jobs makes such a job.
    pub fn write(&mut self, job: &Job) -> io::Result<()> {
        let Work::Duration(duration) = job.work else {
            return Err(io::Error::other("only jobs with a duration can be written"));
        };
        let ((first, replicas), last) = match job.pods.as_slice() {
            [first] => (first, None),
            [first, (last, 1)] => (first, Some(last)),
            _ => {
                return Err(io::Error::other(
                    "only jobs of one form and one more pod can be written",
                ));
            }
        };
        write!(
            self.out,
            "{},{},{},{},{},{},{replicas},{}",
            job.name,
            job.namespace,
            time::seconds((job.at - self.start).0),
            time::seconds(duration.0),
            job.priority,
            job.gang,
            models(first),
        )?;
        for resource in &self.resources {
            amount(&mut self.out, resource, Some(first))?;
            amount(&mut self.out, resource, last.map(|last| &**last))?;
        }
        writeln!(self.out)
    }

    /// Ends the file.
    pub fn finish(self) -> W {
        self.out
    }
}

fn amount(out: &mut impl Write, resource: &Name, template: Option<&Template>) -> io::Result<()> {
    match template.and_then(|template| template.request.get(resource)) {
        None => write!(out, ","),
        Some(amount) if &**resource == "cpu" => write!(out, ",{}", time::seconds(*amount)),
        Some(amount) => write!(out, ",{amount}"),
    }
}

fn models(template: &Template) -> String {
    let values = template
        .nodes
        .terms
        .iter()
        .flat_map(|term| &term.labels)
        .flat_map(|label| &label.values);
    let values: Vec<&str> = values.map(|value| &**value).collect();
    quoted(values.join(&MODELS.to_string()))
}

fn quoted(text: String) -> String {
    match text.contains([',', '"']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}
