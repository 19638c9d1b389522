//! `status`: which clusters there are and what they consist of.

use super::block_on;
use super::state::{Facts, State};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;
use std::time::Duration;
use testbed::Error;

/// For each answer of an API server.
const PATIENCE: Duration = Duration::from_secs(5);

/// Prints them.
pub(crate) fn run() -> Result<(), Error> {
    let states = State::all()?;
    if states.is_empty() {
        println!("No cluster is up. Start one: testbed up --nodes 133");
    }
    for state in states {
        match (state.is_held()?, state.facts()) {
            (true, Some(facts)) => print(&state.name, &facts),
            (true, None) => println!("{}: starting", state.name),
            (false, _) => print_ended(&state),
        }
    }
    Ok(())
}

fn print(name: &str, facts: &Facts) {
    println!("{name}: up at {}", facts.url);
    match block_on(count(facts)) {
        Ok((nodes, pods)) => println!("  holds       {nodes} nodes, {pods} pods"),
        Err(error) => println!("  holds       unknown: {error}"),
    }
    println!("  kubeconfig  {}", facts.kubeconfig.display());
    println!("  logs        {}", facts.folder.display());
    for (program, process) in &facts.processes {
        println!("  {program}  process {process}, {}", resident(*process));
    }
}

fn print_ended(state: &State) {
    println!(
        "{}: ended by itself. Why: {}. Remove it: testbed down --name {}",
        state.name,
        state.log().display(),
        state.name
    );
}

/// How many nodes and pods the API server knows of.
async fn count(facts: &Facts) -> Result<(usize, usize), Error> {
    let client = testbed::client_from(&facts.kubeconfig).await?;
    let asked = tokio::time::timeout(PATIENCE, async {
        let list = ListParams::default();
        let nodes = Api::<Node>::all(client.clone())
            .list_metadata(&list)
            .await?;
        let pods = Api::<Pod>::all(client).list_metadata(&list).await?;
        Ok::<_, kube::Error>((nodes.items.len(), pods.items.len()))
    });
    match asked.await {
        Ok(counted) => counted.map_err(|error| Error::Other(error.to_string())),
        Err(_) => Err(Error::Other(format!(
            "no answer within {} s",
            PATIENCE.as_secs()
        ))),
    }
}

/// How much memory a process has, as the kernel says it.
fn resident(process: u32) -> String {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let mib = kib
        .and_then(|kib| kib.parse::<u64>().ok())
        .map(|kib| kib / 1024);
    mib.map_or("ended".into(), |mib| format!("{mib} MiB"))
}
