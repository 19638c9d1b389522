//! Philly's active nodes by the minute (`time,active,total`), as one service of pods that fill a node each.

use super::clock::Settings;
use super::pods::Maker;
use super::series::{Columns, Samples, Steps, common_clock};
use super::{Demand, column_problem};
use crate::model::{NamespaceFrom, TraceSource};
use crate::problem::Problem;

/// The service.
///
/// # Errors
/// The file cannot be read, or has other columns.
pub fn open(source: &TraceSource) -> Result<Demand, Vec<Problem>> {
    let read = || -> Result<Demand, Problem> {
        let namespace = match &source.namespace {
            NamespaceFrom::Fixed(name) => name.clone(),
            NamespaceFrom::Column { column, .. } => {
                return Err(column_problem(source, column, &[])
                    .hint("it has no tenants: give one `namespace`"));
            }
        };
        let columns = Columns {
            time: "time",
            minutes: false,
            values: &["active"],
        };
        let mut samples = Samples::open(&source.path, columns, source.skip_bad_rows)?;
        let clock = common_clock(&Settings::of(source), std::iter::once(&mut samples))?;
        Ok(Demand {
            template: Maker::new(source, None).of_gpus(&namespace, i64::from(source.per_node)),
            namespace,
            name: "active-nodes".into(),
            priority: source.priority,
            steps: Steps::of_levels(samples, clock, source.start),
        })
    };
    read().map_err(|problem| vec![problem])
}
