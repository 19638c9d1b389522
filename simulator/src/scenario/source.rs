//! Reads what comes from other files: `trace` and `replicasFrom`.

use super::fields::{self, nearest};
use super::walk::{At, Map, shorten};
use super::workload::Frame;
use super::yaml;
use crate::model::{Bound, NamespaceFrom, SeriesSource, Shape, TraceSource};
use crate::trace::{self, FORMATS, SERIES_FORMATS};
use engine::Span;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most GPUs of a gang in one pod: those of the usual machine.
const PER_NODE: u32 = 8;
const NORMAL_SPEED: u64 = 1_000_000;

/// A trace of jobs.
pub fn trace<'a>(at: &At<'a>, frame: Frame<'a>) -> Option<TraceSource> {
    let map = at.map(&fields::TRACE)?;
    let path = map
        .need("path", "the trace's file")
        .and_then(|at| file(&at, frame.folder));
    let format = format(&map, &FORMATS, path.as_deref());
    let namespace = namespace(&map, frame.folder, format.as_deref());
    let max_gpus = map
        .get("maxGpus")
        .map_or(Some(BTreeMap::new()), |at| max_gpus(&at, frame.folder));
    let columns = map
        .get("columns")
        .map_or_else(BTreeMap::new, |at| columns(&at));
    let shape = map.get("shape").map(|at| {
        at.word(&[
            ("gang", Shape::Gang),
            ("single", Shape::Single),
            ("pods", Shape::Pods),
        ])
    });
    let per_node = map.get("perNode").map_or(Some(PER_NODE), |at| at.count(1));
    let node_selector = map
        .get("nodeSelector")
        .map_or_else(Vec::new, |at| selector(&at));
    let priority = map.get("priority").map_or(Some(0), |at| at.priority());
    let speedup = speedup(&map);
    let window = window(&map);
    let skip = map.get("skipBadRows").map_or(Some(0), |at| at.count(0));
    Some(TraceSource {
        path: path?,
        format: format?,
        namespace: namespace?,
        columns,
        shape: match shape {
            Some(shape) => Some(shape?),
            None => None,
        },
        per_node: per_node?,
        node_selector,
        priority: priority?,
        speedup: speedup?,
        window: window?,
        max_gpus: max_gpus?,
        skip_bad_rows: u64::from(skip?),
        start: frame.start,
    })
}

/// A series of requests.
pub fn series<'a>(at: &At<'a>, frame: Frame<'a>) -> Option<SeriesSource> {
    let map = at.map(&fields::SERIES)?;
    let path = map
        .need("trace", "the series' file")
        .and_then(|at| file(&at, frame.folder));
    let format = match map.get("format") {
        Some(at) => known(&at, &SERIES_FORMATS),
        None => Some("requests".into()),
    };
    let rate = map
        .need(
            "requestsPerReplica",
            "what one replica serves in one `interval`",
        )
        .and_then(|at| at.integer(1, i64::MAX / 2))
        .and_then(|n| u64::try_from(n).ok());
    let interval = map
        .get("interval")
        .map_or(Some(Span::seconds(60)), |at| at.span_above_zero());
    let min = map.get("min").map_or(Some(0), |at| at.count(0));
    let max = map.get("max").map_or(Some(100_000), |at| at.count(1));
    let (speedup, window) = (speedup(&map), window(&map));
    let (min, max) = (min?, max?);
    if max < min {
        at.wrong(
            format!("max {max} is below min {min}"),
            "let `min` be at most `max`",
        );
    }
    Some(SeriesSource {
        path: path?,
        format: format?,
        requests_per_replica: rate?,
        interval: interval?,
        bounds: (min, max),
        speedup: speedup?,
        window: window?,
    })
}

/// A path, relative to the scenario's folder, of something that is there.
pub fn file(at: &At, folder: &Path) -> Option<PathBuf> {
    let text = at.text()?;
    let path = folder.join(text);
    if path.exists() {
        return Some(path);
    }
    let hint = match folder.canonicalize() {
        Ok(folder) => format!("paths are relative to {}", folder.display()),
        Err(_) => "paths are relative to the scenario's file".into(),
    };
    at.wrong(format!("there is no file `{}`", shorten(text)), &hint);
    None
}

fn known(at: &At, formats: &[&str]) -> Option<String> {
    let text = at.text()?;
    if formats.contains(&text) {
        return Some(text.into());
    }
    let hint = match nearest(text, formats.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are `{}`", formats.join("`, `")),
    };
    at.wrong(format!("`{}` is no known format", shorten(text)), &hint);
    None
}

