//! The Standard Workload Format: 18 numbers a job, `;` before comments, −1 for what is unknown.

use super::pods::{Ask, Draft, Maker};
use super::problem::Bad;
use super::table::Fields;
use super::time::Kind;
use super::{Format, Read, column_problem};
use crate::model::{NamespaceFrom, Shape, TraceSource};
use crate::problem::Problem;
use engine::spec::Name;

const FIELDS: usize = 18;
const ID: usize = 0;
const SUBMIT: usize = 1;
const RUN_TIME: usize = 3;
const ALLOCATED: usize = 4;
const REQUESTED: usize = 7;
/// Columns that may tell the namespace.
const TENANTS: [(&str, usize); 5] = [
    ("user", 11),
    ("group", 12),
    ("executable", 13),
    ("queue", 14),
    ("partition", 15),
];

/// Reads jobs: a gang of one-processor pods each.
pub struct Swf {
    maker: Maker,
    fields: Fields,
    cpu: Name,
    tenant: (&'static str, usize),
    epoch: Option<i64>,
}

impl Swf {
    /// For this trace.
    ///
    /// # Errors
    /// The namespace's column is none of the format's.
    pub fn new(source: &TraceSource) -> Result<Swf, Problem> {
        let tenant = match &source.namespace {
            NamespaceFrom::Fixed(_) => TENANTS[0],
            NamespaceFrom::Column { column, .. } => *TENANTS
                .iter()
                .find(|(name, _)| name == column)
                .ok_or_else(|| column_problem(source, column, &TENANTS.map(|(name, _)| name)))?,
        };
        Ok(Swf {
            maker: Maker::new(source, Some(Shape::Gang)),
            fields: Fields::default(),
            cpu: "cpu".into(),
            tenant,
            epoch: None,
        })
    }

    fn comment(&mut self, comment: &str) {
        if let Some(start) = comment.trim().strip_prefix("UnixStartTime:") {
            self.epoch = start
                .trim()
                .parse::<i64>()
                .ok()
                .and_then(|s| s.checked_mul(1000));
        }
    }
}

impl Format for Swf {
    fn row(&mut self, line: &str, _: u64) -> Result<Read, Bad> {
        let line = line.trim_ascii();
        if let Some(comment) = line.strip_prefix(';') {
            self.comment(comment);
            return Ok(Read::Nothing);
        }
        self.fields.split_blanks(line);
        if self.fields.len() == 0 {
            return Ok(Read::Nothing);
        }
        if self.fields.len() != FIELDS {
            let what = format!("has {} fields instead of {FIELDS}", self.fields.len());
            return Err(Bad::row(
                what,
                "a row of SWF has 18 numbers, -1 for what is unknown",
            ));
        }
        let fields = &self.fields;
        let submit = fields.cell(SUBMIT, "submit time");
        let (at, kind) = submit.instant()?;
        if kind != Kind::Seconds || at < 0 {
            return Err(submit.bad("write seconds since the start of the log, 0 or more"));
        }
        let run_time = fields.cell(RUN_TIME, "run time");
        let known = |index, name| -> Result<Option<i64>, Bad> {
            let processors = fields.cell(index, name).integer()?;
            Ok(Some(processors).filter(|n| *n > 0))
        };
        let processors = match known(ALLOCATED, "allocated processors")? {
            Some(processors) => Some(processors),
            None => known(REQUESTED, "requested processors")?,
        };
        let unknown = run_time.value.starts_with('-') && run_time.integer()? < 0;
        let (Some(processors), false) = (processors, unknown) else {
            return Ok(Read::Passed {
                at,
                why: "their processors or run time are unknown",
            });
        };
        let id = fields.cell(ID, "job number");
        let mut tenant = fields.cell(self.tenant.1, self.tenant.0);
        if tenant.value.starts_with('-') {
            tenant.value = "unknown";
        }
        self.maker.job(Draft {
            at,
            duration: run_time.length()?,
            name: &format!("job-{}", id.value),
            tenant,
            priority: None,
            ask: Ask::Each {
                replicas: processors,
                request: vec![(self.cpu.clone(), 1000)],
                last: None,
            },
            gang: None,
            models: "",
        })
    }

    fn epoch(&self) -> Option<i64> {
        self.epoch
    }
}
