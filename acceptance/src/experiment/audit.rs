//! What the controller wrote, by the API server's own audit log.

use crate::Result;
use engine::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

/// Writes, by what they were for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Writes {
    /// How many of each kind were accepted.
    pub by_kind: BTreeMap<&'static str, u64>,
    /// How many were refused.
    pub refused: u64,
}

impl Writes {
    /// How many there were of a kind.
    pub fn of(&self, kind: &str) -> u64 {
        self.by_kind.get(kind).copied().unwrap_or(0)
    }
}

/// The audit policy of an API server: the writes of one user, with what they say.
pub fn policy(user: &str) -> String {
    format!(
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n\
         - {{level: Request, users: [\"{user}\"], verbs: [create, update, patch, delete]}}\n- {{level: None}}\n"
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    verb: String,
    object_ref: Option<Object>,
    response_status: Option<Status>,
    request_received_timestamp: String,
    #[serde(default)]
    request_object: Value,
}

#[derive(Deserialize)]
struct Object {
    resource: String,
    #[serde(default)]
    subresource: String,
}

#[derive(Deserialize)]
struct Status {
    code: Option<u16>,
}

/// Counts the writes from `start` to `end` in an audit log.
///
/// # Errors
/// It cannot be read.
pub fn count(log: &Path, start: Time, end: Time) -> Result<Writes> {
    let mut writes = Writes::default();
    for line in std::io::BufReader::new(std::fs::File::open(log)?).lines() {
        let line: Line = serde_json::from_str(&line?)?;
        let received: jiff::Timestamp = line.request_received_timestamp.parse()?;
        let received = Time(received.as_millisecond());
        let Some(object) = &line.object_ref else {
            continue;
        };
        if received < start || received > end {
            continue;
        }
        let code = line.response_status.as_ref().and_then(|status| status.code);
        match code {
            Some(200..300) => {
                *writes
                    .by_kind
                    .entry(kind(&line.verb, object, &line.request_object))
                    .or_default() += 1
            }
            _ => writes.refused += 1,
        }
    }
    Ok(writes)
}

/// What a write is for.
fn kind(verb: &str, object: &Object, body: &Value) -> &'static str {
    match (&*object.resource, &*object.subresource) {
        ("pods", "eviction") => "evictions",
        ("pods", "") if verb == "delete" => "pods deleted",
        ("pods", "") if body.to_string().contains("pod-deletion-cost") => "pods marked to go first",
        ("pods", "") => "gates removed",
        (_, "scale") => "counts of owners",
        ("jobs", "") => "counts of owners",
        ("events", _) => "events",
        (_, "status") => "statuses",
        ("leases", _) => "leader election",
        _ => "others",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_counted_by_what_they_are_for() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.log");
        let line = |second: u32,
                    verb: &str,
                    resource: &str,
                    subresource: &str,
                    code: u16,
                    body: &str| {
            format!(
                "{{\"verb\":\"{verb}\",\"objectRef\":{{\"resource\":\"{resource}\",\"subresource\":\"{subresource}\"}},\
                 \"responseStatus\":{{\"code\":{code}}},\"requestObject\":{body},\
                 \"requestReceivedTimestamp\":\"1970-01-01T00:00:{second:02}.500000Z\"}}\n"
            )
        };
        let cost = "{\"metadata\":{\"annotations\":{\"controller.kubernetes.io/pod-deletion-cost\":\"-1\"}}}";
        let text = [
            line(1, "patch", "pods", "", 200, "[]"),
            line(2, "patch", "pods", "", 200, "[]"),
            line(3, "patch", "pods", "", 200, cost),
            line(4, "patch", "deployments", "scale", 409, "{}"),
            line(5, "patch", "deployments", "scale", 200, "{}"),
            line(9, "patch", "deployments", "scale", 200, "{}"),
        ];
        std::fs::write(&log, text.concat()).unwrap();
        let writes = count(&log, Time(2_000), Time(6_000)).unwrap();
        let expected = [
            ("counts of owners", 1),
            ("gates removed", 1),
            ("pods marked to go first", 1),
        ];
        assert_eq!(writes.by_kind, BTreeMap::from(expected));
        assert_eq!((writes.refused, writes.of("events")), (1, 0));
    }
}
