//! What really happened to every pod, from the API server's own words, and whether it kept within limits.
//!
//! A [`Recording`] watches all pods from before the first one; the [`History`] that it becomes judges without asking
//! the controller, the engine or anybody's books.

mod bound;
mod history;
#[cfg(test)]
mod tests;

pub use bound::{Bound, Findings, Violation};
pub use history::{Entry, Gap, History};

use crate::error::Error;
use futures::io::Lines;
use futures::{AsyncBufRead, AsyncBufReadExt, StreamExt};
use kube::Client;
use serde_json::Value;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// All pods at a version of the store, by their UIDs with their own versions.
type Listed = (u64, BTreeMap<String, u64>);

/// Between two tries to reach an API server that does not answer.
const PAUSE: Duration = Duration::from_millis(50);
/// For the last events to arrive, and for an API server to come back.
const PATIENCE: Duration = Duration::from_secs(60);

/// A watch of all pods that is going on.
pub struct Recording {
    client: Client,
    /// Tells the task where to end.
    end: oneshot::Sender<Listed>,
    task: JoinHandle<Result<History, Error>>,
}

impl Recording {
    /// Begins to record, and returns when every later change will be seen.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn start(client: &Client) -> Result<Recording, Error> {
        let mut history = History::default();
        let (version, pods) = list(client).await?;
        history.add_list(version, pods)?;
        Ok(Recording::resume(client, history))
    }

    /// Goes on with a history that was ended. What the API server no longer knows is a gap in it.
    pub fn resume(client: &Client, history: History) -> Recording {
        let (end, told) = oneshot::channel();
        let task = tokio::spawn(follow(client.clone(), history, told));
        Recording {
            client: client.clone(),
            end,
            task,
        }
    }

    /// Ends it, when all that has happened until this call is recorded.
    ///
    /// # Errors
    /// When the API server does not answer, or the last events do not arrive.
    pub async fn stop(mut self) -> Result<History, Error> {
        let (at, pods) = list(&self.client).await?;
        let pods = pods.iter().map(|pod| Ok((uid(pod)?, version(pod)?)));
        let pods = pods.collect::<Result<_, Error>>()?;
        // The task has ended if nobody hears it; its result then says why.
        let _ = self.end.send((at, pods));
        let ended = tokio::time::timeout(PATIENCE, &mut self.task).await;
        self.task.abort();
        match ended {
            Ok(Ok(history)) => history,
            Ok(Err(error)) => Err(Error::Other(format!("the recording has died: {error}"))),
            Err(_) => Err(Error::Other(format!(
                "the last events of pods did not arrive within {} s",
                PATIENCE.as_secs()
            ))),
        }
    }
}

type Watch = Lines<Pin<Box<dyn AsyncBufRead + Send>>>;

/// Appends events until `told` to end and all until then is there.
async fn follow(
    client: Client,
    mut history: History,
    mut told: oneshot::Receiver<Listed>,
) -> Result<History, Error> {
    let mut until = None;
    let mut watch: Option<Watch> = None;
    loop {
        if until
            .as_ref()
            .is_some_and(|(at, pods)| history.reaches(*at, pods))
        {
            return Ok(history);
        }
        let Some(lines) = &mut watch else {
            watch = connect(&client, &mut history).await?;
            continue;
        };
        tokio::select! {
            listed = &mut told, if until.is_none() => match listed {
                Ok(listed) => until = Some(listed),
                // Nobody will ask for the history.
                Err(_) => return Ok(history),
            },
            line = lines.next() => match line {
                Some(Ok(line)) if is_error(&line) => {
                    watch = None;
                    skip(&client, &mut history).await?;
                }
                Some(Ok(line)) => history.add_line(&line)?,
                // The end of this watch: another goes on from where it ended.
                _ => watch = None,
            },
        }
    }
}

/// A watch from where the history ends; none yet if the API server does not answer, or had to be asked for a list.
async fn connect(client: &Client, history: &mut History) -> Result<Option<Watch>, Error> {
    let path = format!(
        "/api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=3600&resourceVersion={}",
        history.version()
    );
    match client.request_stream(get(&path)?).await {
        Ok(stream) => {
            let stream: Pin<Box<dyn AsyncBufRead + Send>> = Box::pin(stream);
            Ok(Some(stream.lines()))
        }
        Err(kube::Error::Api(status)) if status.code == 410 => {
            skip(client, history).await?;
            Ok(None)
        }
        Err(_) => {
            tokio::time::sleep(PAUSE).await;
            Ok(None)
        }
    }
}

/// Goes on with a list: the server no longer knows what came after the history's end, so it is lost.
async fn skip(client: &Client, history: &mut History) -> Result<(), Error> {
    match list(client).await {
        Ok((version, pods)) => history.add_list(version, pods)?,
        Err(_) => tokio::time::sleep(PAUSE).await,
    }
    Ok(())
}

/// Whether the server has ended the watch, because it no longer knows what comes next.
fn is_error(line: &str) -> bool {
    line.starts_with(r#"{"type":"ERROR""#)
}

/// All pods and the version at which they were so.
async fn list(client: &Client) -> Result<(u64, Vec<Value>), Error> {
    let answer: Value = client
        .request(get("/api/v1/pods")?)
        .await
        .map_err(Error::api("list pods"))?;
    let version = version(&answer)?;
    match answer {
        Value::Object(mut fields) => match fields.remove("items") {
            Some(Value::Array(pods)) => Ok((version, pods)),
            _ => Ok((version, Vec::new())),
        },
        _ => Err(Error::Other("a list of pods is no object".into())),
    }
}

fn get(path: &str) -> Result<http::Request<Vec<u8>>, Error> {
    let request = http::Request::get(path).body(Vec::new());
    request.map_err(|error| Error::Other(format!("cannot ask for {path}: {error}")))
}

/// `metadata.uid` of an object.
fn uid(object: &Value) -> Result<String, Error> {
    let uid = object["metadata"]["uid"].as_str();
    uid.map(String::from)
        .ok_or_else(|| Error::Other(format!("an object without metadata.uid: {object}")))
}

/// `metadata.resourceVersion` of an object, as the number that it is.
fn version(object: &Value) -> Result<u64, Error> {
    let text = object["metadata"]["resourceVersion"].as_str();
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or_else(|| Error::Other(format!("an object without a resourceVersion: {object}")))
}
