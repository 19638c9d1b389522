//! Alibaba's GPU trace of 2023 ("openb"): a list of pods, and a list of nodes.
//!
//! A pod may ask for a fraction of one GPU. Amounts are whole, so GPUs are counted in thousandths, under a
//! resource of their own: `gpu-milli`.

use super::input::{Fault, Lines};
use super::pods::{Ask, Draft, Maker};
use super::problem::Bad;
use super::table::{Cell, Fields, Header};
use super::{Format, GPU_MILLI, GPU_MODEL, Read};
use crate::model::{NamespaceFrom, NodeGroup, Shape, TraceSource};
use crate::problem::Problem;
use engine::spec::{Name, NodeSpec, Quantities};
use std::collections::BTreeMap;
use std::path::Path;

const MIB: i64 = 1 << 20;
/// The kubelet's default number of pods on a node.
const PODS_PER_NODE: i64 = 110;

/// Reads pods.
pub struct Openb {
    maker: Maker,
    fields: Fields,
    header: Header,
    columns: Columns,
    cpu: Name,
    memory: Name,
    gpu: Name,
}

struct Columns {
    name: usize,
    cpu: usize,
    memory: usize,
    num_gpu: usize,
    gpu_milli: usize,
    gpu_spec: usize,
    created: usize,
    deleted: usize,
    scheduled: usize,
    tenant: Option<usize>,
}

impl Openb {
    /// For this trace, whose first line is `header`.
    ///
    /// # Errors
    /// A column is not there.
    pub fn new(source: &TraceSource, header: Header) -> Result<Openb, Problem> {
        let columns = Columns {
            name: header.need("name")?,
            cpu: header.need("cpu_milli")?,
            memory: header.need("memory_mib")?,
            num_gpu: header.need("num_gpu")?,
            gpu_milli: header.need("gpu_milli")?,
            gpu_spec: header.need("gpu_spec")?,
            created: header.need("creation_time")?,
            deleted: header.need("deletion_time")?,
            scheduled: header.need("scheduled_time")?,
            tenant: match &source.namespace {
                NamespaceFrom::Fixed(_) => None,
                NamespaceFrom::Column { column, .. } => Some(header.need(column)?),
            },
        };
        Ok(Openb {
            maker: Maker::new(source, Some(Shape::Single)),
            fields: Fields::default(),
            header,
            columns,
            cpu: "cpu".into(),
            memory: "memory".into(),
            gpu: GPU_MILLI.into(),
        })
    }
}

impl Format for Openb {
    fn row(&mut self, line: &str, _: u64) -> Result<Read, Bad> {
        if line.is_empty() {
            return Ok(Read::Nothing);
        }
        self.header.split(line, &mut self.fields)?;
        let (fields, names) = (&self.fields, self.header.names());
        let cell = |index: usize| fields.cell(index, names.get(index).map_or("", String::as_str));
        let columns = &self.columns;
        let created = cell(columns.created).length()?;
        // A pod that was never scheduled lasted from its creation on.
        let from = match cell(columns.scheduled) {
            Cell { value: "", .. } => created,
            scheduled => scheduled.length()?,
        };
        let deleted = cell(columns.deleted);
        let duration = deleted.length()? - from;
        if duration < 0 {
            return Err(deleted.bad("a pod is deleted after it was scheduled"));
        }
        let gpus = cell(columns.num_gpu).count()?;
        let memory = scaled(&cell(columns.memory), MIB)?;
        let gpu_milli = scaled(&cell(columns.gpu_milli), gpus)?;
        let request = [
            (&self.cpu, cell(columns.cpu).count()?),
            (&self.memory, memory),
            (&self.gpu, gpu_milli),
        ];
        let request = request.into_iter().filter(|(_, amount)| *amount > 0);
        self.maker.job(Draft {
            at: created,
            duration,
            name: cell(columns.name).value,
            tenant: cell(columns.tenant.unwrap_or(usize::MAX)),
            priority: None,
            ask: Ask::Each {
                replicas: 1,
                request: request
                    .map(|(name, amount)| (name.clone(), amount))
                    .collect(),
                last: None,
            },
            gang: None,
            models: cell(columns.gpu_spec).value,
        })
    }
}

