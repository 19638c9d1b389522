//! Pods as an observer saw them: the columns of the table `pods` that a comparison needs.

use crate::problem::{Failure, Problem};
use crate::trace::{Bad, Cell, Fields, Header, Lines, RowProblem, TimeKind};
use engine::spec::Name;
use rustc_hash::FxHashMap;
use std::path::Path;

/// One pod. Instants are milliseconds since instant 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: Name,
    /// The scenario's name of the job or service that it belongs to.
    pub workload: Name,
    /// Its own name.
    pub name: Name,
    /// When it was created.
    pub submitted: i64,
    /// When it was admitted, if it was.
    pub admitted: Option<i64>,
    /// When it ran, if it did.
    pub started: Option<i64>,
}

/// The workload of each pod, by namespace and name.
pub type Owners = FxHashMap<(Name, Name), Name>;

/// Which workload each pod belongs to.
pub fn owners(pods: &[Pod]) -> Owners {
    let owner = |pod: &Pod| {
        let key = (pod.namespace.clone(), pod.name.clone());
        (key, pod.workload.clone())
    };
    pods.iter().map(owner).collect()
}

/// Reads a table of pods.
///
/// # Errors
/// It cannot be read, or the first row that is wrong.
pub fn read(path: &Path) -> Result<Vec<Pod>, Failure> {
    let mut lines = Lines::open(path)?;
    let header = Header::read(&mut lines)?;
    let columns = [
        "namespace",
        "workload",
        "pod",
        "submitted",
        "admitted",
        "started",
    ];
    let mut places = [0; 6];
    for (place, column) in places.iter_mut().zip(columns) {
        *place = header.need(column)?;
    }
    let mut fields = Fields::default();
    let mut pods = Vec::new();
    let mut names: FxHashMap<String, Name> = FxHashMap::default();
    loop {
        match lines.next() {
            Ok(None) => return Ok(pods),
            Ok(Some("")) => continue,
            Ok(Some(line)) => {
                if let Err(bad) = header.split(line, &mut fields) {
                    return Err(Problem::from(lines.problem(bad)).into());
                }
            }
            Err(fault) => return Err(Problem::from(RowProblem::from(fault)).into()),
        }
        let [namespace, workload, pod, submitted, admitted, started] =
            [0, 1, 2, 3, 4, 5].map(|n: usize| fields.cell(places[n], columns[n]));
        let mut name = |cell: Cell<'_>| -> Result<Name, Bad> {
            if cell.value.is_empty() {
                return Err(cell.bad("write a name"));
            }
            let known = names.entry(cell.value.to_owned());
            Ok(known.or_insert_with(|| cell.value.into()).clone())
        };
        let mut row = || -> Result<Pod, Bad> {
            Ok(Pod {
                namespace: name(namespace)?,
                workload: name(workload)?,
                name: pod.value.into(),
                submitted: seconds(submitted)?,
                admitted: seconds_if_any(admitted)?,
                started: seconds_if_any(started)?,
            })
        };
        match row() {
            Ok(pod) => pods.push(pod),
            Err(bad) => return Err(Problem::from(lines.problem(bad)).into()),
        }
    }
}

/// The same, of something that may not have happened.
fn seconds_if_any(cell: Cell<'_>) -> Result<Option<i64>, Bad> {
    match cell.value {
        "" => Ok(None),
        _ => seconds(cell).map(Some),
    }
}

/// Seconds since instant 0, in milliseconds; before it they are negative.
fn seconds(cell: Cell<'_>) -> Result<i64, Bad> {
    match cell.instant()? {
        (at, TimeKind::Seconds) => Ok(at),
        (_, TimeKind::Calendar) => Err(cell.bad("write seconds since instant 0")),
    }
}
