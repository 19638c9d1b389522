//! A plugin on a port of its own, a scheduler's way of asking it, and what it is told.

pub mod https;
pub mod told;

use axum_server::Handle;
use scheduler_plugin::{Plugin, router};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// A plugin that answers on a port.
pub struct Server {
    /// Where.
    pub address: SocketAddr,
    /// What it knows.
    pub plugin: Arc<Plugin>,
    handle: Handle<SocketAddr>,
}

impl Server {
    /// Starts one that has heard of nothing.
    pub async fn start() -> Server {
        Server::of(Arc::new(Plugin::new(Duration::from_secs(2)))).await
    }

    /// Starts one.
    pub async fn of(plugin: Arc<Plugin>) -> Server {
        let handle = Handle::new();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = axum_server::bind(any).handle(handle.clone());
        tokio::spawn(server.serve(router(plugin.clone()).into_make_service()));
        let address = handle.listening().await.expect("it listens");
        Server {
            address,
            plugin,
            handle,
        }
    }

    /// Asks as the scheduler does.
    pub async fn ask(&self, verb: &str, body: &str) -> (u16, String) {
        let stream = TcpStream::connect(self.address).await.expect("it answers");
        exchange(stream, "POST", &format!("/{verb}"), body).await
    }

    /// Reads a page.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let stream = TcpStream::connect(self.address).await.expect("it answers");
        exchange(stream, "GET", path, "").await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

/// One question and its answer.
pub async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: plugin\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it listens");
    stream.write_all(body.as_bytes()).await.expect("it listens");
    let mut answer = String::new();
    // A TLS peer may hang up without a farewell: what was read counts.
    let _ = stream.read_to_string(&mut answer).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.unwrap_or(0), body.to_owned())
}

/// A pod as the scheduler sends it, with what nobody asks for.
pub fn pod(namespace: &str, uid: &str) -> String {
    include_str!("pod.json")
        .replace("NAMESPACE", namespace)
        .replace("UID", uid)
}

/// A question about names.
pub fn about_names(namespace: &str, uid: &str, names: &[&str]) -> String {
    let names = serde_json::to_string(names).expect("names");
    format!(
        r#"{{"Pod":{},"Nodes":null,"NodeNames":{names}}}"#,
        pod(namespace, uid)
    )
}