fn scaled(cell: &Cell, scale: i64) -> Result<i64, Bad> {
    cell.count()?
        .checked_mul(scale)
        .filter(|amount| *amount <= engine::AMOUNT_MAX)
        .ok_or_else(|| cell.bad("at most 2^53 base units in all"))
}

/// Reads a list of nodes: `sn,cpu_milli,memory_mib,gpu,model`. The model is the label `gpu-model`.
///
/// # Errors
/// What is wrong with the file, each bad row.
pub fn read_nodes(path: &Path) -> Result<Vec<NodeSpec>, Vec<Problem>> {
    let mut lines = Lines::open(path).map_err(|problem| vec![problem])?;
    let header = Header::read(&mut lines).map_err(|problem| vec![problem])?;
    let mut fields = Fields::default();
    let mut nodes = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    loop {
        let row = match lines.next() {
            Ok(None) => break,
            Ok(Some("")) => continue,
            Ok(Some(line)) => node(&header, line, &mut fields).map_err(|bad| lines.problem(bad)),
            Err(Fault::Row(problem)) => Err(problem),
            Err(Fault::File(problem)) => {
                problems.push(problem.into());
                break;
            }
        };
        match row {
            Ok(node) => nodes.push(node),
            Err(problem) => problems.push(problem.into()),
        }
    }
    match problems.is_empty() {
        true => Ok(nodes),
        false => Err(problems),
    }
}

fn node(header: &Header, line: &str, fields: &mut Fields) -> Result<NodeSpec, Bad> {
    header.split(line, fields)?;
    let need = |name: &'static str| -> Result<Cell<'_>, Bad> {
        let index = header.find(name).ok_or_else(|| {
            Bad::row(
                format!("has no column `{name}`"),
                "is this a list of openb's nodes?",
            )
        })?;
        Ok(fields.cell(index, name))
    };
    let name = need("sn")?;
    if name.value.is_empty() {
        return Err(name.bad("a node has a name"));
    }
    let allocatable = [
        ("cpu", need("cpu_milli")?.count()?),
        ("memory", scaled(&need("memory_mib")?, MIB)?),
        (GPU_MILLI, scaled(&need("gpu")?, 1000)?),
        ("pods", PODS_PER_NODE),
    ];
    let model = need("model")?.value;
    let labels = Some((GPU_MODEL.into(), model.into())).filter(|_| !model.is_empty());
    Ok(NodeSpec {
        name: name.value.into(),
        labels: labels.into_iter().collect(),
        taints: Vec::new(),
        allocatable: allocatable
            .into_iter()
            .filter(|(_, amount)| *amount > 0)
            .map(|(resource, amount)| (Name::from(resource), amount))
            .collect(),
        schedulable: true,
    })
}

/// Nodes by form, in the order in which each form comes first; the groups are named `PREFIX-1`, `PREFIX-2`, ….
pub fn groups(nodes: &[NodeSpec], prefix: &str) -> Vec<NodeGroup> {
    let mut groups: Vec<NodeGroup> = Vec::new();
    let mut known: BTreeMap<(&BTreeMap<Name, Name>, &Quantities), usize> = BTreeMap::new();
    for node in nodes {
        let next = groups.len();
        let index = *known
            .entry((&node.labels, &node.allocatable))
            .or_insert(next);
        match groups.get_mut(index) {
            Some(group) => group.count += 1,
            None => {
                let name: Name = format!("{prefix}-{}", next + 1).into();
                groups.push(NodeGroup {
                    name: name.clone(),
                    count: 1,
                    node: NodeSpec {
                        name,
                        ..node.clone()
                    },
                    background: Quantities::new(),
                });
            }
        }
    }
    groups
}