/// The format named, or the one that the file's name tells.
fn format(map: &Map, formats: &[&str], path: Option<&Path>) -> Option<String> {
    if let Some(at) = map.get("format") {
        return known(&at, formats);
    }
    let name = path?.file_name()?.to_string_lossy().to_lowercase();
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    for (ending, format) in [(".swf", "swf"), (".csv", "csv")] {
        if name.ends_with(ending) {
            return Some(format.into());
        }
    }
    map.need("format", &format!("one of `{}`", formats.join("`, `")));
    None
}

fn namespace(map: &Map, folder: &Path, format: Option<&str>) -> Option<NamespaceFrom> {
    let default = format.and_then(trace::default_tenant_column);
    if let (Some(column), None, None) = (default, map.get("namespace"), map.get("namespaceFrom")) {
        return Some(NamespaceFrom::Column {
            column: column.into(),
            map: None,
        });
    }
    let hint = "`namespace`, one for the whole file, or `namespaceFrom: {column: …}`";
    let (field, at) = map.one_of(&["namespace", "namespaceFrom"], hint)?;
    if field == "namespace" {
        return at.namespace().map(NamespaceFrom::Fixed);
    }
    let map = at.map(&fields::NAMESPACE_FROM)?;
    let column = match (map.get("column"), default) {
        (None, Some(column)) => Some(column),
        _ => map
            .need("column", "the column that tells the tenant")
            .and_then(|at| at.text()),
    };
    let table = match map.get("map") {
        Some(at) => Some(inline_or_file(&at, folder, pairs)?),
        None => None,
    };
    Some(NamespaceFrom::Column {
        column: column?.into(),
        map: table,
    })
}

fn max_gpus(at: &At, folder: &Path) -> Option<BTreeMap<String, u64>> {
    inline_or_file(at, folder, |at| {
        let entries = at.entries().into_iter();
        entries
            .filter_map(|(namespace, at)| Some((namespace.to_string(), u64::from(at.count(0)?))))
            .collect()
    })
}

/// A mapping that is written inline, or in a YAML file of its own.
fn inline_or_file<T>(at: &At, folder: &Path, read: impl Fn(&At) -> T) -> Option<T> {
    if let yaml::Value::Map(_) = at.node.value {
        return Some(read(at));
    }
    let path = file(at, folder)?;
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            at.wrong(format!("`{name}` cannot be read: {error}"), "");
            return None;
        }
    };
    let (documents, wrong) = yaml::parse(&text);
    super::report_yaml(at.reading, &name, wrong);
    match documents.as_slice() {
        [document] => Some(read(&At::document(at.reading, &name, document))),
        _ => {
            let what = format!(
                "`{name}` holds {} documents instead of one",
                documents.len()
            );
            at.wrong(what, "write a mapping, one `key: value` a line");
            None
        }
    }
}

fn pairs(at: &At) -> BTreeMap<String, String> {
    at.entries()
        .into_iter()
        .filter_map(|(value, at)| Some((value.to_string(), at.namespace()?.to_string())))
        .collect()
}

fn columns(at: &At) -> BTreeMap<String, String> {
    let Some(map) = at.map(&fields::COLUMNS) else {
        return BTreeMap::new();
    };
    let found = fields::COLUMNS.fields.iter();
    found
        .filter_map(|field| Some(((*field).into(), map.get(field)?.text()?.into())))
        .collect()
}

fn selector(at: &At) -> Vec<(String, String)> {
    at.entries()
        .into_iter()
        .filter_map(|(key, at)| Some((key.to_string(), at.text()?.to_string())))
        .collect()
}

fn speedup(map: &Map) -> Option<u64> {
    match map.get("speedup") {
        Some(at) => u64::try_from(at.millionths()?).ok(),
        None => Some(NORMAL_SPEED),
    }
}

fn window(map: &Map) -> Option<(Option<Bound>, Option<Bound>)> {
    let from = map.get("from").map(|at| bound(&at));
    let to = map.get("to").map(|at| bound(&at));
    let is_backward = match (from, to) {
        (Some(Some(Bound::After(from))), Some(Some(Bound::After(to)))) => to <= from,
        (Some(Some(Bound::At(from))), Some(Some(Bound::At(to)))) => to <= from,
        _ => false,
    };
    if let (true, Some(at)) = (is_backward, map.get("to")) {
        at.wrong("does not come after `from`", "");
    }
    let settled = |bound: Option<Option<Bound>>| match bound {
        Some(None) => Err(()),
        Some(bound) => Ok(bound),
        None => Ok(None),
    };
    Some((settled(from).ok()?, settled(to).ok()?))
}

/// A duration since the trace's time zero, or a calendar time.
fn bound(at: &At) -> Option<Bound> {
    if at.text()?.contains(['-', ':']) {
        return at.calendar().map(Bound::At);
    }
    at.span().map(Bound::After)
}
