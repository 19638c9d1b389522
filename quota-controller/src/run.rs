//! The program: reaches the API server, stands for election, decides while it leads, ends in order.

use crate::admission::{self, Guard, Surroundings};
use crate::cli::Cli;
use crate::decider::{self, Message, Options};
use crate::grants;
use crate::health;
use crate::leader::{Election, Settings};
use crate::metrics::Metrics;
use api::names::ANNOTATION_GRANTS_URL;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::info;
use tracing_subscriber::EnvFilter;

/// What goes wrong before anything has begun.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The whole program: its log, its threads, and [`run`].
pub fn start(cli: Cli) -> ExitCode {
    let filter = EnvFilter::builder().parse_lossy(&cli.log);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if cli.log_json {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
    // The provider is named once for the whole program: several could be compiled in.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("Error: TLS was set up twice");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// The API server's address or the credentials cannot be read, or an address cannot be listened on.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    cli.check()?;
    let client = Client::try_from(config(&cli).await?)?;
    let identity = identity(&cli);
    let stop = CancellationToken::new();
    let metrics = Metrics::default();
    let options = Options {
        log: cli.log_options(),
        identity: identity.clone(),
        metrics: metrics.clone(),
    };
    let (decider, deciding) = decider::start(client.clone(), options, stop.clone());
    let mut election = Election::new(
        client.clone(),
        Settings {
            namespace: cli.namespace.clone(),
            name: cli.lease_name.clone(),
            identity: identity.clone(),
            duration: Duration::from_secs(cli.lease_duration),
            renew_deadline: Duration::from_secs(cli.renew_deadline),
            retry: cli.retry(),
            annotations: annotations(&cli),
        },
    );
    let leader = election.watch();
    health::serve(
        cli.listen_health,
        decider.clone(),
        leader,
        metrics.clone(),
        stop.clone(),
    )
    .await
    .map_err(|error| {
        format!(
            "cannot listen on --listen-health {}: {error}",
            cli.listen_health
        )
    })?;
    let (won, mut leaderships) = mpsc::channel(1);
    let leads = {
        let decider = decider.clone();
        tokio::spawn(async move {
            while let Some(leadership) = leaderships.recv().await {
                decider.send(Message::Lead(leadership)).await;
            }
        })
    };
    let mut registry = Registry::default();
    let guarding = if cli.admission.admission == Guard::On {
        let around = Surroundings {
            client,
            decider: decider.clone(),
            leader: election.watch(),
            identity: identity.clone(),
            namespace: cli.namespace.clone(),
        };
        Some(admission::start(&cli.admission, around, &mut registry, &stop).await?)
    } else {
        None
    };
    metrics.attach(registry);
    let own = guarding.as_ref().map(|guarding| guarding.material.clone());
    let service = grants::Service::new(decider, leader_url(&election));
    let (address, answering) = grants::listen(&cli.grants, service, own, stop.clone()).await?;
    let answering = tokio::spawn(answering);
    info!(%address, "answers scheduler plugins");
    info!(identity, "standing for election");
    let electing = CancellationToken::new();
    let stood = {
        let electing = electing.clone();
        tokio::spawn(async move {
            election.run(won, electing).await;
            election
        })
    };
    wait_for_signal().await?;
    info!("ending");
    // Nothing is done in our name any more before the next leader may begin.
    electing.cancel();
    let mut election = stood.await?;
    stop.cancel();
    if let Some(guarding) = guarding {
        guarding.ended().await;
    }
    deciding.await?;
    answering.await??;
    election.release().await;
    leads.abort();
    Ok(())
}

/// What others are told of this replica while it leads.
fn annotations(cli: &Cli) -> BTreeMap<String, String> {
    let mut annotations = cli.admission.annotations();
    let url = cli.grants.grants_url.iter();
    annotations.extend(url.map(|url| (ANNOTATION_GRANTS_URL.to_owned(), url.clone())));
    annotations
}

/// Where the leader answers scheduler plugins, if it is another replica.
fn leader_url(election: &Election) -> grants::LeaderUrl {
    let leader = election.watch();
    Arc::new(move || {
        let leader = leader.borrow();
        leader
            .as_ref()?
            .annotations
            .get(ANNOTATION_GRANTS_URL)
            .cloned()
    })
}

async fn config(cli: &Cli) -> Result<Config, Failure> {
    let mut config = match &cli.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path)
                .map_err(|error| format!("cannot read kubeconfig {}: {error}", path.display()))?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?
        }
        None => Config::infer().await?,
    };
    // Lists and watches are large already; a machine nearby needs no compression.
    config.disable_compression = true;
    Ok(config)
}

/// A name that no other process has, nor this one after a restart.
fn identity(cli: &Cli) -> String {
    if let Some(identity) = &cli.identity {
        return identity.clone();
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let random = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
    format!("{}_{}", host.trim(), random.trim())
}

async fn wait_for_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
