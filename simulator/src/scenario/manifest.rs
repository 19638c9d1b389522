//! Reads manifests: the same objects as in a cluster, written inline or in files of their own.
//!
//! The API server's own schemas say what is allowed; what is found wrong is brought back to its line.

use super::walk::{At, shorten};
use super::yaml::{self, Node, Value as Yaml};
use crate::problem::Problem;
use api::check::{Problem as Found, Step};
use api::{CapacityLease, CapacityPool, ElasticWorkload};
use engine::Time;
use engine::spec::{ElasticSpec, LeaseSpec, Name, PoolSpec};
use serde_json::{Map, Value};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use translate::{ElasticTarget, PoolOptions};

/// The kinds of objects that a scenario takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A set of nodes whose capacity is leased.
    Pool,
    /// A grant.
    Lease,
    /// An elastic workload's bounds.
    Elastic,
}

impl Kind {
    /// As they are written.
    pub const WORDS: &'static [(&'static str, Kind)] = &[
        ("CapacityPool", Kind::Pool),
        ("CapacityLease", Kind::Lease),
        ("ElasticWorkload", Kind::Elastic),
    ];
}

/// An object in the engine's units.
#[derive(Clone, Debug)]
pub enum Object {
    /// A pool.
    Pool(PoolSpec),
    /// A lease.
    Lease(LeaseSpec),
    /// Bounds under a name of their own; the key is that of the workload that they scale.
    Elastic(Name, ElasticSpec),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Object::Pool(pool) => write!(f, "CapacityPool {}", pool.name),
            Object::Lease(lease) => {
                write!(
                    f,
                    "CapacityLease {}/{}",
                    lease.key.namespace, lease.key.name
                )
            }
            Object::Elastic(name, spec) => {
                write!(f, "ElasticWorkload {}/{name}", spec.key.namespace)
            }
        }
    }
}

/// An object and where it stands.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The object.
    pub object: Object,
    /// It says itself when it was created.
    pub dated: bool,
    /// A problem without words at its place.
    pub place: Problem,
}

/// The objects of a file. `at` is where the file is named.
pub fn read_file(at: &At, path: &Path, now: Time) -> Vec<Manifest> {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            at.wrong(format!("`{name}` cannot be read: {error}"), "");
            return Vec::new();
        }
    };
    let (documents, wrong) = yaml::parse(&text);
    super::report_yaml(at.reading, &name, wrong);
    if documents.is_empty() && !at.reading.failed() {
        at.wrong(format!("`{name}` holds no object"), "");
    }
    documents
        .iter()
        .flat_map(|document| read(&At::document(at.reading, &name, document), now))
        .collect()
}

/// The object of a manifest, or those of a list of them. `now` is when it was created if it does not say.
pub fn read(at: &At, now: Time) -> Vec<Manifest> {
    let text = |field: &str| match at.node.get(field).map(|node| &node.value) {
        Some(Yaml::Scalar { text, .. }) => Some(text.as_str()),
        _ => None,
    };
    let Some(kind) = text("kind") else {
        let hint = "a manifest has `apiVersion`, `kind`, `metadata` and `spec`";
        at.wrong("is no manifest: it has no `kind`", hint);
        return Vec::new();
    };
    if kind.ends_with("List")
        && let Some(items) = at.node.get("items")
    {
        let items = at.step("items", items).list();
        return items.iter().flat_map(|item| read(item, now)).collect();
    }
    let Some(&(_, known)) = Kind::WORDS.iter().find(|(word, _)| *word == kind) else {
        if let Some(node) = at.node.get("kind") {
            at.step("kind", node).word(Kind::WORDS);
        }
        return Vec::new();
    };
    one(at, kind, known, now).into_iter().collect()
}

fn one(at: &At, word: &str, kind: Kind, now: Time) -> Option<Manifest> {
    let place = at.as_object(&title(at.node, word));
    if let Some(node) = at.node.get("apiVersion") {
        place
            .step("apiVersion", node)
            .word(&[(api::crd::API_VERSION, ())]);
    }
    let value = json(at.node);
    let found = api::check::check_object(word, &value).unwrap_or_default();
    let is_right = found.is_empty() & dates_are_right(&place);
    report(&place, found);
    let dated = value.pointer("/metadata/creationTimestamp").is_some();
    let translated = match kind {
        Kind::Pool => typed::<CapacityPool>(&place, value, is_right)
            .and_then(|o| settle(&place, translate::pool(&o, options(now))))
            .map(Object::Pool),
        Kind::Lease => typed::<CapacityLease>(&place, value, is_right)
            .and_then(|o| settle(&place, translate::lease(&o, now)))
            .map(Object::Lease),
        Kind::Elastic => {
            typed::<ElasticWorkload>(&place, value, is_right).and_then(|o| elastic(&place, &o, now))
        }
    };
    let object = translated.filter(|_| is_right)?;
    Some(Manifest {
        object,
        dated,
        place: place.problem(""),
    })
}

