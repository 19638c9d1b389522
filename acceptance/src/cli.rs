//! The command line.

use acceptance::Mode;
use acceptance::experiment::command::{EdlCase2, Play};
use acceptance::load::Load;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  acceptance up                       ten virtual nodes with Leasehold, until Ctrl-C
  acceptance up --nodes 133 --cpu 64  a larger one
  acceptance edl-case2                the published experiment in real time; its figures, tables and report
  acceptance load --jobs 3000         what it costs; build it with --release

The control plane is real: etcd, kube-apiserver, kube-controller-manager and kube-scheduler, with nodes that kwok
plays. Nothing is installed on the machine, and all of it is gone when the command ends.";

/// The whole of Leasehold on a real control plane on this machine.
#[derive(Parser, Debug)]
#[command(name = "acceptance", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum What {
    /// Bring it up to try it out; it ends with Ctrl-C
    Up(Up),
    /// Play the published elastic-training experiment (case 2) in real time: 133 nodes, 12 minutes
    EdlCase2(EdlCase2),
    /// Play a scenario of the simulator in real time
    Play(Play),
    /// Measure what Leasehold costs: reclaim latency, scheduling with the extender and without, leased jobs and others
    Load(Load),
}

/// How large it is.
#[derive(Args, Debug)]
pub struct Up {
    /// So many virtual nodes
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub nodes: usize,
    /// What pods can have of each node's CPUs
    #[arg(long, value_name = "QUANTITY", default_value = "32")]
    pub cpu: String,
    /// What pods can have of each node's memory
    #[arg(long, value_name = "QUANTITY", default_value = "256Gi")]
    pub memory: String,
    /// How the scheduler asks the extender (docs/install.md)
    #[arg(long, value_enum, default_value_t)]
    pub mode: Mode,
    /// Keep logs and the kubeconfig in this folder, which must not exist or be empty
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}
