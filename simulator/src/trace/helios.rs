//! Demand of a cluster's virtual clusters by the minute: a file each, `vcNAME.csv`.
//!
//! Demand is `running_gpu_num` + `pending_gpu_num`, replayed as a service of one-GPU pods per virtual
//! cluster: what a lease does not admit of it waits.

use super::clock::Settings;
use super::input::Lines;
use super::pods::Maker;
use super::rows;
use super::series::{Columns, Samples, Steps, common_clock};
use super::table::{Cell, Fields, Header};
use super::tenants::valid_name;
use super::{Demand, column_problem};
use crate::model::{NamespaceFrom, TraceSource};
use crate::problem::Problem;
use engine::spec::Name;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const TIME: &str = "time";
const DEMAND: [&str; 2] = ["running_gpu_num", "pending_gpu_num"];
const QUOTA: &str = "total_gpu_num";
/// The only "column" that may tell the namespace: the file's own name.
const TENANT: &str = "vc";

/// The services of a folder, or of one file.
///
/// # Errors
/// What is wrong with its files.
pub fn open(source: &TraceSource) -> Result<Vec<Demand>, Vec<Problem>> {
    if let NamespaceFrom::Column { column, .. } = &source.namespace
        && column != TENANT
    {
        return Err(vec![column_problem(source, column, &[TENANT])]);
    }
    let files = demand_files(&source.path)?;
    let mut maker = Maker::new(source, None);
    let mut read = || -> Result<Vec<Demand>, Problem> {
        let mut opened = Vec::new();
        for (path, vc) in &files {
            let columns = Columns {
                time: TIME,
                minutes: false,
                values: &DEMAND,
            };
            opened.push((
                path,
                vc,
                Samples::open(path, columns, source.skip_bad_rows)?,
            ));
        }
        let clock = common_clock(
            &Settings::of(source),
            opened.iter_mut().map(|(_, _, samples)| samples),
        )?;
        let mut demands = Vec::new();
        for (path, vc, samples) in opened {
            let wrong = |what: String, hint: &str| {
                Problem::error(what)
                    .in_file(path.display().to_string())
                    .hint(hint)
            };
            let cell = Cell {
                column: TENANT,
                value: vc,
                position: 1,
            };
            let namespace = maker
                .namespace(&cell)
                .map_err(|bad| wrong(bad.what, &bad.wanted))?
                .ok_or_else(|| {
                    wrong(
                        format!("`{vc}` is not in the map of namespaces"),
                        "name each file of the folder there",
                    )
                })?;
            let name = valid_name(vc)
                .ok_or_else(|| wrong("has no name".into(), "name it after its tenant"))?;
            demands.push(Demand {
                template: maker.of_gpus(&namespace, 1),
                namespace,
                name: name.into(),
                priority: source.priority,
                steps: Steps::of_levels(samples, clock, source.start),
            });
        }
        Ok(demands)
    };
    read().map_err(|problem| vec![problem])
}

/// Each tenant's quota, as the first row of its file tells it.
///
/// # Errors
/// What is wrong with the files.
pub fn quotas(path: &Path) -> Result<BTreeMap<Name, i64>, Vec<Problem>> {
    let mut quotas = BTreeMap::new();
    for (path, vc) in demand_files(path)? {
        let read = || -> Result<i64, Problem> {
            let mut lines = Lines::open(&path)?;
            let header = Header::read(&mut lines)?;
            let column = header.need(QUOTA)?;
            let mut fields = Fields::default();
            let read = match lines.next() {
                Ok(Some(line)) => header.split(line, &mut fields),
                _ => return Err(Problem::error("has no rows").in_file(path.display().to_string())),
            };
            let quota = read.and_then(|()| fields.cell(column, QUOTA).count());
            quota.map_err(|bad| lines.problem(bad).into())
        };
        let quota = read().map_err(|problem| vec![problem])?;
        quotas.insert(valid_name(&vc).unwrap_or_default().into(), quota);
    }
    Ok(quotas)
}

/// The files of demand with their tenants' names. Others in the folder, known by their columns, are no demand.
fn demand_files(path: &Path) -> Result<Vec<(PathBuf, String)>, Vec<Problem>> {
    let mut files = Vec::new();
    let one = path.is_file();
    for file in rows::files(path)? {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let vc = name.split('.').next().unwrap_or_default().to_string();
        let mut lines = Lines::open(&file).map_err(|problem| vec![problem])?;
        let header = Header::read(&mut lines).map_err(|problem| vec![problem])?;
        if one || DEMAND.iter().all(|column| header.find(column).is_some()) {
            files.push((file, vc));
        }
    }
    match files.is_empty() {
        true => Err(vec![
            Problem::error(format!(
                "holds no file with the columns `{}`",
                DEMAND.join("` and `")
            ))
            .in_file(path.display().to_string())
            .hint("give the folder of the files `vcNAME.csv`"),
        ]),
        false => Ok(files),
    }
}
