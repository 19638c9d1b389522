//! The command line.

mod down;
mod state;
mod status;
mod supervise;
mod up;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use testbed::{Error, Programs};

const EXAMPLES: &str = "\
Examples:
  testbed up --nodes 133                 a control plane with 133 virtual nodes; prints what to type next
  testbed up --name gpus --nodes 4 --gpus 8 --label pool=gpu
                                         a second one beside it, with GPUs
  testbed status                         what is up, and where its kubeconfig is
  testbed down                           the end of it, files and all

What `up` starts are the real etcd, kube-apiserver, kube-controller-manager and kube-scheduler; the nodes are
played by kwok. Pods are scheduled and have a status, but nothing is executed: annotations on a pod say how
long it runs (docs/testbed.md). The first `up` builds the programs with Go: some minutes, once.

Environment:
  KUBEBUILDER_ASSETS       a folder with programs to use instead; what is missing there is built
  LEASEHOLD_TESTBED_CACHE  where built programs are kept (~/.cache/leasehold-testbed)
  LEASEHOLD_TESTBED_KEEP   1 keeps a cluster's files, with all logs, after its end
  XDG_STATE_HOME           where clusters keep their files (~/.local/state)";

/// A real Kubernetes control plane with virtual nodes, on this machine and without containers.
#[derive(Parser, Debug)]
#[command(name = "testbed", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Start a cluster and leave it running
    Up(up::Args),
    /// End a cluster and remove its files
    Down(down::Args),
    /// List clusters, with what they consist of
    Status,
    /// Build the programs of the control plane, or find them built
    Build,
    /// Hold a cluster until told to end: what `up` leaves behind
    #[command(hide = true)]
    Supervise(up::Args),
}

/// Reads the command line, does what it says, prints what went wrong.
pub(crate) fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Up(args) => up::run(&args),
        Command::Down(args) => down::run(&args),
        Command::Status => status::run(),
        Command::Build => build(),
        Command::Supervise(args) => supervise::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), Error> {
    let programs = Programs::find_or_build()?;
    for program in programs.all() {
        println!("{}", program.display());
    }
    Ok(())
}

/// Runs a future on this thread.
fn block_on<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime =
        runtime.map_err(|error| Error::Other(format!("cannot start threads: {error}")))?;
    runtime.block_on(future)
}
