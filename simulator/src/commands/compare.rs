//! `simulator compare`: one scenario under several policies, side by side.

use super::progress::Progress;
use super::run::{cores, load, policy_parser, skip_bad_rows, stop_on_signal};
use crate::model::Policy;
use crate::output::{About, Options, comparison, console};
use crate::problem::{Failure, Problem};
use crate::run;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What to compare, and what to write.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A scenario's file, or the name of a built-in
    pub scenario: String,
    /// The policies, with commas between them
    #[arg(short, long, required = true, value_delimiter = ',', value_parser = policy_parser())]
    pub policy: Vec<Policy>,
    /// Write the results into this folder [default: results/NAME-compared]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Run so many policies at once [default: as many as there are cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Write the tables as CSV too
    #[arg(long)]
    pub csv: bool,
    /// Write the tables of pods
    #[arg(long)]
    pub pods: bool,
    /// Pass over so many bad rows of each trace instead of stopping at the first
    #[arg(long, value_name = "N")]
    pub skip_bad_rows: Option<u64>,
}

/// Runs a scenario under each policy, writes a folder with all results, prints them side by side.
///
/// # Errors
/// The scenario or a trace is wrong, the folder cannot be written, or an invariant is broken.
pub fn run(args: Args) -> Result<(), Failure> {
    named_once(&args.policy)?;
    let mut scenario = load(&args.scenario)?;
    if let Some(rows) = args.skip_bad_rows {
        skip_bad_rows(&mut scenario, rows);
    }
    let folder = args
        .out
        .unwrap_or_else(|| PathBuf::from(format!("results/{}-compared", scenario.name)));
    let abouts: Vec<(About, Policy)> = args
        .policy
        .iter()
        .map(|&policy| {
            let about = About {
                scenario: scenario.name.clone(),
                policy: policy.name().to_owned(),
                seed: scenario.seed,
                start: scenario.start,
            };
            (about, policy)
        })
        .collect();
    let options = Options {
        csv: args.csv,
        pods: args.pods,
        ..Options::default()
    };
    let threads = args.threads.unwrap_or_else(cores);
    let stop = stop_on_signal()?;
    let bar = Progress::new(&scenario, args.policy.len());
    let written = comparison::write(&folder, &abouts, options, threads, &|policy, sink| {
        let number = args.policy.iter().position(|&other| other == policy);
        let show = |progress: run::Progress| bar.tell(number.unwrap_or(0), progress);
        let options = run::Options {
            stop: Some(&stop),
            progress: bar.is_shown().then_some(&show),
            ..run::Options::default()
        };
        run::run(&scenario, policy, &options, sink)?;
        Ok(())
    });
    bar.finish();
    let (folder, summaries) = written?;
    super::print(&format!(
        "{}  results in {}\n",
        console::table(&summaries.iter().collect::<Vec<_>>()),
        folder.display()
    ))
}

/// Each policy has a folder of its own name.
fn named_once(policies: &[Policy]) -> Result<(), Failure> {
    for (index, policy) in policies.iter().enumerate() {
        if policies[..index].contains(policy) {
            let what = format!("--policy names {} more than once", policy.name());
            return Err(Problem::error(what).hint("name each policy once").into());
        }
    }
    Ok(())
}
