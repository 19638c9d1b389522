//! Reads what comes from other files: `trace` and `replicasFrom`.

use super::fields::{self, nearest};
use super::walk::{At, Map, shorten};
use super::workload::Frame;
use super::yaml;
use crate::model::{NamespaceFrom, SeriesSource, Shape, TraceSource};
use engine::Span;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Formats of traces of jobs.
const FORMATS: &[&str] = &[
    "swf",
    "openb",
    "philly",
    "philly-sequence",
    "helios-demand",
    "csv",
];
/// Formats of series of requests.
const SERIES_FORMATS: &[&str] = &["requests", "llm-requests"];
/// Most GPUs of a gang in one pod: those of the usual machine.
const PER_NODE: u32 = 8;
const NORMAL_SPEED: u64 = 1_000_000;

/// A trace of jobs.
pub fn trace<'a>(at: &At<'a>, frame: Frame<'a>) -> Option<TraceSource> {
    let map = at.map(&fields::TRACE)?;
    let path = map
        .need("path", "the trace's file")
        .and_then(|at| file(&at, frame.folder));
    let format = format(&map, FORMATS, path.as_deref());
    let namespace = namespace(&map, frame.folder);
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
    if format.as_deref() == Some("csv")
        && !columns.contains_key("submit")
        && map.get("path").is_some()
    {
        map.at.wrong(
            "names no `columns.submit`",
            "a csv's columns are named: `columns: {submit: …, duration: …, cpu: …}`",
        );
    }
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
        Some(at) => known(&at, SERIES_FORMATS),
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

fn namespace(map: &Map, folder: &Path) -> Option<NamespaceFrom> {
    let hint = "`namespace`, one for the whole file, or `namespaceFrom: {column: …}`";
    let (field, at) = map.one_of(&["namespace", "namespaceFrom"], hint)?;
    if field == "namespace" {
        return at.namespace().map(NamespaceFrom::Fixed);
    }
    let map = at.map(&fields::NAMESPACE_FROM)?;
    let column = map
        .need("column", "the column that tells the tenant")
        .and_then(|at| at.text());
    let table = match map.get("map") {
        Some(at) => Some(tenants(&at, folder)?),
        None => None,
    };
    Some(NamespaceFrom::Column {
        column: column?.into(),
        map: table,
    })
}

/// From a column's values to namespaces: written inline, or in a YAML file.
fn tenants(at: &At, folder: &Path) -> Option<BTreeMap<String, String>> {
    if let yaml::Value::Map(_) = at.node.value {
        return Some(pairs(at));
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
        [document] => Some(pairs(&At::document(at.reading, &name, document))),
        _ => {
            at.wrong(
                format!(
                    "`{name}` holds {} documents instead of one",
                    documents.len()
                ),
                "write `value: namespace` lines",
            );
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

fn window(map: &Map) -> Option<(Option<Span>, Option<Span>)> {
    let from = map.get("from").map(|at| at.span());
    let to = map.get("to").map(|at| at.span());
    if let (Some(Some(from)), Some(Some(to)), Some(at)) = (from, to, map.get("to"))
        && to <= from
    {
        at.wrong("does not come after `from`", "");
    }
    let settled = |span: Option<Option<Span>>| match span {
        Some(None) => Err(()),
        Some(span) => Ok(span),
        None => Ok(None),
    };
    Some((settled(from).ok()?, settled(to).ok()?))
}