/// Kind, namespace and name, as far as they are written.
fn title(node: &Node, kind: &str) -> String {
    let part = |field: &str| match node.get("metadata").and_then(|m| m.get(field)) {
        Some(Node {
            value: Yaml::Scalar { text, .. },
            ..
        }) => Some(shorten(text)),
        _ => None,
    };
    match (part("namespace"), part("name")) {
        (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
        (None, Some(name)) => format!("{kind} {name}"),
        _ => kind.into(),
    }
}

/// The value as the API server would get it: fields without a value are not there.
fn json(node: &Node) -> Value {
    match &node.value {
        _ if node.is_null() => Value::Null,
        Yaml::Scalar { text, plain: false } => Value::String(text.clone()),
        Yaml::Scalar { text, .. } => scalar(text),
        Yaml::List(items) => items.iter().map(|item| json(item)).collect(),
        Yaml::Map(entries) => {
            let there = entries.iter().filter(|entry| !entry.value.is_null());
            Value::Object(
                there
                    .map(|entry| (entry.key.to_string(), json(&entry.value)))
                    .collect::<Map<_, _>>(),
            )
        }
    }
}

/// What text without quotes means in YAML's core schema.
fn scalar(text: &str) -> Value {
    match text {
        "true" | "True" | "TRUE" => return true.into(),
        "false" | "False" | "FALSE" => return false.into(),
        _ => {}
    }
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    match text.trim_start_matches('+').parse::<i64>() {
        Ok(n) => n.into(),
        // A fraction goes on as its text, which is exact.
        Err(_) if is_number && text.parse::<f64>().is_ok() => {
            serde_json::from_str::<serde_json::Number>(text)
                .map_or_else(|_| Value::String(text.into()), Value::Number)
        }
        Err(_) => Value::String(text.into()),
    }
}

/// Brings what was found in an object back to its lines.
fn report(object: &At, found: Vec<Found>) {
    for found in found {
        let mut at = object.clone();
        let mut key = None;
        for step in &found.path {
            key = None;
            let next = match (step, &at.node.value) {
                (Step::Field(name), Yaml::Map(entries)) => {
                    entries.iter().find(|e| *e.key == **name).map(|entry| {
                        key = Some((entry.line, entry.column));
                        at.step(name, &entry.value)
                    })
                }
                (Step::Item(index), _) => at.item(*index),
                _ => None,
            };
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        let problem = at
            .problem(found.message)
            .field(api::check::path_text(&found.path));
        // A field's own key is the nearer place: it is what is wrong about an unknown one.
        at.reading.report(match key {
            Some((line, column)) => problem.at(line, column),
            None => problem,
        });
    }
}

/// Times, which the schema only knows as text.
fn dates_are_right(place: &At) -> bool {
    let fields: [&[&str]; 3] = [
        &["metadata", "creationTimestamp"],
        &["spec", "term", "start"],
        &["spec", "term", "end"],
    ];
    let mut right = true;
    for path in fields {
        let mut at = Some(place.clone());
        for field in path {
            at = at.and_then(|at| Some(at.step(field, at.node.get(field)?)));
        }
        if let Some(at) = at.filter(|at| !at.node.is_null()) {
            right &= at.calendar().is_some();
        }
    }
    right
}

/// The object in its own type. What is wrong with an object that has problems already follows from them; but
/// as far as it can be read, its amounts are still looked at.
fn typed<T: serde::de::DeserializeOwned>(place: &At, value: Value, is_right: bool) -> Option<T> {
    match serde_json::from_value(fractions_as_text(value)) {
        Ok(typed) => Some(typed),
        Err(error) => {
            if is_right {
                place.wrong(error.to_string(), "");
            }
            None
        }
    }
}

/// Fractions without quotes were reported; as text they do not hide what stands beside them.
fn fractions_as_text(value: Value) -> Value {
    match value {
        Value::Number(number) if !number.is_i64() => Value::String(number.to_string()),
        Value::Array(items) => items.into_iter().map(fractions_as_text).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(key, value)| (key, fractions_as_text(value)))
                    .collect(),
            )
        }
        other => other,
    }
}

/// Placement is known only when the whole scenario is: it says later whether room counts.
fn options(now: Time) -> PoolOptions {
    PoolOptions {
        created: now,
        checks_room: true,
    }
}

/// Reports what cannot be read in an object.
fn settle<T>(place: &At, translated: Result<T, Vec<translate::Problem>>) -> Option<T> {
    let found = |problem: translate::Problem| Found {
        path: problem.path.into_iter().map(Step::Field).collect(),
        message: problem.message,
    };
    let report = |problems: Vec<_>| report(place, problems.into_iter().map(found).collect());
    translated.map_err(report).ok()
}

/// Bounds of a job of the scenario; what its replicas ask for is filled in when the job is known.
fn elastic(place: &At, object: &ElasticWorkload, now: Time) -> Option<Object> {
    let scaled = &object.spec.scale_target_ref;
    if scaled.kind != "Job" {
        let path = ["spec", "scaleTargetRef", "kind"];
        let path = path
            .iter()
            .map(|name| Step::Field((*name).into()))
            .collect();
        let message = format!(
            "{} is not scaled here: write Job, for a job of the scenario",
            scaled.kind
        );
        report(place, vec![Found { path, message }]);
        return None;
    }
    let target = ElasticTarget {
        priority: 0,
        template: Arc::default(),
        pool: None,
        removal: translate::removal(&scaled.kind),
    };
    let mut spec = settle(place, translate::elastic(object, &target, now))?;
    let name = std::mem::replace(&mut spec.key.name, place.reading.name(&scaled.name));
    Some(Object::Elastic(name, spec))
}
