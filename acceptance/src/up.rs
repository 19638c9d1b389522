//! `acceptance up`: an installation for a person to try.

use crate::cli::Up;
use acceptance::{Installation, Result, Setup};
use testbed::NodeGroup;

/// Brings it up, says what to type next, and stays until a signal.
pub fn up(options: Up) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(stay(options))
}

async fn stay(options: Up) -> Result<()> {
    let nodes = NodeGroup::new("node", options.nodes)
        .with("cpu", &options.cpu)
        .with("memory", &options.memory)
        .labelled("leasehold.dev/pool", "general");
    let mut setup = Setup::new(std::env::current_exe()?)
        .nodes([nodes])
        .mode(options.mode);
    if let Some(folder) = options.folder {
        setup = setup.folder(std::path::absolute(folder)?);
    }
    eprintln!("Bringing up a control plane with {} nodes", options.nodes);
    let installation = Installation::start(setup).await?;
    let access = installation.cluster.administrator();
    let kubectl = installation.cluster.programs().kubectl.clone();
    let folder = kubectl.parent().unwrap_or(&kubectl);
    println!(
        "Leasehold runs, in mode {:?}. In another terminal:\n",
        options.mode
    );
    println!("  export KUBECONFIG={}", access.kubeconfig.display());
    println!("  export PATH={}:$PATH", folder.display());
    println!("  kubectl get nodes");
    println!("\nThen go on with docs/first-lease.md.");
    println!("Logs: {}", installation.cluster.folder().display());
    println!("Ctrl-C ends all of it.");
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
