//! Waiting until something is so, and telling all that is known when it never is.

use crate::pods::{Pods, line};
use crate::{Installation, Result};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Long enough for a machine that does much else; who waits for so long has failed.
const DEADLINE: Duration = Duration::from_secs(180);

/// Between two looks at what cannot be watched.
const PAUSE: Duration = Duration::from_millis(100);

/// So much of each log is told of a failure.
const TAIL_LINES: usize = 60;

impl Installation {
    /// Waits until the pods are so.
    ///
    /// # Errors
    /// When they never are; all that is known is printed.
    pub async fn until(&self, what: &str, mut holds: impl FnMut(&Pods) -> bool) -> Result<()> {
        let mut pods = self.pods();
        let waited = tokio::time::timeout(DEADLINE, pods.wait_for(|pods| holds(pods))).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            _ => Err(self.never(what).await),
        }
    }

    /// Waits until an object that has this one's kind and name is so.
    ///
    /// # Errors
    /// When it never is; all that is known is printed.
    pub async fn until_object(
        &self,
        object: &Value,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let mut last = Value::Null;
        let began = Instant::now();
        while began.elapsed() < DEADLINE {
            if let Ok(now) = self.read(object).await {
                if holds(&now) {
                    return Ok(now);
                }
                last = now;
            }
            tokio::time::sleep(PAUSE).await;
        }
        eprintln!("{last:#}");
        Err(self.never(what).await)
    }

    /// Waits until `look` finds something.
    ///
    /// # Errors
    /// When it never does; all that is known is printed.
    pub async fn eventually<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> Result<T> {
        let began = Instant::now();
        while began.elapsed() < DEADLINE {
            if let Some(found) = look().await {
                return Ok(found);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(self.never(what).await)
    }

    /// Waits until an event with this reason is told about the object of this name, and returns its text.
    ///
    /// # Errors
    /// When it never is; all that is known is printed.
    pub async fn until_told(&self, namespace: &str, name: &str, reason: &str) -> Result<String> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let what = format!("{reason} is told about {namespace}/{name}");
        self.eventually(&what, async || {
            let events = events.list(&ListParams::default()).await.ok()?;
            let told = events.items.into_iter().find(|event| {
                let about = event.regarding.as_ref();
                about.and_then(|about| about.name.as_deref()) == Some(name)
                    && event.reason.as_deref() == Some(reason)
            });
            told.map(|event| event.note.unwrap_or_default())
        })
        .await
    }

    /// Prints all that is known, and makes the error.
    async fn never(&self, what: &str) -> crate::Failure {
        eprintln!("== not in time: {what}\n== pods");
        for pod in self.pods().borrow().0.values() {
            eprintln!("{}", line(pod));
        }
        eprintln!("== events");
        let events: Api<Event> = Api::all(self.client.clone());
        let events = events.list(&ListParams::default()).await;
        for event in events.into_iter().flatten() {
            let about = event.regarding.unwrap_or_default();
            eprintln!(
                "{}/{} {}: {}",
                about.namespace.unwrap_or_default(),
                about.name.unwrap_or_default(),
                event.reason.unwrap_or_default(),
                event.note.unwrap_or_default()
            );
        }
        let logs = std::fs::read_dir(self.cluster.folder());
        let logs = logs.into_iter().flatten().flatten();
        for path in logs.map(|entry| entry.path()) {
            let name = path.file_name().and_then(|name| name.to_str());
            let is_ours =
                name.is_some_and(|name| name.starts_with("quota-") || name.contains("scheduler"));
            if is_ours && path.extension().is_some_and(|extension| extension == "log") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                let from = lines.len().saturating_sub(TAIL_LINES);
                eprintln!("== {}\n{}", path.display(), lines[from..].join("\n"));
            }
        }
        format!("not in time: {what}").into()
    }
}
