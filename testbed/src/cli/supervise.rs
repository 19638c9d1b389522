//! What `up` leaves behind: holds a cluster until it is told to end, or a program of it ends.

use super::state::{Facts, State};
use super::{block_on, up};
use std::io::Write;
use std::time::Duration;
use testbed::{Cluster, Error, Options};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often it looks whether all programs still run.
const ROUND: Duration = Duration::from_secs(1);

/// Holds the cluster that `up` was asked for.
pub(crate) fn run(args: &up::Args) -> Result<(), Error> {
    let state = State::of(&args.name)?;
    let held = state.hold()?;
    let held = held.ok_or_else(|| Error::Other(format!("cluster {} is up already", state.name)))?;
    // Nothing that ends the terminal shall end the cluster. It fails only if it is so already.
    let _ = nix::unistd::setsid();
    let options = Options {
        folder: Some(state.cluster_folder()),
        ..args.options()?
    };
    let done = block_on(hold(&state, options));
    if let Err(error) = &done {
        eprintln!("{error}");
    }
    drop(held);
    done
}

async fn hold(state: &State, options: Options) -> Result<(), Error> {
    let mut terminate = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    let started = tokio::select! {
        started = Cluster::start(options) => started,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let mut cluster = started?;
    state.write_facts(&Facts {
        url: cluster.url().into(),
        kubeconfig: cluster.administrator().kubeconfig.clone(),
        folder: cluster.folder().into(),
        kubectl: cluster.programs().kubectl.clone(),
        processes: cluster.processes(),
    })?;
    // If nobody is there to hear it, `up` was interrupted, and nobody wants the cluster.
    let mut output = std::io::stdout();
    if writeln!(output, "ready")
        .and_then(|()| output.flush())
        .is_err()
    {
        return Ok(());
    }
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        tokio::select! {
            _ = rounds.tick() => cluster.check()?,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

fn on(kind: SignalKind) -> Result<Signal, Error> {
    signal(kind).map_err(Error::doing("listen for signals"))
}
