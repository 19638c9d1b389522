//! `up`: leaves a supervisor behind that holds the cluster, and says what to type next.

use super::state::{Facts, State, failed};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;
use testbed::{Error, Extender, NodeGroup, Options, Programs, Scheduler};

/// What the cluster shall be like.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// What to call it
    #[arg(long, default_value = "leasehold")]
    pub(crate) name: String,
    /// How many virtual nodes
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// CPUs of each node
    #[arg(long, default_value = "32", value_name = "QUANTITY")]
    cpu: String,
    /// Memory of each node
    #[arg(long, default_value = "256Gi", value_name = "QUANTITY")]
    memory: String,
    /// GPUs of each node, as `nvidia.com/gpu`
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    gpus: u32,
    /// How many pods a node can have
    #[arg(long, default_value_t = 110, value_name = "COUNT")]
    pods: u32,
    /// A label of each node; again for more
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// A taint of each node; again for more
    #[arg(long = "taint", value_name = "KEY=VALUE:EFFECT")]
    taints: Vec<String>,
    /// A YAML file with a list of scheduler extenders, as in a KubeSchedulerConfiguration
    #[arg(long, value_name = "FILE")]
    extenders: Option<PathBuf>,
    /// Start a second scheduler of this name, and give the extenders to it instead
    #[arg(long, value_name = "NAME")]
    own_scheduler: Option<String>,
    /// Let the API server take as many requests at once as come (for load tests)
    #[arg(long)]
    no_flow_control: bool,
}

impl Args {
    /// The same for the library.
    pub(crate) fn options(&self) -> Result<Options, Error> {
        let mut group = NodeGroup::new("node", self.nodes)
            .with("cpu", &self.cpu)
            .with("memory", &self.memory)
            .with("pods", &self.pods.to_string());
        if self.gpus > 0 {
            group = group.with("nvidia.com/gpu", &self.gpus.to_string());
        }
        for label in &self.labels {
            let (key, value) = label
                .split_once('=')
                .ok_or_else(|| Error::Other(format!("--label {label:?}: write it as key=value")))?;
            group = group.labelled(key, value);
        }
        for taint in &self.taints {
            group = group.tainted(taint);
        }
        let mut schedulers = vec![Scheduler::default()];
        if let Some(name) = &self.own_scheduler {
            schedulers.push(Scheduler::named(name));
        }
        if let (Some(file), Some(asking)) = (&self.extenders, schedulers.last_mut()) {
            let text =
                std::fs::read_to_string(file).map_err(|error| failed("read", file, error))?;
            asking.extenders = Extender::list_from_yaml(&text)
                .map_err(|error| Error::Other(format!("{}: {error}", file.display())))?;
        }
        Ok(Options {
            nodes: vec![group],
            schedulers,
            flow_control: !self.no_flow_control,
            ..Options::default()
        })
    }
}

/// Starts a cluster and returns when it is ready.
pub(crate) fn run(args: &Args) -> Result<(), Error> {
    let started = Instant::now();
    // Mistakes are told before anything is built or started.
    args.options()?.check()?;
    let state = State::of(&args.name)?;
    if state.is_held()? {
        return Err(Error::Other(format!(
            "cluster {0} is up already. See it: testbed status. End it: testbed down --name {0}",
            state.name
        )));
    }
    Programs::find_or_build()?;
    state.make()?;
    supervise(&state)?;
    let facts = state
        .facts()
        .ok_or_else(|| Error::Other(format!("cluster {} was taken down meanwhile", state.name)))?;
    let seconds = started.elapsed().as_secs_f32();
    println!(
        "Cluster {} is up after {seconds:.1} s, with {} nodes.",
        state.name, args.nodes
    );
    print_next(&state, &facts);
    Ok(())
}

/// Starts the supervisor with this command's own arguments and waits for its word.
fn supervise(state: &State) -> Result<(), Error> {
    let program = std::env::current_exe().map_err(Error::doing("find this program"))?;
    let log = state.log();
    let errors = File::create(&log).map_err(|error| failed("create", &log, error))?;
    let mut child = Command::new(program)
        .arg("supervise")
        .args(std::env::args_os().skip(2))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        // Ctrl-C here is not meant for the cluster.
        .process_group(0)
        .spawn()
        .map_err(Error::doing("start the supervisor"))?;
    let mut word = String::new();
    if let Some(output) = child.stdout.take() {
        // Nothing at all is its word for having failed.
        let _ = BufReader::new(output).read_line(&mut word);
    }
    if word.trim() == "ready" {
        return Ok(());
    }
    let _ = child.wait();
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    Err(Error::Other(format!(
        "cluster {} did not come up:\n{}",
        state.name,
        said.trim_end()
    )))
}

fn print_next(state: &State, facts: &Facts) {
    let kubectl = facts.kubectl.parent().unwrap_or(&facts.kubectl);
    println!(
        "
kubeconfig: {kubeconfig}
logs:       {logs}

Next:
  export KUBECONFIG={kubeconfig}
  export PATH={path}:$PATH    # for its kubectl
  kubectl get nodes
  kubectl apply -f deploy/crds    # in Leasehold's checkout: pools and leases
  kubectl run hello --image=none --annotations={run}=10    # a pod that runs for 10 s
  kubectl get pods --watch
  testbed down{name}",
        kubeconfig = facts.kubeconfig.display(),
        logs = facts.folder.display(),
        path = kubectl.display(),
        run = testbed::stage::RUN_SECONDS,
        name = match state.name.as_str() {
            "leasehold" => String::new(),
            name => format!(" --name {name}"),
        },
    );
}
