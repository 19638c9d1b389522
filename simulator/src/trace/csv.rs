//! A table with named columns; it is also the simulator's own format, which `import` writes.

use super::pods::{Ask, Draft, Maker, Request};
use super::problem::Bad;
use super::table::{Cell, Fields, Header};
use super::time::Kind;
use super::{Format, GPU, Read};
use crate::model::{NamespaceFrom, TraceSource};
use crate::problem::Problem;
use engine::spec::Name;

/// Fields whose columns may be named; by default a column has its field's name.
pub const FIELDS: [&str; 10] = [
    "name", "submit", "duration", "replicas", "cpu", "memory", "gpu", "priority", "gang", "models",
];
/// Columns of other resources of each replica are `request.` and the resource.
pub const REQUEST: &str = "request.";
/// Columns of what one more pod asks for are `last.` and the resource (or `cpu`, `memory`, `gpu`).
pub const LAST: &str = "last.";

/// Reads jobs from a table.
pub struct Csv {
    maker: Maker,
    fields: Fields,
    header: Header,
    submit: usize,
    duration: usize,
    name: Option<usize>,
    replicas: Option<usize>,
    priority: Option<usize>,
    gang: Option<usize>,
    models: Option<usize>,
    tenant: Option<usize>,
    /// Where amounts of resources stand: of each replica, and of the last pod.
    request: Vec<(usize, Name)>,
    last: Vec<(usize, Name)>,
    kind: Option<Kind>,
}

impl Csv {
    /// For this trace, whose first line is `header`.
    ///
    /// # Errors
    /// A column that is needed, or that the scenario names, is not there.
    pub fn new(source: &TraceSource, header: Header) -> Result<Csv, Problem> {
        let find = |field: &str| match source.columns.get(field) {
            Some(column) => header.need(column).map(Some),
            None => Ok(header.find(field)),
        };
        let need = |field: &str| match source.columns.get(field) {
            Some(column) => header.need(column),
            None => header.need(field).map_err(|problem| {
                let hint = problem.hint.clone().unwrap_or_default();
                problem.hint(format!(
                    "{hint} (name another with `columns: {{{field}: …}}`)"
                ))
            }),
        };
        let (submit, duration) = (need("submit")?, need("duration")?);
        let mut request = Vec::new();
        for field in ["cpu", "memory", "gpu"] {
            request.extend(find(field)?.map(|index| (index, resource(field))));
        }
        let mut last = Vec::new();
        for (index, name) in header.names().iter().enumerate() {
            if let Some(field) = name.strip_prefix(REQUEST) {
                request.push((index, resource(field)));
            } else if let Some(field) = name.strip_prefix(LAST) {
                last.push((index, resource(field)));
            }
        }
        let tenant = match &source.namespace {
            NamespaceFrom::Fixed(_) => None,
            NamespaceFrom::Column { column, .. } => Some(header.need(column)?),
        };
        Ok(Csv {
            maker: Maker::new(source, None),
            fields: Fields::default(),
            submit,
            duration,
            name: find("name")?,
            replicas: find("replicas")?,
            priority: find("priority")?,
            gang: find("gang")?,
            models: find("models")?,
            tenant,
            request,
            last,
            kind: None,
            header,
        })
    }
}

/// The resource of a field.
fn resource(field: &str) -> Name {
    match field {
        "gpu" => GPU.into(),
        _ => field.into(),
    }
}

impl Format for Csv {
    fn row(&mut self, line: &str, number: u64) -> Result<Read, Bad> {
        if line.is_empty() {
            return Ok(Read::Nothing);
        }
        self.header.split(line, &mut self.fields)?;
        let (fields, names) = (&self.fields, self.header.names());
        let cell = |index: usize| fields.cell(index, names.get(index).map_or("", String::as_str));
        // A column that is not there is a cell that is empty.
        let maybe = |index: Option<usize>| index.map(cell).filter(|cell| !cell.value.is_empty());
        let submit = cell(self.submit);
        let (at, kind) = submit.instant()?;
        if *self.kind.get_or_insert(kind) != kind {
            return Err(submit.bad("write all of a file's times in one form"));
        }
        let amounts = |columns: &[(usize, Name)]| -> Result<Request, Bad> {
            let mut request = Vec::new();
            for (index, resource) in columns {
                if let Some(cell) = maybe(Some(*index)) {
                    let amount = if &**resource == GPU {
                        cell.count()?
                    } else {
                        cell.quantity(resource)?
                    };
                    if amount > 0 {
                        request.push((resource.clone(), amount));
                    }
                }
            }
            Ok(request)
        };
        let request = amounts(&self.request)?;
        let last = Some(amounts(&self.last)?).filter(|last| !last.is_empty());
        let ask = match maybe(self.replicas) {
            Some(replicas) => Ask::Each {
                replicas: replicas.count()?,
                request,
                last,
            },
            None => Ask::Whole(request),
        };
        let priority = match maybe(self.priority) {
            Some(cell) => Some(priority(&cell)?),
            None => None,
        };
        let gang = match maybe(self.gang) {
            Some(cell) => Some(flag(&cell)?),
            None => None,
        };
        let numbered = format!("job-{number}");
        self.maker.job(Draft {
            at,
            duration: cell(self.duration).length()?,
            name: maybe(self.name).map_or(&numbered, |cell| cell.value),
            tenant: cell(self.tenant.unwrap_or(usize::MAX)),
            priority,
            ask,
            gang,
            models: maybe(self.models).map_or("", |cell| cell.value),
        })
    }

    fn kind(&self) -> Option<Kind> {
        self.kind
    }
}

fn priority(cell: &Cell) -> Result<i32, Bad> {
    cell.value
        .parse()
        .map_err(|_| cell.bad("write a whole number from -2147483648 to 2147483647"))
}

fn flag(cell: &Cell) -> Result<bool, Bad> {
    match cell.value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(cell.bad("write `true` or `false`")),
    }
}
