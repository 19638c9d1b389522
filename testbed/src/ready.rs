//! Waiting until a program answers that it is ready, or has ended, or a deadline has passed.

use crate::error::Error;
use crate::process::Process;
use kube::{Client, Config};
use std::time::{Duration, Instant};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(25);
/// For one question.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks `path` with this client until the answer is a success.
pub(crate) async fn until_healthy(
    process: &mut Process,
    client: &Client,
    path: &str,
    within: Duration,
) -> Result<(), Error> {
    let started = Instant::now();
    loop {
        process.check()?;
        let last = match tokio::time::timeout(PATIENCE, ask(client, path)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(answer)) => answer,
            Err(_) => format!("no answer to {path} within {} s", PATIENCE.as_secs()),
        };
        if started.elapsed() >= within {
            return Err(Error::NotReady {
                program: process.name().into(),
                waited: within,
                last,
                log: process.log().into(),
                tail: process.tail(),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn ask(client: &Client, path: &str) -> Result<(), String> {
    let request = http::Request::get(path).body(Vec::new());
    let request = request.map_err(|error| error.to_string())?;
    let answer = client.request_text(request).await;
    answer.map(drop).map_err(|error| error.to_string())
}

/// A client for the health of a program that listens without TLS.
pub(crate) fn plain_client(port: u16) -> Result<Client, Error> {
    client_at(&format!("http://127.0.0.1:{port}"), |_| {})
}

/// A client for an address, its configuration changed by `change`.
pub(crate) fn client_at(url: &str, change: impl FnOnce(&mut Config)) -> Result<Client, Error> {
    let uri = url.parse::<http::Uri>();
    let uri =
        uri.map_err(|error| Error::Other(format!("cannot read the address {url}: {error}")))?;
    let mut config = Config::new(uri);
    change(&mut config);
    Client::try_from(config).map_err(Error::api("make a client"))
}
