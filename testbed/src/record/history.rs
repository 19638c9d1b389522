//! Everything that a watch has said, in its order.

use super::{uid, version};
use crate::error::Error;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// One event of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The version of the whole store that this change made.
    pub version: u64,
    /// The event as JSON: its type and the whole pod.
    pub event: String,
}

impl Entry {
    /// Its type (`ADDED`, `MODIFIED`, `DELETED`) and the pod.
    ///
    /// # Errors
    /// When it is no event.
    pub fn read(&self) -> Result<(String, Value), Error> {
        let unreadable = || Error::Other(format!("no event: {}", self.event));
        let event: Value = serde_json::from_str(&self.event).map_err(|_| unreadable())?;
        let Value::Object(mut fields) = event else {
            return Err(unreadable());
        };
        match (fields.remove("type"), fields.remove("object")) {
            (Some(Value::String(kind)), Some(pod)) => Ok((kind, pod)),
            _ => Err(unreadable()),
        }
    }
}

/// A time of which nothing is known, because the API server had forgotten it when it was asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last version before.
    pub after: u64,
    /// The version of the list that the history goes on with.
    pub until: u64,
}

/// What happened to every pod.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: Vec<Entry>,
    gaps: Vec<Gap>,
    version: u64,
    /// The last version of each pod that is there, by UID.
    pods: BTreeMap<String, u64>,
}

impl History {
    /// All events, in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Where it has holes.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Until which version it is known what happened.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Writes one event a line.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let written = std::fs::File::create(path).and_then(|file| {
            let mut file = std::io::BufWriter::new(file);
            for entry in &self.entries {
                writeln!(file, "{}", entry.event)?;
            }
            file.flush()
        });
        written.map_err(Error::doing(format!("write {}", path.display())))
    }

    /// Takes in a list of all pods: the first, or one after a gap, which tells of pods only what became of them.
    pub(super) fn add_list(&mut self, at: u64, pods: Vec<Value>) -> Result<(), Error> {
        if self.version > 0 {
            self.gaps.push(Gap {
                after: self.version,
                until: at,
            });
        }
        let mut listed = BTreeMap::new();
        for pod in pods {
            listed.insert(uid(&pod)?, version(&pod)?);
            self.push(at, "MODIFIED", &pod);
        }
        let gone: Vec<String> = self
            .pods
            .keys()
            .filter(|uid| !listed.contains_key(*uid))
            .cloned()
            .collect();
        for uid in gone {
            self.push(at, "DELETED", &json!({"metadata": {"uid": uid}}));
        }
        self.pods = listed;
        self.version = at;
        Ok(())
    }

    fn push(&mut self, version: u64, kind: &str, pod: &Value) {
        let event = json!({"type": kind, "object": pod}).to_string();
        self.entries.push(Entry { version, event });
    }

    /// Takes in one line of a watch.
    pub(super) fn add_line(&mut self, line: &str) -> Result<(), Error> {
        let mut entry = Entry {
            version: 0,
            event: line.into(),
        };
        let (kind, pod) = entry.read()?;
        entry.version = version(&pod)?;
        if entry.version < self.version {
            return Err(Error::Other(format!(
                "version {} of a pod came after version {}: the watch is out of order",
                entry.version, self.version
            )));
        }
        self.version = entry.version;
        match kind.as_str() {
            "BOOKMARK" => return Ok(()),
            "DELETED" => drop(self.pods.remove(&uid(&pod)?)),
            "ADDED" | "MODIFIED" => drop(self.pods.insert(uid(&pod)?, entry.version)),
            other => return Err(Error::Other(format!("an event of type {other}: {line}"))),
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Whether all is there that led to a list of these pods, which was right at version `at`.
    pub(super) fn reaches(&self, at: u64, pods: &BTreeMap<String, u64>) -> bool {
        let newest = pods.values().max().copied().unwrap_or(0);
        let mut older = self.pods.iter().filter(|(_, version)| **version <= at);
        // Each of them was seen as it was then, and each that had gone was seen to go.
        self.version >= newest && older.all(|(uid, _)| pods.contains_key(uid))
    }
}
