//! The program: ports, streams, certificates, and its end.

use crate::cli::{Cli, LogFormat};
use crate::follow::follow;
use crate::http::{Plugin, health_router, router};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tls::ServerFiles;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

/// What is offered to the scheduler (ALPN): its client keeps connections, more is not needed.
const PROTOCOLS: [&str; 1] = ["http/1.1"];

/// How often certificate files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// Answers that are under way at the end may take so long.
const GRACE: Duration = Duration::from_secs(5);

/// The whole program, with its threads.
pub fn start(cli: Cli) -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => {
            eprintln!("Error: cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until a signal ends it.
pub async fn run(cli: Cli) -> ExitCode {
    if let Some(problem) = cli.problem() {
        eprintln!("Error: {problem}");
        return ExitCode::from(2);
    }
    start_log(&cli);
    match serve(&cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start_log(cli: &Cli) {
    let filter = tracing_subscriber::EnvFilter::new(&cli.log);
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match cli.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

async fn serve(cli: &Cli) -> Result<(), String> {
    let plugin = Arc::new(Plugin::new(cli.reserve_timeout()));
    let name = cli.name.clone().or_else(|| {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
        Some(name.trim().to_owned())
    });
    let name = name.unwrap_or_else(|| "scheduler-plugin".to_owned());
    let mut tasks = JoinSet::new();
    for controller in &cli.controllers {
        let controller = controller.trim_end_matches('/').to_owned();
        tasks.spawn(follow(
            plugin.clone(),
            controller,
            cli.client_files(),
            name.clone(),
        ));
    }
    let handle = Handle::new();
    let health = tokio::spawn(listen_plain(
        cli.health_listen,
        health_router(plugin.clone()),
        handle.clone(),
    ));
    let main = match cli.server_files() {
        None => tokio::spawn(listen_plain(cli.listen, router(plugin), handle.clone())),
        Some(files) => {
            let config = load(files, &mut tasks)?;
            tokio::spawn(listen_tls(
                cli.listen,
                router(plugin),
                config,
                handle.clone(),
            ))
        }
    };
    let ended = handle.clone();
    tasks.spawn(async move {
        wait_for_signal().await;
        ended.graceful_shutdown(Some(GRACE));
    });
    tracing::info!(listen = %cli.listen, health = %cli.health_listen, https = cli.tls_cert.is_some(), "answers");
    let result = tokio::select! {
        result = main => result,
        result = health => result,
    };
    handle.graceful_shutdown(Some(GRACE));
    result.map_err(|error| error.to_string())?
}

/// Reads the certificate, and goes on reading it when it changes.
fn load(files: ServerFiles, tasks: &mut JoinSet<()>) -> Result<RustlsConfig, String> {
    let loaded = files.load(&PROTOCOLS).map_err(|error| error.to_string())?;
    let config = RustlsConfig::from_config(loaded.config.clone());
    let reloaded = config.clone();
    let keep_up = tls::keep_up(
        files,
        loaded,
        PROTOCOLS.to_vec(),
        RELOAD_INTERVAL,
        move |config| {
            reloaded.reload_from_config(config);
        },
    );
    tasks.spawn(keep_up);
    Ok(config)
}

async fn listen_plain(
    address: SocketAddr,
    routes: axum::Router,
    handle: Handle<SocketAddr>,
) -> Result<(), String> {
    let server = axum_server::bind(address).handle(handle);
    let served = server.serve(routes.into_make_service()).await;
    served.map_err(|error| format!("cannot listen on {address}: {error}"))
}

async fn listen_tls(
    address: SocketAddr,
    routes: axum::Router,
    config: RustlsConfig,
    handle: Handle<SocketAddr>,
) -> Result<(), String> {
    let server = axum_server::bind_rustls(address, config).handle(handle);
    let served = server.serve(routes.into_make_service()).await;
    served.map_err(|error| format!("cannot listen on {address}: {error}"))
}

async fn wait_for_signal() {
    let (Ok(mut end), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = end.recv() => {}
        _ = interrupt.recv() => {}
    }
}
