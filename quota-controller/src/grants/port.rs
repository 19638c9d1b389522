//! The port: gRPC over TLS with client certificates, which are read again when they change.

use super::service::Service;
use crate::certificates::{Clients, Material, server_config};
use api::grpc::v1::admission_server::AdmissionServer;
use clap::Args;
use futures::stream::{self, Stream};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tls::ServerFiles;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

/// A client that has not shown who it is after so long is hung up on.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// How often certificate files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// Connections that have just been made and wait to be served.
const ACCEPTED_MAX: usize = 64;

/// Where the scheduler plugins are answered.
#[derive(Args, Clone, Debug)]
pub struct GrantOptions {
    /// Where scheduler plugins are answered (gRPC)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9444")]
    pub grants_listen: SocketAddr,
    /// The certificate to answer them with, if not the one that the program makes for itself (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["grants_key", "grants_client_ca"])]
    pub grants_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "grants_cert")]
    pub grants_key: Option<PathBuf>,
    /// Answer only who shows a certificate signed by one of these (PEM)
    #[arg(long, value_name = "FILE", requires = "grants_cert")]
    pub grants_client_ca: Option<PathBuf>,
    /// Answer without TLS
    #[arg(long, conflicts_with = "grants_cert")]
    pub grants_plain: bool,
    /// The URL under which plugins reach this replica's gRPC port; others name it while this one leads
    #[arg(long, value_name = "URL")]
    pub grants_url: Option<String>,
}

impl GrantOptions {
    /// What makes no sense together. `has_own`: the program makes a certificate for itself.
    ///
    /// # Errors
    /// The problem, with the remedy.
    pub fn check(&self, has_own: bool) -> Result<(), String> {
        let is_open = !self.grants_listen.ip().is_loopback();
        if is_open && self.grants_cert.is_none() && !has_own && !self.grants_plain {
            return Err(format!(
                "--grants-listen {} can be reached from other machines: give --grants-cert, --grants-key and \
                 --grants-client-ca, or say --grants-plain",
                self.grants_listen
            ));
        }
        Ok(())
    }

    /// The files of the certificate, if there is one.
    fn files(&self) -> Option<ServerFiles> {
        Some(ServerFiles {
            certificate: self.grants_cert.clone()?,
            key: self.grants_key.clone()?,
            client_authorities: Some(self.grants_client_ca.clone()?),
        })
    }
}

/// Listens until `stop` is cancelled. Returns where, and what runs. `own` is the certificate that the program makes for
/// itself, which is used where no other is given.
///
/// # Errors
/// The address or the certificate cannot be used.
pub async fn listen(
    options: &GrantOptions,
    service: Service,
    own: Option<watch::Receiver<Arc<Material>>>,
    stop: CancellationToken,
) -> Result<
    (
        SocketAddr,
        impl Future<Output = Result<(), tonic::transport::Error>> + use<>,
    ),
    String,
> {
    let address = options.grants_listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let bound = listener.local_addr().map_err(|error| error.to_string())?;
    let router = Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .add_service(AdmissionServer::new(service));
    let config = match (options.files(), own) {
        (Some(files), _) => Some(load(files, stop.clone())?),
        (None, Some(own)) if !options.grants_plain => Some(keep_up(own, stop.clone())?),
        _ => None,
    };
    let serve = async move {
        let stopped = stop.clone().cancelled_owned();
        match config {
            None => {
                router
                    .serve_with_incoming_shutdown(accept(listener), stopped)
                    .await
            }
            Some(config) => {
                let incoming = accept_tls(listener, config, stop);
                router.serve_with_incoming_shutdown(incoming, stopped).await
            }
        }
    };
    Ok((bound, serve))
}

/// Reads the certificate, and goes on reading it when it changes.
fn load(
    files: ServerFiles,
    stop: CancellationToken,
) -> Result<watch::Receiver<Arc<ServerConfig>>, String> {
    let loaded = files.load(&["h2"]).map_err(|error| error.to_string())?;
    let (changed, config) = watch::channel(loaded.config.clone());
    let keep_up = tls::keep_up(files, loaded, vec!["h2"], RELOAD_INTERVAL, move |config| {
        changed.send_replace(config);
    });
    tokio::spawn(async move { stop.run_until_cancelled(keep_up).await });
    Ok(config)
}

/// The certificate that the program makes for itself, as often as it is made anew.
fn keep_up(
    mut own: watch::Receiver<Arc<Material>>,
    stop: CancellationToken,
) -> Result<watch::Receiver<Arc<ServerConfig>>, String> {
    let read = |material: &Material| server_config(material, Clients::Ours).map(Arc::new);
    let first = read(&own.borrow_and_update()).map_err(|error| error.to_string())?;
    let (changed, config) = watch::channel(first);
    let keep_up = async move {
        while own.changed().await.is_ok() {
            match read(&own.borrow_and_update()) {
                Ok(new) => drop(changed.send_replace(new)),
                Err(error) => tracing::warn!(%error, "the old one stays"),
            }
        }
    };
    tokio::spawn(async move { stop.run_until_cancelled(keep_up).await });
    Ok(config)
}

fn accept(listener: TcpListener) -> impl Stream<Item = std::io::Result<TcpStream>> {
    stream::unfold(listener, async |listener| {
        let accepted = listener.accept().await.map(|(stream, _)| {
            // Small messages that somebody waits for; an error here costs time and nothing else.
            let _ = stream.set_nodelay(true);
            stream
        });
        Some((accepted, listener))
    })
}

/// Connections whose clients have shown who they are. One that is slow to do so delays nobody else.
fn accept_tls(
    listener: TcpListener,
    config: watch::Receiver<Arc<ServerConfig>>,
    stop: CancellationToken,
) -> impl Stream<Item = std::io::Result<TlsStream<TcpStream>>> {
    let (accepted, incoming) = mpsc::channel(ACCEPTED_MAX);
    let accepting = async move {
        loop {
            let Ok((stream, client)) = listener.accept().await else {
                // Out of file handles, say: it may pass.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let _ = stream.set_nodelay(true);
            let acceptor = TlsAcceptor::from(config.borrow().clone());
            let accepted = accepted.clone();
            tokio::spawn(async move {
                match tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => drop(accepted.send(Ok(stream)).await),
                    Ok(Err(error)) => {
                        tracing::warn!(%client, %error, "a scheduler plugin was not let in")
                    }
                    Err(_) => {
                        tracing::warn!(%client, "a scheduler plugin did not say who it is in time")
                    }
                }
            });
        }
    };
    tokio::spawn(async move { stop.run_until_cancelled(accepting).await });
    stream::unfold(incoming, async |mut incoming| {
        Some((incoming.recv().await?, incoming))
    })
}
