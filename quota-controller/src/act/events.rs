//! Kubernetes events: constant reasons, numbers in the note, few enough not to be a burden.

use super::Context;
use crate::metrics::Metrics;
use engine::spec::Name;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;

/// What waits to be told. Beyond that it is left out: status and metrics say it too.
pub(super) const WAITING_MAX: usize = 512;

/// The time between two events: 50 a second, a fraction of what an API server bears.
const PACE: Duration = Duration::from_millis(20);

/// The longest note that the API takes, in bytes.
const NOTE_MAX: usize = 1024;

/// Something to be told about an object.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The object.
    pub about: ObjectReference,
    /// Something that somebody should look at.
    pub is_warning: bool,
    /// Constant text for the cause.
    pub reason: &'static str,
    /// What was done about it.
    pub action: &'static str,
    /// The numbers.
    pub note: String,
}

/// Tells what comes, at a pace.
pub(super) async fn tell(context: Context, mut notices: mpsc::Receiver<Notice>) {
    let reporter = Reporter {
        controller: "leasehold.dev/quota-controller".to_owned(),
        instance: Some(format!("epoch-{}", context.leadership.epoch())),
    };
    let recorder = Recorder::new(context.client.clone(), reporter);
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while let Some(notice) = notices.recv().await {
        pace.tick().await;
        let event = Event {
            type_: if notice.is_warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: notice.reason.to_owned(),
            note: Some(bounded(notice.note)),
            action: notice.action.to_owned(),
            secondary: None,
        };
        if let Some(Err(error)) = context.call(recorder.publish(&event, &notice.about)).await {
            // Its namespace may be on its way out; nothing depends on it.
            debug!(%error, reason = notice.reason, "an event was not told");
        }
    }
}

/// Puts a notice in the row, or counts that it was left out.
pub(super) fn post(to: &mpsc::Sender<Notice>, notice: Notice, metrics: &Metrics) {
    if to.try_send(notice).is_err() {
        metrics.events_dropped.inc();
    }
}

fn bounded(mut note: String) -> String {
    if note.len() > NOTE_MAX {
        let mut end = NOTE_MAX - 3;
        while !note.is_char_boundary(end) {
            end -= 1;
        }
        note.truncate(end);
        note.push_str("...");
    }
    note
}

/// A pod as an event names it.
pub fn pod_reference(namespace: &Name, name: &Name, uid: &Name) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        namespace: Some(namespace.to_string()),
        name: Some(name.to_string()),
        uid: Some(uid.to_string()),
        ..ObjectReference::default()
    }
}

/// A pool or a lease as an event names it; a pool has no namespace.
pub fn own_reference(
    kind: &str,
    namespace: Option<&Name>,
    name: &Name,
    uid: &Name,
) -> ObjectReference {
    ObjectReference {
        api_version: Some(api::crd::API_VERSION.to_owned()),
        kind: Some(kind.to_owned()),
        namespace: namespace.map(ToString::to_string),
        name: Some(name.to_string()),
        uid: Some(uid.to_string()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_between_characters() {
        let note = bounded("ä".repeat(1000));
        assert!(note.len() <= NOTE_MAX);
        assert!(note.ends_with("..."));
    }
}
