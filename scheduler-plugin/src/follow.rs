//! Listens to the controllers: one stream for each address. Whoever leads sends a snapshot and then changes; whoever does
//! not says who does.

use crate::book::{Applied, Revision};
use crate::http::Plugin;
use api::grpc::METADATA_LEADER;
use api::grpc::v1::WatchGrantsRequest;
use api::grpc::v1::admission_client::AdmissionClient;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Between two tries to reach a controller, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A connection that does not answer for so long is dead: a machine that has gone away says no goodbye.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The largest message that is taken: some ten thousand grants come in one.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Files that identify the plugin to the controller.
#[derive(Clone, Debug, Default)]
pub struct ClientFiles {
    /// Who may have signed the controller's certificate, in PEM.
    pub authorities: Option<PathBuf>,
    /// The plugin's certificate and its key, in PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name in the controller's certificate, if it is not the address's host.
    pub name: Option<String>,
}

impl ClientFiles {
    /// Reads the files, at each connection anew: they may have changed.
    async fn load(&self) -> Result<ClientTlsConfig, String> {
        let read = async |path: &PathBuf| {
            let text = tokio::fs::read(path).await;
            text.map_err(|error| format!("{}: {error}", path.display()))
        };
        let mut config = ClientTlsConfig::new();
        if let Some(path) = &self.authorities {
            config = config.ca_certificate(Certificate::from_pem(read(path).await?));
        }
        if let Some((certificate, key)) = &self.identity {
            config = config.identity(Identity::from_pem(
                read(certificate).await?,
                read(key).await?,
            ));
        }
        if let Some(name) = &self.name {
            config = config.domain_name(name);
        }
        Ok(config)
    }
}

/// Follows the controller at one address, or whomever it points to. Never ends.
pub async fn follow(plugin: Arc<Plugin>, address: String, files: ClientFiles, client_name: String) {
    let mut backoff = BACKOFF.0;
    let mut told = String::new();
    let mut target = address.clone();
    loop {
        let heard = listen(&plugin, &target, &files, &client_name).await;
        let next = match &heard {
            End::Elsewhere(leader) if *leader != target => leader.clone(),
            _ => address.clone(),
        };
        match heard_why(&target, &next, &heard) {
            Some(why) if why != told => {
                tracing::warn!("{why}");
                told = why;
            }
            _ => {}
        }
        if !matches!(heard, End::Silent(_)) {
            backoff = BACKOFF.0;
        }
        if matches!(heard, End::Spoke(_)) {
            told.clear();
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF.1);
        target = next;
    }
}

/// How listening to one address ended.
enum End {
    /// It led until then.
    Spoke(String),
    /// It does not lead, and says who does.
    Elsewhere(String),
    /// It could not be reached, or does not lead.
    Silent(String),
}

fn heard_why(target: &str, next: &str, end: &End) -> Option<String> {
    match end {
        End::Spoke(why) => Some(format!(
            "{target} is not heard any more: {why}; trying {next}"
        )),
        End::Silent(why) => Some(format!("{target} gives no grants: {why}; trying {next}")),
        End::Elsewhere(_) => None,
    }
}

async fn connect(target: &str, files: &ClientFiles) -> Result<Channel, String> {
    let mut endpoint = Endpoint::from_shared(target.to_owned())
        .map_err(|error| format!("{target} is no address such as https://host:9444: {error}"))?
        .connect_timeout(KEEP_ALIVE)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    if target.starts_with("https://") {
        endpoint = endpoint
            .tls_config(files.load().await?)
            .map_err(|error| describe(&error))?;
    }
    endpoint.connect().await.map_err(|error| describe(&error))
}

/// An error with what caused it: tonic's own text is "transport error".
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

async fn listen(plugin: &Plugin, target: &str, files: &ClientFiles, client_name: &str) -> End {
    let channel = match connect(target, files).await {
        Ok(channel) => channel,
        Err(why) => return End::Silent(why),
    };
    let mut client = AdmissionClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let request = WatchGrantsRequest {
        client: client_name.to_owned(),
    };
    let mut stream = match client.watch_grants(request).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => {
            let leader = status.metadata().get(METADATA_LEADER);
            return match leader.and_then(|leader| leader.to_str().ok()) {
                Some(leader) => End::Elsewhere(leader.to_owned()),
                None => End::Silent(status.message().to_owned()),
            };
        }
    };
    let mut revision = Revision::default();
    let mut is_first = true;
    loop {
        let message = match stream.message().await {
            Ok(Some(message)) => message,
            Ok(None) => return End::Spoke("it ended the stream".to_owned()),
            Err(status) => return End::Spoke(status.message().to_owned()),
        };
        let Some(revision) = revision.add(message) else {
            continue;
        };
        let epoch = revision.epoch();
        let applied = plugin.book.apply(revision, Instant::now());
        plugin.metrics.heard(applied);
        if applied == Applied::Stale {
            return End::Silent(format!(
                "it leads in epoch {epoch}, and {} was heard already",
                plugin.book.epoch()
            ));
        }
        if std::mem::take(&mut is_first) {
            tracing::info!(target, epoch, "follows");
            plugin.controller.connected(epoch, &client);
        }
    }
}
