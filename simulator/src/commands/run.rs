//! `simulator run`: one scenario under one policy.

use super::progress::Progress;
use crate::model::{Policy, Scenario, Workload};
use crate::output::{About, Beside, Finished, Options as OutputOptions, Results, console};
use crate::problem::{Failure, Problem};
use crate::record::{Sink, Totals};
use crate::run::RunError;
use crate::{run, scenario};
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use indicatif::HumanCount;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What to run, and what to write.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A scenario's file, or the name of a built-in
    pub scenario: String,
    /// Write the results into this folder [default: results/NAME-POLICY]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Run under this policy instead of the scenario's own
    #[arg(short, long, value_parser = policy_parser())]
    pub policy: Option<Policy>,
    /// Write the tables as CSV too
    #[arg(long)]
    pub csv: bool,
    /// Write the table of pods
    #[arg(long)]
    pub pods: bool,
    /// Use so many threads: with more than one, tables are written beside the run [default: as many as cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Pass over so many bad rows of each trace instead of stopping at the first
    #[arg(long, value_name = "N")]
    pub skip_bad_rows: Option<u64>,
}

/// Reads the name of a policy.
pub fn policy_parser() -> impl TypedValueParser<Value = Policy> {
    PossibleValuesParser::new(Policy::ALL.map(Policy::name)).map(|name| {
        let known = Policy::ALL.into_iter().find(|policy| policy.name() == name);
        known.unwrap_or(Policy::Leasehold)
    })
}

/// Runs a scenario, writes its results folder, prints its summary.
///
/// # Errors
/// The scenario or a trace is wrong, the folder cannot be written, or an invariant is broken.
pub fn run(args: Args) -> Result<(), Failure> {
    let mut scenario = load(&args.scenario)?;
    if let Some(rows) = args.skip_bad_rows {
        skip_bad_rows(&mut scenario, rows);
    }
    let policy = args.policy.unwrap_or(scenario.policy);
    let folder = args
        .out
        .unwrap_or_else(|| PathBuf::from(format!("results/{}-{}", scenario.name, policy.name())));
    let about = About {
        scenario: scenario.name.clone(),
        policy: policy.name().to_owned(),
        seed: scenario.seed,
        start: scenario.start,
    };
    let options = OutputOptions {
        csv: args.csv,
        pods: args.pods,
        ..OutputOptions::default()
    };
    let results = Results::create(&folder, about, options)?;
    let stop = stop_on_signal()?;
    let bar = Progress::new(&scenario, 1);
    let show = |progress: run::Progress| bar.tell(0, progress);
    let began = Instant::now();
    let options = run::Options {
        until: None,
        stop: Some(&stop),
        progress: bar.is_shown().then_some(&show),
    };
    let run = |sink: &mut dyn Sink| {
        let totals = run::run(&scenario, policy, &options, sink);
        bar.finish();
        totals
    };
    let threads = args.threads.unwrap_or_else(cores);
    let (totals, finished) = run_into(results, threads, run)?;
    let took = began.elapsed();
    let rate = u128::from(totals.events) * 1_000_000 / took.as_micros().max(1);
    super::print(&format!(
        "{}  {} events in {}.{:03} s, {} a second\n  results in {}\n",
        console::table(&[&finished.summary]),
        HumanCount(totals.events),
        took.as_secs(),
        took.subsec_millis(),
        HumanCount(u64::try_from(rate).unwrap_or(u64::MAX)),
        finished.folder.display(),
    ))
}

/// Runs into results that are written here, or beside the run if there is a thread for that.
fn run_into(
    mut results: Results,
    threads: NonZeroUsize,
    run: impl FnOnce(&mut dyn Sink) -> Result<Totals, RunError>,
) -> Result<(Totals, Finished), Failure> {
    if threads.get() == 1 {
        let totals = run(&mut results)?;
        return Ok((totals, results.close()?));
    }
    let mut beside = Beside::new(results)?;
    let totals = run(&mut beside)?;
    Ok((totals, beside.close()?))
}

/// How many threads can work at once.
pub fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Reads a scenario to run; warnings go to stderr.
///
/// # Errors
/// All that is wrong with it.
pub fn load(source: &str) -> Result<Scenario, Failure> {
    let (scenario, warnings) = scenario::load(source)?;
    for warning in warnings {
        eprintln!("{warning}");
    }
    Ok(scenario)
}

/// Lets every trace of a scenario pass over so many bad rows.
pub fn skip_bad_rows(scenario: &mut Scenario, rows: u64) {
    for workload in &mut scenario.workloads {
        if let Workload::Trace(source) = workload {
            source.skip_bad_rows = rows;
        }
    }
}

/// A flag that Ctrl-C sets: the run then ends with what there is. A second Ctrl-C ends the program.
///
/// # Errors
/// The signal cannot be caught.
pub fn stop_on_signal() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let caught = ctrlc::try_set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    match caught {
        // Somebody in this process has a handler already: theirs stays.
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(stop),
        Err(error) => Err(Problem::error(format!("interrupts cannot be caught: {error}")).into()),
    }
}
