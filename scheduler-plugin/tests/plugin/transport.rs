//! HTTPS with client certificates, read again when they change; what is counted.

use crate::support::https::{Authority, Files, connect};
use crate::support::told::Told;
use crate::support::{Server, about_names, exchange};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use scheduler_plugin::{Plugin, router};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tls::ServerFiles;

/// A plugin behind HTTPS that reads its files again every 10 ms.
async fn start(
    files: ServerFiles,
    reloaded: tokio::sync::mpsc::UnboundedSender<()>,
) -> (SocketAddr, Arc<Plugin>) {
    let loaded = files.load(&["http/1.1"]).expect("certificates");
    let config = RustlsConfig::from_config(loaded.config.clone());
    let plugin = Arc::new(Plugin::new(Duration::from_secs(1)));
    let handle = Handle::new();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = axum_server::bind_rustls(any, config.clone()).handle(handle.clone());
    tokio::spawn(server.serve(router(plugin.clone()).into_make_service()));
    tokio::spawn(tls::keep_up(
        files,
        loaded,
        vec!["http/1.1"],
        Duration::from_millis(10),
        move |new| {
            config.reload_from_config(new);
            let _ = reloaded.send(());
        },
    ));
    (handle.listening().await.expect("it listens"), plugin)
}

#[tokio::test]
async fn https_takes_only_clients_with_a_certificate_and_reads_changed_files_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = Authority::new("ours");
    let theirs = Authority::new("theirs");
    let server = ours.sign(folder.path(), "server");
    let scheduler = ours.sign(folder.path(), "scheduler");
    let stranger = theirs.sign(folder.path(), "stranger");
    let authorities = folder.path().join("ca.crt");
    ours.write(&authorities);
    let (reloaded, mut reloads) = tokio::sync::mpsc::unbounded_channel();
    let files = ServerFiles {
        certificate: server.certificate.clone(),
        key: server.key.clone(),
        client_authorities: Some(authorities),
    };
    let (address, plugin) = start(files, reloaded).await;
    Told::default().tell(&plugin);
    let ask = async |identity: Option<&Files>, authority: &Authority| {
        let stream = connect(address, authority, identity).await.ok()?;
        let body = about_names("any", "u", &["n1"]);
        let (status, answer) = exchange(stream, "POST", "/filter", &body).await;
        (status == 200).then_some(answer)
    };
    let answer = ask(Some(&scheduler), &ours).await.expect("an answer");
    assert!(answer.contains(r#""NodeNames":["n1"]"#), "{answer}");
    assert!(ask(None, &ours).await.is_none(), "no certificate was shown");
    assert!(
        ask(Some(&stranger), &ours).await.is_none(),
        "a stranger's was"
    );
    // The other authority signs the server's certificate from now on.
    assert!(ask(Some(&scheduler), &theirs).await.is_none());
    let new = theirs.sign(folder.path(), "new");
    std::fs::rename(new.key, server.key).expect("a file");
    std::fs::rename(new.certificate, server.certificate).expect("a file");
    let reload = tokio::time::timeout(Duration::from_secs(30), reloads.recv());
    assert!(reload.await.is_ok(), "the files were not read again");
    assert!(ask(Some(&scheduler), &theirs).await.is_some());
    assert!(ask(Some(&scheduler), &ours).await.is_none());
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Authority::new("ours").sign(folder.path(), "server");
    let load = |certificate, key| {
        let files = ServerFiles {
            certificate,
            key,
            client_authorities: None,
        };
        files
            .load(&[])
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let missing = load(folder.path().join("none.crt"), files.key.clone());
    assert!(missing.is_err_and(|error| error.contains("none.crt: No such file")));
    let swapped = load(files.key.clone(), files.key.clone());
    assert!(
        swapped.is_err_and(|error| error.contains("server.key: it holds no certificate in PEM"))
    );
}

#[tokio::test]
async fn latencies_and_denials_are_counted() {
    let server = Server::start().await;
    Told::default().account("team", 0, 0).tell(&server.plugin);
    for _ in 0..3 {
        server
            .ask("filter", &about_names("team", "nobody", &["n1", "n2"]))
            .await;
    }
    let (_, metrics) = server.get("/metrics").await;
    for line in [
        "leasehold_extender_seconds_count{verb=\"filter\"} 3",
        "leasehold_extender_seconds_bucket{verb=\"filter\",le=\"+Inf\"} 3",
        "leasehold_extender_seconds_count{verb=\"prioritize\"} 0",
        "leasehold_extender_denials_total{reason=\"Unanswered\"} 6",
        "leasehold_extender_leased_namespaces 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}\n{metrics}");
    }
}
