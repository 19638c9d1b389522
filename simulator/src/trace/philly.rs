//! The Philly trace, reduced: `timestamp,duration,num_gpus,gpu_time,cluster`, in no order.

use super::pods::{Ask, Draft, Maker};
use super::problem::Bad;
use super::table::{Fields, Header};
use super::time::Kind;
use super::{Format, GPU, Read};
use crate::model::{NamespaceFrom, Shape, TraceSource};
use crate::problem::Problem;
use engine::spec::Name;

/// Reads jobs: a gang of as few pods as its GPUs need.
pub struct Philly {
    maker: Maker,
    fields: Fields,
    header: Header,
    gpu: Name,
    timestamp: usize,
    duration: usize,
    gpus: usize,
    tenant: usize,
}

impl Philly {
    /// For this trace, whose first line is `header`.
    ///
    /// # Errors
    /// A column is not there.
    pub fn new(source: &TraceSource, header: Header) -> Result<Philly, Problem> {
        Ok(Philly {
            maker: Maker::new(source, Some(Shape::Gang)),
            fields: Fields::default(),
            gpu: GPU.into(),
            timestamp: header.need("timestamp")?,
            duration: header.need("duration")?,
            gpus: header.need("num_gpus")?,
            tenant: match &source.namespace {
                NamespaceFrom::Fixed(_) => header.need("cluster")?,
                NamespaceFrom::Column { column, .. } => header.need(column)?,
            },
            header,
        })
    }
}

impl Format for Philly {
    fn row(&mut self, line: &str, number: u64) -> Result<Read, Bad> {
        if line.is_empty() {
            return Ok(Read::Nothing);
        }
        self.header.split(line, &mut self.fields)?;
        let gpus = self.fields.cell(self.gpus, "num_gpus").count()?;
        let request = if gpus > 0 {
            vec![(self.gpu.clone(), gpus)]
        } else {
            Vec::new()
        };
        let tenant = self
            .header
            .names()
            .get(self.tenant)
            .map_or("", String::as_str);
        self.maker.job(Draft {
            at: self.fields.cell(self.timestamp, "timestamp").calendar()?,
            duration: self.fields.cell(self.duration, "duration").length()?,
            name: &format!("job-{number}"),
            tenant: self.fields.cell(self.tenant, tenant),
            priority: None,
            ask: Ask::Whole(request),
            gang: None,
            models: "",
        })
    }

    fn kind(&self) -> Option<Kind> {
        Some(Kind::Calendar)
    }
}
